"""The commands `sweep` and `merge`: many runs into a store, and stores into one."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..errors import ConditionError
from .options import RESULTS, JsonOption, WorkersOption
from .reporting import RUN_FAILED, complain, print_json, reported, say

if TYPE_CHECKING:
    import xarray as xr

    from ..simulation.sweep import Sweep

INTERRUPTED = "interrupted; what is finished is stored: call it again to go on."

NetcdfOption = Annotated[
    Path | None,
    typer.Option(
        "--netcdf",
        metavar="FILE.nc",
        help="Also write the finished store to a NetCDF file.",
        rich_help_panel=RESULTS,
    ),
]
MACHINES = "On many machines"


def sweep(
    design: Annotated[Path, typer.Argument(metavar="DESIGN.toml", help="What to simulate.")],
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            "-o",
            metavar="STORE",
            help="The Zarr store to make, or to go on with.",
            rich_help_panel=RESULTS,
        ),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say how many runs, how much disk and how long, only.")
    ] = False,
    shard: Annotated[
        str | None,
        typer.Option(
            metavar="I/N",
            help="Only the I-th of N parts, for job arrays; then merge.",
            rich_help_panel=MACHINES,
        ),
    ] = None,
    dask: Annotated[
        str | None,
        typer.Option(
            metavar="ADDRESS",
            help="Scheduler of a Dask cluster to run on.",
            rich_help_panel=MACHINES,
        ),
    ] = None,
    netcdf: NetcdfOption = None,
    workers: WorkersOption = None,
    as_json: JsonOption = False,
) -> None:
    """Simulate a design of any size into a store; a call that was stopped goes on where it was."""
    with reported(interrupted=INTERRUPTED):
        from .design_file import read_design

        found = read_design(design)
        if dry_run:
            _say_plan(found, as_json)
            return
        if out is None:
            raise ConditionError("--out: name the store to make, such as --out sweep.zarr.")
        if out.suffix == ".nc":
            raise ConditionError("--out is a Zarr store; for NetCDF add --netcdf FILE.")
        if netcdf is not None and shard is not None:
            raise ConditionError("--netcdf is of a finished store: give it to merge.")
        _say_begun(found, out)
        with _cluster(dask) as executor:
            result = found.simulate(
                store=out, executor=executor, shard=_shard(shard), workers=workers, progress=True
            )
        _finish(result, out, netcdf, as_json)


def merge(
    parts: Annotated[list[Path], typer.Argument(metavar="STORE", help="Stores of one sweep.")],
    out: Annotated[
        Path,
        typer.Option(
            "--out",
            "-o",
            metavar="STORE",
            help="The store to make, or to add to.",
            rich_help_panel=RESULTS,
        ),
    ],
    netcdf: NetcdfOption = None,
    as_json: JsonOption = False,
) -> None:
    """Put the stores of a sweep's parts together."""
    with reported(interrupted=INTERRUPTED):
        from ..store import merge as merged

        result, missing = merged(parts, out)
        if missing:
            complain(
                f"{out}: {len(missing)} chunks are in none of the parts (first:"
                f" {', '.join(map(str, missing[:5]))}). Run their shards again and merge, or call"
                f" sweep with --out {out}, which computes what is missing."
            )
            raise typer.Exit(RUN_FAILED)
        _finish(result, out, netcdf, as_json)


def _say_begun(found: Sweep, out: Path) -> None:
    """Say how far a store of this design is that is there already; another is refused."""
    from ..store import open_store

    store = open_store(out, found.manifest())
    if store is not None:
        done = sum(record.runs for record in store.records())
        say(f"{out}: going on after {done:,} of {math.prod(store.grid.shape):,} runs")


def _finish(result: xr.Dataset, out: Path, netcdf: Path | None, as_json: bool) -> None:
    if netcdf is not None:
        from ..store import export_netcdf

        export_netcdf(out, netcdf)
        say(f"wrote {netcdf}")
    say(f"wrote {out}")
    if as_json:
        print_json(
            {
                "store": str(out),
                "sizes": {str(name): size for name, size in result.sizes.items()},
                "outputs": [str(name) for name in result.data_vars if name != "status"],
                "attributes": dict(result.attrs),
            }
        )


def _say_plan(found: Sweep, as_json: bool) -> None:
    if not as_json:
        typer.echo(str(found))
        return
    print_json(
        {
            "model": found.model.definition.name,
            "runs": found.runs,
            "sizes": found.sizes,
            "outputs": found.outputs,
            "bytes": found.bytes,
            "chunks": len(found.grid),
            "seconds": found.seconds(),
        }
    )


def _shard(text: str | None) -> tuple[int, int] | None:
    if text is None:
        return None
    first, _, second = text.partition("/")
    if not (first.isdecimal() and second.isdecimal() and 1 <= int(first) <= int(second)):
        raise ConditionError(f'--shard is I/N with I from 1 to N, such as 1/8, not "{text}".')
    return int(first), int(second)


@contextmanager
def _cluster(address: str | None) -> Iterator[Any]:
    """A client of the Dask cluster at an address; None without one."""
    if address is None:
        yield None
        return
    try:
        from distributed import Client
    except ImportError:
        raise ConditionError(
            "--dask needs the package distributed: pip install 'steroidsim[cluster]'."
        ) from None
    try:
        client = Client(address, timeout="10s")
    except (OSError, ValueError) as error:
        raise ConditionError(f"--dask {address}: no scheduler answers there ({error}).") from None
    with client:
        yield client
