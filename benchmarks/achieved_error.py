"""Achieved error against requested tolerance, on the bundled model.

    python benchmarks/achieved_error.py

Twelve conditions over 96 h (three lesions, two steroid doses, with and without a MEK inhibitor).
The error of a run is the largest, over all species and 97 times, of |y - r| / (|r| + 1e-4 max|r|),
where r is the same run at rtol 1e-11 and max is over the run's times.
"""

from typing import Any

import numpy as np

import simulator as sim

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
    scale = np.abs(reference) + 1e-4 * np.abs(reference).max(axis=1, keepdims=True) + 1e-12
    print("rtol    median error  largest error")
    for exponent in range(3, 10):
        rtol = 10.0**-exponent
        error = (np.abs(trajectories(model, rtol) - reference) / scale).max(axis=(1, 2))
        print(f"1e-{exponent:<4} {np.median(error):.1e}       {error.max():.1e}")


if __name__ == "__main__":
    main()
