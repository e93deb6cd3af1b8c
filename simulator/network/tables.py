"""Reading the tables and YAML files of a model folder, strictly, with the line of every problem."""

import csv
import math
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from ..errors import did_you_mean
from .places import shown


class Problems:
    """Sentences about what is wrong in a folder, collected so that all are told at once."""

    def __init__(self) -> None:
        self.sentences: list[str] = []

    def add(self, where: str, sentence: str) -> None:
        """Note one problem: `models/x/parameters.tsv:17: ...`."""
        self.sentences.append(f"{where}: {sentence}")


@dataclass(frozen=True, slots=True)
class Row:
    """One row of a table; `where` is `models/x/parameters.tsv:17`."""

    where: str
    values: dict[str, str]
    problems: Problems

    def __getitem__(self, column: str) -> str:
        return self.values[column]

    def problem(self, sentence: str) -> None:
        """Note what is wrong with this row."""
        self.problems.add(self.where, sentence)

    def number(self, column: str, *, required: bool = True) -> float | None:
        """The finite number in a column; None, and a problem where it should be there."""
        text = self.values[column]
        if not text:
            if required:
                self.problem(f"{column} is empty; it must be a number.")
            return None
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if math.isfinite(value):
            return value
        self.problem(f'{column} is "{text}"; it must be a number.')
        return None

    def choice(self, column: str, allowed: Sequence[str]) -> str | None:
        """The word in a column if it is among `allowed`, else None and a problem."""
        text = self.values[column]
        if text in allowed:
            return text
        words = ", ".join(word if word else "empty" for word in allowed)
        self.problem(f'{column} is "{text}"; it must be one of: {words}.')
        return None

    def known(self, column: str, what: str, names: Iterable[str], place: str) -> bool:
        """Whether the name in a column is among `names`; a problem if not."""
        names = list(names)
        if self.values[column] in names:
            return True
        name = self.values[column]
        self.problem(
            f'{column} "{name}" is no {what} of {place}.{did_you_mean(name, names)}'
            if name
            else f"{column} is empty; it must be a {what} of {place}."
        )
        return False


def read_text(path: Path, where: str, problems: Problems, encoding: str = "utf-8") -> str | None:
    """The text of a file; None and a problem if it is missing or no UTF-8 text."""
    try:
        return path.read_text(encoding=encoding)
    except FileNotFoundError:
        problems.add(where, "is missing.")
    except (OSError, UnicodeDecodeError) as error:
        problems.add(where, f"cannot be read as UTF-8 text ({error}).")
    return None


def read_yaml(path: Path, problems: Problems) -> dict[str, Any] | None:
    """The mapping in a YAML file; None and a problem if it holds none."""
    where = shown(path)
    text = read_text(path, where, problems)
    if text is None:
        return None
    try:
        content = yaml.safe_load(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f":{mark.line + 1}" if mark is not None else ""
        problems.add(f"{where}{line}", f"is no YAML ({getattr(error, 'problem', error)}).")
        return None
    if content is None:
        return {}
    if not isinstance(content, dict):
        problems.add(where, f"holds a {type(content).__name__}; it must be a mapping.")
        return None
    return {str(key): value for key, value in content.items()}


def read_table(
    path: Path,
    where: str,
    columns: Sequence[str],
    problems: Problems,
    optional: Collection[str] = (),
) -> list[Row] | None:
    """Rows of a tab-separated table (UTF-8, header line, `#` lines before the header).

    Parameters
    ----------
    where
        What to call the file in messages.
    columns
        The columns it may have, in any order, and no others.
    optional
        Those among them that it need not have; in its rows they are then empty.

    Returns
    -------
    The rows, values stripped; None if the file cannot be read as such a table.
    """
    text = read_text(path, where, problems, encoding="utf-8-sig")
    if text is None:
        return None
    lines = text.splitlines()
    skipped = 0
    while skipped < len(lines) and (not lines[skipped].strip() or lines[skipped][0] == "#"):
        skipped += 1
    reader = csv.reader(lines[skipped:], delimiter="\t", strict=True)
    header: list[str] | None = None
    rows: list[Row] = []
    try:
        for fields in reader:
            place = f"{where}:{skipped + reader.line_num}"
            fields = [f.strip() for f in fields]
            if header is None:
                header = fields
                if not _check_header(header, columns, optional, place, problems):
                    return None
            elif any(fields):
                row = _row(fields, header, columns, place, problems)
                rows.extend([row] if row else [])
    except csv.Error as error:
        problems.add(f"{where}:{skipped + reader.line_num}", f"is no tab-separated row ({error}).")
        return None
    if header is None:
        problems.add(where, f"has no header; its columns are: {', '.join(columns)}.")
        return None
    return rows


def _check_header(
    header: Sequence[str],
    columns: Sequence[str],
    optional: Collection[str],
    place: str,
    problems: Problems,
) -> bool:
    good = True
    missing = [c for c in columns if c not in header]
    needed = [c for c in missing if c not in optional]
    if len(header) == 1 and needed:
        problems.add(place, "has one column; columns are separated by tabs.")
        return False
    for name in needed:
        problems.add(place, f'has no column "{name}".')
        good = False
    for name in dict.fromkeys(header):
        if header.count(name) > 1:
            problems.add(place, f'has the column "{name}" twice.')
            good = False
        if name not in columns:
            hint = did_you_mean(name, missing)
            problems.add(place, f'has an unknown column "{name}".{hint}')
            good = False
    return good


def _row(
    fields: list[str], header: list[str], columns: Sequence[str], place: str, problems: Problems
) -> Row | None:
    if fields[0].startswith("#"):
        problems.add(place, "is a comment; comments stand before the header.")
        return None
    if len(fields) > len(header):
        problems.add(place, f"has {len(fields)} fields; the header has {len(header)}.")
        return None
    # editors may strip the tabs of empty fields at the end of a line
    fields += [""] * (len(header) - len(fields))
    values = dict.fromkeys(columns, "") | dict(zip(header, fields, strict=True))
    return Row(place, values, problems)


def unique(rows: Iterable[Row], column: str) -> list[Row]:
    """Rows whose name in a column is there and new; problems for the others."""
    lines: dict[str, str] = {}
    kept = []
    for row in rows:
        name = row[column]
        if not name:
            row.problem(f"{column} is empty.")
        elif name in lines:
            row.problem(f'{column} "{name}" is there already, in line {lines[name]}.')
        else:
            lines[name] = row.where.rpartition(":")[2]
            kept.append(row)
    return kept
