"""What holds of every response measure: units, order of doses, other dimensions, laziness."""

import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

from simulator import response
from simulator.errors import ConditionError

DOSES = np.r_[0, np.geomspace(0.00316, 31.6, 9)]
TOP = DOSES[-1]

SINGLE = ("ic50", "ic", "ec50", "auc400", "auc", "hill")
INDICES = ("combination_index", "f_syn")
EXCESSES = ("bliss_excess", "hsa_excess", "loewe_excess", "zip_delta")
PAIRED = (*INDICES, *EXCESSES)
FITTED = ("hill", "zip_delta", "musyc")

# Measures that are doses, and the coordinates of others that are.
DOSE_VALUED = ("ic50", "ic", "ec50")

# Rounding of what is read off; how exactly a fit repeats itself from other numbers.
READ, FIT = 1e-9, 1e-5


def tolerance(name):
    return FIT if name in FITTED else READ


def curves(seed, n=4):
    """Noisy Hill curves, one of which a value is missing: dims (cell, a)."""
    rng = np.random.default_rng(seed)
    half, slope = 10 ** rng.uniform(-1.5, 0.5, (n, 1)), rng.uniform(0.7, 2.5, (n, 1))
    bottom = rng.uniform(0, 0.6, (n, 1))
    values = bottom + (1 - bottom) / (1 + (DOSES / half) ** slope)
    values[:, 1:] += rng.normal(0, 0.02, (n, len(DOSES) - 1))
    values[n - 1, 4] = np.nan
    return xr.DataArray(
        np.maximum(values, 0), dims=["cell", "a"], coords={"cell": np.arange(n), "a": DOSES}
    )


def matrices(seed, n=3):
    """Two drugs that interact, dims (cell, a, b); a value of the last is missing."""
    first, second = curves(seed, n), curves(seed + 1, n).rename(a="b")
    strength = 10 ** np.random.default_rng(seed).uniform(-0.4, 0.4, n)
    pairs = (first.a > 0) & (second.b > 0)
    product = first * second
    power = xr.DataArray(strength, dims=["cell"])
    return product.where(~pairs, product**power)


def surfaces(seed, n=2):
    """Measured MuSyC surfaces, dims (cell, a, b): where none fits, several fit about as badly."""
    rng = np.random.default_rng(seed)
    values = {"E0": np.ones(n)} | {f"E{i}": rng.uniform(0.05, 0.6, n) for i in (1, 2, 3)}
    values |= {name: rng.uniform(0.8, 2.5, n) for name in ("h1", "h2")}
    values |= {name: 10 ** rng.uniform(-1, 0.5, n) for name in ("C1", "C2")}
    values |= {name: 10 ** rng.uniform(-0.7, 0.7, n) for name in ("alpha12", "alpha21")}
    variables = {name: ("cell", value) for name, value in values.items()}
    exact = response.musyc_surface(xr.Dataset(variables), DOSES, DOSES)
    da = exact.rename(drug_1="a", drug_2="b")
    return da + rng.normal(0, 0.01, da.shape)


def measured(name, da):
    dims = ["a", "b"] if "b" in da.dims else ["a"]
    return getattr(response, name)(da, *dims)


def data_for(name, seed):
    return curves(seed) if name in SINGLE else matrices(seed)


def in_units(da, factor, unit):
    """The same data with doses in another unit."""
    for dim in set(da.dims) & {"a", "b"}:
        da = da.assign_coords({dim: da[dim] * factor})
        da[dim].attrs["units"] = unit
    return da


@pytest.mark.parametrize("name", [*SINGLE, *PAIRED])
@settings(max_examples=4, deadline=None)
@given(seed=st.integers(0, 2**31), unit=st.sampled_from([("nM", 1e3), ("mM", 1e-3), ("M", 1e-6)]))
def test_units_of_dose_change_doses_and_nothing_else(name, seed, unit):
    unit, factor = unit
    da = data_for(name, seed)
    plain, other = measured(name, da), measured(name, in_units(da, factor, unit))
    scale = factor if name in DOSE_VALUED else 1.0
    np.testing.assert_allclose(other.values, scale * plain.values, rtol=tolerance(name), atol=FIT)
    np.testing.assert_array_equal(other.bound, plain.bound)
    if name in DOSE_VALUED:
        assert other.attrs["units"] == unit and plain.attrs["units"] == "uM"
    if name == "hill":
        for end in ("half_dose", "half_dose_low", "half_dose_high"):
            np.testing.assert_allclose(other[end], factor * plain[end], rtol=FIT)
            assert other[end].attrs["units"] == unit


@settings(max_examples=3, deadline=None)
@given(seed=st.integers(0, 2**31))
def test_units_of_dose_leave_musyc_but_its_half_doses(seed):
    da = surfaces(seed)
    plain, other = measured("musyc", da), measured("musyc", in_units(da, 1e3, "nM"))
    np.testing.assert_allclose(other.misfit, plain.misfit, rtol=1e-6)
    for name in response.musyc(da, "a", "b").data_vars:
        known = (plain.coords.get(f"{name}_bound", xr.DataArray("=")) == "=").values
        factor = 1e3 if name in ("C1", "C2") else 1.0
        expected = factor * plain[name].values[..., known]
        np.testing.assert_allclose(other[name].values[..., known], expected, rtol=1e-3, atol=1e-4)
    assert other.C1.attrs["units"] == "nM"


@pytest.mark.parametrize("name", [*SINGLE, *PAIRED])
@settings(max_examples=4, deadline=None)
@given(seed=st.integers(0, 2**31), data=st.data())
def test_the_order_of_doses_does_not_matter(name, seed, data):
    da = data_for(name, seed)
    shuffled = da
    for dim in set(da.dims) & {"a", "b"}:
        shuffled = shuffled.isel({dim: data.draw(st.permutations(range(len(DOSES))))})
    xr.testing.assert_identical(measured(name, shuffled), measured(name, da))


@pytest.mark.parametrize("name", PAIRED)
@settings(max_examples=4, deadline=None)
@given(seed=st.integers(0, 2**31))
def test_which_drug_is_named_first_does_not_matter(name, seed):
    da = matrices(seed)
    swapped = getattr(response, name)(da, "b", "a").transpose(*measured(name, da).dims)
    np.testing.assert_allclose(swapped, measured(name, da), rtol=tolerance(name), atol=FIT)
    np.testing.assert_array_equal(swapped.bound, measured(name, da).bound)


@settings(max_examples=3, deadline=None)
@given(seed=st.integers(0, 2**31))
def test_musyc_with_the_drugs_swapped_has_its_parameters_swapped(seed):
    da = surfaces(seed)
    plain, swapped = response.musyc(da, "a", "b"), response.musyc(da, "b", "a")
    np.testing.assert_allclose(swapped.misfit, plain.misfit, rtol=1e-6)
    other = {"E1": "E2", "h1": "h2", "C1": "C2", "alpha12": "alpha21"}
    for one, two in other.items():
        known = (plain[f"{one}_bound"] == "=").values
        np.testing.assert_allclose(
            swapped[two].values[known], plain[one].values[known], rtol=1e-3, atol=1e-4
        )


@pytest.mark.parametrize("name", [*SINGLE, *PAIRED, "musyc"])
def test_all_at_once_is_one_by_one(name):
    da = data_for(name, 7)
    together = measured(name, da)
    for i in range(da.sizes["cell"]):
        alone = measured(name, da.isel(cell=i))
        if name in ("hill", "zip_delta", "musyc"):  # fits: sums of a matrix product may round anew
            xr.testing.assert_allclose(together.isel(cell=i), alone, rtol=tolerance(name))
        else:
            xr.testing.assert_equal(together.isel(cell=i), alone)


@pytest.mark.parametrize("name", [*SINGLE, *PAIRED])
def test_other_dimensions_may_stand_anywhere(name):
    da = xr.concat([data_for(name, 1), data_for(name, 2)], dim="time")
    plain = measured(name, da)
    turned = measured(name, da.transpose(*reversed(da.dims)))
    xr.testing.assert_allclose(turned.transpose(*plain.dims), plain, rtol=tolerance(name))


@pytest.mark.parametrize("name", [*SINGLE, *PAIRED, "musyc"])
def test_no_curve_at_all_is_no_error(name):
    empty = data_for(name, 0).isel(cell=slice(0))
    assert measured(name, empty).sizes["cell"] == 0


@pytest.mark.parametrize("name", [*SINGLE, *PAIRED, "musyc"])
def test_a_lazy_array_stays_lazy_and_gives_the_same(name):
    da = data_for(name, 3)
    lazy = measured(name, da.chunk({"cell": 2, "a": 3}))
    assert all(variable.chunks is not None for variable in _results(lazy))
    xr.testing.assert_allclose(lazy.compute(), measured(name, da), rtol=tolerance(name))
    percent = measured(name, (100 * da).chunk({"cell": 2}))
    with pytest.raises(ConditionError, match="percent"):
        percent.compute()


def _results(found):
    values = [found] if isinstance(found, xr.DataArray) else list(found.data_vars.values())
    return [*values, *(found[name] for name in found.coords if "bound" in str(name))]


@pytest.mark.parametrize("size", [1, 100, 1000])
def test_the_size_of_the_blocks_does_not_matter(monkeypatch, size):
    """Of which rounding may differ in the fits: linear algebra is done for several at a time."""
    whole = {name: measured(name, data_for(name, 5)) for name in (*SINGLE, *PAIRED)}
    monkeypatch.setattr("simulator.response.doses.BLOCK", size)
    for name, expected in whole.items():
        found = measured(name, data_for(name, 5))
        xr.testing.assert_allclose(found, expected, rtol=tolerance(name))


@pytest.mark.parametrize("name", [*SINGLE, *PAIRED])
def test_each_says_which_way_it_is_read(name):
    direction = measured(name, data_for(name, 0)).attrs["direction"]
    if name in INDICES:
        assert direction == "below 1 is synergy, above 1 antagonism"
    elif name in EXCESSES:
        assert direction == "above 0 is synergy, below 0 antagonism"
    else:
        assert direction.split(" is ")[0] in ("lower", "higher")


@pytest.mark.parametrize("name", [*EXCESSES, "f_syn", "combination_index"])
def test_more_kill_by_the_pairs_is_more_synergy(name):
    da = matrices(9).isel(cell=[0, 1])
    pairs = (da.a > 0) & (da.b > 0)
    more = da.where(~pairs, 0.7 * da)
    before, after = measured(name, da), measured(name, more)
    both = before.notnull() & after.notnull()
    assert both.any()
    gain = (before - after if name in INDICES else after - before).values[both.values]
    # A pair beyond what a drug reaches alone stays where it is: its index is an upper bound.
    assert (gain >= -1e-9).mean() > 0.9 and gain.mean() > 0.01


@pytest.mark.parametrize("name", [*SINGLE, *PAIRED])
def test_an_infinite_viability_is_a_missing_one(name):
    da = data_for(name, 4)
    infinite = da.where(da.a != DOSES[5], np.inf)
    xr.testing.assert_identical(
        measured(name, infinite), measured(name, da.where(da.a != DOSES[5]))
    )


@pytest.mark.parametrize("name", [*PAIRED, "musyc"])
@pytest.mark.parametrize("value", [0.0, 1e-12, 1.0, 9.9])
def test_flat_matrices_are_no_error(name, value):
    """Nor a warning, which the suite turns into an error where our code raises it."""
    found = measured(name, xr.full_like(matrices(0), value))
    if name in EXCESSES and value == 1:
        np.testing.assert_allclose(found, 0, atol=FIT)


@pytest.mark.parametrize("name", [*PAIRED, "musyc"])
def test_errors_name_the_dimension_and_the_nearest(name):
    da = matrices(0).rename(a="selumetinib")
    with pytest.raises(ConditionError, match=rf'{name}: "selumetanib".*Nearest: "selumetinib"'):
        getattr(response, name)(da, "selumetanib", "b")


@pytest.mark.parametrize("measure", ["auc400", "auc", "ic50", "ec50", "hill"])
def test_other_dimensions_keep_their_units(measure):
    """An axis that a figure draws later is still in the unit of the other drug's doses."""
    doses = np.r_[0, np.geomspace(0.001, 100, 9)]
    other = xr.DataArray([0.0, 5.0], dims="b", attrs={"units": "nM"})
    da = xr.DataArray(1 / (1 + np.outer(doses, [1.0, 2.0])), {"a": doses, "b": other}, ("a", "b"))
    assert getattr(response, measure)(da, "a")["b"].attrs == {"units": "nM"}
    assert da["b"].attrs == {"units": "nM"}
