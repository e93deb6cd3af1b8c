"""Factors as a user types them: `cell=SUPT1`, `prednisolone=0,0.1,1`, `il7=25@0,0@24`."""

import itertools
from collections.abc import Sequence
from typing import Any

from ..errors import ConditionError

GENE_PREFIX = "expression:"


def read_factors(texts: Sequence[str], option: str = "") -> dict[str, Any]:
    """Keywords of `simulate` from texts NAME=VALUE[,VALUE...].

    Several values are a list; `log:LOW:HIGH:N` stands for N log-spaced values; DOSE@TIME pieces
    are one schedule; `expression:<GENE>` values are crossed into the factor `expression`. `option`
    names the place in messages. Raises ConditionError for anything else.
    """
    found: dict[str, Any] = {}
    for text in texts:
        name, _, value = text.partition("=")
        if not name or not value:
            raise ConditionError(
                f'{option}"{text}" must be NAME=VALUE, such as prednisolone=0,0.1,1.'
            )
        if name in found:
            raise ConditionError(f'{option}"{name}" is given twice; list its values with commas.')
        found[name] = _levels(text, value)
    return _with_expression(found)


def read_number(text: str, where: str) -> float:
    """A number, or a ConditionError that says where it was expected."""
    try:
        return float(text)
    except ValueError:
        raise ConditionError(f'{where}: "{text}" is not a number.') from None


def _levels(text: str, value: str) -> Any:
    """One level, a list of them, or a schedule."""
    pieces = value.split(",")
    if all("@" in piece for piece in pieces):
        from ..conditions import schedule

        steps = [piece.split("@", 1) for piece in pieces]
        return schedule(*((read_number(at, text), read_number(dose, text)) for dose, at in steps))
    levels: list[Any] = []
    for piece in pieces:
        levels += log_spaced(text, piece) if piece.startswith("log:") else [_level(piece)]
    return levels if len(levels) > 1 else levels[0]


def _level(piece: str) -> float | str:
    try:
        return float(piece)
    except ValueError:
        return piece


def log_spaced(text: str, piece: str) -> list[float]:
    """The doses that log:LOW:HIGH:N in a text stands for.

    Raises ConditionError for anything else.
    """
    import numpy as np

    try:
        _, low, high, points = piece.split(":")
        first, last, count = float(low), float(high), int(points)
    except ValueError:
        first = last = count = 0
    if not (0 < first < last < float("inf") and count >= 2):
        raise ConditionError(f'"{text}": write log:LOW:HIGH:N, such as log:0.00316:31.6:17.')
    return [float(dose) for dose in np.geomspace(first, last, count)]


def _with_expression(found: dict[str, Any]) -> dict[str, Any]:
    """`expression:<GENE>` entries as the mappings that the factor `expression` takes."""
    genes = {name: v for name, v in found.items() if name.startswith(GENE_PREFIX)}
    if not genes:
        return found
    levels = [value if isinstance(value, list) else [value] for value in genes.values()]
    names = [name.removeprefix(GENE_PREFIX) for name in genes]
    mappings = [dict(zip(names, row, strict=True)) for row in itertools.product(*levels)]
    rest = {name: value for name, value in found.items() if name not in genes}
    return rest | {"expression": mappings if len(mappings) > 1 else mappings[0]}
