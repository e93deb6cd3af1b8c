"""Screens of pairs: every two perturbations together."""

from typing import TYPE_CHECKING, Any, Literal

from ..errors import ConditionError
from .heat_map import draw_signed
from .screen import checked_measure
from .style import COLUMN, axes_or_new

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

Value = Literal["beyond_sum", "log2_ratio"]
SMALLEST = 0.005  # smaller ones are written as 0.00, without a sign

MEANING = {
    "beyond_sum": "log2 ratio of both less the sum of each alone\n(0: no interaction by this rule)",
    "log2_ratio": "log2 (perturbed / unperturbed)\n(diagonal: each alone)",
}


def plot_screen_pairs(
    table: "pd.DataFrame", ax: "Axes | None" = None, *, value: Value = "beyond_sum"
) -> "Axes":
    """Draw a screen's pairs as a triangle, each field with its number.

    Fields without a value say `failed` or `–`; an asterisk marks one in which a bound enters.

    Parameters
    ----------
    table
        As `sim.screen(..., pairs=True)` returns it, of one condition.
    value
        `beyond_sum`, the interaction, or `log2_ratio`, the effect, with each alone on the diagonal.

    Raises
    ------
    ConditionError
        It is no such table, or has no pairs.
    """
    import numpy as np

    name = checked_measure(table, "plot_screen_pairs")
    if value not in MEANING:
        raise ConditionError(
            f'plot_screen_pairs: value is "beyond_sum" or "log2_ratio", not {value!r}.'
        )
    rows = {str(row["name"]): row for row in table.to_dict("records") if _counts(row)}
    pairs = {tuple(key.split(" + ")): row for key, row in rows.items() if " + " in key}
    if not pairs or "beyond_sum" not in table:
        raise ConditionError("plot_screen_pairs: the table has no pairs: sim.screen(pairs=True).")
    names = list(dict.fromkeys(each for pair in pairs for each in pair))
    grid = np.full((len(names), len(names)), np.nan)
    texts = np.full(grid.shape, "", object)
    for pair, row in pairs.items():
        j, i = sorted((names.index(pair[0]), names.index(pair[1])))
        parts = [row, *(rows[each] for each in pair if each in rows)]
        grid[i, j], texts[i, j] = row[value], _text(row, parts, value)
    if value == "log2_ratio":
        for i, each in enumerate(names):
            if each in rows:
                grid[i, i] = rows[each][value]
                texts[i, i] = _text(rows[each], [rows[each]], value)
    columns = names
    if value == "beyond_sum":  # nothing on the diagonal
        grid, texts, names, columns = grid[1:, :-1], texts[1:, :-1], names[1:], names[:-1]
    side = max(0.9 * COLUMN, 0.9 + 0.3 * len(names))
    with axes_or_new(ax, max(COLUMN, side), side) as ax:
        draw_signed(ax, grid, texts, names, columns, f"{name}: {MEANING[value]}")
    return ax


def _counts(row: dict[str, Any]) -> bool:
    """Whether a row is a pair, or one that enters pairs."""
    return row["kind"] in ("knock-out", "drug") or " + " in str(row["name"])


def _text(row: dict[str, Any], parts: list[dict[str, Any]], value: str) -> str:
    """The number of a field; `failed`, or an asterisk where a bound enters."""
    if any(part["status"] != "SUCCESS" for part in parts):
        return "failed"
    if row[value] != row[value]:
        return "–"
    bounded = any(part[key] != "=" for part in parts for key in ("bound", "unperturbed_bound"))
    number = f"{row[value] if abs(row[value]) >= SMALLEST else 0:.2f}".replace("-", "−")
    return f"{number}*" if bounded else number
