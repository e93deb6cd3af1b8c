"""Where everything lies that a group of lanes works with.

Compiled code takes three things: `g`, integers (addresses of functions, numbers of things, places);
`tables`, one array of all index tables; and `w`, one flat array of all numbers.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from .choice import natural_step
from .events import ASSIGNMENT_COLUMNS, EVENT_COLUMNS, FIRST, LAST, queue_size
from .lanes import aligned
from .step_code import ATOL, BEFORE, CONTROL, NATURAL, RTOL, STOP, H, Method
from .system import NOTHING_ALONG, Along, Indices, System, Tolerances


class Group(NamedTuple):
    """Integers that describe a group of runs to compiled code, which gets them as one record.

    First addresses (see `system.System`, `system.Along` and `step_code.Method`), then numbers of
    things (`rows` = n and as many for each of the `blocks` of directions), then the
    places in `w` where blocks of rows begin (y, y_new; argument and second of a stage; its rates;
    stages u; dense output; rates, J and df/dt at (t, y); LU; constants q; scratch; outputs at some
    times; for each lane, these times, where in its step they lie, and the needed states there;
    times and states at which events are looked at, and what is seen; of sensitivities, see
    `tangents`, the blocks, directions of parameters, rates before an event, how its time and what
    it needs move, the latter when triggers became true, and zeros), of single numbers (parameters
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
    along_rates: int
    along_bend: int
    along_prepare: int
    along_read: int
    along_happen: int
    begin: int
    finish: int
    dense: int
    middle: int
    doubt: int
    sample: int
    inside: int
    take: int
    advance: int
    timed: int
    explicit: int
    order: int
    max_steps: int
    lanes: int
    n: int
    rows: int
    blocks: int
    block_rows: int
    along_constants: int
    bent: int
    along_outputs: int
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
    event_rows: int
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
    at_blocks: int
    at_along_p: int
    at_before: int
    at_shift: int
    at_motions: int
    at_noted: int
    at_nothing: int
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


def describe(
    system: System,
    method: Method,
    tolerances: Tolerances,
    along: Along = NOTHING_ALONG,
    blocks: int = 0,
) -> tuple[np.record, Indices]:
    """The integers and index tables of a group, with so many blocks of directions (a row each).

    The integers are a record with the fields of `Group`: compiled code hands it on as one address,
    where a tuple would be unpacked at each call.
    """
    sizes, lanes, factors = system.sizes, system.lanes, system.factors
    n, stages = sizes.states, method.combine.size
    m = n * (1 + blocks)
    block = along.constants + along.bent + n
    rows = [CONTROL, m, m, m, m, m, stages * m, method.dense_rows * m, n, sizes.entries, m]
    rows += [factors.columns.size + 1, sizes.constants, max(sizes.scratch, along.scratch)]
    rows += [max(sizes.outputs, 2 * along.outputs)]
    events = system.events.size // EVENT_COLUMNS
    spans = system.events.reshape(-1, EVENT_COLUMNS)[:, [FIRST, LAST]]
    assignments = int(np.diff(spans).max(initial=0))
    relations = system.relations.size
    queue = queue_size(events, relations, assignments)
    rows += [lanes * (2 + system.needed.size), 1 + n, system.event_rows]
    noted = max(1, blocks * (system.assignments.size // ASSIGNMENT_COLUMNS))
    rows += [blocks * block, blocks * sizes.parameters, n, blocks, blocks * system.event_rows]
    rows += [noted, max(n, sizes.parameters, 1) if along.read else 0]
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
        *(system.outputs, system.event_values, *along[:5], method.begin, method.finish),
        *(method.dense, method.middle, method.doubt, method.sample, method.inside, method.take),
        method.advance,
        *(int(method.timed), int(method.gamma == 0.0), method.order, tolerances.max_steps),
        *(lanes, n, m, blocks, block, along.constants, along.bent, along.outputs),
        *(sizes.parameters, sizes.outputs, system.needed.size, sizes.entries),
        *(factors.columns.size, stages),
        *(system.held.size, system.held_entries.size, system.algebraic.size),
        *(events, system.event_rows, assignments, relations, system.switches.size // 2, queue),
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
