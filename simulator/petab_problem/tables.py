"""Rows of PEtab tables as text, with the line of each.

The library `petab` reads tables through pandas, which guesses the type of each column: an id `NA`
becomes not-a-number, the line of a row is lost, and the first duplicate ends the reading (its
version 2 also turns formulas into sympy objects as it reads, where `9^9^9^9` does not end). So
tables are read here as text, and the library is what the tests compare with.
"""

from __future__ import annotations

import csv
import math
import re
from collections.abc import Sequence
from difflib import get_close_matches
from pathlib import Path

from ..errors import did_you_mean
from ..network.places import shown
from ..network.tables import Problems, Row, read_text
from .files import Files

_ID = re.compile(r"[A-Za-z_]\w*", re.ASCII)


def read_rows(
    files: Files,
    table: str,
    problems: Problems,
    required: Sequence[str],
    optional: Sequence[str] | None,
) -> list[Row]:
    """Rows of a table's files, in order; an optional column that is not there reads as empty.

    A file that cannot be read is a problem and leaves the table's name in `files.unread`.

    Parameters
    ----------
    optional
        Further columns that have a meaning; others are kept without being looked at. None: every
        further column has a meaning.
    """
    rows: list[Row] = []
    for path in files.tables[table]:
        found = _rows_of(path, problems, required, optional)
        if found is None:
            files.unread.add(table)
        rows += found or []
    return rows


def _rows_of(
    path: Path, problems: Problems, required: Sequence[str], optional: Sequence[str] | None
) -> list[Row] | None:
    where = shown(path)
    text = read_text(path, where, problems, encoding="utf-8-sig")
    if text is None:
        return None
    reader = csv.reader(text.splitlines(), delimiter="\t", strict=True)
    header: list[str] | None = None
    rows: list[Row] = []
    try:
        for fields in reader:
            place = f"{where}:{reader.line_num}"
            fields = [field.strip() for field in fields]
            if not any(fields):
                continue
            if header is None:
                header = fields
                if not _check_header(header, required, optional, place, problems):
                    return None
            elif any(fields[len(header) :]):
                problems.add(place, f"has {len(fields)} fields; the header has {len(header)}.")
            else:
                fields += [""] * (len(header) - len(fields))
                values = dict(zip(header, fields, strict=False))
                values |= {name: "" for name in optional or () if name not in values}
                rows.append(Row(place, values, problems))
    except csv.Error as error:
        problems.add(f"{where}:{reader.line_num}", f"is no tab-separated row ({error}).")
        return None
    if header is None:
        problems.add(where, f"has no header; it needs the columns {', '.join(required)}.")
        return None
    return rows


def _check_header(
    header: Sequence[str],
    required: Sequence[str],
    optional: Sequence[str] | None,
    place: str,
    problems: Problems,
) -> bool:
    if len(header) == 1 and len(required) > 1:
        problems.add(place, "has one column; columns are separated by tabs.")
        return False
    before = len(problems.sentences)
    for name in dict.fromkeys(header):
        if header.count(name) > 1:
            problems.add(place, f'has the column "{name}" twice.')
    known = {*required, *(optional or ())}
    others = [name for name in header if name not in known]
    for name in required:
        if name not in header:
            problems.add(place, f'has no column "{name}".{did_you_mean(name, others)}')
    # any column may be added, but one that is misspelt would go unheeded
    for name in others if optional else ():
        meant = get_close_matches(name, [k for k in optional or () if k not in header], 1, 0.9)
        if meant:
            problems.add(place, f'has an unknown column "{name}". Nearest: "{meant[0]}".')
    return len(problems.sentences) == before


def check_id(row: Row, column: str) -> bool:
    """Whether the text in a column is an id of PEtab; a problem if not."""
    text = row[column]
    if _ID.fullmatch(text):
        return True
    row.problem(
        f'{column} is "{text}"; an id has letters, digits and _ only, and no digit first.'
        if text
        else f"{column} is empty; it must be an id."
    )
    return False


def is_empty(text: str) -> bool:
    """Whether a cell says nothing: empty, or the not-a-number that tables are written with."""
    return text.casefold() in ("", "nan")


def as_number(text: str) -> float | None:
    """The number that a cell is, if it is one (`inf` too, `nan` not)."""
    if "_" in text:  # Python would take 1_000
        return None
    try:
        value = float(text)
    except ValueError:
        return None
    return None if math.isnan(value) else value


def number(
    row: Row, column: str, *, infinite: Sequence[float] = (), default: float | None = None
) -> float | None:
    """The number in a column; None and a problem if there is none.

    Parameters
    ----------
    infinite
        Which infinities may stand there.
    default
        What an empty cell means; None where it must hold a number.
    """
    text = row[column]
    if default is not None and is_empty(text):
        return default
    value = as_number(text)
    if value is not None and (math.isfinite(value) or value in infinite):
        return value
    must = " or ".join(["a number", *(f"{i:g}" for i in infinite)])
    row.problem(
        f'{column} is "{text}"; it must be {must}.{decimal_point(text)}'
        if text
        else f"{column} is empty; it must be {must}."
    )
    return None


def decimal_point(text: str) -> str:
    """How to write a number that has a comma, or an empty string."""
    pointed = text.replace(",", ".")
    return f" Write {pointed}." if pointed != text and as_number(pointed) is not None else ""


def numbers(row: Row, column: str) -> tuple[float, ...] | None:
    """The numbers between semicolons in a column; None and a problem if one is none."""
    found = [as_number(part.strip()) for part in row[column].split(";")]
    if all(value is not None for value in found):
        return tuple(value for value in found if value is not None)
    hint = decimal_point(row[column].split(";")[found.index(None)].strip())
    row.problem(f'{column} is "{row[column]}"; it must be numbers with ; between.{hint}')
    return None


def listed(text: str) -> tuple[str, ...]:
    """The entries between semicolons of a cell; none if it is empty."""
    return () if is_empty(text) else tuple(part.strip() for part in text.split(";"))
