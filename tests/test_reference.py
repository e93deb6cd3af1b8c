"""Agreement with libRoadRunner (CVODE) on every bundled model, through the exported SBML."""

import numpy as np
import pytest

import simulator as sim
from simulator.network.places import bundled_names
from tests.tolerances import REFERENCE_DUST, REFERENCE_OF_MAXIMUM, REFERENCE_RELATIVE

HOURS = [0.0, 0.5, 6.0, 16.0, 24.0, 48.0, 72.0, 96.0]
CONDITIONS = {
    "drug-free": {},
    "mutant": {"alteration": "NRAS_G12D"},
    "steroid": {"prednisolone": 693.5},
    "three drugs and IL7": {
        "cell": "PDX_IL7_DEPENDENT",
        "il7": 25.0,
        "prednisolone": 1.0,
        "selumetinib": 0.5,
        "ruxolitinib": 2.0,
    },
    "knock-out": {"knockout": "BIM+PUMA", "dexamethasone": 0.1, "venetoclax": 0.1},
}


def roadrunner(sbml, species, times):
    """Concentrations (times, species) at tight tolerance."""
    import roadrunner

    runner = roadrunner.RoadRunner(sbml)
    runner.integrator.relative_tolerance = 1e-11
    runner.integrator.absolute_tolerance = 1e-14
    runner.integrator.maximum_num_steps = 200_000
    runner.timeCourseSelections = ["time", *(f"[{name}]" for name in species)]
    return np.asarray(runner.simulate(times=times))[:, 1:]


@pytest.mark.parametrize("name", bundled_names())
@pytest.mark.parametrize("condition", CONDITIONS)
def test_every_species_agrees_over_four_days(name, condition):
    model = sim.load(name)
    factors = CONDITIONS[condition]
    species = [s.id for s in model.network.species]
    ds = model.simulate(
        HOURS, outputs=species, rtol=1e-10, atol=1e-14, max_steps=200_000, **factors
    )
    ours = np.stack([ds[s].values for s in species], axis=-1)
    reference = roadrunner(model.export_sbml(**factors), species, HOURS)
    bound = REFERENCE_RELATIVE * np.abs(reference) + REFERENCE_OF_MAXIMUM * np.abs(reference).max(
        axis=0
    )
    excess = np.abs(ours - reference) / (bound + REFERENCE_DUST)
    worst = np.unravel_index(excess.argmax(), excess.shape)
    assert excess.max() <= 1, f"{species[worst[1]]} at {HOURS[worst[0]]} h: {excess.max():.3g}"
