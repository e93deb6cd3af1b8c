"""What a pathway map shows of a run: a number for each node, and what was done to the cell."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ..errors import ConditionError, did_you_mean
from .pathway_layout import PathwayMap
from .style import unit_text

if TYPE_CHECKING:
    import xarray as xr

#: Coordinates by which a run names what was done to its genes, and what they say of nothing done.
GENETIC = {
    "alteration": "no alteration",
    "knockout": "no knock-out",
    "expression": "unchanged expression",
}


def one_run(ds: "xr.Dataset", layout: PathwayMap, call: str, what: str = "ds") -> "xr.Dataset":
    """One run at one time, dimensions of length 1 dropped, with all that the map shows.

    Raises ConditionError where dimensions are left, or an output is missing.
    """
    check_outputs(ds, layout, call, what)
    shown = ds[layout.outputs].squeeze()
    if shown.sizes:
        dims = ", ".join(f"{name} ({size})" for name, size in shown.sizes.items())
        raise ConditionError(
            f"{call} draws one run at one time, but {what} still has {dims}: select one level of"
            " each, or draw several maps with plot_pathways."
        )
    return ds[[*layout.outputs, "status"]].squeeze() if "status" in ds else shown


def check_outputs(ds: "xr.Dataset", layout: PathwayMap, call: str, what: str) -> None:
    """ConditionError where an output that the map shows is missing."""
    if not hasattr(ds, "data_vars"):
        raise ConditionError(
            f"{call}: {what} is the Dataset of a simulation, not one output of it."
        )
    missing = [id for id in layout.outputs if id not in ds]
    if missing:
        raise ConditionError(
            f'{call}: {what} has no "{missing[0]}"'
            + (f" and {len(missing) - 1} more of the map's outputs" if len(missing) > 1 else "")
            + ", ask for them: simulate(outputs=pathway_map(model).outputs, ...)."
            + did_you_mean(missing[0], map(str, ds.data_vars))
        )


def values_of(run: "xr.Dataset", layout: PathwayMap) -> dict[str, float]:
    """Node -> its value; what is smaller than the run's absolute tolerance counts as 0."""
    tolerance = float(run.attrs.get("atol", 0.0))
    found = {}
    for id, node in layout.nodes.items():
        value = float(run[node.shows])
        found[id] = 0.0 if abs(value) <= tolerance else value
    return found


def folds(run: "xr.Dataset", reference: "xr.Dataset", layout: PathwayMap) -> dict[str, float]:
    """Node -> log2(run / reference); infinite where one is 0, NaN where both are or one is NaN."""
    before = values_of(reference, layout)
    return {id: _log2_ratio(value, before[id]) for id, value in values_of(run, layout).items()}


def _log2_ratio(value: float, reference: float) -> float:
    if value == 0 and reference > 0:
        return -math.inf
    if reference == 0 and value > 0:
        return math.inf
    return math.log2(value / reference) if value > 0 and reference > 0 else math.nan


def shares_of_maximum(
    run: "xr.Dataset", scale_by: "xr.Dataset", layout: PathwayMap
) -> dict[str, float]:
    """Node -> its value over the largest of it in `scale_by`; NaN where that is 0."""
    found = {}
    tolerance = float(scale_by.attrs.get("atol", 0.0))
    for id, value in values_of(run, layout).items():
        most = float(scale_by[layout.nodes[id].shows].max())
        found[id] = value / most if most > tolerance else math.nan
    return found


def plain_shares(run: "xr.Dataset", layout: PathwayMap, call: str) -> dict[str, float]:
    """Node -> its value, where all are shares; ConditionError where one is not."""
    for id, node in layout.nodes.items():
        units = str(run[node.shows].attrs.get("units", ""))
        if units not in ("1", "dimensionless") or float(run[node.shows]) > 1 + 1e-6:
            raise ConditionError(
                f'{call}: node "{id}" shows {node.shows} ({units or "no unit"}), which is no share'
                " of 1: give scale_by= (runs whose largest values are 1) or reference= (the run to"
                " compare with)."
            )
    return values_of(run, layout)


@dataclass(frozen=True, slots=True)
class Done:
    """What was done to the cell of one run.

    drugs : drug or ligand present at the run's time -> dose with its unit, as text.
    """

    drugs: Mapping[str, str] = field(default_factory=dict)
    knocked_out: tuple[str, ...] = ()
    altered: Mapping[str, str] = field(default_factory=dict)  # alteration -> gene
    expressed: Mapping[str, float] = field(default_factory=dict)  # gene -> factor


def done_to(run: "xr.Dataset", layout: PathwayMap) -> Done:
    """What the coordinates of a run say of its condition."""
    given = dict(_scalars(run))
    time = float(given.get("time", 0.0))
    drugs = {}
    for drug, unit in layout.doses.items():
        dose = _dose_at(given.get(drug, 0.0), time)
        if dose > 0:
            drugs[drug] = f"{dose:.3g} {unit_text(unit)}"
    altered = {name: layout.altered.get(name, "") for name in _names(given.get("alteration"))}
    expressed = {}
    for part in str(given.get("expression", "none")).split(","):
        gene, equals, factor = part.partition("=")
        if equals:
            expressed[gene] = float(factor)
    for name, value in given.items():
        if name.startswith("expression:"):
            expressed[name.partition(":")[2]] = float(value)
    changed = {gene: factor for gene, factor in expressed.items() if factor != 1}
    return Done(drugs, tuple(_names(given.get("knockout"))), altered, changed)


def condition_text(run: "xr.Dataset", layout: PathwayMap, without: tuple[str, ...] = ()) -> str:
    """The run in words: `SUPT1, NRAS_G12D, prednisolone 1 µM, 24 h`; absent drugs are not named.

    without : coordinates that are told elsewhere.
    """
    given = {name: value for name, value in _scalars(run) if name not in without}
    first = [name for name in ("cell", *GENETIC) if name in given]
    last = [name for name in ("time",) if name in given]
    order = [*first, *(name for name in given if name not in (*first, *last)), *last]
    words = [level_text(run, name, given[name], layout) for name in order]
    if "status" in run and str(run["status"].values) != "SUCCESS":
        words.append(f"run failed ({run['status'].values})")
    return ", ".join(word for word in words if word)


def reference_text(run: "xr.Dataset", reference: "xr.Dataset", layout: PathwayMap) -> str:
    """A reference by what differs: `the run with no alteration`, `the run at 0 h`.

    run : one run, or several of which the reference differs.
    """
    ours, theirs = dict(_scalars(run)), dict(_scalars(reference))
    differing = []
    along = {name for name, values in run.coords.items() if values.size > 1} - set(run.dims)
    for name in dict.fromkeys([*theirs, *ours]):
        if name in along:  # told by the level of its dimension
            continue
        mine = level_text(run, name, ours[name], layout) if name in ours else ""
        other = level_text(reference, name, theirs[name], layout) if name in theirs else ""
        if mine != other or (name in run.dims and name in theirs):
            none = f"no {name}" if name in layout.doses else f"the model's {name}"
            differing.append((name, other or GENETIC.get(name.partition(":")[0], none)))
    conditions = ", ".join(word for name, word in differing if name != "time")
    times = [word for name, word in differing if name == "time"]
    if not differing:
        return "the reference"
    return (
        "the run"
        + (f" with {conditions}" if conditions else "")
        + "".join(f" at {time}" for time in times)
    )


def level_text(run: "xr.Dataset", name: str, value: Any, layout: PathwayMap) -> str:
    """One level of a coordinate in words; empty for a dose of 0 and for no genetic change."""
    unit = unit_text(str(run[name].attrs.get("units", layout.doses.get(name, ""))))
    number = value if isinstance(value, str) else f"{value:.4g}"
    amount = f"{number} {unit}".strip() if unit not in ("1", "dimensionless") else number
    if name == "time":
        return amount
    if name in layout.doses:
        return f"{name} {amount}" if value not in (0, "none") else ""
    if name.startswith("expression:"):
        return f"{name.partition(':')[2]} ×{value:g}" if value != 1 else ""
    if name == "expression":
        return "" if value in ("none", "") else str(value).replace("=", " ×").replace(",", ", ")
    if name in GENETIC or name == "cell":
        parts = list(_names(value))
        return f"{'+'.join(parts)} knocked out" if parts and name == "knockout" else "+".join(parts)
    return f"{name} {value}" if isinstance(value, str) else f"{name} = {amount}"


def _scalars(run: "xr.Dataset") -> Iterator[tuple[str, Any]]:
    """The run's coordinates that are one level and say something: no empty text, no NaN."""
    for name, values in run.coords.items():
        if values.size != 1:
            continue
        value = values.values.item()
        empty = value == "" if isinstance(value, str) else value != value
        if not empty:
            yield str(name), value


def _names(level: Any) -> Iterator[str]:
    """The names of a level such as `BIM+PUMA`."""
    yield from (name for name in str(level or "none").split("+") if name not in ("none", ""))


def _dose_at(level: Any, time: float) -> float:
    """The dose in force at a time; `1@0,0@24` is 1 from 0 and 0 from 24 on."""
    if not isinstance(level, str):
        return float(level)
    dose = 0.0
    for step in level.split(","):
        amount, at, since = step.partition("@")
        if at and float(since) <= time:
            dose = float(amount)
    return dose
