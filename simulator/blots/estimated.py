"""Which parameters of the model a problem estimates."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

from ..errors import ConditionError, did_you_mean
from ..network.definition import Definition, ParameterRecord
from ..network.expression import Expression, symbols
from ..network.network import Network

ALL = "all"


def estimated(
    asked: Sequence[str], definition: Definition, formulas: Iterable[Expression],
    changed: Collection[str],
) -> list[ParameterRecord]:  # fmt: skip
    """Rows of the model's parameter table that are estimated.

    Parameters
    ----------
    asked
        Ids; `all` stands for those with estimate 1 that move what is measured and that no condition
        sets.
    formulas
        What is measured.
    changed
        What conditions set.

    Raises
    ------
    ConditionError
        An id is no parameter with bounds, or moves nothing that is measured; one line for each.
    """
    known = definition.parameters
    if not asked:
        return []
    moving = movers(definition.network, formulas)
    chosen: dict[str, ParameterRecord] = {}
    problems = []
    constants = {p.id for p in definition.network.parameters}
    for name in asked:
        if name == ALL:
            chosen |= {
                p.id: p
                for p in known.values()
                if p.estimate and p.id in moving and p.id not in changed and p.id in constants
            }
        elif name not in known or name not in constants:
            bounds = ", whose parameters have no bounds" if not known else ""
            problems.append(
                f'--estimate: "{name}" is no parameter in the parameter table of '
                f"{definition.name}{bounds}.{did_you_mean(name, known)}"
            )
        elif name not in moving:
            problems.append(f'--estimate: "{name}" moves nothing that these blots show.')
        elif not known[name].lower < known[name].upper:
            problems.append(
                f'--estimate: "{name}" has the bounds {known[name].lower:g} and '
                f"{known[name].upper:g} in the parameter table; nothing is left to estimate."
            )
        elif known[name].scale != "lin" and known[name].lower <= 0:
            problems.append(
                f'--estimate: "{name}" is on a {known[name].scale} scale with the lower bound '
                f"{known[name].lower:g} in the parameter table; it must be > 0."
            )
        else:
            chosen[name] = known[name]
    if problems:
        raise ConditionError("\n".join(dict.fromkeys(problems)))
    return [chosen[name] for name in known if name in chosen]


def movers(network: Network, formulas: Iterable[Expression]) -> set[str]:
    """Every symbol on which formulas depend, through rules, rates of change and initial values."""
    depends: dict[str, set[str]] = {}

    def note(target: str, expression: Expression) -> None:
        depends.setdefault(target, set()).update(symbols(expression))

    for rules in (
        network.assignment_rules, network.rate_rules, network.initial_assignments,
        network.algebraic_rules,
    ):  # fmt: skip
        for target, expression in rules:
            note(target, expression)
    for reaction in network.reactions:
        note(reaction.id, reaction.kinetic_law)
        for species in (*(s for s, _ in reaction.stoichiometry), *(s for s, _ in reaction.formulas)):
            depends.setdefault(species, set()).add(reaction.id)
        for species, formula in reaction.formulas:
            note(species, formula)
    for event in network.events:
        parts = [event.trigger, event.delay, event.priority]
        for target, expression in event.assignments:
            for part in (expression, *filter(None, parts)):
                note(target, part)
    for each in network.species:
        depends.setdefault(each.id, set()).add(each.compartment)
    pending = [name for formula in formulas for name in symbols(formula)]
    found: set[str] = set()
    while pending:
        name = pending.pop()
        if name not in found:
            found.add(name)
            pending.extend(depends.get(name, ()))
    return found
