"""The PEtab test suite: log-likelihood, chi2 and simulations of every case, and its gradient."""

import numpy as np
import pandas as pd
import pytest
import yaml

from simulator.fit.problem import Problem

from .. import tolerances
from ..petab.cases import SUITE_1, SUITE_2
from .differences import gradient_by_differences, relative_gradient

every_case = pytest.mark.parametrize(
    "path", SUITE_1 + SUITE_2, ids=lambda path: f"{path.parts[-3]}-{path.parts[-2]}"
)


@every_case
def test_case(path):
    problem = Problem(path)
    solution = yaml.safe_load(path.with_name(f"{path.stem}_solution.yaml").read_text())
    names = solution["simulation_files"]
    expected = [pd.read_csv(path.with_name(name), sep="\t") for name in names]
    simulated = problem.simulate()["simulation"].to_numpy()
    assert abs(problem.log_likelihood() - solution["llh"]) <= solution["tol_llh"]
    assert abs(problem.chi2() - solution["chi2"]) <= solution["tol_chi2"]
    apart = np.abs(simulated - pd.concat(expected)["simulation"].to_numpy())
    assert apart.max() <= solution["tol_simulations"]


@every_case
def test_gradient_of_case(path):
    problem = Problem(path, rtol=1e-11, atol=1e-13)
    table = problem.table()
    found = relative_gradient(problem, table)
    expected, doubt = gradient_by_differences(problem, table, 1e-3)
    size = 1e-3 + np.abs(found).max(initial=0.0)
    assert (np.abs(found - expected) <= tolerances.GRADIENT_RELATIVE * size + 3 * doubt).all()
    assert (doubt <= 1e-4 * size).all()
