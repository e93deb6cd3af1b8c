"""The SBML semantic test suite: every accepted case reproduced, every refused one listed."""

from __future__ import annotations

import numpy as np
import pytest

from simulator.errors import ModelError
from simulator.network.sbml import read_sbml

from ..reference import output, simulate
from .suite import Case, case_ids, read_case, refusals

REFUSED = refusals()
CASES = case_ids()
ACCEPTED = [case for case in CASES if case not in REFUSED]


def check(case: Case) -> None:
    """The reference simulation of what the reader makes of a case, against the suite's values."""
    network = read_sbml(case.sbml, f"{case.id}/model.xml")
    values = simulate(network, case.times)
    for name, expected in case.expected.items():
        np.testing.assert_allclose(
            output(network, values, name, case.meaning(name)),
            expected,
            rtol=case.rtol,
            atol=case.atol,
            err_msg=f"case {case.id}, output {name}",
        )


@pytest.mark.parametrize(
    "case",
    [pytest.param(c, marks=[pytest.mark.slow] if i % 8 else []) for i, c in enumerate(ACCEPTED)],
)
def test_case_is_reproduced(case: str) -> None:
    check(read_case(case))


@pytest.mark.parametrize("case", sorted(set(REFUSED) & set(CASES)))
def test_refusal_names_the_feature(case: str) -> None:
    with pytest.raises(ModelError) as refusal:
        read_sbml(read_case(case).sbml, f"{case}/model.xml")
    lines = str(refusal.value).splitlines()
    assert all(line.startswith(f"{case}/model.xml: ") for line in lines)
    for reason in REFUSED[case]:
        assert any(reason in line for line in lines), str(refusal.value)


@pytest.mark.slow
def test_nothing_else_is_refused() -> None:
    for case in ACCEPTED:
        read_sbml(read_case(case).sbml, case)
