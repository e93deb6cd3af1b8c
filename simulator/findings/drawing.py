"""Drawing the panel of a finding with matplotlib, as a small PNG."""

import io
from typing import Any

import numpy as np

from .draw_columns import draw_columns, lines_of
from .draw_panes import draw_panes, pane_lines
from .panel import Cloud, CurvePane, Panel
from .style import (
    ALLOWED,
    DARK,
    OUTSIDE,
    REFERENCE,
    ROW,
    SAMPLE_REFERENCE,
    VALUE,
    WIDTH,
    filled,
    height,
    letters,
    looks_of,
    room,
)

DPI = 100
LARGEST = 30_000  # bytes of a file; fewer colours where more would be needed
HEADING = 10.5  # points

# One pane and one column stand side by side, so wide to each other and so high at least (inches).
BESIDE = (1.0, 1.25)
BESIDE_HEIGHT = 3.6


def draw(panel: Panel, title: str, members: int = 0) -> Any:
    """A matplotlib figure of a panel, about 900 x 500 pixels.

    title : stands above it, beside the panel's own subtitle. members : of how many the ranges are.
    """
    from matplotlib import rc_context

    if not panel.panes and not panel.columns:
        return _empty(title)
    with rc_context({"font.size": 9, "axes.spines.top": False, "axes.spines.right": False}):
        heading = filled(f"{title}   {panel.subtitle}".strip(), letters(WIDTH, HEADING, bold=True))
        key = _key(panel, members)
        beside = len(panel.panes) == 1 and len(panel.columns) == 1
        figure = (_beside if beside else _stacked)(panel, height(heading, HEADING) + _room_of(key))
        figure.suptitle(heading, fontsize=HEADING, x=0.01, ha="left", fontweight="bold")
        if key:
            figure.legend(
                handles=key, loc="outside lower center", ncols=_key_columns(key), frameon=False,
                fontsize=ROW,
            )  # fmt: skip
        return figure


def _beside(panel: Panel, around: float) -> Any:
    """One pane at the left, one column at the right; around : inches of heading and key."""
    left, right = (WIDTH * share / sum(BESIDE) for share in BESIDE)
    (panes,) = pane_lines(panel.panes, left, keyed=panel.columns[0].of_curves)
    (line,) = lines_of(panel.columns, right)
    tall = max(BESIDE_HEIGHT, line.height)
    figure = _figure(tall + around)
    parts = figure.subfigures(1, 2, width_ratios=BESIDE, squeeze=False)[0]
    looks = looks_of(panel)
    draw_panes(parts[0], panes, looks)
    draw_columns(parts[1], line, tall, looks)
    return figure


def _stacked(panel: Panel, around: float) -> Any:
    """Panes above, columns below; around : inches of heading and key."""
    keyed = any(column.of_curves for column in panel.columns)  # rows show what a curve is
    panes = pane_lines(panel.panes, WIDTH, keyed=keyed)
    lines = lines_of(panel.columns, WIDTH)
    heights = [each.height for each in panes] + [each.height for each in lines]
    figure = _figure(sum(heights) + around)
    parts = figure.subfigures(len(heights), 1, height_ratios=heights, squeeze=False)[:, 0]
    looks = looks_of(panel)
    for part, each in zip(parts, panes, strict=False):
        draw_panes(part, each, looks)
    for part, line in zip(parts[len(panes) :], lines, strict=True):
        draw_columns(part, line, line.height, looks)
    return figure


def _figure(tall: float) -> Any:
    from matplotlib.figure import Figure
    from matplotlib.layout_engine import ConstrainedLayoutEngine

    layout = ConstrainedLayoutEngine(w_pad=0.1, h_pad=0.05)
    return Figure(figsize=(WIDTH, tall), dpi=DPI, layout=layout)


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


# ---- key -----------------------------------------------------------------------------------------


def _key(panel: Panel, members: int) -> list[Any]:
    """What the signs mean; only those that occur."""
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    marks = [mark for column in panel.columns for mark in column.marks]
    curves = [c for p in panel.panes if isinstance(p, CurvePane) for c in p.curves]
    plain = [m for c in panel.columns if not c.of_curves for m in c.marks if m.samples is None]
    sampled = [m for m in marks if m.samples is not None]
    whiskers = any(m.spread is not None for m in marks)
    several = panel.draws > 1
    key: list[Any] = []
    if any(m.allowed for m in marks) or any(c.allowed is not None for c in curves):
        key.append(Patch(fc=ALLOWED, alpha=0.35, label="allowed by the finding"))
    if any(m.allowed is None for m in plain):
        key.append(Patch(fc=REFERENCE, label="reference"))
    if sampled or (several and any(isinstance(pane, Cloud) for pane in panel.panes)):
        colour = VALUE if sampled else SAMPLE_REFERENCE
        text = f"sample (pale: other {panel.draws - 1} draws)" if several else "sample"
        dot = Line2D([], [], marker="o", ls="", color=colour, alpha=DARK, ms=4, label=text)
        key.append(dot)
    if any(np.isfinite(m.value) for m in sampled):
        text = "median, mean over the draws" if several else "median"
        key.append(Line2D([], [], marker="|", ls="", color="black", ms=11, mew=2, label=text))
    if whiskers or any(c.band is not None for c in curves):
        colour, wide = ("black", 1.2) if whiskers else ("0.8", 7.0)
        text = f"range of 90 % of {members} members"
        key.append(Line2D([], [], color=colour, lw=wide, label=text))
    if any(m.failed for m in marks):
        key.append(Line2D([], [], marker="$✗$", ls="", color=OUTSIDE, ms=8, label="outside"))
    return key


def _key_columns(key: list[Any]) -> int:
    """Signs in a line of the key: all, or about half of them."""
    wide = sum(room(each.get_label(), ROW) + 0.5 for each in key)
    return len(key) if wide < WIDTH else -(-len(key) // 2)


def _room_of(key: list[Any]) -> float:
    """Inches of the key, and between the parts of the figure."""
    return 0.15 + (0.1 + 0.2 * -(-len(key) // _key_columns(key)) if key else 0.0)
