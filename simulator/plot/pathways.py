"""Pathway maps beside each other: over time, or between conditions."""

from typing import TYPE_CHECKING, Any

from ..errors import ConditionError
from .pathway import (
    MM,
    TITLE,
    draw_below,
    height_below,
    plot_pathway,
    run_title,
    scale_of_colours,
    wrapped,
)
from .pathway_colours import Colours
from .pathway_drawing import Scale, scale_on
from .pathway_file import pathway_map
from .pathway_layout import PathwayMap
from .pathway_values import condition_text
from .style import COLUMN, STYLE, new_figure

if TYPE_CHECKING:
    from os import PathLike

    import xarray as xr
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from ..simulation.model import Model


def plot_pathways(
    ds: "xr.Dataset",
    layout: "PathwayMap | Model | str | PathLike[str]",
    dim: str | None = None,
    *,
    reference: "xr.Dataset | None" = None,
    scale_by: "xr.Dataset | None" = None,
    largest_fold: float = 4.0,
    columns: int = 2,
    width: float = 2 * COLUMN,
) -> "Figure":
    """Draw one pathway map for each level of a dimension, on one scale of colours.

    Parameters
    ----------
    ds
        Runs with one dimension longer than 1: times, or levels of a factor.
    layout, largest_fold
        As for `plot_pathway`.
    dim
        The dimension; None: the only one longer than 1.
    reference
        The run to compare with. Where it has the dimension too, each map is compared with the
        reference at the same level.
    scale_by
        Runs whose largest value of each node is full colour; None: `ds`.
    columns
        Maps beside each other.
    width
        Of the figure, inches.

    Returns
    -------
    matplotlib.figure.Figure
        With the maps, one colour bar, and one row that explains the arrows.

    Raises
    ------
    ConditionError, ModelError
        As `plot_pathway`.
    """
    from matplotlib import rc_context

    layout = layout if isinstance(layout, PathwayMap) else pathway_map(layout)
    ds = ds.squeeze()
    dim = _panel_dimension(ds, dim)
    scale_by = ds if scale_by is None else scale_by
    colours = scale_of_colours(ds, reference, scale_by, layout, largest_fold)
    rows = -(-ds.sizes[dim] // columns)
    panel = width / columns
    runs = [ds.isel({dim: i}) for i in range(ds.sizes[dim])]
    shared = tuple(str(name) for name, values in ds.coords.items() if dim not in values.dims)
    titles = [run_title(one, layout, shared) for one in runs]
    scale = Scale(panel * MM / layout.page[0])
    lines = 1 + max(wrapped(title, layout, scale).count("\n") for title in titles)
    high = panel * layout.page[1] / layout.page[0] + lines * TITLE
    wide = max(panel, min(width, COLUMN))  # the key and the colour bar
    below = height_below(Scale(wide * MM / layout.page[0])) * wide / layout.page[0]
    total = TITLE + rows * high + below
    figure = new_figure(width, total, layout=None)
    settings: Any = STYLE
    with rc_context(settings):
        for i, one in enumerate(runs):
            row, column = divmod(i, columns)
            bottom = (below + (rows - 1 - row) * high) / total
            tall = (high - lines * TITLE) / total
            place = (column / columns + 0.004, bottom, 1 / columns - 0.008, tall)
            plot_pathway(
                one,
                layout,
                figure.add_axes(place),
                reference=_at_level(reference, one, dim),
                scale_by=scale_by,
                largest_fold=largest_fold,
                title=titles[i],
                key=False,
            )
        strip = figure.add_axes(((1 - wide / width) / 2, 0, wide / width, below / total))
        _draw_strip(strip, layout, colours)
        common = _common_text(ds, layout, dim)
        figure.suptitle(
            common, x=0.008, y=1 - 0.05 / total, ha="left", va="top", fontweight="bold", fontsize=8
        )
    return figure


def _common_text(ds: "xr.Dataset", layout: PathwayMap, dim: str) -> str:
    """What all the runs share, in words."""
    along = tuple(str(name) for name, values in ds.coords.items() if dim in values.dims)
    return condition_text(ds.isel({dim: 0}).drop_vars("status", errors="ignore"), layout, along)


def _panel_dimension(ds: "xr.Dataset", dim: str | None) -> str:
    longer = [str(name) for name, size in ds.sizes.items() if size > 1]
    if dim is None and len(longer) == 1:
        return longer[0]
    if dim not in longer or len(longer) > 1:
        have = ", ".join(longer) or "none"
        raise ConditionError(
            "plot_pathways draws one map for each level of one dimension, and the runs have"
            f" {have} (longer than 1){'' if dim is None else f'; asked for was {dim}'}: select one"
            " level of the others first."
        )
    return longer[0]


def _at_level(reference: "xr.Dataset | None", run: "xr.Dataset", dim: str) -> "xr.Dataset | None":
    """The reference at the level of a run, if it has levels of the dimension."""
    if reference is None or reference.sizes.get(dim, 1) == 1:
        return reference
    level = run[dim].values.item()
    if level not in reference[dim].values:
        raise ConditionError(f"plot_pathways: reference has no {dim} = {level}.")
    return reference.sel({dim: level})


def _draw_strip(ax: "Axes", layout: PathwayMap, colours: Colours) -> None:
    """The key and the colour bar on axes of their own."""
    width, height = layout.page
    ax.set_xlim(0, width)
    ax.set_ylim(height + height_below(scale_on(ax, width)), height)
    ax.axis("off")
    draw_below(ax, layout, colours)
