"""Quantities that are searched together, on the findings that see them: cells, and cohorts.

Derivatives see neither the readouts of dose matrices, which jump, nor the counts among samples of
cohorts. Both depend on few quantities each, so that a search that compares costs can be afforded.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ..network.definition import Definition
from ..network.ensemble import COHORTS, Quantity
from .asked import Scored
from .cost import FAILING, Array, Cost, targets
from .scores import Scorer
from .search import search
from .space import Space, free_quantities
from .store import as_written

# What makes cohorts depend on each other: keys of cohorts.yaml, and what they name.
LINKS = {"of": "cohort", "quantities_of": "cohort", "cell": "cell"}

# Draws of cohorts that a fit sees: none of those that findings are judged on.
COHORT_SEEDS = tuple(range(100, 108))


@dataclass(frozen=True)
class Part:
    """Fitted values of some cells, and spreads of some cohorts, that are searched together."""

    cohorts: tuple[str, ...]
    cells: tuple[str, ...]
    space: Space

    @property
    def name(self) -> str:
        """What is searched, for a reader."""
        return ", ".join(self.cohorts or self.cells)

    def sees(self, value: Scored) -> bool:
        """Whether a value counts in the search: it does if it is measured in the part."""
        apart = value.cohorts.isdisjoint(self.cohorts) and value.cells.isdisjoint(self.cells)
        return value.weight > 0 and not apart


def cell_parts(scorer: Scorer, margin: float) -> tuple[Part, ...]:
    """A part for each cell that has fitted values of its own and needs another search.

    It does where a value of the cell lies outside its bound, or one that jumps falls short of the
    margin that is asked for. Cells of cohorts are left to `cohort_parts`. `scorer` scores all
    findings, without cohorts.
    """
    definition = scorer.model.definition
    margins = scorer.margins([{}])[0]
    open_ = (margins < 0) | scorer.jumps & (margins < targets(scorer, margin))
    short = {
        cell
        for each, is_open in zip(scorer.leaves, open_, strict=True)
        if is_open and each.weight > 0
        for cell in each.cells
    }
    short -= {cell for cells in _groups(definition).values() for cell in cells}
    parts = (_part(definition, (), (cell,)) for cell in definition.cells if cell in short)
    return tuple(part for part in parts if len(part.space))


def cohort_parts(scorer: Scorer) -> tuple[Part, ...]:
    """A part for each group of cohorts that share cells or spreads, with their cells' values.

    Findings on the cohorts and on their cells see it. `scorer` is one that scores cohorts.
    """
    definition = scorer.model.definition
    asked = {cohort for each in scorer.leaves if each.weight > 0 for cohort in each.cohorts}
    parts = (
        _part(definition, cohorts, cells)
        for cohorts, cells in _groups(definition).items()
        if asked & set(cohorts)
    )
    return tuple(part for part in parts if len(part.space))


def _groups(definition: Definition) -> dict[tuple[str, ...], tuple[str, ...]]:
    """Cohorts that share a cell, samples or spreads -> their cells."""
    groups: list[set[tuple[str, str]]] = []
    for name, cohort in definition.cohorts.items():
        links = {("cohort", name)}
        links |= {(table, cohort[key]) for key, table in LINKS.items() if key in cohort}
        joined = links.union(*(group for group in groups if group & links))
        groups = [*(group for group in groups if not group & links), joined]
    return {
        tuple(cohort for cohort in definition.cohorts if ("cohort", cohort) in group): tuple(
            cell for cell in definition.cells if ("cell", cell) in group
        )
        for group in groups
    }


def _part(definition: Definition, cohorts: tuple[str, ...], cells: tuple[str, ...]) -> Part:
    own = {(COHORTS, cohort) for cohort in cohorts} | {("cells", cell) for cell in cells}
    free = free_quantities(definition, ("cells", COHORTS)).free
    mine = (f for f in free if (f.quantity.table, f.quantity.level) in own)
    return Part(cohorts, cells, Space(tuple(mine)))


def search_part(
    part: Part,
    scorer: Scorer,
    margin: float,
    generations: int,
    seed: int,
    say: Callable[[str], None] = print,
) -> dict[Quantity, float]:
    """Better values of a part, as the files would have them; none where none were found or needed.

    `scorer` scores the part's findings.
    """
    seen = np.array([part.sees(each) for each in scorer.leaves])
    cost = Cost(targets(scorer, margin), np.where(seen, scorer.weights, 0.0), failing=FAILING)

    def values(z: Array) -> dict[Quantity, float]:
        return as_written(part.space.values(z))

    def costs(points: Array) -> Array:
        margins = scorer.margins(values(z) for z in points)
        return np.array([cost(z, each) for z, each in zip(points, margins, strict=True)])

    start = np.zeros(len(part.space))
    margins = scorer.margins([values(start)])[0]
    if not cost.shortfalls(margins).any():
        say(f"{part.name}: every value has its margin")
        return {}
    before = cost(start, margins)
    say(f"{part.name}: searching {len(part.space)} values on {seen.sum()} checked ones")
    z, after = search(costs, start, before, part.space.bounds, generations, seed, report=say)
    say(f"{part.name}: cost {before:.2f} -> {after:.2f}")
    return values(z) if after < before else {}
