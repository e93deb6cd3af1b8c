"""The quantities that are fitted, on a scale on which their plausible ranges are alike."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from ..errors import ModelError
from ..network.cohort_quantities import cohort_numbers
from ..network.definition import Definition
from ..network.ensemble import COHORTS, TABLES, Quantity

Array = NDArray[np.float64]

# A plausible range counts as this many standard deviations of the prior: 95 % lies inside.
RANGE_IN_SD = 4.0


@dataclass(frozen=True, slots=True)
class Free:
    """A quantity that may move between two bounds, evenly in its logarithm if `log`."""

    quantity: Quantity
    value: float
    lower: float
    upper: float
    log: bool


@dataclass(frozen=True)
class Space:
    """Fitted quantities as coordinates z, in standard deviations of their prior.

    z = 0 is the value in the tables. The prior of each is normal around it, on a log scale where
    the table says so, cut off at the bounds of the plausible range, which is four standard
    deviations wide.
    """

    free: tuple[Free, ...]

    def __len__(self) -> int:
        return len(self.free)

    @cached_property
    def _sd(self) -> Array:
        return np.array(
            [(_scaled(f, f.upper) - _scaled(f, f.lower)) / RANGE_IN_SD for f in self.free]
        )

    @cached_property
    def _center(self) -> Array:
        return np.array([_scaled(f, f.value) for f in self.free])

    @property
    def middle(self) -> dict[Quantity, float]:
        """The values in the middle of each range: what is expected before any finding."""
        low, high = self.bounds
        return self.values((low + high) / 2)

    @cached_property
    def bounds(self) -> tuple[Array, Array]:
        """Lowest and highest z (quantities,) of each."""
        low = np.array([_scaled(f, f.lower) for f in self.free])
        high = np.array([_scaled(f, f.upper) for f in self.free])
        return (low - self._center) / self._sd, (high - self._center) / self._sd

    def values(self, z: Array) -> dict[Quantity, float]:
        """The values that coordinates (quantities,) stand for, inside their bounds."""
        scaled = self._center + self._sd * z
        found = {}
        for f, x in zip(self.free, scaled, strict=True):
            value = float(np.exp(x) if f.log else x)
            found[f.quantity] = min(max(value, f.lower), f.upper)
        return found

    def coordinates(self, values: dict[Quantity, float]) -> Array:
        """z (quantities,) of values; 0 for a quantity that is not given."""
        scaled = np.array([_scaled(f, values.get(f.quantity, f.value)) for f in self.free])
        return (scaled - self._center) / self._sd

    def draw(self, rng: np.random.Generator, count: int) -> Array:
        """Draws (count, quantities) from the prior."""
        from scipy.stats import truncnorm

        low, high = self.bounds
        drawn: Array = truncnorm.rvs(low, high, size=(count, len(self)), random_state=rng)
        return drawn


def _scaled(free: Free, value: float) -> float:
    return float(np.log(value)) if free.log else value


def free_quantities(definition: Definition, tables: Sequence[str] = TABLES) -> Space:
    """What the tables mark as fitted: `estimate` 1 in parameters.tsv, `fitted` elsewhere.

    The spreads of cohorts are among them only where `tables` names `cohorts`: no value but those of
    cohort checks depends on them.

    Raises ModelError for a fitted quantity without a range to move in.
    """
    found = []
    if "parameters" in tables:
        for p in definition.parameters.values():
            if p.estimate:
                quantity = Quantity("parameters", "", p.id)
                found.append(_free(definition, quantity, p.nominal, p.lower, p.upper, p.scale))
    for table in TABLES[1:]:
        for level, overrides in getattr(definition, table).items():
            for o in overrides:
                if table in tables and o.confidence == "fitted":
                    quantity = Quantity(table, level, o.parameter)
                    found.append(_free(definition, quantity, o.value, o.lower, o.upper, "log10"))
    if COHORTS in tables:
        for n in cohort_numbers(definition.cohorts):
            if n.confidence == "fitted":
                quantity = Quantity(COHORTS, n.cohort, n.name)
                found.append(_free(definition, quantity, n.value, n.lower, n.upper, "log10"))
    return Space(tuple(found))


def _free(
    definition: Definition,
    quantity: Quantity,
    value: float,
    lower: float | None,
    upper: float | None,
    scale: str,
) -> Free:
    if lower is None or upper is None or not lower < upper:
        range_ = f"{quantity.parameter.split()[-1]}_range" if quantity.table == COHORTS else ""
        raise ModelError(
            f"{definition.name}: {quantity.table}: {quantity} is fitted, but has no"
            f" {range_ or 'lowerBound and upperBound'} to move between."
        )
    return Free(quantity, value, lower, upper, scale != "lin" and lower > 0 and value > 0)
