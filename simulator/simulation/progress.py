"""Progress bars and worker counts: what depends on where the call is made from."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from time import monotonic

from ..conditions.schedules import number_of
from ..errors import ConditionError

FEW_RUNS = 200  # done before a bar could be read
SECONDS_BETWEEN_LINES = 15


def worker_count(workers: int | None) -> int:
    """Threads to use; None is the number of cores this process may use.

    Raises
    ------
    ConditionError
        Not a whole number >= 1.
    """
    if workers is None:
        if hasattr(os, "sched_getaffinity"):  # Linux: a container may have fewer than the machine
            return len(os.sched_getaffinity(0))
        return os.cpu_count() or 1
    if number_of(workers) is None or workers != int(workers) or workers < 1:
        raise ConditionError(f"workers is a whole number >= 1, not {workers!r}.")
    return int(workers)


def _interactive() -> bool:
    return sys.stderr.isatty() or "ipykernel" in sys.modules


def _draws_bars() -> bool:
    """Whether a bar can be drawn: rich's bar in Jupyter is a widget, of a package of its own."""
    return sys.stderr.isatty() or find_spec("ipywidgets") is not None


@contextmanager
def run_progress(
    shown: bool | None, total: int, text: str
) -> Iterator[Callable[[int], None] | None]:
    """A bar over `total` runs on standard error, or None where none is to be shown.

    shown : None shows it where somebody sees it; True shows lines where nobody sees a bar.
    """
    if shown is False or (shown is None and (total < FEW_RUNS or not _interactive())):
        yield None
        return
    if not (_interactive() and _draws_bars()):
        yield _Lines(total, text)
        return
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )

    columns = (TextColumn(text), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(text, total=total)
        yield lambda finished: bar.advance(task, finished)


class _Lines:
    """Progress where nobody can see a bar: now and then a line."""

    def __init__(self, total: int, text: str) -> None:
        self.total, self.text, self.done, self.begin = total, text, 0, monotonic()
        self.said = self.begin

    def __call__(self, finished: int) -> None:
        """Count runs that have finished."""
        self.done += finished
        now = monotonic()
        if now - self.said < SECONDS_BETWEEN_LINES:
            return
        self.said = now
        left = (now - self.begin) * (self.total - self.done) / max(1, self.done)
        print(
            f"{self.text}: {self.done:,} of {self.total:,} runs, about {duration(left)} left",
            file=sys.stderr,
            flush=True,
        )


def duration(seconds: float) -> str:
    """A time in words, to two digits."""
    if seconds < 1:
        return "a second"
    for unit, length, least in (
        ("days", 86400, 48 * 3600),
        ("hours", 3600, 5400),
        ("minutes", 60, 90),
    ):
        if seconds >= least:
            return f"{seconds / length:.2g} {unit}"
    return f"{seconds:.2g} seconds"
