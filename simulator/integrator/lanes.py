"""Lanes: groups of independent runs that compiled code works on at once.

All state of a group lies in one flat array `w`, row after row; a row has one number for each lane.
Arithmetic on rows is LLVM's (`machine_code`), reached through addresses; what decides about single
runs is numba's and reads and writes single numbers of `w`.
"""

from typing import Any

import numpy as np
from llvmlite import binding, ir
from numpy.typing import NDArray

from .cache import address_of, compiled, instructions

ALIGNMENT = 128  # bytes: a row of the widest group, and so the widest vector register
SMALL = 40  # states: up to about here, a group of twice the width fits the fastest cache


def lane_count(states: int) -> int:
    """Runs in a group: one vector register's numbers, for small systems those of two.

    A second register hides the latency of the first; in large systems it would only drive the
    group's numbers out of the first-level cache. The result of a run does not depend on the count,
    but for the last bits.
    """
    width = 8 if binding.get_host_cpu_features().get("avx512f") else 4
    return 2 * width if states <= SMALL else width


def aligned(size: int) -> NDArray[np.float64]:
    """A flat array of `size` zeros that begins on an `ALIGNMENT` boundary."""
    raw = np.zeros(size + ALIGNMENT // 8)
    skip = (-address_of(raw) % ALIGNMENT) // 8
    return raw[skip : skip + size]


@compiled
def fill(w, place, count, value):  # type: ignore[no-untyped-def]
    """Put a number into `count` places of `w`."""
    for k in range(place, place + count):
        w[k] = value


def _calling(w: Any, pointers: int) -> Any:
    """Signature and code of a call of the C function at an address, see `call`."""
    from numba import types

    signature = types.void(types.intp, w, *[types.intp] * (pointers + 1))

    def generate(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        pointer, integer = ir.DoubleType().as_pointer(), ir.IntType(64)
        data = context.make_array(sig.args[1])(context, builder, args[1]).data
        function = ir.FunctionType(ir.VoidType(), [pointer] * pointers + [integer])
        target = builder.inttoptr(args[0], function.as_pointer())
        places = [builder.gep(data, [place]) for place in args[2:-1]]
        builder.call(target, [*places, args[-1]])
        return context.get_dummy_value()

    return signature, generate


@instructions
def call(
    typingctx: Any, address: Any, w: Any, a: Any, b: Any, c: Any, d: Any, e: Any, count: Any
) -> Any:
    """Call the C function at `address` with pointers to five places of `w`, and a count.

    An address is a plain integer, so the calling code is compiled once for every model.
    """
    return _calling(w, 5)


@instructions
def call_along(
    typingctx: Any,
    address: Any,
    w: Any,
    a: Any,
    b: Any,
    c: Any,
    d: Any,
    e: Any,
    f: Any,
    g: Any,
    h: Any,
    count: Any,
) -> Any:
    """As `call`, with eight places: what functions along directions take, see `tangents`."""
    return _calling(w, 8)


@instructions
def take_next(typingctx: Any, counters: Any, place: Any) -> Any:
    """Add 1 to ``counters[place]`` (int64), which threads may share, and return what it was."""
    from numba import types

    def generate(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        data = context.make_array(sig.args[0])(context, builder, args[0]).data
        pointer = builder.gep(data, [args[1]])
        return builder.atomic_rmw("add", pointer, ir.IntType(64)(1), "monotonic")

    return types.int64(counters, types.intp), generate
