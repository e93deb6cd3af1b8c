"""The SBML semantic test suite: every accepted case reproduced, every refused one listed.

Each case is simulated twice: as the network says, and as the network's equations say.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import pytest

from simulator.errors import ModelError
from simulator.network.network import Network

from ..reference import output, simulate
from .equations_twin import simulate_equations
from .suite import case_ids, model_path, network_of, read_case, refusals, sampled

REFUSED = refusals()
CASES = case_ids()
ACCEPTED = [case for case in CASES if case not in REFUSED]

BUSY = {"00953": 0.3, "00965": 0.1} | dict.fromkeys(
    ("01589", "01591", "01599", "01605", "01627"), 0.1
)
"""Cases with thousands of executions, and the part of their time that the reference follows."""

Simulate = Callable[[Network, np.ndarray], Mapping[str, np.ndarray]]


def check(name: str, simulate: Simulate) -> None:
    """The reference simulation of what the reader makes of a case, against the suite's values."""
    case, network = read_case(name), network_of(name)
    times = case.times[: max(1, round(BUSY.get(name, 1.0) * case.times.size))]
    values = simulate(network, times)
    for wanted, expected in case.expected.items():
        np.testing.assert_allclose(
            output(network, values, wanted, case.meaning(wanted)),
            expected[: times.size],
            rtol=case.rtol,
            atol=case.atol,
            err_msg=f"case {name}, output {wanted}",
        )


@pytest.mark.parametrize("case", sampled(ACCEPTED, 10, slow=BUSY))
def test_case_is_reproduced(case: str) -> None:
    check(case, simulate)


@pytest.mark.parametrize("case", sampled(ACCEPTED[5:] + ACCEPTED[:5], 10, slow=BUSY))
def test_equations_reproduce_the_case(case: str) -> None:
    check(case, simulate_equations)


@pytest.mark.parametrize("case", sorted(set(REFUSED) & set(CASES)))
def test_refusal_names_the_feature(case: str) -> None:
    path = model_path(case)
    with pytest.raises(ModelError) as refusal:
        network_of(case)
    lines = str(refusal.value).splitlines()
    assert all(line.startswith(f"{path}: ") for line in lines)
    for reason in REFUSED[case]:
        assert any(reason in line for line in lines), str(refusal.value)


@pytest.mark.slow
def test_nothing_else_is_refused() -> None:
    for case in ACCEPTED:
        network_of(case)
