"""Values known to lie in an interval: what a normal distribution says of them, with derivatives.

For the ends l < u of the interval, less the mean and in units of sigma, the probability is
P = Phi(u) - Phi(l). With phi(l)/P = p, phi(u)/P = q and moments M_k = u^k q - l^k p,

    d ln P/d mean = -M_0/sigma,    d ln P/d ln sigma = -M_1.

ln P is concave in mean/sigma and 1/sigma, so its second derivatives by l and u make a positive
matrix of information.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

LOG_ROOT = 0.5 * math.log(2.0 * math.pi)
NARROW = 1e-4
"""Intervals narrower than this, relative to how fast the density changes, are taken by series: the
first term left out is some 1e-16, and the difference of two functions has lost 1e-12."""


class IntervalTerms(NamedTuple):
    """What normal distributions say of intervals; all (values,).

    log_probability : ln P.
    score : d ln P/d mean, times sigma.
    noise_score : d ln P/d ln sigma.
    information : (values, 2, 2) negative second derivatives by mean and sigma, each times sigma,
        without what the curvature of 1/sigma adds: positive semidefinite.
    upper_score, upper_mixed, upper_information : d ln P/du at fixed l; the negative second
        derivatives by u and a shift of both ends, and by u; 0 where u is infinite.
    """

    log_probability: Array
    score: Array
    noise_score: Array
    information: Array
    upper_score: Array
    upper_mixed: Array
    upper_information: Array


def interval_terms(lower: Array, upper: Array) -> IntervalTerms:
    """Of ends (values,), lower < upper, less the mean and divided by sigma; they may be infinite.

    NaN where an end is NaN.
    """
    with np.errstate(all="ignore"):
        width = upper - lower
        middle = 0.5 * (lower + upper)
        narrow = width * (1.0 + np.abs(middle)) < NARROW
        log_p = np.where(narrow, _log_narrow(middle, width), _log_probability(lower, upper))
        moments = [_moment(k, lower, upper, log_p) for k in range(4)]
        m = np.where(narrow, middle, 0.0)
        thin = np.where(narrow, width * width / 12.0, 0.0)
        m0 = np.where(narrow, -m * (1.0 - thin), moments[0])
        m1 = np.where(narrow, 1.0 - m * m + thin * (2.0 * m * m - 1.0), moments[1])
        m2 = np.where(narrow, m * (2.0 - m * m), moments[2])
        m3 = np.where(narrow, m * m * (3.0 - m * m), moments[3])
        first, mixed, second = m0 * m0 + m1, m0 * m1 + m2, m1 * m1 + m3
        open_up = np.isinf(upper)
        q = np.where(np.isinf(lower), m0, (m1 - lower * m0) / width)
        q = np.where(open_up, 0.0, q)
        moving = [np.where(open_up, 0.0, q * (upper + other)) for other in (m0, q)]
    information = np.stack([np.stack([first, mixed], -1), np.stack([mixed, second], -1)], -1)
    return IntervalTerms(log_p, -m0, -m1, information, q, *moving)


def _moment(k: int, lower: Array, upper: Array, log_p: Array) -> Array:
    """u^k phi(u)/P - l^k phi(l)/P; an infinite end adds nothing."""
    found = np.where(np.isnan(log_p), np.nan, 0.0)
    for sign, end in ((1.0, upper), (-1.0, lower)):
        term = end**k * np.exp(-0.5 * end * end - LOG_ROOT - log_p)
        found = found + np.where(np.isinf(end), 0.0, sign * term)
    return found


def _log_probability(lower: Array, upper: Array) -> Array:
    """ln P: in the lower tail, where nothing is lost; the upper one is its mirror image."""
    from scipy.special import erfcx, log_ndtr  # as long as half of all other imports

    mirrored = lower + upper > 0.0
    low, high = np.where(mirrored, -upper, lower), np.where(mirrored, -lower, upper)
    # Below 0, Phi(z) = exp(-z^2/2) erfcx(-z/sqrt 2)/2, and the exponential can be divided out.
    tail = 0.5 * (high - low) * (low + high)
    less = np.where(np.isinf(low), 0.0, np.exp(tail) * erfcx(-low / math.sqrt(2.0)))
    below = np.log(0.5 * (erfcx(-high / math.sqrt(2.0)) - less)) - 0.5 * high * high
    across = np.log1p(-np.exp(log_ndtr(low) - log_ndtr(high))) + log_ndtr(high)
    log_p: Array = np.where(high <= 0.0, below, across)
    return log_p


def _log_narrow(middle: Array, width: Array) -> Array:
    """ln P by the first two terms in the width."""
    square = middle * middle
    log_p: Array = np.log(width) - 0.5 * square - LOG_ROOT + width * width * (square - 1.0) / 24.0
    return log_p
