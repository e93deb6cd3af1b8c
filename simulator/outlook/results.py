"""The model and its ensemble side by side: ranges, shares that agree, and what stands out."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from ..predict import MEMBERS
from ..predict.spread import Range, agreement, of_members, range_of, statement
from ..simulation.members import chosen_members
from .experiments import Perturbation, Plan, Reading, make_plan, read_model
from .known import Known
from .settings import read_outlook

if TYPE_CHECKING:
    from ..simulation.model import Model

# What a perturbation does to the steroid response.
SENSITISES, NOTHING, PROTECTS, NOT_RATED = -1, 0, 1, 9

# Perturbations whose auc400 differ by less than this do the same.
SAME_AREA = 1.0


@dataclass(frozen=True, slots=True)
class Number:
    """A number of the model and its 5-95 % range over the members, NaN without members."""

    value: float
    low: float = float("nan")
    high: float = float("nan")


@dataclass(frozen=True, slots=True)
class Item:
    """The strongest of some treatments of one condition.

    names : of all that do the same.  number : what they were ranked by.  share : of members that
    agree, NaN without members.
    """

    names: tuple[str, ...]
    number: Number
    share: float
    place: int


@dataclass(frozen=True, eq=False)
class Results:
    """What was asked and found.

    found : of the model itself.  members : of each member asked.  known : whether the findings name
    it, (conditions, 2, 1 + perturbations); known_pairs : (conditions, pairs).  uncertainty : how
    ranges were found, in words.
    """

    plan: Plan
    found: Reading
    members: Sequence[Reading]
    known: np.ndarray
    known_pairs: np.ndarray
    uncertainty: str
    model: str
    model_hash: str

    @cached_property
    def areas(self) -> Range | None:
        """Ranges of auc400."""
        return self._range([m.area for m in self.members])

    @cached_property
    def excess(self) -> np.ndarray:
        """Bliss excess, (conditions, pairs)."""
        return self.found.excess(self.plan.pairs)

    @cached_property
    def excesses(self) -> Range | None:
        """Ranges of the Bliss excess."""
        return self._range([m.excess(self.plan.pairs) for m in self.members])

    @cached_property
    def effects(self) -> np.ndarray:
        """SENSITISES, NOTHING, PROTECTS or NOT_RATED, (conditions, 2, 1 + perturbations)."""
        return self._effects(self.found)

    @cached_property
    def effect_share(self) -> np.ndarray:
        """Share of members with the same effect; NaN without members."""
        return self._share(self.effects, [self._effects(m) for m in self.members])

    @cached_property
    def synergy_share(self) -> np.ndarray:
        """Share of members that agree on the synergy of a pair; NaN without members."""
        above = self.plan.settings.synergy_above
        said = [m.excess(self.plan.pairs) >= above for m in self.members]
        return self._share(self.excess >= above, said)

    @cached_property
    def spared(self) -> np.ndarray:
        """Where a perturbation by itself leaves enough cells to be worth ranking.

        (conditions, 2, 1 + perturbations), over the same background without it.
        """
        left = self.found.left / self.found.left[:, :, :1]
        spared: np.ndarray = left >= self.plan.base.partner_viability_at_least
        return spared

    @cached_property
    def ranked(self) -> np.ndarray:
        """Which perturbations are ranked: rated, tolerable, and not among the findings."""
        ranked: np.ndarray = self.spared & ~self.known & (self.effects != NOT_RATED)
        ranked[:, :, 0] = False
        return ranked

    def area(self, i: int, b: int, p: int = 0) -> Number:
        """auc400 of the steroid in condition i, background b, with perturbation p (0: none)."""
        return _number(self.found.area, self.areas, (i, b, p))

    @cached_property
    def ratios(self) -> Range | None:
        """Ranges of auc400 with over without perturbation."""
        return self._range([m.ratio() for m in self.members])

    def ratio(self, i: int, b: int, p: int) -> Number:
        """auc400 with perturbation p over that without, in condition i and background b."""
        return _number(self.found.ratio(), self.ratios, (i, b, p))

    def strongest(self, i: int, b: int, kind: str, effect: int) -> Item | None:
        """The perturbations of a kind that sensitise, or protect, most; None if none does."""
        of_kind = np.array([False, *(p.kind == kind for p in self.plan.perturbations)])
        allowed = self.ranked[i, b] & of_kind & (self.effects[i, b] == effect)
        if not allowed.any():
            return None
        area = np.where(allowed, self.found.area[i, b], np.nan)
        best = int(np.nanargmin(area) if effect == SENSITISES else np.nanargmax(area))
        same = np.flatnonzero(np.abs(area - area[best]) < SAME_AREA)
        names = tuple(self.plan.perturbations[int(p) - 1].name for p in same)
        return Item(names, self.area(i, b, best), float(self.effect_share[i, b, best]), best)

    def best_pair(self, i: int, with_steroid: bool) -> Item | None:
        """The synergistic pair with the highest Bliss excess; None if none is synergistic."""
        fits = np.array([(0 in pair) == with_steroid for pair in self.plan.pairs])
        fits &= (self.excess[i] >= self.plan.settings.synergy_above) & ~self.known_pairs[i]
        if not fits.any():
            return None
        best = int(np.nanargmax(np.where(fits, self.excess[i], np.nan)))
        names = tuple(self.plan.drugs[a] for a in self.plan.pairs[best])
        return Item(names, self.pair_excess(i, best), float(self.synergy_share[i, best]), best)

    def pair_excess(self, i: int, k: int) -> Number:
        """Bliss excess of pair k in condition i."""
        return _number(self.excess, self.excesses, (i, k))

    @cached_property
    def works(self) -> np.ndarray:
        """Which compared drugs lower auc400 enough in each condition, (conditions, 2)."""
        return self._works(self.found)

    @cached_property
    def works_share(self) -> np.ndarray:
        """Share of members that say the same of both compared drugs, (conditions,)."""
        said = [(self._works(m) == self.works).all(axis=1) for m in self.members]
        return self._share(np.ones(len(self.works), bool), said)

    @cached_property
    def resistant(self) -> np.ndarray:
        """Which conditions are resistant to the steroid alone, (conditions,)."""
        above: np.ndarray = self.found.area[:, 0, 0] > self.plan.base.resistant_above
        return above

    def place(self, drug: str) -> int:
        """Where a drug stands on the axis of perturbations."""
        return 1 + list(self.plan.perturbations).index(Perturbation("drug", drug))

    def fold(self, i: int, drug: int, readout: int) -> Number:
        """A readout with a compared drug over without."""
        return _number(self.found.fold, self.folds, (i, drug, readout))

    @cached_property
    def folds(self) -> Range | None:
        """Ranges of the readouts' folds."""
        return self._range([m.fold for m in self.members])

    def uncertain(self, share: float) -> bool:
        """Whether too few members agree; never without members."""
        return share < self.plan.settings.agreement_at_least

    def _works(self, reading: Reading) -> np.ndarray:
        places = [self.place(drug) for drug in self.plan.settings.compared]
        works: np.ndarray = reading.ratio()[:, 0, places] <= self.plan.base.resensitised_below
        return works

    def _effects(self, reading: Reading) -> np.ndarray:
        below = self.plan.base.resensitised_below
        ratio = reading.ratio()
        effects = np.where(ratio <= below, SENSITISES, NOTHING)
        effects = np.where(ratio >= 1 / below, PROTECTS, effects)
        return np.where(np.isnan(ratio), NOT_RATED, effects)

    def _share(self, said: np.ndarray, by_members: Sequence[np.ndarray]) -> np.ndarray:
        if not by_members:
            return np.full(said.shape, np.nan)
        return agreement(said, np.stack(by_members))

    def _range(self, values: Sequence[np.ndarray]) -> Range | None:
        return range_of(np.stack(values)) if values else None


def _number(values: np.ndarray, ends: Range | None, place: tuple[int, ...]) -> Number:
    if ends is None:
        return Number(float(values[place]))
    return Number(float(values[place]), float(ends.low[place]), float(ends.high[place]))


def outlook(model: "Model", *, members: int | None = None, **options: Any) -> Results:
    """What knock-outs, third drugs and pairs of drugs would do: simulated, for the report.

    Parameters
    ----------
    members
        As of `predict`.
    options
        Handed to `model.simulate`: tolerances, workers, progress.

    Raises
    ------
    ModelError
        The model's blocks `predict` and `outlook` cannot be used, or its findings not read.
    ConditionError
        A number of members that is none or above what there are.
    """
    base, settings = read_outlook(model)
    names = chosen_members(model, members, MEMBERS)
    plan = make_plan(model, base, settings, **options)
    found = read_model(model, plan, **options)
    quiet = options | {"progress": False}
    others = list(
        of_members(
            model, names, lambda each: read_model(each, plan, **quiet), options.get("progress")
        )
    )
    known, known_pairs = _named(model, plan)
    return Results(
        plan=plan,
        found=found,
        members=others,
        known=known,
        known_pairs=known_pairs,
        uncertainty=statement(model, names),
        model=model.definition.name,
        model_hash=model.hash,
    )


def _named(model: "Model", plan: Plan) -> tuple[np.ndarray, np.ndarray]:
    """`known` and `known_pairs` of the results."""
    known, count = Known(model, plan), len(plan.cells)
    drugs = [None, *(Perturbation("drug", drug) for drug in plan.drugs[1:])]
    responses = [
        [
            [known.names(i, beside, change) for change in plan.changes]
            for beside in (None, plan.partner)
        ]
        for i in range(count)
    ]
    pairs = [[known.names(i, drugs[a], drugs[b]) for a, b in plan.pairs] for i in range(count)]
    return np.array(responses), np.array(pairs, bool).reshape(count, len(plan.pairs))
