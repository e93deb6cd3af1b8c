"""The observable table: formulas of what is measured and of its noise."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from ..network.expression import substitute, symbols
from ..network.tables import Problems, Row, unique
from .files import Files
from .names import Names
from .parameters import SCALES
from .problem import Observable
from .tables import check_id, is_empty, listed, read_rows

_COLUMNS = ("observableId", "observableFormula", "noiseFormula")
_OPTIONAL_1 = ("observableName", "observableTransformation", "noiseDistribution")
_OPTIONAL_2 = (
    "observableName", "noiseDistribution", "observablePlaceholders", "noisePlaceholders",
)  # fmt: skip
_NOISES_1 = ("normal", "laplace")
_NOISES_2 = (*_NOISES_1, "log-normal", "log-laplace")


def read_observables(
    files: Files, names: Names, problems: Problems
) -> tuple[list[Row], dict[str, Observable | None]]:
    """Rows, and observable by id, None where its row has problems.

    Which symbols the formulas use is not checked yet.
    """
    optional = _OPTIONAL_2 if files.version == 2 else _OPTIONAL_1
    rows = unique(read_rows(files, "observable", problems, _COLUMNS, optional), "observableId")
    for row in rows:
        check_id(row, "observableId")
        id = row["observableId"]
        if id in names.kinds or id in names.parameters:
            what = names.kinds.get(id, "parameter of the parameter table")
            row.problem(f'observableId "{id}" is the id of a {what} already.')
    return rows, {row["observableId"]: _observable(row, names, files.version) for row in rows}


def check_observables(
    rows: Iterable[Row],
    observables: Mapping[str, Observable | None],
    names: Names,
    targets: Iterable[str],
) -> None:
    """Every symbol is of the model, a parameter, a placeholder, or set by conditions."""
    where = f"no id of {names.model}, no parameter and no placeholder"
    others = {*names.parameters, *targets}
    for row in rows:
        observable = observables[row["observableId"]]
        if observable is None:
            continue
        own = (*observable.placeholders, *observable.noise_placeholders)
        for column, tree in (
            ("observableFormula", observable.formula), ("noiseFormula", observable.noise)
        ):  # fmt: skip
            names.check_symbols(row, column, tree, [*others, *own], where)


def _observable(row: Row, names: Names, version: int) -> Observable | None:
    id = row["observableId"]
    formula = names.formula(row, "observableFormula")
    noise = names.formula(row, "noiseFormula")
    transformation, distribution = _noise_model(row, version)
    if formula is None or noise is None or transformation is None or distribution is None:
        return None
    if version == 2:
        placeholders, noise_placeholders = (
            _declared(row, column) for column in ("observablePlaceholders", "noisePlaceholders")
        )
    else:
        used = symbols(formula) | symbols(noise)
        placeholders, noise_placeholders = (
            _numbered(row, f"{use}Parameter", used) for use in ("observable", "noise")
        )
    return Observable(
        id=id,
        formula=formula,
        noise=substitute(noise, {id: formula}),
        transformation=transformation,
        distribution=distribution,
        placeholders=placeholders,
        noise_placeholders=noise_placeholders,
        name=row["observableName"],
    )


def _noise_model(row: Row, version: int) -> tuple[str | None, str | None]:
    """Transformation and distribution of the noise; None and a problem for an unknown one."""
    distributions = _NOISES_2 if version == 2 else _NOISES_1
    transformation: str | None = "lin"
    if not is_empty(row.values.get("observableTransformation", "")):
        transformation = row.choice("observableTransformation", SCALES)
        if version == 2 and transformation != "lin":
            row.problem(
                "observableTransformation is not in version 2; "
                "noiseDistribution may be log-normal or log-laplace."
            )
    if is_empty(row["noiseDistribution"]):
        return transformation, "normal"
    return transformation, row.choice("noiseDistribution", distributions)


def _declared(row: Row, column: str) -> tuple[str, ...]:
    """Version 2's placeholders."""
    found = listed(row[column])
    for name in dict.fromkeys(found):
        if not name.isidentifier():
            row.problem(f'{column} has "{name}", which is no id.')
        elif found.count(name) > 1:
            row.problem(f'{column} has "{name}" twice.')
    return found


def _numbered(row: Row, stem: str, used: Iterable[str]) -> tuple[str, ...]:
    """Version 1's placeholders `<stem>1_<observable>`, ..., as many as the formulas use."""
    end = f"_{row['observableId']}"
    pattern = re.compile(rf"{stem}([1-9]\d*){re.escape(end)}")
    places = [int(match[1]) for name in used if (match := pattern.fullmatch(name))]
    for place in range(1, max(places, default=0)):
        if place not in places:
            row.problem(f"uses {stem}{max(places)}{end}, but not {stem}{place}{end}.")
    return tuple(f"{stem}{place}{end}" for place in range(1, max(places, default=0) + 1))
