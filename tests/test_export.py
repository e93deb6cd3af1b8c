"""Exported SBML says what was simulated: read again, it gives the same trajectories."""

import numpy as np
import pytest

import simulator as sim
from simulator.network.definition import plain_definition
from simulator.network.sbml import read_sbml
from simulator.simulation.dataset import variable_name
from simulator.simulation.model import Model

from .network.suite import case_ids, network_of, read_case, refusals

CASES = [case for case in case_ids() if case not in refusals()][::9]


def quantities(model):
    """Ids of species and parameters."""
    return [q.id for group in (model.network.species, model.network.parameters) for q in group]


@pytest.mark.parametrize("name", CASES)
def test_export_of_a_plain_model_is_the_model(name):
    case = read_case(name)
    model = Model(plain_definition(network_of(name), name))
    again = Model(plain_definition(read_sbml(model.export_sbml(), name), name))
    if any(c.size is None for c in model.network.compartments):
        pytest.skip("a compartment has no size, and so its species no concentration")
    ids = quantities(model)
    if not ids:
        pytest.skip("the case has neither species nor parameters")
    tight = {"rtol": 1e-9, "atol": 1e-12, "max_steps": 1_000_000}
    first = model.simulate(case.times, outputs=ids, **tight)
    second = again.simulate(case.times, outputs=ids, **tight)
    for i in ids:
        of_second, of_first = second[variable_name(i)], first[variable_name(i)]
        np.testing.assert_allclose(of_second, of_first, rtol=1e-6, atol=1e-9, err_msg=i)


def test_export_carries_the_condition(steroid_response):
    factors = {"cell": "PDX_Z1808", "knockout": "PUMA", "il7": 25.0, "prednisolone": 0.1}
    text = steroid_response.export_sbml(**factors)
    plain = Model(plain_definition(read_sbml(text, "exported"), "exported"))
    species = ["BIM_EL", "ERK_p", "STAT5_nuclear", "live_G1", "PUMA_free"]
    ours = steroid_response.simulate([0, 24, 96], outputs=species, **factors, rtol=1e-9, atol=1e-12)
    theirs = plain.simulate([0, 24, 96], outputs=species, rtol=1e-9, atol=1e-12)
    for s in species:
        np.testing.assert_allclose(theirs[s], ours[s], rtol=1e-7, atol=1e-12, err_msg=s)


@pytest.mark.parametrize(
    ("factors", "message"),
    [
        ({"prednisolone": [0, 1]}, '"prednisolone" has several levels'),
        ({"prednisolone": sim.schedule((0, 1.0), (24, 0.0))}, "a schedule cannot be exported"),
        ({"cell": "SUPT"}, 'Nearest: "SUPT1"'),
        ({"start": "now"}, 'start is "steady_state" or "initial"'),
    ],
)
def test_what_cannot_be_exported_is_refused(steroid_response, factors, message):
    with pytest.raises(sim.ConditionError, match=message):
        steroid_response.export_sbml(**factors)


def test_export_without_a_steady_state():
    model = sim.load("model growing\n species X\n X = 1\n R: -> X; 2\nend\n")
    with pytest.raises(sim.IntegrationError, match="did not settle"):
        model.export_sbml(start="steady_state")
    assert "<sbml" in model.export_sbml()
