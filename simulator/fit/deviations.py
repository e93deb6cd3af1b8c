"""Least absolute deviations of a line from values: Laplace noise."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def least_deviations(design: Array, rest: Array, limits: Array) -> tuple[Array, Array]:
    """The coefficients that bring ``design @ coefficients`` nearest to `rest`, and how it depends.

    Minimise sum p + q where design @ coefficients + p - q = rest and p, q >= 0, in numbers of the
    size of 1.

    Parameters
    ----------
    design, rest
        (values, columns) and (values,).
    limits
        (columns, 2) smallest and largest coefficients.

    Returns
    -------
    Coefficients (columns,), and the derivatives (values,) of the sum of deviations by `rest`: the
    signs of the deviations, and from -1 to 1 for a value that is met.
    """
    count, columns = design.shape
    if not columns or not count:
        return np.zeros(columns), np.sign(rest)
    from scipy.optimize import linprog  # slow to import, and rarely needed

    size = float(np.abs(rest).max()) or 1.0
    units = np.abs(design).max(axis=0)
    units[units == 0.0] = 1.0
    bounds = (limits * (units / size)[:, None]).tolist()
    one = np.eye(count)
    found = linprog(
        np.r_[np.zeros(columns), np.ones(2 * count)],
        A_eq=np.c_[design / units, one, -one],
        b_eq=rest / size,
        bounds=[*map(tuple, bounds), *[(0.0, None)] * (2 * count)],
        method="highs",
    )
    return found.x[:columns] * size / units, found.eqlin.marginals
