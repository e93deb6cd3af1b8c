"""What one call is to simulate, of any size: how many runs, how much disk, about how long."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from importlib.metadata import version
from platform import python_version
from typing import TYPE_CHECKING, Any

import numpy as np

from .._version import __version__
from ..conditions import (
    Axis,
    Design,
    LazyDesign,
    RowAxis,
    axis_digest,
    fixed_digest,
    make_design,
)
from ..errors import ConditionError
from ..store import Grid, Manifest, chunk_shape, store_path
from .dataset import attributes_of, variable_name
from .designed import simulated
from .distribute import Executor
from .options import (
    MAX_STEPS,
    Array,
    Method,
    OnFailure,
    Options,
    Start,
    check_on_failure,
    checked_options,
    checked_times,
)
from .pilot import seconds_per_run
from .progress import duration, worker_count
from .readouts import Readout, readouts

if TYPE_CHECKING:
    from os import PathLike

    import xarray as xr

    from ..conditions.factors import Conditions
    from .model import Model

# Runs of a chunk: enough that planning and storing them costs little beside integrating them, few
# enough that little is lost with a process; a thousandth of a large sweep, so that the files stay
# countable; and no more numbers than fit in memory many times over.
LEAST_RUNS, MOST_RUNS, CHUNKS = 4096, 65536, 1024
NUMBERS = 1 << 22

VERSIONS = ("numpy", "scipy", "numba", "llvmlite")


@dataclass(frozen=True)
class Sweep:
    """Everything that one call is to simulate; made by `simulator.design`.

    Printed, it says how many runs there are, how much disk their results take and about how long
    they take. Nothing is simulated, or expanded, before `simulate` is called, but a few runs that
    tell how long all of them take.
    """

    model: Model
    design: Design | LazyDesign
    times: Array
    wanted: tuple[Readout, ...]
    options: Options

    @property
    def sizes(self) -> dict[str, int]:
        """Levels of every dimension of the result."""
        return dict(zip(self.design.dims, self.design.shape, strict=True)) | {
            "time": self.times.size
        }

    @property
    def outputs(self) -> list[str]:
        """Names of what is reported."""
        return [variable_name(readout.id) for readout in self.wanted]

    @property
    def runs(self) -> int:
        """Number of runs."""
        return self.design.size

    @property
    def bytes(self) -> int:
        """Bytes that the results take at most, in memory or on disk."""
        return self.runs * self.times.size * len(self.wanted) * np.dtype(float).itemsize

    @cached_property
    def grid(self) -> Grid:
        """The chunks in which it is simulated and stored; they depend on nothing else."""
        each = self.times.size * len(self.wanted)
        most = min(max(self.runs // CHUNKS, LEAST_RUNS), MOST_RUNS, max(1, NUMBERS // each))
        return Grid(self.design.shape, chunk_shape(self.design.shape, _order(self.design), most))

    @cached_property
    def run_seconds(self) -> float:
        """CPU time of a run in seconds, measured on a few hundred of them."""
        return seconds_per_run(self.model, self.design, self.times, self.wanted, self.options)

    def seconds(self, workers: int | None = None) -> float:
        """About how many seconds all runs take on so many cores (default: those there are).

        Parameters
        ----------
        workers
            Cores; None: those that this process may use.

        Returns
        -------
        float
            Seconds, from the CPU time of a few hundred runs.
        """
        return self.runs * self.run_seconds / min(worker_count(workers), len(self.grid))

    def part(self, chunk: int) -> Design:
        """The runs of a chunk.  Raises ConditionError for a row that has no meaning."""
        return self.design.part(self.grid.slices(chunk))

    def __repr__(self) -> str:
        return f"<Sweep of {self.model.definition.name}: {self._shape()}, {_size(self.bytes)}>"

    def __str__(self) -> str:
        cores = worker_count(None)
        plural = "s" * (cores != 1)
        return (
            f"{self.model.definition.name}: {self._shape()}\n"
            f"{len(self.wanted)} output{'s' * (len(self.wanted) != 1)} at {self.times.size}"
            f" time{'s' * (self.times.size != 1)}: {', '.join(self.outputs)}\n"
            f"at most {_size(self.bytes)} on disk, in {len(self.grid):,}"
            f" chunk{'s' * (len(self.grid) != 1)} of up to {math.prod(self.grid.chunk):,} runs\n"
            f"about {duration(self.seconds())} on {cores} core{plural}"
            f" ({1e3 * self.run_seconds:.2g} ms a run, from a few of them)"
        )

    def _shape(self) -> str:
        crossed = " x ".join(
            f"{size:,} {name}"
            for name, size in zip(self.design.dims, self.design.shape, strict=True)
        )
        return f"{self.runs:,} run{'s' * (self.runs != 1)}" + (f" ({crossed})" if crossed else "")

    def simulate(
        self,
        *,
        store: str | PathLike[str] | None = None,
        executor: Executor | None = None,
        shard: tuple[int, int] | None = None,
        workers: int | None = None,
        on_failure: OnFailure = "mark",
        progress: bool | None = None,
    ) -> xr.Dataset:
        """Simulate it: see `Model.simulate`, which takes the same options.

        Parameters
        ----------
        store, executor, workers, on_failure, progress
            As of `Model.simulate`.
        shard
            (i, n): only every n-th chunk, beginning with the i-th, i from 1 to n; for jobs that
            know nothing of each other. Their stores are put together by `simulator.merge`.

        Returns
        -------
        xarray.Dataset
            As from `Model.simulate`.

        Raises
        ------
        ConditionError
            An option or a row of the conditions has no meaning, or the store cannot be used
            or is of something else.
        IntegrationError
            Every run failed, or one did and `on_failure` is "raise".
        """
        from .streamed import gathered, streamed

        check_on_failure(on_failure)
        options = replace(
            self.options, workers=worker_count(workers), on_failure=on_failure, progress=progress
        )
        sweep = replace(self, options=options)
        if shard is not None and store is None:
            raise ConditionError("shard= is for stores: name one with store=.")
        if store is not None:
            return streamed(sweep, store_path(store), executor, workers, shard)
        if executor is not None:
            return gathered(sweep, executor, workers)
        return simulated(self.model, self.design.whole(), self.times, self.wanted, options)

    def manifest(self) -> Manifest:
        """What a store of it says."""
        model, options = self.model, self.options
        labels = {name: str(label) for name, label in self.design.coordinates.items()}
        versions = {name: version(name) for name in VERSIONS}
        versions |= {"steroidsim": __version__, "python": python_version()}
        versions["vector width"] = str(model.kernel.system(()).lanes)
        return Manifest(
            model={
                "name": model.definition.name,
                "hash": model.hash,
                "files": dict(model.digests),
            },
            design={
                "axes": [_described(axis) for axis in self.design.axes],
                "fixed": {"digest": fixed_digest(self.design), "labels": labels},
                "variables": {
                    name: attributes_of(readout)
                    for name, readout in zip(self.outputs, self.wanted, strict=True)
                },
            },
            time=self.times.tolist(),
            outputs=[readout.id for readout in self.wanted],
            options={
                "start": options.start,
                "rtol": options.tolerances.rtol,
                "atol": options.tolerances.atol,
                "max_steps": options.tolerances.max_steps,
                "method": options.method,
            },
            versions=versions,
            chunk=list(self.grid.chunk),
        )


def design(
    model: Model | str | PathLike[str],
    time: Any,
    *,
    conditions: Conditions | None = None,
    set: Mapping[str, Any] | None = None,
    outputs: Sequence[str] | None = None,
    start: Start | None = None,
    rtol: float = 1e-6,
    atol: float = 1e-9,
    max_steps: int = MAX_STEPS,
    method: Method = "auto",
    **factors: Any,
) -> Sweep:
    """What a call of `Model.simulate` with these arguments would simulate; nothing is, yet.

        sweep = simulator.design("steroid_response", 96, cell=["SUPT1", "SEM"], prednisolone=doses)
        print(sweep)                       # runs, disk, time
        ds = sweep.simulate(store="sweep.zarr")

    Parameters
    ----------
    model
        A model, or what `simulator.load` takes.
    conditions
        As of `Model.simulate`: a table, or what need not be in memory: a .csv or .tsv file, or
        `simulator.sample`.
    time, set, outputs, start, rtol, atol, max_steps, method, **factors
        As of `Model.simulate`.

    Returns
    -------
    Sweep
        What would be simulated; its own `simulate` does so.

    Raises
    ------
    ConditionError
        Something named does not exist or has no meaning, or a value is not allowed.
    ModelError
        The model cannot be read.
    """
    from .load import load_model
    from .model import Model

    found = model if isinstance(model, Model) else load_model(model)
    times = checked_times(time)
    options = checked_options(
        found,
        start=start,
        rtol=rtol,
        atol=atol,
        max_steps=max_steps,
        max_seconds=None,
        on_failure="mark",
        workers=None,
        method=method,
    )
    runs = make_design(found.definition, factors, conditions, set, found.names)
    wanted = readouts(found, outputs, dims=runs.dims)
    return Sweep(found, runs, times, tuple(wanted), options)


def _order(design: Design | LazyDesign) -> list[int]:
    """Dimensions, those first that a chunk is to have whole.

    Treatments of one cell belong together: they begin at the same state of rest, and have the same
    vehicle. Rows that are read from elsewhere are cut first.
    """

    def late(axis: Axis | RowAxis) -> int:
        if isinstance(axis, RowAxis):
            return 2
        return 0 if all(column.time is not None for column in axis.columns) else 1

    last_first = range(len(design.axes) - 1, -1, -1)
    return sorted(last_first, key=lambda k: late(design.axes[k]))


def _described(axis: Axis | RowAxis) -> dict[str, Any]:
    ends = (None, None) if isinstance(axis, RowAxis) else (axis.labels[0], axis.labels[-1])
    return {
        "name": axis.name,
        "levels": axis.size,
        "digest": axis_digest(axis),
        "first": ends[0],
        "last": ends[1],
    }


def _size(count: float) -> str:
    for unit in ("B", "kB", "MB", "GB"):
        if count < 1000:
            return f"{count:.3g} {unit}"
        count /= 1000
    return f"{count:,.3g} TB"
