"""The commands `simulate` and `export`: one call of the model each."""

from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..errors import ConditionError
from .factor_arguments import read_factors, read_number
from .options import BUNDLED_MODEL, JsonOption, ModelOption, WorkersOption
from .reporting import Writer, print_json, reported, say, write_files

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr


def simulate(
    factors: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[FACTOR=VALUE[,VALUE...]]...",
            help="cell, alteration, knockout, expression:<GENE>, a drug (uM), il7 (ng/ml), or a"
            " parameter or species id. Several values sweep it; log:LOW:HIGH:N are N log-spaced"
            " doses; DOSE@HOUR,DOSE@HOUR is a schedule.",
        ),
    ] = None,
    model: ModelOption = BUNDLED_MODEL,
    time: Annotated[str, typer.Option("--time", "-t", help="Times, comma-separated.")] = "96",
    output: Annotated[
        list[str] | None,
        typer.Option("--output", help="An output to report; may be repeated. Default: all."),
    ] = None,
    ids: Annotated[
        list[str] | None,
        typer.Option("--set", help="ID=VALUE[,VALUE...], for ids that are also factor names."),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", help="File: .csv or .nc (NetCDF). Default: CSV to the screen."),
    ] = None,
    rtol: Annotated[float, typer.Option(help="Relative tolerance.")] = 1e-6,
    atol: Annotated[float, typer.Option(help="Absolute tolerance.")] = 1e-9,
    method: Annotated[
        str, typer.Option(help="auto, Rodas5P (for stiff systems) or Tsit5 (for others).")
    ] = "auto",
    workers: WorkersOption = None,
    as_json: JsonOption = False,
) -> None:
    """Simulate every combination of the factors' values."""
    with reported():
        from .. import load

        if out is not None and out.suffix not in (".csv", ".nc"):
            raise ConditionError(f"--out is {out}, but must end in .csv or .nc.")
        found = load(model).simulate(
            [read_number(text, "--time") for text in time.split(",")],
            set=read_factors(ids or [], option="--set ") or None,
            outputs=output or None,
            rtol=rtol,
            atol=atol,
            method=method,  # type: ignore[arg-type]
            workers=workers,
            **no_options(read_factors(factors or [])),
        )
        if as_json:
            print_json(found.to_dict())
        if out is not None:
            write_files(out.parent, {out.name: _dataset_writer(found, out.suffix)})
            say(f"wrote {out}")
        elif not as_json:
            typer.echo(_flat(found).to_csv(index=False), nl=False)


def export(
    factors: Annotated[
        list[str] | None,
        typer.Argument(metavar="[FACTOR=VALUE]...", help="The condition, as for simulate."),
    ] = None,
    model: ModelOption = BUNDLED_MODEL,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="SBML file. Default: the screen.")
    ] = None,
) -> None:
    """SBML of one condition with its pre-equilibrated initial values, for other simulators."""
    with reported():
        from .. import load

        sbml = load(model).export_sbml(**no_options(read_factors(factors or [])))
        if out is None:
            typer.echo(sbml)
        else:
            write_files(out.parent, {out.name: lambda path: path.write_text(sbml, "utf-8")})
            say(f"wrote {out}")


def no_options(factors: dict[str, Any], more: Collection[str] = ()) -> dict[str, Any]:
    """The factors, after refusing names that `simulate` takes as options, and `more`."""
    from ..network.definition import OPTIONS

    for name in factors:
        if name in OPTIONS or name in ("max_steps", "self", *more):
            raise ConditionError(
                f'"{name}" is an option, not a factor; for an id of that name write --set'
                f" {name}=VALUE."
            )
    return factors


def _flat(found: "xr.Dataset") -> "pd.DataFrame":
    """A dataset as one row per run and time; factors that are fixed are columns too."""
    flat: pd.DataFrame = found.to_dataframe().reset_index()
    return flat


def _dataset_writer(found: "xr.Dataset", suffix: str) -> Writer:
    if suffix == ".csv":
        return lambda path: _flat(found).to_csv(path, index=False)
    return lambda path: found.to_netcdf(path, engine="h5netcdf")
