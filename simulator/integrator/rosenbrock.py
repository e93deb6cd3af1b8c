"""One adaptive Rosenbrock integration of one run: steps, dense output, scheduled changes.

Steps are chosen by the error estimate and the scheduled changes alone, so a result at a time does
not depend on which other times are asked for. Notation as in `tableau`.
"""

import numpy as np

from .cache import compiled
from .linear import GROWTH_LIMIT, factorise, solve
from .status import Status
from .system import call

SAFETY = 0.9  # aim below the tolerance, so that most steps are accepted
SHRINK, GROW = 0.2, 6.0  # bounds on the change of step size (Hairer & Wanner, RODAS)
FAILED_SHRINK = 0.25  # after a step that gave no usable number

# Compiled code knows plain integers.
SUCCESS = int(Status.SUCCESS)
STEP_LIMIT = int(Status.STEP_LIMIT)
STEP_TOO_SMALL = int(Status.STEP_TOO_SMALL)
NOT_FINITE = int(Status.NOT_FINITE)
SINGULAR_MATRIX = int(Status.SINGULAR_MATRIX)


@compiled
def evaluate_rates(system, t, y, p, out):  # type: ignore[no-untyped-def]
    """dy/dt, with held states at rest."""
    call(system.rates, t, y, p, out)
    for i in system.held:
        out[i] = 0.0


@compiled
def evaluate_jacobian(system, t, y, p, out):  # type: ignore[no-untyped-def]
    """Entries of J and then df/dt, with held states at rest."""
    call(system.jacobian, t, y, p, out)
    for e in system.held_entries:
        out[e] = 0.0
    entries = system.factors.entry.size
    for i in system.held:
        out[entries + i] = 0.0


@compiled
def factorise_system(system, jacobian, shift, lu, row):  # type: ignore[no-untyped-def]
    """LU of shift I - J by the system's own code or by tables; False when it is unusable."""
    if system.factorise == 0:
        return factorise(system.factors, jacobian, shift, lu, row)
    call(system.factorise, shift, jacobian, jacobian, lu)
    entries = system.factors.columns.size
    return np.isfinite(lu[entries + 2]) and lu[entries + 1] <= GROWTH_LIMIT * lu[entries]


@compiled
def all_finite(values):  # type: ignore[no-untyped-def]
    """True when no value is NaN or infinite."""
    for v in values:  # noqa: SIM110 (a generator is no loop to compiled code)
        if not np.isfinite(v):
            return False
    return True


@compiled
def first_step(system, method, tolerances, t, y, p, rates):  # type: ignore[no-untyped-def]
    """A step size for which the solution changes little (Hairer, Norsett & Wanner, II.4)."""
    size = speed = 0.0
    for i in range(y.size):
        scale = tolerances.atol + tolerances.rtol * abs(y[i])
        size = max(size, abs(y[i]) / scale)
        speed = max(speed, abs(rates[i]) / scale)
    h = 1e-6 if size < 1e-5 or speed < 1e-5 else 0.01 * size / speed
    trial = np.empty_like(y)
    later = np.empty_like(y)
    for i in range(y.size):
        trial[i] = y[i] + h * rates[i]
    evaluate_rates(system, t + h, trial, p, later)
    bend = 0.0
    for i in range(y.size):
        scale = tolerances.atol + tolerances.rtol * abs(y[i])
        bend = max(bend, abs(later[i] - rates[i]) / scale / h)
    if not np.isfinite(bend):
        return h * 1e-3
    strongest = max(speed, bend)
    if strongest <= 1e-15:
        return max(1e-6, h * 1e-3)
    return min(100.0 * h, (0.01 / strongest) ** (1.0 / method.order))


@compiled
def workspace(system, method, n):  # type: ignore[no-untyped-def]
    """Scratch arrays of a run: stages (s, n), J and df/dt, factors, and five vectors of n."""
    factors = system.factors
    return (
        np.zeros((method.m.size, n)),
        np.zeros(factors.entry.size + n),
        np.zeros(factors.columns.size + 3),
        np.zeros((5, n)),
    )


@compiled
def stages(system, method, t, h, y, p, rates, work, y_new):  # type: ignore[no-untyped-def]
    """Try a step from (t, y): fills the stages u and y_new, and gives the Status of the attempt.

    rates : f(t, y).  work : from `workspace`, its Jacobian part already evaluated at (t, y).
    """
    u, jacobian, lu, vectors = work
    # Everything is taken out of its tuple here: in a loop each access would cost a count.
    rates_address, solve_address, factors = system.rates, system.solve, system.factors
    held, entries = system.held, system.factors.entry.size
    a, c, m, alpha, d = method.a, method.c, method.m, method.alpha, method.d
    argument, value, right, scratch = vectors[0], vectors[1], vectors[2], vectors[3]
    n, count, per_h = y.size, m.size, 1.0 / h
    if not factorise_system(system, jacobian, 1.0 / (h * method.gamma), lu, vectors[4]):
        vectors[4][:] = 0.0
        return SINGULAR_MATRIX
    for i in range(count):
        if i == 0:
            value[:] = rates
        else:
            for k in range(n):
                total = y[k]
                for j in range(i):
                    total += a[i, j] * u[j, k]
                argument[k] = total
            call(rates_address, t + alpha[i] * h, argument, p, value)
            for state in held:
                value[state] = 0.0
        for k in range(n):
            total = value[k] + h * d[i] * jacobian[entries + k]
            for j in range(i):
                total += c[i, j] * per_h * u[j, k]
            right[k] = total
        if solve_address == 0:
            solve(factors, lu, right, u[i], scratch)
        else:
            call(solve_address, 0.0, right, lu, u[i])
    for k in range(n):
        total = y[k]
        for i in range(count):
            total += m[i] * u[i, k]
        y_new[k] = total
    return SUCCESS if all_finite(y_new) else NOT_FINITE


@compiled
def error_norm(method, tolerances, y, y_new, u):  # type: ignore[no-untyped-def]
    """Largest component of the error estimate over its tolerance: every state is held to it."""
    worst = 0.0
    for k in range(y.size):
        error = 0.0
        for i in range(method.e.size):
            if method.e[i] != 0.0:
                error += method.e[i] * u[i, k]
        scale = tolerances.atol + tolerances.rtol * max(abs(y[k]), abs(y_new[k]))
        ratio = abs(error) / scale
        if not ratio <= worst:  # also when it is NaN
            worst = ratio
    return worst


@compiled
def step_factor(method, error):  # type: ignore[no-untyped-def]
    """Factor by which the next step may differ, from this step's error norm."""
    if error == 0.0:
        return GROW
    return min(GROW, max(SHRINK, SAFETY * error ** (-1.0 / method.order)))


@compiled
def interpolate(s, y, y_new, dense, out):  # type: ignore[no-untyped-def]
    """Solution at the fraction s of the step, into `out` (n,); dense : (3, n) from `dense_rows`."""
    for k in range(y.size):
        bend = dense[0, k] + s * (dense[1, k] + s * dense[2, k])
        out[k] = (1.0 - s) * y[k] + s * (y_new[k] + (1.0 - s) * bend)


@compiled
def dense_rows(method, u, dense):  # type: ignore[no-untyped-def]
    """q = dense coefficients @ stages, into `dense` (3, n)."""
    dense[:] = 0.0
    for r in range(dense.shape[0]):
        for i in range(u.shape[0]):
            weight = method.dense[r, i]
            for k in range(u.shape[1]):
                dense[r, k] += weight * u[i, k]


@compiled
def report(address, t, y, p, selection, full, out):  # type: ignore[no-untyped-def]
    """Selected outputs at (t, y) into `out` (selected,); full : (outputs,), scratch."""
    call(address, t, y, p, full)
    for s in range(selection.size):
        out[s] = full[selection[s]]


@compiled
def integrate(system, method, tolerances, y, p, times, changes, selection, out):  # type: ignore[no-untyped-def]
    """Integrate one run from t = 0 and report outputs.

    Parameters
    ----------
    y : (n,) state at 0, overwritten.  p : (parameters,), overwritten by scheduled changes.
    times : (times,) increasing, >= 0.
    changes : (times (c,), parameter indices (c,), values (c,)) in time order; each holds from its
        time on, and is in force in the outputs reported for its very time.
    selection : (selected,) indices into the outputs.  out : (times, selected), NaN on entry; filled
        up to where the run ended.

    Returns
    -------
    (status, time reached, accepted steps, rejected steps)
    """
    change_time, change_index, change_value = changes
    n = y.size
    work = workspace(system, method, n)
    u, jacobian = work[0], work[1]
    rates, y_new, y_at = np.empty(n), np.empty(n), np.empty(n)
    dense = np.zeros((3, n))
    full = np.zeros(system.output_count)
    t, h = 0.0, 0.0
    accepted = rejected = reported = applied = 0
    while True:
        # Everything that happens at this very time, then a fresh start of the step control.
        while applied < change_time.size and change_time[applied] <= t:
            p[change_index[applied]] = change_value[applied]
            applied += 1
        while reported < times.size and times[reported] <= t:
            report(system.outputs, t, y, p, selection, full, out[reported])
            reported += 1
        if reported == times.size:
            return SUCCESS, t, accepted, rejected
        stop = change_time[applied] if applied < change_time.size else np.inf
        evaluate_rates(system, t, y, p, rates)
        if not (all_finite(rates) and all_finite(y)):
            return NOT_FINITE, t, accepted, rejected
        h = first_step(system, method, tolerances, t, y, p, rates)
        fresh = True  # J is not yet evaluated at (t, y)
        retry_at_end = True
        while t < stop and reported < times.size:
            if accepted + rejected >= tolerances.max_steps:
                return STEP_LIMIT, t, accepted, rejected
            if fresh:
                evaluate_jacobian(system, t, y, p, jacobian)
                fresh = False
            # Do not leave a sliver before the stop: two equal steps instead.
            if t + h >= stop:
                h = stop - t
            elif t + 2.0 * h > stop:
                h = 0.5 * (stop - t)
            outcome = stages(system, method, t, h, y, p, rates, work, y_new)
            error = error_norm(method, tolerances, y, y_new, u) if outcome == SUCCESS else np.nan
            if outcome == SUCCESS and not np.isfinite(error):
                outcome = NOT_FINITE
            if outcome != SUCCESS or error > 1.0:
                rejected += 1
                last = times[times.size - 1]
                if outcome == SUCCESS:
                    h *= step_factor(method, error)
                elif retry_at_end and t < last < t + h:
                    h = last - t  # the trouble may lie beyond what was asked for
                    retry_at_end = False
                else:
                    h *= FAILED_SHRINK
                if t + h <= t or h < 1e-14 * abs(t):
                    ended = STEP_TOO_SMALL if outcome == SUCCESS else outcome
                    return ended, t, accepted, rejected
                continue
            accepted += 1
            t_new = stop if h == stop - t else t + h
            prepared = False
            while reported < times.size and times[reported] < min(t_new, stop):
                if not prepared:
                    dense_rows(method, u, dense)
                    prepared = True
                interpolate((times[reported] - t) / h, y, y_new, dense, y_at)
                report(system.outputs, times[reported], y_at, p, selection, full, out[reported])
                reported += 1
            t = t_new
            y[:] = y_new
            h *= step_factor(method, error)
            fresh = True
            if t < stop:
                while reported < times.size and times[reported] <= t:
                    report(system.outputs, t, y, p, selection, full, out[reported])
                    reported += 1
                evaluate_rates(system, t, y, p, rates)
                if not all_finite(rates):
                    return NOT_FINITE, t, accepted, rejected
        if reported == times.size:
            return SUCCESS, t, accepted, rejected
