"""Which ids a problem's tables may use, and formulas and values checked against them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ..errors import ModelError, did_you_mean
from ..network.definition import ids
from ..network.expression import TIME, Expression, Number, Symbol, substitute, symbols
from ..network.network import Network
from ..network.tables import Problems, Row
from .mathematics import parse_math
from .tables import as_number, decimal_point


@dataclass
class Names:
    """Ids of the model and of the tables.

    complete : whether all ids are known; if not, an id that is not known is no problem.
    kinds : id of the model -> what it is.
    ruled : what assignment rules give, which nothing else can set.
    moving : parameters that change with time, by rate rules or events.
    aliases : id in the tables -> id of the model (version 2's mapping table).
    parameters : ids of the parameter table.
    outputs : symbols of observables that only conditions can set; None where not all are known.
    """

    model: str
    complete: bool = True
    kinds: Mapping[str, str] = field(default_factory=dict)
    ruled: Collection[str] = ()
    moving: Collection[str] = ()
    aliases: dict[str, str] = field(default_factory=dict)
    parameters: set[str] = field(default_factory=set)
    outputs: set[str] | None = None

    def resolved(self, name: str) -> str:
        """The model's id for one of the tables, or the id itself."""
        return self.aliases.get(name, name)

    def settable(self, kinds: Collection[str]) -> list[str]:
        """Ids of the model of these kinds that no assignment rule gives."""
        return [n for n, kind in self.kinds.items() if kind in kinds and n not in self.ruled]

    def targets(self) -> list[str]:
        """What conditions may set."""
        of_model = self.settable(("parameter", "species", "compartment"))
        return [*of_model, *self.aliases, *(self.outputs or ())]

    def check_target(self, problems: Problems, where: str, what: str, target: str) -> None:
        """Note a target that conditions may not set."""
        if target in self.parameters:
            problems.add(where, f"{what} is in the parameter table also; one of them must say it.")
        elif self.resolved(target) in self.ruled:
            why = f"follows an assignment rule of {self.model}, so nothing can set it."
            problems.add(where, f"{what} {why}")
        elif self.complete and self.outputs is not None and target not in self.targets():
            why = f"is no parameter, species or compartment of {self.model}."
            problems.add(where, f"{what} {why}{did_you_mean(target, self.targets())}")

    def formula(self, row: Row, column: str) -> Expression | None:
        """The tree of the formula in a column, with the model's ids; None and a problem if none."""
        if not row[column]:
            row.problem(f"{column} is empty; it must be a formula.")
            return None
        try:
            tree = parse_math(row[column], f"{row.where}: {column}")
        except ModelError as error:
            row.problems.sentences.append(str(error))
            return None
        return substitute(tree, {name: Symbol(id) for name, id in self.aliases.items()})

    def check_symbols(
        self, row: Row, column: str, tree: Expression, others: Iterable[str], where: str
    ) -> None:
        """Note each symbol of a tree that is neither an id of the model nor among the others."""
        self.check_among(row, column, tree, [*self.kinds, *others], where)

    def check_among(
        self, row: Row, column: str, tree: Expression, names: Collection[str], where: str
    ) -> None:
        """Note each symbol of a tree that is not among the names."""
        if not self.complete:
            return
        for name in sorted(symbols(tree) - {TIME} - set(names)):
            row.problem(f'{column} uses "{name}", which is {where}.{did_you_mean(name, names)}')

    def value(self, row: Row, column: str, text: str) -> Expression | None:
        """A number or the id of a parameter, as stands in cells; None and a problem if neither."""
        found = as_number(text)
        if found is not None:
            return Number(found)
        known = [*self.parameters, *self.settable(("parameter",)), *self.aliases]
        if text in known or (text.isidentifier() and not self.complete):
            return Symbol(self.resolved(text))
        what = "no parameter of the parameter table" if text.isidentifier() else "no number or id"
        row.problem(
            f'{column} has "{text}", which is {what}.'
            + (decimal_point(text) or did_you_mean(text, known))
        )
        return None


def names_of(network: Network | None, model: Path | None) -> Names:
    """The ids of a model, none if there is no network."""
    name = model.name if model is not None else "the model"
    if network is None:
        return Names(name, complete=False)
    events = (target for event in network.events for target, _ in event.assignments)
    return Names(
        model=name,
        kinds=ids(network),
        ruled={target for target, _ in network.assignment_rules},
        moving={target for target, _ in network.rate_rules} | set(events),
    )


def read_mapping(rows: Iterable[Row], names: Names) -> None:
    """Version 2's mapping table: other names for ids of the model that are no ids of PEtab."""
    seen: dict[str, str] = {}
    for row in rows:
        name, model = row["petabEntityId"], row["modelEntityId"]
        if name in seen:
            row.problem(f'petabEntityId "{name}" is there already, in {seen[name]}.')
        seen[name] = row.where
        if not model or model == name:
            continue  # it only gives a name to show
        if model.isidentifier():
            row.problem(f'modelEntityId "{model}" is an id already; use it instead of "{name}".')
        elif names.complete and model not in names.kinds:
            row.problem(
                f'modelEntityId "{model}" is no id of {names.model}.'
                f"{did_you_mean(model, names.kinds)}"
            )
        else:
            names.aliases[name] = model
