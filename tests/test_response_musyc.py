"""MuSyC's surface by hand and by the rate matrix; its fit, intervals and flags. ZIP by hand."""

import numpy as np
import pytest
import xarray as xr

from simulator.errors import ConditionError
from simulator.response import bliss_excess, musyc, musyc_surface, zip_delta

ROUNDING = 1e-12
# Least squares on exact data ends at its tolerances, 1e-11 in the logarithms.
FIT = 1e-6

DOSES = np.r_[0, np.geomspace(0.01, 100, 9)]
HAND = {"E0": 1.0, "E1": 0.3, "E2": 0.2, "E3": 0.06, "h1": 1.0, "h2": 1.0, "C1": 0.6, "C2": 1.1}
HAND |= {"alpha12": 2.0, "alpha21": 2.0}
NAMES = tuple(HAND)


def dataset(**changes):
    return xr.Dataset(HAND | changes, attrs={"drug_1": "a", "drug_2": "b"})


def random_parameters(n, seed):
    rng = np.random.default_rng(seed)
    values = {"E0": np.ones(n)} | {f"E{i}": rng.uniform(0.05, 0.7, n) for i in (1, 2, 3)}
    values |= {name: rng.uniform(0.7, 3, n) for name in ("h1", "h2")}
    values |= {f"C{i}": 10 ** rng.uniform(-1, 1, n) for i in (1, 2)}
    values |= {f"alpha{i}": 10 ** rng.uniform(-1, 1, n) for i in (12, 21)}
    variables = {name: ("pair", value) for name, value in values.items()}
    return xr.Dataset(variables, attrs={"drug_1": "a", "drug_2": "b"})


def test_the_surface_by_hand():
    surface = musyc_surface(dataset(), [0, 0.6, 6e9], [0, 1.1, 11e9])
    # No drug; one at its half dose; one saturating; both saturating.
    expected = {(0, 0): 1, (1, 0): 0.65, (0, 1): 0.6, (2, 0): 0.3, (0, 2): 0.2, (2, 2): 0.06}
    # Both at their half doses: rates in are 1, and 2 where the other drug is there. Leaving out one
    # passage each time: unaffected 2 + 2 + 2 = 6, by 1 only 2 + 2 (1 + 1) = 6, by 2 only 6,
    # by both 2 + 2 + 2 x 2 x (1 + 1) = 12, of 30.
    expected[1, 1] = (6 * 1 + 6 * 0.3 + 6 * 0.2 + 12 * 0.06) / 30
    for (i, j), value in expected.items():
        assert float(surface[i, j]) == pytest.approx(value, abs=1e-8), (i, j)
    assert surface.dims == ("a", "b")


@pytest.mark.parametrize("seed", range(3))
def test_the_surface_is_the_state_of_rest_of_four_states(seed):
    """The null space of the rate matrix, in which nothing is solved by hand."""
    parameters = random_parameters(1, seed).isel(pair=0)
    p = {name: float(parameters[name]) for name in NAMES}
    d1, d2 = 0.7, 3.0
    into = {
        (0, 1): (d1 / p["C1"]) ** p["h1"],
        (0, 2): (d2 / p["C2"]) ** p["h2"],
        (1, 3): (p["alpha12"] * d2 / p["C2"]) ** p["h2"],
        (2, 3): (p["alpha21"] * d1 / p["C1"]) ** p["h1"],
    }
    rates = np.zeros((4, 4))
    for (start, end), rate in into.items():
        rates[end, start], rates[start, end] = rate, 1.0
    rates -= np.diag(rates.sum(axis=0))
    balance = np.vstack([rates, np.ones(4)])
    rest = np.linalg.lstsq(balance, [0, 0, 0, 0, 1], rcond=None)[0]
    expected = rest @ [p["E0"], p["E1"], p["E2"], p["E3"]]
    assert musyc_surface(parameters, [d1], [d2]).item() == pytest.approx(expected, rel=1e-10)


def test_drugs_that_do_not_know_of_each_other_are_independent_in_blisss_sense():
    independent = dataset(alpha12=1.0, alpha21=1.0, E3=0.3 * 0.2, h1=1.7, h2=0.8)
    excess = bliss_excess(musyc_surface(independent, DOSES, DOSES), "a", "b")
    np.testing.assert_allclose(excess, 0, atol=ROUNDING)


def test_a_surface_gives_its_own_parameters():
    true = random_parameters(40, seed=1)
    found = musyc(musyc_surface(true, DOSES, DOSES), "a", "b")
    for name in NAMES:
        np.testing.assert_allclose(found[name], true[name], rtol=FIT, err_msg=name)
        assert (found[f"{name}_bound"] == "=").all()
        assert ((found[f"{name}_low"] <= true[name]) & (true[name] <= found[f"{name}_high"])).all()
    assert found.attrs == {"drug_1": "a", "drug_2": "b"}
    np.testing.assert_allclose(found.misfit, 0, atol=1e-9)
    again = musyc_surface(found, DOSES, DOSES)
    np.testing.assert_allclose(again, musyc_surface(true, DOSES, DOSES), atol=1e-9)
    stronger = np.minimum(true.E1, true.E2)
    np.testing.assert_allclose(found.beta, (stronger - true.E3) / (1 - stronger), atol=FIT)


@pytest.mark.parametrize("sigma", [None, 0.02])
def test_intervals_hold_the_truth_as_often_as_they_say(sigma):
    """Of 400 the share has a standard error of 0.011; those at limits and of beta count alike."""
    true = random_parameters(400, seed=2)
    clean = musyc_surface(true, DOSES, DOSES)
    noise = np.random.default_rng(3).normal(0, 0.02, clean.shape)
    found = musyc(clean + noise, "a", "b", sigma=sigma)
    stronger = np.minimum(true.E1, true.E2)
    true["beta"] = (stronger - true.E3) / (1 - stronger)
    for name in (*NAMES, "beta"):
        held = (found[f"{name}_low"] <= true[name]) & (true[name] <= found[f"{name}_high"])
        assert float(held.mean()) == pytest.approx(0.95, abs=0.04), name


def test_what_a_drug_without_effect_leaves_open_is_marked():
    idle = dataset(E1=1.0, E3=0.2, alpha12=1.0)
    da = musyc_surface(idle, DOSES, DOSES)
    found = musyc(da + np.random.default_rng(1).normal(0, 0.01, da.shape), "a", "b")
    for name in ("h1", "C1", "alpha21"):
        assert found[f"{name}_bound"] != "=", name
    for name in ("E0", "E2", "C2", "h2"):
        assert found[f"{name}_bound"] == "=", name


def test_two_drugs_without_effect_determine_nothing_but_the_viabilities():
    flat = xr.DataArray(np.ones((10, 10)), dims=["a", "b"], coords={"a": DOSES, "b": DOSES})
    found = musyc(flat, "a", "b")
    for name in ("h1", "h2", "C1", "C2", "alpha12", "alpha21", "beta"):
        assert found[f"{name}_bound"] == "?", name
    assert float(found.E0) == pytest.approx(1, abs=1e-6)


def test_a_half_dose_above_the_doses_is_a_bound():
    found = musyc(musyc_surface(dataset(C1=1000.0, h1=1.5), DOSES, DOSES), "a", "b")
    assert found.C1_bound == ">" and float(found.C1) == pytest.approx(100)


def test_a_missing_value_leaves_its_matrix_out():
    da = musyc_surface(random_parameters(2, 0), DOSES, DOSES).copy()
    da[0, 3, 3] = np.nan
    found = musyc(da, "a", "b")
    assert np.isnan(found.alpha12[0]) and found.alpha12_bound[0] == "?"
    assert found.alpha12_bound[1] == "="


def test_unusable_parameters_and_doses_are_refused_with_the_reason():
    with pytest.raises(ConditionError, match=r'no "alpha12".*Nearest: "alpha21"'):
        musyc_surface(dataset().drop_vars("alpha12"), DOSES, DOSES)
    for doses in ([-1.0], [np.nan], "many", [[1.0]]):
        with pytest.raises(ConditionError, match='doses of "b"'):
            musyc_surface(dataset(), DOSES, doses)
    da = musyc_surface(dataset(), DOSES[:3], DOSES)
    with pytest.raises(ConditionError, match="at least 3 doses"):
        musyc(da, "a", "b")
    with pytest.raises(ConditionError, match="between 0 and 1"):
        musyc(musyc_surface(dataset(), DOSES, DOSES), "a", "b", level=95)


# ---- zero interaction potency ----------------------------------------------------------------


def test_zip_by_hand():
    """With both slopes 1 and one alpha, rows and columns are Hill curves: smoothing is exact."""
    doses_a, doses_b = np.array([0, 0.06, 0.6, 6, 60]), np.array([0, 0.11, 1.1, 11, 110])
    delta = zip_delta(musyc_surface(dataset(), doses_a, doses_b), "a", "b")
    # Half doses: alone 0.65 and 0.6, together (6 + 1.8 + 1.2 + 0.72) / 30 = 0.324.
    assert float(delta.sel(a=0.6, b=1.1)) == pytest.approx(0.65 * 0.6 - 0.324, abs=FIT)
    assert delta.dims == ("a", "b") and delta.shape == (4, 4)
    assert (delta.bound == "=").all()


def test_independent_hill_curves_have_no_zip_delta():
    first, second = (0.2 + 0.8 / (1 + (DOSES / h) ** s) for h, s in ((0.5, 1.5), (3, 0.8)))
    da = xr.DataArray(np.outer(first, second), dims=["a", "b"], coords={"a": DOSES, "b": DOSES})
    np.testing.assert_allclose(zip_delta(da, "a", "b"), 0, atol=FIT)


def test_zip_smooths_what_bliss_shows_pair_by_pair():
    da = musyc_surface(dataset(), DOSES, DOSES)
    shaken = da + np.random.default_rng(0).normal(0, 0.02, da.shape)
    change = {m.__name__: m(shaken, "a", "b") - m(da, "a", "b") for m in (zip_delta, bliss_excess)}
    assert change["zip_delta"].std() < 0.7 * change["bliss_excess"].std()


def test_zip_of_antagonists_is_negative_and_of_a_matrix_with_a_gap_missing():
    da = musyc_surface(dataset(alpha12=0.2, alpha21=0.2), DOSES, DOSES)
    assert (zip_delta(da, "a", "b").sel(a=slice(0.1, 10), b=slice(0.1, 10)) < 0).all()
    assert np.isnan(zip_delta(da.where(da.a != DOSES[3]), "a", "b")).all()
    with pytest.raises(ConditionError, match="at least 3 doses"):
        zip_delta(da[:3], "a", "b")
