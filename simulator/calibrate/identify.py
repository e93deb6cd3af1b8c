"""What checks say about each fitted quantity: which pull on it, and what is left open."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..findings.scoring import ACCURACY
from .point import STEP, jacobian
from .robustness import largest_by_chance
from .scores import Scorer
from .space import Space

Array = NDArray[np.float64]

# A finding pulls on a quantity if one prior standard deviation moves its margin by this much.
PULL = 0.05

# An ensemble narrower than this share of the draws it came from has been narrowed by the checks,
# unless that happens to so few members by chance more often than this.
NARROWED = 0.8
ERROR = 0.001

# This close to a bound, in prior standard deviations, a value lies at it.
AT_BOUND = 0.05

# Quantities whose members go together or against each other this much are named as pairs.
TOGETHER = 0.7

# A margin that changes by more than this in one step of the differences jumps: the value is yes or
# no, or there is none on one side. That says nothing of a derivative.
JUMP = 0.5

CONSTRAINED, ONE_SIDED, OPEN = "constrained", "one-sided at bound", "unidentified"


@dataclass(frozen=True, slots=True, eq=False)
class Assessment:
    """Margins of a point estimate and of its ensemble, with their derivatives.

    margins (leaves,) and slope (leaves, quantities) are those of the point at z = 0; `findings`
    and `labels` say what the leaves are, `checks` (leaves,) which check they belong to, and
    `check_labels` what the checks are; derivatives of leaves that jump are 0 there, and `jumps`
    (leaves,) marks these. members (members, quantities) are coordinates, drawn with
    `spread` prior standard deviations, and passed (members, checks) is what they hold; none: empty.
    """

    space: Space
    findings: tuple[str, ...]
    labels: tuple[str, ...]
    checks: NDArray[np.intp]
    check_labels: tuple[str, ...]
    margins: Array
    slope: Array
    jumps: NDArray[np.bool_]
    members: Array
    passed: NDArray[np.bool_]
    spread: float

    @property
    def names(self) -> tuple[str, ...]:
        """What the fitted quantities are called."""
        return tuple(str(free.quantity) for free in self.space.free)

    @property
    def check_findings(self) -> tuple[str, ...]:
        """Id of the finding that each check belongs to."""
        first = np.unique(self.checks, return_index=True)[1]
        return tuple(self.findings[leaf] for leaf in first)


def assess(
    scorer: Scorer, space: Space, members: Array | None = None, spread: float | None = None
) -> Assessment:
    """Assess the values in the tables of the scorer's model, z = 0, and an ensemble around them.

    members : coordinates (members, quantities). Without a spread the draws are taken to be the
    prior's.
    """
    margins, slope = jacobian(space, scorer, np.zeros(len(space)))
    jumps = np.abs(slope) * STEP > JUMP
    z = np.empty((0, len(space))) if members is None else members
    passed = np.empty((0, len(scorer.check_labels)), dtype=bool)
    if len(z):
        passed = scorer.passed(scorer.margins(space.values(each) for each in z))
    return Assessment(
        space,
        scorer.findings,
        scorer.labels,
        scorer.checks,
        scorer.check_labels,
        margins,
        np.where(jumps, 0.0, slope),
        np.asarray(jumps.any(axis=1)),
        z,
        passed,
        1.0 if spread is None else spread,
    )


def tightest(assessment: Assessment) -> dict[str, int]:
    """The value (leaf) of each finding with the lowest margin."""
    found: dict[str, int] = {}
    for leaf, finding in enumerate(assessment.findings):
        best = found.setdefault(finding, leaf)
        if assessment.margins[leaf] < assessment.margins[best]:
            found[finding] = leaf
    return found


def pulls(assessment: Assessment) -> tuple[tuple[str, ...], Array]:
    """Findings, and d margin / d z (findings, quantities) of the tightest value of each."""
    leaves = tightest(assessment)
    return tuple(leaves), assessment.slope[list(leaves.values())]


def reach(assessment: Assessment) -> tuple[tuple[str, ...], Array]:
    """Findings, and d margin / d z (findings, quantities) of whichever value moves most."""
    findings = tuple(dict.fromkeys(assessment.findings))
    rows = []
    for finding in findings:
        own = assessment.slope[[f == finding for f in assessment.findings]]
        rows.append(np.take_along_axis(own, np.abs(own).argmax(axis=0)[None], axis=0)[0])
    return findings, np.array(rows)


def draw_sd(space: Space, spread: float) -> Array:
    """Standard deviation (quantities,) of draws around z = 0, moved to the bounds they exceed."""
    from scipy.stats import norm

    low, high = space.bounds
    count = 4000
    even = spread * norm.ppf((np.arange(count) + 0.5) / count)
    found: Array = np.clip(even, low[:, None], high[:, None]).std(axis=1)
    return found


def narrowing(assessment: Assessment) -> Array:
    """Standard deviation of the members (quantities,) over that of the draws they came from."""
    if len(assessment.members) < 2:
        return np.full(len(assessment.space), np.nan)
    found: Array = assessment.members.std(axis=0, ddof=1) / draw_sd(
        assessment.space, assessment.spread
    )
    return found


def narrowed_below(members: int) -> float:
    """The share of the draws' sd below which so many members count as narrowed.

    The sd of n independent normal draws is below sqrt(chi2(ERROR, n - 1) / (n - 1)) of their
    true one with the probability ERROR; 0.81 for 128.
    """
    from scipy.stats import chi2

    if members < 2:
        return 0.0
    return min(NARROWED, float(np.sqrt(chi2.ppf(ERROR, members - 1) / (members - 1))))


def verdicts(assessment: Assessment) -> tuple[str, ...]:
    """What is known of each quantity.

    `one-sided at bound`: the point estimate lies at an end of the plausible range. `constrained`:
    the members spread less than the draws they came from. Else `unidentified`.
    """
    low, high = assessment.space.bounds
    at_bound = np.minimum(high, -low) < AT_BOUND
    ratios, narrow = narrowing(assessment), narrowed_below(len(assessment.members))
    return tuple(
        ONE_SIDED if bound else CONSTRAINED if ratio < narrow else OPEN
        for bound, ratio in zip(at_bound, ratios, strict=True)
    )


def pairs(assessment: Assessment) -> list[tuple[int, int, float]]:
    """Pairs of quantities whose members correlate beyond TOGETHER and chance, strongest first."""
    z = assessment.members
    moving = np.flatnonzero(z.std(axis=0) > 0) if len(z) > 2 else np.array([], dtype=int)
    if moving.size < 2:
        return []
    r = np.asarray(np.corrcoef(z[:, moving], rowvar=False))
    first, second = np.triu_indices(moving.size, k=1)
    least = max(TOGETHER, largest_by_chance(first.size, len(z)))
    strong = np.flatnonzero(np.abs(r[first, second]) > least)
    found = [
        (int(moving[i]), int(moving[j]), float(r[i, j]))
        for i, j in zip(first[strong], second[strong], strict=True)
    ]
    return sorted(found, key=lambda pair: -abs(pair[2]))


@dataclass(frozen=True, slots=True, eq=False)
class Spectrum:
    """Eigenvalues (quantities,) of J^T J, falling, and its eigenvectors as rows.

    The sensitivity eigenvalues of sloppy models (Gutenkunst et al. 2007,
    doi:10.1371/journal.pcbi.0030189), here of margins by prior standard deviations. Those below
    `noise` are what the tolerances of the simulations leave of zero.
    """

    values: Array
    directions: Array
    noise: float

    def composition(self, direction: int, most: int = 5) -> list[tuple[int, float]]:
        """The quantities of a direction with components of at least 0.1, the largest positive."""
        vector = self.directions[direction]
        order = np.argsort(-np.abs(vector), kind="stable")[:most]
        sign = np.sign(vector[order[0]])
        return [(int(k), float(sign * vector[k])) for k in order if abs(vector[k]) >= 0.1]


def spectrum(slope: Array) -> Spectrum:
    """The spectrum of derivatives (leaves, quantities).

    Noise: the largest singular value of a matrix of that size whose entries have the standard
    deviation of the simulations' tolerance over the step of the differences.
    """
    rows, columns = slope.shape
    if not rows:
        return Spectrum(np.zeros(columns), np.eye(columns), 0.0)
    _, singular, directions = np.linalg.svd(slope, full_matrices=True)
    values = np.zeros(columns)
    values[: singular.size] = singular**2
    noise = (ACCURACY["rtol"] / STEP * (np.sqrt(rows) + np.sqrt(columns))) ** 2
    return Spectrum(values, directions, float(noise))


def active(assessment: Assessment, margin: float) -> NDArray[np.bool_]:
    """Values (leaves,) nearer to their bounds than a margin, or outside."""
    found: NDArray[np.bool_] = assessment.margins < margin
    return found


def strongest(matrix: Array, most: int) -> Sequence[int]:
    """The columns with the greatest length, greatest first."""
    lengths = np.linalg.norm(matrix, axis=0)
    return [int(k) for k in np.argsort(-lengths, kind="stable")[:most] if lengths[k] > 0]
