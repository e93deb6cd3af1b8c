"""Relative data: scales, offsets and noise that are best for given simulated values.

Values of one group (a gel, an antibody) are y = scale x + offset of what a model gives, x, but for
noise, of sigma (normal) or b (Laplace) on the scale of y or of its logarithm; groups may share a
noise. For given x the best of these is found by itself, and only the parameters of the model are
left to search. By the envelope theorem, the derivative of the best log-likelihood by x is that at
fixed scales, offsets and noise. See Loos et al. 2018 (doi:10.1093/bioinformatics/bty514) and
Schmiester et al. 2020 (doi:10.1093/bioinformatics/btz581).

- Normal noise: least squares and the mean square, in closed form. A bound of a scale is exact: the
  problem is convex, so one beyond its bound is put there and the offset follows.
- Laplace noise: least absolute deviations, a linear program whose dual values are the derivatives,
  also of values that are met exactly.
- Values known as below or above a bound (normal noise): the logarithm of the normal distribution
  function is concave in scale/sigma, offset/sigma and 1/sigma (Olsen 1978, recalled), so Newton
  steps find the best.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linprog

from .censored import best_lines

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
    noise : (noises,) sigma or b, on the scale of the noise.
    simulations : (values,) scale x + offset.
    at_bound : (groups,) whether the scale is one of its bounds.
    weights : (values,) expected negative second derivatives of the log-likelihood by the values'
        means on the scale of the noise; for a censored value, the one at hand.
    problems : why there is no best, in words: empty if there is one.
    """

    log_likelihood: float
    gradient: Array
    scale: Array
    offset: Array
    noise: Array
    simulations: Array
    at_bound: NDArray[np.bool_]
    weights: Array
    problems: tuple[str, ...]


class _Lines(NamedTuple):
    """mean = slope z + intercept of each group (groups,); noise (noises,).

    Scores and weights (values,) are the first and the expected negative second derivatives of the
    log-likelihood by the values' means. `log_likelihood` (noises,) is that on the noise's scale.
    """

    slope: Array
    intercept: Array
    noise: Array
    scores: Array
    weights: Array
    log_likelihood: Array
    problems: list[str]


class RelativeData:
    """Relative data of some groups.

    Parameters
    ----------
    measured
        (values,) what was measured; for a censored value, the bound.
    group
        (values,) number of the group that each value belongs to, from 0.
    scaled, shifted
        (groups,) whether a group has a scale and an offset of its own.
    noise
        (groups,) number of the noise that each group's values have, from 0; by default its own.
    censored
        (values,) -1 for a value known to lie below `measured`, 1 for one above, 0 for an exact one.
    transformation
        lin, log or log10: the scale of the noise. Offsets need lin.
    distribution
        normal or laplace. Censored values need normal.
    scale_bounds, noise_bounds
        Smallest and largest scale and noise. A scale is not negative.

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
        scale_bounds: tuple[float, float] = (0.0, INF),
        noise_bounds: tuple[float, float] = (0.0, INF),
    ) -> None:
        self.measured, self.group = np.asarray(measured, np.float64), np.asarray(group, np.intp)
        self.scaled = np.asarray(scaled, bool)
        count = len(self.scaled)
        self.shifted = np.zeros(count, bool) if shifted is None else np.asarray(shifted, bool)
        self.noise = np.arange(count) if noise is None else np.asarray(noise, np.intp)
        exact = np.zeros(len(self.measured), np.intp)
        self.censored = exact if censored is None else np.asarray(censored, np.intp)
        self._base = {"lin": 0.0, "log": 1.0, "log10": math.log(10.0)}[transformation]
        self._laplace = {"normal": False, "laplace": True}[distribution]
        self._bounds, self._noise_bounds = scale_bounds, noise_bounds
        self._check()
        self._noise_of = self.noise[self.group]
        self._noises = int(self.noise.max(initial=-1)) + 1
        # On a logarithmic scale, a scale is an intercept.
        self._sloped = self.scaled & (self._base == 0.0)
        self._moved = self.shifted if self._base == 0.0 else self.scaled
        self._target, self._constant = self.measured, 0.0
        self._limits = np.array([scale_bounds, (-INF, INF)])
        if self._base:
            with np.errstate(divide="ignore"):
                logarithms = np.log(scale_bounds) / self._base
            self._target = np.log(self.measured) / self._base
            plain = self.measured[self.censored == 0]
            self._constant = -float(np.log(plain * self._base).sum())
            self._limits = np.array([(-INF, INF), logarithms])

    def _check(self) -> None:
        values, groups = self.measured.shape, self.scaled.shape
        if self.group.shape != values or self.censored.shape != values:
            raise ValueError(f"measured has shape {values}: group and censored must have it too")
        if self.shifted.shape != groups or self.noise.shape != groups:
            raise ValueError(f"scaled has shape {groups}: shifted and noise must have it too")
        if len(self.group) and not 0 <= self.group.min() <= self.group.max() < groups[0]:
            raise ValueError(f"groups are numbered from 0 to {groups[0] - 1}")
        if not set(self.censored.tolist()) <= {-1, 0, 1}:
            raise ValueError("censored is -1 (below), 0 (exact) or 1 (above)")
        if not np.isfinite(self.measured).all():
            raise ValueError("a measured value is not finite")
        if self._base and self.shifted.any():
            raise ValueError("an offset with noise on a logarithmic scale has no convex problem")
        if self._base and not (self.measured > 0.0).all():
            raise ValueError("a measured value is not positive, but its noise is on a log scale")
        if self._laplace and self.censored.any():
            raise ValueError("censored values need normal noise")
        if not 0.0 <= self._bounds[0] < self._bounds[1]:
            raise ValueError(f"bounds {self._bounds} of a scale, expected 0 <= lower < upper")
        if not 0.0 <= self._noise_bounds[0] < self._noise_bounds[1]:
            raise ValueError(f"bounds {self._noise_bounds} of a noise, expected 0 <= lower < upper")

    def evaluate(self, x: Array) -> RelativeFit:
        """The best scales, offsets and noise for simulated values x (values,)."""
        if x.shape != self.measured.shape:
            raise ValueError(f"x has shape {x.shape}, expected {self.measured.shape}")
        possible = np.isfinite(x) & ((x > 0.0) | (self._base == 0.0))
        if not possible.all():
            expected = "finite and positive" if self._base else "finite"
            k = int(np.argmin(possible))
            return self._without([f"simulated value {k} is {x[k]}, expected {expected}"])
        z = np.log(x) / self._base if self._base else x
        lines = self._absolute(z) if self._laplace else self._squares(z)
        if self.censored.any():
            lines = self._with_censored(z, lines)
        if lines.problems:
            return self._without(lines.problems)
        by_x = 1.0 / (x * self._base) if self._base else lines.slope[self.group]
        scale = np.exp(lines.intercept * self._base) if self._base else lines.slope
        offset = np.zeros(len(scale)) if self._base else lines.intercept
        low, high = (np.isclose(scale, end, rtol=ROUNDING, atol=0.0) for end in self._bounds)
        return RelativeFit(
            float(lines.log_likelihood.sum()) + self._constant,
            lines.scores * by_x,
            scale,
            offset,
            lines.noise,
            scale[self.group] * x + offset[self.group],
            self.scaled & (low | high),
            lines.weights,
            (),
        )

    def jacobian(self, x: Array, fit: RelativeFit, tangents: Array) -> Array:
        """The matrix A (values, free) of Gauss-Newton steps: A' A is the information.

        Derivatives of the standardised means, less their parts along those by scale and offset,
        which follow the free parameters.

        Parameters
        ----------
        fit
            What `evaluate` found for x.
        tangents
            (values, free) derivatives of x.
        """
        root = np.sqrt(fit.weights)
        slopes = 1.0 / (x * self._base) if self._base else fit.scale[self.group]
        a: Array = (root * slopes)[:, None] * tangents
        one, free = np.ones(len(x)), self.scaled & ~fit.at_bound
        groups = np.arange(len(free))[:, None] == self.group
        basis: list[Array] = []
        for flags, column in ((self.shifted, one), (free, one if self._base else x)):
            own = root * column * flags[self.group]
            for other in basis:
                own = own - other * (groups @ (other * own))[self.group]
            length = np.sqrt(groups @ (own * own))[self.group]
            own = np.divide(own, length, out=np.zeros_like(own), where=length > 0.0)
            a = a - own[:, None] * ((groups * own) @ a)[self.group]
            basis.append(own)
        return a

    def _without(self, problems: list[str]) -> RelativeFit:
        values, groups = np.full(len(self.group), np.nan), np.full(len(self.scaled), np.nan)
        nowhere = np.zeros(len(groups), bool)
        noise = np.full(self._noises, np.nan)
        return RelativeFit(
            np.nan, values, groups, groups, noise, values, nowhere, values, tuple(problems)
        )

    # ------------------------------------------------------------------ normal noise
    def _squares(self, z: Array) -> _Lines:
        """Least squares, all groups at once. Noises with censored values are not judged here."""
        group, groups, target = self.group, len(self.scaled), self._target

        def total(values: Array, of: Indices = group, number: int = groups) -> Array:
            return np.bincount(of, values, number).astype(np.float64)

        middle_z = np.where(self._moved, self._mean(z), 0.0)
        middle = np.where(self._moved, self._mean(target), 0.0)
        z_apart, apart = z - middle_z[group], target - middle[group]
        square = total(z_apart * z_apart)
        problems = self._flat(square, total(z * z))
        with np.errstate(divide="ignore", invalid="ignore"):
            slope = np.where(self._sloped, total(z_apart * apart) / square, 1.0)
        slope = np.where(self._sloped, np.clip(slope, *self._limits[0]), slope)
        intercept = np.where(self._moved, middle - slope * middle_z, 0.0)
        intercept = np.where(self._moved, np.clip(intercept, *self._limits[1]), intercept)
        residuals = target - slope[group] * z - intercept[group]
        number = np.bincount(self._noise_of, minlength=self._noises)
        of_noise = total(residuals**2, self._noise_of, self._noises)
        sigma = np.sqrt(of_noise / np.maximum(number, 1))
        sigma, found = self._noise_within(sigma)
        with np.errstate(divide="ignore", invalid="ignore"):
            weights = (1.0 / sigma**2)[self._noise_of]
            scores = residuals * weights
            each = -number * np.log(sigma * math.sqrt(2.0 * math.pi)) - 0.5 * of_noise / sigma**2
        likelihood = np.where(number > 0, each, 0.0)
        return _Lines(slope, intercept, sigma, scores, weights, likelihood, problems + found)

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

    def _noise_within(self, noise: Array) -> tuple[Array, list[str]]:
        """Noise within its bounds, and which vanish: those that rounding alone has left."""
        problems = []
        if self._noise_bounds[0] == 0.0:
            size = np.zeros(self._noises)
            np.maximum.at(size, self._noise_of, np.abs(self._target))
            exact = np.zeros(self._noises, bool)
            exact[self._noise_of] = True
            if self.censored.any():  # judged with the censored values
                exact[self._noise_of[self.censored != 0]] = False
            vanishing = np.flatnonzero(exact & (noise <= ROUNDING * size))
            problems = [f"noise {k}: it vanishes, every value is met exactly" for k in vanishing]
        return np.clip(noise, *self._noise_bounds), problems

    # ------------------------------------------------------------------ censored values
    def _with_censored(self, z: Array, lines: _Lines) -> _Lines:
        """The lines of noises with censored values anew, from those for which all are exact."""
        problems = lines.problems + self._one_sided()
        if problems:
            return lines._replace(problems=problems)
        for k in np.unique(self._noise_of[self.censored != 0]):
            own = np.flatnonzero(self._noise_of == k)
            columns = [
                (g, part)
                for g in np.unique(self.group[own])
                for part, flags in enumerate((self._sloped, self._moved))
                if flags[g]
            ]
            design = np.zeros((len(own), len(columns)))
            for column, (g, part) in enumerate(columns):
                design[:, column] = np.where(self.group[own] == g, 1.0 if part else z[own], 0.0)
            target = self._target[own]
            rest = target - np.where(self._sloped[self.group[own]], 0.0, z[own])
            start = np.array([lines[part][g] for g, part in columns])
            sigma = float(lines.noise[k])
            if not sigma > ROUNDING * np.abs(target).max():
                sigma = float(np.abs(target).max()) or 1.0
            limits = np.array([self._limits[part] for _, part in columns]).reshape(-1, 2)
            sides = self.censored[own]
            best = best_lines(design, rest, sides, (start, sigma), limits, self._noise_bounds)
            if best.problem:
                problems.append(f"noise {k}: {best.problem}")
            for (g, part), value in zip(columns, best.coefficients, strict=True):
                lines[part][g] = value
            lines.noise[k], lines.scores[own] = best.sigma, best.scores
            lines.weights[own] = best.weights
            lines.log_likelihood[k] = best.log_likelihood
        return lines._replace(problems=problems)

    def _one_sided(self) -> list[str]:
        """Groups whose scale could grow, or shrink, without end, and noises without exact value."""
        problems = []
        free = self._sloped.astype(int) + self._moved
        for g in np.unique(self.group[self.censored != 0]):
            sides = self.censored[self.group == g]
            if np.count_nonzero(sides == 0) < free[g] and len(set(sides[sides != 0])) < 2:
                problems.append(f"group {g}: too few exact values, and others on one side only")
        for k in np.unique(self._noise_of[self.censored != 0]):
            if not (self.censored[self._noise_of == k] == 0).any():
                problems.append(f"noise {k}: no value is exact")
        return problems

    # ------------------------------------------------------------------ Laplace noise
    def _absolute(self, z: Array) -> _Lines:
        """Least absolute deviations, group by group."""
        groups = len(self.scaled)
        slope, intercept = np.ones(groups), np.zeros(groups)
        signs = np.zeros(len(z))
        problems = self._squares(z).problems
        if problems:
            nothing = np.zeros(0)
            return _Lines(slope, intercept, nothing, signs, nothing, nothing, problems)
        for g in range(groups):
            own = np.flatnonzero(self.group == g)
            slope[g], intercept[g], signs[own] = self._deviations(g, z[own], self._target[own])
        residuals = self._target - slope[self.group] * z - intercept[self.group]
        number = np.bincount(self._noise_of, minlength=self._noises)
        of_noise = np.bincount(self._noise_of, np.abs(residuals), self._noises)
        b, problems = self._noise_within(of_noise / np.maximum(number, 1))
        with np.errstate(divide="ignore", invalid="ignore"):
            each = -number * np.log(2.0 * b) - of_noise / b
            steep = (1.0 / b)[self._noise_of]
        likelihood = np.where(number > 0, each, 0.0)
        return _Lines(slope, intercept, b, signs * steep, steep**2, likelihood, problems)

    def _mean(self, z: Array) -> Array:
        count = np.maximum(np.bincount(self.group, minlength=len(self.scaled)), 1)
        return np.bincount(self.group, z, len(self.scaled)) / count

    def _deviations(self, g: int, z: Array, target: Array) -> tuple[float, float, Array]:
        """Slope and intercept of one group, and the derivatives of the deviations by the target.

        Minimise sum p + q where slope z + intercept + p - q = target and p, q >= 0, in numbers of
        the size of 1.
        """
        fixed = np.zeros(len(z)) if self._sloped[g] else z
        rest = target - fixed
        if not (self._sloped[g] or self._moved[g]) or not len(z):
            return 1.0, 0.0, np.sign(rest)
        size = float(np.abs(rest).max()) or 1.0
        unit = float(np.abs(z).max()) if self._sloped[g] else 1.0
        columns, bounds = [], []
        if self._sloped[g]:
            columns.append(z / unit)
            bounds.append(self._limits[0] * unit / size)
        if self._moved[g]:
            columns.append(np.ones(len(z)))
            bounds.append(self._limits[1] / size)
        one, lines = np.eye(len(z)), len(columns)
        found = linprog(
            np.r_[np.zeros(lines), np.ones(2 * len(z))],
            A_eq=np.c_[np.transpose(columns), one, -one],
            b_eq=rest / size,
            bounds=[*map(tuple, bounds), *[(0.0, None)] * (2 * len(z))],
            method="highs",
        )
        best = found.x[:lines] * size
        slope = float(best[0]) / unit if self._sloped[g] else 1.0
        return slope, float(best[-1]) if self._moved[g] else 0.0, found.eqlin.marginals
