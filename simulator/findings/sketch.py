"""A panel in the making: values of checks, what is allowed, and where they go."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from ..plot.style import unit_text
from .grammar import Bound, Check, Leaf
from .labels import Labels
from .panel import Cloud, Column, Curve, CurvePane, Draws, Mark, Panel
from .readouts import Reader, measure
from .runs import Runs
from .scoring import Survey
from .vocabulary import Readout

Run = Mapping[str, Any]


class Sketch:
    """Collects the parts of one panel; a part that is there already is added to."""

    def __init__(self, survey: Survey, checks: Sequence[Check], runs: Runs) -> None:
        self.survey = survey
        self.checks = checks
        self.runs = runs
        self.protocols = survey.protocols
        definition = runs.model.definition
        self.units = {name: drug.unit for name, drug in definition.drugs.items()}
        self.observables = {o.id: o for o in definition.observables}
        leaves = [leaf for check in checks for leaf in check.leaves]
        self.labels = Labels(leaves, self.units)
        self.timed = _several_times(leaves)
        self.bounds = {id(leaf): check.bound for check in checks for leaf in check.leaves}
        self.panes: dict[tuple[str, ...], CurvePane | Cloud] = {}
        self.columns: dict[str, tuple[Column, dict[str, Mark]]] = {}

    def finished(self) -> Panel:
        """The panel with everything that was added."""
        columns = (replace(c, marks=tuple(marks.values())) for c, marks in self.columns.values())
        return Panel(self.labels.subtitle, tuple(self.panes.values()), tuple(columns))

    # ---- values --------------------------------------------------------------------------------

    def readout(self, leaf: Leaf) -> Readout:
        """What a leaf reads."""
        return self.survey.readouts[id(leaf)]

    def reader(self, leaf: Leaf, readout: Readout) -> Reader:
        """Computes a readout in any run that was simulated."""
        return Reader(leaf.where, readout, self.runs, self.protocols)

    def value(self, leaf: Leaf, run: Run, readout: Readout) -> float:
        """A readout in one run without cohort."""
        return float(self.reader(leaf, readout).value(run)[0])

    def passed(self, leaf: Leaf) -> bool:
        """Whether a leaf holds its check's bound."""
        values = measure(leaf, self.readout(leaf), self.runs, self.protocols)
        return self.bounds[id(leaf)].holds(float(np.mean(values)))

    def allowed(self, leaf: Leaf, bound: Bound, readout: Readout) -> tuple[float, float]:
        """The interval in which the value in `of` holds the bound, given the one in `over`."""
        if leaf.over is None:
            return bound.low, bound.high
        reference = self.value(leaf, leaf.over, readout)
        scale = reference / self.reader(leaf, readout).ratio_of_totals(leaf.of, leaf.over)
        return bound.low * scale, bound.high * scale

    # ---- names ---------------------------------------------------------------------------------

    def unit(self, drug: str) -> str:
        """The unit of a drug's doses, as printed."""
        return unit_text(self.units[drug])

    def axis_of(self, observable: str) -> str:
        """Name and unit of an observable: `BIM protein (nM)`."""
        found = self.observables.get(observable)
        unit = getattr(found, "unit", "1")
        text = getattr(found, "name", observable)
        return text if unit in ("1", "dimensionless", "") else f"{text} ({unit_text(unit)})"

    # ---- parts ---------------------------------------------------------------------------------

    def compare(self, leaf: Leaf, bound: Bound | None, readout: Readout, column: Column) -> None:
        """The values in `over` and `of` in a column, with what is allowed."""
        if leaf.over is not None:
            row = self.row(leaf.over)
            self.add_mark(column, Mark(row, self.value(leaf, leaf.over, readout)))
        value = self.value(leaf, leaf.of, readout)
        row = self.row(leaf.of)
        reference = "" if leaf.over is None else self.row(leaf.over)
        if bound is None:
            self.add_mark(column, Mark(row, value, reference=reference))
            return
        allowed = self.allowed(leaf, bound, readout)
        failed = not allowed[0] <= value <= allowed[1]
        self.add_mark(column, Mark(row, value, allowed, failed, reference))

    def row(self, run: Run) -> str:
        """The row of a run without cohort."""
        return self.labels.of(run, time=self.timed)

    def add_mark(self, column: Column, mark: Mark) -> None:
        """Put a mark into a column; with one in its row, what both allow is allowed."""
        _, marks = self.columns.setdefault(column.title, (column, {}))
        there = marks.get(mark.row)
        if there is None or there.allowed is None:
            marks[mark.row] = mark
        elif mark.allowed is not None:
            low = max(there.allowed[0], mark.allowed[0])
            high = min(there.allowed[1], mark.allowed[1])
            failed = there.failed or mark.failed
            marks[mark.row] = replace(there, allowed=(low, high), failed=failed)

    def add_curve(self, drug: str, axis: str, curve: Curve) -> None:
        """Put a curve into the pane of its drug and readout, once."""
        key = (drug, axis)
        pane = self.panes.setdefault(key, CurvePane(drug, self.unit(drug), axis, ()))
        assert isinstance(pane, CurvePane)  # noqa: S101  keys of clouds are of other length
        if curve.label not in [c.label for c in pane.curves]:
            self.panes[key] = replace(pane, curves=(*pane.curves, curve))

    def add_group(self, empty: Cloud, label: str, x: Draws, y: Draws) -> None:
        """Put a group of points into a cloud, once."""
        key = (empty.title,)
        cloud = self.panes.setdefault(key, empty)
        assert isinstance(cloud, Cloud)  # noqa: S101  keys of curves are of other length
        if label not in [group[0] for group in cloud.groups]:
            self.panes[key] = replace(cloud, groups=(*cloud.groups, (label, x, y)))


def _several_times(leaves: Sequence[Leaf]) -> bool:
    """Whether a readout is asked at several times, so that rows must name theirs."""
    times: dict[str, set[Any]] = {}
    for leaf in leaves:
        times.setdefault(leaf.readout, set()).add(leaf.of.get("at"))
    return any(len(found) > 1 for found in times.values())
