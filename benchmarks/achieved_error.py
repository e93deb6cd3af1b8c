"""Achieved error against requested tolerance, on the bundled model as users run it.

    python -m benchmarks.achieved_error

Twelve conditions over 96 h (three lesions, two steroid doses, with and without a MEK inhibitor),
pre-equilibration included. The error of a run is that of `precision.achieved_error`, over all
species and 97 times, against the same run at rtol 1e-11.
"""

from typing import Any

import numpy as np

import simulator as sim

from .precision import achieved_error

TIMES = np.linspace(0, 96, 97)
CONDITIONS = {
    "alteration": [None, "NRAS_G12D", "JAK1_T901A"],
    "prednisolone": [0.01, 1.0],
    "selumetinib": [0.0, 0.1],
}


def trajectories(model: Any, rtol: float) -> np.ndarray:
    """Every species of every condition, shape (runs, times, species)."""
    species = [s.id for s in model.network.species]
    ds = model.simulate(
        TIMES, outputs=species, rtol=rtol, atol=rtol * 1e-3, max_steps=200_000, **CONDITIONS
    )
    return np.stack([ds[s].values.reshape(-1, TIMES.size) for s in species], axis=-1)


def main() -> None:
    """Print the table."""
    model = sim.load("steroid_response")
    reference = trajectories(model, 1e-11)
    print("rtol    median error  largest error")
    for exponent in range(3, 10):
        error = achieved_error(trajectories(model, 10.0**-exponent), reference)
        print(f"1e-{exponent:<4} {np.median(error):.1e}       {error.max():.1e}")


if __name__ == "__main__":
    main()
