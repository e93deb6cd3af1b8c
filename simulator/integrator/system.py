"""A system of equations as compiled code sees it: addresses of its functions, and index tables."""

from typing import Any, NamedTuple

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic
from numpy.typing import NDArray

from .cache import compiled
from .linear import Factors


class System(NamedTuple):
    """dy/dt = rates(t, y, p) with its Jacobian and outputs.

    Each address is of a C function ``void f(double t, const double *y, const double *p, double
    *out)``: `rates` writes dy/dt (n,), `jacobian` the entries of J and then df/dt (nnz + n,),
    `outputs` the quantities that can be reported (outputs,).

    factorise, solve : addresses of the sparse LU written out for this pattern, of the same C type,
        ``factorise(shift, jacobian, -, out)`` and ``solve(-, right, lu, out)``; 0 = walk `factors`.

    held : (k,) states that stay at their value whatever their rates are.
    held_entries : entries of J that lie in the rows of held states.
    """

    rates: int
    jacobian: int
    outputs: int
    output_count: int
    factorise: int
    solve: int
    factors: Factors
    held: NDArray[np.int64]
    held_entries: NDArray[np.int64]


class Tolerances(NamedTuple):
    """|local error of y_i| <= atol + rtol |y_i| in each step, at most `max_steps` steps a run."""

    rtol: float
    atol: float
    max_steps: int


@intrinsic
def call(typingctx: Any, address: Any, t: Any, y: Any, p: Any, out: Any) -> Any:
    """Call the C function at `address` as ``f(t, y, p, out)``; the last three are float64 arrays.

    An address is a plain integer, so the calling code is compiled once for every model.
    """
    signature = types.void(types.intp, types.float64, y, p, out)

    def generate(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        pointer = ir.DoubleType().as_pointer()
        function = ir.FunctionType(ir.VoidType(), [ir.DoubleType(), pointer, pointer, pointer])
        data = [
            context.make_array(kind)(context, builder, value).data
            for kind, value in zip(sig.args[2:], args[2:], strict=True)
        ]
        target = builder.inttoptr(args[0], function.as_pointer())
        builder.call(target, [args[1], *data])
        return context.get_dummy_value()

    return signature, generate


@compiled
def evaluate(address, t, y, p, out):  # type: ignore[no-untyped-def]
    """One call of a compiled function from Python: y, p and out are float64 arrays."""
    call(address, t, y, p, out)
