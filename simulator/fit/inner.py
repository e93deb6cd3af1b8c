"""A likelihood at the best scales, offsets and noise: what is left is searched by others."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ..petab_problem.problem import Observable, Parameter, PetabProblem
from .experiments import Simulated
from .hierarchical import RelativeData, at_end
from .likelihood import Evaluation, Likelihood
from .observed import is_laplace, logarithm, side_of
from .roles import Parts, parts_of

Array = NDArray[np.float64]
Indices = NDArray[np.intp]

RANK = 1e-12
"""Inner parameters that data determine less than this, relative, are taken to be undetermined."""


@dataclass(frozen=True, eq=False)
class _Block:
    """Measurements whose noise is alike, and what their scales, offsets and noise are best.

    members : (values,) their numbers.  scales, offsets, noises : numbers, among the inner
        parameters, of those of `data`, for groups and noises; -1 for none.
    """

    members: Indices
    data: RelativeData
    laplace: bool
    scales: Indices
    offsets: Indices
    noises: Indices


class Inner:
    """Parameters of a problem that follow the others: scales, offsets and noise.

    Parameters
    ----------
    likelihood
        That by all estimated parameters.
    declared
        See `roles.parts_of`.

    Attributes
    ----------
    ids : the inner parameters, in order of the parameter table.
    outer : the other estimated ones.

    Raises
    ------
    ModelError
        See `roles.parts_of`.
    """

    def __init__(self, problem: PetabProblem, likelihood: Likelihood, *, declared: bool) -> None:
        self._likelihood = likelihood
        self.ids, parts = parts_of(problem, declared=declared)
        own = set(self.ids)
        self.outer = tuple(name for name in likelihood.free if name not in own)
        place = {name: k for k, name in enumerate(likelihood.parameters)}
        parameters = [problem.parameters[place[name]] for name in self.ids]
        self._places = np.array([place[name] for name in self.ids], np.intp)
        self._bounds = np.array([(p.lower, p.upper) for p in parameters]).reshape(-1, 2).T
        number = {name: k for k, name in enumerate(likelihood.free)}
        self._inner_free = np.array([number[name] for name in self.ids], np.intp)
        self._outer_free = np.array([number[name] for name in self.outer], np.intp)
        offsets = {part.offset for part in parts}
        self._plain = np.array([0.0 if name in offsets else 1.0 for name in self.ids])
        self._blocks = _blocks(problem, parts, parameters)

    def evaluate(
        self, simulated: Simulated, table: Array, order: int = 0
    ) -> tuple[Evaluation, Array]:
        """The log-likelihood at the best inner parameters, and these; see `Likelihood.evaluate`.

        Derivatives are by the outer parameters. The gradient is that at fixed inner parameters: of
        those that are free the derivative is 0. In the information they follow, so it is the Schur
        complement. Where simulations fail, or determine no best, inner parameters are NaN.
        """
        table = table.copy()
        table[self._places] = self._plain
        plain = self._likelihood.evaluate(simulated.values, None, table)
        inner, scores = np.full(len(self.ids), np.nan), None
        if not plain.failed.any():
            inner, scores = self._best(plain)
            table[self._places] = inner
        found = self._likelihood.evaluate(simulated.values, simulated.along, table, order, scores)
        outer = self._outer_free
        gradient = None if found.gradient is None else found.gradient[outer]
        fisher = None if found.fisher is None else self._eliminated(found.fisher, inner)
        return replace(found, gradient=gradient, fisher=fisher), inner

    def _best(self, plain: Evaluation) -> tuple[Array, Array | None]:
        """Inner parameters, and scores that residuals do not say, from values without scales."""
        inner, scores = np.full(len(self.ids), np.nan), None
        for block in self._blocks:
            own = block.members
            fit = block.data.evaluate(plain.simulations[own], plain.noise[own])
            for numbers, values in (
                (block.scales, fit.scale), (block.offsets, fit.offset), (block.noises, fit.noise)
            ):  # fmt: skip
                inner[numbers[numbers >= 0]] = values[numbers >= 0]
            if block.laplace:
                scores = np.full(len(plain.noise), np.nan) if scores is None else scores
                noise = np.append(fit.noise, np.nan)[block.data.noise[block.data.group]]
                scores[own] = fit.scores * np.where(np.isnan(noise), plain.noise[own], noise)
        return inner, scores

    def _eliminated(self, fisher: Array, inner: Array) -> Array:
        """The information of the outer parameters when the inner ones follow them."""
        outer = fisher[np.ix_(self._outer_free, self._outer_free)]
        free = self._inner_free[~at_end(inner, *self._bounds)]
        own, cross = fisher[np.ix_(free, free)], fisher[np.ix_(self._outer_free, free)]
        if not math.isfinite(fisher.sum()):
            return outer
        root = np.sqrt(np.diag(own))
        root[root == 0.0] = 1.0
        sizes, turn = np.linalg.eigh(own / np.outer(root, root))
        known = sizes > RANK
        cross = (cross / root) @ turn[:, known]
        left: Array = outer - (cross / sizes[known]) @ cross.T
        return left


def _blocks(
    problem: PetabProblem, parts: Sequence[Parts], parameters: Sequence[Parameter]
) -> list[_Block]:
    observables = {observable.id: observable for observable in problem.observables}
    members: dict[tuple[float, bool], list[int]] = {}
    for m, part in enumerate(parts):
        if any(part):
            observable = observables[problem.measurements[m].observable]
            law = logarithm(observable), is_laplace(observable)
            members.setdefault(law, []).append(m)
    number = {parameter.id: k for k, parameter in enumerate(parameters)}
    bounds = np.array([(p.lower, p.upper) for p in parameters]).reshape(-1, 2)
    return [
        _block(problem, observables, np.array(own), [parts[m] for m in own], number, bounds)
        for own in members.values()
    ]


def _block(
    problem: PetabProblem,
    observables: dict[str, Observable],
    members: Indices,
    parts: Sequence[Parts],
    number: dict[str, int],
    bounds: Array,
) -> _Block:
    """Groups are of values with the same parts, noises in order of their first value."""
    measurements = [problem.measurements[m] for m in members]
    observable = observables[measurements[0].observable]
    groups, noises = list(dict.fromkeys(parts)), list(dict.fromkeys(p.sigma for p in parts))
    noises = [name for name in noises if name is not None]
    scales, offsets, sigmas = (
        np.array([-1 if name is None else number[name] for name in names], np.intp)
        for names in ([g.scaling for g in groups], [g.offset for g in groups], noises)
    )
    base, laplace = logarithm(observable), is_laplace(observable)
    sides = [side_of(observables[m.observable], m) for m in measurements]
    measured = [
        m.value if m.censoring is None else m.censoring[side == -1]
        for m, side in zip(measurements, sides, strict=True)
    ]
    every = np.concatenate([bounds, [(-np.inf, np.inf)]])  # the last for -1, none
    positive = np.maximum(every, 0.0)
    data = RelativeData(
        np.array(measured),
        [groups.index(part) for part in parts],
        scales >= 0,
        offsets >= 0,
        [-1 if g.sigma is None else noises.index(g.sigma) for g in groups],
        sides,
        {0.0: "lin", 1.0: "log"}.get(base, "log10"),
        "laplace" if laplace else "normal",
        tuple((positive if base else every)[scales].T),
        tuple(positive[sigmas].T),
        tuple(every[offsets].T),
        np.array([m.censoring[1] if m.censoring else np.nan for m in measurements]),
    )
    return _Block(members, data, laplace, scales, offsets, sigmas)
