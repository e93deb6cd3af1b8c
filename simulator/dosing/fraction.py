"""The dose that serves a stated fraction of a cohort."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..conditions.schedules import number_of
from ..errors import ConditionError
from ..response.doses import ABOVE, BELOW, EXACT
from .cells import SUCCESS, Array, Text
from .search import Code

# Rounding of fraction x samples: 0.7 of 10 samples are 7, not 8.
SLACK = 1e-9


@dataclass(frozen=True, slots=True, eq=False)
class Share:
    """Doses for fractions of samples.

    dose, code, share, status : (..., fractions); share is of the samples that reach the target at
    that dose.  failed : (...), samples whose dose is not known.
    """

    dose: Array
    code: Code
    share: Array
    status: Text
    failed: NDArray[np.int64]


def checked_fractions(fraction: Any, conditions: Any) -> Array | None:
    """Fractions asked for, (fractions,); None where none is.

    Raises ConditionError for a fraction outside 0 to 1, or without samples.
    """
    if fraction is None:
        return None
    if conditions is None:
        raise ConditionError(
            "fraction= is of the rows of conditions=, such as model.cohort(...), which is missing."
        )
    listed = fraction if isinstance(fraction, list | tuple | np.ndarray) else [fraction]
    numbers = [number_of(each) for each in listed]
    if not numbers or any(n is None or not 0 < n <= 1 for n in numbers):
        raise ConditionError(f"fraction is above 0 and at most 1, not {fraction!r}.")
    if len(set(numbers)) < len(numbers):
        raise ConditionError(f"fraction has a value twice: {fraction!r}.")
    return np.array(numbers, float)


def dose_of_fraction(dose: Array, code: Code, status: NDArray[Any], fractions: Array) -> Share:
    """The k-th lowest of n doses, k the smallest with k / n >= the fraction.

    dose, code, status : (samples, ...). A dose that is only known to be above the range counts as
    above all, one below it as below all. Samples without a dose may be anywhere: where the answer
    depends on it, it is NaN, with the status of the first of them.
    """
    samples, unknown = dose.shape[0], np.isnan(dose)
    # in order: no dose needed, below the range, within, above it
    rank = np.where(code == ABOVE, np.inf, dose)
    places = [max(0, math.ceil(f * samples - SLACK) - 1) for f in fractions]
    first, first_code = _sorted(np.where(unknown, -np.inf, rank), dose, code, places)
    last, last_code = _sorted(np.where(unknown, np.inf, rank), dose, code, places)
    same = (first == last) & (first_code == last_code)  # no NaN is equal to any
    found = np.moveaxis(np.where(same, last, np.nan), 0, -1)
    reach = (code[..., None] != ABOVE) & (dose[..., None] <= found)
    blame = np.take_along_axis(status, unknown.argmax(axis=0)[None], axis=0)[0, ..., None]
    return Share(
        found,
        np.moveaxis(np.where(same, last_code, EXACT), 0, -1),
        np.where(np.isnan(found), np.nan, reach.mean(axis=0)),
        np.where(np.isnan(found), blame, SUCCESS).astype(str),
        np.asarray(unknown.sum(axis=0)),
    )


def _sorted(rank: Array, dose: Array, code: Code, places: list[int]) -> tuple[Array, Code]:
    """Doses and codes at some places of the order, (places, ...)."""
    # lexsort: a bound `<` before a dose of the same size
    order = np.lexsort((np.where(code == BELOW, 0, 1), rank), axis=0)[places]
    return np.take_along_axis(dose, order, axis=0), np.take_along_axis(code, order, axis=0)
