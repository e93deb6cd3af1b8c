"""Relative data: scales, offsets and noise that are best for given simulated values.

Values of one group (a gel, an antibody) are y = scale x + offset of what a model gives, x, but for
noise, of sigma (normal) or b (Laplace) on the scale of y or of its logarithm; groups may share a
noise. For given x the best of these is found by itself. By the envelope theorem, the derivative of
the best log-likelihood by x is that at fixed scales, offsets and noise. See Loos et al. 2018
(doi:10.1093/bioinformatics/bty514) and Schmiester et al. 2020 (doi:10.1093/bioinformatics/btz581).

- Normal noise: least squares and the mean square, in closed form. Bounds are exact: the problem is
  convex, so a scale or an offset beyond its bound is put there and the other follows.
- Laplace noise: least absolute deviations, a linear program whose dual values are the derivatives,
  also of values that are met exactly.
- Values known as below or above a bound, or between two (normal noise): the logarithm of that
  probability is concave in scale/sigma, offset/sigma and 1/sigma (Olsen 1978, recalled), so Newton
  steps find the best.

A noise may also be given: then values, and what multiplies scale and offset, are divided by it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from .censored import Values, best_lines
from .deviations import least_deviations

Array = NDArray[np.float64]
Indices = NDArray[np.intp]

ROUNDING = 1e-12
"""What differs by less, relative to the numbers at hand, is taken to be the same."""
INF = math.inf


@dataclass(frozen=True, slots=True, eq=False)
class RelativeFit:
    """The best scales, offsets and noise for simulated values.

    log_likelihood : of all values; NaN where there are `problems`.
    gradient : (values,) its derivatives by the simulated values x; NaN where there are problems.
    scale, offset : (groups,) 1 and 0 where a group has none.
    noise : (noises,) sigma or b, on the scale of the noise, of those that are not given.
    scores : (values,) derivatives by the values' means, on the scale of the noise.
    simulations : (values,) scale x + offset.
    at_bound : (groups,) whether the scale is one of its bounds.
    problems : why there is no best, in words: empty if there is one.
    """

    log_likelihood: float
    gradient: Array
    scale: Array
    offset: Array
    noise: Array
    scores: Array
    simulations: Array
    at_bound: NDArray[np.bool_]
    problems: tuple[str, ...]


class _Lines(NamedTuple):
    """mean = slope z + intercept one of each group (groups,), see `_Values`; noise (noises,).

    Scores (values,) are derivatives by the means. `log_likelihood` (noises,) is that on the
    noise's scale.
    """

    slope: Array
    intercept: Array
    noise: Array
    scores: Array
    log_likelihood: Array
    problems: list[str]


def at_end(values: Array, lower: Array, upper: Array) -> NDArray[np.bool_]:
    """Whether values are one of their bounds."""
    size = ROUNDING * np.abs(values)
    found: NDArray[np.bool_] = (abs(values - lower) <= size) | (abs(values - upper) <= size)
    return found


class _Values(NamedTuple):
    """Values on the scale of the noise, in units of the noise where that is given; (values,).

    z, one : what slope and intercept multiply.  target : what was measured.
    """

    z: Array
    one: Array
    target: Array


Bounds = tuple[float | Array, float | Array]  # smallest and largest of all, or of each


class RelativeData:
    """Relative data of some groups.

    Parameters
    ----------
    measured
        (values,) what was measured; for a censored value, the bound, of two the lower one.
    group
        (values,) number of the group that each value belongs to, from 0.
    scaled, shifted
        (groups,) whether a group has a scale and an offset of its own.
    noise
        (groups,) number of the noise that each group's values have, from 0; by default its own. -1
        for groups whose noise is given to `evaluate`.
    censored
        (values,) -1 for a value known to lie below `measured`, 1 for one above, 2 for one between
        `measured` and `upper`, 0 for an exact one.
    transformation
        lin, log or log10: the scale of the noise. Offsets need lin.
    distribution
        normal or laplace. Censored values need normal.
    scale_bounds, offset_bounds, noise_bounds
        Smallest and largest scales (groups,), offsets (groups,) and noise (noises,), or numbers for
        all. A scale is not negative where noise is on a logarithmic scale.
    upper
        (values,) see `censored`.

    Raises
    ------
    ValueError
        Arrays do not fit together, or what was asked for has no convex inner problem.
    """

    def __init__(
        self,
        measured: Array,
        group: Sequence[int] | Indices,
        scaled: Sequence[bool] | NDArray[np.bool_],
        shifted: Sequence[bool] | NDArray[np.bool_] | None = None,
        noise: Sequence[int] | Indices | None = None,
        censored: Sequence[int] | Indices | None = None,
        transformation: str = "lin",
        distribution: str = "normal",
        scale_bounds: Bounds = (0.0, INF),
        noise_bounds: Bounds = (0.0, INF),
        offset_bounds: Bounds = (-INF, INF),
        upper: Array | None = None,
    ) -> None:
        self.measured, self.group = np.asarray(measured, np.float64), np.asarray(group, np.intp)
        self.scaled = np.asarray(scaled, bool)
        count = len(self.scaled)
        self.shifted = np.zeros(count, bool) if shifted is None else np.asarray(shifted, bool)
        self.noise = np.arange(count) if noise is None else np.asarray(noise, np.intp)
        exact = np.zeros(len(self.measured), np.intp)
        self.censored = exact if censored is None else np.asarray(censored, np.intp)
        self.upper = np.full(len(exact), np.nan) if upper is None else np.asarray(upper, np.float64)
        self._base = {"lin": 0.0, "log": 1.0, "log10": math.log(10.0)}[transformation]
        self._laplace = {"normal": False, "laplace": True}[distribution]
        self._noises = int(self.noise.max(initial=-1)) + 1
        self._bounds = self._ends("scale", scale_bounds, count, 0.0 if self._base else -INF)
        self._offset_bounds = self._ends("offset", offset_bounds, count, -INF)
        of_noise = self._ends("noise", noise_bounds, self._noises, 0.0)
        self._check()
        # Each group whose noise is given has one of its own, which is 1 in that unit.
        given = self.noise < 0
        self._given = given[self.group]
        own = np.where(given, self._noises + np.cumsum(given) - 1, self.noise)
        self._noise_of = own[self.group]
        self._noise_bounds = np.c_[of_noise, np.ones((2, np.count_nonzero(given)))]
        # On a logarithmic scale, a scale is an intercept.
        self._sloped = self.scaled & (self._base == 0.0)
        self._moved = self.shifted if self._base == 0.0 else self.scaled
        self._target, self._width, self._constant = self.measured, self.upper - self.measured, 0.0
        self._limits = np.array([self._bounds, self._offset_bounds])
        if self._base:
            with np.errstate(divide="ignore"):
                self._limits[1] = np.log(self._bounds) / self._base
            self._target = np.log(self.measured) / self._base
            self._width = np.log(self.upper) / self._base - self._target
            plain = self.measured[self.censored == 0]
            self._constant = -float(np.log(plain * self._base).sum())

    def _ends(self, what: str, bounds: Bounds, count: int, least: float) -> Array:
        """Bounds (2, count), which are in order and not below `least`."""
        ends = np.array([np.broadcast_to(end, count) for end in bounds], np.float64)
        if not ((least <= ends[0]) & (ends[0] < ends[1])).all():
            rule = "0 <= " * (least == 0.0) + "lower < upper"
            raise ValueError(f"bounds {bounds} of {what}, expected {rule}")
        return ends

    def _check(self) -> None:
        values, groups = self.measured.shape, self.scaled.shape
        if self.group.shape != values or self.censored.shape != values:
            raise ValueError(f"measured has shape {values}: group and censored must have it too")
        if self.shifted.shape != groups or self.noise.shape != groups:
            raise ValueError(f"scaled has shape {groups}: shifted and noise must have it too")
        if len(self.group) and not 0 <= self.group.min() <= self.group.max() < groups[0]:
            raise ValueError(f"groups are numbered from 0 to {groups[0] - 1}")
        if not set(self.censored.tolist()) <= {-1, 0, 1, 2}:
            raise ValueError("censored is -1 (below), 0 (exact), 1 (above) or 2 (between)")
        if self.upper.shape != values or not (self.upper > self.measured)[self.censored == 2].all():
            raise ValueError("upper has no number above measured for each value between two")
        if not np.isfinite(self.measured).all():
            raise ValueError("a measured value is not finite")
        if self._base and self.shifted.any():
            raise ValueError("an offset with noise on a logarithmic scale has no convex problem")
        if self._base and not (self.measured > 0.0).all():
            raise ValueError("a measured value is not positive, but its noise is on a log scale")
        if self._laplace and self.censored.any():
            raise ValueError("censored values need normal noise")

    def evaluate(self, x: Array, noise: Array | None = None) -> RelativeFit:
        """The best scales, offsets and noise for simulated values x (values,).

        `noise` (values,) is sigma or b of those whose noise is given; others are not looked at.
        """
        if x.shape != self.measured.shape:
            raise ValueError(f"x has shape {x.shape}, expected {self.measured.shape}")
        possible = np.isfinite(x) & ((x > 0.0) | (self._base == 0.0))
        if not possible.all():
            expected = "finite and positive" if self._base else "finite"
            k = int(np.argmin(possible))
            return self._without([f"simulated value {k} is {x[k]}, expected {expected}"])
        one = np.ones(len(x))
        if self._given.any():
            if noise is None or not (noise[self._given] > 0.0).all():
                return self._without(["a noise that is given is not positive"])
            one[self._given] /= noise[self._given]
        z = np.log(x) / self._base if self._base else x
        values = _Values(z * one, one, self._target * one)
        lines = self._absolute(values) if self._laplace else self._squares(values)
        if self.censored.any():
            lines = self._with_censored(values, lines)
        if lines.problems:
            return self._without(lines.problems)
        return self._fit(x, one, lines)

    def _fit(self, x: Array, one: Array, lines: _Lines) -> RelativeFit:
        by_x = 1.0 / (x * self._base) if self._base else lines.slope[self.group]
        scale = np.exp(lines.intercept * self._base) if self._base else lines.slope
        offset = np.zeros(len(scale)) if self._base else lines.intercept
        units = float(np.log(one[self.censored == 0]).sum())  # of noise that is given
        return RelativeFit(
            float(lines.log_likelihood.sum()) + self._constant + units,
            lines.scores * one * by_x,
            scale,
            offset,
            lines.noise[: self._noises],
            lines.scores * one,
            scale[self.group] * x + offset[self.group],
            self.scaled & at_end(scale, *self._bounds),
            (),
        )

    def _without(self, problems: list[str]) -> RelativeFit:
        values, groups = np.full(len(self.group), np.nan), np.full(len(self.scaled), np.nan)
        nowhere = np.zeros(len(groups), bool)
        found = values, groups, groups, np.full(self._noises, np.nan), values, values
        return RelativeFit(np.nan, *found, nowhere, tuple(problems))

    # ------------------------------------------------------------------ normal noise
    def _squares(self, values: _Values) -> _Lines:
        """Least squares, all groups at once. Noises with censored values are not judged here."""
        (z, one, target), group, sloped, moved = values, self.group, self._sloped, self._moved
        ones = self._total(one * one)
        ones[ones == 0.0] = 1.0
        middle_z = np.where(moved, self._total(one * z) / ones, 0.0)
        middle = np.where(moved, self._total(one * target) / ones, 0.0)
        z_apart, apart = z - one * middle_z[group], target - one * middle[group]
        square, of_zero = self._total(z_apart * z_apart), self._total(z * z)
        problems = self._flat(square, of_zero)
        with np.errstate(divide="ignore", invalid="ignore"):
            slope = np.clip(self._total(z_apart * apart) / square, *self._limits[0])
            slope = np.where(sloped, slope, 1.0)
            best = np.where(moved, middle - slope * middle_z, 0.0)
            intercept = np.where(moved, np.clip(best, *self._limits[1]), 0.0)
            # what is left for the slope of an intercept at its bound
            rest = target - one * intercept[group]
            anew = np.clip(self._total(z * rest) / of_zero, *self._limits[0])
            slope = np.where(sloped & (intercept != best), anew, slope)
            residuals = target - slope[group] * z - one * intercept[group]
        number, squares = self._of_noise(np.ones(len(z))), self._of_noise(residuals**2)
        sigma, found = self._noise_within(np.sqrt(squares / np.maximum(number, 1.0)), target)
        with np.errstate(divide="ignore", invalid="ignore"):
            scores = residuals / (sigma**2)[self._noise_of]
            each = -number * np.log(sigma * math.sqrt(2.0 * math.pi)) - 0.5 * squares / sigma**2
        likelihood = np.where(number > 0, each, 0.0)
        return _Lines(slope, intercept, sigma, scores, likelihood, problems + found)

    def _total(self, values: Array) -> Array:
        return np.bincount(self.group, values, len(self.scaled)).astype(np.float64)

    def _of_noise(self, values: Array) -> Array:
        count = self._noise_bounds.shape[1]
        return np.bincount(self._noise_of, values, count).astype(np.float64)

    def _flat(self, square: Array, of_zero: Array) -> list[str]:
        """Groups whose simulated values determine no scale; `square` is that about their mean."""
        used = np.bincount(self.group, minlength=len(square)) > 0
        flat = self._sloped & used & (square <= ROUNDING**2 * of_zero)
        return [
            f"group {g}: a scale and an offset cannot be told apart, all simulated values are equal"
            if self._moved[g] and of_zero[g] > 0.0
            else f"group {g}: no scale is determined, all simulated values are 0"
            for g in np.flatnonzero(flat)
        ]

    def _noise_within(self, noise: Array, target: Array) -> tuple[Array, list[str]]:
        """Noise within its bounds, and which vanish: those that rounding alone has left."""
        size = np.zeros(len(noise))
        np.maximum.at(size, self._noise_of, np.abs(target))
        exact = np.zeros(len(noise), bool)
        exact[self._noise_of] = True
        if self.censored.any():  # judged with the censored values
            exact[self._noise_of[self.censored != 0]] = False
        exact &= (self._noise_bounds[0] == 0.0) & (noise <= ROUNDING * size)
        why = "it vanishes, every value is met exactly"
        problems = [f"noise {k}: {why}" for k in np.flatnonzero(exact)]
        return np.clip(noise, *self._noise_bounds), problems

    def _columns(self, own: Indices, values: _Values) -> tuple[list[tuple[int, int]], Array]:
        """Group and part (0 slope, 1 intercept) of the unknowns of some values; their design."""
        columns = [
            (int(g), part)
            for g in np.unique(self.group[own])
            for part, flags in enumerate((self._sloped, self._moved))
            if flags[g]
        ]
        design = np.zeros((len(own), len(columns)))
        for column, (g, part) in enumerate(columns):
            design[:, column] = np.where(self.group[own] == g, values[part][own], 0.0)
        return columns, design

    # ------------------------------------------------------------------ censored values
    def _with_censored(self, values: _Values, lines: _Lines) -> _Lines:
        """The lines of noises with censored values anew, from those for which all are exact."""
        problems = lines.problems + self._one_sided()
        if problems:
            return lines._replace(problems=problems)
        for k in np.unique(self._noise_of[self.censored != 0]):
            own = np.flatnonzero(self._noise_of == k)
            columns, design = self._columns(own, values)
            target = values.target[own]
            rest = target - np.where(self._sloped[self.group[own]], 0.0, values.z[own])
            start = np.array([lines[part][g] for g, part in columns])
            sigma = float(lines.noise[k])
            if not sigma > ROUNDING * np.abs(target).max():
                sigma = float(np.abs(target).max()) or 1.0
            limits = np.array([self._limits[part][:, g] for g, part in columns]).reshape(-1, 2)
            known = Values(rest, self.censored[own], self._width[own] * values.one[own])
            low, high = self._noise_bounds[:, k]
            best = best_lines(design, known, (start, sigma), limits, (low, high))
            if best.problem:
                problems.append(f"noise {k}: {best.problem}")
            for (g, part), value in zip(columns, best.coefficients, strict=True):
                lines[part][g] = value
            lines.noise[k], lines.scores[own] = best.sigma, best.scores
            lines.log_likelihood[k] = best.log_likelihood
        return lines._replace(problems=problems)

    def _one_sided(self) -> list[str]:
        """Groups whose scale could grow, or shrink, without end, and noises without exact value."""
        problems = []
        free = self._sloped.astype(int) + self._moved
        for g in np.unique(self.group[self.censored != 0]):
            sides = self.censored[self.group == g]
            one_sided = len(set(sides[sides != 0])) < 2 and 2 not in sides
            if np.count_nonzero(sides == 0) < free[g] and one_sided:
                problems.append(f"group {g}: too few exact values, and others on one side only")
        for k in np.unique(self._noise_of[(self.censored != 0) & ~self._given]):
            if not (self.censored[self._noise_of == k] == 0).any():
                problems.append(f"noise {k}: no value is exact")
        return problems

    # ------------------------------------------------------------------ Laplace noise
    def _absolute(self, values: _Values) -> _Lines:
        """Least absolute deviations, group by group."""
        lines = self._squares(values)
        if lines.problems:
            return lines
        (z, one, target), slope, intercept = values, lines.slope, lines.intercept
        signs = np.zeros(len(z))
        for g in range(len(self.scaled)):
            own = np.flatnonzero(self.group == g)
            columns, design = self._columns(own, values)
            limits = np.array([self._limits[part][:, g] for _, part in columns]).reshape(-1, 2)
            rest = target[own] - (0.0 if self._sloped[g] else z[own])
            best, signs[own] = least_deviations(design, rest, limits)
            for (_, part), value in zip(columns, best, strict=True):
                lines[part][g] = value
        residuals = target - slope[self.group] * z - one * intercept[self.group]
        number, deviations = self._of_noise(np.ones(len(z))), self._of_noise(np.abs(residuals))
        b, problems = self._noise_within(deviations / np.maximum(number, 1.0), target)
        with np.errstate(divide="ignore", invalid="ignore"):
            each = -number * np.log(2.0 * b) - deviations / b
            scores = signs / b[self._noise_of]
        likelihood = np.where(number > 0, each, 0.0)
        return _Lines(slope, intercept, b, scores, likelihood, problems)
