"""Writing fitted values into the files of a model folder, which keep everything else as it was."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..errors import ModelError, did_you_mean
from ..network.cohort_quantities import NUMBERS, number_name
from ..network.ensemble import COHORTS, Quantity
from ..network.places import shown

VALUE_COLUMN = {"parameters": "nominalValue", "cells": "value", "alterations": "value"}
LEVEL_COLUMN = {"parameters": None, "cells": "cell", "alterations": "alteration"}

# Significant digits of values in the files.
DIGITS = 4


def as_written(values: Mapping[Quantity, float]) -> dict[Quantity, float]:
    """Values as the files would have them: what jumps may not hold by less than their digits."""
    return {quantity: float(_text(value)) for quantity, value in values.items()}


def write_values(folder: Path, values: Mapping[Quantity, float]) -> None:
    """Put values into parameters.tsv, the model file, cells.tsv, alterations.tsv and cohorts.yaml.

    Values are rounded to DIGITS significant digits. Raises ModelError for a value that has no place
    in the files.
    """
    for table in VALUE_COLUMN:
        own = {q: _text(v) for q, v in values.items() if q.table == table}
        if own:
            _write_table(folder / f"{table}.tsv", table, own)
        if own and table == "parameters":
            _write_model(folder / "model.ant", {q.parameter: text for q, text in own.items()})
    spreads = {q: _text(v) for q, v in values.items() if q.table == COHORTS}
    if spreads:
        _write_cohorts(folder / "cohorts.yaml", spreads)


def _text(value: float) -> str:
    return f"{value:.{DIGITS}g}"


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


def _write_cohorts(path: Path, values: Mapping[Quantity, str]) -> None:
    """Replace numbers where the parser says that they stand; comments and layout stay."""
    import yaml

    text = path.read_text(encoding="utf-8")
    spans = _number_spans(yaml.compose(text))
    absent = next((quantity for quantity in values if quantity not in spans), None)
    if absent is not None:
        hint = did_you_mean(str(absent), map(str, spans))
        raise ModelError(f"{shown(path)}: has no number for {absent}.{hint}")
    # from the end, so that the places before stay where they are
    for quantity in sorted(values, key=lambda q: spans[q], reverse=True):
        start, end = spans[quantity]
        text = text[:start] + values[quantity] + text[end:]
    path.write_text(text, encoding="utf-8")


def _number_spans(document: Any) -> dict[Quantity, tuple[int, int]]:
    """Where in the text each sd and scale of cohorts.yaml stands."""
    spans = {}
    for cohort, content in _entries(document):
        for parameter, entry in _entries(dict(_entries(content)).get("quantities")):
            for key, number in _entries(entry):
                if key in NUMBERS:
                    quantity = Quantity(COHORTS, cohort, number_name(parameter, key))
                    spans[quantity] = (number.start_mark.index, number.end_mark.index)
    return spans


def _entries(node: Any) -> list[tuple[str, Any]]:
    """Keys of a node of YAML with the nodes of their values; none if it is no mapping."""
    pairs = node.value if node is not None and node.id == "mapping" else []
    return [(key.value, value) for key, value in pairs]
