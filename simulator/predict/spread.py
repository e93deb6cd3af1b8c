"""What an ensemble of parameter sets says of a number: its 5-95 % range over the members."""

import warnings
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import numpy as np

from ..simulation.progress import run_progress

if TYPE_CHECKING:
    from ..simulation.model import Model

Result = TypeVar("Result")

#: Members asked unless told otherwise: the range then leaves out the three at each end.
MEMBERS = 64

#: What is said of the uncertainty of a model without an ensemble.
NOT_CALIBRATED = "not calibrated"

#: What is said of it where the ensemble was left aside.
NOT_ASKED = "members not asked"

# The range reported, as shares of the members.
LOW, HIGH = 0.05, 0.95


class Range(NamedTuple):
    """Ends of the 5-95 % range and, at each place, which members they are.

    low, high : values, NaN where no member has one.  low_member, high_member : their positions.
    """

    low: np.ndarray
    high: np.ndarray
    low_member: np.ndarray
    high_member: np.ndarray


def statement(model: "Model", used: Sequence[str]) -> str:
    """How uncertainty was found, in words."""
    if not model.members:
        return NOT_CALIBRATED
    if not used:
        return NOT_ASKED
    some = f"{len(used)} of {len(model.members)}" if len(used) < len(model.members) else "all"
    count = some if some != "all" else f"all {len(used)}"
    return f"5-95 % of {count} members of the ensemble"


def of_members(
    model: "Model",
    names: Sequence[str],
    read: Callable[["Model"], Result],
    progress: bool | None = None,
) -> Iterator[Result]:
    """`read` of each member's model in turn, with one bar for all of them.

    A member's failed runs are missing values, which count as disagreement: no warning for each.
    """
    with run_progress(progress, len(names), "members") as advance:
        for name in names:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", RuntimeWarning)
                found = read(model.member(name))
            if advance is not None:
                advance(1)
            yield found


def range_of(values: np.ndarray) -> Range:
    """5-95 % range over the first axis, each end the value of a member, none interpolated.

    values : (members, ...). Of n values the ends are number ceil(0.05 n) and ceil(0.95 n) in rising
    order, so that of two members they are both; missing values are left out.
    """
    order = np.argsort(values, axis=0)  # NaN last
    count = np.isfinite(values).sum(axis=0)
    ends: list[Any] = []
    for share in (LOW, HIGH):
        # A product such as 0.95 * 20 may come out a little above its whole number.
        number = np.maximum(np.ceil(share * count - 1e-9).astype(int), 1)
        member = np.take_along_axis(order, (number - 1)[None], axis=0)
        value = np.take_along_axis(values, member, axis=0)[0]
        ends.append((np.where(count > 0, value, np.nan), member[0]))
    (low, low_member), (high, high_member) = ends
    return Range(low, high, low_member, high_member)


def agreement(said: np.ndarray, by_members: np.ndarray) -> np.ndarray:
    """Share of the members that say the same. said : (...), by_members : (members, ...)."""
    share: np.ndarray = (by_members == said).mean(axis=0)
    return share
