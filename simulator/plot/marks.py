"""What stands beside the curves: rows of marks above them, and the legend at their right."""

import re
from typing import TYPE_CHECKING, Any

from .style import unit_text

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.axes import Axes

# Letters of a name in the legend after which it goes on in the next line.
LEGEND_LETTERS = 20

# Names that stand below each other in a legend, at most.
LEGEND_ROWS = 14

# Height of a row at the top of the axes, for what has no place among the curves, as a share.
ROW_HEIGHT = 0.07

# Rows at most; what comes after shares the last one.
MOST_ROWS = 7

NO_VALUE = "no value"

# Marks the entries of a legend that are no curves and come last.
SIGN = "sign"

CROSS: dict[str, Any] = {
    "marker": "x", "linestyle": "none", "markersize": 4.0, "markeredgewidth": 1.2,
}  # fmt: skip


def sign(ax: "Axes", label: str, **look: Any) -> None:
    """An entry of the legend, once, for marks that belong to several curves."""
    plain: dict[str, Any] = {"color": "0.3", "linestyle": "none"}
    if label not in ax.get_legend_handles_labels()[1]:
        ax.plot([], [], label=label, gid=SIGN, in_layout=False, **plain | look)


def mark_missing(ax: "Axes", x: Any, colour: Any, name: str = NO_VALUE) -> None:
    """A row of crosses at the top of the axes where a curve has no value."""
    row = next_row(ax)
    ax.plot(
        x, [1 - ROW_HEIGHT * (row + 0.5)] * len(x), transform=ax.get_xaxis_transform(),
        color=colour, gid=f"row {row}", **CROSS,
    )  # fmt: skip
    sign(ax, name, **CROSS)


def next_row(ax: "Axes") -> int:
    """The next free row at the top of the axes, from 0."""
    return min(_rows(ax), MOST_ROWS - 1)


def _rows(ax: "Axes") -> int:
    """How many rows at the top of the axes are taken."""
    return len({a.get_gid() for a in ax.get_children() if str(a.get_gid()).startswith("row ")})


def leave_room(ax: "Axes", least_top: float) -> None:
    """Limits of y that show all curves below the rows at the top; from 0 if nothing is negative."""
    import numpy as np

    low, high = float(ax.dataLim.y0), float(ax.dataLim.y1)
    if not np.isfinite([low, high]).all():
        low, high = 0.0, 1.0
    top = max(least_top, high)
    margin = 0.05 * (top - min(low, 0.0)) or 0.05
    bottom = 0.0 if low >= 0 else low - margin
    share = 1 - ROW_HEIGHT * _rows(ax)
    ax.set_ylim(bottom, bottom + (top + margin - bottom) / share)


def legend_entries(ax: "Axes") -> list[tuple[Any, str]]:
    """What there is to be named, and its name: the curves, then the signs."""
    entries = [(handle, broken(name)) for handle, name in zip(
        *ax.get_legend_handles_labels(), strict=True
    )]  # fmt: skip
    return sorted(entries, key=lambda entry: entry[0].get_gid() == SIGN)


def place_legend(ax: "Axes", title: str) -> None:
    """The legend at the right of the axes, where it hides nothing."""
    entries = legend_entries(ax)
    if entries:
        ax.legend(
            *zip(*entries, strict=True), title=broken(title) or None, loc="center left",
            bbox_to_anchor=(1.04, 0.5), borderaxespad=0, **legend_look(len(entries)),
        )  # fmt: skip


def legend_look(entries: int) -> dict[str, Any]:
    """Spacing of a legend; many entries stand in columns."""
    columns = -(-entries // LEGEND_ROWS)
    return {
        "frameon": False, "alignment": "left", "ncols": columns, "columnspacing": 1.0,
        "handlelength": 2.2 if columns == 1 else 1.2, "handletextpad": 0.6,
    }  # fmt: skip


def broken(text: str, letters: int = LEGEND_LETTERS) -> str:
    """Text in lines of about so many letters, broken after a space or one of `_ + ,`."""
    lines = [""]
    for part in re.findall(r"[^ _+,]*[ _+,]?", text):
        if lines[-1] and len(lines[-1]) + len(part.rstrip()) > letters:
            lines.append("")
        lines[-1] += part
    return "\n".join(line.rstrip() for line in lines)


def axis_label(da: "xr.DataArray", letters: int) -> str:
    """`BIM_total (nM)`; for a pure number, what it is of: `pERK (phosphorylated ERK, share)`."""
    name, units = str("value" if da.name is None else da.name), str(da.attrs.get("units", ""))
    meaning = str(da.attrs.get("long_name", ""))
    about = unit_text(units) if units not in ("", "1", "dimensionless") else meaning
    if not about or about == name:
        return name
    whole = f"{name} ({about})"
    return whole if len(whole) <= letters else f"{name}\n{broken(f'({about})', letters)}"
