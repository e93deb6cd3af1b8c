"""The pathway map: a schematic of the model, coloured by what one run, or a comparison, says."""

from typing import TYPE_CHECKING, Any

from ..errors import ConditionError
from .pathway_colours import Colours
from .pathway_drawing import (
    Scale,
    draw_edges,
    draw_key,
    draw_node,
    draw_region,
    draw_site,
    draw_tags,
    is_gone,
    scale_on,
    unmarked,
)
from .pathway_file import pathway_map
from .pathway_layout import PathwayMap
from .pathway_values import (
    condition_text,
    done_to,
    folds,
    level_text,
    one_run,
    plain_shares,
    shares_of_maximum,
)
from .style import COLUMN, STYLE, axes_or_new

if TYPE_CHECKING:
    from os import PathLike

    import xarray as xr
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from ..simulation.model import Model

TOP = 0.2  # for the common title of several maps, inches
KEY = 8.0  # height of the row that explains the arrows, mm on the map's page
BAR = 3.5  # height of the colour bar

MM = 25.4  # in an inch

SHARES = "share of the molecule (0 to 1)"
OF_MAXIMUM = "value over the node's maximum in the runs compared"


def plot_pathway(
    ds: "xr.Dataset",
    layout: "PathwayMap | Model | str | PathLike[str]",
    ax: "Axes | None" = None,
    *,
    reference: "xr.Dataset | None" = None,
    scale_by: "xr.Dataset | None" = None,
    largest_fold: float = 4.0,
    title: str | None = None,
    key: bool = True,
) -> "Axes":
    """Draw the model's pathway map, each node coloured by its value in one run at one time.

    Parameters
    ----------
    ds
        One run at one time, with the outputs that the map shows (`pathway_map(model).outputs`);
        dimensions of length 1 do not count.
    layout
        The map: of `pathway_map`, or a model with a map, or what `simulator.load` takes.
    ax
        Axes to draw on; None: new ones, two columns wide.
    reference
        The run to compare with: colours are the fold change, run over reference, on a log scale.
    scale_by
        Runs whose largest value of each node is full colour. With neither of the two, every node
        must show a share of 1.
    largest_fold
        Where the colours of fold changes end; what lies beyond has the last colour.
    title
        None: the condition of the run.
    key
        Whether the arrows are explained, and a colour bar is drawn, below the map.

    Grey and hatched: no value (NaN), 0 over 0. Values below the run's absolute tolerance count
    as 0. Drugs that are present stand in colour beside their targets, genes knocked out are
    crossed, and alterations and changed expression are written at their gene.

    Raises
    ------
    ConditionError
        More than one run or time, an output of the map is missing, or there is no scale.
    ModelError
        The model has no map, or a wrong one.
    """
    layout = layout if isinstance(layout, PathwayMap) else pathway_map(layout)
    call = "plot_pathway"
    run = one_run(ds, layout, call)
    versus = None if reference is None else one_run(reference, layout, call, "reference")
    values = _values(run, versus, scale_by, layout, call)
    colours = _colours(versus, scale_by, layout, largest_fold)
    width = 2 * COLUMN
    below = _below(Scale(width * MM / layout.page[0])) if key else 0.0
    height = width * (layout.page[1] + below) / layout.page[0] + 0.22
    with axes_or_new(ax, width, height) as ax:
        below = _below(scale_on(ax, layout.page[0])) if key else 0.0
        _draw_map(ax, layout, run, values, colours, below)
        if key:
            _draw_below(ax, layout, colours)
        size = 1.12 * scale_on(ax, layout.page[0]).text
        title = _title(run, layout) if title is None else title
        ax.set_title(title, loc="left", fontsize=size, pad=3)
    return ax


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
    import matplotlib.pyplot as plt
    from matplotlib import rc_context

    layout = layout if isinstance(layout, PathwayMap) else pathway_map(layout)
    ds = ds.squeeze()
    dim = _panel_dimension(ds, dim)
    scale_by = ds if scale_by is None else scale_by
    rows = -(-ds.sizes[dim] // columns)
    panel = width / columns
    high = panel * layout.page[1] / layout.page[0] + 0.2
    below = _below(Scale(panel * MM / layout.page[0])) * panel / layout.page[0]
    settings: Any = STYLE
    with rc_context(settings):
        figure = plt.figure(figsize=(width, rows * high + below + TOP))
        total = figure.get_figheight()
        for i in range(ds.sizes[dim]):
            row, column = divmod(i, columns)
            bottom = (below + (rows - 1 - row) * high) / total
            place = (column / columns + 0.004, bottom, 1 / columns - 0.008, (high - 0.2) / total)
            ax = figure.add_axes(place)
            one = ds.isel({dim: i})
            versus = _at_level(reference, one, dim)
            title = level_text(one, dim, one[dim].values.item(), layout) or "none"
            plot_pathway(
                one, layout, ax, reference=versus, scale_by=scale_by, title=title, key=False,
                largest_fold=largest_fold,
            )  # fmt: skip
        strip = figure.add_axes(((1 - panel / width) / 2, 0, panel / width, below / total))
        _draw_strip(strip, layout, _colours(reference, scale_by, layout, largest_fold))
        common = condition_text(ds.isel({dim: 0}), layout, (dim,))
        figure.suptitle(
            common, x=0.008, y=1 - 0.05 / total, ha="left", va="top", fontweight="bold", fontsize=8
        )
    return figure


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


def _values(
    run: "xr.Dataset",
    versus: "xr.Dataset | None",
    scale_by: "xr.Dataset | None",
    layout: PathwayMap,
    call: str,
) -> dict[str, float]:
    """Node -> log2 fold, share of the maximum, or share, as asked for."""
    if versus is not None:
        return folds(run, versus, layout)
    if scale_by is not None:
        return shares_of_maximum(run, scale_by, layout)
    return plain_shares(run, layout, call)


def _draw_map(
    ax: "Axes",
    layout: PathwayMap,
    run: "xr.Dataset",
    values: dict[str, float],
    colours: Colours,
    below: float,
) -> None:
    width, height = layout.page
    ax.set_xlim(0, width)
    ax.set_ylim(height + below, 0)
    ax.set_aspect("equal")
    ax.axis("off")
    scale = scale_on(ax, width)
    done = done_to(run, layout)
    for region in layout.regions:
        draw_region(ax, region, scale)
    draw_edges(ax, layout, scale)
    for site in layout.sites:
        draw_site(ax, site, layout, done, scale)
    for id, node in layout.nodes.items():
        draw_node(ax, node, colours.of(values[id]), is_gone(node, done), scale)
    draw_tags(ax, layout, done, scale)


def _draw_below(ax: "Axes", layout: PathwayMap, colours: Colours) -> None:
    """The key of the arrows and the colour bar, below the map on the same axes."""
    width, height = layout.page
    scale = scale_on(ax, width)
    draw_key(ax, (2, height, width - 2, height + KEY), {e.kind for e in layout.edges}, scale)
    low, high = ax.get_ylim()  # y grows downwards
    top = height + KEY
    bar = ax.inset_axes((0.2, (low - top - BAR) / (low - high), 0.6, BAR / (low - high)))
    colours.draw_bar(bar, max(5.0, 0.92 * scale.text))


def _below(scale: Scale) -> float:
    """Height of key and colour bar with its two lines of text, mm on the map's page."""
    return KEY + BAR + (6.0 + 2.5 * max(5.0, 0.92 * scale.text)) / scale.per_mm


def _draw_strip(ax: "Axes", layout: PathwayMap, colours: Colours) -> None:
    """The key and the colour bar on axes of their own."""
    width, height = layout.page
    ax.set_xlim(0, width)
    ax.set_ylim(height + _below(scale_on(ax, width)), height)
    ax.axis("off")
    _draw_below(ax, layout, colours)


def _longer(ds: "xr.Dataset") -> bool:
    return any(size > 1 for size in ds.sizes.values())


def _colours(
    reference: "xr.Dataset | None",
    scale_by: "xr.Dataset | None",
    layout: PathwayMap,
    largest_fold: float,
) -> Colours:
    """The scale, with what it says."""
    if reference is None:
        return Colours(None, SHARES if scale_by is None else OF_MAXIMUM)
    if _longer(reference):
        return Colours(largest_fold, "fold change over the reference at the same level")
    versus = condition_text(reference.squeeze(), layout)
    return Colours(largest_fold, f"fold change over {versus}")


def _title(run: "xr.Dataset", layout: PathwayMap) -> str:
    """The run, and what of it has no place on the map."""
    extra = unmarked(layout, done_to(run, layout))
    text = condition_text(run, layout)
    return text + (f"  (not on the map: {', '.join(extra)})" if extra else "")
