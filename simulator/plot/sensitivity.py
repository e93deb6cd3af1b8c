"""Global sensitivity: shares of the variance, and Morris's ranking."""

from typing import TYPE_CHECKING, Any

from ..errors import ConditionError
from .labels import label_points
from .style import COLOURS, COLUMN, HEIGHT, axes_or_new, unit_text

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.axes import Axes

PARAMETER = "parameter"

# Name -> what it says, colour, marker, and place beside the row's middle.
SHARES = {
    "S1": ("S1: by itself", COLOURS[1], "o", -0.15),
    "ST": ("ST: with interactions", COLOURS[2], "s", 0.15),
}
GROUPED = {"mu_star": ("mean absolute effect", COLOURS[1], "o", 0.0)}


def plot_sensitivity(
    ds: "xr.Dataset", ax: "Axes | None" = None, *, top: int = 20, labelled: int = 8
) -> "Axes":
    """Draw Sobol' indices with their confidence, or Morris's mu* against sigma.

    Parameters
    ----------
    ds
        As `sim.global_sensitivity` returns it; dimensions of length 1 besides `parameter` do not
        count. Of groups, for which Morris has no sigma, mu* alone is drawn.
    top
        Parameters drawn of indices in rows, by ST or mu*.
    labelled
        Points of Morris's that get a name, by mu*; all points are drawn.

    Raises
    ------
    ConditionError
        It is no such Dataset, or has indices of several conditions.
    """
    if not hasattr(ds, "data_vars") or not {"ST", "mu_star"} & set(ds.data_vars):
        raise ConditionError("plot_sensitivity draws the Dataset of sim.global_sensitivity.")
    name = "ST" if "ST" in ds else "mu_star"
    others = [str(d) for d in ds[name].dims if d != PARAMETER and ds.sizes[d] > 1]
    if others:
        raise ConditionError(
            f"plot_sensitivity draws one condition, found several of {', '.join(others)}; select"
            f" one, like .isel({others[0]}=0)."
        )
    found = ds.isel({d: 0 for d in ds[name].dims if d != PARAMETER})
    rows = min(top, found.sizes[PARAMETER])
    if name == "mu_star" and "sigma" in found:
        with axes_or_new(ax, COLUMN, HEIGHT) as ax:
            _draw_morris(ax, found, labelled)
    else:
        with axes_or_new(ax, COLUMN, 0.95 + 0.22 * rows) as ax:
            _draw_rows(ax, found, SHARES if name == "ST" else GROUPED, name, rows)
    if "bounded" in found and float(found["bounded"]) > 0:
        ax.set_title(f"a bound in {100 * float(found['bounded']):.0f} % of draws", loc="left")
    return ax


def _unit(ds: "xr.Dataset") -> str:
    units = unit_text(str(ds.attrs.get("units", "")))
    return "" if units in ("", "dimensionless") else f" ({units})"


def _draw_rows(ax: "Axes", ds: "xr.Dataset", looks: dict[str, Any], by: str, rows: int) -> None:
    """One row a parameter; whiskers are the confidence interval."""
    import numpy as np

    order = np.argsort(-np.nan_to_num(ds[by].values, nan=-np.inf), kind="stable")[:rows]
    place = np.arange(rows)
    for name, (word, colour, marker, shift) in looks.items():
        half = ds[f"{name}_conf"].values[order] if f"{name}_conf" in ds else None
        ax.errorbar(
            ds[name].values[order], place + shift, xerr=half, color=colour, marker=marker,
            linestyle="none", markersize=4, elinewidth=0.9, capsize=1.8, label=word,
        )  # fmt: skip
    for i in place[~np.isfinite(ds[by].values[order])]:
        ax.text(0.5, i, "no value: the measure does not vary", transform=ax.get_yaxis_transform(),
                ha="center", va="center", fontsize=6, style="italic", color="0.35")  # fmt: skip
    ax.axvline(0, color="0.6", linewidth=0.6, zorder=0)
    ax.set_yticks(place, [str(v) for v in ds[PARAMETER].values[order]])
    ax.tick_params(axis="y", length=0)
    ax.set_ylim(rows - 0.5, -0.5)
    measure = ds.attrs.get("measure", "the measure")
    level = f", {100 * ds.attrs['confidence']:g} % interval" if "confidence" in ds.attrs else ""
    if by == "ST":
        ax.set_xlabel(f"share of the variance of {measure}{level}")
        ax.legend(
            loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=2, frameon=False,
            columnspacing=1.0, handletextpad=0.4,
        )  # fmt: skip
    else:
        ax.set_xlabel(f"µ*, mean absolute effect on {measure}{_unit(ds)}{level}")


def _draw_morris(ax: "Axes", ds: "xr.Dataset", labelled: int) -> None:
    """mu* against sigma; on the line sigma = mu* an effect varies as much as it is large."""
    import numpy as np

    x, y = ds["mu_star"].values, ds["sigma"].values
    names = [str(v) for v in ds[PARAMETER].values]
    known = np.isfinite(x) & np.isfinite(y)
    half = ds["mu_star_conf"].values if "mu_star_conf" in ds else np.zeros_like(x)
    ax.errorbar(
        x[known], y[known], xerr=half[known], fmt="o", color=COLOURS[1], markersize=3.5,
        elinewidth=0.5, ecolor="0.7", zorder=2,
    )  # fmt: skip
    most = max([1e-300, *x[known], *y[known]])
    ax.plot([0, most], [0, most], color="0.6", linewidth=0.7, linestyle="--", zorder=1)
    ax.set_xlim(left=min(0, *(x[known] - half[known])) if known.any() else 0)
    ax.set_ylim(-0.06 * most, 1.18 * most)
    measure = ds.attrs.get("measure", "the measure")
    ax.set_xlabel(f"µ*, mean absolute effect on {measure}{_unit(ds)}")
    ax.set_ylabel(f"σ, spread of the effect{_unit(ds)}")
    if not known.all():
        missing = ", ".join(n for n, there in zip(names, known, strict=True) if not there)
        ax.text(0.5, 0.02, f"no value: {missing}", transform=ax.transAxes, ha="center",
                fontsize=6, style="italic")  # fmt: skip
    ax.annotate("σ = µ*", (most, most), xytext=(2, 2), textcoords="offset points", fontsize=6,
                color="0.4", ha="right", va="bottom")  # fmt: skip
    ranked = [k for k in np.argsort(-np.nan_to_num(x)) if known[k]][:labelled]
    label_points(ax, [(x[k], y[k]) for k in ranked], [names[k] for k in ranked],
                 list(zip(x[known], y[known], strict=True)))  # fmt: skip
