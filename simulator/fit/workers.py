"""Tasks in processes: fits, profiles and bands are too much Python for threads."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import connection, get_context, parent_process
from typing import TypeVar

from ..errors import ConditionError

T = TypeVar("T")
R = TypeVar("R")


Progress = Callable[[int, int, float | None], object]
"""Told of each task that is done: tasks done, all tasks, and the lowest objective so far if any."""


def whole_number(name: str, value: object, least: int = 1) -> None:
    """Raise ConditionError unless a value is a whole number, at least `least`."""
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise ConditionError(f"{name} is a whole number >= {least}, not {value!r}.")


def executed(function: Callable[[T], R], tasks: Sequence[T], jobs: int) -> Iterator[tuple[int, R]]:
    """Number and result of each task, in the order in which they end.

    Parameters
    ----------
    function
        A function of a module: each process imports it.
    jobs
        Processes; 1: this one alone, where the order is that of the tasks.

    Raises
    ------
    ConditionError
        `jobs` is not a whole number >= 1.
    """
    whole_number("jobs", jobs)
    if jobs == 1 or len(tasks) < 2:
        for k, task in enumerate(tasks):
            yield k, function(task)
        return
    # a fresh interpreter: compiled code and threads do not survive a fork
    context = get_context("spawn")
    pool = ProcessPoolExecutor(min(jobs, len(tasks)), context, _begin)
    try:
        futures = {pool.submit(function, task): k for k, task in enumerate(tasks)}
        for future in as_completed(futures):
            yield futures[future], future.result()
    finally:
        pool.shutdown(cancel_futures=True)


def _begin() -> None:
    """End with the process that started this one, however that ends: nobody else would end it."""
    parent = parent_process()
    if parent is None:
        return

    def watch() -> None:
        connection.wait([parent.sentinel])
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
