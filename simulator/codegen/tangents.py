"""How rates, events and outputs change along directions in the space of states and parameters.

A direction says how fast each state and each parameter moves. Along it, the rates f(t, y, p) change
by J s + (df/dp) dp, where s and dp are the parts of the direction: that is the right-hand side of
the sensitivity equations (Hairer, Norsett & Wanner, Solving Ordinary Differential Equations I, 2nd
ed., section I.14). On rows, each lane has a direction of its own; states and parameters are the
same in every lane.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..errors import ModelError
from ..integrator.machine_code import Code
from ..integrator.system import Along
from .equations import Equations
from .graph import Graph
from .program import RELATIONS, Place, Program, compile_programs, scratch_rows

# Places of what programs along directions take: time, states, constants or parameters, the
# direction of the states, that of constants or parameters, stages or the direction of time.
TIME, STATES, CONSTANTS, ALONG_STATES, ALONG_CONSTANTS, MORE = range(6)
POINTERS = 8


class Parts(NamedTuple):
    """Nodes of a network's graph, each in the order of its rows.

    rates : dy/dt (n,).  jacobian, by_time : their derivatives by states (nnz,) and time (n,).
    constants : what is computed once a run.  values : what events need and what is watched.
    """

    rates: tuple[int, ...]
    jacobian: tuple[int, ...]
    by_time: tuple[int, ...]
    constants: tuple[int, ...]
    values: tuple[int, ...]


class CompiledTangents(NamedTuple):
    """Addresses, and the code that they are valid with."""

    along: Along
    code: Code


def refuse_tangents(eqs: Equations, where: str) -> None:
    """Raise ModelError for what has no sensitivities here: algebraic rules and delayed events."""
    problems = [f'algebraic rule for "{name}"' for name in sorted(eqs.algebraic)]
    problems += [f'delay of event "{e.id}"' for e in eqs.events if e.delay is not None]
    if problems:
        raise ModelError(f"{where}: no sensitivities with {', '.join(problems)}.")


def compile_tangents(
    graph: Graph,
    parts: Parts,
    pattern: NDArray[np.int64],
    lanes: int,
    outputs: Sequence[int],
) -> CompiledTangents:
    """Compile what sensitivities need.

    Parameters
    ----------
    pattern
        (2, nnz) rows and columns of the Jacobian's entries.
    outputs
        Nodes that are reported.
    """
    graph = graph.copy()
    n, count = len(parts.rates), len(graph.inputs) - 1 - len(parts.rates)
    y, p, t = graph.inputs[:n], graph.inputs[n : n + count], graph.inputs[n + count]
    s, dp = graph.add_inputs(n), graph.add_inputs(count, fixed=True)
    u, twist = graph.add_inputs(n), graph.add_inputs(len(parts.jacobian))
    (dt,) = graph.add_inputs(1)
    moving = {**dict(zip(y, s, strict=True)), **dict(zip(p, dp, strict=True))}

    bends = graph.tangents(parts.jacobian, moving)
    zero = graph.constant(0.0)
    bent = [e for e, node in enumerate(bends) if node != zero]
    rates = _with_bends(graph, graph.tangents(parts.rates, moving), bent, twist, u, pattern)
    bend = [*(bends[e] for e in bent), *graph.tangents(parts.by_time, moving)]
    constants = [node for node in graph.constants([*rates, *bend]) if node not in parts.constants]

    of_stage = {
        t: Place(TIME, 0),
        **{node: Place(STATES, k) for k, node in enumerate(y)},
        **{node: Place(CONSTANTS, k) for k, node in enumerate(parts.constants)},
        **{node: Place(ALONG_STATES, k) for k, node in enumerate(s)},
        **{node: Place(ALONG_CONSTANTS, k) for k, node in enumerate(constants)},
        **{twist[e]: Place(ALONG_CONSTANTS, len(constants) + k) for k, e in enumerate(bent)},
        **{node: Place(MORE, k) for k, node in enumerate(u)},
    }
    of_run = {
        t: Place(TIME, 0),
        **{node: Place(STATES, k) for k, node in enumerate(y)},
        **{node: Place(CONSTANTS, k, shared=True) for k, node in enumerate(p)},
        **{node: Place(ALONG_STATES, k) for k, node in enumerate(s)},
        **{node: Place(ALONG_CONSTANTS, k) for k, node in enumerate(dp)},
        dt: Place(MORE, 0),
    }
    crossings = [_crossing(graph, node) for node in parts.values]
    wanted: Mapping[str, tuple[Sequence[int], Mapping[int, Place]]] = {
        "rates": (rates, of_stage),
        "bend": (bend, of_stage),
        "prepare": (constants, of_run),
        "read": ([*outputs, *graph.tangents(outputs, moving)], of_run),
        "happen": (graph.tangents(crossings, {**moving, t: dt}), of_run),
    }
    programs = [
        Program(name, nodes, sources, lanes, lanes, POINTERS)
        for name, (nodes, sources) in wanted.items()
    ]
    code = compile_programs(graph, programs)
    scratch = max(scratch_rows(graph, program) for program in programs)
    rates_, bend_, prepare, read, happen = (code.address(name) for name in wanted)
    sizes = len(constants), len(bent), len(outputs), scratch
    return CompiledTangents(Along(rates_, bend_, prepare, read, happen, *sizes), code)


def _with_bends(
    graph: Graph,
    rates: Sequence[int],
    bent: Sequence[int],
    twist: Sequence[int],
    u: Sequence[int],
    pattern: NDArray[np.int64],
) -> list[int]:
    """Each rate's tangent and what the bend of J adds to a stage: sum_k (dJ_ik) u_k."""
    found = list(rates)
    for e in bent:
        row, column = pattern[:, e].tolist()
        product = graph.apply("multiply", twist[e], u[column])
        found[row] = graph.apply("add", found[row], product)
    return found


def _crossing(graph: Graph, node: int) -> int:
    """What is zero, or a whole number, where a watched node changes; other nodes as they are."""
    operator, arguments, _ = graph.nodes[node]
    if operator in RELATIONS:
        return graph.apply("subtract", *arguments)
    if operator == "quotient":
        return graph.apply("divide", *arguments)
    return arguments[0] if operator in ("floor", "ceiling") else node
