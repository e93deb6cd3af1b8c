"""The report's figures; none opens a window. matplotlib is imported by what draws."""

from typing import TYPE_CHECKING, Any

import numpy as np

from .results import Number, Results

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Blue to red through white is told apart with any colour vision; blue is for better killing.
COLOURS = "RdBu_r"
NO_VALUE = "0.85"

# Ends of the colour scales: change of auc400, and log2 of a ratio.
LARGEST_CHANGE = 250.0
LARGEST_LOG = 3.0

# Bars of pairs with and without steroid (Okabe & Ito's palette).
BARS = ("#0072B2", "#E69F00")


def figures(results: Results) -> "dict[str, Figure]":
    """File name -> figure."""
    return {
        "knockouts.png": draw_changes(results, "knockout"),
        "drugs.png": draw_changes(results, "drug"),
        "pairs.png": draw_pairs(results),
        "compared.png": draw_compared(results),
    }


def draw_changes(results: Results, kind: str) -> "Figure":
    """Change of the steroid's auc400 by each knock-out or drug, alone and beside the partner."""
    from matplotlib.figure import Figure

    plan = results.plan
    figure = Figure(figsize=(14, 2.6 + 0.27 * len(plan.labels)), layout="constrained")
    axes = figure.subplots(1, 2, sharey=True)
    steroid, partner = plan.base.steroid, plan.settings.added_to
    images = []
    for b, (ax, title) in enumerate(zip(axes, (steroid, f"{steroid} + {partner}"), strict=True)):
        shown = [c for c in plan.perturbations if c.kind == kind and not (b and c == plan.partner)]
        images.append(_draw_changes(ax, results, b, [plan.changes.index(c) for c in shown]))
        ax.set_title(f"added to {title}", fontsize=11)
        ax.set_xticks(range(len(shown)), [c.name for c in shown], rotation=90, fontsize=9)
    axes[0].set_yticks(range(len(plan.labels)), plan.labels, fontsize=9)
    bar = figure.colorbar(images[0], ax=axes, location="bottom", shrink=0.5, aspect=40, pad=0.02)
    bar.set_label(
        "change of the steroid's AUC (blue: the steroid kills more; red: less)\n" + _key(results),
        fontsize=9,
    )
    what = "a knock-out" if kind == "knockout" else "a further drug"
    figure.suptitle(f"Predicted: what {what} does to the response to {steroid}", fontsize=13)
    return figure


def _key(results: Results) -> str:
    key = "grey: too few cells left, or no dose; ×: kills by itself; frame: the model was made so"
    if results.members:
        key += f"; ?: under {100 * results.plan.settings.agreement_at_least:.0f} % of members agree"
    return key


def _draw_changes(ax: "Axes", results: Results, b: int, places: list[int]) -> Any:
    """One panel: conditions x perturbations."""
    from matplotlib.patches import Rectangle

    area = results.found.area[:, b]
    change = area[:, places] - area[:, :1]
    ax.set_facecolor(NO_VALUE)
    image = ax.imshow(
        change, cmap=COLOURS, vmin=-LARGEST_CHANGE, vmax=LARGEST_CHANGE, aspect="auto"
    )
    for i, k in np.ndindex(change.shape):
        p = places[k]
        dark = abs(change[i, k]) > 0.6 * LARGEST_CHANGE
        # Whether it acts is the question; agreement that nothing happens needs no mark.
        unsure = results.effects[i, b, p] != 0 and results.uncertain(results.effect_share[i, b, p])
        mark = "" if np.isnan(change[i, k]) else "?" if unsure else ""
        if np.isfinite(results.found.left[i, b, p]) and not results.spared[i, b, p]:
            mark = "×"
        ax.text(k, i, mark, ha="center", va="center", fontsize=9, color="w" if dark else "k")
        if results.known[i, b, p] and np.isfinite(change[i, k]):
            frame = Rectangle((k - 0.45, i - 0.43), 0.9, 0.86, fill=False, linewidth=1.2)
            ax.add_patch(frame)
    ax.tick_params(length=0)
    ax.spines[:].set_visible(False)
    _grid(ax, change.shape)
    return image


def _grid(ax: "Axes", shape: tuple[int, ...]) -> None:
    """White lines between the fields."""
    ax.set_xticks(np.arange(shape[1] - 1) + 0.5, minor=True)
    ax.set_yticks(np.arange(shape[0] - 1) + 0.5, minor=True)
    ax.grid(which="minor", color="white", linewidth=1)
    ax.tick_params(which="minor", length=0)


def draw_pairs(results: Results) -> "Figure":
    """Bliss excess of the best pair with and without steroid in each condition."""
    from matplotlib.figure import Figure

    plan = results.plan
    count = len(plan.labels)
    figure = Figure(figsize=(13.3, 1.8 + 0.3 * count), layout="constrained")
    axes = figure.subplots(1, 2, sharex=True, sharey=True)
    titles = (f"{plan.base.steroid} with", f"pairs without {plan.base.steroid}")
    for ax, with_steroid, colour, title in zip(axes, (True, False), BARS, titles, strict=True):
        for i in range(count):
            item = results.best_pair(i, with_steroid)
            if item is not None:
                names = [name for name in item.names if name != plan.base.steroid]
                _draw_bar(ax, i, item.number, colour)
                unsure = " (uncertain)" if results.uncertain(item.share) else ""
                end = np.nanmax([item.number.value, item.number.high])
                ax.text(end, i, f"  {' + '.join(names)}{unsure}", va="center", fontsize=9)
        ax.set_title(title, fontsize=11)
        ax.set_xlabel("Bliss excess (share of cells killed beyond independent drugs)")
        ax.spines[["top", "right"]].set_visible(False)
        ax.tick_params(axis="y", length=0)
        ax.axvline(plan.settings.synergy_above, color="0.6", linewidth=0.8, linestyle="--")
    axes[0].set_yticks(range(count), plan.labels, fontsize=9)
    axes[0].set_ylim(count - 0.4, -0.6)
    # Names stand behind the bars: room for the longest.
    axes[0].set_xlim(0, 1.5 * max(axes[0].get_xlim()[1], 2 * plan.settings.synergy_above))
    whiskers = "; whiskers: 5–95 % of the members" if results.members else ""
    figure.suptitle(
        "Predicted: the most synergistic pair in each cell, each drug alone leaving at least"
        f" {100 * plan.base.partner_viability_at_least:.0f} % alive{whiskers}",
        fontsize=13,
    )
    return figure


def _draw_bar(ax: "Axes", i: int, number: Number, colour: str) -> None:
    ax.barh(i, number.value, height=0.7, color=colour)
    if number.low == number.low:
        ax.plot([number.low, number.high], [i, i], color="k", linewidth=1.2)


def draw_compared(results: Results) -> "Figure":
    """What two drugs do to the readouts and to auc400 in each condition."""
    from matplotlib.figure import Figure

    plan = results.plan
    settings = plan.settings
    figure = Figure(figsize=(11.5, 2.4 + 0.3 * len(plan.labels)), layout="constrained")
    axes = figure.subplots(1, 2, sharey=True)
    images = [_draw_compared(ax, results, d) for d, ax in enumerate(axes)]
    labels = [
        f"{label} ({'resistant' if resistant else 'sensitive'})"
        for label, resistant in zip(plan.labels, results.resistant, strict=True)
    ]
    axes[0].set_yticks(range(len(labels)), labels, fontsize=9)
    bar = figure.colorbar(images[0], ax=axes, location="bottom", shrink=0.5, aspect=40, pad=0.02)
    bar.set_ticks([-3, -2, -1, 0, 1, 2, 3], labels=["1/8", "1/4", "1/2", "1", "2", "4", "8"])
    bar.set_label(
        f"with the drug over without: readouts after {settings.readout_hours:g} h, and the AUC of"
        f" {plan.base.steroid} (bold: the drug sensitises)",
        fontsize=9,
    )
    figure.suptitle(
        f"Predicted: where {settings.compared[0]} fails and {settings.compared[1]} works, and why",
        fontsize=13,
    )
    return figure


def _draw_compared(ax: "Axes", results: Results, d: int) -> Any:
    """One panel: conditions x readouts and auc400 under one drug over without."""
    settings = results.plan.settings
    drug = settings.compared[d]
    ratio = results.found.ratio()[:, 0, results.place(drug)]
    values = np.column_stack([results.found.fold[:, d], ratio])
    with np.errstate(divide="ignore"):
        logs = np.log2(values)
    ax.set_facecolor(NO_VALUE)
    image = ax.imshow(logs, cmap=COLOURS, vmin=-LARGEST_LOG, vmax=LARGEST_LOG, aspect="auto")
    last = values.shape[1] - 1
    for i, k in np.ndindex(values.shape):
        if np.isfinite(values[i, k]):
            colour = "white" if abs(logs[i, k]) > 0.6 * LARGEST_LOG else "black"
            weight = "bold" if k == last and results.works[i, d] else "normal"
            text = f"{values[i, k]:.2f}"
            ax.text(
                k, i, text, ha="center", va="center", fontsize=9, color=colour, fontweight=weight
            )
    ax.set_xticks(range(last + 1), [*settings.readouts, "AUC"], fontsize=10)
    ax.xaxis.tick_top()
    ax.set_title(f"{drug} over no drug", fontsize=11)
    ax.tick_params(length=0)
    ax.spines[:].set_visible(False)
    _grid(ax, values.shape)
    ax.axvline(last - 0.5, color="k", linewidth=1)
    return image
