"""The panel of a finding, from simulations that its checks asked for: nothing is simulated here.

What is shown depends on the kind of readout alone. Checks on single conditions are in this module,
those on cohorts in `cohort_panels`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from ..response.combination import berenbaum_sums
from .cohort_panels import cohort_parts
from .grammar import Bound, Check, Leaf
from .labels import readable, readable_observable
from .panel import Cloud, Column, Curve, Panel, joined, with_members
from .readouts import IC50_RANGE, SYNERGY_BELOW
from .runs import Runs, base_of, condition
from .scoring import Survey, on_cohort
from .sketch import Sketch
from .vocabulary import Readout

Run = Mapping[str, Any]

# As many doses of one drug make a curve; fewer are shown as single conditions.
CURVE_DOSES = 3


def panel_of(
    survey: Survey, checks: Sequence[Check], runs: Runs, members: Sequence[Runs] = ()
) -> Panel:
    """The panel of a finding's checks.

    runs, members : simulations of the point estimate, and those of members of an ensemble, whose
    range is shown; these need not contain the cohorts.
    """
    plain = [check for check in checks if not on_cohort(check)]
    panel = with_members(
        _Plain(survey, plain, runs).panel(), [_Plain(survey, plain, m).panel() for m in members]
    )
    drawn = [check for check in checks if on_cohort(check)]
    return joined(panel, cohort_parts(survey, drawn, runs)) if drawn else panel


class _Plain(Sketch):
    """Panels of checks on single conditions."""

    def panel(self) -> Panel:
        """Curves, clouds and columns in the order of the checks."""
        for check in self.checks:
            swept = self._swept_states(check)
            for leaf in check.leaves:
                if id(leaf) not in swept:
                    self._add(leaf, check.bound)
        return self.finished()

    def _add(self, leaf: Leaf, bound: Bound) -> None:
        readout = self.readout(leaf)
        if readout.kind in ("auc400", "ic50"):
            self._add_sweep(leaf, bound, readout)
        elif readout.kind == "nonincreasing":
            self._add_observable_curve(leaf, bound, readout)
        elif readout.kind == "fold_change_ratio":
            self._add_fold_changes(leaf, bound, readout)
        elif readout.kind == "il7_viability_gain":
            live = Readout("state", ("live_cells",), ("live_cells",))
            of = {"at": self.protocols.hours} | dict(leaf.of)
            pair = replace(leaf, readout="live_cells", of=of, over=of | {"il7": 0})
            self.compare(pair, bound, live, self._state_column(pair, live))
        elif readout.kind == "state":
            self.compare(leaf, bound, readout, self._state_column(leaf, readout))
        else:
            self._add_matrix(leaf, bound, readout)

    # ---- states --------------------------------------------------------------------------------

    def _state_column(self, leaf: Leaf, readout: Readout) -> Column:
        title = readable_observable(leaf.readout)
        if not self.timed and "at" in leaf.of:
            title = f"{title}, {leaf.of['at']:g} h"
        return Column(title, self.axis_of(leaf.readout), ())

    def _add_fold_changes(self, leaf: Leaf, bound: Bound, readout: Readout) -> None:
        """Both cells with and without the drugs; the second one's rise bounds the first one's."""
        observable = readout.observables[0]
        state = Readout("state", (observable,), (observable,))
        folds: list[float] = []
        for cell in reversed(readout.parts[1:]):
            of = {"cell": cell, **leaf.of}
            pair = replace(leaf, readout=observable, of=of, over={**of, "drugs": {}})
            column = self._state_column(pair, state)
            if not folds:
                values = [self.value(pair, run, state) for run in (pair.of, pair.over or {})]
                folds.append(values[0] / values[1])
                self.compare(pair, None, state, column)
            else:
                scaled = Bound(bound.text, bound.low * folds[0], bound.high * folds[0])
                self.compare(pair, scaled, state, column)

    def _swept_states(self, check: Check) -> set[int]:
        """Draw states at several doses of a drug as curves; ids of the leaves that this covers."""
        covered: set[int] = set()
        leaves = [leaf for leaf in check.leaves if self.readout(leaf).kind == "state"]
        for drug in dict.fromkeys(name for leaf in leaves for name in leaf.of.get("drugs", {})):
            alike: dict[str, list[Leaf]] = {}
            for leaf in leaves:
                if leaf.of.get("drugs", {}).get(drug):
                    alike.setdefault(_apart_from(drug, leaf), []).append(leaf)
            for group in alike.values():
                if len({leaf.of["drugs"][drug] for leaf in group}) >= CURVE_DOSES:
                    self._add_state_curve(drug, group, check.bound)
                    covered |= {id(leaf) for leaf in group}
        return covered

    def _add_state_curve(self, drug: str, group: Sequence[Leaf], bound: Bound) -> None:
        ordered = sorted(group, key=lambda leaf: float(leaf.of["drugs"][drug]))
        readout = self.readout(ordered[0])
        doses = [float(leaf.of["drugs"][drug]) for leaf in ordered]
        values = [self.value(leaf, leaf.of, readout) for leaf in ordered]
        allowed = [self.allowed(leaf, bound, readout) for leaf in ordered]
        plain = _without(drug, ordered[0].of)
        over = ordered[0].over
        if over is not None and _without(drug, over) == plain and not over["drugs"].get(drug):
            doses, values = [0.0, *doses], [self.value(ordered[0], over, readout), *values]
            allowed = [(np.nan, np.nan), *allowed]
        curve = Curve(
            self.labels.of(plain, time=self.timed),
            np.array(doses),
            np.array(values),
            allowed=np.array(allowed).T,
            failed=not all(map(self.passed, ordered)),
        )
        self.add_curve(drug, self.axis_of(ordered[0].readout), curve)

    def _add_observable_curve(self, leaf: Leaf, bound: Bound, readout: Readout) -> None:
        """An observable over the doses of a drug along which it must not rise."""
        drugs = leaf.of["drugs"]
        swept = next(name for name, dose in drugs.items() if isinstance(dose, list))
        doses = sorted(map(float, drugs[swept]))
        base = base_of(leaf.of, leaf.where)
        asked = [condition(base, {**drugs, swept: dose}) for dose in doses]
        values = self.runs.read(asked, readout.observables[0], float(leaf.of["at"]))
        label = self.labels.of(leaf.of, time=self.timed)
        curve = Curve(label, np.array(doses), values, failed=not self.passed(leaf))
        self.add_curve(swept, f"{self.axis_of(readout.observables[0])}, must not rise", curve)

    # ---- sweeps and dose matrices --------------------------------------------------------------

    def _add_sweep(self, leaf: Leaf, bound: Bound, readout: Readout) -> None:
        """Dose-response curves of both runs, and their AUC or IC50."""
        for run in filter(None, (leaf.over, leaf.of)):
            reader = self.reader(leaf, readout)
            base, drug = base_of(run, leaf.where), run["drug"]
            parental = self.runs.model.definition.default_cell
            area = readout.kind == "auc400"
            span = self.protocols.range(base, drug, parental) if area else IC50_RANGE
            doses = self.protocols.doses(*span)
            viability = reader.sweep([base], {drug: doses}, run.get("drugs", {}))[0]
            if area:
                viability = viability / viability[0]
            self.add_curve(
                drug, "viability (of dose 0)", Curve(self.labels.of(run), doses, viability)
            )
        drug = readable(leaf.of["drug"])
        if readout.kind == "auc400":
            column = Column(
                f"AUC of {drug}", "AUC (400: no effect)", (), points=True, of_curves=True, most=400
            )
        else:
            unit = self.unit(leaf.of["drug"])
            column = Column(
                f"IC50 of {drug}", f"IC50 ({unit})", (), points=True, log=True, of_curves=True
            )
        self.compare(leaf, bound, readout, column)

    def _add_matrix(self, leaf: Leaf, bound: Bound, readout: Readout) -> None:
        """The combination index, or a statistic of F_syn with the points that it is taken of."""
        if readout.kind == "combination_index":
            axis = f"combination index (synergy: < {SYNERGY_BELOW:g})"
            column = Column("combination index", axis, (), points=True, line=SYNERGY_BELOW)
        else:
            column = Column(
                f"{readout.parts[0]} of F_syn", "F_syn (additive: 1)", (), points=True, line=1.0
            )
            for run in filter(None, (leaf.over, leaf.of)):
                self._add_cloud(leaf, run, readout)
        self.compare(leaf, bound, readout, column)

    def _add_cloud(self, leaf: Leaf, run: Run, readout: Readout) -> None:
        """F_syn of every pair of doses against its effect."""
        first, second = run["drugs"]
        reader = self.reader(leaf, readout)
        base = base_of(run, leaf.where)
        doses = self.protocols.matrix
        matrix = reader.sweep([base], {first: doses, second: doses}, {})[0]
        sums = berenbaum_sums(doses, doses, matrix)[0].ravel()
        effects = 1.0 - matrix[1:, 1:].ravel()
        kept = np.isfinite(sums)
        title = f"{readable(first)} × {readable(second)}"
        empty = Cloud(title, ("fraction affected by the pair", "F_syn"), (), level=1.0)
        self.add_group(empty, self.labels.of(run, pair=False), (effects[kept],), (sums[kept],))


def _without(drug: str, run: Run) -> dict[str, Any]:
    return {**run, "drugs": {n: d for n, d in run.get("drugs", {}).items() if n != drug}}


def _apart_from(drug: str, leaf: Leaf) -> str:
    """What a leaf asks, the dose of one drug left out."""
    over = None if leaf.over is None else _without(drug, leaf.over)
    return repr((leaf.readout, _without(drug, leaf.of), over))
