"""Compiled functions on rows, called from Python."""

import ctypes

import numpy as np
from llvmlite import ir

from simulator.integrator.cache import entry_point as entry
from simulator.integrator.lanes import aligned
from simulator.integrator.machine_code import compile_module

__all__ = ["block", "call", "compiled", "empty", "entry"]

SIGNATURE = ctypes.CFUNCTYPE(None, *[ctypes.c_void_p] * 5, ctypes.c_int64)


def block(values, lanes=None):
    """An aligned copy of rows (rows, lanes); numbers alone are spread over the lanes."""
    values = np.asarray(values)
    if lanes is not None and values.ndim < 2:
        values = np.repeat(values.reshape(-1, 1), lanes, axis=1)
    copy = aligned(values.size)
    if values.dtype == np.int64:
        copy = copy.view(np.int64)
    copy[:] = values.ravel()
    return copy.reshape(values.shape)


def empty(*shape):
    """Aligned rows of NaN."""
    return block(np.full(shape, np.nan))


def call(address, *arrays, count=0):
    """Call the function at an address with up to five arrays and a count."""
    assert len(arrays) <= 5
    places = [None if a is None else a.ctypes.data for a in arrays]
    SIGNATURE(address)(*places, *[None] * (5 - len(arrays)), count)


def compiled(write):
    """Code of a module that ``write(module)`` fills."""
    module = ir.Module(name="test")
    write(module)
    return compile_module(module)
