"""What a prediction covers: the block `predict:` of a model folder's model.yaml."""

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

from ..errors import ConditionError, ModelError, did_you_mean

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

    from ..simulation.model import Model


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

    @property
    def range(self) -> tuple[float, float]:
        """Doses of the steroid over which auc400 is taken, uM."""
        low, high = self.auc_range
        return float(low), float(high)


def read_settings(model: "Model") -> Settings:
    """The model's prediction settings; ModelError where they are missing or not usable."""
    needed = ("steroid", "steroid_doses", "partners", "partner_doses", "conditions")
    where, block = read_block(model, "predict", Settings, needed, "predict")
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
        dose_grid(f'{where}: "{key}"', grid)
    return settings


def read_block(
    model: "Model", name: str, kind: type[Any], needed: Sequence[str], user: str
) -> tuple[str, Mapping[str, Any]]:
    """A block of model.yaml, and what messages call it.

    Raises ModelError if it is missing, has a key that is no field of the dataclass `kind`, or lacks
    one that is needed; `user` is who needs the block.
    """
    model_name = model.definition.name
    block = model.definition.settings.get(name)
    if not isinstance(block, Mapping):
        raise ModelError(f'{model_name}: model.yaml has no block "{name}", which {user} needs.')
    where = f"{model_name}: model.yaml: {name}"
    known = [field.name for field in fields(kind)]
    for key in block:
        if key not in known:
            raise ModelError(
                f'{where} has the key "{key}", but only {", ".join(known)} are known.'
                f"{did_you_mean(key, known)}"
            )
    for key in needed:
        if key not in block:
            raise ModelError(f'{where} has no "{key}".')
    return where, block


def dose_grid(where: str, grid: Mapping[str, float]) -> "np.ndarray":
    """Dose 0 and log-spaced doses from {low, high, points}; errors begin with `where`."""
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
    labels = [condition_label(row) for row in rows]
    return pd.DataFrame(rows, index=pd.Index(labels, name="condition"))


def condition_label(row: Mapping[str, Any]) -> str:
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
