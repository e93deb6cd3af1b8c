"""What a profile says of its parameter, in words."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from .likelihood import Scales

if TYPE_CHECKING:
    import pandas as pd
    import pypesto

    from .objective import Search

Array = NDArray[np.float64]

LEVEL = 0.95

AT_BOUND = 1e-3
"""An optimum this near to a bound, in the distance between the bounds, is at it."""

BETTER = 0.1
"""A profile that finds an objective lower by more than this shows that the optimum was none."""

IDENTIFIABLE = "identifiable"
ONE_SIDED = "one-sided"
FLAT = "flat"
BOUND = "at bound"
FAILED = "optimiser failed"


def allowed_rise(level: float = LEVEL) -> float:
    """By how much the objective of one parameter's profile may rise: half a chi2 quantile."""
    return float(stats.chi2.ppf(level, 1)) / 2


@dataclass(frozen=True)
class Verdict:
    """What a profile says.

    id : the parameter.  estimate : its optimum.  lower, upper : ends of its confidence interval,
    NaN where the profile crosses the threshold on no such side; all on linear scale.
    verdict : identifiable, one-sided, flat, at bound, or optimiser failed.  sentence : the same.
    """

    id: str
    estimate: float
    lower: float
    upper: float
    verdict: str
    sentence: str


@dataclass(frozen=True)
class _Side:
    """A half of a profile: where it crosses the threshold (NaN: nowhere), and how it ends."""

    crossing: float
    at_end: bool
    near: bool


def verdict_of(
    name: str, path: Any, place: int, lower: float, upper: float, scale: str, level: float = LEVEL
) -> Verdict:
    """The verdict on a profile.

    Parameters
    ----------
    path
        pyPESTO's ProfilerResult: `x_path` (free, points), `fval_path` (points,).
    place
        Which row of it is the parameter.
    lower, upper
        Its bounds, on the scale of the search.
    scale
        lin, log or log10.
    """
    x, rise = np.asarray(path.x_path)[place], np.asarray(path.fval_path, np.float64)
    optimum = _optimum(x, rise, path)
    rise = rise - rise[optimum]
    allowed = allowed_rise(level)
    span = upper - lower
    down = _side(x[optimum::-1], rise[optimum::-1], lower, span, allowed)
    up = _side(x[optimum:], rise[optimum:], upper, span, allowed)
    linear = Scales([scale] * 5).linear(
        np.array([x[optimum], down.crossing, up.crossing, lower, upper], np.float64)
    )
    better = float(-rise.min())
    kind, sentence = _words(down, up, linear.tolist(), level, better, str(path.message or ""))
    estimate, low, high = linear[:3].tolist()
    return Verdict(name, estimate, low, high, kind, f"{name} {sentence}")


def _optimum(x: Array, objective: Array, path: Any) -> int:
    """The point that the profile was walked from: both halves begin with it."""
    twice = np.flatnonzero((np.diff(x) == 0) & (np.diff(objective) == 0))
    return int(twice[0]) if len(twice) else int(np.argmin(objective))


def _side(x: Array, rise: Array, bound: float, span: float, allowed: float) -> _Side:
    span = span if math.isfinite(span) else max(abs(float(x[0])), 1.0)
    over = np.flatnonzero(rise > allowed)
    crossing = math.nan
    if len(over):
        k = int(over[0])
        part = (allowed - rise[k - 1]) / (rise[k] - rise[k - 1])
        crossing = float(x[k - 1] + part * (x[k] - x[k - 1]))
    at_end = bool(abs(x[-1] - bound) <= 1e-9 * span)
    return _Side(crossing, at_end, bool(abs(x[0] - bound) <= AT_BOUND * span))


def _words(
    down: _Side, up: _Side, linear: list[float], level: float, better: float, message: str
) -> tuple[str, str]:
    """The verdict and its sentence, without the parameter's name."""
    estimate, low, high, lower, upper = (f"{value:.3g}" for value in linear)
    crossed = [not math.isnan(side.crossing) for side in (down, up)]
    sure = f"({100 * level:g} %)"
    if better > BETTER:
        return FAILED, (
            f"is not at its optimum: its profile finds an objective that is lower by {better:.3g};"
            " fit again from more starts."
        )
    stopped = [
        not (c or side.at_end or side.near) for c, side in zip(crossed, (down, up), strict=True)
    ]
    if any(stopped):
        why = f" ({message})" if message else ""
        side = " and ".join(w for w, s in zip(("below", "above"), stopped, strict=True) if s)
        return FAILED, f"is not known {side} {estimate}: the refit failed there{why}."
    if all(crossed):
        return IDENTIFIABLE, f"is {estimate}, between {low} and {high} {sure}."
    near = (down.near and not crossed[0], up.near and not crossed[1])
    if any(near) and any(crossed):
        end, other = (f"lower bound {lower}", f"below {high}")
        if near[1]:
            end, other = (f"upper bound {upper}", f"above {low}")
        return BOUND, f"is at its {end}, and {other} {sure}; the bound, not the data, holds it."
    if crossed[0]:
        return (
            ONE_SIDED,
            f"is above {low} {sure}; up to its bound {upper} the data allow any value.",
        )
    if crossed[1]:
        return ONE_SIDED, (
            f"is below {high} {sure}; down to its bound {lower} the data allow any value."
        )
    return FLAT, f"may be anything between its bounds {lower} and {upper}: the data say nothing."


def verdicts(search: Search, result: pypesto.Result, level: float = LEVEL) -> pd.DataFrame:
    """The verdicts on all profiles of a result: a row for each, by id; see `Verdict`."""
    import pandas as pd

    paths = result.profile_result.list[-1] if result.profile_result.list else []
    found = [
        verdict_of(
            search.ids[k], path, k, search.lower[k], search.upper[k], search.scales.names[k], level
        )
        for k, path in enumerate(paths)
        if path is not None
    ]
    columns = ["id", "estimate", "lower", "upper", "verdict", "sentence"]
    rows = [[getattr(each, name) for name in columns] for each in found]
    return pd.DataFrame(rows, columns=columns).set_index("id")


def profile_table(search: Search, result: pypesto.Result, level: float = LEVEL) -> pd.DataFrame:
    """The points of all profiles with what is said of them; see `Problem.profile_table`."""
    import pandas as pd

    said = verdicts(search, result, level).drop(columns="sentence")
    parts = []
    for name, row in said.iterrows():
        k = search.ids.index(name)
        path, scale = result.profile_result.list[-1][k], search.scales.names[k]
        ends = Scales([scale] * 2).linear(np.array([search.lower[k], search.upper[k]]))
        own = {
            "value": Scales([scale]).linear(np.asarray(path.x_path)[k][:, None])[:, 0],
            "rise": np.asarray(path.fval_path) - float(result.optimize_result.list[0].fval),
        }
        fixed = {**row, "lower_bound": ends[0], "upper_bound": ends[1], "scale": scale}
        parts.append(pd.DataFrame(own).assign(**fixed))
    empty = pd.DataFrame(columns=["value", "rise", *said, "lower_bound", "upper_bound", "scale"])
    found = pd.concat(parts, keys=list(said.index)) if parts else empty
    if parts:
        found.index.names = ["parameter", "point"]
    found.attrs = {"level": level, "allowed_rise": allowed_rise(level)}
    return found
