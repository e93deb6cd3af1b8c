"""What a simulation may be told besides what to simulate, and what is wrong with it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise
from time import monotonic
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from ..conditions.schedules import number_of
from ..errors import ConditionError, did_you_mean
from ..integrator.system import Tolerances
from .progress import worker_count
from .runs import METHODS

if TYPE_CHECKING:
    from .model import Model

Array = NDArray[np.float64]
Start = Literal["steady_state", "initial"]
Method = Literal["auto", "Rodas5P", "Tsit5"]
OnFailure = Literal["mark", "raise"]

MAX_STEPS = 20_000  # a 4-day run of the bundled model takes about a hundred


@dataclass(frozen=True, slots=True)
class Options:
    """How to simulate. `deadline` is a moment of `time.monotonic`; else as of `Model.simulate`."""

    start: Start
    tolerances: Tolerances
    deadline: float
    on_failure: OnFailure
    workers: int
    method: Method
    progress: bool | None = None


def checked_options(
    model: Model,
    *,
    start: Start | None,
    rtol: float,
    atol: float,
    max_steps: int,
    max_seconds: float | None,
    on_failure: OnFailure,
    workers: int | None,
    method: Method,
    progress: bool | None = None,
) -> Options:
    """Options as given to `Model.simulate`, checked; the time that `max_seconds` allows begins.

    Raises ConditionError for one that has no meaning, or that does not suit the model.
    """
    start = checked_start(model, start)
    tolerances, deadline = _tolerances(rtol, atol, max_steps), _deadline(max_seconds)
    check_on_failure(on_failure)
    _check_method(model, method)
    return Options(start, tolerances, deadline, on_failure, worker_count(workers), method, progress)


def check_on_failure(on_failure: object) -> None:
    """Raise ConditionError for what is no way to go on after a failed run."""
    _check_choice("on_failure", on_failure, ("mark", "raise"))


def checked_start(model: Model, start: Start | None) -> Start:
    """Where runs begin; None: the model's own.  Raises ConditionError for anything else."""
    if start is None:
        return model.definition.start
    _check_choice("start", start, ("steady_state", "initial"))
    return start


def checked_times(time: Any) -> Array:
    """Times to report, (times,), increasing and >= 0.  Raises ConditionError for anything else."""
    scalar = number_of(time)
    levels = [time] if scalar is not None else time
    if isinstance(levels, str) or not np.iterable(levels):
        raise ConditionError(f"time is a number or a list of numbers, not {time!r}.")
    values = list(levels)
    if not values:
        raise ConditionError("time is empty: give at least one time, like time=[0, 24, 48, 96].")
    numbers = [number_of(v) for v in values]
    for value, number in zip(values, numbers, strict=True):
        if number is None or not math.isfinite(number) or number < 0:
            raise ConditionError(f"A time is a finite number >= 0, not {value!r}.")
    times = np.array(numbers, float)
    for earlier, later in pairwise(times):
        if later <= earlier:
            raise ConditionError(f"Times must increase, but {later:g} follows {earlier:g}.")
    return times + 0.0


def _tolerances(rtol: float, atol: float, max_steps: int) -> Tolerances:
    for name, value in (("rtol", rtol), ("atol", atol)):
        number = number_of(value)
        if number is None or not (0 < number < 1):
            raise ConditionError(f"{name} is a number between 0 and 1, not {value!r}.")
    if rtol < 1e-12:
        raise ConditionError(f"rtol is at least 1e-12 in double precision, not {rtol:g}.")
    if number_of(max_steps) is None or max_steps != int(max_steps) or max_steps < 1:
        raise ConditionError(f"max_steps is a whole number >= 1, not {max_steps!r}.")
    return Tolerances(float(rtol), float(atol), int(max_steps))


def _deadline(max_seconds: float | None) -> float:
    """Moment of `time.monotonic` at which the budget is used up."""
    if max_seconds is None:
        return math.inf
    seconds = number_of(max_seconds)
    if seconds is None or not seconds > 0:
        raise ConditionError(f"max_seconds is a number above 0, not {max_seconds!r}.")
    return monotonic() + seconds


def _check_method(model: Model, method: str) -> None:
    _check_choice("method", method, tuple(METHODS))
    if method == "Tsit5" and model.kernel.equations.algebraic:
        raise ConditionError(
            f"Tsit5 cannot solve the algebraic rules of {model.definition.name}: write"
            ' method="Rodas5P", or leave method out.'
        )


def _check_choice(name: str, value: object, allowed: tuple[str, ...]) -> None:
    if value not in allowed:
        choices = " or ".join(f'"{a}"' for a in allowed)
        raise ConditionError(f"{name} is {choices}, not {value!r}.{did_you_mean(value, allowed)}")
