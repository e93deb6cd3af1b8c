"""Drawing curves and clouds of points side by side."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ..plot import plot_dose_response
from .panel import Cloud, Curve, CurvePane
from .style import ALLOWED, ROW, TITLE, Looks, filled, height, in_lines, letters, room, shades

if TYPE_CHECKING:
    from matplotlib.axes import Axes

PANES_A_LINE = 3
PANE_HEIGHT = 3.2
SIGN = 0.6  # inches that a sign of the legend takes, with the room about it


@dataclass(frozen=True, slots=True)
class PaneLine:
    """Panes that stand side by side, with the names in their legend as they are broken."""

    panes: Sequence[CurvePane | Cloud]
    names: Mapping[str, str]
    legend_columns: int

    @property
    def height(self) -> float:
        """Inches of everything."""
        if not self.names:
            return PANE_HEIGHT
        tallest = max(height(text, ROW) for text in self.names.values())
        return PANE_HEIGHT + (tallest + 0.06) * -(-len(self.names) // self.legend_columns)


def pane_lines(panes: Sequence[CurvePane | Cloud], width: float, *, keyed: bool) -> list[PaneLine]:
    """Panes in lines of `width` inches. keyed : what curves are is said elsewhere."""
    return [_pane_line(line, width, keyed) for line in in_lines(panes, PANES_A_LINE)]


def _pane_line(panes: Sequence[CurvePane | Cloud], width: float, keyed: bool) -> PaneLine:
    names = list(dict.fromkeys(name for pane in panes for name in _legend_names(pane)))
    if keyed or not names:
        return PaneLine(panes, {}, 0)
    broken = {name: filled(name, letters(width - SIGN, ROW)) for name in names}
    widest = max(room(text, ROW) for text in broken.values()) + SIGN
    return PaneLine(panes, broken, max(1, min(len(names), int(width / widest))))


def _legend_names(pane: CurvePane | Cloud) -> list[str]:
    if isinstance(pane, CurvePane):
        return [_name(curve) for curve in pane.curves]
    slopes = ["equal", f"{pane.slope:g} times"] if pane.slope is not None else []
    return [*(group[0] for group in pane.groups), *slopes]


def _name(curve: Curve) -> str:
    return f"{curve.label} (outside)" if curve.failed else curve.label


def draw_panes(figure: Any, line: PaneLine, looks: Looks) -> None:
    """Panes side by side, with a legend above unless what they show is said elsewhere."""
    axes = figure.subplots(1, len(line.panes), squeeze=False)[0]
    handles: dict[str, Any] = {}
    for ax, pane in zip(axes, line.panes, strict=True):
        if isinstance(pane, CurvePane):
            _draw_curves(ax, pane, looks)
        else:
            _draw_cloud(ax, pane, looks)
        handles |= dict(zip(*reversed(ax.get_legend_handles_labels()), strict=True))
    if line.names:
        figure.legend(
            handles.values(), [line.names.get(name, name) for name in handles],
            loc="outside upper center", ncols=line.legend_columns, frameon=False,
            fontsize=ROW,
        )  # fmt: skip


def _draw_curves(ax: "Axes", pane: CurvePane, looks: Looks) -> None:
    import xarray as xr

    top = 0.0
    for curve in pane.curves:
        colour, marker = looks[curve.label]
        da = xr.DataArray(curve.values, {"dose": curve.doses}, ("dose",))
        da["dose"].attrs["units"] = pane.unit
        plot_dose_response(
            da, "dose", ax, labels=[_name(curve)], legend=False, color=colour, marker=marker,
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
    ax.set_ylabel(filled(pane.axis, 30))


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
        for k, alpha in enumerate(shades(x)):
            ax.plot(
                x[k], y[k], marker, ms=4, color=colour, alpha=alpha, mew=0, clip_on=False,
                label=label if k == 0 else None,
            )  # fmt: skip
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
    ax.set_xlabel(filled(cloud.axes[0], 34))
    ax.set_ylabel(filled(cloud.axes[1], 34))
    if cloud.level is not None:
        ax.set_title(cloud.title, fontsize=TITLE)
