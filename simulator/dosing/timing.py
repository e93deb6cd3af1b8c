"""When two drugs are given, and what makes orders of them comparable.

The first drug is given at a fixed time, the second so much later (`delay`; earlier where it is
negative), each for a length of its own. Output is read at a fixed time after the first drug's
start, when both have ended: so every delay has the same exposure to each drug - dose and hours -
and the same hours since the first one.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..conditions import schedule
from ..conditions.schedules import number_of
from ..errors import ConditionError
from .cells import Array
from .settings import by_drug, checked_pair, evaluated_at

if TYPE_CHECKING:
    from ..simulation.model import Model

ORDERS = PRE_TREAT, TOGETHER, AFTER = ("pre-treat", "together", "after")


@dataclass(frozen=True, slots=True)
class Timing:
    """Two drugs in time.

    doses : of each drug, a level or several.  swept : whether several.  exposure : hours that each
    is given, None until the end.  times : hours after the first drug's start at which output is
    read.  lead : hours from t = 0 to that start.
    """

    drugs: tuple[str, str]
    doses: tuple[tuple[float, ...], tuple[float, ...]]
    swept: tuple[bool, bool]
    exposure: tuple[float | None, float | None]
    times: tuple[float, ...]
    lead: float

    @property
    def equal(self) -> bool:
        """Whether every delay has the same exposure to both drugs."""
        return self.exposure[1] is not None

    def given(self, pairs: Array, delays: Array) -> dict[str, NDArray[Any]]:
        """Schedules of both drugs.  pairs : (..., 2) doses.  delays : (...)."""
        found = {}
        for k, drug in enumerate(self.drugs):
            starts = self.lead + (delays if k else 0.0 * delays)
            steps = zip(starts.ravel().tolist(), pairs[..., k].ravel().tolist(), strict=True)
            made = np.empty(delays.size, object)
            made[:] = [_pulse(start, dose, self.exposure[k]) for start, dose in steps]
            found[drug] = made.reshape(delays.shape)
        return found

    def hours(self, delays: Array) -> Array:
        """Hours that each drug is given until the last output, (2, delays)."""
        last = self.times[-1]
        until_end = np.stack([np.full(delays.shape, last), last - delays])
        lengths = [np.inf if e is None else e for e in self.exposure]
        found: Array = np.minimum(until_end, np.array(lengths)[:, None])
        return found


def _pulse(start: float, dose: float, length: float | None) -> Any:
    end = () if length is None else ((start + length, 0.0),)
    return schedule((start, dose), *end)


def order_of(delays: Array) -> NDArray[np.str_]:
    """What each delay is: the second drug before the first, with it, or after it."""
    return np.where(delays < 0, PRE_TREAT, np.where(delays > 0, AFTER, TOGETHER))


def checked_timing(
    model: Model, drugs: Any, exposure: Any, time: Any, delays: Sequence[float]
) -> Timing:
    """Two drugs in time, after checking that every delay has its whole exposure.

    Raises ConditionError for anything else than two drugs with doses, exposures above 0 and rising
    times, and for a time at which a drug is still given that was to be given for a stated length.
    """
    if not isinstance(drugs, Mapping):
        raise ConditionError(
            f'drugs is a mapping like {{"prednisolone": 1, "selumetinib": 0.5}}, not {drugs!r}.'
        )
    pair = checked_pair(model, list(drugs))
    levels = [_doses(drug, drugs[drug]) for drug in pair]
    swept = [number_of(drugs[drug]) is None for drug in pair]
    times = (evaluated_at(model, None),) if time is None else _times(time)
    lengths = _exposures(exposure, pair, times[0] - max(0.0, *delays))
    ends = [lengths[0], *(None if lengths[1] is None else delay + lengths[1] for delay in delays)]
    last = max((end for end in ends if end is not None), default=0.0)
    if times[0] < last:
        raise ConditionError(
            f"time is {times[0]:g}, counted from the start of {pair[0]}, but the drugs are given"
            f" until {last:g}: exposures would not be equal; read at {last:g} or later."
        )
    if lengths[1] is None and max(delays) >= times[0]:
        raise ConditionError(
            f"{pair[1]} begins at {max(delays):g}, but the output is read at {times[0]:g}."
        )
    lead = max(0.0, -min(delays))
    return Timing(pair, (levels[0], levels[1]), (swept[0], swept[1]), lengths, times, lead)


def checked_delays(delays: Any, name: str = "delays") -> tuple[float, ...]:
    """Delays as numbers, rising.  Raises ConditionError for anything else."""
    listed = [delays] if number_of(delays) is not None else delays
    if isinstance(listed, str) or not np.iterable(listed):
        raise ConditionError(f"{name} is a list of numbers, not {delays!r}.")
    numbers = [number_of(each) for each in listed]
    if not numbers or any(n is None or not math.isfinite(n) for n in numbers):
        raise ConditionError(f"{name} is a list of finite numbers, not {delays!r}.")
    found = tuple(float(n) + 0.0 for n in numbers if n is not None)
    if any(later <= earlier for earlier, later in pairwise(found)):
        raise ConditionError(f"{name} must increase, found {list(found)}.")
    return found


def _doses(drug: str, given: Any) -> tuple[float, ...]:
    """Dose levels of a drug.  Raises ConditionError for anything but different doses >= 0."""
    listed = [given] if number_of(given) is not None else given
    if isinstance(listed, str | Mapping) or not np.iterable(listed):
        raise ConditionError(f"The dose of {drug} is a number or a list of them, not {given!r}.")
    numbers = [number_of(each) for each in listed]
    if not numbers or any(n is None or not 0 <= n < math.inf for n in numbers):
        raise ConditionError(f"A dose of {drug} is finite and >= 0, found {given!r}.")
    if len(set(numbers)) < len(numbers):
        raise ConditionError(f"{drug} has a dose twice: {given!r}.")
    return tuple(n + 0.0 for n in numbers if n is not None)


def _exposures(
    exposure: Any, pair: tuple[str, str], longest: float
) -> tuple[float | None, float | None]:
    """Hours that each drug is given; None: until the end.  longest : if none are stated."""
    if exposure is None and longest <= 0:
        raise ConditionError(
            f"With the last delay there is no time left to give {pair[1]} before the output is"
            " read: read it later, or leave that delay out."
        )
    if exposure is None or number_of(exposure) is not None:
        exposure = dict.fromkeys(pair, longest if exposure is None else exposure)
    given = by_drug(exposure, pair, "exposure")
    for drug in pair:
        if drug not in exposure:
            raise ConditionError(f"exposure has no length of {drug}; None is until the end.")
    found = []
    for drug, value in given.items():
        number = number_of(value)
        if value is not None and (number is None or not 0 < number < math.inf):
            raise ConditionError(f"exposure of {drug} is a length above 0 or None, not {value!r}.")
        found.append(number)
    return found[0], found[1]


def _times(time: Any) -> tuple[float, ...]:
    found = checked_delays(time, "time")
    if found[0] <= 0:
        raise ConditionError(f"time is above 0, not {found[0]:g}.")
    return found
