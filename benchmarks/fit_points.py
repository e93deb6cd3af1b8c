"""Where log-likelihoods and gradients are compared, and how far apart two tools' are."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from simulator.fit.likelihood import Scales

from .problem import perturbed

Array = NDArray[np.float64]

SIGMA = 0.1
OF_LARGEST = 1e-2


def around(nominal: Array, scales: Sequence[str], perturbations: int) -> Array:
    """(1 + perturbations, parameters) points on the scales: the nominal one, and lognormal ones.

    Parameters
    ----------
    nominal
        (parameters,) on linear scale. What is 0 stays 0.
    """
    points = perturbed(nominal, perturbations, SIGMA)
    return Scales(scales).scaled(np.vstack((nominal, points)))


def fit_error(values: Array, reference: Array) -> Array:
    """(points,) error of each point: the largest of |y - r| / scale over value and gradient.

    The scale is 1 + |r| for the log-likelihood, and 1 + |r| + 1e-2 max |r| for an entry of the
    gradient, the maximum over the gradient's entries. A log-likelihood, and a change of it along a
    parameter's scale, is a pure number that matters from about 1 on; an entry that is much
    smaller than the others changes no step.

    Parameters
    ----------
    values, reference
        (points, 1 + parameters) log-likelihood, then gradient. A point with a NaN has error inf.
    """
    size = np.abs(reference)
    scale = 1 + size
    scale[:, 1:] += OF_LARGEST * size[:, 1:].max(axis=1, keepdims=True)
    error = (np.abs(values - reference) / scale).max(axis=1)
    return np.where(np.isnan(error), np.inf, error)
