"""The dose that serves a fraction of a cohort: counted by hand, and laws that must hold."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import simulator as sim
from simulator.dosing.fraction import dose_of_fraction
from simulator.errors import ConditionError
from simulator.response.doses import ABOVE, BELOW, EXACT

from . import on_paper
from .test_lowest_dose import assert_dose

LOW, HIGH = 0.01, 100.0
HALVES = [0.5, 1, 2, 4, 8, 16, 32, 64, 128, 6400]


@pytest.fixture(scope="module")
def cohort():
    return pd.DataFrame({"K_killer": HALVES}, index=pd.RangeIndex(10, name="sample"))


def test_it_is_the_kth_lowest_dose(pathway, cohort):
    fractions = [0.05, 0.5, 0.7, 0.71, 0.9, 1.0]
    found = sim.lowest_dose(
        pathway, "killer", conditions=cohort, sensitiser=[0, 0.5], fraction=fractions
    )
    assert found["dose"].dims == ("sensitiser", "fraction")
    for i, sensitiser in enumerate((0, 0.5)):
        for k, nth in enumerate((1, 5, 7, 8, 9)):
            true = on_paper.killer(0.5, half=HALVES[nth - 1], sensitiser=sensitiser)
            assert_dose(found["dose"].values[i, k], true)
            assert found["share"].values[i, k] == nth / 10
    assert found["bound"].values[:, -1].tolist() == [">", ">"]
    assert found["dose"].values[:, -1].tolist() == [100, 100]
    assert (found["failed"] == 0).all() and (found["status"] == "SUCCESS").all()
    assert found.attrs["samples"] == 10 and "sample" not in found.coords


def test_one_fraction_is_no_dimension(pathway, cohort):
    found = sim.lowest_dose(pathway, "killer", conditions=cohort, fraction=0.5)
    assert found["dose"].dims == ()
    each = sim.lowest_dose(pathway, "killer", conditions=cohort)
    assert float(found["dose"]) == np.sort(each["dose"])[4]


def test_samples_that_failed_leave_open_only_what_depends_on_them(pathway):
    table = pd.DataFrame(
        {"K_killer": [1.0, 1.0, 1.0, 6400, 6400], "alteration": ["EXPLOSIVE"] + ["none"] * 4},
        index=pd.RangeIndex(5, name="sample"),
    )
    with pytest.warns(RuntimeWarning, match="1 of 5 conditions .* at sample=0"):
        found = sim.lowest_dose(pathway, "killer", conditions=table, fraction=[0.4, 0.6, 0.8, 1.0])
    # two samples have the same dose: whatever the failed one needs, it serves 40 %
    assert_dose(found["dose"].values[0], on_paper.killer(0.5))
    assert np.isnan(found["dose"].values[1]) and found["status"].values[1] != "SUCCESS"
    assert found["bound"].values[2:].tolist() == [">", ">"]
    assert found["status"].values[[0, 2, 3]].tolist() == ["SUCCESS"] * 3
    assert int(found["failed"]) == 1


def counted(dose, code, fraction):
    """The lowest dose that serves a fraction of samples without failures, one by one."""
    tries = sorted(
        [(LOW, -1, BELOW)] * int((code == BELOW).any())
        + [(d, 0, EXACT) for d in dose[code == EXACT]]
    )
    for d, order, kind in tries:
        serves = sum(
            (c == BELOW and d >= LOW) or (c == EXACT and (x, 0) <= (d, order))
            for x, c in zip(dose, code, strict=True)
        )
        if serves >= fraction * dose.size - 1e-9:
            return d, kind
    return HIGH, ABOVE


SAMPLES = st.lists(
    st.one_of(
        st.just((LOW, BELOW)),
        st.just((HIGH, ABOVE)),
        st.just((0.0, EXACT)),
        st.floats(0.02, 50).map(lambda d: (d, EXACT)),
        st.sampled_from([(0.5, EXACT), (2.0, EXACT)]),
    ),
    min_size=1,
    max_size=12,
)
FRACTIONS = st.lists(st.floats(0.01, 1), min_size=1, max_size=5, unique=True).map(sorted)


@given(SAMPLES, FRACTIONS)
def test_as_counted_one_by_one_and_monotone_in_the_fraction(samples, fractions):
    dose, code = (np.array(values) for values in zip(*samples, strict=True))
    status = np.full(dose.size, "SUCCESS")
    found = dose_of_fraction(dose, code, status, np.array(fractions))
    for i, fraction in enumerate(fractions):
        assert (found.dose[i], found.code[i]) == counted(dose, code, fraction)
    rank = np.where(found.code == ABOVE, 1e9, found.dose)
    assert (np.diff(rank) >= 0).all()


@given(SAMPLES, FRACTIONS, st.integers(1, 3))
def test_whatever_failed_samples_need_the_answer_stands(samples, fractions, lost):
    dose, code = (np.array(values) for values in zip(*samples, strict=True))
    lost = min(lost, dose.size)
    holed, open_code = dose.copy(), code.copy()
    holed[:lost], open_code[:lost] = np.nan, EXACT
    status = np.where(np.isnan(holed), "STEP_LIMIT", "SUCCESS")
    said = dose_of_fraction(holed, open_code, status, np.array(fractions))
    true = dose_of_fraction(dose, code, np.full(dose.size, "SUCCESS"), np.array(fractions))
    known = ~np.isnan(said.dose)
    np.testing.assert_array_equal(said.dose[known], true.dose[known])
    np.testing.assert_array_equal(said.code[known], true.code[known])
    assert (said.status[known] == "SUCCESS").all() and (said.status[~known] == "STEP_LIMIT").all()
    assert said.failed == lost


@pytest.mark.parametrize("fraction", [0, 1.1, "0.5", [], [0.5, 0.5], True])
def test_what_is_no_fraction_is_refused(pathway, cohort, fraction):
    with pytest.raises(ConditionError, match="fraction"):
        sim.lowest_dose(pathway, "killer", conditions=cohort, fraction=fraction)
