"""Simulating a sweep chunk by chunk: into a store, or from many machines into memory.

Whoever computes a chunk returns arrays; this process alone writes. A chunk is the same to the last
bit wherever, and after whatever else, it is computed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..conditions import RowAxis
from ..conditions.schedules import number_of
from ..conditions.warning import warn
from ..errors import ConditionError
from ..integrator.status import Status
from ..store import (
    Layout,
    Manifest,
    Store,
    create_store,
    open_store,
    read_store,
    version_differences,
)
from .dataset import (
    Failed,
    failed_runs,
    provenance,
    report_failures,
    result_coordinates,
    to_dataset,
)
from .designed import simulate_design
from .distribute import Executor, Task, computing
from .progress import run_progress
from .runs import Outcome

if TYPE_CHECKING:
    import xarray as xr

    from .sweep import Sweep

# Rows of which coordinates are written at once.
ROWS = 1 << 16

NAMES = np.array([status.name for status in Status])


def streamed(
    sweep: Sweep,
    path: Path,
    executor: Executor | None,
    workers: int | None,
    shard: tuple[int, int] | None,
) -> xr.Dataset:
    """Simulate what a store does not hold yet, and open it.

    Raises
    ------
    ConditionError
        The store is damaged, of something else, or cannot be written.
    IntegrationError
        Every run failed, or one did and `on_failure` is "raise"; the store holds all of them.
    """
    mine, manifest = _chunks(len(sweep.grid), shard), sweep.manifest()
    store = _begun(sweep, path, manifest)
    widths = {} if store else _checked_rows(sweep)
    done = {record.chunk for record in store.verified()} if store else set()
    missing = [number for number in mine if number not in done]
    total = sum(sweep.grid.size(number) for number in missing)
    with (
        run_progress(sweep.options.progress, total, "simulating") as advance,
        _outcomes(sweep, missing, executor, workers) as outcomes,
    ):
        if store is None:  # made while the first chunks are computed
            layouts, attrs = _coordinates(sweep, widths), provenance(sweep.model, sweep.options)
            store = create_store(path, manifest, layouts, _values(sweep, layouts), attrs)
        for number, outcome in outcomes:
            failed = _among_all(sweep, number, failed_runs(outcome))
            store.write(number, outcome.outputs, NAMES[outcome.status], failed)
            if advance is not None:
                advance(sweep.grid.size(number))
    own = (record for record in store.records() if record.chunk in mine)
    failures = (Failed(*each) for record in own for each in record.failed)
    report_failures(sweep.model, sweep.design, failures, sweep.options, listed=True)
    return read_store(path)


def gathered(sweep: Sweep, executor: Executor, workers: int | None) -> xr.Dataset:
    """Simulate a sweep on an executor, its result in memory.

    Raises
    ------
    IntegrationError
        Every run failed, or one did and `on_failure` is "raise".
    """
    shape, grid, design = sweep.design.shape, sweep.grid, sweep.design.whole()
    outputs = np.empty((len(sweep.wanted), *shape, sweep.times.size))
    status, state = np.zeros(shape, np.int64), np.zeros(shape, np.intp)
    failed_at = np.zeros(shape)
    with (
        run_progress(sweep.options.progress, sweep.runs, "simulating") as advance,
        _outcomes(sweep, range(len(grid)), executor, workers) as outcomes,
    ):
        for number, found in outcomes:
            box = grid.slices(number)
            outputs[:, *box] = found.outputs.reshape(outputs[:, *box].shape)
            for whole, part in (
                (status, found.status),
                (failed_at, found.failed_at),
                (state, found.state),
            ):
                whole[box] = part.reshape(whole[box].shape)
            if advance is not None:
                advance(grid.size(number))
    outcome = Outcome(
        outputs.reshape(len(sweep.wanted), sweep.runs, -1),
        status.reshape(-1),
        failed_at.reshape(-1),
        state.reshape(-1),
    )
    report_failures(sweep.model, design, failed_runs(outcome), sweep.options)
    return to_dataset(sweep.model, design, outcome, sweep.times, sweep.wanted, sweep.options)


@contextmanager
def _outcomes(
    sweep: Sweep, chunks: Sequence[int], executor: Executor | None, workers: int | None
) -> Iterator[Iterator[tuple[int, Outcome]]]:
    """Outcomes of chunks as they are computed: by the executor, or on threads of this process."""
    threads = max(1, min(sweep.options.workers, len(chunks)))
    each = sweep.options.workers // threads if executor is None else workers or 1
    options = replace(sweep.options, workers=each, progress=False, on_failure="mark")

    def tasks() -> Iterator[Task]:
        for number in chunks:
            yield number, (sweep.model, sweep.part(number), sweep.times, sweep.wanted, options)

    if executor is not None:
        with computing(tasks(), simulate_design, executor) as outcomes:
            yield outcomes
        return
    _ = sweep.model.kernel  # made once, not by each thread
    # one more than threads: while a result is stored, no thread waits for work
    with (
        ThreadPoolExecutor(threads) as pool,
        computing(tasks(), simulate_design, pool, ahead=threads + 1) as outcomes,
    ):
        yield outcomes


def _chunks(count: int, shard: tuple[int, int] | None) -> range:
    """Numbers of the chunks of a shard (all where there is none)."""
    if shard is None:
        return range(count)
    try:
        i, n = (number_of(part) for part in shard)
    except (TypeError, ValueError):
        i = n = None
    if i is None or n is None or i != int(i) or n != int(n) or not 1 <= i <= n:
        raise ConditionError(f"shard is (i, n), i from 1 to n, like (1, 8), not {shard!r}.")
    return range(int(i) - 1, count, int(n))


def _among_all(sweep: Sweep, chunk: int, failed: Sequence[Failed]) -> tuple[Failed, ...]:
    """Failed runs of a chunk, numbered among all runs."""
    numbers = sweep.grid.runs(chunk, np.array([each.run for each in failed], np.intp))
    return tuple(each._replace(run=run) for each, run in zip(failed, numbers.tolist(), strict=True))


def _begun(sweep: Sweep, path: Path, manifest: Manifest) -> Store | None:
    """The store that is there, to go on with; None if there is none."""
    found = open_store(path, manifest)
    if found is None:
        return None
    others = version_differences(found.manifest, manifest)
    if others:
        warn(
            f"{path} was begun with {', '.join(others)}: what is added may differ from it in the"
            " last bits."
        )
    return found


# --- a store before its first chunk ----------------------------------------------------------


def _row_parts(sweep: Sweep) -> Iterator[tuple[slice, Any]]:
    """Pieces of the axes whose rows are read when they are needed."""
    for axis in sweep.design.axes:
        if isinstance(axis, RowAxis):
            for first in range(0, axis.size, ROWS):
                rows = slice(first, min(first + ROWS, axis.size))
                yield rows, axis.part(rows)


def _checked_rows(sweep: Sweep) -> dict[str, int]:
    """Letters of the longest text of each column of text.

    Raises ConditionError for the first row that has no meaning, before any is simulated.
    """
    widths: dict[str, int] = {}
    for _, part in _row_parts(sweep):
        for name, values in part.coordinates.items():
            if values.dtype.kind == "U":
                width = values.dtype.itemsize // np.dtype("U1").itemsize
                widths[name] = max(width, widths.get(name, 1))
    return widths


def _given(sweep: Sweep) -> dict[str, tuple[Any, NDArray[Any], Any]]:
    """Coordinates that are in memory: their dimension or (), values and attributes."""
    found = result_coordinates(sweep.model, sweep.design, sweep.times, sweep.wanted)
    return {name: (dim, np.asarray(values), attrs) for name, (dim, values, attrs) in found.items()}


def _coordinates(sweep: Sweep, widths: Mapping[str, int]) -> dict[str, Layout]:
    """What the coordinates look like in a store.  widths : of columns of text, in letters."""
    found = {
        name: Layout((dim,) if dim else (), values.shape, values.shape, values.dtype, attrs)
        for name, (dim, values, attrs) in _given(sweep).items()
    }
    for axis in sweep.design.axes:
        if isinstance(axis, RowAxis):
            for name, values in axis.part(slice(0, 1)).coordinates.items():
                if name in sweep.outputs:
                    continue
                kind = values.dtype if values.dtype.kind != "U" else f"<U{widths[name]}"
                unit = sweep.design.units.get(name)
                attrs = {"units": unit} if unit else None
                found[name] = Layout((axis.name,), (axis.size,), (ROWS,), np.dtype(kind), attrs)
    return found


def _values(
    sweep: Sweep, coordinates: Mapping[str, Layout]
) -> Iterator[tuple[str, int, NDArray[Any]]]:
    """Values of the coordinates, piece by piece: name, first entry, entries."""
    for name, (_, values, _) in _given(sweep).items():
        yield name, 0, values
    for rows, part in _row_parts(sweep):
        for name, values in part.coordinates.items():
            if name in coordinates:
                yield name, rows.start, values
