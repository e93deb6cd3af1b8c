"""From a table of blots to the files of a PEtab problem."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import ConditionError, ModelError
from ..network.definition import ParameterRecord
from ..network.expression import Expression, Symbol, substitute
from ..network.formula import to_infix
from ..network.places import shown
from ..petab_problem.mathematics import parse_math
from .bands import ABOVE, BELOW, BETWEEN, Band, raise_all, read_bands
from .conditions import Conditions, make_conditions, resolved, unique_id
from .estimated import estimated
from .model_file import SWITCH, with_shared, with_switch
from .nominal import NOISE_BOUNDS, Nominal, nominal, simulated
from .normalisation import check_groups, normalised

if TYPE_CHECKING:
    from ..simulation.model import Model

LOG10, LIN = NOISES = ("log10", "lin")
SPAN = 1e3
"""How far the bounds of a scale lie below and above its nominal value, as a factor."""
CENSORING = {BELOW: "left-censored", ABOVE: "right-censored", BETWEEN: "interval-censored"}


@dataclass(frozen=True)
class Choices:
    """How blots are read.

    normalise : loading, `lane:<name>`, none; None: loading where the table has a loading control.
    offset : whether every antibody on a gel has a background of its own.
    noise : log10 (of each antibody, in decades) or lin (of each antibody on a gel, in intensity).
    sigma : the noise; None: it is estimated.
    estimate : ids of model parameters, or `all`.
    antibodies : antibody -> observable.
    """

    normalise: str | None = None
    offset: bool = False
    noise: str = LOG10
    sigma: float | None = None
    estimate: tuple[str, ...] = ()
    antibodies: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class BlotProblem:
    """The files of a PEtab problem, version 1, by name, and what is in them.

    normalised : of what intensities are multiples, in words.
    """

    files: Mapping[str, str]
    bands: int
    censored: int
    gels: int
    conditions: int
    parameters: tuple[str, ...]
    normalised: str


class _Ids:
    """Ids of a problem that name antibodies and gels, each new and no id of the model."""

    def __init__(self, bands: Sequence[Band], taken: Iterable[str]) -> None:
        self.taken = {*taken, SWITCH}
        antibodies = dict.fromkeys(band.antibody for band in bands)
        groups = dict.fromkeys(band.group for band in bands)
        self.observable = {a: self._new(f"blot_{a}") for a in antibodies}
        self.scale = {g: self._new(f"scale_{g[0]}_{g[1]}") for g in groups}
        self.offset = {g: self._new(f"offset_{g[0]}_{g[1]}") for g in groups}
        self.noise_of_antibody = {a: self._new(f"noise_{a}") for a in antibodies}
        self.noise_of_group = {g: self._new(f"noise_{g[0]}_{g[1]}") for g in groups}

    def _new(self, name: str) -> str:
        found = unique_id(name, self.taken)
        self.taken.add(found)
        return found

    def noise(self, band: Band, how: str) -> str:
        """The noise that a band has."""
        return (
            self.noise_of_antibody[band.antibody]
            if how == LOG10
            else self.noise_of_group[band.group]
        )


def blots_to_petab(
    model: Model, table: Path, *, conditions: Path | None = None, choices: Choices | None = None
) -> BlotProblem:
    """The PEtab problem of a table of blots.

    Parameters
    ----------
    table
        One row a band: see docs/blots.md.
    conditions
        Table to which a column `condition` of it refers.

    Raises
    ------
    ConditionError
        Something in the tables has no place in the problem: file, row, column, what would be right;
        one line for each thing.
    IntegrationError
        The model cannot be simulated in a condition, so that no scale can be given.
    """
    choices = choices or Choices()
    _check(choices)
    bands, problems = read_bands(
        table,
        model.names,
        conditions=conditions,
        antibodies=choices.antibodies,
        logarithmic=choices.noise == LOG10,
    )
    where = shown(table)
    bands, units = normalised(bands, choices.normalise, where, problems)
    check_groups(bands, where, problems, offset=choices.offset)
    raise_all(problems)
    treated = resolved(model, list(dict.fromkeys(band.treatment for band in bands)))
    x = simulated(model, bands)[0]
    chosen = estimated(model, choices.estimate, bands, x, treated)
    listed = make_conditions(model, treated, [parameter.id for parameter in chosen])
    formulas = {band.observable: _formula(model, band.observable, listed) for band in bands}
    best = nominal(
        bands, x, choices.noise, where, problems,
        offset=choices.offset, sigma=choices.sigma,
    )  # fmt: skip
    raise_all(problems)
    ids = _Ids(bands, [*model.names.kinds, *listed.columns, *(s.here for s in listed.shared)])
    parameters = _parameters(bands, best, ids, chosen, choices)
    files = {
        "problem.yaml": _YAML,
        "model.xml": _sbml(model, listed),
        "conditions.tsv": _condition_table(listed),
        "observables.tsv": _observable_table(bands, formulas, ids, choices),
        "measurements.tsv": _measurement_table(bands, listed, ids, choices),
        "parameters.tsv": _written(_PARAMETER_COLUMNS, parameters),
    }
    return BlotProblem(
        files,
        bands=len(bands),
        censored=sum(bool(band.censored) for band in bands),
        gels=len({band.gel for band in bands}),
        conditions=len(listed.values),
        parameters=tuple(str(row[0]) for row in parameters if row[6]),
        normalised=units,
    )


def _check(choices: Choices) -> None:
    if choices.noise not in NOISES:
        raise ConditionError(f'--noise is "{choices.noise}"; it must be log10 or lin.')
    if choices.sigma is not None and not 0 < choices.sigma < float("inf"):
        raise ConditionError(f"--sigma is {choices.sigma:g}; it must be > 0 and finite.")


def _formula(model: Model, name: str, conditions: Conditions) -> Expression:
    """What a band shows, as a formula of the problem's ids."""
    found: Expression = Symbol(name)
    for observable in model.definition.observables:
        if observable.id == name:
            found = observable.formula
    return substitute(found, {each.id: Symbol(each.here) for each in conditions.shared})


def _sbml(model: Model, conditions: Conditions) -> str:
    """The model, with what its conditions need."""
    sbml = model.network.sbml
    if SWITCH in conditions.columns:
        sbml = with_switch(sbml, model.definition.population)
    return with_shared(sbml, conditions.shared) if conditions.shared else sbml


# ---------------------------------------------------------------------- tables
_YAML = """\
format_version: 1
parameter_file: parameters.tsv
problems:
- sbml_files: [model.xml]
  condition_files: [conditions.tsv]
  observable_files: [observables.tsv]
  measurement_files: [measurements.tsv]
"""
_PARAMETER_COLUMNS = (
    "parameterId", "parameterName", "parameterScale", "lowerBound", "upperBound", "nominalValue",
    "estimate", "parameterType",
)  # fmt: skip


def _condition_table(conditions: Conditions) -> str:
    columns = ("conditionId", "conditionName", *conditions.columns)
    rows = [(id, conditions.names[id], *values) for id, values in conditions.values.items()]
    return _written(columns, rows)


def _observable_table(
    bands: Sequence[Band], formulas: Mapping[str, Expression], ids: _Ids, choices: Choices
) -> str:
    rows = []
    for antibody, quantity in {band.antibody: band.observable for band in bands}.items():
        id = ids.observable[antibody]
        text = f"observableParameter1_{id} * ({_petab_text(formulas[quantity], quantity)})"
        if choices.offset:
            text += f" + observableParameter2_{id}"
        name = f"{antibody}: {quantity}" if antibody != quantity else antibody
        rows.append((id, name, text, choices.noise, f"noiseParameter1_{id}", "normal"))
    columns = (
        "observableId", "observableName", "observableFormula", "observableTransformation",
        "noiseFormula", "noiseDistribution",
    )  # fmt: skip
    return _written(columns, rows)


def _petab_text(formula: Expression, name: str) -> str:
    """A formula in PEtab's grammar.

    Raises ModelError where the formula needs what PEtab does not have.
    """
    text = to_infix(formula)
    try:
        parse_math(text, name)
    except ModelError as error:
        raise ModelError(f'observable "{name}" has no formula in PEtab: {error}') from None
    return text


def _measurement_table(
    bands: Sequence[Band], conditions: Conditions, ids: _Ids, choices: Choices
) -> str:
    """Censored bands as pyPESTO writes them, in two columns that PEtab itself does not know."""
    rows = []
    for band in bands:
        before, during = conditions.of[band.treatment]
        low, high = (f"{value:.10g}" for value in (band.intensity, band.upper))
        value, limits = low, ""
        if band.censored:
            limits = f"{low};{high}" if band.censored == BETWEEN else low
        if band.censored == BETWEEN:
            logarithmic = choices.noise == LOG10
            middle = (
                (band.intensity * band.upper) ** 0.5
                if logarithmic
                else (band.intensity + band.upper) / 2
            )
            value = f"{middle:.10g}"
        parameters = ids.scale[band.group]
        if choices.offset:
            parameters += f";{ids.offset[band.group]}"
        rows.append(
            (ids.observable[band.antibody], before, during, value, f"{band.time:.10g}",
             parameters, ids.noise(band, choices.noise), band.gel,
             f"{band.lane}_{band.replicate}" if band.replicate else band.lane,
             CENSORING.get(band.censored, ""), limits)
        )  # fmt: skip
    columns = (
        "observableId", "preequilibrationConditionId", "simulationConditionId", "measurement",
        "time", "observableParameters", "noiseParameters", "datasetId", "replicateId",
        "measurementType", "censoringBounds",
    )  # fmt: skip
    return _written(columns, rows)


def _parameters(
    bands: Sequence[Band],
    best: Nominal,
    ids: _Ids,
    chosen: Sequence[ParameterRecord],
    choices: Choices,
) -> list[tuple[Any, ...]]:
    """Rows of the parameter table: of the model, then scales, offsets and noise.

    `parameterType` names what hierarchical optimisation can find by itself; a scale beside an
    offset has no closed form where logarithms are compared.
    """
    closed = choices.noise == LIN or not choices.offset
    rows: list[tuple[Any, ...]] = [
        (p.id, p.name, p.scale, p.lower, p.upper, p.nominal, 1, "") for p in chosen
    ]
    groups = dict.fromkeys(band.group for band in bands)
    for group in groups:
        scale = _short(best.scale[group])
        name = f"scale of {group[0]} on gel {group[1]}"
        rows.append(
            (ids.scale[group], name, "log10", _short(scale / SPAN), _short(scale * SPAN), scale, 1,
             "scaling" if closed else "")
        )  # fmt: skip
    for group in groups if choices.offset else ():
        name = f"background of {group[0]} on gel {group[1]}"
        largest, offset = _short(best.largest[group]), _short(best.offset[group])
        type = "offset" if closed else ""
        rows.append((ids.offset[group], name, "lin", 0, largest, offset, 1, type))
    low, high = NOISE_BOUNDS[choices.noise]
    for band in bands:
        id = ids.noise(band, choices.noise)
        if any(row[0] == id for row in rows):
            continue
        unit = 1.0 if choices.noise == LOG10 else best.largest[band.group]
        sigma = best.noise[band.group] if choices.sigma is None else choices.sigma
        free = choices.sigma is None
        bounds = (_short(low * unit), _short(high * unit)) if free else (sigma, sigma)
        name = f"noise of {band.antibody}, decades"
        if choices.noise == LIN:
            name = f"noise of {band.antibody} on gel {band.gel}"
        rows.append((id, name, "lin", *bounds, _short(sigma), int(free), "sigma" if free else ""))
    return rows


def _short(value: float) -> float:
    """A value in as many digits as a search needs to begin with."""
    return float(f"{value:.6g}")


def _written(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """A table of PEtab; None is an empty cell."""
    file = io.StringIO()
    writer = csv.writer(file, delimiter="\t", lineterminator="\n")
    writer.writerow(columns)
    writer.writerows([_cell(value) for value in row] for row in rows)
    return file.getvalue()


def _cell(value: Any) -> Any:
    """A number without a trailing `.0`, in digits that read back as the same."""
    return repr(value).removesuffix(".0") if isinstance(value, float) else value
