"""What the Antimony reader makes of a text, and how it refuses one."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from simulator.errors import ModelError
from simulator.network.antimony import antimony_to_sbml, read_antimony
from simulator.network.expression import Number, Symbol
from simulator.network.sbml import read_sbml

from ..reference import simulate

MODEL = """
model cascade
  unit substance = 1e-21 mole; unit volume = 1e-12 litre; unit time_unit = 3600 second;
  unit extent = substance; unit per_h = 1/(3600 second);
  compartment cell = 2;
  species A in cell, B in cell, $Source in cell;
  A = 3; Source = 1;
  k1 = 0.5 per_h; k2 = 2*k1;
  ratio := B/(A + B);
  J0: Source -> A; cell*k1*Source;
  J1: A -> B; cell*k2*A;
end
"""


def test_a_whole_model() -> None:
    network = read_antimony(MODEL, "cascade.ant")
    assert (network.id, network.source, network.time_unit) == ("cascade", "cascade.ant", "h")
    assert {s.id: (s.initial, s.unit, s.boundary) for s in network.species} == {
        "A": (3.0, "nM", False),
        "B": (0.0, "nM", False),  # no initial value in the text
        "Source": (1.0, "nM", True),
    }
    assert {p.id: (p.value, p.unit) for p in network.parameters if p.constant} == {
        "k1": (0.5, "1/h"),
        "k2": (None, ""),
    }
    assert [r.unit for r in network.reactions] == ["zmol/h"] * 2
    times = np.linspace(0, 5, 11)
    result = simulate(network, times)
    # dA/dt = k1 - k2 A
    np.testing.assert_allclose(result["A"], 0.5 + 2.5 * np.exp(-times), rtol=1e-8)
    np.testing.assert_allclose(result["A"] + result["B"], 3 + 0.5 * times, rtol=1e-8)


def test_the_sbml_it_keeps_is_the_same_network() -> None:
    network = read_antimony(MODEL, "cascade.ant")
    assert read_sbml(network.sbml, "cascade.ant") == network


def test_the_main_module_is_read_and_nothing_is_remembered() -> None:
    modules = "model one\n a = 1\nend\nmodel *two\n b = 2\nend\nmodel three\n c = 3\nend\n"
    assert read_antimony(modules, "x").id == "two"
    assert read_antimony(modules.replace("*", ""), "x").id == "three"
    with pytest.raises(ModelError):
        read_antimony("model other\n A: one();\nend\n", "x")


def test_submodels_are_flattened() -> None:
    text = "model part\n S = 4; S -> ; k*S; k = 1\nend\nmodel whole\n P: part();\nend\n"
    network = read_antimony(text, "x")
    assert [s.id for s in network.species] == ["P_S"] or [s.id for s in network.species] == ["P__S"]


def test_imports_are_looked_for_beside_the_file(tmp_path: Path) -> None:
    (tmp_path / "part.ant").write_text("model part\n S = 4; S -> ; k*S; k = 1\nend\n")
    whole = tmp_path / "whole.ant"
    whole.write_text('import "part.ant"\nmodel whole\n P: part();\nend\n')
    assert len(read_antimony(whole.read_text(), str(whole)).species) == 1


def test_error_names_file_line_and_cause() -> None:
    with pytest.raises(ModelError, match=r"^m\.ant:2: .*unexpected '\*'"):
        read_antimony("model x\n a = 3 +* 4;\nend\n", "m.ant")
    # and the next text is read as if nothing had happened
    assert read_antimony("a = 3;\n", "m.ant").parameters[0].value == 3.0


def test_refusals_name_the_file() -> None:
    text = "A -> B; k*A\n A = 2; J1: B -> ; \n k = 1; C := delay(A, 1)\n"
    with pytest.raises(ModelError) as error:
        read_antimony(text, "m.ant")
    assert str(error.value).splitlines() == [
        'm.ant: reaction "J1" has no kinetic law',
        'm.ant: the assignment rule of "C" uses delay(), and delay differential equations are not '
        "supported",
    ]


def test_events_are_read() -> None:
    text = "A = 2; k = 1; at 3 after time > 1, priority = k, t0 = false: A = 4\n"
    (event,) = read_antimony(text, "m.ant").events
    assert (event.delay, event.priority) == (Number(3.0), Symbol("k"))
    assert (event.initial_value, event.assignments) == (False, (("A", Number(4.0)),))


def test_random_draws_are_refused() -> None:
    with pytest.raises(ModelError) as error:
        read_antimony("a = normal(0, 1)\n", "m.ant")
    assert "random distribution (normal)" in str(error.value)


def test_a_parameter_needs_a_value() -> None:
    with pytest.raises(ModelError, match='parameter "k" has no value, and reaction "_J0" needs'):
        read_antimony("A -> B; k*A\n A = 2\n", "m.ant")


def test_conversion_gives_sbml() -> None:
    assert "<sbml " in antimony_to_sbml(MODEL, "x")
