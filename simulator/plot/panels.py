"""Figures of several panels in one style, and logarithmic axes with few labels."""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from .style import COLUMN, STYLE, new_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

#: Width and height of a panel in inches: two stand in one column, four on a page.
PANEL = (COLUMN / 2, 0.42 * COLUMN)


@contextmanager
def panels(
    count: int, columns: int, size: tuple[float, float] = PANEL
) -> "Iterator[tuple[Figure, list[Axes]]]":
    """A figure in STYLE with so many panels, each of so many inches; drawn inside, all is alike."""
    from matplotlib import rc_context

    columns = min(columns, max(count, 1))
    rows = -(-max(count, 1) // columns)
    figure = new_figure(size[0] * columns, size[1] * rows)
    settings: Any = STYLE  # its stubs want the literal names of settings
    with rc_context(settings):
        axes = list(figure.subplots(rows, columns, squeeze=False).flat)
        for ax in axes[count:]:
            ax.set_visible(False)
        yield figure, axes[:count]


def logarithmic(ax: "Axes", low: float, high: float, axis: str = "x") -> None:
    """A logarithmic axis with a few labels, also where low to high is less than a decade."""
    from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullLocator

    ax.set(**{f"{axis}scale": "log"})
    its = ax.xaxis if axis == "x" else ax.yaxis
    decades = math.log10(high / low)
    if decades < 0.7:
        its.set_major_locator(MaxNLocator(4, steps=[1, 2, 5, 10]))
    else:
        few = (1.0, 2.0, 5.0) if decades < 1.7 else (1.0,)
        its.set_major_locator(LogLocator(subs=few, numticks=4))
    its.set_major_formatter(FuncFormatter(lambda value, _: number_text(value)))
    its.set_minor_locator(NullLocator())


def number_text(value: float) -> str:
    """A number as a label: 0.25, 1000, and powers of ten beyond these."""
    if 1e-3 <= value < 1e4:
        return f"{value:.4g}"
    digits, _, exponent = f"{value:.2e}".partition("e")
    factor = "" if float(digits) == 1.0 else rf"{float(digits):g}\cdot"
    return rf"${factor}10^{{{int(exponent)}}}$"
