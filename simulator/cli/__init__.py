"""The command `steroidsim`.

Nothing heavy is imported before a command runs, so that `--help` and TAB answer at once. Exit
status: 0, 1 (the run failed), 2 (bad input); errors are one sentence on standard error.
"""

import os
from collections.abc import Callable
from typing import Annotated, Any

import typer

from .blots_command import blots_to_petab
from .calibrate_command import calibrate
from .doctor_command import doctor
from .dose_command import dose
from .findings_command import findings
from .fit_command import fit, report
from .predict_command import predict
from .screen_command import screen
from .simulate_command import export, simulate
from .sweep_command import merge, sweep
from .usage import Command, Commands, help_of

# Commands as `steroidsim --help` groups them.
GROUPS: dict[str, tuple[Callable[..., Any], ...]] = {
    "Simulate and predict": (predict, simulate),
    "Many runs": (sweep, merge, screen, dose),
    "Fit to measurements": (fit, report, blots_to_petab),
    "The model itself": (findings, calibrate, export),
    "The installation": (doctor,),
}

app = typer.Typer(
    name="steroidsim",
    cls=Commands,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    help="Simulate how leukaemic cells respond to steroids and targeted drugs. Research use only.",
)


def main() -> None:
    """Run the command line; the entry point of the distribution."""
    os.environ.setdefault("MPLBACKEND", "Agg")  # figures go to files: no window system is needed
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


for _panel, _functions in GROUPS.items():
    for _function in _functions:
        _name = _function.__name__.replace("_", "-")
        _command = app.command(_name, cls=Command, help=help_of(_function), rich_help_panel=_panel)
        _command(_function)
