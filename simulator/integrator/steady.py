"""Steady states, by integrating until nothing moves on the longest time scale reached.

Rosenbrock steps of growing length turn into Newton steps as h grows, keep linear invariants
(conserved totals) exactly, and follow the trajectory, so what they settle on is the stable state
that the system itself would reach.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from .batch import Ends, run_in_chunks
from .cache import compiled
from .rosenbrock import (
    FAILED_SHRINK,
    NOT_FINITE,
    SUCCESS,
    all_finite,
    error_norm,
    evaluate_jacobian,
    evaluate_rates,
    first_step,
    stages,
    step_factor,
    workspace,
)
from .status import Status
from .system import System, Tolerances
from .tableau import Array, Tableau

SETTLED = 1e-8
"""Largest relative change of a settled state while time grows tenfold: far below any default
tolerance, and above what round-off does to conserved totals in very long steps."""

VANISHED = 1e-3
"""Fraction of atol below which a settled state is zero: what only decays ends there, not at the
remainder that some last step happened to leave."""

QUIET_DECADES = 2
"""Tenfold growths of time in a row without a change. The first step is as long as the fastest
change needs, so a state that is quiet for this long is so on every time scale."""

PATH_RTOL = 1e-6
"""Relative tolerance on the way; the rest state itself does not depend on it."""

NO_STEADY_STATE = int(Status.NO_STEADY_STATE)


@compiled
def unmoved(y, earlier, atol):  # type: ignore[no-untyped-def]
    """Whether no state differs from an earlier one by more than a settled one may."""
    for k in range(y.size):
        if not abs(y[k] - earlier[k]) <= VANISHED * atol + SETTLED * abs(y[k]):
            return False
    return True


@compiled
def settle(system, method, tolerances, y, p):  # type: ignore[no-untyped-def]
    """Integrate y (n,) in place until it rests; `method` has alpha and d at 0, so time stays at 0.

    Returns (status, time reached, accepted steps, rejected steps). NO_STEADY_STATE when the step
    budget or the range of numbers ends first, as it does for oscillation and unbounded growth.
    """
    n = y.size
    work = workspace(system, method, n)
    u, jacobian = work[0], work[1]
    rates, y_new = np.empty(n), np.empty(n)
    evaluate_rates(system, 0.0, y, p, rates)
    if not (all_finite(rates) and all_finite(y)):
        return NOT_FINITE, 0.0, 0, 0
    t = 0.0
    h = first_step(system, method, tolerances, t, y, p, rates)
    mark, y_mark = h, y.copy()  # where the present tenfold growth of time began
    accepted = rejected = quiet = 0
    fresh = True
    while quiet < QUIET_DECADES:
        if accepted + rejected >= tolerances.max_steps:
            return NO_STEADY_STATE, t, accepted, rejected
        if fresh:
            evaluate_jacobian(system, 0.0, y, p, jacobian)
            jacobian[system.factors.entry.size :] = 0.0  # time stands still
            fresh = False
        outcome = stages(system, method, 0.0, h, y, p, rates, work, y_new)
        error = error_norm(method, tolerances, y, y_new, u) if outcome == SUCCESS else np.nan
        if outcome != SUCCESS or not error <= 1.0:
            rejected += 1
            h *= step_factor(method, error) if np.isfinite(error) else FAILED_SHRINK
            if t + h <= t or h < 1e-300:
                return NO_STEADY_STATE, t, accepted, rejected
            continue
        accepted += 1
        t += h
        y[:] = y_new
        evaluate_rates(system, 0.0, y, p, rates)
        if not all_finite(rates):
            return NO_STEADY_STATE, t, accepted, rejected
        fresh = True
        # Round-off in conserved totals grows with h: no longer than all time before.
        h = min(h * step_factor(method, error), t)
        if t >= 10.0 * mark:
            quiet = quiet + 1 if unmoved(y, y_mark, tolerances.atol) else 0
            mark = t
            y_mark[:] = y
    for k in range(n):
        if abs(y[k]) < VANISHED * tolerances.atol:
            y[k] = 0.0
    return SUCCESS, t, accepted, rejected


@compiled
def _settle_runs(system, method, tolerances, states, parameters, ends, first, last):  # type: ignore[no-untyped-def]
    for run in range(first, last):
        status, reached, accepted, rejected = settle(
            system, method, tolerances, states[run], parameters[run]
        )
        ends.status[run] = status
        ends.time[run] = reached
        ends.accepted[run] = accepted
        ends.rejected[run] = rejected
        if status != SUCCESS:
            states[run] = np.nan


def settle_batch(
    system: System,
    method: Tableau,
    tolerances: Tolerances,
    states: Array,
    parameters: Array,
    workers: int = 1,
    progress: Callable[[int], None] | None = None,
) -> tuple[Array, Ends]:
    """Steady state of every run, from `states` (runs, n) with `parameters` (runs, parameters).

    Of the tolerances, `atol` says what counts as nothing and `max_steps` when to give up.

    Returns (runs, n) steady states, NaN where there is none, and how the runs ended.
    """
    runs = states.shape[0]
    found = np.array(states, order="C")
    frozen = method._replace(alpha=np.zeros_like(method.alpha), d=np.zeros_like(method.d))
    counts: NDArray[np.int64] = np.zeros((3, runs), np.int64)
    ends = Ends(counts[0], np.zeros(runs), counts[1], counts[2])
    on_the_way = tolerances._replace(rtol=PATH_RTOL)
    shared = (system, frozen, on_the_way, found, parameters, ends)
    run_in_chunks(lambda a, b: _settle_runs(*shared, a, b), runs, workers, progress)
    return found, ends
