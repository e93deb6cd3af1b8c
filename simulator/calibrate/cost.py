"""What a fit makes small: how far margins fall short of what is asked, and how far values moved."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .scores import Scorer

Array = NDArray[np.float64]

# Margin that is asked for: ten percent moves most checked values by less.
MARGIN = 0.2

# Of the room that a bound leaves, at most this share.
SHARE_OF_ROOM = 0.6

# A margin short by this counts as much as a quantity one prior standard deviation away.
SHORTFALL = 0.1

# Weight of the prior against the checks: values may move as far as their ranges allow.
PRIOR_WEIGHT = 0.1

# What a value outside its bound costs on top, where the cost may jump: more than twice what the
# margin itself costs at the bound.
FAILING = 10.0


def targets(scorer: Scorer, margin: float = MARGIN) -> Array:
    """Margins (leaves,) that are asked for."""
    return np.minimum(margin, SHARE_OF_ROOM * scorer.room)


@dataclass(frozen=True, eq=False)
class Cost:
    """Sum of squared shortfalls, of the distance from the prior's centre, and of failing values.

    Parameters
    ----------
    wanted
        Margins (leaves,) that are asked for.
    weights
        Factors (leaves,) of the shortfalls; 0 leaves a value out.
    prior
        Weight of a quantity's distance from the centre.
    failing
        Cost of a value outside its bound, times its weight.
    """

    wanted: Array
    weights: Array
    prior: float = PRIOR_WEIGHT
    failing: float = 0.0

    def shortfalls(self, margins: Array) -> Array:
        """How far margins (leaves,) fall short, weighted, in units of SHORTFALL."""
        short: Array = self.weights * np.maximum(0.0, self.wanted - margins) / SHORTFALL
        return short

    def __call__(self, z: Array, margins: Array) -> float:
        """The cost of coordinates (quantities,) with these margins (leaves,)."""
        short = self.shortfalls(margins)
        outside = float(self.weights @ (margins < 0))
        return float(short @ short + self.prior**2 * (z @ z)) + self.failing * outside
