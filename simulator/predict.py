"""The main job: which cells are steroid resistant, and what would re-sensitise them.

Everything that this needs to know of a model - cells, drugs, doses, thresholds - is the block
`predict:` of the model folder's model.yaml.
"""

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

from .errors import ConditionError, ModelError, did_you_mean

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    import xarray as xr

    from .simulation.model import Model

#: What the column `uncertainty` says until an ensemble of parameter sets has been calibrated.
NOT_CALIBRATED = "not calibrated"

# A dose-response is read to a percent: tolerances between steps that are far inside that.
ACCURACY: dict[str, Any] = {"rtol": 1e-4, "atol": 1e-7}

# Among doses of a partner that do the same within this difference of auc400_ratio, the lowest is
# shown.
SAME_RATIO = 0.02

# A partner that lowers auc400 by less than this fraction at every dose does nothing.
NO_CHANGE = 0.02


@dataclass(frozen=True, slots=True)
class Settings:
    """The block `predict:` of model.yaml. Doses in uM, times in h, il7 in ng/ml.

    `partners` maps a label to a drug; `conditions` are mappings of factors to a value or a list of
    values, which are crossed; `figure` names the conditions whose curves are drawn.
    """

    steroid: str
    steroid_doses: Mapping[str, float]
    partners: Mapping[str, str]
    partner_doses: Mapping[str, float]
    conditions: Sequence[Mapping[str, Any]]
    auc_range: Sequence[float] = (0.00316, 31.6)
    hours: float = 96.0
    resistant_above: float = 200.0
    resensitised_below: float = 0.8
    partner_viability_at_least: float = 0.5
    synergy_below: float = 0.8
    figure: Sequence[str] = ()


def read_settings(model: "Model") -> Settings:
    """The model's prediction settings; ModelError where they are missing or not usable."""
    name = model.definition.name
    block = model.definition.settings.get("predict")
    if not isinstance(block, Mapping):
        raise ModelError(f'{name}: model.yaml has no block "predict", which predict needs.')
    where = f"{name}: model.yaml: predict"
    known = [field.name for field in fields(Settings)]
    for key in block:
        if key not in known:
            raise ModelError(
                f'{where} has the key "{key}", but only {", ".join(known)} are known.'
                f"{did_you_mean(key, known)}"
            )
    for key in ("steroid", "steroid_doses", "partners", "partner_doses", "conditions"):
        if key not in block:
            raise ModelError(f'{where} has no "{key}".')
    settings = Settings(**block)
    for drug in (settings.steroid, *settings.partners.values()):
        if drug not in model.definition.drugs:
            raise ModelError(
                f'{where} names the drug "{drug}", which is not in drugs.tsv.'
                f"{did_you_mean(drug, model.definition.drugs)}"
            )
    for key, grid in (
        ("steroid_doses", settings.steroid_doses),
        ("partner_doses", settings.partner_doses),
    ):
        _grid(f'{where}: "{key}"', grid)
    return settings


def _grid(where: str, grid: Mapping[str, float]) -> "np.ndarray":
    """Dose 0 and log-spaced doses from {low, high, points}."""
    import numpy as np

    try:
        low, high, points = float(grid["low"]), float(grid["high"]), int(grid["points"])
    except (KeyError, TypeError, ValueError):
        low = high = math.nan
        points = 0
    if not (0 < low < high < math.inf and points >= 2):
        raise ModelError(
            f"{where} must be like {{low: 0.00316, high: 31.6, points: 17}}, found {grid!r}."
        )
    doses: np.ndarray = np.r_[0.0, np.geomspace(low, high, points)]
    return doses


def conditions_table(
    entries: Sequence[Mapping[str, Any]], cells: Sequence[str] = ()
) -> "pd.DataFrame":
    """One row per condition, lists crossed; the index `condition` is a label for people.

    `cells` keeps only conditions in these cells. Raises ConditionError if none is left.
    """
    import pandas as pd

    rows = []
    for entry in entries:
        levels = [v if isinstance(v, list) else [v] for v in entry.values()]
        rows += [dict(zip(entry, row, strict=True)) for row in itertools.product(*levels)]
    known = list(dict.fromkeys(str(row.get("cell", "")) for row in rows))
    for cell in cells:
        if cell not in known:
            raise ConditionError(
                f'cell "{cell}" is none that predict covers ({", ".join(known)}).'
                f"{did_you_mean(cell, known)}"
            )
    rows = [row for row in rows if not cells or str(row.get("cell")) in cells]
    labels = [_label(row) for row in rows]
    return pd.DataFrame(rows, index=pd.Index(labels, name="condition"))


def _label(row: Mapping[str, Any]) -> str:
    """`SUPT1 JAK1_T901A`, `PDX_Z1808 + IL7`, `PDX_Z1808`."""
    words = [str(row.get("cell", ""))]
    for factor, value in row.items():
        if factor == "cell" or value in (None, "none", 0):
            continue
        if factor == "il7":
            words.append("+ IL7")
        elif factor in ("alteration", "knockout"):
            words.append(str(value) if factor == "alteration" else f"without {value}")
        else:
            words.append(f"{factor} {value}")
    return " ".join(words).strip()


def predict(
    model: "Model",
    settings: Settings | None = None,
    cells: Sequence[str] = (),
    **options: Any,
) -> "tuple[pd.DataFrame, xr.Dataset]":
    """Steroid response of every condition, alone and with each partner drug.

    Parameters
    ----------
    settings
        None: those of the model's folder.
    cells
        Cells to keep; none: all.
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
        `combination_index` of the dose matrix with its bound; and the `call`.
    curves
        `viability` over (condition, treatment, steroid dose) behind the table; attrs as from
        `model.simulate`.

    Raises
    ------
    ModelError
        The model states no usable prediction settings.
    ConditionError
        An unknown cell.
    """
    import pandas as pd
    import xarray as xr

    settings = settings or read_settings(model)
    table = conditions_table(settings.conditions, cells)
    steroid_doses = _grid("steroid_doses", settings.steroid_doses)
    partner_doses = _grid("partner_doses", settings.partner_doses)
    rows: list[dict[str, Any]] = []
    curves: list[xr.DataArray] = []
    provenance: dict[str, Any] = {}
    treatments = [settings.steroid]
    for partner, drug in settings.partners.items():
        doses: dict[str, Any] = {settings.steroid: steroid_doses, drug: partner_doses}
        found = model.simulate(
            conditions=table,
            time=[settings.hours],
            outputs=["viability"],
            **doses,
            **(ACCURACY | options),
        )
        provenance = dict(found.attrs)
        viability = found["viability"].isel(time=-1)
        if not curves:
            rows += _alone(viability.sel({drug: 0.0}), table, settings)
            curves.append(viability.sel({drug: 0.0}, drop=True))
        with_partner, curve = _with_partner(viability, partner, drug, table, settings)
        rows += with_partner
        curves.append(curve)
        treatments.append(f"{settings.steroid} + {drug}")
    joined = xr.concat(
        [curve.reset_coords(drop=True) for curve in curves],
        dim=pd.Index(treatments, name="treatment"),
    )
    joined = joined.transpose("condition", "treatment", settings.steroid)
    joined[settings.steroid].attrs["units"] = "uM"
    result = pd.DataFrame(rows)
    result["call"] = result["condition"].map(_calls(result, settings))
    result["uncertainty"] = NOT_CALIBRATED
    order = {label: i for i, label in enumerate(table.index)}
    result = result.sort_values("condition", key=lambda c: c.map(order), kind="stable")
    dataset = joined.to_dataset(name="viability").assign_attrs(provenance)
    return result.reset_index(drop=True), dataset


def _row(table: "pd.DataFrame", label: str, treatment: str) -> dict[str, Any]:
    """The columns that say what a row of the prediction is about."""
    factors = {key: None if value != value else value for key, value in table.loc[label].items()}
    return {"condition": label, **factors, "treatment": treatment}


def _alone(
    viability: "xr.DataArray", table: "pd.DataFrame", settings: Settings
) -> list[dict[str, Any]]:
    """Rows of the steroid alone. viability : (condition, steroid)."""
    from .response import auc400, ic50

    area = auc400(viability, settings.steroid, _range(settings))
    half = ic50(viability, settings.steroid)
    return [
        _row(table, label, settings.steroid)
        | {
            "partner": "none",
            "auc400": float(area[i]),
            "ic50": float(half[i]),
            "ic50_bound": str(half.bound.values[i]),
        }
        for i, label in enumerate(table.index)
    ]


def _shown_dose(ratio: "np.ndarray", allowed: "np.ndarray") -> int:
    """Index of the partner's dose to show. ratio, allowed : (doses,), the first dose 0.

    The lowest dose that does as much as any; where no dose does anything, the highest one, which
    says most. Without a dose that spares the cells, the lowest, and nothing is claimed.
    """
    places = allowed.nonzero()[0]
    if not places.size:
        return 1
    least = ratio[places].min()
    if least > 1 - NO_CHANGE:
        return int(places[-1])
    return int(places[ratio[places] <= least + SAME_RATIO][0])


def _with_partner(
    viability: "xr.DataArray",
    partner: str,
    drug: str,
    table: "pd.DataFrame",
    settings: Settings,
) -> "tuple[list[dict[str, Any]], xr.DataArray]":
    """Rows of the steroid with one partner, and the curves at the partner's chosen dose.

    viability : (condition, steroid, partner), both dose axes from 0.
    """
    import numpy as np
    import xarray as xr

    from .response import auc400, combination_index, ic50

    steroid = settings.steroid
    background = viability.sel({steroid: 0.0}, drop=True)
    area = auc400(viability, steroid, _range(settings))
    half = ic50(viability / background.where(background > 0), steroid)
    index = combination_index(viability, steroid, drug)
    doses = viability[drug].values
    rows, curves = [], []
    for i, label in enumerate(table.index):
        ratio = (area[i] / area[i].sel({drug: 0.0})).values
        alive = background[i].values >= settings.partner_viability_at_least
        allowed = (doses > 0) & alive & np.isfinite(ratio)
        best = _shown_dose(ratio, allowed)
        enough = allowed & (ratio <= settings.resensitised_below)
        rows.append(
            _row(table, label, f"{steroid} + {drug}")
            | {
                "partner": partner,
                "partner_drug": drug,
                "partner_dose": float(doses[best]),
                "partner_viability": float(background[i, best]),
                "auc400": float(area[i, best]),
                "auc400_ratio": float(ratio[best]),
                "ic50": float(half[i, best]),
                "ic50_bound": str(half.bound.values[i, best]),
                "combination_index": float(index[i]),
                "combination_index_bound": str(index.bound.values[i]),
                "synergy": bool(index[i] < settings.synergy_below),
                "resensitises": bool(enough.any()),
                "resensitising_dose": float(doses[enough].min()) if enough.any() else np.nan,
            }
        )
        curves.append(viability[i].isel({drug: best}).reset_coords(drop=True))
    curve = xr.concat(curves, dim="condition").assign_coords(condition=list(table.index))
    return rows, curve


def _range(settings: Settings) -> tuple[float, float]:
    low, high = settings.auc_range
    return float(low), float(high)


def _calls(result: "pd.DataFrame", settings: Settings) -> dict[str, str]:
    """Condition -> `sensitive`, `resistant`, or `resistant, re-sensitised by X`."""
    calls = {}
    for label, rows in result.groupby("condition", sort=False):
        area = float(rows.loc[rows["partner"] == "none", "auc400"].iloc[0])
        if math.isnan(area):
            calls[str(label)] = "not determined"
        elif area <= settings.resistant_above:
            calls[str(label)] = "sensitive"
        else:
            helping = rows.loc[rows["resensitises"].eq(True), "partner_drug"]
            by = " and ".join(map(str, helping))
            calls[str(label)] = f"resistant, re-sensitised by {by}" if by else "resistant"
    return calls


def as_dict(model: "Model", table: "pd.DataFrame", curves: "xr.Dataset") -> dict[str, Any]:
    """Table and curves as plain types for JSON; a missing value is None."""
    viability = curves["viability"]
    steroid = str(viability.dims[-1])
    return {
        "model": model.definition.name,
        "provenance": {key: _plain(value) for key, value in curves.attrs.items()},
        "uncertainty": NOT_CALIBRATED,
        "table": [
            {key: _plain(value) for key, value in row.items()}
            for row in table.to_dict(orient="records")
        ],
        "curves": {
            "steroid": steroid,
            "doses": [float(dose) for dose in viability[steroid].values],
            "units": "uM",
            "treatments": [str(t) for t in viability["treatment"].values],
            "viability": {
                str(label): [
                    [_plain(v) for v in curve] for curve in viability.sel(condition=label).values
                ]
                for label in viability["condition"].values
            },
        },
    }


def _plain(value: Any) -> Any:
    """A value that JSON has: None for a missing one, Python numbers for numpy's."""
    value = value.item() if hasattr(value, "item") else value
    return None if isinstance(value, float) and not math.isfinite(value) else value
