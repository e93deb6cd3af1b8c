"""Which parameters need no search: scales, offsets and noise that follow the simulated values.

Such a parameter enters measured values only as the scale or the offset of

    formula = scale x + offset,    noise = sigma,

where x is anything that the other parameters give; it is nowhere else, neither in the model nor in
a condition, and has no prior. What may share what is as `hierarchical.RelativeData` needs it: a
scale and an offset go together, with one noise. The parameter table may say what is what, in the
column `parameterType` of pyPESTO; else it is seen from the formulas.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from ..codegen.graph import Graph
from ..errors import ModelError
from ..network.expression import Expression, Number, Symbol, substitute, symbols
from ..network.network import formulas
from ..petab_problem.problem import Measurement, Observable, Parameter, PetabProblem
from .observed import is_laplace, logarithm, side_of

SCALING, OFFSET, SIGMA = "scaling", "offset", "sigma"


class Parts(NamedTuple):
    """The scale, the offset and the noise of a measurement, where they need no search."""

    scaling: str | None
    offset: str | None
    sigma: str | None


@dataclass
class _Form:
    """Measurements with the same formulas; a placeholder that is a number stands in them as it is.

    roles : parameter -> what it is there, or why it is nothing, after a colon.
    """

    observable: Observable
    formula: Expression
    noise: Expression
    members: list[int] = field(default_factory=list)
    measurements: list[Measurement] = field(default_factory=list)
    roles: dict[str, str] = field(default_factory=dict)

    @property
    def law(self) -> tuple[float, bool]:
        """What must be one for all values of a scale, an offset or a noise."""
        return logarithm(self.observable), is_laplace(self.observable)

    def of(self, role: str, names: Iterable[str]) -> list[str]:
        """Those of the names that have a role here."""
        return [name for name in names if self.roles.get(name) == role]


def parts_of(problem: PetabProblem, *, declared: bool) -> tuple[tuple[str, ...], list[Parts]]:
    """Parameters that need no search, in order of the table; the parts of each measurement.

    Parameters
    ----------
    declared
        Go by the parameter table where it says anything: a parameter for which that cannot be is an
        error. Else those for which it can are found, perhaps none.

    Raises
    ------
    ModelError
        One line for each parameter that cannot be what the table says, and why.
    """
    forms = _forms(problem)
    said = {p.id: p.inner for p in problem.parameters if p.inner and p.estimate and declared}
    candidates = [p for p in problem.parameters if p.estimate and (not said or p.id in said)]
    for form in forms:
        _judge(form, [p.id for p in candidates])
    refused: dict[str, str] = {}
    names = []
    for parameter in candidates:
        reason = _apart(problem, parameter, forms, said.get(parameter.id))
        if reason:
            refused[parameter.id] = reason
        else:
            names.append(parameter.id)
    while found := _unfit(forms, names):
        refused |= {name: reason for name, reason in found.items() if name not in refused}
        names = [name for name in names if name not in found]
    if declared and (refused if said else not names):
        of_formulas = {name for form in forms for name in form.roles}
        lines = [
            f"{problem.path}: parameter {name} must be searched: {reason}."
            for name, reason in refused.items()
            if name in of_formulas or name in said
        ]
        nothing = f"{problem.path}: no parameter is a scale, an offset or a noise of measurements."
        raise ModelError("\n".join(lines or [nothing]))
    chosen = {member: _parts(form, names) for form in forms for member in form.members}
    return tuple(names), [chosen[m] for m in range(len(problem.measurements))]


def _parts(form: _Form, names: Sequence[str]) -> Parts:
    return Parts(*(next(iter(form.of(role, names)), None) for role in (SCALING, OFFSET, SIGMA)))


def _forms(problem: PetabProblem) -> list[_Form]:
    observables = {observable.id: observable for observable in problem.observables}
    found: dict[tuple[object, ...], _Form] = {}
    for m, measurement in enumerate(problem.measurements):
        observable = observables[measurement.observable]
        given = {
            name: value
            for name, value in measurement.overrides.items()
            if not isinstance(value, Number)
        }
        key = (observable.id, *sorted(given.items(), key=lambda item: item[0]))
        if key not in found:
            formula, noise = (substitute(e, given) for e in (observable.formula, observable.noise))
            found[key] = _Form(observable, formula, noise)
        found[key].members.append(m)
        found[key].measurements.append(measurement)
    return list(found.values())


# ---------------------------------------------------------------------- one parameter by itself
def _judge(form: _Form, names: Sequence[str]) -> None:
    """Fill in what each parameter is in a form."""
    in_formula, in_noise = symbols(form.formula), symbols(form.noise)
    graph, nodes = _graph(form.formula)
    formula = graph.build(form.formula, nodes)
    own = [name for name in names if name in in_formula]
    slopes = graph.gradients([formula], [nodes[name] for name in own])[0]
    for name in names:
        if name in in_noise:
            whole = form.noise == Symbol(name) and name not in in_formula
            form.roles[name] = SIGMA if whole else ": it is a part of a noise formula"
        elif name in in_formula:
            slope = slopes.get(own.index(name), graph.constant(0.0))
            linear = nodes[name] not in graph.used([slope]) and graph.known(slope) != 0.0
            role = OFFSET if graph.known(slope) == 1.0 else SCALING
            form.roles[name] = role if linear else ": the observable's formula is not linear in it"


def _graph(expression: Expression) -> tuple[Graph, dict[str, int]]:
    """An empty graph whose inputs are the symbols of an expression, in order."""
    names = sorted(symbols(expression))
    graph = Graph(len(names))
    return graph, dict(zip(names, graph.inputs, strict=True))


def _apart(
    problem: PetabProblem, parameter: Parameter, forms: Sequence[_Form], said: str | None
) -> str:
    """Why a parameter must be searched, by itself; empty if it need not be."""
    name = parameter.id
    network = problem.network
    for where, expression in formulas(network):
        if name in symbols(expression):
            return f"it is in {where}"
    moved = {target for target, _ in network.rate_rules}
    moved |= {target for event in network.events for target, _ in event.assignments}
    if name in moved or any(s.conversion_factor == name for s in network.species):
        return "the model uses it"
    for experiment in problem.experiments:
        for change in (c for period in experiment.periods for c in period.changes):
            if name in symbols(change.value):
                return f'experiment "{experiment.id}" gives it to "{change.target}"'
    roles = {form.roles[name]: form.observable.id for form in forms if name in form.roles}
    for role, observable in roles.items():
        if role.startswith(":"):
            return f"{role[2:]} (observable {observable})"
    if not roles:
        return "no measurement has it"
    if len(roles) > 1:
        return f"it is a {' and a '.join(roles)}, of observables {', '.join(roles.values())}"
    if said is not None and said not in roles:
        return f"parameterType says {said}, but in its formulas it is a {next(iter(roles))}"
    if parameter.prior is not None:
        return "it has a prior"
    if not parameter.lower < parameter.upper:
        return "its bounds are equal"
    positive = SIGMA in roles or any(form.law[0] for form in forms if name in form.roles)
    if positive and not parameter.upper > 0.0:
        return "its upper bound is not positive"
    return ""


# ---------------------------------------------------------------------- parameters together
def _unfit(forms: Sequence[_Form], names: Sequence[str]) -> dict[str, str]:
    """Parameters that must be searched because of others, and why: those of the first rule."""
    for rule in (_offsets, _single, _whole, _noises, _partners, _enough):
        found = rule(forms, names)
        if found:
            return found
    return {}


def _offsets(forms: Sequence[_Form], names: Sequence[str]) -> dict[str, str]:
    reason = "it is an offset, but the noise is on a logarithmic scale (observable {})"
    return {
        name: reason.format(form.observable.id)
        for form in forms
        if form.law[0]
        for name in form.of(OFFSET, names)
    }


def _single(forms: Sequence[_Form], names: Sequence[str]) -> dict[str, str]:
    """A formula has one scale and one offset."""
    found: dict[str, str] = {}
    for form in forms:
        for role in (SCALING, OFFSET):
            own = form.of(role, names)
            if len(own) > 1:
                reason = f"observable {form.observable.id} has more than one {role}"
                found |= {name: f"{reason}: {', '.join(own)}" for name in own}
    return found


def _whole(forms: Sequence[_Form], names: Sequence[str]) -> dict[str, str]:
    """Without scale and offset, nothing is left of a formula."""
    found: dict[str, str] = {}
    for form in forms:
        scales, offsets = (form.of(role, names) for role in (SCALING, OFFSET))
        graph, nodes = _graph(form.formula)
        zero = graph.constant(0.0)
        nothing = graph.build(form.formula, nodes | dict.fromkeys([*scales, *offsets], zero))
        if graph.known(nothing) != 0.0:
            reason = f"the formula of observable {form.observable.id} is not scale*x + offset"
            found |= dict.fromkeys(scales, reason)
    return found


def _noises(forms: Sequence[_Form], names: Sequence[str]) -> dict[str, str]:
    """All values of a noise have one scale and one distribution of it."""
    reason = "its observables differ in the scale or the distribution of their noise"
    return dict.fromkeys(_various(forms, names, (SIGMA,), lambda form: form.law), reason)


def _partners(forms: Sequence[_Form], names: Sequence[str]) -> dict[str, str]:
    """All values of a scale or an offset have the other one and the noise in common."""
    pair = _various(forms, names, (SCALING, OFFSET), lambda form: _parts(form, names)[:2])
    if pair:
        return dict.fromkeys(pair, "scales and offsets do not belong to the same measurements")
    noise = _various(
        forms, names, (SCALING, OFFSET), lambda form: (_parts(form, names).sigma, form.law)
    )
    return dict.fromkeys(noise, "its measurements have different noise")


def _various(
    forms: Sequence[_Form],
    names: Sequence[str],
    roles: Sequence[str],
    feature: Callable[[_Form], object],
) -> list[str]:
    """Parameters in these roles whose forms differ in a feature."""
    seen: dict[str, set[object]] = {}
    for form in forms:
        for role in roles:
            for name in form.of(role, names):
                seen.setdefault(name, set()).add(feature(form))
    return [name for name, features in seen.items() if len(features) > 1]


def _enough(forms: Sequence[_Form], names: Sequence[str]) -> dict[str, str]:
    """Exact values are there for a noise; for scales and offsets, or else bounds on both sides."""
    found = {}
    for name in names:
        own = [form for form in forms if name in form.roles]
        sides = [side_of(form.observable, m) for form in own for m in form.measurements]
        if own[0].roles[name] == SIGMA:
            wanted, both = 1, False
        else:
            wanted = sum(part is not None for part in _parts(own[0], names)[:2])
            both = 2 in sides or {-1, 1} <= set(sides)
        if sides.count(0) < wanted and not both:
            found[name] = "too few of its measurements are exact"
    return found
