"""The reference of calls, docs/api/: every public name, with what goes in and what comes out."""

import importlib
import inspect
import re
from pathlib import Path

import pytest

import simulator as sim
from simulator.simulation.model import Model
from simulator.simulation.sweep import Sweep

REFERENCE = "\n".join(
    page.read_text(encoding="utf-8")
    for page in (Path(__file__).resolve().parents[1] / "docs" / "api").glob("*.md")
)
DIRECTIVES = set(re.findall(r"\.\. auto\w+:: ([\w.]+)", REFERENCE))
MODULES = ("simulator", "simulator.response", "simulator.plot", "simulator.fit")


def public(module):
    found = importlib.import_module(module)
    return [(name, getattr(found, name)) for name in found.__all__]


@pytest.mark.parametrize("module", MODULES)
def test_every_public_name_stands_in_the_reference(module):
    for name, value in public(module):
        whole = f"{module}.{name}"
        by_module = module in DIRECTIVES and callable(value)
        assert by_module or {name, whole} & DIRECTIVES or f"`{whole}`" in REFERENCE, whole


def functions():
    for module in MODULES[:3]:  # those of `fit` but Problem are figures and tables of a result
        for name, value in public(module):
            if inspect.isfunction(value):
                yield pytest.param(value, id=f"{module}.{name}")
    for owner in (Model, Sweep, sim.fit.Problem):
        found = re.search(rf"{owner.__name__}(?:\(\))?\n((?:\n   .*\n)+)", REFERENCE)
        for name in re.findall(r"automethod:: (\w+)", found[1]):
            yield pytest.param(getattr(owner, name), id=f"{owner.__name__}.{name}")


@pytest.mark.parametrize("function", list(functions()))
def test_a_docstring_says_what_goes_in_and_what_comes_out(function):
    text = inspect.getdoc(function) or ""
    names = {name for name in inspect.signature(function).parameters if name != "self"}
    assert names == set(explained(text)) or function.__module__.startswith("simulator.plot")
    # what a figure's function returns is what it has drawn on, as its annotation says
    assert "\nReturns\n---" in text or function.__module__.startswith("simulator.plot")
    if function.__module__.startswith("simulator.plot"):
        assert explained(text)


def explained(text):
    """The parameters that a docstring explains."""
    section = re.search(r"^Parameters\n-+\n(.*?)(?:^\w+\n-+\n|\Z)", text + "\n", re.M | re.S)
    lines = re.findall(r"^(\S.*)$", section[1], re.M) if section else []
    return [name.strip(" *") for line in lines for name in line.split(" :")[0].split(",")]


def test_what_is_explained_is_found():
    parameters = "Parameters\n----------\na, b\n    Both.\n**more\n    Others.\n"
    text = f"F.\n\n{parameters}\nReturns\n-------\nint\n"
    assert explained(text) == ["a", "b", "more"] and explained("F.") == []
