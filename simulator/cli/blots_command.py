"""The command `blots-to-petab`: a table of band intensities becomes a fitting problem."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer

from ..errors import ConditionError
from . import completion
from .options import BUNDLED_MODEL, RESULTS, JsonOption, ModelOption
from .reporting import Writer, print_json, reported, write_files

# Panel of options in the help page.
PROBLEM = "What is estimated"


def blots_to_petab(
    table: Annotated[Path, typer.Argument(metavar="TABLE", help="Bands, .tsv or .csv.")],
    out: Annotated[
        Path,
        typer.Option(
            "--out",
            "-o",
            metavar="FOLDER",
            help="Folder for the PEtab problem.",
            rich_help_panel=RESULTS,
        ),
    ],
    model: ModelOption = BUNDLED_MODEL,
    conditions: Annotated[
        Path | None,
        typer.Option(metavar="TABLE", help="Table to which the column condition of TABLE refers."),
    ] = None,
    antibody: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=OBSERVABLE",
            help="What an antibody shows, or loading_control; may be repeated.",
        ),
    ] = None,
    normalise: Annotated[
        str | None,
        typer.Option(
            metavar="loading|lane:NAME|none",
            help="Divide bands by the loading control or by a lane of their gel. Default: loading"
            " where the table has one.",
        ),
    ] = None,
    estimate: Annotated[
        list[str] | None,
        typer.Option(
            metavar="ID[,ID...]",
            autocompletion=completion.parameters,
            help="Parameters of the model to estimate; all: those with estimate 1 in its parameter"
            " table that move what is measured. Default: none.",
            rich_help_panel=PROBLEM,
        ),
    ] = None,
    offset: Annotated[
        bool,
        typer.Option(
            "--offset",
            help="A background for each antibody on each gel.",
            rich_help_panel=PROBLEM,
        ),
    ] = False,
    noise: Annotated[
        str,
        typer.Option(
            metavar="log10|lin",
            help="Scale of the noise: decades for each antibody, or intensity for each antibody on"
            " each gel.",
            rich_help_panel=PROBLEM,
        ),
    ] = "log10",
    sigma: Annotated[
        float | None,
        typer.Option(
            metavar="NUMBER",
            help="The noise, where it is known. Default: estimated.",
            rich_help_panel=PROBLEM,
        ),
    ] = None,
    force: Annotated[
        bool,
        typer.Option(
            "--force",
            help="Overwrite files.",
            rich_help_panel=RESULTS,
        ),
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Make a PEtab problem of blots: relative data, with a scale for each gel and antibody.

    TABLE has one row a band, in columns gel, antibody, lane, time, intensity, and columns that say
    what was done: cell, alteration, knockout, drugs (uM), il7 (ng/ml), expression:<GENE>. What has
    no place is refused with file, row and column, everything at once. See docs/blots.md.
    """
    with reported():
        from .. import load
        from ..blots import Choices
        from ..blots import blots_to_petab as convert

        choices = Choices(
            normalise=normalise,
            offset=offset,
            noise=noise,
            sigma=sigma,
            estimate=tuple(id for text in estimate or () for id in text.split(",") if id),
            antibodies=_pairs(antibody or []),
        )
        found = convert(load(model), table, conditions=conditions, choices=choices)
        _write(out, found.files, force)
        if as_json:
            print_json(
                {
                    "problem": str(out / "problem.yaml"),
                    "gels": found.gels,
                    "bands": found.bands,
                    "censored": found.censored,
                    "conditions": found.conditions,
                    "intensities": found.normalised,
                    "estimated": list(found.parameters),
                }
            )
        else:
            typer.echo(
                f"{found.bands} bands of {found.gels} gel{'s' * (found.gels != 1)} "
                f"({found.censored} censored), "
                f"intensities {found.normalised}; {found.conditions} conditions, "
                f"{len(found.parameters)} estimated parameters."
            )
            typer.echo(f"Wrote {out / 'problem.yaml'}")


def _pairs(texts: list[str]) -> dict[str, str]:
    """Antibody -> observable from texts NAME=OBSERVABLE."""
    found: dict[str, str] = {}
    for text in texts:
        name, _, observable = text.partition("=")
        if not name or not observable:
            raise ConditionError(f'--antibody "{text}" must be NAME=OBSERVABLE, as ERK-P=pERK.')
        if name in found:
            raise ConditionError(f'--antibody "{name}" is given twice.')
        found[name] = observable
    return found


def _write(folder: Path, files: Mapping[str, str], force: bool) -> None:
    """Write all files, or none where one is there already."""
    there = [folder / name for name in files if (folder / name).exists()]
    if there and not force:
        raise ConditionError(f"{there[0]} exists already; name another --out, or add --force.")
    write_files(folder, {name: _writer(text) for name, text in files.items()})


def _writer(text: str) -> Writer:
    return lambda path: path.write_text(text, "utf-8")
