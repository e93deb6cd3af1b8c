"""Measured bands, in the lanes that are drawn."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ..errors import ConditionError, did_you_mean
from .blot_lanes import Lanes, same_level

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

    Strip = tuple[NDArray[np.float64], list[str]]

#: Columns of a table of blots (docs/blots.md) that are no factor.
KNOWN = (
    "gel", "antibody", "lane", "time", "intensity", "observable", "loading", "censored", "upper",
    "replicate", "condition", "note",
)  # fmt: skip

SIGNS = {"below": "<", "above": ">", "between": "~"}


def measured_strips(
    table: "pd.DataFrame", names: Mapping[str, str], lanes: Lanes
) -> "dict[str, Strip]":
    """Row -> intensities (lanes,), NaN where none was measured, and signs of bounds.

    names : row -> its written name.
    """
    long = [name for name in ("antibody", "lane", "intensity") if name in table]
    found = _from_long(table, names, lanes) if len(long) == 3 else _from_wide(table, names, lanes)
    import numpy as np

    for name, (values, _) in found.items():
        if np.isinf(values).any() or (values < 0).any():
            raise ConditionError(
                f"plot_blot: measured: {name} has an intensity that is negative or infinite;"
                " subtract less background, or leave the band empty."
            )
    return found


def _row_of(antibody: Any, names: Mapping[str, str]) -> str:
    """The row that an antibody is measured for."""
    for name, written in names.items():
        if antibody in (name, written):
            return name
    raise ConditionError(
        f'plot_blot: measured: "{antibody}" is no row of the blot, which has'
        f" {', '.join(names)}; rename it, and leave out loading controls."
        f"{did_you_mean(antibody, [*names, *names.values()])}"
    )


def _from_wide(table: "pd.DataFrame", names: Mapping[str, str], lanes: Lanes) -> "dict[str, Strip]":
    """Of a table with a row for each antibody and a column for each lane."""
    import numpy as np

    if table.shape[1] != lanes.count:
        raise ConditionError(
            f"plot_blot: measured has {table.shape[1]} columns for {lanes.count} lanes; give one a"
            " lane, or a table with the columns antibody, lane and intensity."
        )
    found: dict[str, Strip] = {}
    for antibody, row in table.iterrows():
        name = _row_of(antibody, names)
        if name in found:
            raise ConditionError(f"plot_blot: measured: {antibody} has several rows; give one.")
        found[name] = (np.asarray(row, float), [""] * lanes.count)
    return found


def _from_long(table: "pd.DataFrame", names: Mapping[str, str], lanes: Lanes) -> "dict[str, Strip]":
    """Of a table with a row for each band."""
    import numpy as np

    table = table.rename(columns=lambda name: str(name).partition("[")[0].strip())
    places = _places(table, lanes)
    found: dict[str, Strip] = {}
    gels: dict[str, Any] = {}
    for place, (_, band) in zip(places, table.iterrows(), strict=True):
        name = _row_of(band["antibody"], names)
        values, signs = found.setdefault(name, (np.full(lanes.count, np.nan), [""] * lanes.count))
        if gels.setdefault(name, band.get("gel")) != band.get("gel"):
            raise ConditionError(
                f"plot_blot: measured: {name} is on the gels {gels[name]} and {band['gel']}, whose"
                " intensities cannot be compared; select one."
            )
        if not np.isnan(values[place]) or signs[place]:
            raise ConditionError(
                f"plot_blot: measured: {name} has several bands in lane {band['lane']}; select one"
                " replicate, or give their mean."
            )
        values[place] = float(band["intensity"])
        kind = "" if _empty(band.get("censored")) else str(band["censored"])
        if kind and kind not in SIGNS:
            raise ConditionError(
                f'plot_blot: measured: censored is "{kind}"; {", ".join(SIGNS)} or empty is meant.'
            )
        signs[place] = SIGNS.get(kind, "")
        if kind == "between":
            values[place] = (values[place] + float(band["upper"])) / 2
    return found


def _places(table: "pd.DataFrame", lanes: Lanes) -> list[int]:
    """The lane drawn of each row of a table: by what was done, else by the order of its lanes."""
    if lanes.differs and all(factor in table for factor in lanes.differs):
        return [_lane_of(band, lanes) for _, band in table.iterrows()]
    levels = list(dict.fromkeys(table["lane"]))
    if all(str(level).isdigit() for level in levels):
        levels.sort(key=int)
    if len(levels) != lanes.count:
        lacking = [factor for factor in lanes.differs if factor not in table]
        raise ConditionError(
            f"plot_blot: measured has {len(levels)} lanes and {lanes.count} are drawn; give as"
            f" many, or say in columns what was done ({', '.join(lacking)})."
        )
    return [levels.index(level) for level in table["lane"]]


def _lane_of(band: "pd.Series[Any]", lanes: Lanes) -> int:
    """The one lane in which was done what was done to a measured one."""
    factors = [name for name in band.index if name not in KNOWN or name in lanes.differs]
    factors += ["time"] if "time" in band.index and "time" in lanes.same else []
    for place in range(lanes.count):
        if all(_agrees(name, band[name], place, lanes) for name in factors):
            return place
    done = ", ".join(f"{name} {band[name]}" for name in factors if not _empty(band[name]))
    raise ConditionError(
        f"plot_blot: measured: lane {band['lane']} ({done or 'nothing done'}) is none of the"
        " simulated lanes; simulate it, or leave it out."
    )


def _agrees(factor: str, level: Any, place: int, lanes: Lanes) -> bool:
    """Whether a factor of a measured lane is as in a lane drawn; empty is: not done."""
    if factor in lanes.differs:
        drawn = lanes.differs[factor][place]
    else:
        drawn = lanes.same.get(factor, 0)
    if _empty(level):
        return factor in ("cell", "time") or str(drawn).casefold() in ("none", "0", "0.0")
    try:
        return same_level(drawn, level if isinstance(drawn, str) else float(level))
    except ValueError:
        return False


def _empty(value: Any) -> bool:
    return value is None or value != value or str(value).strip().casefold() in ("", "none")
