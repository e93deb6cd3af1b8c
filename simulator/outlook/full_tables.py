"""Every number behind the report as tables, one row per prediction."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from .results import NOT_RATED, NOTHING, PROTECTS, SENSITISES, Number, Results

if TYPE_CHECKING:
    import pandas as pd

# Pairs with less Bliss excess, synergy or antagonism, are left out: they are most of all pairs.
LEAST_EXCESS = 0.05

EFFECTS = {SENSITISES: "sensitises", NOTHING: "none", PROTECTS: "protects", NOT_RATED: "not rated"}


def full_tables(results: Results) -> "dict[str, pd.DataFrame]":
    """File name -> table."""
    return {
        "responses.tsv": responses(results),
        "pairs.tsv": pairs(results),
        "compared.tsv": compared(results),
    }


def responses(results: Results) -> "pd.DataFrame":
    """A row per condition, background and perturbation.

    `left` is the share of live cells left without steroid, over the cell without anything.
    """
    plan, rows = results.plan, []
    for i, b, p in np.ndindex(results.effects.shape):
        change = plan.changes[p]
        dose = "" if change is None or change.kind != "drug" else f"{plan.dose(i, change.name):.3g}"
        rows.append(
            {
                "condition": plan.labels[i],
                "beside": plan.settings.added_to if b else "none",
                "kind": "none" if change is None else change.kind,
                "perturbation": "none" if change is None else change.name,
                "dose_uM": dose,
                "left": f"{results.found.left[i, b, p]:.3g}",
                **_columns("auc400", results.area(i, b, p), ".1f"),
                "auc400_ratio": f"{results.found.ratio()[i, b, p]:.3f}",
                "effect": EFFECTS[int(results.effects[i, b, p])],
                "same_effect_share": _text(float(results.effect_share[i, b, p]), ".3f"),
                "known": bool(results.known[i, b, p]),
            }
        )
    return _frame(rows)


def pairs(results: Results) -> "pd.DataFrame":
    """A row per condition and pair of drugs that act on each other."""
    plan, rows = results.plan, []
    for i, k in np.ndindex(results.excess.shape):
        a, b = plan.pairs[k]
        if not abs(results.excess[i, k]) >= LEAST_EXCESS:
            continue
        rows.append(
            {
                "condition": plan.labels[i],
                "drug_a": plan.drugs[a],
                "drug_b": plan.drugs[b],
                "dose_a_uM": f"{plan.doses[i, a]:.3g}",
                "dose_b_uM": f"{plan.doses[i, b]:.3g}",
                "viability_a": f"{results.found.single[i, a]:.3f}",
                "viability_b": f"{results.found.single[i, b]:.3f}",
                "viability_pair": f"{results.found.pair[i, k]:.3f}",
                **_columns("bliss_excess", results.pair_excess(i, k), ".3f"),
                "same_synergy_share": _text(float(results.synergy_share[i, k]), ".3f"),
                "known": bool(results.known_pairs[i, k]),
            }
        )
    return _frame(rows)


def compared(results: Results) -> "pd.DataFrame":
    """A row per condition, compared drug and readout; the last readout is the ratio of auc400."""
    plan, rows = results.plan, []
    for i, label in enumerate(plan.labels):
        for d, drug in enumerate(plan.settings.compared):
            found = {
                name: results.fold(i, d, k) for k, name in enumerate(plan.settings.readouts)
            } | {"auc400": results.ratio(i, 0, results.place(drug))}
            rows += [
                {
                    "condition": label,
                    "drug": drug,
                    "dose_uM": f"{plan.dose(i, drug):.3g}",
                    "readout": name,
                    **_columns("over_untreated", number, ".3g"),
                }
                for name, number in found.items()
            ]
    return _frame(rows)


def _columns(name: str, number: Number, form: str) -> dict[str, str]:
    return {
        name: _text(number.value, form),
        f"{name}_low": _text(number.low, form),
        f"{name}_high": _text(number.high, form),
    }


def _text(value: float, form: str) -> str:
    return "" if value != value else f"{value:{form}}"


def _frame(rows: Sequence[Mapping[str, object]]) -> "pd.DataFrame":
    import pandas as pd

    return pd.DataFrame(list(rows)).replace("nan", "")
