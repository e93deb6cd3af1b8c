"""Which elimination a kernel gets, and that both lead to the same trajectories.

The numbers of both are compared with NumPy's in `tests.integrator.test_linear`.
"""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simulator.codegen import compile_network, kernel
from simulator.codegen.elimination import operations
from simulator.integrator.linear import analyse
from simulator.network.antimony import read_antimony
from tests.integrator import problems


@settings(max_examples=60, deadline=None)
@given(n=st.integers(1, 10), seed=st.integers(0, 2**32 - 1))
def test_operations_are_those_of_elimination_on_the_pattern(n, seed):
    """Counted on a matrix of truth values: a quotient and a product for each entry of the row."""
    random = np.random.default_rng(seed)
    full = random.random((n, n)) < 0.3
    factors = analyse(n, *np.nonzero(full))
    pattern = (full | np.eye(n, dtype=bool))[np.ix_(factors.order, factors.order)]
    count = 0
    for k in range(n):
        for i in range(k + 1, n):
            if pattern[i, k]:
                count += 1 + int(pattern[k, k + 1 :].sum())
                pattern[i] |= np.where(np.arange(n) > k, pattern[k], False)
    assert operations(factors) == count
    assert factors.columns.size == pattern.sum()


def test_large_patterns_walk_tables(monkeypatch):
    """To the same trajectory but for round-off, which steps of the same tolerance may amplify."""
    network = read_antimony(problems.ROBERTSON, "robertson.ant")
    written = compile_network(network)
    monkeypatch.setattr(kernel, "OPERATION_LIMIT", 0)
    walked = compile_network(network)
    assert (written.written_out, walked.written_out) == (True, False)
    assert walked.system().elimination.size > 0
    times = [0.4, 40.0, 4000.0]
    one, other = (problems.integrate(k, times) for k in (written, walked))
    np.testing.assert_allclose(one.out, other.out, rtol=1e-8)


@pytest.mark.parametrize("limit", [0, 10**6])
def test_algebraic_states_in_either_elimination(monkeypatch, limit):
    """x' = -x + z, 0 = z - x/2 by an algebraic rule: x = exp(-t/2)."""
    monkeypatch.setattr(kernel, "OPERATION_LIMIT", limit)
    compiled = compile_network(problems.with_algebraic("x' = -x + z; x = 1; z = 0.2;", z="z - x/2"))
    out = problems.integrate(compiled, [1.0, 2.0], outputs=("x", "z")).out[:, 0]
    np.testing.assert_allclose(out[0], np.exp([-0.5, -1.0]), rtol=1e-9)
    np.testing.assert_allclose(out[1], np.exp([-0.5, -1.0]) / 2, rtol=1e-9)
