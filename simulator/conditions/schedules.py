"""Doses that change in time: pre-treatment, pulses, wash-out."""

import math
from dataclasses import dataclass

from ..errors import ConditionError


@dataclass(frozen=True, slots=True)
class Schedule:
    """A dose from each time on: `steps` are (time, dose) with increasing times >= 0.

    Before the first time the dose is 0.
    """

    steps: tuple[tuple[float, float], ...]

    @property
    def label(self) -> str:
        """`1@0,0@24`: dose 1 from t = 0, 0 from t = 24."""
        return ",".join(f"{number_label(dose)}@{number_label(time)}" for time, dose in self.steps)


def number_label(value: float) -> str:
    """Shortest text that reads back as the same number, without a trailing `.0`."""
    return repr(float(value)).removesuffix(".0")


def number_of(value: object) -> float | None:
    """`value` as a float if it is one real number (bool and text are not), else None."""
    if isinstance(value, (bool, str, bytes)) or getattr(value, "shape", ()) != ():
        return None
    if getattr(getattr(value, "dtype", None), "kind", "f") not in "iuf":
        return None
    try:
        return float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return None


def schedule(*steps: tuple[float, float]) -> Schedule:
    """A dose that changes in time, for a drug or ligand.

    Parameters
    ----------
    steps
        Pairs (time, dose): the dose holds from that time until the next. Times are >= 0 and
        increase; doses are finite and >= 0. The dose is 0 before the first time.

    Returns
    -------
    Schedule
        A level for a drug or ligand; its label in a result is such as `1@0,0@24`.

    Raises
    ------
    ConditionError
        No step, a step that is no pair of numbers, times that do not increase, negative values.

    Examples
    --------
    >>> schedule((0, 1.0), (24, 0.0)).label
    '1@0,0@24'
    """
    if not steps:
        raise ConditionError("schedule() needs at least one (time, dose) pair, like (0, 1.0).")
    checked: list[tuple[float, float]] = []
    for step in steps:
        pair: tuple[object, ...] = tuple(step) if _is_pair(step) else ()
        numbers = [number_of(x) for x in pair]
        if not numbers or numbers[0] is None or numbers[1] is None:
            raise ConditionError(
                f"schedule() takes (time, dose) pairs of numbers, like (0, 1.0), not {step!r}."
            )
        time, dose = numbers[0], numbers[1]
        if not (math.isfinite(time) and time >= 0):
            raise ConditionError(f"schedule() times are finite and >= 0, not {time:g}.")
        if not (math.isfinite(dose) and dose >= 0):
            raise ConditionError(f"schedule() doses are finite and >= 0, not {dose:g}.")
        if checked and time <= checked[-1][0]:
            raise ConditionError(
                f"schedule() times must increase, but {time:g} follows {checked[-1][0]:g}."
            )
        checked.append((time + 0.0, dose + 0.0))
    return Schedule(tuple(checked))


def _is_pair(step: object) -> bool:
    return isinstance(step, (tuple, list)) and len(step) == 2


def parse_schedule(text: str) -> Schedule | None:
    """The schedule with this label, or None if the text is no schedule's label."""
    steps = []
    for part in text.split(","):
        dose, at, time = part.partition("@")
        if not at:
            return None
        try:
            steps.append((float(time), float(dose)))
        except ValueError:
            return None
    return schedule(*steps)
