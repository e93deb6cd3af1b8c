"""Work-precision diagram of one model."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from .tools import AMICI, AMICI_SOLVER, OWN, OWN_ENGINE, ROADRUNNER

if TYPE_CHECKING:
    from .report import Curve

# Okabe and Ito's colours, each with its own marker and line besides.
STYLES = {
    OWN: ("#0072B2", "o", "-"),
    OWN_ENGINE: ("#56B4E9", "o", ":"),
    ROADRUNNER: ("#D55E00", "s", "-"),
    AMICI_SOLVER: ("#009E73", "^", "-"),
    AMICI: ("#009E73", "v", "--"),
}


def draw(name: str, stored: Mapping[str, Any], curves: "Mapping[str, Curve]", file: Path) -> None:
    """Write the diagram: CPU time per run against achieved error, both logarithmic."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt
    from matplotlib import ticker

    figure, axes = plt.subplots(figsize=(6.4, 4.4), layout="constrained")
    for column, curve in curves.items():
        colour, marker, line = STYLES[column]
        cost = 1000 * curve.cost
        middle = np.median(cost, axis=0)
        spread = np.abs(np.array([cost.min(axis=0), cost.max(axis=0)]) - middle)
        axes.errorbar(
            curve.error,
            middle,
            yerr=spread,
            color=colour,
            marker=marker,
            linestyle=line,
            markersize=4.5,
            linewidth=1.4,
            elinewidth=0.7,
            label=column,
        )
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.invert_xaxis()
    axes.xaxis.set_major_locator(ticker.LogLocator(numticks=12))
    axes.yaxis.set_major_locator(ticker.LogLocator(subs=(1, 2, 5)))
    axes.yaxis.set_major_formatter(ticker.FuncFormatter(lambda value, _: f"{value:g}"))
    axes.tick_params(which="minor", length=0)
    axes.set_xlabel("achieved relative error, median run (more precise to the right)")
    axes.set_ylabel("CPU time per run, one core (ms)")
    batch = f"{stored['species']} species, batch of {stored['runs']} runs"
    axes.set_title(f"{name}: {batch}", loc="left", fontsize=11)
    axes.grid(which="major", color="0.88", linewidth=0.6)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False, fontsize=8.5, loc="upper left", bbox_to_anchor=(1.0, 1.0))
    figure.savefig(file, dpi=110)
    plt.close(figure)
    _shrink(file)


def _shrink(file: Path) -> None:
    """Few colours make a small file; each renewal is kept in the repository's history."""
    from PIL import Image

    picture = Image.open(file).convert("RGB").quantize(64, dither=Image.Dither.NONE)
    picture.save(file, optimize=True)
