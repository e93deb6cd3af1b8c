"""Progress bars and worker counts: what depends on where the call is made from."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from ..conditions.schedules import number_of
from ..errors import ConditionError

FEW_RUNS = 200  # done before a bar could be read


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


@contextmanager
def run_progress(
    shown: bool | None, total: int, text: str
) -> Iterator[Callable[[int], None] | None]:
    """A bar over `total` runs on standard error, or None where none is to be shown."""
    if shown is False or (shown is None and (total < FEW_RUNS or not _interactive())):
        yield None
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(text, total=total)
        yield lambda finished: bar.advance(task, finished)
