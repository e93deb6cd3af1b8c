"""The figures of a calibration's report, small enough to be kept with the source."""

import textwrap
from collections.abc import Callable, Mapping
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..plot import COLOURS
from .identify import (
    CONSTRAINED,
    ONE_SIDED,
    OPEN,
    Assessment,
    Spectrum,
    narrowing,
    pulls,
    strongest,
    verdicts,
)
from .robustness import Robustness

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Array = NDArray[np.float64]

BLACK, BLUE, RED, GREEN, _, AMBER, SKY = COLOURS
VERDICT_COLOURS = {CONSTRAINED: BLUE, ONE_SIDED: AMBER, OPEN: "#999999"}

# Colours that are left in a picture: flat areas and their edges need no more.
PALETTE = 64

# The finest of these resolutions, in dots per inch, at which a picture has at most so many bytes.
RESOLUTIONS = (150, 130, 110, 90, 70)
MOST_BYTES = 40_000

# Quantities in the heat map, and checks in the figure of members.
MOST_QUANTITIES = 30
MOST_CHECKS = 30

# Ends of the heat map's scale.
REACH = 1.0


def save(figure: "Figure", path: Path) -> None:
    """Write a figure as a small PNG with few colours, the same bytes for the same figure."""
    from PIL import Image

    for dots in RESOLUTIONS:
        fine, small = BytesIO(), BytesIO()
        figure.savefig(fine, dpi=dots, metadata={"Software": None})
        fine.seek(0)
        picture = Image.open(fine).convert("RGB")
        few = picture.quantize(PALETTE, Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE)
        few.save(small, format="PNG", optimize=True)
        if small.tell() <= MOST_BYTES:
            break
    path.write_bytes(small.getvalue())


def draw_all(
    assessment: Assessment, spectra: Mapping[str, Spectrum], robust: Robustness | None
) -> dict[str, "Figure"]:
    """The figures that can be drawn, by file name without ending."""
    drawn: dict[str, Callable[[], Figure]] = {
        "pulls": lambda: draw_pulls(assessment),
        "spectrum": lambda: draw_spectrum(spectra),
    }
    if len(assessment.members):
        drawn["identifiability"] = lambda: draw_narrowing(assessment)
    if not assessment.passed.all():
        drawn["members"] = lambda: draw_checks(assessment)
    if robust is not None:
        drawn["robustness"] = lambda: draw_robustness(robust)
    return {name: draw() for name, draw in drawn.items()}


def _figure(width: float, height: float) -> tuple["Figure", Any]:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    axes = figure.subplots()
    axes.spines[["top", "right"]].set_visible(False)
    return figure, axes


def draw_pulls(assessment: Assessment) -> "Figure":
    """Heat map: strongest quantities by findings, d margin / d z of each finding's tightest value.

    Findings on which none of these quantities pulls are left out.
    """
    findings, matrix = pulls(assessment)
    # beyond the scale's end all are alike: else one steep value would choose the quantities
    columns = strongest(np.clip(matrix, -REACH, REACH), MOST_QUANTITIES)
    part = matrix[:, columns]
    rows = np.flatnonzero(np.abs(part).max(axis=1, initial=0.0) >= 0.01)
    part = part[rows]
    names = [assessment.names[k] for k in columns]
    figure, axes = _figure(max(5.0, 3.4 + 0.17 * len(rows)), max(3.0, 1.6 + 0.21 * len(columns)))
    image = axes.imshow(part.T, cmap="RdBu", vmin=-REACH, vmax=REACH, aspect="auto")
    axes.set_xticks(range(len(rows)), [findings[k] for k in rows], rotation=90, fontsize=8)
    axes.set_yticks(range(len(names)), names, fontsize=9)
    axes.spines[:].set_visible(False)
    axes.set_xticks(np.arange(len(rows) + 1) - 0.5, minor=True)
    axes.set_yticks(np.arange(len(names) + 1) - 0.5, minor=True)
    axes.grid(which="minor", color="white", linewidth=0.6)
    axes.tick_params(which="both", length=0)
    bar = figure.colorbar(image, ax=axes, extend="both", pad=0.01, fraction=0.03)
    bar.set_label("change of margin per prior sd", fontsize=9)
    bar.ax.tick_params(labelsize=8)
    axes.set_title("Raising the quantity helps (blue) or harms (red) the finding", fontsize=12)
    return figure


def draw_spectrum(spectra: Mapping[str, Spectrum]) -> "Figure":
    """Eigenvalues by rank on a log axis; what is below the noise is pale."""
    figure, axes = _figure(8.0, 4.5)
    looks = zip((BLUE, RED), ("o", "s"), strict=True)
    for (name, spectrum), (colour, marker) in zip(spectra.items(), looks, strict=False):
        values = np.maximum(spectrum.values, 1e-12)
        rank = np.arange(1, values.size + 1)
        seen = values > spectrum.noise
        label = f"{name}: {seen.sum()} of {values.size} directions above the noise"
        look: dict[str, Any] = {"color": colour, "markersize": 4}
        axes.plot(rank[seen], values[seen], marker, label=label, **look)
        hidden = ~seen & (spectrum.values > 1e-12)
        axes.plot(rank[hidden], values[hidden], marker, alpha=0.25, **look)
    noise = max((s.noise for s in spectra.values()), default=0.0)
    if noise > 0:
        axes.axhspan(1e-12, noise, color="#eeeeee", zorder=0)
        axes.text(1, noise, " numerical noise", va="top", fontsize=9, color="#666666")
    top = max((s.values.max(initial=0.0) for s in spectra.values()), default=1.0)
    axes.set_yscale("log")
    # room for the legend above
    axes.set_ylim(max(1e-6, noise / 100), max(top, 1e-3) * 100)
    axes.set_xlabel("direction, stiffest first")
    axes.set_ylabel("eigenvalue (margin² per prior sd²)")
    axes.xaxis.get_major_locator().set_params(integer=True)
    axes.legend(frameon=False, fontsize=10, loc="upper right")
    axes.set_title("How many combinations of quantities the checks determine", fontsize=12)
    return figure


def draw_narrowing(assessment: Assessment) -> "Figure":
    """Ensemble sd over the draws' sd for every quantity, sorted, coloured by verdict."""
    ratios, said = narrowing(assessment), verdicts(assessment)
    order = np.argsort(ratios, kind="stable")
    figure, axes = _figure(8.0, 4.5)
    for verdict, colour in VERDICT_COLOURS.items():
        at = np.array([rank for rank, k in enumerate(order) if said[k] == verdict], dtype=int)
        if at.size:
            label = f"{verdict}: {at.size}"
            axes.bar(at + 1, ratios[order[at]], width=0.9, color=colour, label=label)
    axes.axhline(1.0, color=BLACK, linewidth=0.8, linestyle="--")
    axes.set_xlim(0, len(ratios) + 1)
    axes.set_xlabel("fitted quantity, narrowest first")
    axes.set_ylabel("sd in the ensemble / sd of the draws")
    axes.set_ylim(0, 1.3 * max(1.0, ratios.max()))  # room for the legend
    axes.legend(frameon=False, fontsize=10, loc="upper left")
    axes.set_title("What the checks determine: spread that is left of each quantity", fontsize=12)
    return figure


def draw_checks(assessment: Assessment) -> "Figure":
    """Share of the members that hold each check, worst first."""
    shares = assessment.passed.mean(axis=0)
    order = np.argsort(shares, kind="stable")[:MOST_CHECKS]
    order = order[shares[order] < 1]
    labels = [textwrap.shorten(assessment.check_labels[k], 60, placeholder="...") for k in order]
    figure, axes = _figure(8.0, 1.2 + 0.22 * len(labels))
    colours = [BLUE if share > 0.5 else RED for share in shares[order]]
    axes.barh(range(len(labels)), shares[order], color=colours, height=0.8)
    axes.set_yticks(range(len(labels)), labels, fontsize=9)
    axes.set_ylim(len(labels) - 0.4, -0.6)
    axes.set_xlim(0, 1)
    axes.set_xlabel("share of members")
    axes.set_title(f"Checks that not all {len(assessment.members)} members hold", fontsize=12)
    return figure


def draw_robustness(robust: Robustness) -> "Figure":
    """Histogram of the share of checks that hold, with its median."""
    figure, axes = _figure(8.0, 4.0)
    shares = 100 * robust.shares
    bins = np.arange(np.floor(shares.min()) - 0.5, np.ceil(shares.max()) + 1.5, 1.0)
    highest = axes.hist(shares, bins=bins, color=SKY, edgecolor="white")[0].max()
    middle = float(np.median(shares))
    axes.axvline(middle, color=BLACK, linewidth=1.2)
    axes.set_ylim(0, 1.15 * highest)  # room for the text
    axes.text(middle, 1.14 * highest, f" median {middle:.0f} %", va="top", fontsize=11)
    axes.yaxis.get_major_locator().set_params(integer=True)
    axes.set_xlabel("checks that hold (%)")
    axes.set_ylabel(f"draws (of {len(shares)})")
    axes.set_title(
        f"All {len(robust.quantities)} numbers moved at once by {robust.sd:.0%}", fontsize=12
    )
    return figure
