"""Priors of parameters: log densities with derivatives, and points to start from.

A distribution is one of a coordinate u of the parameter x: x itself, ln x (``log-normal`` ...), or
x on the scale of the search (version 1's ``parameterScaleNormal`` ...). One of ln x is a density of
x, and so has the factor du/dx. One on the scale of the search is a density there: it has none.

Truncated ones (version 2) are divided by their mass between the bounds of the parameter.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from ..errors import ModelError, did_you_mean
from ..petab_problem.problem import Distribution, Parameter
from .scales import Scales

Array = NDArray[np.float64]

SLACK = 1e-9
"""A parameter may be this much, relative, beyond an end of where it is possible: a bound that was
scaled and unscaled again is not quite the bound."""

Terms = tuple[Array, Array, Array]
"""Log density, its derivative, and the negative second derivative (0 where that is negative)."""


@dataclass(frozen=True, slots=True, eq=False)
class PriorEvaluation:
    """What priors say of parameters.

    log_density : sum of the natural logarithms of the densities; -inf where one is impossible.
    gradient : (parameters,) its derivatives by parameters on linear scale; NaN where impossible.
    information : (parameters,) diagonal of a Gauss-Newton matrix, on linear scale: the negative
        second derivative by the distribution's own coordinate, where positive.
    """

    log_density: float
    gradient: Array
    information: Array


# ------------------------------------------------------------------ families, of numbers a and b
def _uniform(u: Array, a: Array, b: Array) -> Terms:
    slack = SLACK * (b - a)
    inside = (u >= a - slack) & (u <= b + slack)
    zero = np.zeros_like(u)
    return np.where(inside, -np.log(b - a), -np.inf), zero, zero


def _normal(u: Array, a: Array, b: Array) -> Terms:
    z = (u - a) / b
    return -0.5 * z * z - np.log(b * math.sqrt(2.0 * math.pi)), -z / b, 1.0 / (b * b)


def _laplace(u: Array, a: Array, b: Array) -> Terms:
    z = (u - a) / b
    return -np.abs(z) - np.log(2.0 * b), -np.sign(z) / b, np.zeros_like(u)


def _cauchy(u: Array, a: Array, b: Array) -> Terms:
    z = (u - a) / b
    more = 1.0 + z * z
    bent = 2.0 * (1.0 - z * z) / (b * more) ** 2
    return -np.log(math.pi * b * more), -2.0 * z / (b * more), np.maximum(bent, 0.0)


def _gamma(u: Array, a: Array, b: Array) -> Terms:
    constant = np.array([math.lgamma(k) for k in a]) + a * np.log(b)
    logarithm = np.where(a == 1.0, 0.0, (a - 1.0) * np.log(u))
    density = np.where(u >= -SLACK * b, logarithm - u / b - constant, -np.inf)
    return density, (a - 1.0) / u - 1.0 / b, np.maximum(a - 1.0, 0.0) / (u * u)


def _rayleigh(u: Array, a: Array, b: Array) -> Terms:
    z = u / b
    return np.log(z / b) - 0.5 * z * z, 1.0 / u - z / b, 1.0 / (u * u) + 1.0 / (b * b)


class _Family(NamedTuple):
    """A family: its density, and the same from SciPy for masses and quantiles."""

    terms: Callable[[Array, Array, Array], Terms]
    law: Callable[[float, float], Any]


_UNIFORM = _Family(_uniform, lambda a, b: stats.uniform(a, b - a))
_NORMAL = _Family(_normal, stats.norm)
_LAPLACE = _Family(_laplace, stats.laplace)
_CAUCHY = _Family(_cauchy, stats.cauchy)
_GAMMA = _Family(_gamma, lambda a, b: stats.gamma(a, scale=b))
_RAYLEIGH = _Family(_rayleigh, lambda _, b: stats.rayleigh(scale=b))


class _Kind(NamedTuple):
    """What a name stands for: a family, how many numbers it takes and what becomes of them."""

    family: _Family
    takes: int
    numbers: Callable[..., tuple[float, float]]


def _as_they_are(a: float, b: float) -> tuple[float, float]:
    return a, b


def _logarithms(a: float, b: float) -> tuple[float, float]:
    return math.log(a), math.log(b)


_KINDS = {
    "uniform": _Kind(_UNIFORM, 2, _as_they_are),
    "log-uniform": _Kind(_UNIFORM, 2, _logarithms),
    "normal": _Kind(_NORMAL, 2, _as_they_are),
    "log-normal": _Kind(_NORMAL, 2, _as_they_are),
    "laplace": _Kind(_LAPLACE, 2, _as_they_are),
    "log-laplace": _Kind(_LAPLACE, 2, _as_they_are),
    "cauchy": _Kind(_CAUCHY, 2, _as_they_are),
    "gamma": _Kind(_GAMMA, 2, _as_they_are),
    "chisquare": _Kind(_GAMMA, 1, lambda k: (0.5 * k, 2.0)),
    "exponential": _Kind(_GAMMA, 1, lambda scale: (1.0, scale)),
    "rayleigh": _Kind(_RAYLEIGH, 1, lambda scale: (0.0, scale)),
}
"""Names as in version 2 of PEtab. Their numbers: ends; mean and standard deviation; location and
scale; shape and scale (gamma); degrees of freedom (chisquare); scale."""


class _Prior:
    """One distribution of one parameter."""

    def __init__(self, parameter: Parameter, distribution: Distribution) -> None:
        name, given = distribution.name, distribution.parameters
        kind = _KINDS.get(name)
        if kind is None:
            raise ModelError(
                f'Parameter {parameter.id}: there is no distribution "{name}".'
                f"{did_you_mean(name, _KINDS)}"
            )
        if len(given) != kind.takes:
            raise ModelError(
                f"Parameter {parameter.id}: {name} takes {kind.takes} numbers, not {len(given)}."
            )
        self.parameter, self.family, self.given = parameter, kind.family, distribution
        self.of_logarithm = name.startswith("log-")
        on_scale = parameter.scale if distribution.on_scale else "lin"
        self.scale = "log" if self.of_logarithm else on_scale
        self.numbers = self._checked(kind)
        self.ends = self._ends()
        self.log_mass = self._log_mass() if distribution.truncated else 0.0

    def _checked(self, kind: _Kind) -> tuple[float, float]:
        given = self.given.parameters
        positive = all(value > 0.0 for value in given[-1:])
        if kind.family is _UNIFORM:
            positive = given[0] < given[1] and (given[0] > 0.0 or not self.of_logarithm)
        elif self.given.name == "gamma":
            positive = min(given) > 0.0
        if not positive or not all(map(math.isfinite, given)):
            numbers = ", ".join(map(str, given))
            raise ModelError(
                f"Parameter {self.parameter.id}: there is no {self.given.name} distribution of "
                f"({numbers})."
            )
        return kind.numbers(*given)

    @property
    def law(self) -> Any:
        """The distribution of the coordinate, not truncated, as SciPy's."""
        return self.family.law(*self.numbers)

    def _ends(self) -> Array:
        """The bounds as values of the coordinate."""
        scaled = Scales([self.scale] * 2).scaled(
            np.array([self.parameter.lower, self.parameter.upper])
        )
        return np.where(np.isnan(scaled), -np.inf, scaled)

    def _log_mass(self) -> float:
        """Logarithm of the mass between the bounds."""
        law, (low, high) = self.law, self.ends
        mass = max(law.cdf(high) - law.cdf(low), law.sf(low) - law.sf(high))  # either may cancel
        if not mass > 0.0:
            raise ModelError(
                f"Parameter {self.parameter.id}: its prior is nothing between the bounds "
                f"{self.parameter.lower} and {self.parameter.upper}."
            )
        return math.log(mass)

    def sample(self, count: int, random: np.random.Generator) -> Array:
        """Linear values (count,) between the bounds: truncated, or else moved to the bounds."""
        law, (low, high) = self.law, self.ends
        if not self.given.truncated:
            u = law.ppf(random.uniform(size=count))
        elif law.cdf(low) < 0.5:
            u = law.ppf(random.uniform(law.cdf(low), law.cdf(high), count))
        else:
            u = law.isf(random.uniform(law.sf(high), law.sf(low), count))
        linear = Scales([self.scale]).linear(np.clip(u, low, high)[:, None])[:, 0]
        return np.clip(linear, self.parameter.lower, self.parameter.upper)


class Priors:
    """Priors of parameters, and where to start searching for them.

    Parameters
    ----------
    parameters
        The estimated parameters, in the order of the arrays. Those without a prior add nothing;
        but where any other has a truncated one (version 2), theirs is flat between their bounds.

    Raises
    ------
    ModelError
        A distribution that there is not, or with no mass between the parameter's bounds.
    """

    def __init__(self, parameters: Sequence[Parameter]) -> None:
        self.parameters = tuple(parameters)
        any_truncated = any(p.prior is not None and p.prior.truncated for p in parameters)
        chosen = [p.prior or (_flat(p) if any_truncated else None) for p in parameters]
        self._index = np.array([k for k, d in enumerate(chosen) if d is not None], dtype=np.intp)
        pairs = zip(parameters, chosen, strict=True)
        priors = [_Prior(p, distribution) for p, distribution in pairs if distribution is not None]
        self._scales = Scales([prior.scale for prior in priors])
        self._of_logarithm = np.array([prior.of_logarithm for prior in priors], bool)
        self._constant = -sum(prior.log_mass for prior in priors)
        self._numbers = np.array([prior.numbers for prior in priors], np.float64).reshape(-1, 2).T
        self._families = [
            (family, np.array([k for k, p in enumerate(priors) if p.family is family], np.intp))
            for family in dict.fromkeys(prior.family for prior in priors)
        ]
        bounds = [
            (p.parameter.lower, p.parameter.upper) if p.given.truncated else (-np.inf, np.inf)
            for p in priors
        ]
        self._bounds = np.array(bounds, np.float64).reshape(-1, 2).T

    def evaluate(self, linear: Array) -> PriorEvaluation:
        """Log density of parameters (parameters,) on linear scale, with derivatives."""
        gradient, information = np.zeros(len(self.parameters)), np.zeros(len(self.parameters))
        if not len(self._index):
            return PriorEvaluation(0.0, gradient, information)
        x = linear[self._index]
        with np.errstate(all="ignore"):
            u, slope = self._scales.scaled(x), self._scales.slopes(x)
            terms = np.empty((3, len(x)))
            for family, k in self._families:
                terms[:, k] = family.terms(u[k], self._numbers[0, k], self._numbers[1, k])
            density, score, bend = terms
            density = density - np.where(self._of_logarithm, np.log(slope), 0.0)
            by_x = score / slope - np.where(self._of_logarithm, 1.0 / x, 0.0)
            low, high = self._bounds
            inside = (x >= low - SLACK * np.abs(low)) & (x <= high + SLACK * np.abs(high))
            possible = inside & (density > -np.inf)
            gradient[self._index] = np.where(possible, by_x, np.nan)
            information[self._index] = np.where(possible, bend / (slope * slope), np.nan)
        total = float(density.sum()) + self._constant if possible.all() else -math.inf
        return PriorEvaluation(total, gradient, information)

    def sample(self, count: int, seed: int | np.random.Generator) -> Array:
        """Points (count, parameters) on linear scale to start a search from, within the bounds.

        Each parameter's own distribution for it, else its truncated prior (version 2), else a
        uniform one between its bounds on the scale of the search.

        Raises
        ------
        ModelError
            A parameter has no distribution to start from and no finite bounds.
        """
        random = np.random.default_rng(seed)
        columns = [_start(parameter).sample(count, random) for parameter in self.parameters]
        return np.array(columns).reshape(len(columns), count).T


def _flat(parameter: Parameter) -> Distribution | None:
    """The uniform distribution between a parameter's bounds, if they are finite."""
    if not math.isfinite(parameter.upper - parameter.lower):
        return None
    return Distribution("uniform", (parameter.lower, parameter.upper), truncated=True)


def _start(parameter: Parameter) -> _Prior:
    """What start points of a parameter are drawn from."""
    if parameter.start is not None:
        return _Prior(parameter, parameter.start)
    if parameter.prior is not None and parameter.prior.truncated:
        return _Prior(parameter, parameter.prior)
    ends = Scales([parameter.scale] * 2).scaled(np.array([parameter.lower, parameter.upper]))
    return _Prior(parameter, Distribution("uniform", tuple(map(float, ends)), on_scale=True))
