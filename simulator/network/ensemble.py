"""Other values of a model's fitted quantities, and ensembles of them: ensemble.tsv of a folder.

A quantity is the value of a parameter, of one change that a cell or an alteration makes, or a
spread or shift of a cohort. An ensemble is a table with a row per quantity and a column per member.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

from ..errors import ModelError, did_you_mean
from .cohort_quantities import cohort_numbers, with_numbers
from .definition import Definition, Override
from .places import shown
from .tables import Problems, read_text

FILE = "ensemble.tsv"

# The tables of a folder whose numbers describe a cell, and cohorts.yaml, whose numbers describe how
# samples differ: members of an ensemble leave those alone.
TABLES = ("parameters", "cells", "alterations")
COHORTS = "cohorts"

HEADER = ("table", "level", "parameterId")


class Quantity(NamedTuple):
    """A number of a model folder: its table, the level there, and the parameter's id.

    The level is a cell, an alteration or a cohort; "" in parameters. In cohorts the id is followed
    by what the number is: `BIM_expression sd` or `BIM_expression scale`.
    """

    table: str
    level: str
    parameter: str

    def __str__(self) -> str:
        return " ".join(filter(None, (self.level, self.parameter)))


@dataclass(frozen=True, slots=True, eq=False)
class Ensemble:
    """Members of an ensemble by name, each with a value for every quantity (linear scale).

    `notes` are the lines before the table: how it was made.
    """

    quantities: tuple[Quantity, ...]
    members: Mapping[str, tuple[float, ...]]
    notes: tuple[str, ...]

    def values(self, member: str) -> dict[Quantity, float]:
        """The values of one member."""
        return dict(zip(self.quantities, self.members[member], strict=True))


def quantities(definition: Definition) -> dict[Quantity, float]:
    """Every number of the tables and of cohorts.yaml with its value."""
    found = {Quantity("parameters", "", p.id): p.nominal for p in definition.parameters.values()}
    for table in TABLES[1:]:
        for level, overrides in getattr(definition, table).items():
            found |= {Quantity(table, level, o.parameter): o.value for o in overrides}
    found |= {
        Quantity(COHORTS, number.cohort, number.name): number.value
        for number in cohort_numbers(definition.cohorts)
    }
    return found


def revalued(definition: Definition, values: Mapping[Quantity, float]) -> Definition:
    """The definition with other values; all else, bounds included, as it was.

    Raises ModelError for a quantity that the model does not have.
    """
    _check_known(quantities(definition), values, definition.name, definition.name)
    own = {q.parameter: value for q, value in values.items() if q.table == "parameters"}
    network = replace(
        definition.network,
        parameters=tuple(
            replace(p, value=own.get(p.id, p.value)) for p in definition.network.parameters
        ),
        compartments=tuple(
            replace(c, size=own.get(c.id, c.size)) for c in definition.network.compartments
        ),
    )
    records = {
        id: replace(record, nominal=own.get(id, record.nominal))
        for id, record in definition.parameters.items()
    }
    spreads = {(q.level, q.parameter): v for q, v in values.items() if q.table == COHORTS}
    return replace(
        definition,
        network=network,
        parameters=records,
        cells=_revalued(definition.cells, "cells", values),
        alterations=_revalued(definition.alterations, "alterations", values),
        cohorts=with_numbers(definition.cohorts, spreads) if spreads else definition.cohorts,
    )


def _revalued(
    levels: Mapping[str, tuple[Override, ...]], table: str, values: Mapping[Quantity, float]
) -> dict[str, tuple[Override, ...]]:
    return {
        level: tuple(
            replace(o, value=values.get(Quantity(table, level, o.parameter), o.value))
            for o in overrides
        )
        for level, overrides in levels.items()
    }


def _check_known(
    known: Mapping[Quantity, float], asked: Iterable[Quantity], where: str, model: str
) -> None:
    """Raise ModelError for the first quantity that a model does not have."""
    for quantity in asked:
        if quantity not in known:
            names = {f"{q.table} {q}": q for q in known}
            raise ModelError(
                f'{where}: "{quantity}" of {quantity.table} is no number of {model}.'
                f"{did_you_mean(f'{quantity.table} {quantity}', names)}"
            )


def read_ensemble(definition: Definition) -> Ensemble | None:
    """The ensemble in a model's folder; None where there is none.

    Raises ModelError, with file and line, for a table that does not fit the model.
    """
    path = (definition.folder or Path()) / FILE
    if definition.folder is None or not path.is_file():
        return None
    problems = Problems()
    text = read_text(path, shown(path), problems)
    if text is None:
        raise ModelError(problems.sentences[0])
    lines = list(enumerate(text.splitlines(), start=1))
    notes = tuple(line[1:].strip() for _, line in lines if line.startswith("#"))
    table = [(number, line.split("\t")) for number, line in lines if line and line[0] != "#"]
    members = _members(path, table)
    known = quantities(definition)
    found: dict[Quantity, tuple[float, ...]] = {}
    for number, fields in table[1:]:
        place = f"{shown(path)}:{number}"
        if len(fields) != len(HEADER) + len(members):
            raise ModelError(
                f"{place}: has {len(fields)} columns, but the header has"
                f" {len(HEADER) + len(members)}."
            )
        quantity = Quantity(*fields[:3])
        _check_known(known, [quantity], place, definition.name)
        if quantity in found:
            raise ModelError(f'{place}: "{quantity}" is there already.')
        found[quantity] = _numbers(place, fields[3:])
    columns = list(zip(*found.values(), strict=True))
    return Ensemble(tuple(found), dict(zip(members, columns, strict=True)), notes)


def _members(path: Path, table: list[tuple[int, list[str]]]) -> list[str]:
    if not table or tuple(table[0][1][:3]) != HEADER or len(table) < 2:
        raise ModelError(
            f"{shown(path)}: must be a table with the columns {', '.join(HEADER)} and one per"
            " member, and a row per quantity."
        )
    members = table[0][1][3:]
    if not members or not all(members) or len(set(members)) < len(members):
        raise ModelError(f"{shown(path)}:{table[0][0]}: members need names of their own.")
    return members


def _numbers(place: str, fields: list[str]) -> tuple[float, ...]:
    try:
        return tuple(map(float, fields))
    except ValueError as error:
        raise ModelError(f"{place}: {error}.") from None


def write_ensemble(path: Path, ensemble: Ensemble) -> None:
    """Write an ensemble, values with four significant digits."""
    rows = [[f"# {note}"] for note in ensemble.notes]
    rows.append([*HEADER, *ensemble.members])
    columns = list(ensemble.members.values())
    for k, quantity in enumerate(ensemble.quantities):
        rows.append([*quantity, *(f"{column[k]:.4g}" for column in columns)])
    path.write_text("".join("\t".join(row) + "\n" for row in rows), encoding="utf-8")
