"""Least squares within bounds for many small problems at once.

Levenberg-Marquardt steps (Marquardt 1963, J Soc Ind Appl Math 11:431-441) projected on the bounds.
A problem is a row of arrays: all take their steps together, each with its own damping, and those
that have arrived leave. A curve's parameters do not depend on which others are fitted beside it.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

# Residuals (problems, points) and their derivatives (problems, points, parameters) at parameters
# (problems, parameters); the second argument holds the indices of the problems asked for.
Model = Callable[[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]

# A step that changes no parameter by more than this ends the search; the parameters are logarithms
# or fractions, so that it is a relative accuracy.
SMALLEST_STEP = 1e-11
MOST_STEPS = 300

# Nor is a step worth taking that promises to lower the squares by less than this share of them.
SMALLEST_GAIN = 1e-14

DAMPING, LEAST_DAMPING, MOST_DAMPING = 1e-3, 1e-12, 1e12

# A parameter that moves no residual is given this curvature relative to the damping: it stays.
LEAST_CURVATURE = 1e-30

# Times that a step is worked out again after parameters were found to leave their bounds.
PASSES = 3

# Beyond this correlation of parameters their errors are without limit.
SINGULAR = 1e-13


@dataclass(frozen=True)
class Fitted:
    """Fits of some problems."""

    parameters: np.ndarray
    """(problems, parameters)"""
    squares: np.ndarray
    """Sum of squared residuals, (problems,)"""
    covariance: np.ndarray
    """Of the parameters, for residuals of variance one, (problems, parameters, parameters);
    infinite on the diagonal where the points say nothing of a parameter."""

    @property
    def spread(self) -> np.ndarray:
        """Standard errors of the parameters for residuals of standard error one."""
        errors: np.ndarray = np.sqrt(np.diagonal(self.covariance, axis1=-2, axis2=-1))
        return errors

    def or_better(self, other: "Fitted") -> "Fitted":
        """For each problem the fit of less misfit, this one where they are equal."""
        better = other.squares < self.squares
        return Fitted(
            np.where(better[:, None], other.parameters, self.parameters),
            np.where(better, other.squares, self.squares),
            np.where(better[:, None, None], other.covariance, self.covariance),
        )


def fitted(model: Model, start: np.ndarray, lower: np.ndarray, upper: np.ndarray) -> Fitted:
    """The least squares of each problem that is reached from its start.

    start, lower, upper : (problems, parameters), lower < upper.
    """
    found = np.clip(start, lower, upper)
    todo = np.arange(len(found))
    damping = np.full(len(found), DAMPING)
    residuals, slopes = model(found, todo)
    squares = (residuals**2).sum(axis=-1)
    for _ in range(MOST_STEPS):
        if not todo.size:
            break
        x, low, high = found[todo], lower[todo], upper[todo]
        step = _step(residuals[todo], slopes[todo], damping[todo], x, low, high)
        trial = np.clip(x + step, low, high)
        moved = np.abs(trial - x).max(axis=-1)
        new_residuals, new_slopes = model(trial, todo)
        new_squares = (new_residuals**2).sum(axis=-1)
        linear = residuals[todo] + np.einsum("nmp,np->nm", slopes[todo], trial - x)
        promised = squares[todo] - (linear**2).sum(axis=-1)
        gain = squares[todo] - new_squares
        better = gain > 0
        gained = todo[better]
        found[gained], squares[gained] = trial[better], new_squares[better]
        residuals[gained], slopes[gained] = new_residuals[better], new_slopes[better]
        # A step that brings much less than its straight line promised went too far, across a
        # valley: without more damping the next one goes back across it.
        factor = np.where(
            ~better | (gain < 0.25 * promised), 4.0, np.where(gain > 0.75 * promised, 0.2, 1.0)
        )
        damping[todo] = np.clip(damping[todo] * factor, LEAST_DAMPING, MOST_DAMPING)
        arrived = (moved <= SMALLEST_STEP) | (damping[todo] >= MOST_DAMPING)
        # A step that was cut at a bound may promise less than nothing: then a shorter one is next.
        arrived |= np.abs(promised) <= SMALLEST_GAIN * squares[todo]
        todo = todo[~arrived]
    return Fitted(found, squares, _covariance(slopes))


def _step(
    residuals: np.ndarray,
    slopes: np.ndarray,
    damping: np.ndarray,
    x: np.ndarray,
    lower: np.ndarray,
    upper: np.ndarray,
) -> np.ndarray:
    """The damped step, in which parameters that would leave their bounds go to them and no further.

    The others then do what is best for them, else a valley along a bound is descended in zigzag.
    """
    gradient = np.einsum("nmp,nm->np", slopes, residuals)
    curvature = np.swapaxes(slopes, -1, -2) @ slopes
    size = np.maximum(np.diagonal(curvature, axis1=-2, axis2=-1), LEAST_CURVATURE)
    diagonal = np.arange(size.shape[-1])
    # Scaled to a diagonal of one, so that neither units nor a flat curve make it singular.
    scale = np.sqrt(size)
    scaled = curvature / (scale[:, :, None] * scale[:, None, :])
    scaled[:, diagonal, diagonal] = 1.0 + damping[:, None]
    push = gradient / scale
    held = ((x <= lower) & (gradient > 0)) | ((x >= upper) & (gradient < 0))
    step = np.zeros(x.shape)
    for _ in range(PASSES):
        known = np.where(held, step, 0.0) * scale
        matrix = np.where(held[:, :, None] | held[:, None, :], 0.0, scaled)
        matrix[:, diagonal, diagonal] = np.where(held, 1.0, 1.0 + damping[:, None])
        wanted = np.where(held, known, -push - np.einsum("npq,nq->np", scaled, known))
        step = np.linalg.solve(matrix, wanted[..., None])[..., 0] / scale
        outside = (x + step < lower) | (x + step > upper)
        if not outside.any():
            break
        step = np.clip(x + step, lower, upper) - x
        held |= outside
    return step


def _covariance(slopes: np.ndarray) -> np.ndarray:
    """Of the parameters, for residuals of variance one."""
    curvature = np.swapaxes(slopes, -1, -2) @ slopes
    size = np.diagonal(curvature, axis1=-2, axis2=-1)
    silent = size <= LEAST_CURVATURE
    scale = np.sqrt(np.where(silent, 1.0, size))
    scaled = curvature / (scale[:, :, None] * scale[:, None, :])
    diagonal = np.arange(size.shape[-1])
    scaled[:, diagonal, diagonal] = 1.0 + SINGULAR
    inverse = np.linalg.inv(scaled)
    variance = np.diagonal(inverse, axis1=-2, axis2=-1)
    endless = silent | (variance <= 0) | (variance > 0.1 / SINGULAR)
    covariance: np.ndarray = inverse / (scale[:, :, None] * scale[:, None, :])
    covariance[endless[:, :, None] | endless[:, None, :]] = 0.0
    covariance[:, diagonal, diagonal] = np.where(endless, np.inf, covariance[:, diagonal, diagonal])
    return covariance
