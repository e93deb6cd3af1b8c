"""Heat maps of signed numbers, each written into its field."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from .style import as_vectors

if TYPE_CHECKING:
    from matplotlib.axes import Axes

DARK = 0.6  # of the largest: from here on the text is white


def draw_signed(
    ax: "Axes",
    grid: Any,
    texts: Any,
    rows: Sequence[str],
    columns: Sequence[str],
    label: str,
) -> None:
    """Colour fields around 0 and write a text into each; grey where there is a text but no value.

    grid, texts : (rows, columns).  label : of the colour bar.
    """
    import numpy as np
    from matplotlib import colormaps

    known = np.abs(grid[np.isfinite(grid)])
    most = float(known.max()) if known.size and known.max() > 0 else 1.0
    edges = [np.arange(n + 1) - 0.5 for n in grid.shape]
    lost = np.ma.masked_where(np.isfinite(grid) | (texts == ""), np.ones(grid.shape))
    ax.pcolormesh(edges[1], edges[0], lost, cmap="gray", vmin=0, vmax=1.2)
    mesh = ax.pcolormesh(
        edges[1], edges[0], np.ma.masked_invalid(grid), cmap=colormaps["RdBu_r"], vmin=-most,
        vmax=most, edgecolors="white", linewidth=0.5,
    )  # fmt: skip
    for (i, j), text in np.ndenumerate(texts):
        dark = np.isfinite(grid[i, j]) and abs(grid[i, j]) > DARK * most
        ax.text(j, i, text, ha="center", va="center", fontsize=6, color="w" if dark else "k")
    ax.set_xticks(range(len(columns)), columns, rotation=90 if _long(columns) else 0)
    ax.set_yticks(range(len(rows)), rows)
    ax.tick_params(length=0)
    ax.set_ylim(len(rows) - 0.5, -0.5)
    ax.spines[:].set_visible(False)
    figure: Any = ax.get_figure()
    bar = figure.colorbar(mesh, ax=ax, location="bottom", aspect=30, shrink=0.9, pad=0.03)
    as_vectors(bar)
    bar.outline.set_visible(False)
    bar.set_label(label)


def _long(names: Sequence[str]) -> bool:
    """Whether names would meet side by side."""
    return sum(len(name) for name in names) > 28
