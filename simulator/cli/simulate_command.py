"""The commands `simulate` and `export`: one call of the model each."""

from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..errors import ConditionError
from . import completion
from .factor_arguments import read_factors, read_number
from .options import (
    BUNDLED_MODEL,
    COMPUTING,
    RESULTS,
    AtolOption,
    JsonOption,
    ModelOption,
    RtolOption,
    SetOption,
    WorkersOption,
)
from .reporting import Writer, print_json, reported, say, write_files

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr


def simulate(
    factors: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="FACTOR=VALUE[,VALUE...]",
            help="cell, alteration, knockout, expression:<GENE>, a drug (uM), il7 (ng/ml), or a"
            " parameter or species id. Several values sweep it; log:LOW:HIGH:N are N log-spaced"
            " doses; DOSE@HOUR,DOSE@HOUR is a schedule.",
            autocompletion=completion.factors,
        ),
    ] = None,
    model: ModelOption = BUNDLED_MODEL,
    time: Annotated[
        str,
        typer.Option(
            "--time", "-t", metavar="TIME[,TIME...]", help="In hours, or the model's own unit."
        ),
    ] = "96",
    output: Annotated[
        list[str] | None,
        typer.Option(
            "--output",
            metavar="ID",
            help="An output to report; may be repeated. Default: all observables.",
            autocompletion=completion.outputs,
            rich_help_panel=RESULTS,
        ),
    ] = None,
    ids: SetOption = None,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            "-o",
            metavar="FILE",
            help=".csv or .nc (NetCDF). Default: CSV to the screen.",
            rich_help_panel=RESULTS,
        ),
    ] = None,
    rtol: RtolOption = 1e-6,
    atol: AtolOption = 1e-9,
    method: Annotated[
        str,
        typer.Option(
            metavar="METHOD",
            help="auto, Rodas5P (for stiff systems) or Tsit5 (for others).",
            rich_help_panel=COMPUTING,
        ),
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
        if out is not None:
            write_files(out.parent, {out.name: _dataset_writer(found, out.suffix)})
            say(f"wrote {out}")
        if as_json:
            print_json(found.to_dict())
        elif out is None:
            typer.echo(_flat(found).to_csv(index=False), nl=False)


def export(
    factors: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="FACTOR=VALUE",
            help="The condition, as for simulate.",
            autocompletion=completion.factors,
        ),
    ] = None,
    model: ModelOption = BUNDLED_MODEL,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            "-o",
            metavar="FILE",
            help="SBML file. Default: the screen.",
            rich_help_panel=RESULTS,
        ),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """SBML of one condition with its pre-equilibrated initial values, for other simulators."""
    with reported():
        from .. import load

        loaded = load(model)
        sbml = loaded.export_sbml(**no_options(read_factors(factors or [])))
        if out is not None:
            write_files(out.parent, {out.name: lambda path: path.write_text(sbml, "utf-8")})
            say(f"wrote {out}")
        if as_json:
            content = {"model": loaded.definition.name, "model_hash": loaded.hash, "sbml": sbml}
            print_json(content | {"file": None if out is None else str(out)})
        elif out is None:
            typer.echo(sbml)


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
