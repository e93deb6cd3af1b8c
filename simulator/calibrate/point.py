"""One set of values for which every check holds with a margin."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from .cost import MARGIN, PRIOR_WEIGHT, SHORTFALL, Cost, targets
from .scores import Scorer
from .space import Space

Array = NDArray[np.float64]

# Longest moves that are tried in any quantity, in prior standard deviations.
RADII = (0.03, 0.1, 0.3, 0.7)

# Steps between two evaluations of the derivatives, and the gain of a step that is worth the next.
STEPS_PER_SLOPE = 6
LEAST_GAIN = 0.01

# Step of finite differences, in prior standard deviations: a few percent of a value.
STEP = 0.04


def jacobian(space: Space, scorer: Scorer, z: Array) -> tuple[Array, Array]:
    """Margins (leaves,) at z, and their derivatives (leaves, quantities), one-sided.

    Steps go away from the nearer bound.
    """
    low, high = space.bounds
    steps = np.where(high - z > z - low, STEP, -STEP)
    points = np.vstack([z, z + np.diag(steps)])
    margins = scorer.margins(space.values(point) for point in points)
    return margins[0], (margins[1:] - margins[0]).T / steps


def improve(
    space: Space,
    scorer: Scorer,
    start: Array | None = None,
    *,
    margin: float = MARGIN,
    iterations: int = 5,
    prior: float = PRIOR_WEIGHT,
    weights: Array | None = None,
    report: Callable[[str, Array], None] = lambda text, z: print(text),
) -> Array:
    """Coordinates (quantities,) whose margins fall short of the targets as little as can be.

    Gauss-Newton steps for the shortfalls and the distance from the prior's centre, inside the
    bounds: derivatives by finite differences once an iteration, then a few steps in which a
    secant (Broyden) keeps them current. Of several step lengths the best is taken.

    Parameters
    ----------
    weights
        Weight (leaves,) of each value; by default the scorer's, and 0 where values jump, since
        derivatives mislead there.
    report
        Called with a sentence and the coordinates after each step that helped.
    """
    wanted = targets(scorer, margin)
    weights = np.where(scorer.jumps, 0.0, scorer.weights) if weights is None else weights
    low, high = space.bounds
    cost = Cost(wanted, weights, prior)
    z = np.clip(np.zeros(len(space)) if start is None else start, low, high)
    for _ in range(iterations):
        margins, slope = jacobian(space, scorer, z)
        for _ in range(STEPS_PER_SLOPE):
            points = [
                linear_step(z, margins, slope, wanted, weights, prior, (low, high), radius)
                for radius in RADII
            ]
            found = scorer.margins(space.values(point) for point in points)
            costs = [cost(p, m) for p, m in zip(points, found, strict=True)]
            best = int(np.argmin(costs))
            before = cost(z, margins)
            slope = secant(slope, points[best] - z, found[best] - margins)
            if costs[best] >= before * (1 - LEAST_GAIN):
                break
            z, margins = points[best], found[best]
            report(
                f"{(margins >= 0).sum()} of {margins.size} values inside, cost {before:.2f} ->"
                f" {costs[best]:.2f}, step {RADII[best]}",
                z,
            )
    return z


def linear_step(
    z: Array,
    margins: Array,
    slope: Array,
    wanted: Array,
    weights: Array,
    prior: float,
    bounds: tuple[Array, Array],
    radius: float,
) -> Array:
    """Where the cost is least if margins were linear, at most `radius` away in any quantity."""
    from scipy.optimize import minimize

    scale = weights / SHORTFALL

    def cost(step: Array) -> tuple[float, Array]:
        short = scale * np.maximum(0.0, wanted - margins - slope @ step)
        moved = z + step
        value = float(short @ short + prior**2 * (moved @ moved))
        return value, -2 * slope.T @ (scale * short) + 2 * prior**2 * moved

    low, high = bounds
    box = list(zip(np.maximum(low - z, -radius), np.minimum(high - z, radius), strict=True))
    found = minimize(cost, np.zeros(z.size), jac=True, bounds=box, method="L-BFGS-B")
    moved: Array = z + found.x
    return moved


def secant(slope: Array, step: Array, change: Array) -> Array:
    """Broyden's update of derivatives (leaves, quantities) by what a step did."""
    length = float(step @ step)
    if length < STEP**2 / 100:
        return slope
    return slope + np.outer(change - slope @ step, step) / length
