"""Machine code by LLVM, the compiler library that numba brings (llvmlite).

Functions are built instruction by instruction, so no text of a model is ever executed. Object code
is cached under a digest of all it is made from, of LLVM's version and of the processor.

A row is one number for each of some independent runs, its lanes, as one vector of LLVM: vector
registers wherever the processor has them. Numba makes no vector instructions of loops over a
handful of runs, so all arithmetic on rows is built here; numba compiles what decides about single
runs.
"""

import ctypes
import gc
import hashlib
import os
import threading
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import llvmlite
from llvmlite import binding, ir

from .cache import cache_folder, write_whole

DOUBLE = ir.DoubleType()
POINTER = DOUBLE.as_pointer()
INTEGER = ir.IntType(64)
INDEX = ir.IntType(32)
FUSED = ("contract",)  # a product may be added unrounded (fused multiply-add); no other freedom

LIBRARY = {
    "exp": "exp",
    "ln": "log",
    "power": "pow",
    "sin": "sin",
    "cos": "cos",
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
    "factorial": "tgamma",
}
"""Operator -> function of the C library."""

SYMBOLS = frozenset({*LIBRARY.values(), "memcpy", "memset", "nextafter"})
"""What machine code may call: functions of the C library."""


POINTERS = 5
"""Pointers that a function takes before its count, as `lanes.call` calls it."""


class Rows:
    """Builds one function ``void name(double *, ... , int64 count)`` of some pointers and a count.

    The arrays do not overlap. Row r of an array lies `lanes` numbers after row r - 1.
    """

    def __init__(self, module: ir.Module, name: str, lanes: int, pointers: int = POINTERS) -> None:
        self.module, self.lanes = module, lanes
        self.kind = ir.VectorType(DOUBLE, lanes) if lanes > 1 else DOUBLE
        signature = ir.FunctionType(ir.VoidType(), [POINTER] * pointers + [INTEGER])
        function = ir.Function(module, signature, name)
        self.arguments, self.count = function.args[:pointers], function.args[pointers]
        for argument in self.arguments:
            argument.add_attribute("noalias")
        self.build = ir.IRBuilder(function.append_basic_block())
        rows = self.kind.as_pointer()
        self._rows = [self.build.bitcast(argument, rows) for argument in self.arguments]

    def load(self, argument: int, row: int | ir.Value) -> ir.Value:
        """A row of one of the arrays."""
        return self.build.load(self._pointer(argument, row), align=min(8 * self.lanes, 64))

    def store(self, value: ir.Value, argument: int, row: int | ir.Value) -> None:
        """Put a row into one of the arrays."""
        self.build.store(value, self._pointer(argument, row), align=min(8 * self.lanes, 64))

    def number(self, argument: int, place: int | ir.Value) -> ir.Value:
        """One number of an array, in every lane."""
        return self.spread(self.build.load(self.element(argument, place)))

    def _pointer(self, argument: int, row: int | ir.Value) -> ir.Value:
        index = INTEGER(row) if isinstance(row, int) else row
        return self.build.gep(self._rows[argument], [index], inbounds=True)

    def element(self, argument: int, place: int | ir.Value) -> ir.Value:
        """Pointer to one number of an array."""
        index = INTEGER(place) if isinstance(place, int) else place
        return self.build.gep(self.arguments[argument], [index], inbounds=True)

    def constant(self, value: float) -> ir.Constant:
        """The same number in every lane."""
        return ir.Constant(self.kind, [value] * self.lanes if self.lanes > 1 else value)

    def spread(self, one: ir.Value) -> ir.Value:
        """A row with `one` in every lane."""
        if self.lanes == 1:
            return one
        first = ir.Constant(self.kind, ir.Undefined)
        first = self.build.insert_element(first, one, INDEX(0))
        everywhere = ir.Constant(ir.VectorType(INDEX, self.lanes), None)
        return self.build.shuffle_vector(first, first, everywhere)

    def add(self, a: ir.Value, b: ir.Value) -> ir.Value:
        """a + b."""
        return self.build.fadd(a, b, flags=FUSED)

    def subtract(self, a: ir.Value, b: ir.Value) -> ir.Value:
        """a - b."""
        return self.build.fsub(a, b, flags=FUSED)

    def multiply(self, a: ir.Value, b: ir.Value) -> ir.Value:
        """a b."""
        return self.build.fmul(a, b, flags=FUSED)

    def absolute(self, a: ir.Value) -> ir.Value:
        """|a|."""
        return self.native("fabs", a)

    def variable(self, value: ir.Value) -> ir.Value:
        """A place for a row that changes in loops."""
        place = self.build.alloca(self.kind)
        self.build.store(value, place)
        return place

    def native(self, name: str, a: ir.Value) -> ir.Value:
        """A function that is one instruction: LLVM's ``fabs``, ``sqrt``, ``floor`` ..."""
        suffix = f"v{self.lanes}f64" if self.lanes > 1 else "f64"
        return self.build.call(self.declare(f"llvm.{name}.{suffix}", self.kind), [a])

    def choose(self, relation: str, a: ir.Value, b: ir.Value, yes: Any, no: Any) -> ir.Value:
        """`yes` in the lanes where the relation holds; `no` also where a or b is no number."""
        return self.build.select(self.build.fcmp_ordered(relation, a, b), yes, no)

    def declare(self, name: str, kind: ir.Type, arguments: int = 1) -> ir.Function:
        """A function of a library or of LLVM, from `arguments` values of a type to one."""
        existing = self.module.globals.get(name)
        if existing is not None:
            return existing
        return ir.Function(self.module, ir.FunctionType(kind, [kind] * arguments), name)

    @contextmanager
    def loop(self, start: ir.Value, stop: ir.Value, step: int = 1) -> Iterator[ir.PhiInstr]:
        """What is built inside is done for an index from `start` to below `stop`."""
        before = self.build.block
        head = self.build.append_basic_block()
        body = self.build.append_basic_block()
        after = self.build.append_basic_block()
        self.build.branch(head)
        self.build.position_at_end(head)
        index = self.build.phi(INTEGER)
        index.add_incoming(start, before)
        self.build.cbranch(self.build.icmp_signed("<", index, stop), body, after)
        self.build.position_at_end(body)
        yield index
        index.add_incoming(self.build.add(index, INTEGER(step)), self.build.block)
        self.build.branch(head)
        self.build.position_at_end(after)

    def end(self) -> None:
        """Close the function."""
        self.build.ret_void()


CHUNK = 300
"""Operations in one function: what LLVM takes to compile one grows faster than its length."""


def chunk_size() -> int:
    """Operations in one function."""
    return CHUNK


def spans(work: Sequence[int]) -> list[range]:
    """Consecutive items in groups of at most `CHUNK` operations; `work` says what each one takes.

    A larger item is a group of its own.
    """
    ends, total = [0], 0
    for k, own in enumerate(work):
        if k > ends[-1] and total + own > CHUNK:
            ends.append(k)
            total = 0
        total += own
    return [range(*pair) for pair in pairwise([*ends, len(work)])]


def write_pieces(
    module: ir.Module,
    name: str,
    lanes: int,
    pieces: Sequence[Callable[[str], None]],
    pointers: int = POINTERS,
) -> None:
    """A function of rows that does one piece after the other.

    Each of them writes a function of rows of the name that it is given.
    """
    if len(pieces) == 1:
        pieces[0](name)
        return
    whole = Rows(module, name, lanes, pointers)
    for k, write in enumerate(pieces):
        write(f"{name}_{k}")
        whole.build.call(module.globals[f"{name}_{k}"], [*whole.arguments, whole.count])
    whole.end()


class Code:
    """Compiled functions; keep it alive as long as an address is in use."""

    def __init__(self, engine: Any) -> None:
        self._engine = engine

    def address(self, name: str) -> int:
        """Address of the function `name`."""
        return int(self._engine.get_function_address(name))


_COMPILING = threading.Lock()
DIGEST = 32  # bytes of a SHA-256 digest


def _machine(cpu: str | None = None) -> Any:
    """A target machine for this processor; an engine takes ownership of the one it is given.

    For another processor of the same family, `cpu` is LLVM's name of it.
    """
    binding.initialize_native_target()
    binding.initialize_native_asmprinter()
    return binding.Target.from_default_triple().create_target_machine(
        cpu=cpu or binding.get_host_cpu_name(),
        features="" if cpu else _features(),
        opt=2,
        jit=True,
    )


@cache
def vector_library() -> dict[int, str]:
    """Prefixes of vector functions in the C library's own vector mathematics, by vector width.

    glibc's libmvec has exp, log, pow, sin and cos for two, four and eight doubles at once, within
    4 ulp (https://sourceware.org/glibc/wiki/libmvec). Empty where there is none (other C libraries,
    other processors): the functions are then called lane by lane.
    """
    features = binding.get_host_cpu_features()
    try:
        library = ctypes.CDLL("libmvec.so.1")
        found = {
            width: f"_ZGV{letter}N{width}"
            for width, letter, feature in (
                (2, "b", "sse4.1"),
                (4, "d", "avx2"),
                (8, "e", "avx512f"),
            )
            if features.get(feature)
        }
        for prefix in found.values():
            for name, arguments in VECTOR_FUNCTIONS.items():
                symbol = f"{prefix}{'v' * arguments}_{name}"
                address = ctypes.cast(getattr(library, symbol), ctypes.c_void_p).value
                binding.add_symbol(symbol, address)
    except (OSError, AttributeError):
        return {}
    return found


VECTOR_FUNCTIONS = {"exp": 1, "log": 1, "pow": 2, "sin": 1, "cos": 1}
"""Functions of the vector library, with their number of arguments."""


@cache
def _declare_library() -> None:
    """Tell LLVM where the C library's functions are, also if the process does not export them."""
    library = ctypes.CDLL(None) if os.name == "posix" else ctypes.CDLL("msvcrt")
    for name in SYMBOLS:
        address = ctypes.cast(getattr(library, name), ctypes.c_void_p).value
        binding.add_symbol(name, address)
    vector_library()


def compile_module(module: ir.Module) -> Code:
    """Machine code of the module, from the cache folder if it was compiled before."""
    return compile_once(str(module), lambda: module)


def compile_once(key: str, build: Callable[[], Any]) -> Code:
    """Machine code of the module that `build` makes, from the cache folder if it is there.

    `key` has to tell apart all that the module depends on, but for LLVM and the processor. The
    module is one of `llvmlite.ir`, or one that LLVM has read already.
    """
    with _COMPILING:
        _declare_library()
        target = f"{binding.get_default_triple()} {processor()}"
        stamp = f"{llvmlite.__version__} {binding.llvm_version_info} {target}"
        name = hashlib.sha256((stamp + key).encode()).hexdigest()[:32] + ".o"
        stored = cache_folder() / "kernels" / name
        data = _stored(stored)
        if data is None:
            with _collecting_no_garbage():
                data = _object_code(build())
            _store(stored, data)
        engine = binding.create_mcjit_compiler(binding.parse_assembly(""), _machine())
        engine.add_object_file(binding.ObjectFileRef.from_data(data))
        engine.finalize_object()
        return Code(engine)


@contextmanager
def _collecting_no_garbage() -> Iterator[None]:
    """Modules are built of many objects that are kept: looking for others only takes time."""
    collecting = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collecting:
            gc.enable()


@cache
def processor() -> str:
    """Name and features of this processor."""
    return str(binding.get_host_cpu_name()) + _features()


@cache
def _features() -> str:
    return str(binding.get_host_cpu_features().flatten())


def _object_code(module: Any) -> bytes:
    machine = _machine()
    return bytes(machine.emit_object(_optimised(module, machine)))


def _optimised(module: Any, machine: Any) -> Any:
    read = isinstance(module, binding.ModuleRef)
    parsed = module if read else binding.parse_assembly(str(module))
    parsed.verify()
    options = binding.create_pipeline_tuning_options(speed_level=1)
    options.loop_unrolling = not read  # what numba wrote decides: its loops are short, and many
    builder = binding.create_pass_builder(machine, options)
    builder.getModulePassManager().run(parsed, builder)
    return parsed


def assembly(module: ir.Module, cpu: str | None = None) -> str:
    """What `compile_module` makes of a module, as text; also for another processor's `cpu` name."""
    machine = _machine(cpu)
    return str(machine.emit_assembly(_optimised(module, machine)))


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
        write_whole(path, hashlib.sha256(data).digest() + data)
    except OSError as problem:
        warnings.warn(
            f"{path.parent}: compiled code cannot be kept: {problem.strerror}.", stacklevel=2
        )
