"""Options that several commands share."""

from typing import Annotated

import typer

#: What every command simulates unless told otherwise.
BUNDLED_MODEL = "steroid_response"

ModelOption = Annotated[
    str,
    typer.Option("--model", "-m", help="A bundled model's name, or a model folder or file."),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]
WorkersOption = Annotated[
    int | None, typer.Option("--workers", "-w", min=1, help="Threads; default: all cores.")
]
