"""Accepted steps of a group of runs: outputs within them, and where events end them.

What the arguments g, tables and w hold: see `group`.
"""

from .cache import compiled
from .events import cut_at_change, move_to
from .explicit import take_rates
from .lanes import call
from .reporting import REPORTED, RUN, record_steps
from .step_code import ACCEPT, CUT, STOP, T_NEW, H
from .step_code import T as TIME


@compiled
def accept(g, tables, w, lane_of, ends, times, out, jumps, explicit, dense):  # type: ignore[no-untyped-def]
    """Take the attempts whose error is small enough, and record the outputs within them.

    dense : whether the coefficients of dense output are there.
    """
    lanes, wanted = g.lanes, False
    for lane in range(lanes):
        if w[ACCEPT * lanes + lane] == 0.0:
            ends.accepted[lane_of[RUN, lane]] += 1
            wanted = wanted or times[lane_of[REPORTED, lane]] <= w[T_NEW * lanes + lane]
    if wanted or jumps is not None:
        if not dense:
            call(g.dense, w, g.at_y, g.at_u, g.at_y, g.at_dense, 0, g.rows)
        if jumps is not None:
            cut_steps(g, tables, w, lane_of)
        record_steps(g, w, lane_of, times, out)
        if jumps is not None:
            end_at_cuts(g, w, lane_of)
    call(g.take, w, g.at_y, g.at_u, g.at_u, g.at_y_new, 0, g.rows)
    if explicit is not None:
        take_rates(g, w)
    call(g.advance, w, 0, 0, 0, 0, 0, 0)


@compiled
def cut_steps(g, tables, w, lane_of):  # type: ignore[no-untyped-def]
    """End the accepted steps where events may have to be looked at."""
    lanes = g.lanes
    for lane in range(lanes):
        w[CUT * lanes + lane] = 2.0
        if w[ACCEPT * lanes + lane] == 0.0:
            end = w[T_NEW * lanes + lane]
            cut = cut_at_change(g, tables, w, lane, end)
            if cut <= end:
                w[STOP * lanes + lane] = w[T_NEW * lanes + lane] = cut
            if cut < end:
                since = cut - w[TIME * lanes + lane]
                w[CUT * lanes + lane] = since / w[H * lanes + lane]


@compiled
def end_at_cuts(g, w, lane_of):  # type: ignore[no-untyped-def]
    """Make the states where steps are cut their ends."""
    for lane in range(g.lanes):
        if w[CUT * g.lanes + lane] < 1.0:
            move_to(g, w, lane, w[CUT * g.lanes + lane])
