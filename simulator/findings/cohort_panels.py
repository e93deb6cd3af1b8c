"""Panels of checks on cohorts: the samples of all draws, and the statistic that is checked."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from .grammar import Bound, Check, Leaf
from .labels import readable, readable_observable
from .panel import Cloud, Column, Draws, Mark, Panel
from .readouts import IC50_RANGE, SENSITIVE_IC50, SYNERGY_BELOW, measure
from .runs import Runs, condition
from .scoring import Survey
from .sketch import Sketch
from .vocabulary import Readout

Run = Mapping[str, Any]

SHARE = "share of samples, mean over the draws"


def cohort_parts(survey: Survey, checks: Sequence[Check], runs: Runs) -> Panel:
    """The panel of checks on cohorts; cohorts that could not be drawn are left out."""
    sketch = _Cohorts(survey, checks, runs)
    for check in checks:
        for leaf in check.leaves:
            drawn = {run["cohort"] for run in (leaf.of, leaf.over) if run and "cohort" in run}
            if not drawn & set(runs.undrawn):
                sketch.add(leaf, check.bound)
    return replace(sketch.finished(), draws=len(runs.seeds))


class _Cohorts(Sketch):
    """Samples as dots in rows; shares and correlations in columns of their own."""

    def add(self, leaf: Leaf, bound: Bound) -> None:
        """Everything that one leaf of a check compares."""
        readout = self.readout(leaf)
        kind = readout.kind
        if kind == "cohort_median" or kind == "cohort_median_ic50":
            self._add_medians(leaf, bound, readout)
        elif kind == "fraction_auc400_ratio_above":
            self._add_ratios(leaf, bound, readout)
        elif kind == "marker_ratio":
            self._add_markers(leaf, bound, readout)
        elif kind == "correlation":
            self._add_properties(leaf, bound, readout)
        else:
            self._add_share(leaf, bound, readout)

    def row(self, run: Run) -> str:
        """The row of a run: cohort, and drug where it varies."""
        return self.labels.of(run, drug=True, time=self.timed)

    def of_draws(self, run: Run, values: Callable[[list[dict[str, Any]]], np.ndarray]) -> Draws:
        """A value of every sample of every draw."""
        return tuple(values(self.bases(run, seed)) for seed in self.runs.seeds)

    def bases(self, run: Run, seed: int) -> list[dict[str, Any]]:
        """The samples of one draw."""
        leaf = self.checks[0].leaves[0]
        return self.reader(leaf, self.readout(leaf)).bases(run, seed)

    def samples(self, leaf: Leaf, run: Run, readout: Readout) -> tuple[Draws, Column]:
        """What is read of each sample, and the column for it."""
        reader, background = self.reader(leaf, readout), run.get("drugs", {})
        kind = readout.kind
        if kind == "cohort_median":
            observable, at = readout.parts[0], float(run["at"])
            title = readable_observable(observable) + ("" if self.timed else f", {at:g} h")
            column = Column(title, f"{self.axis_of(observable)}, of each sample", ())

            def read(bases: list[dict[str, Any]]) -> np.ndarray:
                asked = [condition(base, background) for base in bases]
                return self.runs.read(asked, observable, at)

            return self.of_draws(run, read), column
        if kind == "fraction_synergistic":
            axis = "combination index of each sample"
            column = Column("combination index", axis, (), line=SYNERGY_BELOW)
            return self.of_draws(run, lambda b: reader.synergy(b, run["drugs"])), column
        drug = run["drug"]
        of = "" if len(self.labels.swept) > 1 else f" of {readable(drug)}"
        if kind == "fraction_auc400_below":
            column = Column(
                f"AUC{of}", "AUC of each sample (400: no effect)", (), line=float(readout.parts[0])
            )
            return self.of_draws(run, lambda b: reader.auc400(b, drug, background)), column
        limit = float(readout.parts[0]) if kind == "fraction_ic50_below" else None
        axis = f"IC50 of each sample ({self.unit(drug)}; {IC50_RANGE[1]:g}: not reached)"
        column = Column(f"IC50{of}", axis, (), log=True, line=limit)
        return self.of_draws(run, lambda b: reader.ic50(b, drug, background)), column

    def statistic(self, leaf: Leaf) -> float:
        """The value that is checked, mean over the draws."""
        values = measure(leaf, self.readout(leaf), self.runs, self.protocols)
        finite = values[np.isfinite(values)]
        return float(finite.mean()) if finite.size else np.nan

    def _add_medians(self, leaf: Leaf, bound: Bound, readout: Readout) -> None:
        """Samples of both cohorts, the median of the second allowed relative to the first's."""
        scale, reference = 1.0, ""
        if leaf.over is not None:
            reference = self.row(leaf.over)
            values, column = self.samples(leaf, leaf.over, readout)
            scale = _median(values)
            self.add_mark(column, Mark(reference, scale, samples=values))
        values, column = self.samples(leaf, leaf.of, readout)
        allowed = (bound.low * scale, bound.high * scale)
        failed = not bound.holds(self.statistic(leaf))
        mark = Mark(self.row(leaf.of), _median(values), allowed, failed, reference, samples=values)
        self.add_mark(column, mark)

    def _add_share(self, leaf: Leaf, bound: Bound, readout: Readout) -> None:
        """Samples with the threshold, and the share of them below it."""
        values, column = self.samples(leaf, leaf.of, readout)
        row = self.row(leaf.of)
        self.add_mark(column, Mark(row, np.nan, samples=values))
        self._add_statistic(f"share below {column.line:g}", SHARE, row, leaf, bound)

    def _add_statistic(self, title: str, axis: str, row: str, leaf: Leaf, bound: Bound) -> None:
        value = self.statistic(leaf)
        mark = Mark(row, value, (bound.low, bound.high), failed=not bound.holds(value))
        self.add_mark(Column(title, axis, ()), mark)

    def _add_ratios(self, leaf: Leaf, bound: Bound, readout: Readout) -> None:
        """auc400 of each sample in both runs, and the share that rises by more than the factor."""
        over = leaf.over or {}
        reader = self.reader(leaf, readout)

        def areas(run: Run) -> Draws:
            background = run.get("drugs", {})
            return self.of_draws(run, lambda b: reader.auc400(b, run["drug"], background))

        x, y = areas(over), areas(leaf.of)
        drug, factor = readable(leaf.of["drug"]), float(readout.parts[0])
        axes = tuple(f"AUC of {drug}, {_what(run)}" for run in (over, leaf.of))
        risen = tuple(b > factor * a for a, b in zip(x, y, strict=True))
        rest = tuple(~each for each in risen)
        cloud = Cloud(f"line: {factor:g} times", (axes[0], axes[1]), (), slope=factor)
        self.add_group(cloud, f"at most {factor:g} times", _of(x, rest), _of(y, rest))
        self.add_group(cloud, f"above {factor:g} times", _of(x, risen), _of(y, risen))
        title = f"share above {factor:g} times"
        self._add_statistic(title, SHARE, self.row(leaf.of), leaf, bound)

    def _add_markers(self, leaf: Leaf, bound: Bound, readout: Readout) -> None:
        """A marker in samples that a MEK inhibitor kills at low doses, and in the others."""
        marker = leaf.of["marker"]
        reader = self.reader(leaf, readout)
        halves = self.of_draws(leaf.of, lambda b: reader.ic50(b, "selumetinib", {}))
        drawn = self.of_draws(
            leaf.of, lambda b: self.runs.read([condition(base, {}) for base in b], marker, 0.0)
        )
        others = _of(drawn, tuple(half >= SENSITIVE_IC50 for half in halves))
        values = _of(drawn, tuple(half < SENSITIVE_IC50 for half in halves))
        column = Column(readable_observable(marker), f"{self.axis_of(marker)}, of each sample", ())
        reference = _median(others)
        text = f"IC50 of selumetinib {{}} {SENSITIVE_IC50:g} {self.unit('selumetinib')}"
        rest = Mark(text.format("≥"), reference, samples=others)
        self.add_mark(column, rest)
        allowed = (bound.low * reference, bound.high * reference)
        failed = not bound.holds(self.statistic(leaf))
        row = text.format("<")
        mark = Mark(row, _median(values), allowed, failed, rest.row, samples=values)
        self.add_mark(column, mark)

    def _add_properties(self, leaf: Leaf, bound: Bound, readout: Readout) -> None:
        """Two properties of the samples against each other, and their correlation."""
        reader = self.reader(leaf, readout)

        def of_samples(name: str) -> Draws:
            return self.of_draws(leaf.of, lambda b: reader.sample_property(b, name))

        x, y = map(of_samples, readout.parts[1:])
        first, second = (_property(name) for name in readout.parts[1:])
        cloud = Cloud(f"{first} and {second}", (first, second), ())
        self.add_group(cloud, self.labels.lead(leaf.of), x, y)
        row = second if first.startswith("live") else f"{first}; {second}"
        title = "|Pearson's r|" if readout.parts[0] else "Pearson's r"
        self._add_statistic(title, "mean over the draws", row, leaf, bound)


def _of(draws: Draws, chosen: Draws) -> Draws:
    """Some samples of each draw."""
    return tuple(values[some] for values, some in zip(draws, chosen, strict=True))


def _median(draws: Draws) -> float:
    """Median of each draw's samples, mean over the draws; NaN where no draw has samples."""
    medians = [float(np.median(values)) for values in draws if values.size]
    return float(np.mean(medians)) if medians else np.nan


def _what(run: Run) -> str:
    """What distinguishes the two runs of a ratio: IL7, or the background drugs."""
    drugs = [f"with {readable(name)}" for name, dose in run.get("drugs", {}).items() if dose]
    return ", ".join([f"{'with' if run.get('il7') else 'without'} IL7", *drugs])


def _property(name: str) -> str:
    if name == "il7_viability_gain":
        return "live cells, with over without IL7"
    return f"AUC of {readable(name.removesuffix('_delta_auc400'))}, with over without IL7"
