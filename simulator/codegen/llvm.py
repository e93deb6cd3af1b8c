"""Graphs as machine code: LLVM IR made node by node, compiled by numba's own LLVM (llvmlite).

The operations come from checked trees, so no text of a model is ever executed. Arithmetic is plain
IEEE double precision without reordering or contraction. Object code is cached by the digest of the
IR, of LLVM's version and of the processor.
"""

import ctypes
import hashlib
import os
import tempfile
import threading
import warnings
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import llvmlite
from llvmlite import binding, ir

from .graph import Graph

DOUBLE = ir.DoubleType()
POINTER = DOUBLE.as_pointer()
SIGNATURE = ir.FunctionType(ir.VoidType(), [DOUBLE, POINTER, POINTER, POINTER])

_INTRINSICS = {
    "exp": "llvm.exp",
    "ln": "llvm.log",
    "sqrt": "llvm.sqrt",
    "abs": "llvm.fabs",
    "floor": "llvm.floor",
    "ceiling": "llvm.ceil",
    "sin": "llvm.sin",
    "cos": "llvm.cos",
    "power": "llvm.pow",
}
_LIBRARY = {
    "tan": "tan",
    "arcsin": "asin",
    "arccos": "acos",
    "arctan": "atan",
    "sinh": "sinh",
    "cosh": "cosh",
    "tanh": "tanh",
    "arcsinh": "asinh",
    "arccosh": "acosh",
    "arctanh": "atanh",
}
_RELATIONS = {
    "equal": "==",
    "not_equal": "!=",
    "less": "<",
    "less_equal": "<=",
    "greater": ">",
    "greater_equal": ">=",
}
_ARITHMETIC = {"add": "fadd", "subtract": "fsub", "multiply": "fmul", "divide": "fdiv"}


class Function:
    """Emits one C function ``void f(double t, double *y, double *p, double *out)``."""

    def __init__(
        self, module: ir.Module, name: str, graph: Graph, states: int, parameters: int
    ) -> None:
        self.module, self.graph = module, graph
        function = ir.Function(module, SIGNATURE, name)
        for argument in function.args[1:]:
            argument.add_attribute("noalias")
        self.arguments = function.args
        self.builder = ir.IRBuilder(function.append_basic_block())
        self.states, self.parameters = states, parameters

    def write(self, wanted: Sequence[int]) -> None:
        """Compute the nodes `wanted` and store them one after the other in `out`."""
        value: dict[int, ir.Value] = {}
        for index in self.graph.used(wanted):
            value[index] = self._emit(index, value)
        for place, index in enumerate(wanted):
            self.builder.store(value[index], self._element(self.arguments[3], place))
        self.builder.ret_void()

    def _element(self, array: ir.Value, index: int) -> ir.Value:
        return self.builder.gep(array, [ir.Constant(ir.IntType(64), index)], inbounds=True)

    def _input(self, number: int) -> ir.Value:
        """Inputs are the states, then the parameters, then time."""
        if number < self.states:
            return self.builder.load(self._element(self.arguments[1], number))
        if number < self.states + self.parameters:
            return self.builder.load(self._element(self.arguments[2], number - self.states))
        return self.arguments[0]

    def _emit(self, index: int, value: dict[int, ir.Value]) -> ir.Value:
        operator, arguments, constant = self.graph.nodes[index]
        build = self.builder
        if operator == "constant":
            return ir.Constant(DOUBLE, constant)
        if operator == "input":
            return self._input(int(constant))
        x = [value[a] for a in arguments]
        if operator in _ARITHMETIC:
            return getattr(build, _ARITHMETIC[operator])(*x)
        if operator == "negate":
            return build.fneg(x[0])
        if operator in _INTRINSICS:
            return build.call(self.module.declare_intrinsic(_INTRINSICS[operator], [DOUBLE]), x)
        if operator in _LIBRARY:
            return build.call(self._library(_LIBRARY[operator]), x)
        if operator == "factorial":
            return build.call(self._library("tgamma"), [build.fadd(x[0], ir.Constant(DOUBLE, 1.0))])
        if operator in ("minimum", "maximum"):
            return build.select(self._compare("<" if operator == "minimum" else ">", x), x[0], x[1])
        if operator in ("quotient", "remainder"):
            trunc = self.module.declare_intrinsic("llvm.trunc", [DOUBLE])
            whole = build.call(trunc, [build.fdiv(x[0], x[1])])
            return whole if operator == "quotient" else build.fsub(x[0], build.fmul(x[1], whole))
        if operator == "select":
            return build.select(self._truth(x[0]), x[1], x[2])
        return build.uitofp(self._logical(operator, x), DOUBLE)

    def _logical(self, operator: str, x: list[ir.Value]) -> ir.Value:
        build = self.builder
        if operator in _RELATIONS:
            return self._compare(_RELATIONS[operator], x)
        if operator == "not":
            return build.not_(self._truth(x[0]))
        combine = {"and": build.and_, "or": build.or_, "xor": build.xor}[operator]
        return combine(self._truth(x[0]), self._truth(x[1]))

    def _compare(self, relation: str, x: list[ir.Value]) -> ir.Value:
        if relation == "!=":  # NaN differs from everything, itself included
            return self.builder.fcmp_unordered(relation, x[0], x[1])
        return self.builder.fcmp_ordered(relation, x[0], x[1])

    def _truth(self, x: ir.Value) -> ir.Value:
        return self.builder.fcmp_unordered("!=", x, ir.Constant(DOUBLE, 0.0))

    def _library(self, name: str) -> ir.Function:
        existing = self.module.globals.get(name)
        if existing is not None:
            return existing
        return ir.Function(self.module, ir.FunctionType(DOUBLE, [DOUBLE]), name)


class Code:
    """Compiled functions; keep it alive as long as an address is in use."""

    def __init__(self, engine: Any) -> None:
        self._engine = engine

    def address(self, name: str) -> int:
        """Address of the function `name`."""
        return int(self._engine.get_function_address(name))


_COMPILING = threading.Lock()
DIGEST = 32  # bytes of a SHA-256 digest


def _machine() -> Any:
    """A target machine for this processor; an engine takes ownership of the one it is given."""
    binding.initialize_native_target()
    binding.initialize_native_asmprinter()
    return binding.Target.from_default_triple().create_target_machine(
        cpu=binding.get_host_cpu_name(),
        features=binding.get_host_cpu_features().flatten(),
        opt=2,
        jit=True,
    )


@cache
def _declare_library() -> None:
    """Tell LLVM where the C library's functions are, also if the process does not export them."""
    library = ctypes.CDLL(None) if os.name == "posix" else ctypes.CDLL("msvcrt")
    for name in [*_LIBRARY.values(), "tgamma", "exp", "log", "pow", "sin", "cos"]:
        address = ctypes.cast(getattr(library, name), ctypes.c_void_p).value
        binding.add_symbol(name, address)


def compile_module(module: ir.Module, folder: Path) -> Code:
    """Machine code of the module, from `folder` if it was compiled before.

    The file is written under another name and then moved, so that processes which compile the same
    model at once never see half a file.
    """
    with _COMPILING:
        text = str(module)
        machine = _machine()
        _declare_library()
        processor = binding.get_host_cpu_name() + binding.get_host_cpu_features().flatten()
        stamp = f"{llvmlite.__version__} {binding.llvm_version_info} {machine.triple} {processor}"
        stored = folder / (hashlib.sha256((stamp + text).encode()).hexdigest()[:32] + ".o")
        data = _stored(stored)
        if data is None:
            data = _object_code(text, machine)
            _store(stored, data)
        engine = binding.create_mcjit_compiler(binding.parse_assembly(""), _machine())
        engine.add_object_file(binding.ObjectFileRef.from_data(data))
        engine.finalize_object()
        return Code(engine)


def _object_code(text: str, machine: Any) -> bytes:
    parsed = binding.parse_assembly(text)
    parsed.verify()
    options = binding.create_pipeline_tuning_options(speed_level=2)
    builder = binding.create_pass_builder(machine, options)
    builder.getModulePassManager().run(parsed, builder)
    return bytes(machine.emit_object(parsed))


def _stored(path: Path) -> bytes | None:
    """Object code kept earlier; None where there is none or the file is not what was written."""
    try:
        content = path.read_bytes()
    except OSError:
        return None
    digest, data = content[:DIGEST], content[DIGEST:]
    return data if hashlib.sha256(data).digest() == digest else None


def _store(path: Path, data: bytes) -> None:
    """Keep object code behind its digest; without a place to keep it, it is made anew each time."""
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent)
        with os.fdopen(handle, "wb") as file:
            file.write(hashlib.sha256(data).digest() + data)
        os.replace(name, path)
    except OSError as problem:
        warnings.warn(
            f"{path.parent}: compiled code cannot be kept: {problem.strerror}.", stacklevel=2
        )
