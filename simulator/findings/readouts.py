"""How each readout is computed from simulated values.

`measure(leaf, readout, runs)` gives one value per cohort seed, or one value where no cohort is
involved. It is called twice: once while `runs` collects, once with results.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..response import AUC_RANGE
from ..response.area import curve_area
from ..response.combination import berenbaum_sums, mean_index
from ..response.single import dose_at_level
from .grammar import Leaf
from .runs import Condition, Runs, base_of, condition, treatment
from .vocabulary import Readout

# The steroid range of the parental line's own assay applies to these (the file's `protocols`
# gives the range); every other sweep uses the range of the patient-derived samples.
STEROID = "prednisolone"

# An IC50 that is not reached counts as this dose, uM. Sweeps start low enough for trametinib.
IC50_RANGE = (1e-4, 50.0)

SYNERGY_BELOW = 0.8
SENSITIVE_IC50 = 1.0

# A readout is non-increasing if no step up exceeds this share of its range.
STEP_UP = 1e-3

# Totals that differ by less are the same amount of protein.
SAME_TOTAL = 1e-6


@dataclass(frozen=True, slots=True)
class Protocols:
    """Assay settings of a findings file, in h, uM and ng/ml.

    `doses_per_decade` of a single agent; `matrix_doses` of each drug of a dose matrix, 0 apart.
    """

    hours: float = 96.0
    steroid_range: tuple[float, float] = (0.0228, 693.5)
    auc_range: tuple[float, float] = AUC_RANGE
    il7: float = 25.0
    doses_per_decade: int = 4
    matrix_doses: int = 9

    @property
    def matrix(self) -> np.ndarray:
        """Doses (matrix_doses + 1,) of each drug of a dose matrix, uM."""
        doses: np.ndarray = np.r_[0, np.geomspace(*AUC_RANGE, self.matrix_doses)]
        return doses

    def doses(self, low: float, high: float) -> np.ndarray:
        """0 and log-spaced doses from low to high."""
        count = int(np.ceil(self.doses_per_decade * np.log10(high / low))) + 1
        doses: np.ndarray = np.r_[0, np.geomspace(low, high, count)]
        return doses

    def range(
        self, base: Mapping[str, Any], drug: str, parental: str | None
    ) -> tuple[float, float]:
        """Dose range of an auc400 of `drug` in a cell."""
        own = drug == STEROID and base["cell"] == parental
        return self.steroid_range if own else self.auc_range


def measure(leaf: Leaf, readout: Readout, runs: Runs, protocols: Protocols) -> np.ndarray:
    """Value of a check's leaf per cohort seed, shape (seeds,), or (1,) without a cohort."""
    reader = Reader(leaf.where, readout, runs, protocols)
    if readout.kind == "fraction_auc400_ratio_above":
        over = leaf.over or {}
        return reader.per_seed(leaf.of, lambda seed: reader.risen(leaf.of, over, seed))
    value = reader.value(leaf.of)
    if leaf.over is None:
        return value
    reference = reader.value(leaf.over)
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio: np.ndarray = value / reference
    return ratio * reader.ratio_of_totals(leaf.of, leaf.over)


class Reader:
    """Computes one readout in different runs."""

    def __init__(self, where: str, readout: Readout, runs: Runs, protocols: Protocols) -> None:
        self.where = where
        self.readout = readout
        self.runs = runs
        self.protocols = protocols

    def value(self, run: Mapping[str, Any]) -> np.ndarray:
        """The readout in one run, per seed."""
        kind, parts = self.readout.kind, self.readout.parts
        if "cohort" in run:
            return self.per_seed(run, lambda seed: self.of_cohort(run, seed))
        found: Any
        if kind == "state":
            found = self.state(run)
        elif kind == "nonincreasing":
            found = self.nonincreasing(run)
        elif kind == "fold_change_ratio":
            first, second = (self.fold_change(run, cell) for cell in parts[1:])
            found = first / second
        elif kind == "il7_viability_gain":
            base = base_of({**run, "il7": 0}, self.where)
            found = self.il7_gain([base], run["il7"], run.get("at", self.protocols.hours))
        elif kind in ("auc400", "ic50"):
            base = base_of(run, self.where)
            single = self.auc400 if kind == "auc400" else self.ic50
            found = single([base], run["drug"], run.get("drugs", {}))
        else:
            found = self.matrix_value([base_of(run, self.where)], run["drugs"])
        return np.atleast_1d(found)

    def per_seed(self, run: Mapping[str, Any], statistic: Any) -> np.ndarray:
        """A statistic for every cohort seed; NaN for all if one draw was not possible."""
        values = np.array([float(statistic(seed)) for seed in self.runs.seeds])
        return values * np.nan if run["cohort"] in self.runs.undrawn else values

    # ---- states ------------------------------------------------------------------------------

    def state(self, run: Mapping[str, Any]) -> np.ndarray:
        """An observable, or one divided by another, at one time of one run."""
        at = float(run.get("at", self.protocols.hours))
        conditions = [condition(base_of(run, self.where), run.get("drugs", {}))]
        first, *per = (self.runs.read(conditions, o, at) for o in self.readout.observables)
        return first / per[0] if per else first

    def nonincreasing(self, run: Mapping[str, Any]) -> float:
        """1 if an observable never steps up along the doses of one drug, else 0."""
        swept = next(name for name, dose in run["drugs"].items() if isinstance(dose, list))
        base = base_of(run, self.where)
        conditions = [
            condition(base, {**run["drugs"], swept: dose}) for dose in sorted(run["drugs"][swept])
        ]
        values = self.runs.read(conditions, self.readout.observables[0], float(run["at"]))
        if np.isnan(values).any():
            return np.nan
        return float(np.all(np.diff(values) <= STEP_UP * np.ptp(values)))

    def fold_change(self, run: Mapping[str, Any], cell: str) -> float:
        """An observable with the drugs over without, in one cell."""
        base = base_of({**run, "cell": cell}, self.where)
        conditions = [condition(base, run["drugs"]), condition(base, {})]
        values = self.runs.read(conditions, self.readout.observables[0], float(run["at"]))
        return float(values[0] / values[1])

    def ratio_of_totals(self, of: Mapping[str, Any], over: Mapping[str, Any]) -> float:
        """Total of a protein over its total in the reference, where an alteration changes it.

        Fractions of an over-expressed protein are compared as amounts. 1 for everything else.
        """
        if self.readout.kind != "state" or of.get("alterations") == over.get("alterations"):
            return 1.0
        total = _total_of(self.readout.observables[0])
        if total not in {o.id for o in self.runs.model.definition.observables}:
            return 1.0
        conditions = [condition(base_of(r, self.where), r.get("drugs", {})) for r in (of, over)]
        at = float(of.get("at", self.protocols.hours))
        first, second = self.runs.read(conditions, total, at)
        return float(first / second) if abs(first / second - 1) > SAME_TOTAL else 1.0

    # ---- response measures: one number per base condition, shape (bases,) ----------------------

    def sweep(
        self, bases: Sequence[Mapping[str, Any]], drugs: Mapping[str, np.ndarray], background: Any
    ) -> np.ndarray:
        """End-point viability over the doses of one or two drugs, on fixed doses of others."""
        grids = np.meshgrid(*drugs.values(), indexing="ij")
        doses = np.stack([grid.ravel() for grid in grids], axis=1).tolist()
        points = [dict(zip(drugs, point, strict=True)) for point in doses]
        conditions: list[Condition] = [
            condition(base, {**background, **point}) for base in bases for point in points
        ]
        values = self.runs.read(conditions, "viability", self.protocols.hours)
        return values.reshape(len(bases), *grids[0].shape)

    def auc400(self, bases: Sequence[Any], drug: str, background: Any) -> np.ndarray:
        """auc400 of a drug; all bases are of one cell, or samples of one cohort."""
        low, high = self.protocols.range(bases[0], drug, self.runs.model.definition.default_cell)
        doses = self.protocols.doses(low, high)
        viability = self.sweep(bases, {drug: doses}, background)
        return curve_area(doses, viability, low, high)[0]

    def ic50(self, bases: Sequence[Any], drug: str, background: Any) -> np.ndarray:
        """IC50 of a drug, uM; not reached = the top dose."""
        doses = self.protocols.doses(*IC50_RANGE)
        viability = self.sweep(bases, {drug: doses}, background)
        return dose_at_level(doses, viability, 0.5)[0]

    def matrix_value(self, bases: Sequence[Any], drugs: Sequence[str]) -> np.ndarray:
        """Combination index, or a statistic of F_syn, of two drugs."""
        doses = self.protocols.matrix
        viability = self.sweep(bases, dict.fromkeys(drugs, doses), {})
        if self.readout.kind != "f_syn":
            return mean_index(doses, doses, viability)[0]
        statistic = getattr(np, self.readout.parts[0])
        sums = berenbaum_sums(doses, doses, viability)[0]
        counted = (values[np.isfinite(values)] for values in sums)
        return np.array([statistic(values) if values.size else np.nan for values in counted])

    def il7_gain(self, bases: Sequence[Any], il7: float, at: float) -> np.ndarray:
        """Live cells with IL7 over without, no drug."""
        without = [condition(base, {}) for base in bases]
        with_il7 = [condition(base, {"il7": il7}) for base in bases]
        stimulated = self.runs.read(with_il7, "live_cells", at)
        gain: np.ndarray = stimulated / self.runs.read(without, "live_cells", at)
        return gain

    # ---- cohorts: one number per draw ----------------------------------------------------------

    def bases(self, run: Mapping[str, Any], seed: int) -> list[dict[str, Any]]:
        """The samples of a run's cohort with what is done to them."""
        samples = self.runs.samples(run["cohort"], run.get("n"), seed)
        return [sample | treatment(run) for sample in samples]

    def of_cohort(self, run: Mapping[str, Any], seed: int) -> float:
        """A statistic of one draw of a cohort."""
        kind, parts = self.readout.kind, self.readout.parts
        bases = self.bases(run, seed)
        if not bases:
            return np.nan
        background = run.get("drugs", {})
        if kind == "cohort_median":
            conditions = [condition(base, background) for base in bases]
            return float(np.median(self.runs.read(conditions, parts[0], float(run["at"]))))
        if kind == "cohort_median_ic50":
            return float(np.median(self.ic50(bases, run["drug"], background)))
        if kind == "fraction_ic50_below":
            return _fraction(self.ic50(bases, run["drug"], background), below=float(parts[0]))
        if kind == "fraction_auc400_below":
            return _fraction(self.auc400(bases, run["drug"], background), below=float(parts[0]))
        if kind == "fraction_synergistic":
            return _fraction(self.synergy(bases, run["drugs"]), below=SYNERGY_BELOW)
        if kind == "marker_ratio":
            return self.marker_ratio(bases, run["marker"])
        return self.correlation(bases, absolute=bool(parts[0]), names=parts[1:])

    def synergy(self, bases: Sequence[Any], drugs: Sequence[str]) -> np.ndarray:
        """Combination index per sample; no pair to judge (a drug kills all by itself) = 1."""
        index = self.matrix_value(bases, drugs)
        viability = self.sweep(bases, dict.fromkeys(drugs, self.protocols.matrix), {})
        failed = np.isnan(viability).any(axis=(1, 2))
        return np.where(np.isnan(index) & ~failed, 1.0, index)

    def risen(self, of: Mapping[str, Any], over: Mapping[str, Any], seed: int) -> float:
        """Share of samples whose auc400 rises by more than the readout's factor."""
        if not self.bases(of, seed):
            return np.nan
        first, second = (
            self.auc400(self.bases(run, seed), run["drug"], run.get("drugs", {}))
            for run in (of, over)
        )
        return _fraction(second / first, below=1 / float(self.readout.parts[0]))

    def marker_ratio(self, bases: Sequence[Any], marker: str) -> float:
        """Median of an untreated marker in MEK-inhibitor sensitive samples over the others."""
        sensitive = self.ic50(bases, "selumetinib", {}) < SENSITIVE_IC50
        values = self.runs.read([condition(base, {}) for base in bases], marker, 0.0)
        if not sensitive.any() or sensitive.all():
            return np.nan
        return float(np.median(values[sensitive]) / np.median(values[~sensitive]))

    def correlation(self, bases: Sequence[Any], absolute: bool, names: Sequence[str]) -> float:
        """Pearson's r of two properties over the samples of one draw."""
        first, second = (self.sample_property(bases, name) for name in names)
        if np.isnan(first + second).any() or np.ptp(first) == 0 or np.ptp(second) == 0:
            return np.nan
        r = float(np.corrcoef(first, second)[0, 1])
        return abs(r) if absolute else r

    def sample_property(self, bases: Sequence[Any], name: str) -> np.ndarray:
        """Gain of live cells by IL7, or auc400 of a drug with IL7 over without, per sample."""
        il7 = self.protocols.il7
        plain = [{k: v for k, v in base.items() if k != "il7"} for base in bases]
        if name == "il7_viability_gain":
            return self.il7_gain(plain, il7, self.protocols.hours)
        drug = name.removesuffix("_delta_auc400")
        stimulated = [base | {"il7": il7} for base in plain]
        ratio: np.ndarray = self.auc400(stimulated, drug, {}) / self.auc400(plain, drug, {})
        return ratio


def _fraction(values: np.ndarray, below: float) -> float:
    """Share of values below a limit; NaN if one is missing."""
    return np.nan if np.isnan(values).any() else float(np.mean(values < below))


def _total_of(observable: str) -> str:
    """Id of the total of which an observable is the active fraction: pERK -> ERK_total."""
    if observable.endswith("_GTP"):
        return f"{observable.removesuffix('_GTP')}_total"
    return f"{observable.removeprefix('p')}_total"
