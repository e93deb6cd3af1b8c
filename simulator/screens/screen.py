"""The screen: every perturbation of one table, ranked by what it does to a measure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ..conditions import make_design
from ..errors import ConditionError
from ..integrator.status import Status
from .measures import Asked, Function, alone, asked
from .perturbations import (
    DRUG,
    KNOCK_OUT,
    PARAMETER,
    UNPERTURBED,
    Perturbation,
    Row,
    base_rows,
    combined,
    drug_changes,
    folds,
    gene_changes,
    pairs_of,
    parameter_changes,
    values_of,
)

if TYPE_CHECKING:
    from os import PathLike

    import pandas as pd
    import xarray as xr

    from ..simulation.model import Model

ROW = "screen_row"
"""Dimension of the rows that are simulated."""

OWN = ("rank", "kind", "name", "level", "unit")
AT_ZERO = "at_dose_0"
FOUND = ("difference", "log2_ratio", "bound", "unperturbed_bound", AT_ZERO, "status")


def screen(
    model: Model | str | PathLike[str],
    measure: str | Function | None = None,
    *,
    time: Any = None,
    knockouts: Sequence[str] | bool | None = None,
    knockdown: float | Sequence[float] | None = 0.5,
    overexpression: float | Sequence[float] | None = None,
    drugs: Mapping[str, float] | Sequence[str] | bool | None = None,
    parameters: Sequence[str] | bool | None = None,
    pairs: bool = False,
    output: str | None = None,
    dose: str | None = None,
    **factors: Any,
) -> pd.DataFrame:
    """Perturb one thing at a time, and rank what that does to a measure.

    All runs are one call of `Model.simulate`.

    Parameters
    ----------
    model
        A model, or what `simulator.load` takes.
    measure
        "auc400", "ic50" or "ec50" of the dose-response to the drug that is swept among the factors;
        the id of an output, at the last time; or a function of the simulated Dataset that returns
        a DataArray. Default: auc400 of the drug that the model's folder predicts.
    time
        As of `Model.simulate`. Default: that of the model's predictions.
    knockouts
        Genes to knock out; None: all of the model, False: none.
    knockdown, overexpression
        Folds of expression, one or several, given to the same genes; None: none.
    drugs
        What is added from t = 0: drug -> dose; a list, at the doses that the model's folder states;
        None: every drug with a stated dose that is no factor already; False: none.
    parameters
        Constants to multiply by the levels of `knockdown` and `overexpression`; True: all.
    pairs
        Also every two of the knock-outs and drugs together, and by how much the log2 ratio of both
        differs from the sum of each alone (`beyond_sum`).
    output
        What dose-responses are of; default: viability.
    dose
        Which swept factor is the dose, where several are.
    **factors
        Factors, `conditions=` and options as of `Model.simulate`. Perturbations come on top of
        them; what is swept (but the dose), and rows of `conditions=`, are screened each by itself.

    Returns
    -------
    pandas.DataFrame
        A row for each perturbation in each condition: rank within the condition (1 = largest log2
        ratio by size, or difference where a measure is not positive), kind, name, level (fold of
        expression, or dose in `unit`), columns of what is swept, the measure and that of the
        unperturbed cell (`unperturbed`), difference, log2_ratio, bounds (`<` or `>` where a dose
        was not reached), the output at dose 0 of the swept drug (`at_dose_0`: how many cells an
        added drug leaves by itself), status. Failed runs come last and have no rank. attrs:
        measure, its units, dose, time.

    Raises
    ------
    ConditionError
        A gene, drug, parameter, measure or factor is unknown, or nothing is perturbed.
    IntegrationError
        As `Model.simulate`.
    """
    what = asked(model, measure, time, output, dose, factors)
    rows, conditions, rest, options = _unperturbed(what)
    given = {*rest, *what.set, *(name for row in rows for name in row)}
    genes = gene_changes(what.model, knockouts, knockdown, overexpression)
    added = drug_changes(what.model, drugs, given)
    levels = [*folds("knockdown", knockdown), *folds("overexpression", overexpression)]
    moved = parameter_changes(what.model, parameters, levels)
    single = [*genes, *added, *moved]
    strong = [each for each in (*genes, *added) if each.kind in (KNOCK_OUT, DRUG)]
    every = [*single, *(pairs_of(strong) if pairs else [])]
    if not every:
        raise ConditionError(
            f"nothing is perturbed: {what.model.definition.name} has no gene or drug that is asked"
            " for; name parameters=."
        )
    base = Perturbation(UNPERTURBED, "", float("nan"), "", {})
    values = [{} for _ in rows] if not moved else _values(what, rows, moved, rest)
    table = _table(rows, [base, *every], values)
    found = _simulated(what, table, rest, options)
    frame = _frame(what, [base, *every], conditions, found)
    if pairs:
        frame = _with_sums(frame, what.measure.name)
    frame = _ranked(frame, what.measure.name)
    frame.attrs = {
        "model": what.model.definition.name,
        "measure": what.measure.name,
        "units": str(found.measured.attrs.get("units", "")),
        "dose": what.measure.dose,
        "time": np.ravel(what.time).tolist(),
        "conditions_simulated": len(table),
    }
    return frame


def _unperturbed(what: Asked) -> tuple[list[Row], pd.DataFrame, dict[str, Any], dict[str, Any]]:
    """Rows that are perturbed, their table, other factors and options; checked before any run."""
    options = dict(what.options)
    rows, conditions, rest = base_rows(options.pop("conditions", None), what.factors)
    make_design(what.model.definition, what.factors, what.options.get("conditions"), what.set)
    options["outputs"] = what.measure.outputs
    return rows, conditions, rest, options


def _values(
    what: Asked, rows: Sequence[Row], moved: Sequence[Perturbation], rest: Mapping[str, Any]
) -> list[dict[str, float]]:
    names = list(dict.fromkeys(each.name for each in moved))
    for name in names:
        if name in rest or name in what.set:
            raise ConditionError(
                f'parameter "{name}" is a factor of this screen already: leave it out of'
                " parameters=."
            )
    return values_of(what.model, rows, names, rest, what.set)


def _table(
    rows: Sequence[Row], every: Sequence[Perturbation], values: Sequence[Mapping[str, float]]
) -> pd.DataFrame:
    """A row for every perturbation of every row, perturbations slowest."""
    import pandas as pd

    found = []
    for each in every:
        for row, own in zip(rows, values, strict=True):
            changes = dict(each.changes)
            if each.kind == PARAMETER:
                changes = {each.name: own[each.name] * each.level}
            found.append(combined(row, changes))
    return pd.DataFrame(found, index=pd.RangeIndex(len(found), name=ROW))


class _Found(NamedTuple):
    """What simulations gave, over (rows, levels of what is swept).

    status : that of the first run that failed, where one did.  at_zero : the output at dose 0 of
        the swept drug, if there is one.
    """

    measured: xr.DataArray
    status: xr.DataArray
    at_zero: xr.DataArray | None


def _simulated(
    what: Asked, table: pd.DataFrame, factors: Mapping[str, Any], options: Mapping[str, Any]
) -> _Found:
    ds = what.model.simulate(
        what.time, conditions=table, set=what.set or None, **options, **factors
    )
    measured = what.measure.of(ds)
    if ROW not in getattr(measured, "dims", ()):
        raise ConditionError(
            f'measure "{what.measure.name}" must return a DataArray over all conditions, with the'
            f' dimension "{ROW}" of the Dataset that it is given.'
        )
    others = [dim for dim in measured.dims if dim != ROW]
    measured = measured.transpose(ROW, *others)
    status = ds["status"]
    kept = [dim for dim in measured.dims if dim in status.dims]
    gone = [dim for dim in status.dims if dim not in kept]
    stacked = status.stack(inside=gone) if gone else status.expand_dims("inside", -1)
    values = stacked.transpose(*kept, "inside").values
    first = np.argmax(values != Status.SUCCESS.name, axis=-1)  # 0, a success, where none failed
    worst = np.take_along_axis(values, first[..., None], -1)[..., 0]
    state = measured.copy(data=_broadcast(worst, kept, measured)).drop_attrs()
    at_zero = alone(what.measure, ds)
    return _Found(measured, state, None if at_zero is None else at_zero.transpose(*measured.dims))


def _broadcast(values: Any, dims: Sequence[Any], like: xr.DataArray) -> Any:
    shape = [like.sizes[dim] if dim in dims else 1 for dim in like.dims]
    return np.broadcast_to(values.reshape(shape), like.shape)


def _frame(
    what: Asked,
    every: Sequence[Perturbation],
    conditions: pd.DataFrame,
    found: _Found,
) -> pd.DataFrame:
    """One row for each perturbation in each condition, not yet ranked."""
    import pandas as pd

    name, measured = what.measure.name, found.measured
    shape = len(every), len(conditions), *measured.shape[1:]
    value = np.asarray(measured.values, float).reshape(shape)
    state = found.status.values.reshape(shape)
    at_zero = None if found.at_zero is None else found.at_zero.values.reshape(shape)
    bound = np.full(shape, "=")
    if "bound" in measured.coords:
        wide = measured["bound"].broadcast_like(measured).transpose(*measured.dims)
        bound = wide.values.reshape(shape)
    value = np.where(state == Status.SUCCESS.name, value, np.nan)
    records = []
    for (e, r, *at), one in np.ndenumerate(value):
        if e == 0:
            continue
        each, zero = every[e], (0, r, *at)
        record: dict[str, Any] = {"kind": each.kind, "name": each.name}
        record |= {"level": each.level, "unit": each.unit}
        record |= dict(_place(conditions, r, measured, at))
        before = value[zero]
        record |= {name: one, "unperturbed": before, "difference": one - before}
        with np.errstate(divide="ignore", invalid="ignore"):
            record["log2_ratio"] = np.log2(one / before)
        record |= {"bound": bound[(e, r, *at)], "unperturbed_bound": bound[zero]}
        if at_zero is not None:
            record[AT_ZERO] = at_zero[(e, r, *at)]
        failed = state[(e, r, *at)]
        record["status"] = failed if failed != Status.SUCCESS.name else state[zero]
        records.append(record)
    return pd.DataFrame(records)


def _place(
    conditions: pd.DataFrame, row: int, measured: xr.DataArray, at: Sequence[int]
) -> Iterator[tuple[str, Any]]:
    """Where a row is: the label of its condition, and the levels of what is swept."""
    if conditions.columns.size:
        yield str(conditions.index.name or "condition"), conditions.index[row]
    for dim, k in zip(measured.dims[1:], at, strict=True):
        yield str(dim), measured[dim].values[k] if dim in measured.coords else k


def levels_of(frame: pd.DataFrame, name: str) -> list[str]:
    """Columns that say in which condition a row is."""
    own = {*OWN, *FOUND, name, "unperturbed", "beyond_sum"}
    return [column for column in frame.columns if column not in own]


def _ranked(frame: pd.DataFrame, name: str) -> pd.DataFrame:
    """Rows by condition, then by the size of the effect; those that failed at the end."""
    both = frame[[name, "unperturbed"]]
    positive = not (both < 0).any(axis=None) and not (frame["unperturbed"] == 0).any()
    size = frame["log2_ratio" if positive else "difference"].abs()
    places = levels_of(frame, name)
    groups = frame.groupby(places, sort=False).ngroup() if places else 0
    frame = frame.assign(size=size, group=groups, failed=size.isna())
    frame = frame.sort_values(["failed", "group", "size"], ascending=[True, True, False])
    rank = frame.groupby("group")["size"].rank(method="first", ascending=False)
    frame.insert(0, "rank", rank.astype("Int64"))
    return frame.drop(columns=["size", "group", "failed"]).reset_index(drop=True)


def _with_sums(frame: pd.DataFrame, name: str) -> pd.DataFrame:
    """With how far the log2 ratio of a pair is from the sum of those of its two."""
    places = levels_of(frame, name)
    single = {}
    for record in frame.to_dict("records"):
        if record["kind"] in (KNOCK_OUT, DRUG):
            single[record["name"], *(record[p] for p in places)] = record["log2_ratio"]
    beyond = []
    for record in frame.to_dict("records"):
        at = tuple(record[p] for p in places)
        parts = [single.get((part, *at), np.nan) for part in str(record["name"]).split(" + ")]
        pair = len(parts) == 2
        beyond.append(record["log2_ratio"] - sum(parts) if pair else np.nan)
    return frame.assign(beyond_sum=beyond)
