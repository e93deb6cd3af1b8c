"""The command `steroidsim`.

Nothing heavy is imported before a command runs, so that `--help` answers at once. Exit status: 0,
1 (the run failed), 2 (bad input); errors are one sentence on standard error.
"""

from typing import Annotated

import typer

from .blots_command import blots_to_petab
from .calibrate_command import calibrate
from .dose_command import dose
from .findings_command import findings
from .fit_command import fit, report
from .predict_command import predict
from .screen_command import screen
from .simulate_command import export, simulate
from .sweep_command import merge, sweep

app = typer.Typer(
    name="steroidsim",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    help="Simulate how leukaemic cells respond to steroids and targeted drugs. Research use only.",
)


def main() -> None:
    """Run the command line; the entry point of the distribution."""
    app(prog_name="steroidsim")


def _show_version(wanted: bool) -> None:
    if wanted:
        from .._version import __version__

        typer.echo(f"steroidsim {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool,
        typer.Option("--version", help="Print the version.", callback=_show_version, is_eager=True),
    ] = False,
) -> None:
    """Options of the command itself."""


app.command(
    epilog="Examples:  steroidsim predict   |   steroidsim predict --cell SUPT1 --out my_results"
)(predict)
app.command(
    epilog="Examples:  steroidsim simulate cell=SUPT1 alteration=none,JAK1_T901A"
    " prednisolone=0,0.1,1,10 --time 0,24,48,96 --output viability --out run.csv   |  "
    " steroidsim simulate prednisolone=1@0,0@24 --time 0,24,96   |  "
    " steroidsim simulate expression:BCL2=1,4 prednisolone=log:0.01:30:9"
)(simulate)
app.command(
    epilog="Examples:  steroidsim sweep design.toml --dry-run   |  "
    " steroidsim sweep design.toml --out sweep.zarr   |  "
    " steroidsim sweep design.toml --out part3.zarr --shard 3/8   |  "
    " steroidsim sweep design.toml --out sweep.zarr --dask tcp://10.0.0.1:8786"
)(sweep)
app.command(
    epilog="Example:  steroidsim merge part1.zarr part2.zarr --out sweep.zarr --netcdf sweep.nc"
)(merge)
app.command(
    epilog="Examples:  steroidsim dose prednisolone --below 0.5 alteration=none,NRAS_G12D"
    " selumetinib=0,0.1,1   |  "
    " steroidsim dose prednisolone selumetinib --effect 0.9 --cohort TALL_PDX --fraction 0.8   |  "
    " steroidsim dose prednisolone=1 selumetinib=0.5 --delays -48:48:12 --exposure 24 --time 96"
)(dose)
app.command(
    epilog="Examples:  steroidsim screen   |   steroidsim screen alteration=NRAS_G12D --pairs   |  "
    " steroidsim screen cell=SUPT1,SEM prednisolone=0,log:0.01:100:9 --measure ic50"
    " --knockout BIM --drug selumetinib=1 --out screen.csv   |  "
    " steroidsim screen --control   |  "
    " steroidsim screen --measure BIM_active prednisolone=1 --morris --n 10   |  "
    " steroidsim screen --sobol --n 128 --range BIM_expression=0.1:10:log --range total_MEK"
)(screen)
app.command(
    epilog="Examples:  steroidsim findings   |   steroidsim findings T19 M06 --all   |  "
    " steroidsim findings --file my_findings.yaml --json   |  "
    " steroidsim findings --page docs/findings.md"
)(findings)
app.command(
    epilog="Examples:  steroidsim calibrate --out calibrated --report calibration.md   |  "
    " steroidsim calibrate --iterations 0 --members 0 --report calibration.md"
)(calibrate)
app.command(
    epilog="Examples:  steroidsim fit problem.yaml --starts 50 --jobs 2 --out result.h5   |  "
    " steroidsim fit problem.yaml --profile --petab fitted   |  "
    " steroidsim fit blots_problem/problem.yaml --hierarchical"
)(fit)
app.command(epilog="Example:  steroidsim report result.h5 --out report")(report)
app.command(epilog="Example:  steroidsim export alteration=NRAS_G12D prednisolone=1 --out run.xml")(
    export
)
app.command(
    "blots-to-petab",
    epilog="Examples:  steroidsim blots-to-petab blots.tsv --out problem --estimate all   |  "
    " steroidsim blots-to-petab blots.csv --out problem --antibody ERK-P=pERK"
    " --antibody actin=loading_control --estimate k_BIM_phosphorylation --offset",
)(blots_to_petab)
