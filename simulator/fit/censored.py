"""Lines through values some of which are only known to lie in an interval: normal noise."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from .intervals import LOG_ROOT, interval_terms

Array = NDArray[np.float64]

STEPS, HALVINGS = 100, 60
CURVATURE = 1e-13  # of scaled unknowns; what bends less is taken to be undetermined
NEAR, CONVERGED = 1e-9, 1e-18  # gains of a step: it is good as it is; it was the last
VANISHED = 1e-12  # sigma, relative to what is measured
TINY = 1e-300


class BestLines(NamedTuple):
    """The best coefficients (columns,), sigma, scores (values,) and log-likelihood.

    Scores are the derivatives of the log-likelihood by the values' means. `problem`: why there is
    no best; empty if there is one.
    """

    coefficients: Array
    sigma: float
    scores: Array
    log_likelihood: float
    problem: str


class _Point(NamedTuple):
    """The log-likelihood of values, and its derivatives by their residuals r and by 1/sigma.

    first, second, mixed : (values,) first and negative second derivatives by r, and by r and
        1/sigma.  slope, bend : those by 1/sigma at fixed r, of all values.
    """

    value: float
    first: Array
    second: Array
    mixed: Array
    slope: float
    bend: float


class Values(NamedTuple):
    """What was measured; all (values,).

    rest : numbers, for values in an interval its lower end.  sides : -1 for a value below `rest`,
    1 above, 2 from `rest` on by `width`, 0 exact.
    """

    rest: Array
    sides: NDArray[np.intp]
    width: Array


def _density(residuals: Array, known: Values, inverse: float) -> _Point:
    """What standardised residuals (values,) say.

    Exact values: ln(1/sigma) - r^2/2; the others: the probability of their interval.
    """
    sides, exact = known.sides, known.sides == 0
    width = known.width * inverse
    lower = np.where(sides < 0, -np.inf, np.where(exact, 0.0, residuals))
    upper = np.where(sides == 2, residuals + width, np.where(sides < 0, residuals, np.inf))
    terms = interval_terms(lower, upper)
    each = np.where(exact, math.log(inverse) - LOG_ROOT - 0.5 * residuals**2, terms.log_probability)
    first = np.where(exact, -residuals, -terms.score)
    second = np.where(exact, 1.0, terms.information[:, 0, 0])
    by_width = np.where(sides == 2, known.width, 0.0)
    slope = np.where(exact, 1.0 / inverse, by_width * terms.upper_score)
    bend = np.where(exact, 1.0 / inverse**2, by_width**2 * terms.upper_information)
    mixed = by_width * terms.upper_mixed
    return _Point(float(each.sum()), first, second, mixed, float(slope.sum()), float(bend.sum()))


def best_lines(
    design: Array,
    known: Values,
    start: tuple[Array, float],
    limits: Array,
    sigma_limits: tuple[float, float],
) -> BestLines:
    """The most likely coefficients and sigma of ``rest = design @ coefficients + noise``.

    In the unknowns coefficients/sigma and 1/sigma the log-likelihood is concave. Bounds are active
    sets: what comes out beyond its bound is held there, and let go where the slope points inside.

    Parameters
    ----------
    design
        (values, columns).
    start
        Coefficients (columns,) and a positive sigma.
    limits
        (columns, 2) smallest and largest coefficients.
    sigma_limits
        Smallest and largest sigma; it is fixed where they are equal.
    """
    columns = design.shape[1]
    coefficients, sigma = np.clip(start[0], *limits.T), float(np.clip(start[1], *sigma_limits))
    # Rows of limits: the coefficients', then those of sigma. held: -1 at the lower, 1 at the upper.
    everything: Array = np.r_[limits, [sigma_limits]]
    fixed = everything[:, 0] == everything[:, 1]
    held = np.where(fixed, -1, 0)
    problem = ""
    for _ in range(4 * columns + 8):
        free = held == 0
        moved = free[:columns]
        rest = known.rest - design[:, ~moved] @ coefficients[~moved]
        here = known._replace(rest=rest)
        found = _newton(design[:, moved], here, coefficients[moved], sigma, bool(free[-1]))
        coefficients[moved], sigma, problem = found
        problem = "" if sigma < sigma_limits[0] else problem
        values = np.r_[coefficients, sigma]
        below, above = values < everything[:, 0], values > everything[:, 1]
        slopes = _slopes(design, known, coefficients, sigma)
        leave = (held * slopes < 0.0) & ~free & ~(below | above | fixed)
        if problem or not (below.any() or above.any() or leave.any()):
            break
        held = np.where(below, -1, np.where(above, 1, np.where(leave, 0, held)))
        values = np.clip(values, *everything.T)
        coefficients, sigma = values[:-1], float(values[-1])
    else:
        problem = "its bounds cannot all be met"
    point = _density((known.rest - design @ coefficients) / sigma, known, 1.0 / sigma)
    return BestLines(coefficients, sigma, -point.first / sigma, point.value, problem)


def _slopes(design: Array, known: Values, coefficients: Array, sigma: float) -> Array:
    """Derivatives of the log-likelihood by the coefficients and by sigma."""
    residuals = (known.rest - design @ coefficients) / sigma
    point = _density(residuals, known, 1.0 / sigma)
    by_sigma = -point.first @ residuals - point.slope / sigma
    slopes: Array = np.r_[-design.T @ point.first, by_sigma]
    return slopes / sigma


def _newton(
    design: Array,
    known: Values,
    coefficients: Array,
    sigma: float,
    free_sigma: bool,
) -> tuple[Array, float, str]:
    """Coefficients and sigma without bounds, and what is wrong with them.

    Unknowns of a step, at coefficients c: (those of the next point - c)/sigma, and 1/sigma.
    """
    rest = known.rest
    smallest, last = VANISHED * float(np.abs(rest).max()), math.inf
    for _ in range(STEPS):
        columns = np.c_[-design, rest - design @ coefficients]
        point = _density(columns[:, -1] / sigma, known, 1.0 / sigma)
        own = columns if free_sigma else columns[:, :-1]
        slope = own.T @ point.first
        bend = (own.T * point.second) @ own
        if free_sigma:
            slope[-1] += point.slope
            bend[-1, -1] += point.bend
            mixed = own.T @ point.mixed
            bend[:, -1] += mixed
            bend[-1] += mixed
        root = np.sqrt(np.maximum(np.diag(bend), TINY))
        size, turn = np.linalg.eigh(bend / np.outer(root, root))
        if size.min(initial=1.0) < CURVATURE:
            return coefficients, sigma, "its values do not determine it and the scales"
        step = turn @ (turn.T @ (slope / root) / size) / root
        gain = float(slope @ step)  # twice what a quadratic function would gain
        whole = step if free_sigma else np.r_[step, 0.0]
        part = _part(columns, known, sigma, whole, point.value, gain)
        sigma = sigma / (1.0 + part * whole[-1] * sigma)
        coefficients = coefficients + part * whole[:-1] * sigma
        if sigma <= smallest:
            return coefficients, sigma, "it vanishes"
        if gain < CONVERGED or NEAR > gain >= last:  # the latter is rounding
            return coefficients, sigma, ""
        last = gain
    return coefficients, sigma, "its best value was not found"


def _part(
    columns: Array, known: Values, sigma: float, step: Array, value: float, gain: float
) -> float:
    """How much of a step to take: 1, or halved until the log-likelihood grows."""
    part = 1.0
    if step[-1] < 0.0:  # 1/sigma stays positive
        part = min(part, -0.9 / (sigma * step[-1]))
    for _ in range(HALVINGS if gain > NEAR else 0):
        there = part * step + np.r_[np.zeros(len(step) - 1), 1.0 / sigma]
        if _density(columns @ there, known, there[-1]).value >= value + 1e-4 * part * gain:
            break
        part *= 0.5
    return part
