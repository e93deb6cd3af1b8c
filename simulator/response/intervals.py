"""Confidence intervals of fitted parameters."""

import numpy as np

from ..errors import ConditionError

# A simulated viability is no more accurate than its integration, so that a misfit is no smaller.
LEAST_MISFIT = 1e-6


def half_widths(
    squares: np.ndarray, spread: np.ndarray, free: int, level: float, sigma: float | None
) -> np.ndarray:
    """Half the confidence interval of each parameter, (problems, parameters), by the fit's slopes.

    squares : sum of squared residuals, (problems,); spread : standard errors for residuals of
    standard error one. Without `sigma` the misfit is taken as the error of the points, with the t
    distribution for `free`, the points less the fitted parameters; `sigma` is their known standard
    error, with the normal distribution.
    """
    from scipy.special import ndtri, stdtrit

    tail = (1 + level) / 2
    if sigma is None:
        error = np.sqrt(np.maximum(squares / free, LEAST_MISFIT**2)) * stdtrit(free, tail)
    else:
        error = np.full(squares.shape, sigma * ndtri(tail))
    widths: np.ndarray = error[:, None] * spread
    return widths


def check_interval(level: float, sigma: float | None, measure: str) -> None:
    """Raise ConditionError unless `level` is a share and `sigma` a standard error."""
    if not 0 < level < 1:
        raise ConditionError(
            f"{measure}: level is {level!r}, but must be between 0 and 1, such as 0.95."
        )
    if sigma is not None and not 0 < sigma < np.inf:
        raise ConditionError(
            f"{measure}: sigma is {sigma!r}, but must be the standard error of a viability, a"
            " fraction above 0 such as 0.03, or None to take it from the misfit."
        )
