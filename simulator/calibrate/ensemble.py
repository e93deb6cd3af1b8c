"""An ensemble of sets of values that all meet the checks, spread as their plausible ranges allow.

Every member is a random walk that starts at the point estimate. Its steps are those of the
preconditioned Crank-Nicolson proposal (Cotter et al. 2013, doi:10.1214/13-STS421), which leaves the
prior as it is: without checks the walks would become draws from the prior. A proposal is moved as
little as possible, in standard deviations of the prior, until the checks hold (randomised maximum
likelihood: Kitanidis 1995, doi:10.1029/95WR01945; Oliver, He & Reynolds 1996), and taken only if
nearly all do, as in approximate Bayesian computation by Markov chains (Marjoram et al. 2003,
doi:10.1073/pnas.0306899100). The correction makes it an approximation of the prior restricted to
where the checks hold; what counts is checked: the share of them that every member holds.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from .cost import SHORTFALL, targets
from .point import jacobian, secant
from .scores import Scorer
from .space import Space

Array = NDArray[np.float64]

# Share of the checks which the point estimate holds that a member must hold: combination indices
# jump where no derivative warns, and to ask for all would keep walks from going anywhere.
PASSING = 0.98

# Corrections of a proposal before it is given up.
CORRECTIONS = 4

# Longest step of one correction in any quantity, in prior standard deviations.
LONGEST = 0.5

# Times that values which a correction would lose are taken into account.
ACTIVE_SETS = 4

# Proposals that a walk may try for each of its steps.
TRIES = 3


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
    steps: int = 3,
    margin: float = 0.05,
    report: Callable[[str], None] = print,
) -> Drawn:
    """Draw sets of values that hold nearly every check (PASSING) which the point estimate holds.

    `count` of them, or fewer: a walk that never found a place to go is no member. Values of weight
    0, hypotheses among them, are not asked of members; all others are, alike.

    Parameters
    ----------
    start
        Coordinates (quantities,) of the point estimate.
    spread
        Standard deviation of the walks' ends where no check holds them, in those of the prior.
    steps
        Steps of each walk: more of them go further where single long ones would lose checks.
    margin
        Margin by which corrections ask checks to hold.
    """
    at_start, slope = jacobian(space, scorer, start)
    held = scorer.passed(at_start[None])[0] & scorer.counted
    # what the point estimate does not reach is not asked of members either
    wanted = np.minimum(targets(scorer, margin), np.maximum(at_start, 0.0))
    wanted[scorer.weights == 0] = -np.inf
    walks = [Walk(start, slope, 0)] * count
    length = step_length(spread, steps)
    draws = 0
    for step in range(steps):
        waiting = np.arange(count)
        for attempt in range(TRIES):
            # noise of its own for each walk, whichever of them wait
            rng = np.random.default_rng((seed, step, attempt))
            noise = rng.standard_normal((count, len(space)))[waiting]
            tried = [walks[i].step(start, length, xi) for i, xi in zip(waiting, noise, strict=True)]
            found, passing = _corrected(tried, space, scorer, held, wanted)
            draws += len(tried)
            for i, walk, passes in zip(waiting, found, passing, strict=True):
                walks[i] = walk if passes else walks[i]
            waiting = waiting[~passing]
            spreads = np.std([walk.z for walk in walks], axis=0)
            report(
                f"step {step + 1} of {steps}, try {attempt + 1}: {count - waiting.size} of {count}"
                f" walks moved; median spread {np.median(spreads):.2f}"
            )
            if not waiting.size:
                break
    members = [walk.z for walk in walks if walk.steps]
    return Drawn(np.array(members).reshape(-1, len(space)), draws)


class Walk(NamedTuple):
    """Where a walk is, z (quantities,), the derivatives of the margins there, and its steps."""

    z: Array
    slope: Array
    steps: int

    def step(self, center: Array, length: float, noise: Array) -> "Walk":
        """The Crank-Nicolson proposal: noise of that length, and so much closer to the center."""
        z = center + np.sqrt(1.0 - length**2) * (self.z - center) + length * noise
        return Walk(z, self.slope, self.steps + 1)


def step_length(spread: float, steps: int) -> float:
    """Length of each of the steps after which free walks have that standard deviation."""
    return float(np.sqrt(1.0 - (1.0 - spread**2) ** (1.0 / steps)))


def _corrected(
    walks: Sequence[Walk],
    space: Space,
    scorer: Scorer,
    held: NDArray[np.bool_],
    wanted: Array,
) -> tuple[list[Walk], NDArray[np.bool_]]:
    """Proposals moved until the checks of the point estimate hold, and whether they do (walks,).

    held : (checks,) those that must; wanted : margins (leaves,) that corrections aim at.
    """
    low, high = space.bounds
    walks = [walk._replace(z=np.clip(walk.z, low, high)) for walk in walks]
    margins = scorer.margins(space.values(walk.z) for walk in walks)
    passing = _pass(scorer.passed(margins)[:, held])
    for _ in range(CORRECTIONS):
        left = np.flatnonzero(~passing)
        if not left.size:
            break
        moved = [
            np.clip(walks[i].z + _step(margins[i], walks[i].slope, wanted), low, high) for i in left
        ]
        found = scorer.margins(space.values(z) for z in moved)
        for i, z, now in zip(left, moved, found, strict=True):
            slope = secant(walks[i].slope, z - walks[i].z, now - margins[i])
            walks[i], margins[i] = walks[i]._replace(z=z, slope=slope), now
        passing[left] = _pass(scorer.passed(found)[:, held])
    return walks, passing


def _pass(held: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Whether proposals hold enough of the checks. held : (walks, checks)."""
    enough: NDArray[np.bool_] = np.mean(held, axis=1) >= PASSING
    return enough


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
