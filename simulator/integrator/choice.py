"""Which method suits a run, by its own steps alone: never by the times asked for.

A run begins with Rosenbrock steps. Where these turn out to be so short that an explicit method
could take them as well, it goes on with explicit ones, and where stiffness comes to limit those,
with Rosenbrock ones to its end. Both questions are about h lambda, lambda being the fastest rate of
decay. What the arguments g, tables and w hold: see `group`.
"""

from .cache import compiled
from .reporting import STIFF_STEPS
from .step_code import ACCEPT, FACTOR, NATURAL, STIFF, H

FIRST_LOOK = 64
"""Accepted steps before a Rosenbrock run is looked at first, and again whenever they have doubled.
By then a stiff run has left its fast transient, where its steps are short for accuracy's sake; a
run that needs few steps costs little by any method."""

STEADY = 2.0  # next step over the last, from which on steps still grow to their proper length

MILD = 1.0
"""Rosenbrock steps of less than the natural h lambda, and of this, could as well be explicit."""

LIMITED = 5.0
"""Explicit steps of more than so many natural h lambda are shorter than they need to be."""

STABLE = 3.0
"""As are those above this, whatever their accuracy: Tsit5 is stable up to 3.5 on the negative real
axis, and errors keep steps somewhat above or below."""

PATIENCE = 3  # so many more attempts that are limited than others, until a run is left


def natural_step(rtol: float) -> float:
    """The h lambda of steps that are as long as accuracy allows, where lambda matters to it.

    Longer ones are those of a solution that is slower than lambda, which is what stiffness is.
    Measured with Tsit5 on oscillators, where it grows with the tolerance as its order says.
    """
    return 6.0 * float(rtol**0.2)


@compiled
def is_mild(g, tables, w, lane, accepted):  # type: ignore[no-untyped-def]
    """Whether a Rosenbrock run's next steps are such as an explicit method can take.

    lambda is the largest diagonal entry of J: the turnover of the fastest state, whatever units
    states have.  accepted : steps of the run.
    """
    look = accepted >= FIRST_LOOK and accepted & (accepted - 1) == 0
    if not look or w[ACCEPT * g.lanes + lane] != 0.0 or w[FACTOR * g.lanes + lane] > STEADY:
        return False
    fastest = 0.0
    for e in range(g.entries):
        if tables[g.j_rows + e] == tables[g.j_columns + e]:
            fastest = max(fastest, abs(w[g.at_jacobian + e * g.lanes + lane]))
    return w[H * g.lanes + lane] * fastest < min(MILD, w[NATURAL * g.lanes + lane])


@compiled
def is_limited(g, w, lane_of, lane):  # type: ignore[no-untyped-def]
    """Whether stiffness limits the steps of an explicit run. To be asked after each attempt.

    By h lambda of the step to come, as the last attempt estimates it.
    """
    squared = w[STIFF * g.lanes + lane] * w[FACTOR * g.lanes + lane] ** 2
    limited = squared > min(STABLE, LIMITED * w[NATURAL * g.lanes + lane]) ** 2
    more = lane_of[STIFF_STEPS, lane] + (1 if limited else -1)
    lane_of[STIFF_STEPS, lane] = max(0, more)
    return more >= PATIENCE
