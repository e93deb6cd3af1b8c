"""Numba's part in compiling: from Python functions to LLVM's representation of them.

Numba infers types and writes each function for LLVM, once for each kind of arguments; an entry
point and all that it needs then become one module, which `machine_code` optimises and compiles as
a whole. So no function is optimised and compiled for itself first, as numba would for each.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any, Literal

import numba
import numpy as np
from llvmlite import binding, ir
from numba.core import types
from numba.core.codegen import CodeLibrary
from numba.core.compiler import CompilerBase, Flags, compile_extra
from numba.core.compiler_lock import global_compiler_lock
from numba.core.compiler_machinery import PassManager
from numba.core.registry import cpu_target
from numba.core.runtime import rtsys
from numba.core.typed_passes import (
    NativeLowering,
    NoPythonBackend,
    NopythonTypeInference,
    PreLowerStripPhis,
)
from numba.core.types.containers import BaseTuple
from numba.core.types.functions import BaseFunction
from numba.core.typing.templates import AbstractTemplate
from numba.core.untyped_passes import (
    DeadBranchPrune,
    FixupArgs,
    GenericRewrites,
    IRProcessing,
    ReconstructSSA,
    RewriteSemanticConstants,
    TranslateByteCode,
)
from numba.extending import intrinsic

from .cache import Compiled
from .machine_code import INTEGER, SYMBOLS

OWN = "numba_"  # begins numba's names for some functions of the C library


class _Library(CodeLibrary):  # type: ignore[misc]
    """The text of a function for LLVM, and the libraries it needs; nothing is compiled here."""

    def __init__(self, name: str) -> None:
        super().__init__(cpu_target.target_context.codegen(), name)
        self.texts: list[str] = []
        self.needed: list[Any] = []

    def add_ir_module(self, module: ir.Module) -> None:
        """Keep a module's text."""
        self.texts.append(str(module))

    def add_linking_library(self, library: Any) -> None:
        """Note a library for `_linked`."""
        self.needed.append(library)

    def finalize(self) -> None:
        """Nothing is left to do."""

    def get_function(self, name: str) -> Any:
        """Not known before all is linked."""
        raise NotImplementedError

    def get_llvm_str(self) -> str:
        """The text of its only module."""
        (text,) = self.texts
        return text

    def get_asm_str(self) -> str:
        """Not known before all is compiled."""
        raise NotImplementedError


PASSES = (
    TranslateByteCode,
    FixupArgs,
    IRProcessing,
    RewriteSemanticConstants,
    DeadBranchPrune,  # leaves out what follows `is not None` where None is passed
    GenericRewrites,
    ReconstructSSA,
    NopythonTypeInference,
    PreLowerStripPhis,
    NativeLowering,
    NoPythonBackend,
)
"""What numba does with our functions, which have no closures, array expressions, context managers
or loops over tuples: the passes for those take half of its time."""


class _Pipeline(CompilerBase):  # type: ignore[misc]
    """Numba's compiler with `PASSES` alone."""

    def define_pipelines(self) -> list[Any]:
        """The passes in order."""
        manager = PassManager("steps")
        for each in PASSES:
            manager.add_pass(each, each.__name__)
        manager.finalize()
        return [manager]


def _written(function: Callable[..., Any], kinds: tuple[Any, ...]) -> Any:
    """Numba's result for a function and the types of its arguments; nothing is compiled yet."""
    flags = Flags()
    flags.error_model = "numpy"
    flags.no_compile = flags.no_cpython_wrapper = flags.no_cfunc_wrapper = True
    return compile_extra(
        cpu_target.typing_context,
        cpu_target.target_context,
        function,
        kinds,
        None,
        flags,
        {},
        library=_Library(function.__qualname__),
        pipeline_class=_Pipeline,
    )


@cache
def type_of(mark: Compiled) -> Any:
    """Numba's type of a function: it is written when a call of it is typed."""
    if mark.builds:
        built = intrinsic(mark.function)
        cpu_target.typing_context.refresh()
        return cpu_target.typing_context.resolve_value_type(built)
    signatures: dict[tuple[Any, ...], Any] = {}

    class Template(AbstractTemplate):  # type: ignore[misc]
        key = mark

        def generic(self, kinds: tuple[Any, ...], named: Any) -> Any:
            if kinds not in signatures:
                result = _written(mark.function, kinds)
                context = cpu_target.target_context
                context.insert_user_function(mark, result.fndesc, [result.library])
                signatures[kinds] = result.signature
            return signatures[kinds]

    return types.Function(Template)


@contextmanager
def _remembering_calls() -> Iterator[None]:
    """Numba looks up each kind of call once: it would go through all that may be meant each time.

    That takes a third of its time, most of it for messages that nobody reads.
    """
    known: dict[Any, tuple[Any, Any]] = {}
    look_up = BaseFunction.get_call_type

    def remembered(self: Any, context: Any, args: Any, kws: Any) -> Any:
        key = id(self), tuple(args), tuple(dict(kws).items())
        if key not in known:
            known[key] = self, look_up(self, context, args, kws)  # `self` must keep its id
        return known[key][1]

    BaseFunction.get_call_type = remembered  # type: ignore[method-assign]
    try:
        yield
    finally:
        BaseFunction.get_call_type = look_up  # type: ignore[method-assign]


def lowered(function: Callable[..., None], arguments: tuple[Any, ...]) -> Any:
    """A module with the function ``int32 entry(int64 *)`` and all that it needs.

    Its argument holds the numbers of all arguments, see `cache.EntryPoint`.
    """
    with global_compiler_lock, _remembering_calls():
        cpu_target.typing_context.refresh()
        cpu_target.target_context.refresh()
        kinds = tuple(map(_kind, arguments))
        result = _written(function, kinds)
        whole = _linked(result.library)
        whole.link_in(binding.parse_assembly(str(_entry(result.fndesc, kinds))))
    for own in (*whole.functions, *whole.global_variables):
        if not own.is_declaration and own.name != "entry":
            own.linkage = "internal"
        elif own.name.startswith(OWN):
            own.name = own.name.removeprefix(OWN)
        if own.is_declaration and not own.name.startswith("llvm.") and own.name not in SYMBOLS:
            raise NotImplementedError(f"{function.__qualname__}: nothing to link {own.name} to")
    return whole


def _linked(library: _Library) -> Any:
    """One module of a library and all that it needs."""
    whole = binding.parse_assembly(library.get_llvm_str())
    pending, seen = [library], {library}
    while pending:
        for needed in getattr(pending.pop(), "needed", ()):
            if needed not in seen and needed is not rtsys.library:  # no memory is managed
                seen.add(needed)
                pending.append(needed)
                whole.link_in(binding.parse_assembly(needed.get_llvm_str()))
    return whole


def _entry(description: Any, kinds: tuple[Any, ...]) -> ir.Module:
    """The function ``entry``: takes the arguments of numba's function out of an array."""
    kind = cpu_target.target_context.call_conv.get_function_type(types.none, kinds)
    module = ir.Module(name="entry")
    module.triple = binding.get_process_triple()
    function = ir.Function(module, kind, description.llvm_func_name)
    signature = ir.FunctionType(ir.IntType(32), [INTEGER.as_pointer()])
    entry = ir.Function(module, signature, "entry")
    build = ir.IRBuilder(entry.append_basic_block())
    given = [build.alloca(pointer.pointee) for pointer in kind.args[:2]]  # result, exception
    for k, wanted in enumerate(kind.args[2:]):
        number = build.load(build.gep(entry.args[0], [INTEGER(k)]))
        if isinstance(wanted, ir.PointerType):
            number = build.inttoptr(number, wanted)
        elif wanted != INTEGER:
            number = build.bitcast(number, wanted)
        given.append(number)
    build.ret(build.call(function, given))
    return module


def _kind(value: Any) -> Any:
    """Numba's type of an argument, as `cache.EntryPoint` tells kinds apart."""
    if value is None:
        return types.none
    if isinstance(value, int | np.integer):
        return types.int64
    if isinstance(value, float | np.floating):
        return types.float64
    if isinstance(value, np.ndarray):
        layout: Literal["C", "A"] = "C" if value.flags.c_contiguous else "A"
        return types.Array(numba.from_dtype(value.dtype), value.ndim, layout)
    if isinstance(value, np.void):
        return numba.from_dtype(value.dtype)
    named = type(value) if hasattr(value, "_fields") else None
    return BaseTuple.from_types(tuple(map(_kind, value)), named)
