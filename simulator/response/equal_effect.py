"""Doses of equal effect: which dose of a drug alone does what a pair of drugs does.

Effect means 1 - viability. A dose is read off the drug's own curve between two neighbouring doses,
on the median-effect line: log(E / (1 - E)) against log dose.
"""

import numpy as np

from .doses import ABOVE, BELOW, EXACT

# Effects outside these limits cannot be told from 0 and 1 in an assay, and on the median-effect
# line they go to infinity.
LEAST_EFFECT, GREATEST_EFFECT = 0.03, 0.97


def equal_effect_sum(
    doses_a: np.ndarray, doses_b: np.ndarray, viability: np.ndarray, effect: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """The sum a / A(E) + b / B(E) and the code of its bound.

    doses_a, doses_b : from 0; viability : (..., doses of a, doses of b); effect : the pairs' E,
    (..., doses of a above 0, doses of b above 0), the shape of both results.

    An upper bound outweighs a lower one: reaching the top dose is what happens in practice, being
    beyond E at the lowest dose needs a pair that is weaker than one of its drugs.
    """
    rows, columns = effect.shape[-2:]
    wanted = effect.reshape((*effect.shape[:-2], rows * columns))
    equal_a, bound_a = dose_of_effect(doses_a[1:], 1.0 - viability[..., 1:, 0], wanted)
    equal_b, bound_b = dose_of_effect(doses_b[1:], 1.0 - viability[..., 0, 1:], wanted)
    total = doses_a[1:, None] / equal_a.reshape(effect.shape)
    total = total + doses_b[None, 1:] / equal_b.reshape(effect.shape)
    too_low = (bound_a == ABOVE) | (bound_b == ABOVE)
    too_high = (bound_a == BELOW) | (bound_b == BELOW)
    bound = np.where(too_low, BELOW, np.where(too_high, ABOVE, EXACT))
    return total, bound.reshape(effect.shape)


def dose_of_effect(
    doses: np.ndarray, curve: np.ndarray, effect: np.ndarray, beyond: bool = False
) -> tuple[np.ndarray, np.ndarray]:
    """Lowest dose at which a single agent has each effect, and the code of the bound on that dose.

    doses : (doses,) above 0; curve : (..., doses), the effects of those doses; effect : (..., any
    number), the shape of both results. `beyond` asks for any effect above the one given, however
    little, which is a higher dose where the curve turns down.
    """
    curve, wanted = clipped(curve), clipped(effect)
    level, goal = curve[..., None, :], wanted[..., None]
    reached = level > goal if beyond else level >= goal
    unreachable = ~reached.any(axis=-1)
    first = np.argmax(reached, axis=-1)
    before = np.maximum(first - 1, 0)
    odds = log_odds(curve)
    odds_before = np.take_along_axis(odds, before, axis=-1)
    rise = np.take_along_axis(odds, first, axis=-1) - odds_before
    share = (log_odds(wanted) - odds_before) / np.where(rise > 0, rise, 1.0)
    between = doses[before] * (doses[first] / doses[before]) ** share
    at_lowest = first == 0
    dose = np.where(unreachable, doses[-1], np.where(at_lowest, doses[0], between))
    weaker = at_lowest & (curve[..., :1] > wanted)
    return dose, np.where(unreachable, ABOVE, np.where(weaker, BELOW, EXACT))


def clipped(effect: np.ndarray) -> np.ndarray:
    """Effects within what an assay can tell from 0 and 1."""
    within: np.ndarray = np.clip(effect, LEAST_EFFECT, GREATEST_EFFECT)
    return within


def log_odds(effect: np.ndarray) -> np.ndarray:
    """log(E / (1 - E)), linear in log dose for a Hill curve to full effect."""
    odds: np.ndarray = np.log(effect / (1.0 - effect))
    return odds
