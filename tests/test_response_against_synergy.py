"""Measures of two drugs against the `synergy` package (Wooten & Albert 2021), an independent code.

It takes single drugs as fitted curves where ours are read off the data, so that the two can agree
where the data are such curves; each test says what else differs. It is under the GPL: tests use it,
the package does not.
"""

import numpy as np
import pytest
import xarray as xr
from synergy.combination import HSA, ZIP, Bliss, CombinationIndex, Loewe, MuSyC
from synergy.single import Hill

from simulator.response import (
    bliss_excess,
    combination_index,
    f_syn,
    hsa_excess,
    loewe_excess,
    musyc,
    musyc_surface,
    zip_delta,
)

# Warnings of another package, about logarithms of the dose 0.
pytestmark = pytest.mark.filterwarnings("ignore")

# What is left of rounding where both evaluate the same formula.
ROUNDING = 1e-12

# Both fit by least squares, each to its own tolerances; curve_fit's are 1e-8 in the squares.
FIT = 1e-4

DOSES = np.array([0, 0.1, 0.2, 0.4, 0.8, 1.6, 3.2])
PAIRS = (slice(1, None), slice(1, None))


def matrix(viability, doses=DOSES):
    coords = {"a": doses, "b": doses}
    return xr.DataArray(np.asarray(viability, float), dims=["a", "b"], coords=coords)


def columns(da):
    """Doses and viabilities as one-dimensional arrays, the form of the other package."""
    a, b = np.meshgrid(da.a.values, da.b.values, indexing="ij")
    return a.ravel(), b.ravel(), da.values.ravel()


def theirs(model, da):
    """Their score of each pair of doses above 0."""
    return np.asarray(model.fit(*columns(da))).reshape(da.shape)[PAIRS]


def hill(doses, half, slope, bottom=0.0):
    return bottom + (1 - bottom) / (1 + (doses / half) ** slope)


def drugs(bottom_a=0.0, bottom_b=0.0):
    """Two Hill curves, as numbers and as models of the other package."""
    curves = hill(DOSES, 0.6, 1.3, bottom_a), hill(DOSES, 1.1, 0.9, bottom_b)
    models = {
        "drug1_model": Hill(E0=1.0, Emax=bottom_a, h=1.3, C=0.6),
        "drug2_model": Hill(E0=1.0, Emax=bottom_b, h=0.9, C=1.1),
    }
    return *curves, models


def interacting(seed=3, bottom_a=0.0, bottom_b=0.0):
    """A matrix of which single drugs are Hill curves, and pairs are anything."""
    curve_a, curve_b, models = drugs(bottom_a, bottom_b)
    strength = np.random.default_rng(seed).uniform(0.6, 1.4, (len(DOSES), len(DOSES)))
    viability = np.outer(curve_a, curve_b)
    viability[PAIRS] **= strength[PAIRS]
    return matrix(viability), models


def test_bliss_and_highest_single_agent():
    da, models = interacting(bottom_a=0.2)
    np.testing.assert_allclose(
        bliss_excess(da, "a", "b"), theirs(Bliss(**models), da), atol=ROUNDING
    )
    np.testing.assert_allclose(hsa_excess(da, "a", "b"), theirs(HSA(**models), da), atol=ROUNDING)


def test_berenbaums_sum_and_the_combination_index_of_median_effect_drugs():
    """Ours enters a drug that does not reach the effect with its top dose, theirs extrapolates."""
    da, _ = interacting()
    sums = f_syn(da, "a", "b")
    found = theirs(CombinationIndex(), da)
    exact = (sums.bound == "=").values & sums.notnull().values
    assert exact.sum() >= 12
    np.testing.assert_allclose(sums.values[exact], found[exact], rtol=1e-9)
    # Where a dose is extrapolated beyond ours, theirs is smaller: ours was flagged so.
    upper = (sums.bound == "<").values
    assert upper.any() and (found[upper] < sums.values[upper]).all()


def test_the_mean_combination_index():
    """Where both drugs alone reach what each pair does, and all pairs are counted: noise = -1."""
    alone = hill(DOSES, 0.6, 1.3)
    viability = np.random.default_rng(5).uniform(alone[-1], alone[1], (len(DOSES), len(DOSES)))
    viability[0, :] = viability[:, 0] = alone
    # The second drug is the first, diluted.
    da = matrix(viability).assign_coords(b=5 * DOSES)
    ours = combination_index(da, "a", "b", noise=-1)
    assert ours.bound == "="
    assert float(ours) == pytest.approx(theirs(CombinationIndex(), da).mean(), rel=1e-9)


def test_loewe_additivity():
    """Ours clips effects to 0.03-0.97, and reads between doses where theirs has the whole curve."""
    dense = np.r_[0, np.geomspace(0.02, 20, 41)]
    _, _, models = drugs(0.1, 0.2)
    curve_a, curve_b = hill(dense, 0.6, 1.3, 0.1), hill(dense, 1.1, 0.9, 0.2)
    da = matrix(np.outer(curve_a, curve_b), dense)
    excess = loewe_excess(da, "a", "b")
    found = theirs(Loewe(mode="delta_nan", **models), da)
    pair = 1 - da.values[PAIRS]
    exact = (excess.bound == "=").values & np.isfinite(found) & (pair > 0.05) & (pair < 0.95)
    assert exact.sum() > 800
    np.testing.assert_allclose(excess.values[exact], found[exact], atol=5e-4)
    # Where a drug does not reach the effect within its doses theirs goes on along its curve: the
    # additive effect is then higher than ours, whose excess is the upper bound that it claims.
    upper = (excess.bound == "<").values & np.isfinite(found)
    assert upper.sum() > 100
    assert (found[upper] <= excess.values[upper] + 2e-3).all()


def test_zip_where_the_rows_are_hill_curves():
    """Potency rises with the other drug: each row and column is a Hill curve of its own."""
    alpha = 4.0
    true = {"E0": 1, "E1": 0.3, "E2": 0.2, "E3": 0.06, "h1": 1, "h2": 1, "C1": 0.6, "C2": 1.1}
    true |= {"alpha12": alpha, "alpha21": alpha}
    parameters = xr.Dataset(true, attrs={"drug_1": "a", "drug_2": "b"})
    dense = np.r_[0, np.geomspace(0.02, 50, 13)]
    da = musyc_surface(parameters, dense, dense)
    found = theirs(ZIP(), da)
    ours = zip_delta(da, "a", "b").values
    assert ours.max() > 0.1
    np.testing.assert_allclose(ours, found, atol=FIT)


@pytest.mark.parametrize("seed", range(4))
def test_the_musyc_surface(seed):
    rng = np.random.default_rng(seed)
    true = {"E0": 1.0} | dict(zip(("E1", "E2", "E3"), rng.uniform(0, 0.8, 3), strict=True))
    true |= dict(zip(("h1", "h2"), rng.uniform(0.5, 3, 2), strict=True))
    true |= dict(zip(("C1", "C2"), rng.uniform(0.2, 2, 2), strict=True))
    true |= dict(zip(("alpha12", "alpha21"), 10 ** rng.uniform(-1, 1, 2), strict=True))
    surface = musyc_surface(xr.Dataset(true), DOSES, DOSES)
    a, b = np.meshgrid(DOSES, DOSES, indexing="ij")
    other = MuSyC(**true, gamma12=1.0, gamma21=1.0)
    np.testing.assert_allclose(surface, other.E(a, b), atol=ROUNDING)
    assert float(musyc(surface, "drug_1", "drug_2").beta) == pytest.approx(other.beta, abs=1e-6)


def test_the_musyc_fit_of_noisy_data():
    """Theirs fits gamma too unless told not to; limits and starts are each its own."""
    rng = np.random.default_rng(11)
    true = {"E0": 1.0, "E1": 0.45, "E2": 0.35, "E3": 0.05, "h1": 1.4, "h2": 1.1, "C1": 0.5}
    true |= {"C2": 0.8, "alpha12": 3.0, "alpha21": 1.5}
    doses = np.r_[0, np.geomspace(0.02, 30, 9)]
    clean = musyc_surface(xr.Dataset(true, attrs={"drug_1": "a", "drug_2": "b"}), doses, doses)
    da = clean + rng.normal(0, 0.01, clean.shape)
    ours = musyc(da, "a", "b")
    other = MuSyC(fit_gamma=False)
    other.fit(*columns(da))
    found = other.get_parameters()
    squares = float(((other.E(*columns(da)[:2]) - columns(da)[2]) ** 2).sum())
    assert float(ours.misfit) ** 2 * da.size <= squares * (1 + 1e-6)
    for name in true:
        assert float(ours[name]) == pytest.approx(float(found[name]), rel=0.01, abs=0.002), name
