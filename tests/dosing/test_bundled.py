"""The bundled model says of doses what the papers say of drugs (van der Zwet et al. 2021)."""

import numpy as np
import pytest

import simulator as sim

LESIONS = ["none", "NRAS_G12D", "JAK1_T901A", "IL7R_PILT240-244RFCPH"]
DOSES = [0.0, 1.0]


def steroid_needed(model, partner):
    """log10 of the prednisolone dose for 40 % effect, without and with 1 uM of a partner."""
    found = sim.lowest_dose(
        model, "prednisolone", effect=0.4, alteration=LESIONS, rtol_dose=0.05, **{partner: DOSES}
    )
    assert (found["status"] == "SUCCESS").all()
    # no dose needed, or one below the range, counts as a tenth of its lowest
    least, top = found.attrs["range"]
    dose = found["dose"].where(found["bound"] != "<", least / 10).clip(min=least / 10)
    dose = dose.where(found["bound"] != ">", 10 * top)
    return np.log10(dose).to_pandas()


def test_a_mek_inhibitor_lowers_the_steroid_dose_in_every_lesion(steroid_response):
    needed = steroid_needed(steroid_response, "selumetinib")
    assert (needed.loc[LESIONS[1:], 1.0] < needed.loc[LESIONS[1:], 0.0] - 2).all()


def test_a_jak_inhibitor_does_so_upstream_of_ras_only(steroid_response):
    needed = steroid_needed(steroid_response, "ruxolitinib")
    lowered = needed[0.0] - needed[1.0]
    assert (lowered[["JAK1_T901A", "IL7R_PILT240-244RFCPH"]] > 2).all()
    assert lowered["NRAS_G12D"] == pytest.approx(0, abs=0.05)


def test_a_mek_inhibitor_lowers_the_dose_that_serves_a_cohort(steroid_response):
    cohort = steroid_response.cohort("TALL_PDX", 8)
    found = sim.lowest_dose(
        steroid_response,
        "prednisolone",
        conditions=cohort,
        selumetinib=[0, 0.1],
        fraction=[0.25, 0.5],
        rtol_dose=0.05,
    )
    rank = found["dose"].where(found["bound"] != ">", np.inf)
    assert (rank.sel(selumetinib=0.1) < rank.sel(selumetinib=0)).all()
