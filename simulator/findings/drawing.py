"""Drawing the panel of a finding with matplotlib, as a small PNG."""

import io
import textwrap
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ..plot import COLOURS, MARKERS, plot_dose_response
from .panel import Cloud, Column, Curve, CurvePane, Mark, Panel, rows_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Green for what the finding allows, blue for values, vermilion for a value outside: told apart
# with any colour vision.
ALLOWED, VALUE, OUTSIDE, REFERENCE = COLOURS[3], COLOURS[1], COLOURS[2], "0.62"

WIDTH = 9.0  # inches, at 100 dpi
DPI = 100
LARGEST = 30_000  # bytes of a file; fewer colours where more would be needed
COLUMNS_A_LINE = 5
COLUMN_WIDTH, LABEL_WIDTH = 27, 44  # characters, of 150 in a line
PANES_A_LINE = 3
PANE_HEIGHT = 3.2
LEGEND_WIDTH = 110

# Inches; dots of samples take twice what a label needs. Fewer rows leave room above and below.
ROW_HEIGHT, SAMPLES_HEIGHT = 0.25, 0.5
FEWEST_ROWS = 3

Looks = Mapping[str, tuple[str, str]]


def draw(panel: Panel, title: str, members: int = 0) -> Any:
    """A matplotlib figure of a panel, about 900 x 500 pixels.

    title : stands above it, beside the panel's own subtitle. members : of how many the ranges are.
    """
    from matplotlib import rc_context
    from matplotlib.figure import Figure
    from matplotlib.layout_engine import ConstrainedLayoutEngine

    with rc_context({"font.size": 9, "axes.spines.top": False, "axes.spines.right": False}):
        lines = _lines(panel.columns)
        beside = len(panel.panes) == 1 and len(panel.columns) == 1
        if not panel.panes and not panel.columns:
            return _empty(title)
        talls = [_height(columns) for columns in lines]
        pane_lines = _in_lines(panel.panes, PANES_A_LINE)
        height = max(4.0, *talls) if beside else PANE_HEIGHT * len(pane_lines) + sum(talls)
        layout = ConstrainedLayoutEngine(w_pad=0.1, h_pad=0.05)
        figure = Figure(figsize=(WIDTH, height + 0.7), dpi=DPI, layout=layout)
        looks = _looks(panel)
        keyed = any(column.of_curves for column in panel.columns)  # rows show what a curve is
        if beside:
            left, right = figure.subfigures(1, 2, width_ratios=(1.0, 1.25), squeeze=False)[0]
            _draw_panes(left, panel.panes, looks, 0 if keyed else LEGEND_WIDTH // 2)
            _draw_columns(right, panel.columns, looks)
        else:
            heights = [PANE_HEIGHT] * len(pane_lines) + talls
            parts = figure.subfigures(len(heights), 1, height_ratios=heights, squeeze=False)[:, 0]
            for part, panes in zip(parts, pane_lines, strict=False):
                _draw_panes(part, panes, looks, 0 if keyed else LEGEND_WIDTH)
            for part, columns in zip(parts[len(pane_lines) :], lines, strict=True):
                _draw_columns(part, columns, looks)
        _entitle(figure, title, panel.subtitle)
        _explain(figure, panel, members)
        return figure


def _empty(title: str) -> Any:
    """Where no cohort of a finding could be drawn."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(WIDTH, 1.0), dpi=DPI)
    figure.text(0.01, 0.4, f"{title}   nothing to show: the cohort could not be drawn", fontsize=10)
    return figure


def png(figure: Any) -> bytes:
    """The figure as PNG of few colours, which halves it; the same bytes every time."""
    from PIL import Image

    raw = io.BytesIO()
    figure.savefig(raw, dpi=DPI, format="png")
    picture = Image.open(raw).convert("RGB")
    for colours in (256, 64):
        small = picture.quantize(colours, Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE)
        out = io.BytesIO()
        small.save(out, format="png", optimize=True)
        if out.tell() <= LARGEST:
            break
    return out.getvalue()


def _lines(columns: Sequence[Column]) -> list[Sequence[Column]]:
    """Columns in lines; if one is not enough, columns without common rows stand apart."""
    longest = max((len(row) for row in rows_of(columns)), default=0)
    at_most = max(1, min(COLUMNS_A_LINE, (150 - min(longest, LABEL_WIDTH)) // COLUMN_WIDTH))
    if len(columns) <= at_most:
        return [columns] if columns else []
    groups: list[list[Column]] = []
    for column in columns:
        rows = set(rows_of([column]))
        group = next((g for g in groups if rows & set(rows_of(g))), None)
        if group is None:
            groups.append([column])
        else:
            group.append(column)
    lines: list[Sequence[Column]] = []
    for line in (line for group in groups for line in _in_lines(group, at_most)):
        if lines and len(lines[-1]) + len(line) <= at_most:
            lines[-1] = [*lines[-1], *line]
        else:
            lines.append(line)
    return lines


def _in_lines(parts: Sequence[Any], at_most: int) -> list[Any]:
    """Parts in as few lines as possible, about equally many in each."""
    if not parts:
        return []
    lines = -(-len(parts) // at_most)
    size = -(-len(parts) // lines)
    return [parts[k : k + size] for k in range(0, len(parts), size)]


def _height(columns: Sequence[Column]) -> float:
    """Of columns with title and axis, inches."""
    sampled = any(m.samples is not None for column in columns for m in column.marks)
    rows = max(len(rows_of(columns)), FEWEST_ROWS)
    return 1.0 + rows * (SAMPLES_HEIGHT if sampled else ROW_HEIGHT)


def _looks(panel: Panel) -> Looks:
    """Colour and marker of every curve and group, by label, the same in all panes."""
    labels: dict[str, None] = {}
    for pane in panel.panes:
        for part in pane.curves if isinstance(pane, CurvePane) else pane.groups:
            labels[part.label if isinstance(part, Curve) else part[0]] = None
    n = len(COLOURS)
    # past the seven colours, colour and marker shift against each other
    return {
        label: (COLOURS[i % n], MARKERS[(i + i // n) % len(MARKERS)])
        for i, label in enumerate(labels)
    }


# ---- curves and clouds ---------------------------------------------------------------------------


def _draw_panes(figure: Any, panes: Sequence[CurvePane | Cloud], looks: Looks, legend: int) -> None:
    """Panes side by side, with a legend of at most so many characters in a line above; 0: none."""
    axes = figure.subplots(1, len(panes), squeeze=False)[0]
    handles: dict[str, Any] = {}
    for ax, pane in zip(axes, panes, strict=True):
        if isinstance(pane, CurvePane):
            _draw_curves(ax, pane, looks)
        else:
            _draw_cloud(ax, pane, looks)
        handles |= dict(zip(*reversed(ax.get_legend_handles_labels()), strict=True))
    if legend and len(handles) > 0:
        columns = max(1, min(len(handles), legend // (8 + max(map(len, handles)))))
        figure.legend(
            handles.values(), handles, loc="outside upper center", ncols=columns, frameon=False,
            fontsize=8.5,
        )  # fmt: skip


def _draw_curves(ax: "Axes", pane: CurvePane, looks: Looks) -> None:
    import xarray as xr

    top = 0.0
    for curve in pane.curves:
        colour, marker = looks[curve.label]
        da = xr.DataArray(curve.values, {"dose": curve.doses}, ("dose",))
        da["dose"].attrs["units"] = pane.unit
        label = f"{curve.label} (outside)" if curve.failed else curve.label
        plot_dose_response(
            da, "dose", ax, labels=[label], legend=False, color=colour, marker=marker,
            markersize=4.5, linewidth=1.6,
        )  # fmt: skip
        positive = curve.doses > 0
        shown = [curve.values]
        if curve.band is not None:
            low, high = curve.band[:, positive]
            ax.fill_between(curve.doses[positive], low, high, color=colour, alpha=0.18, lw=0)
            shown.append(curve.band)
        if curve.allowed is not None:
            _draw_allowed_doses(ax, curve.doses[positive], curve.allowed[:, positive])
        top = max(top, *(float(np.nanmax(v)) for v in shown if np.isfinite(v).any()), 0.0)
    ax.set_ylim(0, 1.08 * top if top > 0 else 1.0)
    ax.set_xlabel(f"{pane.drug.replace('_', ' ')} ({pane.unit})")
    ax.set_ylabel(textwrap.fill(pane.axis, 30))


def _draw_allowed_doses(ax: "Axes", doses: np.ndarray, allowed: np.ndarray) -> None:
    """A short shaded bar at each dose, over what the finding allows there."""
    for dose, (low, high) in zip(doses, allowed.T, strict=True):
        x = [dose / 1.25, dose * 1.25]
        ax.fill_between(x, max(low, 0), min(high, 1e3), color=ALLOWED, alpha=0.22, lw=0, zorder=0)
        for edge in (low, high):
            if np.isfinite(edge):
                ax.plot(x, [edge, edge], color=ALLOWED, lw=1.6, zorder=1)


def _draw_cloud(ax: "Axes", cloud: Cloud, looks: Looks) -> None:
    for label, x, y in cloud.groups:
        colour, marker = looks[label]
        ax.plot(x, y, marker, ms=4, color=colour, alpha=0.75, mew=0, label=label)
    if cloud.level is not None:
        ax.axhline(cloud.level, color="0.4", lw=1, ls="--", zorder=0)
        ax.set(xlim=(0, 1), ylim=(0, None))
    if cloud.slope is not None:
        ends = np.array([0.0, 400.0])
        ax.plot(ends, ends, color="0.7", lw=1, zorder=0, label="equal")
        steep = f"{cloud.slope:g} times"
        ax.plot(ends, cloud.slope * ends, color="0.3", lw=1, ls="--", zorder=0, label=steep)
        ax.set(xlim=(0, 410), ylim=(0, 410))
        ax.set_aspect("equal")
    ax.set_xlabel(textwrap.fill(cloud.axes[0], 34))
    ax.set_ylabel(textwrap.fill(cloud.axes[1], 34))
    if cloud.level is not None:
        ax.set_title(cloud.title, fontsize=9)


# ---- columns -------------------------------------------------------------------------------------


def _draw_columns(figure: Any, columns: Sequence[Column], looks: Looks) -> None:
    """Columns side by side over the same rows, named at the left."""
    rows = rows_of(columns)
    axes = figure.subplots(1, len(columns), sharey=True, squeeze=False)[0]
    size = 8.5 if len(rows) < 14 else 7.5
    for ax, column in zip(axes, columns, strict=True):
        _draw_column(ax, column, rows, looks)
        width = max(14, 52 // len(columns))
        ax.set_title(textwrap.fill(column.title, width), fontsize=9, fontweight="bold")
        ax.set_xlabel(textwrap.fill(column.axis, width + 4), fontsize=8)
        ax.tick_params(axis="x", labelsize=8)
        ax.tick_params(axis="y", length=0, labelsize=size)
    axes[0].set_yticks(range(len(rows)), [_wrapped(row) for row in rows])
    room = max(0.0, (FEWEST_ROWS - len(rows)) / 2)  # a bar as high as the page looks like a wall
    axes[0].set_ylim(len(rows) - 0.5 + room, -0.5 - room)


def _wrapped(row: str) -> str:
    return textwrap.fill(row, LABEL_WIDTH)


def _draw_column(ax: "Axes", column: Column, rows: Sequence[str], looks: Looks) -> None:
    low, high = _limits(column)
    if column.log:
        ax.set_xscale("log")
    ax.set_xlim(low, high)
    for mark in column.marks:
        y = rows.index(mark.row)
        if mark.allowed is not None:
            _draw_allowed(ax, y, mark.allowed, (low, high))
        if mark.samples is not None:
            _draw_samples(ax, y, mark)
        else:
            _draw_value(ax, y, mark, column, looks)
        if mark.spread is not None and np.isfinite(mark.spread).all():
            ax.plot(mark.spread, [y, y], color="black", lw=1.1, zorder=4)
            ax.plot(mark.spread, [y, y], "|", color="black", ms=5, mew=1.1, zorder=4)
        if mark.failed:
            ax.annotate(
                "✗", (1.0, y), xycoords=("axes fraction", "data"), ha="right", va="center",
                color=OUTSIDE, fontweight="bold", fontsize=12, zorder=6,
            )  # fmt: skip
    if column.line is not None:
        ax.axvline(column.line, color="0.3", lw=1, ls="--", zorder=1)
    if column.log:
        ax.minorticks_off()
        ax.xaxis.set_major_formatter(lambda dose, _: f"{dose:g}")
    else:
        ax.locator_params(axis="x", nbins=4)
    ax.spines["left"].set_visible(False)
    ax.grid(axis="y", color="0.93", lw=0.8)
    ax.set_axisbelow(True)


def _limits(column: Column) -> tuple[float, float]:
    """Of the axis: every value, every member and every finite bound."""
    numbers: list[float] = []
    for mark in column.marks:
        numbers += [mark.value, *(mark.allowed or ()), *(mark.spread or ())]
        if mark.samples is not None:
            numbers += mark.samples.tolist()
    if column.line is not None:
        numbers.append(column.line)
    finite = np.array([n for n in numbers if np.isfinite(n)] or [1.0])
    if column.log:
        positive = finite[finite > 0]
        ends = np.floor(np.log10(positive.min() * 0.99)), np.ceil(np.log10(positive.max() * 1.01))
        return float(10.0 ** ends[0]), float(10.0 ** ends[1])
    low, high = min(0.0, float(finite.min())), max(0.0, float(finite.max()))
    if high <= low:
        return 0.0, 1.0
    if column.most is not None:
        high = min(high, column.most)
    room = 0.1 * (high - low)
    return low - (room if low < 0 else 0.0), high + room


def _draw_allowed(
    ax: "Axes", y: float, allowed: tuple[float, float], limits: tuple[float, float]
) -> None:
    """The shaded interval in one row, with a stroke at each of its ends inside the axis."""
    from matplotlib.patches import Rectangle

    low, high = max(allowed[0], limits[0]), min(allowed[1], limits[1])
    if high > low:
        box = Rectangle((low, y - 0.44), high - low, 0.88, fc=ALLOWED, alpha=0.22, lw=0, zorder=1)
        ax.add_patch(box)
    for edge in allowed:
        if np.isfinite(edge):
            ax.plot([edge, edge], [y - 0.44, y + 0.44], color=ALLOWED, lw=1.8, zorder=2)


def _draw_value(ax: "Axes", y: float, mark: Mark, column: Column, looks: Looks) -> None:
    colour, marker = REFERENCE if mark.allowed is None else VALUE, "o"
    if column.of_curves and mark.row in looks:
        colour, marker = looks[mark.row]
    if column.points:
        ax.plot([mark.value], [y], marker, color=colour, ms=7, zorder=5)
    else:
        ax.barh(y, mark.value, height=0.46, color=colour, alpha=0.9, zorder=3)


def _draw_samples(ax: "Axes", y: float, mark: Mark) -> None:
    """A dot for each sample, spread over the row's height by rank, and the median as a stroke."""
    assert mark.samples is not None  # noqa: S101  the caller asked
    values = np.sort(mark.samples)
    spread = (np.arange(values.size) * 0.6180339887 % 1.0 - 0.5) * 0.56
    reference = mark.allowed is None and np.isfinite(mark.value)
    ax.plot(
        values, y + spread, "o", color="0.45" if reference else VALUE, ms=3.2, alpha=0.5, mew=0,
        zorder=3, clip_on=False,
    )  # fmt: skip
    if np.isfinite(mark.value):
        ax.plot([mark.value] * 2, [y - 0.36, y + 0.36], color="black", lw=2, zorder=5)


# ---- title and key -------------------------------------------------------------------------------


def _entitle(figure: Any, title: str, subtitle: str) -> None:
    text = f"{title}   {subtitle}" if subtitle else title
    figure.suptitle(textwrap.fill(text, 105), fontsize=10.5, x=0.01, ha="left", fontweight="bold")


def _explain(figure: Any, panel: Panel, members: int) -> None:
    """What the signs mean, below everything; only those that occur."""
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    marks = [mark for column in panel.columns for mark in column.marks]
    curves = [c for p in panel.panes if isinstance(p, CurvePane) for c in p.curves]
    plain = [m for c in panel.columns if not c.of_curves for m in c.marks if m.samples is None]
    key: list[Any] = []
    if any(m.allowed for m in marks) or any(c.allowed is not None for c in curves):
        key.append(Patch(fc=ALLOWED, alpha=0.35, label="allowed by the finding"))
    if any(m.allowed is None for m in plain):
        key.append(Patch(fc=REFERENCE, label="reference"))
    if any(m.samples is not None for m in marks):
        key.append(
            Line2D(
                [], [], marker="o", ls="", color=VALUE, alpha=0.5, ms=4, label="sample (all draws)"
            )
        )
    if any(m.samples is not None and np.isfinite(m.value) for m in marks):
        key.append(Line2D([], [], marker="|", ls="", color="black", ms=11, mew=2, label="median"))
    whiskers = any(m.spread is not None for m in marks)
    if whiskers or any(c.band is not None for c in curves):
        sign = "whiskers" if whiskers else "bands"
        text = f"90 % of {members} members"
        look: dict[str, Any] = (
            {"color": "black", "lw": 1.2} if sign == "whiskers" else {"color": "0.8", "lw": 7}
        )
        key.append(Line2D([], [], label=text, **look))
    if any(m.failed for m in marks):
        key.append(Line2D([], [], marker="$✗$", ls="", color=OUTSIDE, ms=8, label="outside"))
    if key:
        figure.legend(
            handles=key, loc="outside lower center", ncols=len(key), frameon=False, fontsize=8.5
        )
