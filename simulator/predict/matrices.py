"""Dose matrices of steroid and partners for one model, and what is read off them."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from .settings import Settings, dose_grid

if TYPE_CHECKING:
    import pandas as pd

    from ..simulation.model import Model

# A dose-response is read to a percent. With these tolerances auc400 and the combination index of
# the bundled model are within 0.02 %, and ic50 within 0.2 %, of those at rtol 1e-6.
ACCURACY: dict[str, Any] = {"rtol": 1e-3, "atol": 1e-6}

# Among doses of a partner that do the same within this difference of auc400_ratio, the lowest is
# shown.
SAME_RATIO = 0.02

# A partner that lowers auc400 by less than this fraction at every dose does nothing.
NO_CHANGE = 0.02


@dataclass(frozen=True, slots=True, eq=False)
class Matrix:
    """Steroid with one partner in all conditions.

    viability : (conditions, steroid doses, partner doses), both dose axes from 0; doses : the
    partner's, uM.  area, half, half_bound : auc400 and ic50 of the steroid at each dose of the
    partner, relative to the partner's own effect, (conditions, partner doses).  index,
    index_bound : combination index, (conditions,).
    """

    viability: np.ndarray
    doses: np.ndarray
    area: np.ndarray
    half: np.ndarray
    half_bound: np.ndarray
    index: np.ndarray
    index_bound: np.ndarray

    @property
    def background(self) -> np.ndarray:
        """Viability without steroid, (conditions, partner doses)."""
        return self.viability[:, 0]

    @property
    def ratio(self) -> np.ndarray:
        """auc400 with over without partner, (conditions, partner doses)."""
        ratio: np.ndarray = self.area / self.area[:, :1]
        return ratio

    def allowed(self, settings: Settings) -> np.ndarray:
        """Doses of the partner that spare the cells, (conditions, partner doses)."""
        alive = self.background >= settings.partner_viability_at_least
        spared: np.ndarray = (self.doses > 0) & alive & np.isfinite(self.ratio)
        return spared


@dataclass(frozen=True, slots=True, eq=False)
class Reading:
    """What one model says of each condition and treatment, the steroid alone first.

    numbers : name -> (conditions, treatments), NaN where a number has no meaning.
    bounds : `=`, `<` or `>` of some of them, same shape.
    resensitises : (conditions, treatments).
    calls : (conditions,).
    viability : (conditions, treatments, steroid doses).
    """

    numbers: Mapping[str, np.ndarray]
    bounds: Mapping[str, np.ndarray]
    resensitises: np.ndarray
    calls: np.ndarray
    viability: np.ndarray


def dose_matrices(
    model: "Model", table: "pd.DataFrame", settings: Settings, **options: Any
) -> tuple[list[Matrix], dict[str, Any]]:
    """A matrix per partner, and the provenance of the runs. table : a condition per row."""
    from ..response import auc400, combination_index, ic50

    steroid = settings.steroid
    steroid_doses = dose_grid("steroid_doses", settings.steroid_doses)
    partner_doses = dose_grid("partner_doses", settings.partner_doses)
    made, provenance = [], {}
    for drug in settings.partners.values():
        doses: dict[str, Any] = {steroid: steroid_doses, drug: partner_doses}
        found = model.simulate(
            conditions=table,
            time=[settings.hours],
            outputs=["viability"],
            **doses,
            **(ACCURACY | options),
        )
        provenance = dict(found.attrs)
        viability = found["viability"].isel(time=-1)
        background = viability.sel({steroid: 0.0}, drop=True)
        half = ic50(viability / background.where(background > 0), steroid)
        index = combination_index(viability, steroid, drug)
        made.append(
            Matrix(
                viability=viability.values,
                doses=partner_doses,
                area=auc400(viability, steroid, settings.range).values,
                half=half.values,
                half_bound=half.bound.values,
                index=index.values,
                index_bound=index.bound.values,
            )
        )
    return made, provenance


def shown_doses(matrices: Sequence[Matrix], settings: Settings) -> np.ndarray:
    """Which dose of each partner to show, as places on its axis: (conditions, partners)."""
    shown = [
        [
            _shown_dose(ratio, allowed)
            for ratio, allowed in zip(m.ratio, m.allowed(settings), strict=True)
        ]
        for m in matrices
    ]
    return np.array(shown, int).T


def _shown_dose(ratio: np.ndarray, allowed: np.ndarray) -> int:
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


def reading(matrices: Sequence[Matrix], shown: np.ndarray, settings: Settings) -> Reading:
    """Numbers at the shown doses, and calls from all doses. shown : (conditions, partners)."""
    alone, rows = matrices[0], np.arange(len(shown))

    def at_shown(values: Sequence[np.ndarray]) -> np.ndarray:
        """Values over (conditions, partner doses), a partner each -> (conditions, treatments)."""
        paired = [each[rows, shown[:, k]] for k, each in enumerate(values)]
        return np.stack([values[0][:, 0], *paired], axis=1)

    enough = [m.allowed(settings) & (m.ratio <= settings.resensitised_below) for m in matrices]
    helps = np.stack([np.zeros(len(rows), bool), *(e.any(axis=1) for e in enough)], axis=1)
    lowest = [
        np.where(e.any(axis=1), m.doses[e.argmax(axis=1)], np.nan)
        for e, m in zip(enough, matrices, strict=True)
    ]
    missing = np.full(len(rows), np.nan)
    unbounded = np.full(len(rows), "=")
    numbers = {
        "partner_dose": at_shown([np.tile(m.doses, (len(rows), 1)) for m in matrices]),
        "partner_viability": at_shown([m.background for m in matrices]),
        "auc400": at_shown([m.area for m in matrices]),
        "auc400_ratio": at_shown([m.ratio for m in matrices]),
        "ic50": at_shown([m.half for m in matrices]),
        "combination_index": np.stack([missing, *(m.index for m in matrices)], axis=1),
        "resensitising_dose": np.stack([missing, *lowest], axis=1),
    }
    curves = [m.viability[rows, :, shown[:, k]] for k, m in enumerate(matrices)]
    return Reading(
        numbers=numbers,
        bounds={
            "ic50": at_shown([m.half_bound for m in matrices]),
            "combination_index": np.stack([unbounded, *(m.index_bound for m in matrices)], axis=1),
        },
        resensitises=helps,
        calls=np.array(
            [_call(*row, settings) for row in zip(alone.area[:, 0], helps, strict=True)]
        ),
        viability=np.stack([alone.viability[:, :, 0], *curves], axis=1),
    )


def _call(area: float, helps: np.ndarray, settings: Settings) -> str:
    """`sensitive`, `resistant`, or `resistant, re-sensitised by X`. helps : (treatments,)."""
    if math.isnan(area):
        return "not determined"
    if area <= settings.resistant_above:
        return "sensitive"
    drugs = [drug for drug, does in zip(settings.partners.values(), helps[1:], strict=True) if does]
    return f"resistant, re-sensitised by {' and '.join(drugs)}" if drugs else "resistant"
