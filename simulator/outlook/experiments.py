"""The simulated experiments of the report, on one model."""

import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ..predict import Settings, conditions_table
from ..predict.matrices import ACCURACY
from ..predict.settings import dose_grid
from .settings import OutlookSettings

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

    from ..simulation.model import Model

VIABILITY = "viability"


class Perturbation(NamedTuple):
    """A knock-out of a gene, or a drug."""

    kind: str
    name: str

    def __str__(self) -> str:
        return f"{self.name} knock-out" if self.kind == "knockout" else self.name


@dataclass(frozen=True, eq=False)
class Plan:
    """What is asked of every model, the same doses of all.

    cells : the conditions by label.  drugs : all with a concentration, the steroid first.
    doses : uM, (conditions, drugs), NaN where no dose spares the cells.
    perturbations : knock-outs, then drugs without the steroid.
    pairs : of places in `drugs`, with different targets.
    """

    base: Settings
    settings: OutlookSettings
    cells: "pd.DataFrame"
    drugs: Sequence[str]
    doses: np.ndarray
    perturbations: Sequence[Perturbation]
    pairs: Sequence[tuple[int, int]]

    @property
    def labels(self) -> list[str]:
        """Names of the conditions."""
        return [str(label) for label in self.cells.index]

    @cached_property
    def partner(self) -> Perturbation:
        """The drug of the second background."""
        return Perturbation("drug", self.settings.added_to)

    @cached_property
    def changes(self) -> list[Perturbation | None]:
        """Nothing, then the perturbations."""
        return [None, *self.perturbations]

    def dose(self, i: int, drug: str) -> float:
        """Dose of a drug in condition i, uM."""
        return float(self.doses[i, list(self.drugs).index(drug)])

    def treatment(self, i: int, change: Perturbation | None) -> dict[str, Any]:
        """A perturbation as columns of a conditions table; a drug without a dose is left out."""
        if change is None:
            return {}
        if change.kind == "knockout":
            return {"knockout": change.name}
        dose = self.dose(i, change.name)
        return {change.name: dose} if np.isfinite(dose) else {}

    @cached_property
    def response_table(self) -> "pd.DataFrame":
        """Conditions x backgrounds x (nothing and perturbations); crossed with the steroid."""
        return _table(
            factors | self.treatment(i, beside) | self.treatment(i, change)
            for i, factors in enumerate(_factors(self.cells))
            for beside in (None, self.partner)
            for change in self.changes
        )

    @cached_property
    def given(self) -> np.ndarray:
        """Where a row of `response_table` is what it says: (conditions, 2, 1 + perturbations).

        Every drug in it has a dose and is there once.
        """
        count = len(self.cells)
        has = [
            [c is None or bool(self.treatment(i, c)) for c in self.changes] for i in range(count)
        ]
        alone = np.array(has)
        other = np.array([change != self.partner for change in self.changes])
        added = np.isfinite([self.dose(i, self.partner.name) for i in range(count)])
        return np.stack([alone, alone & other & added[:, None]], axis=1)

    @cached_property
    def pair_table(self) -> "tuple[pd.DataFrame, tuple[np.ndarray, ...]]":
        """Single drugs and pairs, and their places in (conditions, drugs then pairs)."""
        together = [(a,) for a in range(len(self.drugs))] + list(self.pairs)
        rows, places = [], []
        for i, factors in enumerate(_factors(self.cells)):
            for k, drugs in enumerate(together):
                doses = {self.drugs[a]: float(self.doses[i, a]) for a in drugs}
                if np.isfinite(list(doses.values())).all():
                    rows.append(factors | doses)
                    places.append((i, k))
        return _table(rows), tuple(np.transpose(places))

    @cached_property
    def readout_table(self) -> "pd.DataFrame":
        """Conditions x (nothing and the two compared drugs)."""
        changes = [None, *(Perturbation("drug", drug) for drug in self.settings.compared)]
        return _table(
            factors | self.treatment(i, change)
            for i, factors in enumerate(_factors(self.cells))
            for change in changes
        )


@dataclass(frozen=True, slots=True, eq=False)
class Reading:
    """What one model says. Two backgrounds: none, and the partner of the plan.

    area : auc400 of the steroid, (conditions, backgrounds, 1 + perturbations), nothing first.
    left : live cells without steroid over those of the same cell without any perturbation or
        partner, same shape.
    single : viability with each drug alone, (conditions, drugs).
    pair : viability with each pair, (conditions, pairs).
    fold : readouts with each compared drug over without, (conditions, 2, readouts).
    """

    area: np.ndarray
    left: np.ndarray
    single: np.ndarray
    pair: np.ndarray
    fold: np.ndarray

    def ratio(self) -> np.ndarray:
        """auc400 over that without perturbation, (conditions, backgrounds, 1 + perturbations)."""
        ratio: np.ndarray = self.area / self.area[:, :, :1]
        return ratio

    def excess(self, pairs: Sequence[tuple[int, int]]) -> np.ndarray:
        """Bliss excess of the pairs, (conditions, pairs).

        Effect beyond that of independent drugs (Bliss 1939, Ann Appl Biol 26:585-615), which in
        viabilities V is V_a V_b - V_ab.
        """
        a, b = np.array(pairs, int).reshape(-1, 2).T
        excess: np.ndarray = self.single[:, a] * self.single[:, b] - self.pair
        return excess


def make_plan(model: "Model", base: Settings, settings: OutlookSettings, **options: Any) -> Plan:
    """The plan, with doses that the cells of this model tolerate."""
    drugs = [base.steroid, *(d for d in settings.concentrations if d != base.steroid)]
    cells = conditions_table(settings.conditions)
    targets = [targets_of(model, drug) for drug in drugs]
    pairs = [
        (a, b)
        for a, b in itertools.combinations(range(len(drugs)), 2)
        if not targets[a] & targets[b]
    ]
    changes = [Perturbation("knockout", gene) for gene in model.definition.genes]
    changes += [Perturbation("drug", drug) for drug in drugs[1:]]
    doses = _tolerated(model, base, settings, cells, drugs, options)
    return Plan(base, settings, cells, drugs, doses, changes, pairs)


def targets_of(model: "Model", drug: str) -> frozenset[str]:
    """What a drug acts on, as drugs.tsv says; the drug's own name where it says nothing."""
    names = model.definition.drugs[drug].target.split(",")
    return frozenset(filter(None, map(str.strip, names))) or frozenset([drug])


def _tolerated(
    model: "Model",
    base: Settings,
    settings: OutlookSettings,
    cells: "pd.DataFrame",
    drugs: Sequence[str],
    options: Mapping[str, Any],
) -> np.ndarray:
    """Highest dose of each drug that alone leaves enough cells: (conditions, drugs), or NaN."""
    steps = sorted(settings.dose_steps, reverse=True)
    tried = np.outer([settings.concentrations[drug] for drug in drugs], steps)
    table = _table(
        factors | {drug: float(dose)}
        for factors in _factors(cells)
        for drug, doses in zip(drugs, tried, strict=True)
        for dose in doses
    )
    found = _simulate(model, table, base.hours, [VIABILITY], options)
    left = _ends(found, VIABILITY).reshape(len(cells), *tried.shape)
    spared = left >= base.partner_viability_at_least
    chosen = np.take_along_axis(tried[None], spared.argmax(axis=-1)[..., None], axis=-1)[..., 0]
    doses: np.ndarray = np.where(spared.any(axis=-1), chosen, np.nan)
    return doses


def read_model(model: "Model", plan: Plan, **options: Any) -> Reading:
    """Everything the report needs of one model."""
    area, left = _steroid_responses(model, plan, options)
    table, places = plan.pair_table
    viability = np.full((len(plan.cells), len(plan.drugs) + len(plan.pairs)), np.nan)
    found = _simulate(model, table, plan.base.hours, [VIABILITY], options)
    viability[places] = _ends(found, VIABILITY)
    single, pair = np.split(viability, [len(plan.drugs)], axis=1)
    return Reading(area, left, single, pair, _folds(model, plan, options))


def _steroid_responses(
    model: "Model", plan: Plan, options: Mapping[str, Any]
) -> tuple[np.ndarray, np.ndarray]:
    """`area` and `left` of a Reading."""
    from ..response import auc400

    base, settings = plan.base, plan.settings
    doses = {base.steroid: dose_grid("steroid_doses", settings.steroid_doses)}
    outputs = [VIABILITY, settings.growth]
    found = _simulate(model, plan.response_table, base.hours, outputs, {**options, **doses})
    shape = plan.given.shape
    area = auc400(found[VIABILITY].isel(time=-1), base.steroid, base.range).values.reshape(shape)
    alive = _ends(found, settings.growth)[:, 0].reshape(shape)
    left = np.where(plan.given, alive / alive[:, :1, :1], np.nan)
    return np.where(left >= settings.fewest_left, area, np.nan), left


def _folds(model: "Model", plan: Plan, options: Mapping[str, Any]) -> np.ndarray:
    """`fold` of a Reading."""
    settings = plan.settings
    found = _simulate(model, plan.readout_table, settings.readout_hours, settings.readouts, options)
    values = np.stack([_ends(found, name) for name in settings.readouts], axis=-1)
    values = values.reshape(len(plan.cells), 3, len(settings.readouts))
    given = [[plan.dose(i, d) > 0 for d in settings.compared] for i in range(len(values))]
    with np.errstate(divide="ignore", invalid="ignore"):
        folds = values[:, 1:] / values[:, :1]
    return np.where(np.array(given)[..., None], folds, np.nan)


def _simulate(
    model: "Model",
    table: "pd.DataFrame",
    time: float,
    outputs: Sequence[str],
    options: Mapping[str, Any],
) -> "xr.Dataset":
    return model.simulate(
        conditions=table, time=[time], outputs=list(outputs), **(ACCURACY | dict(options))
    )


def _ends(found: "xr.Dataset", output: str) -> np.ndarray:
    values: np.ndarray = found[output].isel(time=-1).values
    return values


def _factors(cells: "pd.DataFrame") -> list[dict[str, Any]]:
    """The factors of each condition that have a level."""
    return [
        {str(k): v for k, v in row.items() if v is not None and v == v}
        for row in cells.to_dict(orient="records")
    ]


def _table(rows: Iterable[Mapping[str, Any]]) -> "pd.DataFrame":
    import pandas as pd

    return pd.DataFrame(list(rows))
