"""The colours of a pathway map: fold changes around 1, or magnitudes from 0 to 1."""

from dataclasses import dataclass
from functools import cached_property
from math import floor, log2
from typing import TYPE_CHECKING, Any

from .style import as_vectors

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.cm import ScalarMappable


@dataclass(frozen=True)
class Colours:
    """A scale of colours.

    Attributes
    ----------
    largest_fold
        Where the colours of fold changes end; None: magnitudes from 0 to 1.
    label
        What the colours say.
    """

    largest_fold: float | None
    label: str

    @cached_property
    def mappable(self) -> "ScalarMappable":
        """The scale as matplotlib knows it: of log2 folds, or of magnitudes."""
        from matplotlib import colormaps
        from matplotlib.cm import ScalarMappable
        from matplotlib.colors import Normalize

        if self.largest_fold is None:
            return ScalarMappable(Normalize(0, 1), colormaps["cividis"])
        end = log2(self.largest_fold)
        return ScalarMappable(Normalize(-end, end), colormaps["RdBu_r"])

    def of(self, value: float) -> tuple[float, float, float, float] | None:
        """The colour of a value; None where it is NaN."""
        import numpy as np

        if np.isnan(value):
            return None
        red, green, blue, alpha = self.mappable.to_rgba(np.array([value]))[0]
        return float(red), float(green), float(blue), float(alpha)

    def draw_bar(self, ax: "Axes", size: float) -> None:
        """A level colour bar with text of a size; folds have ticks at 1/4, 1/2, 1, 2, 4."""
        figure: Any = ax.get_figure(root=True)
        extend = "max" if self.largest_fold is None else "both"
        bar = figure.colorbar(self.mappable, cax=ax, orientation="horizontal", extend=extend)
        if self.largest_fold is not None:
            most = floor(log2(self.largest_fold) + 1e-9)
            exponents = range(-most, most + 1)
            names = [f"1/{2**-e}" if e < 0 else f"{2**e}" for e in exponents]
            bar.set_ticks([float(e) for e in exponents], labels=names)
        as_vectors(bar)
        bar.outline.set_linewidth(0.5)
        bar.ax.tick_params(labelsize=size, length=2, width=0.5, pad=1.5)
        bar.ax.minorticks_off()
        bar.set_label(
            f"{self.label}   (hatched: no value, or 0 over 0)", fontsize=size, labelpad=1.5
        )
