"""The command `doctor`: what is installed, and whether it computes what it should."""

import sys
import textwrap
from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import typer

from .examples import COLUMNS
from .options import JsonOption
from .reporting import RUN_FAILED, colours, print_json, reported

if TYPE_CHECKING:
    from .doctor_checks import Check

INDENT = 12


def doctor(as_json: JsonOption = False) -> None:
    """Say what is installed and where, and check that simulations are right.

    The bundled model and a small plain one are simulated here and with libRoadRunner. Nothing is
    fetched from a network. Exit status 1 where a check fails; its line says what to do.
    """
    with reported():
        from .doctor_checks import checks, installation

        found = installation()
        if not as_json:
            _print_installation(found)
        made = []
        for check in checks(found):
            made.append(check)
            if not as_json:
                _print_check(check)
        failed = sum(not check.passed for check in made)
        if as_json:
            content = {**found, "checks": [asdict(check) for check in made]}
            print_json({"passed": not failed, **content})
        else:
            total = f"{len(made)} checks"
            typer.echo(f"{failed} of {total} failed" if failed else f"all {total} passed")
        if failed:
            raise typer.Exit(RUN_FAILED)


def _print_installation(found: Mapping[str, Any]) -> None:
    _print_lines("steroidsim", f"{found['steroidsim']}, Python {found['python']}")
    _print_lines("system", found["platform"])
    _print_lines("packages", _versions(found["packages"]))
    _print_lines("optional", _versions(found["optional"]))
    _print_lines("processor", _processor(found["processor"]))
    _print_lines("cache", _cache(found["cache"]))
    typer.echo("")


def _versions(packages: Mapping[str, str | None]) -> str:
    # A name and its version stay on one line.
    return ", ".join(f"{name}\N{NO-BREAK SPACE}{v or 'absent'}" for name, v in packages.items())


def _processor(processor: Mapping[str, Any]) -> str:
    cores = f"{processor['cores']} cores"
    if "name" not in processor:
        return cores
    features = ", ".join(processor["features"]) or "none of note"
    widths = " and ".join(map(str, processor["vector_functions"]))
    library = f"glibc libmvec, {widths} at once" if widths else "none: one number at a time"
    return (
        f"{processor['name']}, {cores} ({processor['cores_used']} used), {features};"
        f" {processor['vector_width']} doubles to a vector; vector exp, log, pow: {library}"
    )


def _cache(cache: Mapping[str, Any] | None) -> str:
    if cache is None:
        return "unknown, packages are missing"
    chosen = "temporary" if cache["temporary"] else f"chosen by {cache['chosen_by']}"
    mode = f", mode {cache['mode']}" if cache["mode"] else ""
    size = f"{cache['bytes'] / 1e6:.1f} MB, {cache['kernels']} kernels"
    return f"{cache['folder']} ({chosen}{mode}); {size}"


def _print_lines(name: str, text: str) -> None:
    """A name and what there is to say of it, in lines that fit a terminal."""
    lines = textwrap.wrap(
        text,
        COLUMNS - INDENT,
        break_long_words=False,
        break_on_hyphens=False,
    )
    for k, line in enumerate(lines):
        head = (name if k == 0 else "").ljust(INDENT)
        typer.echo(head + line.replace("\N{NO-BREAK SPACE}", " "))


def _print_check(check: "Check") -> None:
    """PASS or FAIL, what was found, and in the second case what to do."""
    word, colour = ("PASS", "green") if check.passed else ("FAIL", "red")
    if colours(sys.stdout):
        word = typer.style(word, fg=colour, bold=True)
    advice = "" if check.passed else f". To do: {check.advice}"
    text = textwrap.wrap(
        f"{check.name}: {check.found}{advice}",
        COLUMNS - 6,
        break_long_words=False,
        break_on_hyphens=False,
    )
    typer.echo(f"{word}  " + "\n      ".join(text), color=colours(sys.stdout))
