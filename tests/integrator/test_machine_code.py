"""What the compiler makes of rows: vector instructions wherever there is arithmetic."""

import math
import platform
import re

import numpy as np
import pytest
from llvmlite import binding

from simulator.codegen import compile_network, program
from simulator.integrator import linear, machine_code, step_code
from simulator.integrator.lanes import ALIGNMENT, aligned, lane_count
from simulator.integrator.machine_code import LIBRARY, Rows, assembly, vector_library
from simulator.integrator.tableau import rodas5p
from simulator.network.antimony import read_antimony
from tests.integrator import rows

x86 = pytest.mark.skipif(
    platform.machine() not in ("x86_64", "AMD64"), reason="reads the assembly of x86-64"
)

MODEL = """
compartment cell = 1
species A in cell, B in cell, C in cell
A = 1; B = 0.5; C = 0.1
k = 1; n = 2.5; m = 0.3
R1: A -> B; k*A/(1 + m*C)
R2: B -> C; m*B^n/(1 + B^n)
R3: C -> A; k*C*exp(-m*A) + ln(1 + C)
"""
KERNEL_FUNCTIONS = ("rates", "linearise", "factorise", "solve")
SCALAR = re.compile(r"\bv?(?:add|sub|mul|div|fn?m(?:add|sub)\d+)sd\b")
PACKED = re.compile(r"\bv?(?:add|sub|mul|div|fn?m(?:add|sub)\d+)pd\b.*")


def functions(text):
    """Lines of each function of an assembly text."""
    found, name = {}, None
    for line in text.splitlines():
        label = re.match(r"_?([A-Za-z]\w*):", line)
        if label:
            name = label[1]
            found[name] = []
        elif name is not None:
            found[name].append(line)
    return {name: "\n".join(lines) for name, lines in found.items()}


def modules_of(monkeypatch, place, build):
    """The modules that ``build()`` would compile through ``place.compile_once``."""
    seen = []

    def keep(key, make):
        seen.append(make())
        return machine_code.compile_module(seen[-1])

    monkeypatch.setattr(place, "compile_once", keep)
    build()
    return seen


@pytest.fixture
def module(monkeypatch):
    network = read_antimony(MODEL, "test.ant")
    (module,) = modules_of(monkeypatch, program, lambda: compile_network(network))
    return module


@pytest.fixture
def portable(monkeypatch):
    """The module for a processor whose C library has no vector mathematics."""
    monkeypatch.setattr(program, "vector_library", dict)
    network = read_antimony(MODEL, "test.ant")
    (module,) = modules_of(monkeypatch, program, lambda: compile_network(network))
    return module


def assert_packed(text, registers, names):
    code = functions(text)
    for name in names:
        packed = PACKED.findall(code[name])
        assert packed, name
        assert all(registers in line for line in packed), (name, packed[:3])
        assert not SCALAR.findall(code[name]), (name, SCALAR.findall(code[name])[:3])


@x86
def test_kernels_are_vector_instructions(module):
    features = binding.get_host_cpu_features()
    wide = "zmm" if features.get("avx512f") else "ymm" if features.get("avx2") else "xmm"
    assert_packed(assembly(module), wide, KERNEL_FUNCTIONS)
    if features.get("fma"):
        assert re.search(r"vfn?m(?:add|sub)\d+pd", functions(assembly(module))["factorise"])


@x86
@pytest.mark.parametrize(
    ("cpu", "registers"), [("skylake-avx512", "zmm"), ("haswell", "ymm"), ("x86-64", "xmm")]
)
def test_kernels_for_other_processors(portable, cpu, registers):
    assert_packed(assembly(portable, cpu), registers, KERNEL_FUNCTIONS)


def body(module, name):
    return re.search(rf'define void @"{name}".*?\n}}', str(module), re.DOTALL)[0]


def test_functions_are_called_lane_by_lane_where_there_are_no_vector_ones(portable):
    for name in ("exp", "log", "pow"):
        calls = re.findall(rf'call double @"{name}"', body(portable, "rates"))
        assert len(calls) == lane_count(3)
    assert "_ZGV" not in str(portable)


@pytest.mark.skipif(not vector_library(), reason="needs a C library with vector functions")
def test_vector_functions_are_called_for_all_lanes_at_once(module):
    text = str(module)
    width = max(w for w in vector_library() if w <= lane_count(3))
    assert f"{vector_library()[width]}v_exp" in text
    assert f"{vector_library()[width]}v_log" in text
    for name in ("rates", "linearise"):
        assert not re.search(r'call double @"(exp|log|pow)"', body(module, name))


@x86
@pytest.mark.parametrize("timed", [False, True])
def test_steps_are_vector_instructions(monkeypatch, timed):
    monkeypatch.setattr(step_code, "_COMPILED", {})
    (module,) = modules_of(
        monkeypatch, step_code, lambda: step_code.compile_method(rodas5p(), 8, timed)
    )
    names = [f"combine_{i}" for i in range(1, 8)] + ["finish", "dense"]
    assert_packed(assembly(module, "skylake-avx512"), "zmm", names)
    assert_packed(assembly(module, "haswell"), "ymm", names)


@x86
def test_table_elimination_is_vector_instructions(monkeypatch):
    monkeypatch.setattr(linear, "_COMPILED", {})
    (module,) = modules_of(monkeypatch, linear, lambda: linear.table_functions(8))
    assert_packed(assembly(module, "haswell"), "ymm", ("factorise", "solve"))


def test_lanes_fill_registers():
    wide = 8 if binding.get_host_cpu_features().get("avx512f") else 4
    assert [lane_count(n) for n in (1, 40, 41, 5000)] == [2 * wide, 2 * wide, wide, wide]


@pytest.mark.parametrize("size", [1, 7, 8, 1000])
def test_aligned_arrays(size):
    array = aligned(size)
    assert array.ctypes.data % ALIGNMENT == 0
    assert array.shape == (size,)
    assert not array.any()
    # A row of the widest group begins on a multiple of its own size.
    assert ALIGNMENT >= 8 * 16


def identity(name="identity", factor=1.0):
    def write(module):
        f = Rows(module, name, 4)
        f.store(f.multiply(f.load(0, 0), f.constant(factor)), 3, 0)
        f.end()

    return write


def test_object_code_is_kept_and_found_again(monkeypatch, tmp_path):
    monkeypatch.setattr(machine_code, "cache_folder", lambda: tmp_path)
    emitted = []
    real = machine_code._optimised
    monkeypatch.setattr(machine_code, "_optimised", lambda *a: emitted.append(a) or real(*a))
    for _ in range(2):
        code = rows.compiled(identity(factor=3.0))
        out = rows.empty(1, 4)
        given = rows.block(np.arange(4.0).reshape(1, 4))
        rows.call(code.address("identity"), given, None, None, out)
        assert out.tolist() == [[0.0, 3.0, 6.0, 9.0]]
    assert len(emitted) == 1
    assert len(list((tmp_path / "kernels").glob("*.o"))) == 1


def test_a_cache_that_cannot_be_written_is_a_warning(monkeypatch, tmp_path):
    (tmp_path / "file").write_text("no folder")
    monkeypatch.setattr(machine_code, "cache_folder", lambda: tmp_path / "file")
    with pytest.warns(UserWarning, match="compiled code cannot be kept"):
        code = rows.compiled(identity(factor=5.0))
    assert code.address("identity")


def test_every_library_function_is_one_of_the_c_library():
    """By value, so that a wrong name cannot pass for another function."""
    special = {"factorial": lambda x: math.gamma(x + 1), "power": math.pow, "ln": math.log}
    special |= {f"arc{n}": getattr(math, f"a{n}") for n in ("sin", "cos", "tan")}
    special |= {f"arc{n}h": getattr(math, f"a{n}h") for n in ("sin", "cos", "tan")}
    for operator, symbol in LIBRARY.items():

        def write(module, symbol=symbol, operator=operator):
            f = Rows(module, "one", 1)
            arguments = 2 if operator == "power" else 1
            function = f.declare(symbol, machine_code.DOUBLE, arguments)
            x = [f.load(0, k) for k in range(arguments)]
            f.store(f.build.call(function, x), 3, 0)
            f.end()

        code, out = rows.compiled(write), rows.empty(1, 1)
        x = 1.5 if operator == "arccosh" else 0.3
        argument = x + 1 if operator == "factorial" else x
        rows.call(code.address("one"), rows.block([[argument], [1.7]]), None, None, out)
        function = special.get(operator) or getattr(math, operator)
        expected = function(x, 1.7) if operator == "power" else function(x)
        assert out[0, 0] == pytest.approx(expected, rel=1e-15), operator
