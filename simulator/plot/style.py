"""How figures look: colours, sizes, and the axes that are drawn on.

matplotlib is imported by what draws, and no function shows a window.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Okabe & Ito's palette (https://jfly.uni-koeln.de/color/), distinguishable with any colour vision;
# black is for the reference: no inhibitor, no lesion.
COLOURS = ("#000000", "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
MARKERS = ("o", "s", "^", "D", "v", "P", "X")
DASHES = ("-", "--", "-.", ":", (0, (5, 1, 1, 1, 1, 1)), (0, (8, 2)), (0, (1, 1)))

#: What stands behind the data: other starts, thresholds, bounds.
GREY, PALE = "#7f7f7f", "#c8c8c8"

#: Width of one column of a journal, 85 mm, in inches; height in proportion.
COLUMN = 85 / 25.4
HEIGHT = 0.72 * COLUMN

#: Settings of matplotlib for figures of one column; `plt.rcParams.update(sim.plot.STYLE)` makes
#: them those of a whole notebook. Text stays text in PDF and SVG, so that it can be edited.
STYLE: dict[str, Any] = {
    "font.size": 7.0,
    "axes.titlesize": 8.0,
    "axes.labelsize": 7.0,
    "xtick.labelsize": 6.5,
    "ytick.labelsize": 6.5,
    "legend.fontsize": 6.5,
    "legend.title_fontsize": 6.5,
    "legend.frameon": False,
    "axes.linewidth": 0.6,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "xtick.major.size": 2.5,
    "ytick.major.size": 2.5,
    "lines.linewidth": 1.2,
    "lines.markersize": 3.5,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "figure.figsize": (COLUMN, HEIGHT),
    "figure.dpi": 150.0,
    "savefig.dpi": 300.0,
    "pdf.fonttype": 42,
    "svg.fonttype": "none",
}


@contextmanager
def axes_or_new(
    ax: "Axes | None", width: float = COLUMN, height: float = HEIGHT
) -> "Iterator[Axes]":
    """The axes given, or new ones in STYLE of so many inches; what is drawn inside is alike."""
    if ax is not None:
        yield ax
        return
    import matplotlib.pyplot as plt
    from matplotlib import rc_context

    # Made outside: the first figure of a notebook switches matplotlib to interactive, which the
    # context would take back, and later figures would not be shown.
    figure = plt.figure(figsize=(width, height), dpi=STYLE["figure.dpi"], layout="constrained")
    settings: Any = STYLE  # its stubs want the literal names of settings
    with rc_context(settings):
        yield figure.subplots()


def new_figure(width: float, height: float, layout: str | None = "constrained") -> "Figure":
    """A figure of several panels, of so many inches, that is returned to the user as it is.

    `plt.show` shows it. In a notebook, where a cell shows its last value as well as all figures
    that pyplot holds, pyplot lets go of it: it is seen once.
    """
    import matplotlib.pyplot as plt

    settings: Any = {"figsize": (width, height), "dpi": STYLE["figure.dpi"], "layout": layout}
    figure = plt.figure(**settings)
    if "ipykernel" in sys.modules:
        plt.close(figure)
    return figure


def as_vectors(bar: Any) -> None:
    """Keep the colours of a colour bar vectors, without gaps in a PDF.

    matplotlib makes a picture of a bar of many colours.
    """
    bar.solids.set(rasterized=False, edgecolor="face", linewidth=0.2)


def unit_text(units: str) -> str:
    """A unit of the tables as it is printed: `uM` -> `µM`."""
    return units.replace("uM", "µM").replace("ng_per_ml", "ng/ml")


def text_width(text: str, size: float) -> float:
    """Width in points of one line of text of this size, whatever it is drawn on."""
    from matplotlib.textpath import TextPath

    return float(TextPath((0, 0), text, size=size).get_extents().width) if text.strip() else 0.0
