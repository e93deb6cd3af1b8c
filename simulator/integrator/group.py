"""Where everything lies that a group of lanes works with.

Compiled code takes three things: `g`, integers (addresses of functions, numbers of things, places);
`tables`, one array of all index tables; and `w`, one flat array of all numbers.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from .choice import natural_step
from .events import EVENT_COLUMNS, FIRST, LAST, queue_size
from .lanes import aligned
from .step_code import ATOL, BEFORE, CONTROL, NATURAL, RTOL, STOP, H, Method
from .system import Indices, System, Tolerances


class Group(NamedTuple):
    """Integers that describe a group of runs to compiled code, which gets them as one record.

    First addresses (see `system.System` and `step_code.Method`), then numbers of things, then the
    places in `w` where blocks of rows begin (y, y_new; argument and second of a stage; its rates;
    stages u; dense output; rates, J and df/dt at (t, y); LU; constants q; scratch; outputs at some
    times; for each lane, these times, where in its step they lie, and the needed states there;
    times and states at which events are looked at, and what is seen), of single numbers (parameters
    of each lane; alpha and d of the stages; the lanes' queues of `events`; the matrices of `dense`)
    and of tables for code on rows (the LU's; n and the needed states), and last the places in
    `tables` where index tables begin.
    """

    rates: int
    linearise: int
    factorise: int
    solve: int
    prepare: int
    outputs: int
    event_values: int
    begin: int
    finish: int
    dense: int
    middle: int
    doubt: int
    sample: int
    take: int
    advance: int
    timed: int
    explicit: int
    order: int
    max_steps: int
    lanes: int
    n: int
    parameters: int
    reported: int
    needed_count: int
    entries: int
    lu_entries: int
    stages: int
    held_count: int
    held_entry_count: int
    algebraic_count: int
    event_count: int
    assignment_count: int
    relation_count: int
    switch_count: int
    queue_size: int
    at_control: int
    at_y: int
    at_y_new: int
    at_argument: int
    at_second: int
    at_rates: int
    at_u: int
    at_dense: int
    at_linear: int
    at_jacobian: int
    at_by_time: int
    at_lu: int
    at_q: int
    at_scratch: int
    at_points: int
    at_buffer: int
    at_moment: int
    at_values: int
    at_p: int
    at_alpha: int
    at_d: int
    at_queue: int
    at_matrices: int
    at_elimination: int
    at_solution: int
    at_needed: int
    end: int
    combine: int
    needed: int
    held: int
    held_entry: int
    algebraic: int
    j_rows: int
    j_columns: int
    row_order: int
    mass: int
    event_table: int
    assignment_table: int
    relations: int
    switches: int


RECORD = np.dtype((np.record, [(name, np.int64) for name in Group._fields]))


def describe(system: System, method: Method, tolerances: Tolerances) -> tuple[np.record, Indices]:
    """The integers and index tables of a group.

    The integers are a record with the fields of `Group`: compiled code hands it on as one address,
    where a tuple would be unpacked at each call.
    """
    sizes, lanes, factors = system.sizes, system.lanes, system.factors
    n, stages = sizes.states, method.combine.size
    rows = [CONTROL, n, n, n, n, n, stages * n, method.dense_rows * n, n, sizes.entries, n]
    rows += [factors.columns.size + 1, sizes.constants, sizes.scratch, sizes.outputs]
    events = system.events.size // EVENT_COLUMNS
    spans = system.events.reshape(-1, EVENT_COLUMNS)[:, [FIRST, LAST]]
    assignments = int(np.diff(spans).max(initial=0))
    relations = system.relations.size
    queue = queue_size(events, relations, assignments)
    rows += [lanes * (2 + system.needed.size), 1 + n, system.event_rows]
    numbers = [lanes * r for r in rows]
    numbers += [lanes * sizes.parameters, stages, stages, lanes * queue, lanes * dense_size(n)]
    numbers += [system.elimination.size, system.solution.size, 1 + system.needed.size]
    indices = [method.combine, system.needed, system.held, system.held_entries, system.algebraic]
    indices += [factors.j_rows, factors.j_columns, factors.order, factors.mass]
    indices += [system.events, system.assignments, system.relations, system.switches]
    places = np.cumsum([0, *numbers]).tolist()
    starts = np.cumsum([0, *(table.size for table in indices)]).tolist()
    g = Group(
        *(system.rates, system.linearise, system.factorise, system.solve, system.prepare),
        *(system.outputs, system.event_values, method.begin, method.finish, method.dense),
        *(method.middle, method.doubt, method.sample, method.take, method.advance),
        *(int(method.timed), int(method.gamma == 0.0), method.order, tolerances.max_steps),
        *(lanes, n, sizes.parameters, sizes.outputs, system.needed.size, sizes.entries),
        *(factors.columns.size, stages),
        *(system.held.size, system.held_entries.size, system.algebraic.size),
        *(events, assignments, relations, system.switches.size // 2, queue),
        *places,
        *starts[:-1],
    )
    record: Any = np.array(tuple(g), RECORD)[()]
    return record, np.concatenate(indices)


def dense_size(n: int) -> int:
    """Numbers of one lane's dense matrix, its pivots and a vector."""
    return n * (n + 2)


def idle_group(
    record: np.record, system: System, method: Method, tolerances: Tolerances
) -> NDArray[np.float64]:
    """The flat array of a group without runs; what is never touched takes no memory."""
    g = Group(*record.tolist())  # reading a field of a record from Python takes long
    w = aligned(g.end)
    control = w[: g.at_y].reshape(CONTROL, g.lanes)
    control[H], control[STOP], control[BEFORE] = 1.0, np.inf, np.inf
    control[RTOL], control[ATOL] = tolerances.rtol, tolerances.atol
    control[NATURAL] = natural_step(tolerances.rtol)
    w[g.at_alpha : g.at_d], w[g.at_d : g.at_queue] = method.alpha, method.d
    w[g.at_elimination : g.at_solution] = system.elimination.view(np.float64)
    w[g.at_solution : g.at_needed] = system.solution.view(np.float64)
    w[g.at_needed : g.end] = np.append(g.n, system.needed).view(np.float64)
    return w
