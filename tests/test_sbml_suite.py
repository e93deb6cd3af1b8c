"""The SBML semantic test suite through the whole engine: read, compile, integrate, report.

`tests/network/test_sbml_suite.py` does the same with a reference simulator; together they tell a
misread model from a wrong kernel.
"""

import numpy as np
import pytest

from simulator.network.definition import plain_definition
from simulator.simulation.dataset import variable_name
from simulator.simulation.model import Model

from .network.suite import case_ids, network_of, read_case, refusals, sampled
from .reference import output

ACCEPTED = [case for case in case_ids() if case not in refusals()]


@pytest.mark.parametrize("name", sampled(ACCEPTED, 8))
def test_case_is_reproduced(name):
    case, network = read_case(name), network_of(name)
    model = Model(plain_definition(network, name))
    ids = [q.id for g in (network.species, network.parameters, network.compartments) for q in g]
    ids += [r.id for r in network.reactions]
    ds = model.simulate(case.times, outputs=ids, rtol=1e-9, atol=1e-13, max_steps=1_000_000)
    values = {i: ds[variable_name(i)].values for i in ids}
    for wanted, expected in case.expected.items():
        np.testing.assert_allclose(
            output(network, values, wanted, case.meaning(wanted)),
            expected,
            rtol=case.rtol,
            atol=case.atol,
            err_msg=wanted,
        )
