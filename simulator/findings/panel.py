"""What a finding's panel shows: curves, clouds of samples, and columns of values; no drawing."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

#: Values of each draw of a cohort in turn, each (samples,); of what is no cohort, one array.
Draws = tuple[np.ndarray, ...]

#: Of the members' values, this range is shown (percentiles).
SHOWN_RANGE = (5.0, 95.0)


@dataclass(frozen=True, slots=True)
class Curve:
    """A readout over the doses of one drug, dose 0 included where it is known.

    doses, values : (doses,). `allowed` is what the finding allows at each dose, and `band` the
    range of the members, both (2, doses).
    """

    label: str
    doses: np.ndarray
    values: np.ndarray
    allowed: np.ndarray | None = None
    band: np.ndarray | None = None
    failed: bool = False


@dataclass(frozen=True, slots=True)
class CurvePane:
    """Curves over the doses of one drug."""

    drug: str
    unit: str
    axis: str
    curves: tuple[Curve, ...]


@dataclass(frozen=True, slots=True)
class Cloud:
    """Points of several groups; `level` is a horizontal line, `slope` a line through the origin.

    groups : label, x and y of each.
    """

    title: str
    axes: tuple[str, str]
    groups: tuple[tuple[str, Draws, Draws], ...]
    level: float | None = None
    slope: float | None = None


@dataclass(frozen=True, slots=True)
class Mark:
    """One value in a column, or that of each sample of a cohort, in the row of its condition.

    `allowed` is the interval in which the finding wants the value; None: a reference.
    `reference` is the row that it was compared with. `spread` is the range of the members.
    `value` of samples is their median, mean over the draws, or NaN.
    """

    row: str
    value: float
    allowed: tuple[float, float] | None = None
    failed: bool = False
    reference: str = ""
    spread: tuple[float, float] | None = None
    samples: Draws | None = None


@dataclass(frozen=True, slots=True)
class Column:
    """Values of one readout; rows are shared by all columns of a panel.

    `of_curves`: the values are of the curves with the same labels. `line` is a threshold, `most`
    what a value can be at most.
    """

    title: str
    axis: str
    marks: tuple[Mark, ...]
    points: bool = False
    log: bool = False
    of_curves: bool = False
    line: float | None = None
    most: float | None = None


@dataclass(frozen=True, slots=True)
class Panel:
    """Everything drawn for one finding; its samples are of so many draws."""

    subtitle: str
    panes: tuple[CurvePane | Cloud, ...]
    columns: tuple[Column, ...]
    draws: int = 0


def rows_of(columns: Sequence[Column]) -> list[str]:
    """Rows of columns in order of appearance, each below the one that it is compared with."""
    below: dict[str, list[str]] = {}
    parents: dict[str, str] = {}
    for mark in (mark for column in columns for mark in column.marks):
        parents.setdefault(mark.row, "")
        parents[mark.row] = parents[mark.row] or mark.reference
    for row, parent in parents.items():
        below.setdefault(parent, []).append(row)
    ordered: dict[str, None] = {}

    def put(row: str) -> None:
        if row not in ordered:
            ordered[row] = None
            for each in below.get(row, ()):
                put(each)

    for row in [*below.get("", ()), *parents]:  # the latter for rows compared in a circle
        put(row)
    return list(ordered)


def joined(first: Panel, second: Panel) -> Panel:
    """Both panels as one."""
    subtitles = [each.subtitle for each in (first, second) if each.subtitle]
    return Panel(
        "; ".join(subtitles),
        first.panes + second.panes,
        first.columns + second.columns,
        max(first.draws, second.draws),
    )


def with_members(panel: Panel, members: Sequence[Panel]) -> Panel:
    """A panel with the range of the same panels of the members of an ensemble."""
    if not members:
        return panel
    panes = tuple(
        replace(pane, curves=_banded(pane, [m.panes[k] for m in members]))
        if isinstance(pane, CurvePane)
        else pane
        for k, pane in enumerate(panel.panes)
    )
    columns = tuple(
        replace(
            column,
            marks=tuple(
                replace(mark, spread=_range([m.columns[k].marks[i].value for m in members]))
                for i, mark in enumerate(column.marks)
            ),
        )
        for k, column in enumerate(panel.columns)
    )
    return replace(panel, panes=panes, columns=columns)


def _banded(pane: CurvePane, alike: Sequence[CurvePane | Cloud]) -> tuple[Curve, ...]:
    found = []
    for i, curve in enumerate(pane.curves):
        values = [p.curves[i].values for p in alike if isinstance(p, CurvePane)]
        found.append(
            replace(curve, band=np.array([_range(v) for v in zip(*values, strict=True)]).T)
        )
    return tuple(found)


def _range(values: Sequence[float]) -> tuple[float, float]:
    """The range that is shown of members' values; a member without a value does not count."""
    finite = np.array([v for v in values if np.isfinite(v)])
    if not finite.size:
        return np.nan, np.nan
    low, high = np.percentile(finite, SHOWN_RANGE)
    return float(low), float(high)
