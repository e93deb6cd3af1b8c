"""Rows of a table of blots or conditions as text, with the line of each and units in its header."""

from __future__ import annotations

import csv
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ..errors import did_you_mean
from ..network.places import shown
from ..network.tables import Problems, Row, read_text

_UNIT = re.compile(r"(?P<name>.+?)\s*\[(?P<unit>[^\[\]]*)\]")


@dataclass(frozen=True)
class Table:
    """A table as read.

    where : what messages call the file.  header : `file:line` of the header.
    units : column -> unit that the header gives it in brackets; the names are without it.
    """

    where: str
    header: str
    columns: tuple[str, ...]
    units: dict[str, str]
    rows: list[Row]


def read_rows(
    path: Path, problems: Problems, required: Sequence[str], optional: Sequence[str] = ()
) -> Table | None:
    """A table whose columns are separated by tabs, or by commas where its header has no tab.

    UTF-8; blank lines, and lines that begin with `#` before the header, are passed over. Optional
    columns that are not there read as empty. None and problems if it is no such table.
    """
    where = shown(path)
    text = read_text(path, where, problems, encoding="utf-8-sig")
    if text is None:
        return None
    lines = text.splitlines()
    first = next((i for i, line in enumerate(lines) if line.strip() and line[0] != "#"), None)
    if first is None:
        problems.add(where, f"has no header; it needs the columns {', '.join(required)}.")
        return None
    place = f"{where}:{first + 1}"
    separator = "\t" if "\t" in lines[first] else ","
    reader = csv.reader(lines[first:], delimiter=separator, strict=True)
    fields: list[tuple[str, list[str]]] = []
    try:
        for cells in reader:
            fields.append((f"{where}:{first + reader.line_num}", [c.strip() for c in cells]))
    except csv.Error as error:
        problems.add(f"{where}:{first + reader.line_num}", f"is no row of a table ({error}).")
        return None
    columns, units = _header(fields[0][1])
    if not _check_header(columns, required, place, problems):
        return None
    rows = []
    for at, cells in fields[1:]:
        if not any(cells):
            continue
        if any(cells[len(columns) :]):
            hint = "" if separator == "\t" else " A decimal comma splits a number: write 1.5."
            problems.add(at, f"has {len(cells)} fields; the header has {len(columns)}.{hint}")
            continue
        cells += [""] * (len(columns) - len(cells))
        values = dict(zip(columns, cells, strict=False))
        rows.append(Row(at, dict.fromkeys(optional, "") | values, problems))
    if not rows:
        problems.add(where, "has no rows.")
    return Table(where, place, columns, units, rows)


def _header(cells: Sequence[str]) -> tuple[tuple[str, ...], dict[str, str]]:
    """Names of columns, and the units that some of them have in brackets."""
    names, units = [], {}
    for cell in cells:
        match = _UNIT.fullmatch(cell)
        name = match["name"] if match else cell
        names.append(name)
        if match:
            units[name] = match["unit"].strip()
    while names and not names[-1]:
        names.pop()
    return tuple(names), units


def _check_header(
    columns: Sequence[str], required: Sequence[str], place: str, problems: Problems
) -> bool:
    before = len(problems.sentences)
    if len(columns) == 1 and len(required) > 1:
        problems.add(place, "has one column; columns are separated by tabs or commas.")
        return False
    for name in dict.fromkeys(columns):
        if not name:
            problems.add(place, "has a column without a name.")
        elif columns.count(name) > 1:
            problems.add(place, f'has the column "{name}" twice.')
    others = [name for name in columns if name not in required]
    for name in required:
        if name not in columns:
            problems.add(place, f'has no column "{name}".{did_you_mean(name, others)}')
    return len(problems.sentences) == before
