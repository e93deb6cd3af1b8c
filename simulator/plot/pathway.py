"""The pathway map: a schematic of the model, coloured by what one run, or a comparison, says."""

from typing import TYPE_CHECKING

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
    text_size,
    unmarked,
)
from .pathway_file import pathway_map
from .pathway_layout import PathwayMap
from .pathway_values import (
    check_outputs,
    condition_text,
    done_to,
    folds,
    one_run,
    plain_shares,
    reference_text,
    shares_of_maximum,
)
from .style import COLUMN, axes_or_new

if TYPE_CHECKING:
    from os import PathLike

    import xarray as xr
    from matplotlib.axes import Axes

    from ..simulation.model import Model

TITLE = 0.2  # height of a line of a title, inches
TITLE_TEXT = 1.12  # its size over that of labels
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
    if scale_by is not None:
        check_outputs(scale_by, layout, call, "scale_by")
    values = _values(run, versus, scale_by, layout, call)
    colours = scale_of_colours(run, versus, scale_by, layout, largest_fold)
    title = run_title(run, layout) if title is None else title
    width = 2 * COLUMN
    scale = Scale(width * MM / layout.page[0])
    below = height_below(scale) if key else 0.0
    lines = 1 + wrapped(title, layout, scale).count("\n")
    height = width * (layout.page[1] + below) / layout.page[0] + lines * TITLE
    is_new = ax is None
    with axes_or_new(ax, width, height) as ax:
        if is_new:  # the map fills the figure; of other axes, the layout is the caller's
            ax.set_position((0.004, 0, 0.992, 1 - lines * TITLE / height))
        scale = scale_on(ax, layout.page[0])
        below = height_below(scale) if key else 0.0
        _draw_map(ax, layout, run, values, colours, below)
        if key:
            draw_below(ax, layout, colours)
        title = wrapped(title, layout, scale)
        ax.set_title(title, loc="left", fontsize=TITLE_TEXT * scale.text, pad=3)
    return ax


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


def draw_below(ax: "Axes", layout: PathwayMap, colours: Colours) -> None:
    """The key of the arrows and the colour bar, below the map on the same axes."""
    width, height = layout.page
    scale = scale_on(ax, width)
    draw_key(ax, (2, height, width - 2, height + KEY), {e.kind for e in layout.edges}, scale)
    low, high = ax.get_ylim()  # y grows downwards
    top = height + KEY
    bar = ax.inset_axes((0.2, (low - top - BAR) / (low - high), 0.6, BAR / (low - high)))
    colours.draw_bar(bar, scale.small)


def height_below(scale: Scale) -> float:
    """Height of key and colour bar with its two lines of text, mm on the map's page."""
    return KEY + BAR + (6.0 + 2.5 * scale.small) / scale.per_mm


def scale_of_colours(
    ds: "xr.Dataset",
    reference: "xr.Dataset | None",
    scale_by: "xr.Dataset | None",
    layout: PathwayMap,
    largest_fold: float,
) -> Colours:
    """The scale, with what it says; of runs and their reference, what differs in all of them."""
    if largest_fold <= 1:
        raise ConditionError(f"largest_fold is {largest_fold:g}; it must be above 1.")
    if reference is None:
        return Colours(None, SHARES if scale_by is None else OF_MAXIMUM)
    if any(size > 1 for size in reference.sizes.values()):
        return Colours(largest_fold, "fold change over the reference at the same level")
    versus = reference_text(ds, reference.squeeze(), layout)
    return Colours(largest_fold, f"fold change over {versus}")


def run_title(run: "xr.Dataset", layout: PathwayMap, without: tuple[str, ...] = ()) -> str:
    """The run in words, and what of it has no place on the map."""
    text = condition_text(run, layout, without) or "none"
    extra = unmarked(layout, done_to(run, layout))
    return text + (f"  (not on the map: {', '.join(extra)})" if extra else "")


def wrapped(title: str, layout: PathwayMap, scale: Scale) -> str:
    """A title in lines no wider than the map, broken at spaces."""
    lines = [""]
    for word in title.split(" "):
        longer = f"{lines[-1]} {word}".strip()
        if lines[-1] and text_size(longer, TITLE_TEXT * scale.text, scale)[0] > layout.page[0]:
            lines.append(word)
        else:
            lines[-1] = longer
    return "\n".join(lines)
