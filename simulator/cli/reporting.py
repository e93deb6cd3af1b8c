"""What a command tells its user: errors, progress, tables, JSON and files."""

import json
import math
import os
import sys
import tempfile
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import typer

from ..errors import ConditionError, IntegrationError, SteroidsimError

RUN_FAILED, BAD_INPUT = 1, 2
INTERRUPTED = 130

#: Set to anything, this environment variable shows the traceback of an error.
DEBUG = "STEROIDSIM_DEBUG"

#: Writes one file to the path it is given.
Writer = Callable[[Path], object]

# A table that is piped has no terminal to fit into.
PIPED_WIDTH = 400


@contextmanager
def reported(interrupted: str = "interrupted; nothing was written.") -> Iterator[None]:
    """Turn an error of the package into its sentence and an exit status, a warning into a line.

    interrupted : what is said after Ctrl-C.
    """
    try:
        with warnings.catch_warnings():
            warnings.showwarning = _say_warning
            yield
    except SteroidsimError as error:
        if os.environ.get(DEBUG):
            raise
        complain(str(error))
        failed = isinstance(error, IntegrationError)
        raise typer.Exit(RUN_FAILED if failed else BAD_INPUT) from None
    except KeyboardInterrupt:
        complain(interrupted)
        raise typer.Exit(INTERRUPTED) from None


def _say_warning(message: Warning | str, *_: Any, **__: Any) -> None:
    caution(str(message))


def complain(text: str) -> None:
    """Print on standard error what ended a command."""
    _say_after("steroidsim:", "red", text)


def caution(text: str) -> None:
    """Print on standard error what does not end a command, but should be known."""
    _say_after("steroidsim: warning:", "yellow", text)


def _say_after(prefix: str, colour: str, text: str) -> None:
    coloured = colours(sys.stderr)
    if coloured:
        prefix = typer.style(prefix, fg=colour, bold=True)
    typer.echo(f"{prefix} {text}", err=True, color=coloured)


def colours(stream: Any) -> bool:
    """Whether text on a stream is coloured: on terminals, unless the environment says otherwise.

    NO_COLOR (https://no-color.org) comes before FORCE_COLOR; each counts unless it is empty.
    """
    if os.environ.get("NO_COLOR"):
        return False
    if os.environ.get("FORCE_COLOR"):
        return True
    return bool(stream.isatty()) and os.environ.get("TERM") != "dumb"


def say(text: str) -> None:
    """Print a line on standard error, away from the result."""
    typer.echo(text, err=True)


def print_json(content: Any) -> None:
    """Print a result as JSON; a number that is missing or infinite is null."""
    typer.echo(as_json(content))


def as_json(content: Any) -> str:
    """JSON of plain and numpy values; a number that is missing or infinite is null."""
    return json.dumps(_plain(content), indent=1, allow_nan=False)


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    if getattr(value, "ndim", 0):
        return _plain(value.tolist())
    value = value.item() if hasattr(value, "item") else value
    return None if isinstance(value, float) and not math.isfinite(value) else value


def print_table(grid: Any) -> None:
    """Print a rich table: fitted to a terminal, as plain lines when piped."""
    from rich.console import Console

    if sys.stdout.isatty():
        Console().print(grid)
        return
    coloured = colours(sys.stdout)
    system: Any = "standard" if coloured else None
    console = Console(width=PIPED_WIDTH, color_system=system, force_terminal=coloured)
    with console.capture() as captured:
        console.print(grid)
    for line in captured.get().splitlines():
        typer.echo(line.rstrip(), color=coloured)


def write_files(folder: Path, files: Mapping[str, Writer], option: str = "--out") -> list[Path]:
    """Write all files into a folder, or none of them.

    files : file name, perhaps in a subfolder -> function that writes it to the path it is given.
    Everything is written to a temporary folder inside the target first and then moved, so that a
    failure half way leaves what was there. option : the one that names the place. Raises
    ConditionError if the folder cannot be written to.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".writing-", dir=folder) as temporary:
            for name, write in files.items():
                (Path(temporary) / name).parent.mkdir(parents=True, exist_ok=True)
                write(Path(temporary) / name)
            for name in files:
                (folder / name).parent.mkdir(parents=True, exist_ok=True)
                os.replace(Path(temporary) / name, folder / name)
    except OSError as error:
        raise ConditionError(
            f"{folder}: results cannot be written there ({error.strerror or error}); name another"
            f" place with {option}."
        ) from None
    return [folder / name for name in files]
