"""The prediction as a table with the range of each number over the ensemble, and its curves."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ..simulation.members import chosen_members
from .matrices import Reading, dose_matrices, reading, shown_doses
from .settings import Settings, conditions_table, dose_grid, read_settings
from .spread import MEMBERS, agreement, of_members, range_of, statement

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

    from ..simulation.model import Model

# Numbers that a row has with or without a partner, and those it has only with one.
ALWAYS = ("auc400", "ic50")
PAIRED = (
    "partner_dose",
    "partner_viability",
    "auc400",
    "auc400_ratio",
    "ic50",
    "combination_index",
)

# Numbers that are given with their range over the members.
RANGED = ("auc400", "auc400_ratio", "ic50", "combination_index")

# Number -> ends of its range, and their bounds, each (conditions, treatments).
Ranges = Mapping[str, Mapping[str, np.ndarray]]


def predict(
    model: "Model",
    settings: Settings | None = None,
    cells: Sequence[str] = (),
    *,
    members: int | None = None,
    **options: Any,
) -> "tuple[pd.DataFrame, xr.Dataset]":
    """Steroid response of every condition, alone and with each partner drug.

    Parameters
    ----------
    settings
        None: those of the model's folder.
    cells
        Cells to keep; none: all.
    members
        Members of the model's ensemble to ask, spread evenly over it; 0: none. Default: `MEMBERS`,
        or all of a smaller ensemble; none where there is no ensemble.
    options
        Handed to `model.simulate`: tolerances, workers, progress.

    Returns
    -------
    table
        One row per condition and treatment: `auc400` and `ic50` (uM, with `ic50_bound`) of the
        steroid, with a partner relative to the partner's own effect at `partner_dose`, the lowest
        dose that does most while leaving `partner_viability_at_least` (the highest such dose where
        none does anything); `auc400_ratio`, with over
        without partner; `resensitising_dose`, the lowest that lowers auc400 enough; the
        `combination_index` of the dose matrix with its bound; and the `call`. Where members were
        asked, `<number>_low` and `<number>_high` are the 5-95 % range over them at the same
        doses, `call_share` the share of members that make the same call, `resistant_share` the
        share that call the condition resistant, and `resensitises_share` and `synergy_share` the
        share that agree on these. `uncertainty` says the first in words.
    curves
        `viability` over (condition, treatment, steroid dose) behind the table, with
        `viability_low` and `viability_high`; attrs as from `model.simulate`, and `uncertainty`.

    Raises
    ------
    ModelError
        The model states no usable prediction settings.
    ConditionError
        An unknown cell, or a number of members that is none or above what there are.
    """
    import pandas as pd

    settings = settings or read_settings(model)
    table = conditions_table(settings.conditions, cells)
    names = chosen_members(model, members, MEMBERS)
    matrices, provenance = dose_matrices(model, table, settings, **options)
    shown = shown_doses(matrices, settings)

    def of(member: "Model") -> Reading:
        quiet = options | {"progress": False}
        return reading(dose_matrices(member, table, settings, **quiet)[0], shown, settings)

    found = reading(matrices, shown, settings)
    others = list(of_members(model, names, of, options.get("progress")))
    ranges = {name: _range(name, others) for name in RANGED} if others else {}
    shares = _shares(found, others, settings) if others else {}
    uncertainty = statement(model, names)
    rows = [
        _row(table, i, k, settings)
        | _numbers(found, i, k, ranges)
        | (_partner_says(found, i, k, settings, shares) if k else {})
        | {"call": str(found.calls[i])}
        | _certainty(i, shares, len(others), uncertainty)
        for i in range(len(table))
        for k in range(len(settings.partners) + 1)
    ]
    curves = _curves(table, settings, found, others)
    return pd.DataFrame(rows), curves.assign_attrs(provenance | {"uncertainty": uncertainty})


def _range(name: str, readings: Sequence[Reading]) -> dict[str, np.ndarray]:
    """Ends of a number's range by column ending: `low`, `high` and, where it has them, bounds."""
    found = range_of(np.stack([r.numbers[name] for r in readings]))
    ends = {"low": found.low, "high": found.high}
    if name in readings[0].bounds:
        bounds = np.stack([r.bounds[name] for r in readings])
        for end, member in (("low", found.low_member), ("high", found.high_member)):
            ends[f"{end}_bound"] = np.take_along_axis(bounds, member[None], axis=0)[0]
    return ends


def _shares(
    found: Reading, readings: Sequence[Reading], settings: Settings
) -> dict[str, np.ndarray]:
    """Shares of members by column: (conditions,) of calls, (conditions, treatments) of the rest."""
    calls = np.stack([r.calls for r in readings])
    resistant = np.char.startswith(calls, "resistant")
    helps = np.stack([r.resensitises for r in readings])
    synergy = np.stack([_synergy(r, settings) for r in readings])
    return {
        "call_share": agreement(found.calls, calls),
        "resistant_share": resistant.mean(axis=0),
        "resensitises_share": agreement(found.resensitises, helps),
        "synergy_share": agreement(_synergy(found, settings), synergy),
    }


def _synergy(found: Reading, settings: Settings) -> np.ndarray:
    below: np.ndarray = found.numbers["combination_index"] < settings.synergy_below
    return below


def _row(table: "pd.DataFrame", i: int, k: int, settings: Settings) -> dict[str, Any]:
    """What a row is about: condition i, treatment k."""
    factors = {key: None if value != value else value for key, value in table.iloc[i].items()}
    about = {"condition": table.index[i], **factors, "treatment": _treatments(settings)[k]}
    if not k:
        return about | {"partner": "none"}
    partner, drug = list(settings.partners.items())[k - 1]
    return about | {"partner": partner, "partner_drug": drug}


def _treatments(settings: Settings) -> list[str]:
    steroid = settings.steroid
    return [steroid, *(f"{steroid} + {drug}" for drug in settings.partners.values())]


def _numbers(found: Reading, i: int, k: int, ranges: Ranges) -> dict[str, Any]:
    row: dict[str, Any] = {}
    for name in PAIRED if k else ALWAYS:
        row[name] = float(found.numbers[name][i, k])
        if name in found.bounds:
            row[f"{name}_bound"] = str(found.bounds[name][i, k])
        for end, values in ranges.get(name, {}).items():
            row[f"{name}_{end}"] = values[i, k].item()
    return row


def _partner_says(
    found: Reading, i: int, k: int, settings: Settings, shares: Mapping[str, np.ndarray]
) -> dict[str, Any]:
    row: dict[str, Any] = {
        "synergy": bool(_synergy(found, settings)[i, k]),
        "resensitises": bool(found.resensitises[i, k]),
        "resensitising_dose": float(found.numbers["resensitising_dose"][i, k]),
    }
    for name in ("synergy_share", "resensitises_share"):
        if name in shares:
            row[name] = float(shares[name][i, k])
    return row


def _certainty(
    i: int, shares: Mapping[str, np.ndarray], members: int, uncertainty: str
) -> dict[str, Any]:
    if not shares:
        return {"uncertainty": uncertainty}
    share = float(shares["call_share"][i])
    return {
        "call_share": share,
        "resistant_share": float(shares["resistant_share"][i]),
        "uncertainty": f"{100 * share:.0f} % of {members} members",
    }


def _curves(
    table: "pd.DataFrame", settings: Settings, found: Reading, readings: Sequence[Reading]
) -> "xr.Dataset":
    """Viability at the shown doses and, where members were asked, its range."""
    import xarray as xr

    dims = ("condition", "treatment", settings.steroid)
    variables = {"viability": (dims, found.viability)}
    if readings:
        ends = range_of(np.stack([r.viability for r in readings]))
        variables |= {"viability_low": (dims, ends.low), "viability_high": (dims, ends.high)}
    doses = dose_grid("steroid_doses", settings.steroid_doses)
    coords = {
        "condition": list(table.index),
        "treatment": _treatments(settings),
        settings.steroid: (settings.steroid, doses, {"units": "uM"}),
    }
    return xr.Dataset(variables, coords=coords)
