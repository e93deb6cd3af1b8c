"""An ensemble of sets of values that all meet the checks, spread as their plausible ranges allow.

Randomised maximum likelihood (Kitanidis 1995, doi:10.1029/95WR01945; Oliver, He & Reynolds 1996;
called randomise-then-optimise by Bardsley et al. 2014, doi:10.1137/140964023): each member is drawn
from the prior and then moved as little as possible, in standard deviations of the prior, until the
checks hold. For a linear model and Gaussian errors that samples the posterior; here it is an
approximation, and what counts is checked: only sets that pass are kept.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from .point import SHORTFALL, jacobian, secant, targets
from .scores import Scorer
from .space import Space

Array = NDArray[np.float64]

# Share of the checks that a member must pass.
PASSING = 0.984

# Corrections of a draw before it is given up.
CORRECTIONS = 6

# Longest step of one correction in any quantity, in prior standard deviations.
LONGEST = 0.5

# Times that values which a correction would lose are taken into account.
ACTIVE_SETS = 4

# Draws that are corrected together.
TOGETHER = 64


class Drawn(NamedTuple):
    """Coordinates (members, quantities) of sets of values that pass, and how many were tried."""

    z: Array
    draws: int


def draw_members(
    space: Space,
    scorer: Scorer,
    start: Array,
    count: int,
    seed: int,
    *,
    spread: float = 0.3,
    margin: float = 0.05,
    most: int = 8,
    report: Callable[[str], None] = print,
) -> Drawn:
    """Draw sets of values that pass: `count` of them, or fewer where too few draws do.

    Parameters
    ----------
    start
        Coordinates (quantities,) of the point estimate, around which members are drawn.
    spread
        Standard deviation of the draws, in those of the prior.
    margin
        Margin by which checks are asked to hold.
    most
        Draws per wanted member before it is given up.
    """
    rng = np.random.default_rng(seed)
    low, high = space.bounds
    wanted = targets(scorer, margin)
    at_start, slope = jacobian(space, scorer, start)
    # what the point estimate does not reach is not asked of members either
    wanted = np.minimum(wanted, np.maximum(at_start, 0.0))
    kept: list[Array] = []
    drawn = 0
    while len(kept) < count and drawn < most * count:
        aims = start + spread * rng.standard_normal((TOGETHER, len(space)))
        aims = np.clip(aims, low, high)
        found = _corrected(space, scorer, aims, slope, wanted)
        drawn += TOGETHER
        kept += list(found)
        report(f"{len(kept)} of {drawn} draws pass")
    return Drawn(np.array(kept[:count]).reshape(-1, len(space)), drawn)


def _corrected(space: Space, scorer: Scorer, aims: Array, slope: Array, wanted: Array) -> Array:
    """The draws that pass, some after corrections. aims : (draws, quantities)."""
    low, high = space.bounds
    z = aims.copy()
    slopes = [slope] * len(z)
    margins = scorer.margins(space.values(each) for each in z)
    passing = scorer.passed(margins).mean(axis=1) >= PASSING
    for _ in range(CORRECTIONS):
        open_ = np.flatnonzero(~passing)
        if not open_.size:
            break
        moved = [np.clip(z[i] + _step(margins[i], slopes[i], wanted), low, high) for i in open_]
        found = scorer.margins(space.values(each) for each in moved)
        for i, to, now in zip(open_, moved, found, strict=True):
            slopes[i] = secant(slopes[i], to - z[i], now - margins[i])
            z[i], margins[i] = to, now
        passing[open_] = scorer.passed(found).mean(axis=1) >= PASSING
    kept: Array = z[passing]
    return kept


def _step(margins: Array, slope: Array, wanted: Array) -> Array:
    """The step (quantities,) that weighs its own length against what falls short after it.

    Minimises |s|^2 + |short|^2 / SHORTFALL^2, short linear in s, by the normal equations in the
    space of the values that fall short; those that the step itself would make fall short join them.
    """
    step = np.zeros(slope.shape[1])
    short = np.zeros(margins.size, bool)
    for _ in range(ACTIVE_SETS):
        joined = short | (margins + slope @ step < wanted)
        if (joined == short).all():
            break
        short = joined
        a = slope[short] / SHORTFALL
        b = (wanted[short] - margins[short]) / SHORTFALL
        step = a.T @ np.linalg.solve(a @ a.T + np.eye(b.size), b)
    longest = np.abs(step).max(initial=0.0)
    return step * min(1.0, LONGEST / longest) if longest > 0 else step
