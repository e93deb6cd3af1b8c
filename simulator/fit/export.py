"""A PEtab problem with other nominal values: what a fit found, for other tools."""

from __future__ import annotations

import csv
import io
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import ConditionError
from .results import files_of

if TYPE_CHECKING:
    from .problem import Problem


def write_petab(problem: Problem, values: Mapping[str, float], folder: Path) -> Path:
    """Copy a problem's files, with values as nominal values of its parameter table.

    Parameters
    ----------
    values
        Id -> value on linear scale; other parameters keep what they have.

    Returns
    -------
    The copy's yaml file. Nothing but the column ``nominalValue`` differs from the original.

    Raises
    ------
    ConditionError
        A file lies outside the problem's folder, or the copy would take the original's place.
    """
    folder = Path(folder)
    files = files_of(problem)
    if folder.resolve() == problem.petab.path.parent.resolve():
        raise ConditionError(f"{folder}: is the problem's own folder; name another one.")
    outside = [name for name in files if name.startswith("..")]
    if outside:
        raise ConditionError(f"{problem.petab.path}: {outside[0]} lies outside its folder.")
    for name, file in files.items():
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        text = _with_nominal(file, values) if file.suffix in (".tsv", ".txt", ".csv") else None
        if text is None:
            shutil.copyfile(file, target)
        else:
            target.write_text(text, encoding="utf-8", newline="")
    return folder / problem.petab.path.name


def _with_nominal(file: Path, values: Mapping[str, float]) -> str | None:
    """The text of a parameter table with new nominal values; None if it is another table."""
    text = file.read_text(encoding="utf-8-sig")
    rows = list(csv.reader(text.splitlines(), delimiter="\t"))
    header = [name.strip() for name in rows[0]] if rows else []
    if "parameterId" not in header or "estimate" not in header:
        return None
    if "nominalValue" not in header:
        header.append("nominalValue")
    name, nominal = header.index("parameterId"), header.index("nominalValue")
    found = io.StringIO()
    writer = csv.writer(found, delimiter="\t", lineterminator="\n")
    writer.writerow(header)
    for row in rows[1:]:
        row += [""] * (len(header) - len(row))
        id = row[name].strip()
        if id in values:
            row[nominal] = repr(float(values[id]))
        writer.writerow(row)
    return found.getvalue()
