"""One set of values for which every check holds with a margin."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from .scores import Scorer
from .space import Space

Array = NDArray[np.float64]

# Margin that is asked for: ten percent moves most checked values by less.
MARGIN = 0.2

# Of the room that a two-sided bound leaves, at most this share.
SHARE_OF_ROOM = 0.6

# A margin short by this counts as much as a quantity one prior standard deviation away.
SHORTFALL = 0.1

# Weight of the prior against the checks: values may move as far as their ranges allow.
PRIOR_WEIGHT = 0.1

# Step of finite differences, in prior standard deviations: a few percent of a value.
STEP = 0.04


def targets(scorer: Scorer, margin: float = MARGIN) -> Array:
    """Margins (leaves,) that are asked for."""
    return np.minimum(margin, SHARE_OF_ROOM * scorer.room)


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
    report: Callable[[str], None] = print,
) -> Array:
    """Coordinates (quantities,) whose margins fall short of the targets as little as can be.

    Bounded least squares (scipy's trust region reflective) of the shortfalls and of the distance
    from the prior's centre, with finite differences over processes.
    """
    from scipy.optimize import least_squares

    wanted = targets(scorer, margin)
    low, high = space.bounds
    seen: dict[bytes, tuple[Array, Array]] = {}

    def at(z: Array) -> tuple[Array, Array]:
        key = z.tobytes()
        if key not in seen:
            seen.clear()
            seen[key] = jacobian(space, scorer, z)
            margins = seen[key][0]
            short = np.maximum(0.0, wanted - margins)
            report(
                f"{(margins >= 0).sum()} of {margins.size} values inside, shortfall"
                f" {np.square(short).sum():.4f}"
            )
        return seen[key]

    def residuals(z: Array) -> Array:
        margins = scorer.margins([space.values(z)])[0]
        short = np.maximum(0.0, wanted - margins) / SHORTFALL
        return np.concatenate([short, prior * z])

    def slopes(z: Array) -> Array:
        margins, slope = at(z)
        inside = (margins >= wanted)[:, None]
        return np.vstack([np.where(inside, 0.0, -slope / SHORTFALL), prior * np.eye(z.size)])

    z = np.zeros(len(space)) if start is None else start
    z = np.clip(z, low + 1e-6, high - 1e-6)
    found = least_squares(
        residuals, z, slopes, bounds=(low, high), x_scale=1.0, max_nfev=2 * iterations
    )
    result: Array = found.x
    return result
