"""What the shell offers at TAB: names of the model that is asked for.

Names are read from the tables of the model's folder as text, so that a key press is answered at
once: nothing is checked or compiled. Where there is no such folder nothing is offered.
"""

import csv
import re
from collections.abc import Callable, Iterable
from pathlib import Path

import typer

from ..network.places import bundled_names, find_bundled
from .factor_arguments import GENE_PREFIX

Completer = Callable[[typer.Context, str], list[str]]

# What one level of each of these factors may be; "none" is nothing done.
LEVELS: dict[str, Callable[[Path], list[str]]] = {
    "cell": lambda folder: _column(folder, "cells.tsv", "cell"),
    "alteration": lambda folder: ["none", *_column(folder, "alterations.tsv", "alteration")],
    "knockout": lambda folder: ["none", *_genes(folder)],
}

# How doses and folds are written: two, so that the shell adds no space behind the "=".
DOSES, FOLDS = ("1", "0,0.1,1,10"), ("4", "1,4")


def _column(folder: Path, table: str, column: str) -> list[str]:
    """The distinct entries of a column, in their order."""
    with (folder / table).open(encoding="utf-8", newline="") as file:
        rows = csv.DictReader((line for line in file if line[0] != "#"), delimiter="\t")
        return list(dict.fromkeys(row[column] for row in rows if row[column]))


def _genes(folder: Path) -> list[str]:
    return _column(folder, "genes.tsv", "gene")


def _drugs(folder: Path) -> list[str]:
    """Drugs and ligands."""
    return _column(folder, "drugs.tsv", "drug")


def _parameters(folder: Path) -> list[str]:
    return _column(folder, "parameters.tsv", "parameterId")


def _outputs(folder: Path) -> list[str]:
    species = _column(folder, "species.tsv", "speciesId")
    return [*_column(folder, "observables.tsv", "observableId"), *species]


def _measures(folder: Path) -> list[str]:
    return ["auc400", "ic50", "ec50", *_column(folder, "observables.tsv", "observableId")]


def _cohorts(folder: Path) -> list[str]:
    text = (folder / "cohorts.yaml").read_text("utf-8")
    return re.findall(r"^(\w+):", text, re.MULTILINE)


def _completer(names: Callable[[Path], Iterable[str]]) -> Completer:
    """Complete a value, or the last of several with commas between, from names of the model."""

    def complete(ctx: typer.Context, incomplete: str) -> list[str]:
        done = incomplete[: incomplete.rfind(",") + 1]
        return [done + name for name in _found(ctx, names)]

    return complete


def _found(ctx: typer.Context, names: Callable[[Path], Iterable[str]]) -> list[str]:
    """Names of the model of a call; none where it has no folder, or lacks the table."""
    model = str(ctx.params.get("model"))
    folder = find_bundled(model) or Path(model)
    try:
        return list(names(folder))
    except (OSError, UnicodeDecodeError, KeyError, csv.Error):
        return []


cells = _completer(LEVELS["cell"])
cohorts = _completer(_cohorts)
drugs = _completer(_drugs)
drugs_or_none = _completer(lambda folder: ["none", *_drugs(folder)])
knockouts = _completer(LEVELS["knockout"])
measures = _completer(_measures)
outputs = _completer(_outputs)
parameters = _completer(_parameters)


def models(incomplete: str) -> list[str]:
    """Names of bundled models; a path is left to the shell."""
    return [name for name in bundled_names() if name.startswith(incomplete)]


def finding_ids(ctx: typer.Context, incomplete: str) -> list[str]:
    """Ids of the findings of --file, or of the model's own."""

    def ids(folder: Path) -> list[str]:
        file = Path(ctx.params.get("file") or folder / "findings.yaml")
        return re.findall(r"^\s*- id: *(\w+)", file.read_text("utf-8"), re.MULTILINE)

    return _found(ctx, ids)


def factors(ctx: typer.Context, incomplete: str) -> list[str]:
    """Names of factors, and after `=` their levels."""
    before, word = _word(ctx.params.get("factors") or (), incomplete)
    return [each.removeprefix(before) for each in _factors(ctx, word)]


def drugs_and_factors(ctx: typer.Context, incomplete: str) -> list[str]:
    """As `factors`; a drug may stand alone."""
    before, word = _word(ctx.params.get("arguments") or (), incomplete)
    alone = [] if before else _found(ctx, _drugs)
    return [*alone, *(each.removeprefix(before) for each in _factors(ctx, word))]


def _word(earlier: Iterable[str], incomplete: str) -> tuple[str, str]:
    """What of the word under the cursor the shell took apart, and the whole word.

    Bash ends a word at each `=` and `:`, and wants what follows the last of them; other shells
    hand over `alteration=NRAS` as it is.
    """
    words, before = list(earlier), ""
    while len(words) > 1 and words[-1] in ("=", ":"):
        sign, name = words.pop(), words.pop()
        before = name + sign + before
    if not before and not incomplete and words and words[-1] in LEVELS:
        before = f"{words[-1]}="  # typer drops a sign that is a word by itself
    return before, before + incomplete


def _factors(ctx: typer.Context, word: str) -> list[str]:
    """Whole words that may begin with `word`."""
    name, equals, value = word.partition("=")
    if equals:
        done = value[: max(value.rfind(","), value.rfind("+")) + 1]
        levels = _levels(ctx, name) if name in LEVELS else ()
        return [f"{name}={done}{level}" for level in levels if level not in re.split("[,+]", done)]
    names = [*LEVELS, *_found(ctx, _drugs)]
    names += [GENE_PREFIX + gene for gene in _found(ctx, _genes)]
    match [each for each in names if each.startswith(word)]:
        case [one]:
            return [f"{one}={level}" for level in _levels(ctx, one)]
        case several:
            return [f"{each}=" for each in several if each not in LEVELS or _levels(ctx, each)]


def _levels(ctx: typer.Context, factor: str) -> Iterable[str]:
    if factor in LEVELS:
        return _found(ctx, LEVELS[factor])
    return FOLDS if factor.startswith(GENE_PREFIX) else DOSES
