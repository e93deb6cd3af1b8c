"""Chunks over threads, processes or machines: a few are under way at once, and no more."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, Future, wait
from contextlib import contextmanager
from itertools import islice
from typing import Any, Protocol, TypeVar

from ..errors import ConditionError, IntegrationError

T = TypeVar("T")
Task = tuple[int, tuple[Any, ...]]


class Executor(Protocol):
    """What runs chunks: of `concurrent.futures`, like it, or a client of dask.distributed."""

    def submit(self, function: Callable[..., Any], /, *args: Any) -> Any:
        """Begin a call, and return its future."""


@contextmanager
def computing(
    tasks: Iterator[Task], function: Callable[..., T], executor: Executor, ahead: int | None = None
) -> Iterator[Iterator[tuple[int, T]]]:
    """Begin ``function(*arguments)`` of tasks; yield numbers and results in the order they end.

    Work begins here, before the first result is asked for. What is still to do is dropped at the
    end of the context.

    Parameters
    ----------
    tasks
        Numbers and arguments, made when there is room for another.
    ahead
        Tasks that are under way at once (default: two for each worker, as far as that is known).

    Raises
    ------
    ConditionError
        The executor is none.
    IntegrationError
        Workers died, and nobody took over what they were doing.
    """
    submit, room, broken = _opened(executor)
    pending: dict[Future[T], int] = {}

    def begin() -> None:
        most = room() if ahead is None else ahead
        for number, arguments in islice(tasks, max(0, most - len(pending))):
            pending[submit(function, *arguments)] = number

    def ended() -> Iterator[tuple[int, T]]:
        while pending:
            done, _ = wait(pending, return_when=FIRST_COMPLETED)
            for future in done:
                yield pending.pop(future), future.result()
            begin()

    try:
        begin()
        yield ended()
    except broken as error:
        raise IntegrationError(
            f"Workers ended before their work did ({type(error).__name__}); they may have had too"
            " little memory. Call it again: what is stored is not computed again."
        ) from error
    finally:
        for future in pending:
            future.cancel()


def _opened(
    executor: Any,
) -> tuple[Callable[..., Future[Any]], Callable[[], int], tuple[type[Exception], ...]]:
    """How to submit, how much may be under way, and which errors say that workers died."""
    if hasattr(executor, "get_executor"):  # a client of dask.distributed
        from distributed import KilledWorker

        # a lost task is begun again elsewhere by the scheduler
        submit = executor.get_executor(pure=False).submit
        return submit, lambda: max(4, 2 * sum(executor.nthreads().values())), (KilledWorker,)
    if not callable(getattr(executor, "submit", None)):
        raise ConditionError(
            "executor= takes an executor as of concurrent.futures, or a client of dask.distributed,"
            f" not a {type(executor).__name__}."
        )
    workers = getattr(executor, "_max_workers", None) or os.cpu_count() or 1
    return executor.submit, lambda: 2 * int(workers), (BrokenExecutor,)
