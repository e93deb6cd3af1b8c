"""Decomposition of a system at rest into blocks of states that act on one another.

The strongly connected components of the Jacobian's pattern, put in an order in which each comes
after all that act on it, make the matrix block triangular: it is solved block by block, and its
eigenvalues are those of the components.

Conserved totals fit in. Written so that each begins in the last component it reaches and no two
begin alike (echelon form from the last component backwards), a total says something about its last
component, given those before; and its part there is a left null vector of the component's matrix.
"""

from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]
Indices = NDArray[np.int64]

INDEPENDENT = 1e-9
"""Coefficient below which a state is not in a combination of moieties: coefficients are small whole
numbers, so what eliminations leave of a dependent moiety is round-off."""

SMALL = 24
"""States up to which components in a row are solved together: the calls for one more block would
take longer than the larger matrix."""


class Component(NamedTuple):
    """One strongly connected component of k states.

    states : (k,) in ascending order.
    entries, place : (e,) entries of the Jacobian within it, and where they lie in the flattened
        (k, k) matrix.
    totals : (t, k) its part of the totals of which it is the last component.
    """

    states: Indices
    entries: Indices
    place: Indices
    totals: Array


class Block(NamedTuple):
    """Components that are solved together, with what acts on them from earlier blocks.

    states : (k,)
    columns : (k + u,) these states, then those of earlier blocks that enter.
    begin, end : where the flattened (k, k + u) matrix lies among those of all blocks.
    """

    states: Indices
    columns: Indices
    begin: int
    end: int


class Sums(NamedTuple):
    """Sums over numbers with the same target: the numbers in order of it, and where each begins."""

    order: Indices
    first: Indices
    target: Indices

    def of(self, values: Array) -> Array:
        """Sums (runs, targets) of values (runs, numbers)."""
        if not self.first.size:
            return np.zeros((len(values), 0))
        return np.asarray(np.add.reduceat(values.take(self.order, axis=1), self.first, axis=1))


def sums(target: Indices) -> Sums:
    """Sums over numbers, given the target of each."""
    order = np.argsort(target, kind="stable")
    present, first = np.unique(target[order], return_index=True)
    return Sums(order, first, present)


class Totals(NamedTuple):
    """Conserved totals of the states that can move: t totals, with z coefficients that are not 0.

    coefficients : (t, n)
    begin : (t,) a state of the last block that no later total has.
    number, state, coefficient : (z,) the total of each, ascending, its state and value.
    first : (t,) where each total begins.
    own : (o,) those of the z that belong to states of the total's last block.
    own_first : (t,) where each total begins among them.
    to_rows : sums over the o by state.
    row, column : (pairs,) an own coefficient (of the o) and one of the z of the same total.
    """

    coefficients: Array
    begin: Indices
    number: Indices
    state: Indices
    coefficient: Array
    first: Indices
    own: Indices
    own_first: Indices
    to_rows: Sums
    row: Indices
    column: Indices


class Blocks(NamedTuple):
    """What is known of a system of which some states are fixed. Runs may fix more of them.

    components : those in which totals leave more than one direction.
    diagonal : sums of the Jacobian's diagonal over each of the other components.
    moving : (a,) the states in any of the blocks.
    entries : (e,) entries of the Jacobian among these.
    fill : sums of the entries, of the totals' pairs and of numbers on the diagonal, one for each of
        `moving`, by place in the flattened matrices.
    size : numbers in all flattened matrices.
    """

    blocks: tuple[Block, ...]
    components: tuple[Component, ...]
    diagonal: Sums
    totals: Totals
    moving: Indices
    entries: Indices
    fill: Sums
    size: int


@dataclass(frozen=True, eq=False)
class Structure:
    """What the equations of rest of all runs share.

    pattern : (2, nnz) rows and columns of the Jacobian's entries.
    moieties : (m, n) linearly independent coefficients of the conserved totals.
    algebraic : (n,) states without a rate, whose row is a constraint.
    """

    pattern: Indices
    moieties: Array
    algebraic: Mask
    _known: dict[bytes, Blocks] = field(default_factory=dict)

    def group(self, fixed: Mask) -> dict[bytes, list[int]]:
        """Which runs share their blocks, given the states (runs, n) that are fixed in each.

        One decomposition serves all runs whose totals still begin in states that move: their other
        fixed states are left in it as states that stay. Other runs have one of their own.

        Returns
        -------
        Fixed states of each decomposition (as bytes), and the runs that share it.
        """
        blocks = self.blocks(self._held)
        totals = blocks.totals
        present = (totals.coefficients != 0).astype(float)
        gone = np.matmul((~fixed).astype(float), present.T) == 0
        alike = (gone | ~fixed[:, totals.begin]).all(axis=1) & fixed[:, self._held].all(axis=1)
        groups: dict[bytes, list[int]] = {}
        for run, common in enumerate(alike.tolist()):
            mask = self._held if common else fixed[run]
            groups.setdefault(mask.tobytes(), []).append(run)
        return groups

    @cached_property
    def _held(self) -> Mask:
        """States (n,) that are a moiety of their own: they move in no run."""
        single = np.count_nonzero(self.moieties, axis=1) == 1
        return np.asarray((self.moieties[single] != 0).any(axis=0))

    def blocks(self, fixed: Mask) -> Blocks:
        """The decomposition where some states (n,) are fixed; made once."""
        key = fixed.tobytes()
        if key not in self._known:
            self._known[key] = decompose(self, fixed)
        return self._known[key]

    def in_rows(self, entries: Array | Mask) -> Array:
        """Sums (runs, n) over the rows of entries (runs, nnz) in the order of the pattern."""
        found = np.zeros((len(entries), self.algebraic.size))
        found[:, self._rows.target] = self._rows.of(np.asarray(entries, float))
        return found

    @cached_property
    def _rows(self) -> Sums:
        return sums(self.pattern[0])


def decompose(structure: Structure, fixed: Mask) -> Blocks:
    """Blocks of the states that are not fixed, each after all that act on it."""
    n = fixed.size
    rows, columns = structure.pattern
    seen = np.flatnonzero(~(fixed[rows] | fixed[columns]))
    component = _components(n, rows[seen], columns[seen])
    component[fixed] = -1
    totals, begins = _totals(structure.moieties, component)
    count = int(component.max(initial=-1)) + 1
    home = component[rows[seen]]
    inner = seen[home == component[columns[seen]]]
    inner = inner[np.argsort(component[rows[inner]], kind="stable")]
    members = _parts(component, np.arange(n), count)
    entries_of = _parts(component[rows[inner]], inner, count)
    inside = np.zeros(n, np.int64)
    components, diagonals = [], []
    for c, states in enumerate(members):
        own, k = entries_of[c], states.size
        inside[states] = np.arange(k)
        i, j = inside[rows[own]], inside[columns[own]]
        part = totals[component[begins] == c][:, states]
        if k == len(part) + 1 and (i == j).any() and not structure.algebraic[states].any():
            diagonals.append(own[i == j])
        elif k:
            components.append(Component(states, own, i * k + j, part))
    sizes = [diagonal.size for diagonal in diagonals]
    diagonal = Sums(
        np.concatenate([*diagonals, np.empty(0, np.int64)]),
        np.cumsum([0, *sizes], dtype=np.int64)[:-1],
        np.arange(len(sizes)),
    )
    groups = _merged([states for states in members if states.size])
    block_of = np.full(n, -1)
    for b, states in enumerate(groups):
        block_of[states] = b
    listed = _list_totals(np.where(fixed, 0.0, totals), begins, block_of)
    moving = np.flatnonzero(~fixed)
    row = np.concatenate([rows[seen], listed.state[listed.own[listed.row]], moving])
    column = np.concatenate([columns[seen], listed.state[listed.column], moving])
    size, blocks, fill = _place(row, column, groups, block_of)
    return Blocks(blocks, tuple(components), diagonal, listed, moving, seen, fill, size)


def _parts(number: Indices, values: Indices, count: int) -> list[Indices]:
    """The values with each number, 0 to count - 1."""
    order = np.argsort(number, kind="stable")
    bounds = np.searchsorted(number[order], np.arange(count + 1))
    return [values[order[bounds[c] : bounds[c + 1]]] for c in range(count)]


def _merged(members: list[Indices]) -> list[Indices]:
    """Components' states, those in a row together while they are few."""
    groups: list[list[Indices]] = []
    size = SMALL
    for states in members:
        size += states.size
        if size > SMALL:
            groups.append([])
            size = states.size
        groups[-1].append(states)
    return [np.concatenate(group) for group in groups]


def _list_totals(totals: Array, begins: Indices, block_of: Indices) -> Totals:
    """The totals by their coefficients, given where they begin and the block of each state."""
    number, state = np.nonzero(totals)
    own = np.flatnonzero(block_of[state] == block_of[begins][number])
    every = np.arange(len(totals))
    pairs = number[own][:, None] == number
    row, column = np.nonzero(pairs)
    return Totals(
        totals,
        begins,
        number,
        state,
        totals[number, state],
        np.searchsorted(number, every),
        own,
        np.searchsorted(number[own], every),
        sums(state[own]),
        row,
        column,
    )


def _place(
    row: Indices, column: Indices, groups: list[Indices], block_of: Indices
) -> tuple[int, tuple[Block, ...], Sums]:
    """Where numbers of given rows and columns lie in the flattened matrices of the blocks."""
    n = block_of.size
    place, blocks, begin = np.zeros(row.size, np.int64), [], 0
    inside = np.zeros(n, np.int64)
    numbers = _parts(block_of[row], np.arange(row.size), len(groups))
    for states, here in zip(groups, numbers, strict=True):
        enters = np.zeros(n, bool)
        enters[column[here]] = True
        enters[states] = False
        together = np.concatenate([states, np.flatnonzero(enters)])
        inside[together] = np.arange(together.size)
        place[here] = begin + inside[row[here]] * together.size + inside[column[here]]
        end = begin + states.size * together.size
        blocks.append(Block(states, together, begin, end))
        begin = end
    return begin, tuple(blocks), sums(place)


def _totals(moieties: Array, component: Indices) -> tuple[Array, Indices]:
    """Combinations (t, n) of the moieties that begin in no two states, and these states (t,).

    A combination begins in a state of the last component that it reaches. Moieties of fixed states
    alone (component -1), and those that depend on others without the fixed states, say nothing and
    are left out.
    """
    left, begins = moieties.copy(), list[int]()
    columns = np.flatnonzero((component >= 0) & (left != 0).any(axis=0))
    for column in columns[np.argsort(-component[columns], kind="stable")].tolist():
        k = len(begins)
        holders = k + np.flatnonzero(np.abs(left[k:, column]) > INDEPENDENT)
        if not holders.size:
            continue
        left[[k, holders[0]]] = left[[holders[0], k]]
        for other in holders[holders > k]:
            left[other] -= left[other, column] / left[k, column] * left[k]
            left[other, column] = 0.0
        begins.append(column)
    return left[: len(begins)], np.array(begins, np.int64)


def _components(n: int, rows: Indices, columns: Indices) -> Indices:
    """Strongly connected component (n,) of every state, numbered after all that act on it.

    Two searches in depth (Sharir 1981, doi:10.1016/0898-1221(81)90008-0): the first orders the
    states by when all that they reach has been seen, the second collects what reaches a state, from
    the last one backwards.
    """
    acts_on: list[list[int]] = [[] for _ in range(n)]
    driven_by: list[list[int]] = [[] for _ in range(n)]
    for i, j in zip(rows.tolist(), columns.tolist(), strict=True):
        acts_on[j].append(i)
        driven_by[i].append(j)
    done, order = [False] * n, []
    for root in range(n):
        stack = [] if done[root] else [(root, iter(acts_on[root]))]
        done[root] = True
        while stack:
            state, waiting = stack[-1]
            for other in waiting:
                if not done[other]:
                    done[other] = True
                    stack.append((other, iter(acts_on[other])))
                    break
            else:
                order.append(state)
                stack.pop()
    component, count = [-1] * n, 0
    for root in reversed(order):
        if component[root] >= 0:
            continue
        component[root], pending = count, [root]
        while pending:
            for other in driven_by[pending.pop()]:
                if component[other] < 0:
                    component[other] = count
                    pending.append(other)
        count += 1
    return np.array(component, np.int64)
