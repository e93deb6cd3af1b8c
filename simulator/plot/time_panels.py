"""Several outputs over the same time, a panel each."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ..errors import ConditionError
from .curves import curves_of
from .marks import axis_label, broken, legend_entries, legend_look
from .style import COLUMN, HEIGHT, STYLE, new_figure
from .time_course import output_over_time, outputs_over_time, plot_time_course

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Letters of the label of an axis in one line.
LETTERS = 24


def plot_time_courses(
    ds: "xr.Dataset",
    outputs: Sequence[str] | None = None,
    *,
    columns: int = 2,
    labels: Sequence[str] | None = None,
    legend: bool = True,
    reference: object = None,
    **style: Any,
) -> "Figure":
    """Draw several outputs over the same time, a panel each; returns the Figure.

    Parameters
    ----------
    ds
        What `simulate` returns, over `time` and at most one other dimension.
    outputs
        Outputs to draw; None: all.
    columns
        Panels beside each other; the figure is a journal's column wide for one, a page for more.
    labels, legend, reference, style
        As in `plot_time_course`; one legend serves all panels.

    Raises
    ------
    ConditionError
        As `plot_time_course`, or no output or column is asked for.
    """
    from matplotlib import rc_context

    outputs = outputs_over_time(ds) if outputs is None else list(outputs)
    if not outputs or columns < 1:
        raise ConditionError(
            f"plot_time_courses: {len(outputs)} outputs in {columns} columns; it needs one at least"
            " of both."
        )
    columns = min(columns, len(outputs))
    rows = -(-len(outputs) // columns)
    width = COLUMN if columns == 1 else 2 * COLUMN
    figure = new_figure(width, 0.2 * HEIGHT + 0.65 * HEIGHT * rows)
    settings: Any = STYLE
    with rc_context(settings):
        axes = list(figure.subplots(rows, columns, sharex=True, squeeze=False).flat)
        for ax, output in zip(axes, outputs, strict=False):
            plot_time_course(
                ds, output, ax, labels=labels, legend=False, reference=reference, **style
            )
            ax.set_ylabel(axis_label(ds[output], LETTERS))
        _finish_panels(figure, axes, len(outputs), columns)
        if legend:
            _shared_legend(figure, axes[: len(outputs)], ds, outputs[0])
    return figure


def _finish_panels(figure: "Figure", axes: "list[Axes]", used: int, columns: int) -> None:
    """Time is named under the lowest panel of each column; panels without an output go."""
    for i, ax in enumerate(axes):
        if i >= used:
            ax.remove()
        elif i + columns < used:
            ax.set_xlabel("")
        else:
            ax.tick_params(labelbottom=True)


def _shared_legend(figure: "Figure", axes: "list[Axes]", ds: "xr.Dataset", output: str) -> None:
    """What the panels show, named once at the right of all."""
    entries = legend_entries(axes[0])
    for handle, name in (entry for ax in axes[1:] for entry in legend_entries(ax)):
        # The curves are the same in each panel; a sign may be in some only.
        if name not in [named for _, named in entries]:
            entries.append((handle, name))
    if entries:
        da, _ = output_over_time(ds, output, "plot_time_courses")
        title = curves_of(da, "time", "plot_time_courses")[1]
        figure.legend(
            *zip(*entries, strict=True), title=broken(title) or None, loc="outside right center",
            **legend_look(len(entries)),
        )  # fmt: skip
