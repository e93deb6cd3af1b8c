"""Lines through values some of which are only known to lie below or above a bound: normal noise."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import log_ndtr

Array = NDArray[np.float64]

STEPS, HALVINGS = 100, 60
CURVATURE = 1e-13  # of scaled unknowns; what bends less is taken to be undetermined
NEAR, CONVERGED = 1e-9, 1e-18  # gains of a step: it is good as it is; it was the last
VANISHED = 1e-12  # sigma, relative to what is measured
TINY = 1e-300
LOG_ROOT = 0.5 * math.log(2.0 * math.pi)


class BestLines(NamedTuple):
    """The best coefficients (columns,), sigma, scores and weights (values,) and log-likelihood.

    Scores and weights are the first and the negative second derivatives of the log-likelihood by
    the values' means. `problem`: why there is no best; empty if there is one.
    """

    coefficients: Array
    sigma: float
    scores: Array
    weights: Array
    log_likelihood: float
    problem: str


class _Point(NamedTuple):
    """The log-likelihood, and its first two derivatives by the residuals (values,) for 1/sigma."""

    value: float
    first: Array
    second: Array


def _density(residuals: Array, sides: NDArray[np.intp], inverse: float) -> _Point:
    """What standardised residuals (values,) say.

    Exact values: ln(1/sigma) - r^2/2; the others: ln of the normal distribution function of r
    (value below) or -r (above).
    """
    exact = sides == 0
    w = np.where(exact, 0.0, -sides * residuals)
    below = log_ndtr(w)
    ratio = np.exp(-0.5 * w * w - LOG_ROOT - below)  # density over distribution function
    each = np.where(exact, math.log(inverse) - LOG_ROOT - 0.5 * residuals**2, below)
    first = np.where(exact, -residuals, -sides * ratio)
    second = np.where(exact, -1.0, -ratio * (ratio + w))
    return _Point(float(each.sum()), first, second)


def best_lines(
    design: Array,
    rest: Array,
    sides: NDArray[np.intp],
    start: tuple[Array, float],
    limits: Array,
    sigma_limits: tuple[float, float],
) -> BestLines:
    """The most likely coefficients and sigma of ``rest = design @ coefficients + noise``.

    In the unknowns coefficients/sigma and 1/sigma the log-likelihood is concave. Bounds are active
    sets: what comes out beyond its bound is held there, and let go where the slope points inside.

    Parameters
    ----------
    design, rest, sides
        (values, columns), (values,) and (values,): -1 for a value below `rest`, 1 above, 0 exact.
    start
        Coefficients (columns,) and a positive sigma.
    limits
        (columns, 2) smallest and largest coefficients.
    """
    columns = design.shape[1]
    coefficients, sigma = np.clip(start[0], *limits.T), float(np.clip(start[1], *sigma_limits))
    # Rows of limits: the coefficients', then those of sigma. held: -1 at the lower, 1 at the upper.
    held = np.zeros(columns + 1, np.intp)
    everything: Array = np.r_[limits, [sigma_limits]]
    problem = ""
    for _ in range(4 * columns + 8):
        free = held == 0
        moved = free[:columns]
        known = rest - design[:, ~moved] @ coefficients[~moved]
        found = _newton(design[:, moved], known, sides, coefficients[moved], sigma, bool(free[-1]))
        coefficients[moved], sigma, problem = found
        values = np.r_[coefficients, sigma]
        below, above = values < everything[:, 0], values > everything[:, 1]
        slopes = _slopes(design, rest, sides, coefficients, sigma)
        leave = (held * slopes < 0.0) & ~free & ~(below | above)
        if problem or not (below.any() or above.any() or leave.any()):
            break
        held = np.where(below, -1, np.where(above, 1, np.where(leave, 0, held)))
        values = np.clip(values, *everything.T)
        coefficients, sigma = values[:-1], float(values[-1])
    else:
        problem = "its bounds cannot all be met"
    point = _density((rest - design @ coefficients) / sigma, sides, 1.0 / sigma)
    scores, weights = -point.first / sigma, -point.second / sigma**2
    return BestLines(coefficients, sigma, scores, weights, point.value, problem)


def _slopes(
    design: Array, rest: Array, sides: NDArray[np.intp], coefficients: Array, sigma: float
) -> Array:
    """Derivatives of the log-likelihood by the coefficients and by sigma."""
    residuals = (rest - design @ coefficients) / sigma
    first = _density(residuals, sides, 1.0 / sigma).first
    exact = np.count_nonzero(sides == 0)
    slopes: Array = np.r_[-design.T @ first, -first @ residuals - exact]
    return slopes / sigma


def _newton(
    design: Array,
    rest: Array,
    sides: NDArray[np.intp],
    coefficients: Array,
    sigma: float,
    free_sigma: bool,
) -> tuple[Array, float, str]:
    """Coefficients and sigma without bounds, and what is wrong with them.

    Unknowns of a step, at coefficients c: (those of the next point - c)/sigma, and 1/sigma.
    """
    exact = np.count_nonzero(sides == 0)
    smallest, last = VANISHED * float(np.abs(rest).max()), math.inf
    for _ in range(STEPS):
        columns = np.c_[-design, rest - design @ coefficients]
        point = _density(columns[:, -1] / sigma, sides, 1.0 / sigma)
        own = columns if free_sigma else columns[:, :-1]
        slope = own.T @ point.first
        bend = -(own.T * point.second) @ own
        if free_sigma:
            slope[-1] += exact * sigma
            bend[-1, -1] += exact * sigma**2
        root = np.sqrt(np.maximum(np.diag(bend), TINY))
        size, turn = np.linalg.eigh(bend / np.outer(root, root))
        if size.min(initial=1.0) < CURVATURE:
            return coefficients, sigma, "its values do not determine it and the scales"
        step = turn @ (turn.T @ (slope / root) / size) / root
        gain = float(slope @ step)  # twice what a quadratic function would gain
        whole = step if free_sigma else np.r_[step, 0.0]
        part = _part(columns, sides, sigma, whole, point.value, gain)
        sigma = sigma / (1.0 + part * whole[-1] * sigma)
        coefficients = coefficients + part * whole[:-1] * sigma
        if sigma <= smallest:
            return coefficients, sigma, "it vanishes"
        if gain < CONVERGED or NEAR > gain >= last:  # the latter is rounding
            return coefficients, sigma, ""
        last = gain
    return coefficients, sigma, "its best value was not found"


def _part(
    columns: Array, sides: NDArray[np.intp], sigma: float, step: Array, value: float, gain: float
) -> float:
    """How much of a step to take: 1, or halved until the log-likelihood grows."""
    part = 1.0
    if step[-1] < 0.0:  # 1/sigma stays positive
        part = min(part, -0.9 / (sigma * step[-1]))
    for _ in range(HALVINGS if gain > NEAR else 0):
        there = part * step + np.r_[np.zeros(len(step) - 1), 1.0 / sigma]
        if _density(columns @ there, sides, there[-1]).value >= value + 1e-4 * part * gain:
            break
        part *= 0.5
    return part
