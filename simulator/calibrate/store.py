"""Writing fitted values into the files of a model folder, which keep everything else as it was."""

import re
from collections.abc import Mapping
from pathlib import Path

from ..errors import ModelError
from ..network.ensemble import Quantity
from ..network.places import shown

VALUE_COLUMN = {"parameters": "nominalValue", "cells": "value", "alterations": "value"}
LEVEL_COLUMN = {"parameters": None, "cells": "cell", "alterations": "alteration"}


def write_values(folder: Path, values: Mapping[Quantity, float], digits: int = 4) -> None:
    """Put values into parameters.tsv, the model file, cells.tsv and alterations.tsv.

    Values are rounded to so many significant digits. Raises ModelError for a value that has no
    place in the files.
    """
    for table in VALUE_COLUMN:
        own = {q: f"{v:.{digits}g}" for q, v in values.items() if q.table == table}
        if own:
            _write_table(folder / f"{table}.tsv", table, own)
        if own and table == "parameters":
            _write_model(folder / "model.ant", {q.parameter: text for q, text in own.items()})


def _write_table(path: Path, table: str, values: Mapping[Quantity, str]) -> None:
    lines = path.read_text(encoding="utf-8").splitlines()
    start = next(i for i, line in enumerate(lines) if not line.startswith("#"))
    header = lines[start].split("\t")
    level, parameter = LEVEL_COLUMN[table], header.index("parameterId")
    left = dict(values)
    for i in range(start + 1, len(lines)):
        fields = lines[i].split("\t")
        name = fields[header.index(level)] if level else ""
        text = left.pop(Quantity(table, name, fields[parameter]), None)
        if text is not None:
            fields[header.index(VALUE_COLUMN[table])] = text
            lines[i] = "\t".join(fields)
    if left:
        raise ModelError(f"{shown(path)}: has no row for {next(iter(left))}.")
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def _write_model(path: Path, values: Mapping[str, str]) -> None:
    text = path.read_text(encoding="utf-8")
    for name, value in values.items():
        # a definition on a line of its own: `  k_on = 0.1; k_on has per_hour`
        text, count = re.subn(rf"(?m)^(\s*{name} = )[^;]*;", rf"\g<1>{value};", text)
        if count != 1:
            raise ModelError(
                f'{shown(path)}: "{name} = ...;" must begin one line; found {count} of them.'
            )
    path.write_text(text, encoding="utf-8")
