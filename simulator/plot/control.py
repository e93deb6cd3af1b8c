"""Control coefficients: which parameters a measure follows."""

from typing import TYPE_CHECKING, Any

from ..conditions.schedules import number_of
from ..errors import ConditionError
from .heat_map import draw_signed
from .screen import HIGHER, LOWER
from .style import COLUMN, axes_or_new

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.axes import Axes

PARAMETER = "parameter"


def plot_control(
    data: "xr.DataArray | xr.Dataset", ax: "Axes | None" = None, *, top: int = 25
) -> "Axes":
    """Draw control coefficients, largest first: bars, or a heat map where there are several.

    Parameters
    ----------
    data
        As `sim.control_coefficients` returns it, or its `control`: dimension `parameter` and at
        most one more; dimensions of length 1 do not count.
    top
        Parameters drawn. Those without a coefficient (NaN: the measure is a bound, or 0) come last
        and are marked.

    Raises
    ------
    ConditionError
        There is no such dimension, there are too many, or `top` is no number above 0.
    """
    import numpy as np

    da = data if not hasattr(data, "data_vars") else data.get("control")
    if da is None or PARAMETER not in da.dims:
        raise ConditionError(
            "plot_control draws what sim.control_coefficients returns, or its `control`: it needs"
            ' the dimension "parameter".'
        )
    if number_of(top) is None or top < 1:
        raise ConditionError(f"plot_control: top is a whole number >= 1, not {top!r}.")
    da = da.squeeze([d for d in da.dims if d != PARAMETER and da.sizes[d] == 1])
    others = [str(d) for d in da.dims if d != PARAMETER]
    if len(others) > 1:
        raise ConditionError(
            f"plot_control draws one dimension besides the parameters, found {', '.join(others)};"
            " select one level of the others first."
        )
    values: Any = da.transpose(PARAMETER, *others).values
    grid = values.reshape(da.sizes[PARAMETER], -1).astype(float)
    size = np.nan_to_num(np.abs(grid), nan=-1.0).max(axis=1)
    order = np.argsort(-size, kind="stable")[:top]
    names = [str(da[PARAMETER].values[k]) for k in order]
    label = str(da.attrs.get("long_name", "control coefficient")) + " (dimensionless)"
    height = 0.75 + 0.17 * len(names) + (0.75 if others else 0.0)
    with axes_or_new(ax, COLUMN, height) as ax:
        if others:
            levels = [str(v) for v in da[others[0]].values]
            texts = np.array([[_number(v) for v in row] for row in grid[order]], object)
            draw_signed(ax, grid[order], texts, names, levels, label)
            ax.set_xlabel(others[0])
        else:
            _draw_bars(ax, grid[order, 0], names, label)
        if len(order) < len(grid):
            ax.set_title(f"{len(order)} largest of {len(grid)} parameters", loc="left")
    return ax


def _number(value: float) -> str:
    """Two digits and the sign; a dash where there is none."""
    return "–" if value != value else f"{value:+.2f}".replace("-", "−")


def _draw_bars(ax: "Axes", values: Any, names: list[str], label: str) -> None:
    for i, value in enumerate(values):
        if value != value:
            ax.text(0.5, i, "no value", transform=ax.get_yaxis_transform(), va="center",
                    ha="center", fontsize=6, style="italic", color="0.35")  # fmt: skip
            continue
        ax.barh(i, value, height=0.65, color=HIGHER if value > 0 else LOWER)
        ax.annotate(
            _number(value), (value, i), xytext=(3 if value >= 0 else -3, 0), va="center",
            textcoords="offset points", ha="left" if value >= 0 else "right", fontsize=6,
        )  # fmt: skip
    ax.axvline(0, color="black", linewidth=0.6)
    ax.set_yticks(range(len(names)), names)
    ax.tick_params(axis="y", length=0)
    ax.set_ylim(len(names) - 0.4, -0.6)
    ax.margins(x=0.18)
    ax.set_xlabel(label)
