"""What a fit asks of a model: each value that is scored."""

from collections.abc import Iterable
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from ..findings.grammar import SCORED_KINDS, Bound, Check, Finding, Leaf
from ..findings.vocabulary import Readout
from .files import Source

# Readouts of a dose matrix: they jump where a dose pair passes a limit of their definition, and
# have no useful derivative.
JUMPING = ("combination_index", "f_syn")

# What a readout can be at all; others have no limit, or only 0, which a ratio does not reach.
SHARE = (0.0, 1.0)
CORRELATION = (-1.0, 1.0)


class Scored(NamedTuple):
    """A value that is scored, with the check, finding and file that it belongs to."""

    source: Source
    finding: Finding
    check: Check
    leaf: Leaf
    readout: Readout

    @property
    def label(self) -> str:
        """`T01 auc400 (IL7R_WT)`."""
        varied = f" ({self.leaf.varied})" if self.leaf.varied else ""
        return f"{self.finding.id} {self.leaf.readout}{varied}"

    @property
    def weight(self) -> float:
        """Weight in a fit: that of its file, or 0 for a hypothesis, which is only reported."""
        return self.source.weight if self.finding.kind in SCORED_KINDS else 0.0

    @property
    def jumps(self) -> bool:
        """Whether it jumps, so that derivatives mislead."""
        return self.readout.kind in JUMPING

    @property
    def cells(self) -> frozenset[str]:
        """The cells that it is measured in; none for cohorts."""
        named = self.readout.parts[1:] if self.readout.kind == "fold_change_ratio" else ()
        return frozenset(named) | self._named("cell")

    @property
    def cohorts(self) -> frozenset[str]:
        """The cohorts that it is measured in."""
        return self._named("cohort")

    def _named(self, key: str) -> frozenset[str]:
        runs = (self.leaf.of, self.leaf.over or {})
        return frozenset(str(run[key]) for run in runs if key in run)

    @property
    def room(self) -> float:
        """The largest margin that can be asked for: in the middle of a two-sided bound.

        For a one-sided bound, that at the limit of what the readout can be; infinite without one.
        """
        bound = self.check.bound
        if np.isfinite([bound.low, bound.high]).all():
            return bound.margin(_middle(bound))
        limits = self._limits
        if limits is None:
            return np.inf
        return max(bound.margin(limits[1] if np.isfinite(bound.low) else limits[0]), 0.0)

    @property
    def _limits(self) -> tuple[float, float] | None:
        kind = self.readout.kind
        if kind == "correlation":
            return SHARE if self.readout.parts[0] else CORRELATION
        # `over` makes a ratio of two shares, except where the share is one of a comparison
        alone = self.leaf.over is None or kind == "fraction_auc400_ratio_above"
        return SHARE if kind.startswith("fraction_") and alone else None


def sources_of(values: Iterable[Scored]) -> tuple[Source, ...]:
    """The findings that some values belong to, file by file."""
    found: dict[Source, dict[str, None]] = {}
    for each in values:
        found.setdefault(each.source, {})[each.finding.id] = None
    return tuple(replace(source, only=tuple(ids)) for source, ids in found.items())


def _middle(bound: Bound) -> float:
    if bound.low > 0:
        return float(np.sqrt(bound.low * bound.high))
    return (bound.low + bound.high) / 2
