"""Options that several commands share."""

from typing import Annotated

import typer

from . import completion

# Panels of options in help pages.
RESULTS = "Results"
COMPUTING = "How it is computed"

#: What every command simulates unless told otherwise.
BUNDLED_MODEL = "steroid_response"

ModelOption = Annotated[
    str,
    typer.Option(
        "--model",
        "-m",
        metavar="MODEL",
        help="A bundled model's name, or a model folder or file.",
        autocompletion=completion.models,
    ),
]
JsonOption = Annotated[
    bool,
    typer.Option("--json", help="Print the result as JSON.", rich_help_panel=RESULTS),
]
WorkersOption = Annotated[
    int | None,
    typer.Option(
        "--workers",
        "-w",
        min=1,
        metavar="N",
        help="Threads; default: all cores.",
        rich_help_panel=COMPUTING,
    ),
]
RtolOption = Annotated[
    float, typer.Option(metavar="NUMBER", help="Relative tolerance.", rich_help_panel=COMPUTING)
]
AtolOption = Annotated[
    float, typer.Option(metavar="NUMBER", help="Absolute tolerance.", rich_help_panel=COMPUTING)
]
SetOption = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="ID=VALUE[,VALUE...]",
        help="Any parameter or species, also one with the name of a factor.",
        autocompletion=completion.parameters,
    ),
]
