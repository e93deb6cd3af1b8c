"""The prediction of the main job on one page."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from .dose_response import plot_dose_response
from .style import COLOURS

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def plot_prediction(
    table: "pd.DataFrame",
    curves: "xr.Dataset",
    *,
    shown: Sequence[str] = (),
    resistant_above: float = 200.0,
    hours: float = 96.0,
) -> "Figure":
    """The prediction on one page: auc400 of all conditions as a heat map, and some curves.

    Where `predict` asked an ensemble, its 5-95 % range stands in the fields and around the curves,
    and the share of members that make the same call behind the call.

    Parameters
    ----------
    table, curves
        As `predict` returns them.
    shown
        Conditions whose curves are drawn (at most six); none: the first six.
    resistant_above
        auc400 of the call, the middle of the colour scale.
    hours
        When viability was read.
    """
    from matplotlib.figure import Figure

    conditions = [str(c) for c in curves["condition"].values]
    chosen = [c for c in shown if c in conditions][:6] or conditions[:6]
    height = max(7.5, 1.6 + 0.24 * len(conditions))
    figure = Figure(figsize=(13.3, height), layout="constrained")
    ratios = (1.25 if "auc400_low" in table else 1.0, 1.2)
    parts: Any = figure.subfigures(1, 2, width_ratios=ratios, wspace=0.03)
    _draw_heat_map(parts[0], table, curves, resistant_above)
    _draw_small_multiples(parts[1], table, curves, chosen)
    parts[1].supylabel(f"viability after {hours / 24:g} days (fraction of vehicle)", fontsize=10)
    steroid = str(curves["viability"].dims[-1])
    partners = " or ".join(str(t).rpartition(" + ")[2] for t in curves["treatment"].values[1:])
    doubt = "" if "call_share" in table else f" ({curves.attrs['uncertainty']})"
    figure.suptitle(
        f"Predicted response to {steroid}, alone and with {partners}{doubt}",
        fontsize=14,
        fontweight="bold",
    )
    return figure


def _draw_heat_map(
    figure: Any, table: "pd.DataFrame", curves: "xr.Dataset", resistant_above: float
) -> None:
    """auc400 per condition and treatment, written into each field, the call at the right.

    A field is framed where the partner re-sensitises a resistant condition.
    """
    ax = figure.subplots()
    conditions = [str(c) for c in curves["condition"].values]
    treatments = [str(t) for t in curves["treatment"].values]
    rows = table.set_index(["condition", "treatment"])
    values = table.pivot(index="condition", columns="treatment", values="auc400")
    grid = values.loc[conditions, treatments].to_numpy()
    # Blue to red through white is told apart with any colour vision; white is the threshold.
    image = ax.imshow(grid, cmap="RdBu_r", vmin=0, vmax=2 * resistant_above, aspect="auto")
    for i, condition in enumerate(conditions):
        call = str(rows.loc[(condition, treatments[0]), "call"])
        resistant = call.startswith("resistant")
        for j, treatment in enumerate(treatments):
            rescues = resistant and rows.loc[(condition, treatment), "resensitises"] is True
            row = rows.loc[(condition, treatment)]
            _draw_field(ax, i, j, grid[i, j], _field_text(row), resistant_above, rescues)
        share = rows.loc[(condition, treatments[0])].get("call_share")
        agree = "" if share is None else f" {100 * share:.0f} %"
        ax.annotate(
            call.partition(",")[0] + agree,
            (1.02, i),
            xycoords=("axes fraction", "data"),
            va="center",
            fontsize=9,
            fontweight="bold" if resistant else "normal",
            annotation_clip=False,
        )
    ax.set_yticks(range(len(conditions)), conditions, fontsize=9)
    ax.set_xticks(range(len(treatments)), [_treatment_label(t) for t in treatments], fontsize=10)
    ax.xaxis.tick_top()
    ax.tick_params(length=0)
    ax.spines[:].set_visible(False)
    bar = figure.colorbar(image, ax=ax, location="bottom", shrink=0.8, aspect=35, pad=0.01)
    bar.set_label(
        f"AUC of the steroid (400 = no effect, above {resistant_above:g} = resistant)\n"
        f"framed: the partner re-sensitises a resistant cell{_range_key(table, curves)}",
        fontsize=9,
    )


def _range_key(table: "pd.DataFrame", curves: "xr.Dataset") -> str:
    """Lines that explain ranges and shares, where there are any."""
    if "call_share" not in table:
        return ""
    return (
        f"\nin brackets and shaded: {curves.attrs['uncertainty'].replace('5-95', '5–95')}"
        "\npercent at the right: members that make the same call"
    )


def _field_text(row: "pd.Series[Any]") -> str:
    """`312`, or `312 (280–340)` where there is a range."""
    if row["auc400"] != row["auc400"]:
        return "no value"
    if "auc400_low" not in row:
        return f"{row['auc400']:.0f}"
    return f"{row['auc400']:.0f} ({row['auc400_low']:.0f}–{row['auc400_high']:.0f})"


def _draw_field(
    ax: "Axes", i: int, j: int, value: float, text: str, middle: float, framed: bool
) -> None:
    """The number in one field of the heat map, and its frame."""
    from matplotlib.patches import Rectangle

    pale = value != value or abs(value - middle) < 0.6 * middle
    ax.text(
        j,
        i,
        text,
        ha="center",
        va="center",
        fontsize=9,
        color="black" if pale else "white",
        fontweight="bold" if framed else "normal",
    )
    if framed:
        ax.add_patch(Rectangle((j - 0.47, i - 0.44), 0.94, 0.88, fill=False, linewidth=2))


def _treatment_label(treatment: str) -> str:
    first, _, partner = treatment.partition(" + ")
    return f"+ {partner}" if partner else f"{first}\nalone"


def _draw_small_multiples(
    figure: Any, table: "pd.DataFrame", curves: "xr.Dataset", chosen: Sequence[str]
) -> None:
    """Dose-response of the chosen conditions, one panel each on shared axes."""
    viability = curves["viability"]
    treatments = [str(t) for t in viability["treatment"].values]
    columns = 2 if len(chosen) > 1 else 1
    rows = -(-len(chosen) // columns)
    axes = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False)
    doses = table.set_index(["condition", "treatment"])["partner_dose"]
    names = [_treatment_label(treatment).replace("\n", " ") for treatment in treatments]
    for ax, condition in zip(axes.flat, chosen, strict=False):
        plot_dose_response(
            viability.sel(condition=condition),
            str(viability.dims[-1]),
            ax,
            labels=names,
            ylabel="",
            legend=False,
        )
        _draw_bands(ax, curves, condition)
        partners = [
            f"{treatment.rpartition(' + ')[2]} {doses[condition, treatment]:.2g} µM"
            for treatment in treatments[1:]
        ]
        ax.set_title(
            f"{condition}\n" + r"$\it{with}$ " + " or ".join(partners), fontsize=8, loc="left"
        )
        ax.axhline(0.5, color="0.8", linewidth=0.8, zorder=0)
        ax.spines[["top", "right"]].set_visible(False)
        ax.label_outer()
    for ax in list(axes.flat)[len(chosen) :]:
        ax.set_visible(False)
    handles, labels = axes.flat[0].get_legend_handles_labels()
    figure.legend(
        handles, labels, loc="outside lower center", ncols=len(names), frameon=False, fontsize=10
    )


def _draw_bands(ax: "Axes", curves: "xr.Dataset", condition: str) -> None:
    """The 5-95 % range over the ensemble around each curve of one condition, if there is one."""
    if "viability_low" not in curves:
        return
    steroid = str(curves["viability"].dims[-1])
    above = curves.sel({"condition": condition, steroid: curves[steroid] > 0})
    for i in range(curves.sizes["treatment"]):
        low, high = (above[name].isel(treatment=i) for name in ("viability_low", "viability_high"))
        colour = COLOURS[i % len(COLOURS)]
        ax.fill_between(above[steroid], low, high, color=colour, alpha=0.18, linewidth=0)
