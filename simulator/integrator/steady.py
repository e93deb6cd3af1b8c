"""Steady states: integration until little moves, then Newton's method and its proof.

Integration (`path`) finds the state of rest that the system itself would reach; Newton's method
(`newton`) finds its digits, and that it is one which small perturbations do not leave. Where there
is none close by, integration goes on. Where nothing but the path determines the state (a continuum
of states of rest), integration alone leads to it, at the tolerances asked for.

Each run is computed as if it were alone.
"""

import math
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import numpy as np

from .batch import SUCCESS
from .blocks import Mask, Structure
from .newton import VANISHED, Rest, Verdict, newton_batch
from .path import NEARLY, NO_STEADY_STATE, SETTLED, follow_paths, start_paths
from .status import Status
from .step_code import Method, compile_method
from .system import Array, Indices, System, Tolerances, evaluate
from .tableau import Tableau
from .work import Ends, no_ends

PATH_RTOL = (1e-4, 1e-6)
"""Relative tolerances on the way, the second where integration fails with the first; the state of
rest itself does not depend on them."""

AGAIN, AGAIN_UNSTABLE = 10.0, 2.0
"""How much longer time becomes before Newton's method is tried again; the second where it saw a
perturbation grow, which will soon have led away."""

TOGETHER = 64
"""Runs given to Newton's method at once, at least, where there are more threads than one."""


class Conserved(NamedTuple):
    """What the runs of a system conserve.

    structure : conserved totals, with the pattern of the Jacobian.
    weights : parameters (runs, parameters) -> (runs, n), what turns states into amounts.
    where_zero : which initial states (n,) and parameters (parameters,) are zero -> the same with
        all that is conserved then.
    """

    structure: Structure
    weights: Callable[[Array], Array]
    where_zero: Callable[[Mask, Mask], Structure]


class Problem(NamedTuple):
    """What `settle_batch` is given."""

    system: System
    method: Method
    tolerances: Tolerances
    states: Array
    parameters: Array
    conserved: Conserved
    weights: Array
    workers: int
    deadline: float


def settle_batch(
    system: System,
    tableau: Tableau,
    tolerances: Tolerances,
    states: Array,
    parameters: Array,
    conserved: Conserved,
    workers: int = 1,
    deadline: float = math.inf,
) -> tuple[Array, Ends]:
    """Steady state of every run, from `states` (runs, n) with `parameters` (runs, parameters).

    Of the tolerances, `atol` says what counts as nothing and `max_steps` when to give up; `rtol`
    matters in a continuum of states of rest only.

    Returns (runs, n) steady states, NaN where there is none, and how the runs ended:
    NO_STEADY_STATE when the step budget or the range of numbers ends first, as it does for
    oscillation and unbounded growth; UNSTABLE_STEADY_STATE on a state of rest from which some
    perturbation grows.
    """
    method = compile_method(tableau, system.lanes, timed=False)
    weights = conserved.weights(parameters)
    given = (system, method, tolerances, states, parameters, conserved, weights)
    problem = Problem(*given, workers, deadline)
    found, ends = np.full(states.shape, np.nan), no_ends(len(states))
    todo, continua = np.arange(len(states)), []
    for rtol in PATH_RTOL:
        continua.append(_approach(problem, rtol, todo, found, ends))
        within_budget = ends.accepted + ends.rejected < tolerances.max_steps
        todo = np.flatnonzero((ends.status == NO_STEADY_STATE) & within_budget)
        if not todo.size:
            break
    runs = np.concatenate(continua)
    if runs.size:
        _follow_to_the_end(problem, runs, found, ends)
    return found, ends


def _approach(problem: Problem, rtol: float, todo: Indices, found: Array, ends: Ends) -> Indices:
    """Bring some of the runs to rest; returns those in a continuum of states of rest.

    `found` and `ends` are written for all others.
    """
    path, continua = start_paths(problem.states), [np.empty(0, np.int64)]
    tolerances = problem.tolerances._replace(rtol=rtol)
    ends.accepted[todo] = ends.rejected[todo] = 0
    while todo.size:
        follow_paths(
            *(problem.system, problem.method, tolerances, NEARLY, todo, problem.parameters),
            *(path, ends, problem.workers, problem.deadline),
        )
        todo = todo[ends.status[todo] == SUCCESS]
        rest = _polish(problem, problem.conserved.structure, rtol, path.states, todo)
        _see_zeros(problem, rtol, path.states, todo, rest)
        found[todo] = np.where((rest.verdict == Verdict.AT_REST)[:, None], rest.states, np.nan)
        ends.status[todo[rest.verdict == Verdict.UNSTABLE]] = Status.UNSTABLE_STEADY_STATE
        continua.append(todo[rest.verdict == Verdict.CONTINUUM])
        longer = np.where(rest.growth > 0, AGAIN_UNSTABLE, AGAIN)
        path.until[todo] = path.elapsed[todo] * longer
        todo = todo[rest.verdict == Verdict.NOT_AT_REST]
    return np.concatenate(continua)


def _polish(
    problem: Problem, structure: Structure, rtol: float, settled: Array, runs: Indices
) -> Rest:
    """What Newton's method finds from where some of the runs have got to."""
    system = problem.system
    n, entries = system.sizes.states, system.sizes.entries

    def linear(y: Array, p: Array) -> tuple[Array, Array]:
        found = evaluate(system, 0.0, y, p, linearise=True)
        rates, jacobian = found[:, :n], found[:, n : n + entries]
        rates[:, system.held] = 0.0
        jacobian[:, system.held_entries] = 0.0
        return rates, jacobian

    def polish(some: Indices) -> Rest:
        return newton_batch(
            linear,
            structure,
            settled[some],
            problem.parameters[some],
            start=problem.states[some],
            rtol=rtol,
            atol=problem.tolerances.atol,
            weights=problem.weights[some],
        )

    pieces = max(1, min(problem.workers, runs.size // TOGETHER))
    if pieces == 1:
        return polish(runs)
    with ThreadPoolExecutor(pieces) as pool:
        parts = list(pool.map(polish, np.array_split(runs, pieces)))
    return Rest(*map(np.concatenate, zip(*parts, strict=True)))


def _see_zeros(problem: Problem, rtol: float, settled: Array, runs: Indices, rest: Rest) -> None:
    """Judge runs in a continuum again, by what is conserved where their zeros stay zero."""
    asked = np.flatnonzero(rest.verdict == Verdict.CONTINUUM)
    absent, off = problem.states[runs[asked]] == 0, problem.parameters[runs[asked]] == 0
    alike: dict[tuple[bytes, bytes], list[int]] = {}
    for k in range(asked.size):
        alike.setdefault((absent[k].tobytes(), off[k].tobytes()), []).append(k)
    for members in alike.values():
        structure = problem.conserved.where_zero(absent[members[0]], off[members[0]])
        if len(structure.moieties) == len(problem.conserved.structure.moieties):
            continue
        places = asked[members]
        again = _polish(problem, structure, rtol, settled, runs[places])
        better = np.isin(again.verdict, (Verdict.AT_REST, Verdict.UNSTABLE))
        for one, other in zip(rest, again, strict=True):
            one[places[better]] = other[better]


def _follow_to_the_end(problem: Problem, runs: Indices, found: Array, ends: Ends) -> None:
    """Integrate some of the runs from their start, until they settle by themselves."""
    path = start_paths(problem.states)
    ends.accepted[runs] = ends.rejected[runs] = 0
    follow_paths(
        *(problem.system, problem.method, problem.tolerances, SETTLED, runs, problem.parameters),
        *(path, ends, problem.workers, problem.deadline),
    )
    settled = runs[ends.status[runs] == SUCCESS]
    y = path.states[settled]
    found[settled] = np.where(np.abs(y) < VANISHED * problem.tolerances.atol, 0.0, y)
