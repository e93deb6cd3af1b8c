"""The parameter table: what is estimated, between which bounds, and with which priors."""

from __future__ import annotations

import math
from collections.abc import Sequence

from ..network.tables import Problems, Row, unique
from .files import Files
from .names import Names
from .problem import Distribution, Parameter
from .tables import check_id, is_empty, number, numbers, read_rows

SCALES = ("lin", "log", "log10")
_COLUMNS = ("parameterId", "lowerBound", "upperBound", "estimate")
_OPTIONAL_1 = (
    "parameterName", "nominalValue", "initializationPriorType", "initializationPriorParameters",
    "objectivePriorType", "objectivePriorParameters",
)  # fmt: skip
_OPTIONAL_2 = ("parameterName", "nominalValue", "priorDistribution", "priorParameters")
_ON_SCALE = "parameterScaleUniform"
_PRIORS_1 = {
    "uniform": "uniform", "normal": "normal", "laplace": "laplace",
    "logNormal": "log-normal", "logLaplace": "log-laplace",
    _ON_SCALE: "uniform", "parameterScaleNormal": "normal", "parameterScaleLaplace": "laplace",
}  # fmt: skip
#: distribution -> what its parameters are
_PRIORS_2 = {
    "cauchy": ("location", "scale"), "chisquare": ("degrees of freedom",),
    "exponential": ("scale",), "gamma": ("shape", "scale"), "laplace": ("location", "scale"),
    "log-laplace": ("location", "scale"), "log-normal": ("mean", "standard deviation"),
    "log-uniform": ("lower end", "upper end"), "normal": ("mean", "standard deviation"),
    "rayleigh": ("scale",), "uniform": ("lower end", "upper end"),
}  # fmt: skip
_ANYWHERE = ("location", "mean", "lower end", "upper end")
_INFINITIES = (-math.inf, math.inf)


def read_parameters(files: Files, names: Names, problems: Problems) -> dict[str, Parameter]:
    """Parameter by the id in its table; that of `Parameter` is the model's where mapped.

    Leaves the ids in `names.parameters`, also those of rows with other problems.
    """
    columns: Sequence[str] = _COLUMNS if files.version == 2 else (*_COLUMNS, "parameterScale")
    optional = _OPTIONAL_2 if files.version == 2 else _OPTIONAL_1
    rows = unique(read_rows(files, "parameter", problems, columns, optional), "parameterId")
    found = {}
    for row in rows:
        check_id(row, "parameterId")
        id = row["parameterId"]
        names.parameters.add(id)
        of_model = names.resolved(id)
        kind = names.kinds.get(of_model)
        if kind is not None and (kind != "parameter" or of_model in names.ruled):
            ruled = " whose value an assignment rule gives" if of_model in names.ruled else ""
            row.problem(f'parameterId "{id}" is a {kind} of {names.model}{ruled}.')
        parameter = _parameter(row, of_model, files.version)
        if parameter is not None:
            found[id] = parameter
    return found


def _parameter(row: Row, id: str, version: int) -> Parameter | None:
    estimate = _estimate(row, version)
    scale = row.choice("parameterScale", SCALES) if version == 1 else "lin"
    lower, upper = (_bound(row, column, estimate) for column in ("lowerBound", "upperBound"))
    nominal = number(row, "nominalValue", default=None if estimate is False else math.nan)
    prior, start = _priors(row, version)
    if estimate is None or scale is None or nominal is None or lower is None or upper is None:
        return None
    if lower > upper and (estimate or version == 2):
        row.problem(f"lowerBound {lower:g} is above upperBound {upper:g}.")
    # 0 is no start of a search, but a prior may say where to start
    elif estimate and scale != "lin" and (lower < 0 or (lower == 0 and start is None)):
        row.problem(f"lowerBound is {lower:g}; on a {scale} scale it must be > 0.")
    name = row["parameterName"] or (row["parameterId"] if id != row["parameterId"] else "")
    return Parameter(id, scale, lower, upper, nominal, estimate, prior, start, name)


def _estimate(row: Row, version: int) -> bool | None:
    true, false = ("true", "false") if version == 2 else ("1", "0")
    text = row["estimate"].casefold()
    text = text.removesuffix(".0") if version == 1 else text
    if text in (true, false):
        return text == true
    row.problem(f'estimate is "{row["estimate"]}"; it must be {true} or {false}.')
    return None


def _bound(row: Row, column: str, estimate: bool | None) -> float | None:
    """A bound; one that is left out of a fixed parameter is infinite."""
    free = _INFINITIES[column == "upperBound"]
    return number(row, column, infinite=_INFINITIES, default=free if estimate is False else None)


def _priors(row: Row, version: int) -> tuple[Distribution | None, Distribution | None]:
    """Prior, and distribution of starting points; None for flat between the bounds."""
    if version == 2:
        return _prior_2(row), None
    return _prior_1(row, "objective"), _prior_1(row, "initialization")


def _prior_1(row: Row, use: str) -> Distribution | None:
    column, values = f"{use}PriorType", f"{use}PriorParameters"
    kind = _ON_SCALE if is_empty(row[column]) else row.choice(column, tuple(_PRIORS_1))
    if kind is None or (kind == _ON_SCALE and is_empty(row[values])):
        return None
    parameters = _prior_parameters(row, values, _PRIORS_1[kind])
    on_scale = kind.startswith("parameterScale")
    return None if parameters is None else Distribution(_PRIORS_1[kind], parameters, on_scale)


def _prior_2(row: Row) -> Distribution | None:
    if is_empty(row["priorDistribution"]):
        if not is_empty(row["priorParameters"]):
            row.problem("priorParameters are there, but priorDistribution is empty.")
        return None
    kind = row.choice("priorDistribution", tuple(_PRIORS_2))
    if kind is None:
        return None
    parameters = _prior_parameters(row, "priorParameters", kind)
    return None if parameters is None else Distribution(kind, parameters, truncated=True)


def _prior_parameters(row: Row, column: str, kind: str) -> tuple[float, ...] | None:
    """As many parameters as a distribution has, in their domains; None and a problem if not."""
    wanted = _PRIORS_2[kind]
    if is_empty(row[column]):
        row.problem(f"{column} is empty; {kind} has {' ; '.join(wanted)}.")
        return None
    found = numbers(row, column)
    if found is None:
        return None
    says = f'{column} is "{row[column]}"; '
    if len(found) != len(wanted):
        row.problem(f"{says}{kind} has {' ; '.join(wanted)}.")
        return None
    for what, value in zip(wanted, found, strict=True):
        if not math.isfinite(value) or (what not in _ANYWHERE and value <= 0):
            must = "finite" if what in _ANYWHERE else "> 0 and finite"
            row.problem(f"{says}the {what} must be {must}.")
            return None
    if wanted[0] == "lower end" and (found[0] > found[1] or (kind[0] == "l" and found[0] <= 0)):
        row.problem(
            f"{says}the lower end must be below the upper one{', and > 0' * (kind[0] == 'l')}."
        )
        return None
    return found
