"""Quantities that are searched together, on the findings that see them: cells, and cohorts.

Derivatives see neither the readouts of dose matrices, which jump, nor the counts among samples of
cohorts. Both depend on few quantities each, so that a search that compares costs can be afforded.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from ..network.definition import Definition
from ..network.ensemble import COHORTS, Quantity
from .cost import FAILING, Array, Cost, targets
from .files import Source
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
    """Quantities that are searched together, and the findings that see them."""

    name: str
    space: Space
    sources: tuple[Source, ...]


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
    parts = []
    for cell in definition.cells:
        space = _own(definition, (), (cell,))
        if cell in short and len(space):
            parts.append(Part(cell, space, _seeing(scorer, (), (cell,))))
    return tuple(parts)


def cohort_parts(scorer: Scorer) -> tuple[Part, ...]:
    """A part for each group of cohorts that share cells or spreads, with their cells' values.

    Findings on the cohorts and on their cells see it. `scorer` is one that scores cohorts.
    """
    definition = scorer.model.definition
    parts = []
    for cohorts, cells in _groups(definition).items():
        space = _own(definition, cohorts, cells)
        if len(space) and _seeing(scorer, cohorts, ()):
            parts.append(Part(", ".join(cohorts), space, _seeing(scorer, cohorts, cells)))
    return tuple(parts)


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


def _own(definition: Definition, cohorts: Sequence[str], cells: Sequence[str]) -> Space:
    """The fitted values of some cells, and spreads of some cohorts."""
    own = {(COHORTS, cohort) for cohort in cohorts} | {("cells", cell) for cell in cells}
    free = free_quantities(definition, ("cells", COHORTS)).free
    return Space(tuple(f for f in free if (f.quantity.table, f.quantity.level) in own))


def _seeing(scorer: Scorer, cohorts: Sequence[str], cells: Sequence[str]) -> tuple[Source, ...]:
    """The findings with a value of some cohorts or cells that counts, file by file."""
    found: dict[Source, dict[str, None]] = {}
    for each in scorer.leaves:
        if each.weight > 0 and not (
            each.cohorts.isdisjoint(cohorts) and each.cells.isdisjoint(cells)
        ):
            found.setdefault(each.source, {})[each.finding.id] = None
    return tuple(replace(source, only=tuple(ids)) for source, ids in found.items())


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
    cost = Cost(targets(scorer, margin), scorer.weights, failing=FAILING)

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
    say(f"{part.name}: searching {len(part.space)} values on {margins.size} checked ones")
    z, after = search(costs, start, before, part.space.bounds, generations, seed, report=say)
    say(f"{part.name}: cost {before:.2f} -> {after:.2f}")
    return values(z) if after < before else {}
