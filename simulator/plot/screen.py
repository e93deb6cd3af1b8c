"""Screens: what each knock-out or drug does to a measure."""

from typing import TYPE_CHECKING, Any

from ..conditions.schedules import number_of
from ..errors import ConditionError, did_you_mean
from .style import COLOURS, COLUMN, axes_or_new, unit_text

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

LOWER, HIGHER = COLOURS[1], COLOURS[2]
ROW = 0.15  # inches of a row
LOG_FROM = 30.0  # a positive measure that spans more than this ratio gets a logarithmic axis

# Measures that are lower in cells that are more sensitive.
OF_SENSITIVITY = ("auc400", "ic50", "ec50")

# What a table of `sim.screen` has besides the measure and the columns of what was swept.
OWN = frozenset({
    "rank", "kind", "name", "level", "unit", "unperturbed", "difference", "log2_ratio", "bound",
    "unperturbed_bound", "at_dose_0", "status", "beyond_sum",
})  # fmt: skip
NEEDED = ("kind", "name", "level", "unit", "unperturbed", "bound", "unperturbed_bound", "status")


def plot_screen(
    table: "pd.DataFrame", ax: "Axes | None" = None, *, top: int = 20, kills_below: float = 0.5
) -> "Axes":
    """Draw the measure with each perturbation, largest effect first, beside the unperturbed one.

    A triangle to the left is lower than unperturbed, one to the right higher, a circle equal; it is
    open, with a sign, where the measure is a bound. Failed runs are below the others, with their
    status.

    Parameters
    ----------
    table
        As `sim.screen` returns it, of one condition.
    top
        Perturbations drawn, in the order of the table's ranks; failed ones come besides.
    kills_below
        A dagger marks perturbations that by themselves, without the swept drug, leave less than
        this of the output (`at_dose_0`).

    Raises
    ------
    ConditionError
        It is no such table, it has several conditions, or `top` is no number above 0.
    """
    name = checked_measure(table, "plot_screen")
    if number_of(top) is None or top < 1:
        raise ConditionError(f"plot_screen: top is a whole number >= 1, not {top!r}.")
    failed = table[table["status"].ne("SUCCESS") | table[name].isna()]
    ranked = table.drop(failed.index)
    if "rank" in ranked:
        ranked = ranked.sort_values("rank")
    shown = ranked.head(top)
    rows = [*shown.to_dict("records"), *failed.to_dict("records")]
    with axes_or_new(ax, COLUMN, 1.0 + ROW * len(rows)) as ax:
        _draw(ax, rows, name, kills_below)
        _axis(ax, table, shown, name)
        hidden = len(ranked) - len(shown)
        if hidden:
            ax.set_title(f"{len(shown)} largest effects of {len(ranked)}", loc="left")
    return ax


def checked_measure(table: Any, call: str) -> str:
    """The column of the measure.  Raises ConditionError for what is no screen of one condition."""
    columns = [str(c) for c in getattr(table, "columns", ())]
    missing = [c for c in NEEDED if c not in columns]
    if missing:
        raise ConditionError(
            f"{call} draws the table that sim.screen returns, but this one has no column"
            f' "{missing[0]}".{did_you_mean(missing[0], columns)}'
        )
    if not len(table):
        raise ConditionError(f"{call}: the table has no rows.")
    name = table.attrs.get("measure", columns[columns.index("unperturbed") - 1])
    places = [c for c in columns if c not in OWN and c != name and table[c].nunique() > 1]
    again = table.duplicated(["kind", "name", "level"]).any()
    if places and again:
        raise ConditionError(
            f"{call} draws one condition, but the table has several of {' and '.join(places)}:"
            f' select one, like table[table["{places[0]}"] == {table[places[0]].iloc[0]!r}].'
        )
    return str(name)


def row_name(row: dict[str, Any]) -> str:
    """`BIM knock-out`, `BIM × 0.5`, `selumetinib 0.5 µM`; a pair has its two names."""
    name, level = str(row["name"]), row["level"]
    if row["kind"] == "knock-out":
        return f"{name} knock-out"
    if row["kind"] == "drug":
        return f"{name} {level:g} {unit_text(str(row['unit']))}"
    if row["unit"] == "fold" and level == level and " + " not in name:
        return f"{name} × {level:g}"
    return name


def _draw(ax: "Axes", rows: list[dict[str, Any]], name: str, kills_below: float) -> None:
    """A line from the unperturbed value to each perturbed one, from the top down."""
    from matplotlib.transforms import ScaledTranslation

    known = [row["unperturbed"] for row in rows if row["unperturbed"] == row["unperturbed"]]
    base = known[0] if known else float("nan")
    bound = next((r["unperturbed_bound"] for r in rows if r["unperturbed_bound"] != "="), "")
    ax.axvline(base, color="0.35", linewidth=0.8, zorder=1, label=f"unperturbed {bound}".strip())
    words = ("more sensitive", "more resistant")
    words = words if name in OF_SENSITIVITY else ("lower", "higher")
    labels, killed = [], False
    for i, row in enumerate(rows):
        label = row_name(row)
        value = row[name]
        if row["status"] != "SUCCESS" or value != value:
            _mark_failed(ax, i, row)
        else:
            _draw_value(ax, i, value, base, str(row["bound"]), words)
        if row.get("at_dose_0", float("nan")) < kills_below:
            label, killed = f"{label} †", True
        labels.append(label)
    ax.set_yticks(range(len(rows)), labels)
    ax.tick_params(axis="y", length=0)
    ax.set_ylim(len(rows) - 0.4, -0.6)
    handles, names = ax.get_legend_handles_labels()
    unique = dict(zip(names, handles, strict=True))
    key = f"† alone leaves less than {kills_below:g}" if killed else None
    # below the label of x, and to the left over the names' width: it takes no room beside the axes
    figure: Any = ax.get_figure()
    below = ScaledTranslation(0, -0.38, figure.dpi_scale_trans)
    ax.legend(
        unique.values(), unique.keys(), title=key, loc="upper right", frameon=False,
        bbox_to_anchor=(1.0, 0.0), bbox_transform=ax.transAxes + below, ncols=3,
        columnspacing=1.0, handletextpad=0.4, handlelength=1.2, borderaxespad=0,
    )  # fmt: skip


def _draw_value(
    ax: "Axes", i: int, value: float, base: float, bound: str, words: tuple[str, str]
) -> None:
    marker, colour, word = ("o", "0.35", "unchanged")
    if value < base:
        marker, colour, word = "<", LOWER, words[0]
    elif value > base:
        marker, colour, word = ">", HIGHER, words[1]
    ax.plot([base, value], [i, i], color=colour, linewidth=1.2, zorder=2)
    exact = bound == "="
    ax.plot(
        [value], [i], linestyle="none", marker=marker, markersize=4.5, color=colour, zorder=3,
        markerfacecolor=colour if exact else "white", label=word if exact else None,
    )  # fmt: skip
    if not exact:
        ax.annotate(
            bound, (value, i), xytext=(-5 if value < base else 5, 0), va="center", fontsize=7,
            textcoords="offset points", ha="right" if value < base else "left", color=colour,
        )  # fmt: skip


def _mark_failed(ax: "Axes", i: int, row: dict[str, Any]) -> None:
    """A cross, and how the run ended."""
    status = str(row["status"])
    text = "no value" if status == "SUCCESS" else status.replace("_", " ").lower()
    ax.text(
        0.02, i, f"× {text}", transform=ax.get_yaxis_transform(), va="center", color="0.35",
        fontsize=6.5, style="italic",
    )  # fmt: skip


def _axis(ax: "Axes", table: "pd.DataFrame", shown: "pd.DataFrame", name: str) -> None:
    """The axis of the measure, with its unit; logarithmic where it spans much."""
    values = shown[[name, "unperturbed"]].to_numpy(dtype=float).ravel()
    values = values[values == values]
    units = str(table.attrs.get("units", ""))
    units = "" if units in ("", "dimensionless") else f" ({unit_text(units)})"
    dose = table.attrs.get("dose")
    of = f" of {dose}" if dose else ""
    ax.set_xlabel(f"{name}{of}{units}")
    if values.size and values.min() > 0 and values.max() / values.min() > LOG_FROM:
        ax.set_xscale("log")
        ax.margins(x=0.12)
    elif values.size and name in OF_SENSITIVITY:
        ax.set_xlim(0, 1.08 * values.max())
