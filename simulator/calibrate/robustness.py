"""What is left of the checks when every number of the model is a little different."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..errors import ConditionError
from ..network.definition import Definition
from ..network.ensemble import TABLES, Quantity, quantities
from .scores import Scorer

Array = NDArray[np.float64]

# Chance that a correlation counts as one though no quantity has any.
ERROR = 0.05


@dataclass(frozen=True, slots=True, eq=False)
class Robustness:
    """Checks scored on draws of all numbers.

    `factors` (draws, quantities) are the natural logarithms of what the values were multiplied by;
    `passed` (draws, checks) says which checks held; `sd` is the standard deviation of the factors.
    """

    quantities: tuple[Quantity, ...]
    factors: Array
    passed: NDArray[np.bool_]
    sd: float

    @property
    def shares(self) -> Array:
        """Share of the checks that hold in each draw (draws,)."""
        found: Array = self.passed.mean(axis=1)
        return found

    @property
    def per_check(self) -> Array:
        """Share of the draws in which each check holds (checks,)."""
        found: Array = self.passed.mean(axis=0)
        return found

    @property
    def summary(self) -> str:
        """Median and 5-95 % range of the share of checks that hold."""
        low, middle, high = np.percentile(self.shares, [5, 50, 95])
        return (
            f"{middle:.0%} of the checks hold (5-95 %: {low:.0%} to {high:.0%}) in"
            f" {len(self.shares)} draws of {len(self.quantities)} numbers moved by {self.sd:.0%}"
        )

    @property
    def correlations(self) -> Array:
        """Pearson correlation (quantities,) of each factor with the share of checks that hold."""
        shares = self.shares - self.shares.mean()
        factors = self.factors - self.factors.mean(axis=0)
        lengths = np.linalg.norm(factors, axis=0) * np.linalg.norm(shares)
        found: Array = np.divide(
            shares @ factors, lengths, out=np.zeros_like(lengths), where=lengths > 0
        )
        return found

    @property
    def by_chance(self) -> float:
        """What the largest correlation stays below, with 95 %, if no quantity has any."""
        draws, count = self.factors.shape
        return largest_by_chance(count, draws)


def largest_by_chance(count: int, draws: int) -> float:
    """What the largest of so many correlations over draws stays below if there are none.

    It does with the probability 1 - ERROR: Fisher's transformation, with Bonferroni's correction.
    1 where there are too few draws to tell.
    """
    from scipy.stats import norm

    if draws < 4:
        return 1.0
    return float(np.tanh(norm.ppf(1 - ERROR / (2 * count)) / np.sqrt(draws - 3)))


def moved(definition: Definition) -> tuple[Quantity, ...]:
    """Every number of the tables that is not zero, no dose, and not fixed by equal bounds.

    Numbers of cohorts are left out: no check that draws a cohort is scored.
    """
    doses = {drug.parameter for drug in definition.drugs.values()}
    fixed = {
        Quantity("parameters", "", p.id)
        for p in definition.parameters.values()
        if p.lower == p.upper or p.id in doses
    }
    for table in ("cells", "alterations"):
        for level, overrides in getattr(definition, table).items():
            fixed |= {
                Quantity(table, level, o.parameter)
                for o in overrides
                if (o.lower is not None and o.lower == o.upper) or o.parameter in doses
            }
    values = quantities(definition)
    return tuple(
        q for q, value in values.items() if q.table in TABLES and value != 0 and q not in fixed
    )


def robustness(scorer: Scorer, draws: int = 100, sd: float = 0.1, seed: int = 1) -> Robustness:
    """Score the model with every number of its tables moved at once, independently.

    Each is multiplied by a lognormal factor with the standard deviation `sd`, whatever its
    plausible range; only shares (without unit, upper bound at most 1) stay at most 1. Numbers are
    those that `moved` names. Raises ConditionError where nothing can be drawn.
    """
    definition = scorer.model.definition
    names = moved(definition)
    if draws < 1 or not names or not sd > 0:
        raise ConditionError(
            f"robustness: needs draws >= 1, sd > 0 and numbers to move, found {draws} draws, sd"
            f" {sd:g} and {len(names)} numbers."
        )
    values = quantities(definition)
    shares = {
        p.id for p in definition.parameters.values() if p.unit == "dimensionless" and p.upper <= 1
    }
    factors = sd * np.random.default_rng(seed).standard_normal((draws, len(names)))
    sets = []
    for row in np.exp(factors):
        moved_values = {q: values[q] * float(f) for q, f in zip(names, row, strict=True)}
        for q in names:
            if q.parameter in shares and values[q] <= 1:
                moved_values[q] = min(moved_values[q], 1.0)
        sets.append(moved_values)
    return Robustness(names, factors, scorer.passed(scorer.margins(sets)), sd)
