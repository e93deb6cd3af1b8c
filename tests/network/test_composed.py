"""Models composed of others (package comp)."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from simulator.errors import ModelError
from simulator.network.sbml import read_sbml

from ..reference import simulate

CORE = "http://www.sbml.org/sbml/level3/version1/core"
COMP = "http://www.sbml.org/sbml/level3/version1/comp/version1"
DECAY = (
    '<listOfParameters><parameter id="x" value="2" constant="false"/></listOfParameters>'
    '<listOfRules><rateRule variable="x"><math xmlns="http://www.w3.org/1998/Math/MathML">'
    "<apply><minus/><ci>x</ci></apply></math></rateRule></listOfRules>"
)


def composed(model: str, definitions: str = "", prefix: str = "comp") -> str:
    text = (
        f'<?xml version="1.0" encoding="UTF-8"?>\n<sbml xmlns="{CORE}" level="3" version="1" '
        f'xmlns:comp="{COMP}" comp:required="true">{model}{definitions}</sbml>'
    )
    return text.replace("comp:", f"{prefix}:").replace("xmlns:comp", f"xmlns:{prefix}")


def of(*references: str) -> str:
    submodels = "".join(
        f'<comp:submodel comp:id="A{i}" comp:modelRef="{r}"/>' for i, r in enumerate(references)
    )
    return f'<model id="m"><comp:listOfSubmodels>{submodels}</comp:listOfSubmodels></model>'


INSIDE = (
    "<comp:listOfModelDefinitions>"
    f'<comp:modelDefinition id="decay">{DECAY}</comp:modelDefinition>'
    "</comp:listOfModelDefinitions>"
)


def outside(source: str) -> str:
    return (
        "<comp:listOfExternalModelDefinitions>"
        f'<comp:externalModelDefinition comp:id="decay" comp:source="{source}"/>'
        "</comp:listOfExternalModelDefinitions>"
    )


def test_models_inside_are_made_one() -> None:
    network = read_sbml(composed(of("decay", "decay"), INSIDE), "m.xml")
    assert [p.id for p in network.parameters] == ["A0__x", "A1__x"]
    values = simulate(network, [0.0, 1.0])
    np.testing.assert_allclose(values["A1__x"], [2, 2 * np.exp(-1)], rtol=1e-8)
    assert "comp" not in network.sbml  # what is exported needs no package


def test_models_in_other_files_are_looked_for_beside_the_file(tmp_path: Path) -> None:
    (tmp_path / "decay.xml").write_text(composed(f'<model id="decay">{DECAY}</model>'))
    text, path = composed(of("decay"), outside("decay.xml")), tmp_path / "m.xml"
    path.write_text(text)
    network = read_sbml(text, str(path))
    assert [p.id for p in network.parameters] == ["A0__x"]


def test_model_that_brings_libsbml_down_is_refused() -> None:
    # the conversion of time of a kinetic law that has no mathematics
    lawless = '<listOfReactions><reaction id="R" reversible="true"><kineticLaw/></reaction>'
    submodel = '<comp:submodel comp:id="A" comp:modelRef="d" comp:timeConversionFactor="k"/>'
    text = (
        composed(
            '<model id="m"><listOfParameters><parameter id="k" value="2" constant="true"/>'
            f"</listOfParameters><comp:listOfSubmodels>{submodel}</comp:listOfSubmodels></model>",
            f'<comp:listOfModelDefinitions><comp:modelDefinition id="d">{lawless}</listOfReactions>'
            "</comp:modelDefinition></comp:listOfModelDefinitions>",
        )
        .replace('version="1" xmlns', 'version="2" xmlns')
        .replace("version1/core", "version2/core")
    )
    with pytest.raises(ModelError, match="cannot be made one"):
        read_sbml(text, "m.xml")


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (composed(of("decay"), outside("nowhere.xml")), "nowhere.xml"),
        (composed(of("nothing"), INSIDE), "'nothing'"),
        (composed(of("m")), "already an ancestor"),
        (composed(of("decay"), INSIDE, prefix="parts"), 'the prefix "parts"'),
    ],
)
def test_refusal(text: str, found: str) -> None:
    with pytest.raises(ModelError) as error:
        read_sbml(text, "m.xml")
    assert found in str(error.value)
    assert all(line.startswith("m.xml:") for line in str(error.value).splitlines())
