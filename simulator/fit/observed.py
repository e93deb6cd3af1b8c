"""What a measurement says of a simulated value: its density and its scores, as a graph."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from ..codegen.graph import Graph
from ..errors import ModelError, did_you_mean
from ..network.expression import TIME, Expression, Number, Symbol, substitute, symbols
from ..network.network import Parameter as Quantity
from ..petab_problem.problem import Measurement, Observable, PetabProblem

DISTRIBUTIONS = ("normal", "laplace", "log-normal", "log-laplace")
SCALES = ("lin", "log", "log10")


@dataclass
class Kind:
    """Measurements of one observable, which differ in the values of its placeholders only."""

    observable: Observable
    formula: Expression
    noise: Expression
    placeholders: tuple[str, ...]
    members: list[int] = field(default_factory=list)
    measurements: list[Measurement] = field(default_factory=list)


def kinds_of(problem: PetabProblem) -> list[Kind]:
    """Measurements by observable, and by those overrides that are neither number nor parameter."""
    observables = {observable.id: observable for observable in problem.observables}
    ids = {parameter.id for parameter in problem.parameters}
    kinds: dict[tuple[object, ...], Kind] = {}
    for m, measurement in enumerate(problem.measurements):
        observable = observables[measurement.observable]
        written = {
            name: value
            for name, value in measurement.overrides.items()
            if not (isinstance(value, Number) or (isinstance(value, Symbol) and value.name in ids))
        }
        _check(observable, problem.path)
        key = (observable.id, *sorted(written.items(), key=lambda item: item[0]))
        if key not in kinds:
            formula = substitute(observable.formula, written)
            noise = substitute(observable.noise, written)
            used = symbols(formula) | symbols(noise)
            named = (*observable.placeholders, *observable.noise_placeholders)
            left = tuple(name for name in dict.fromkeys(named) if name in used)
            kinds[key] = Kind(observable, formula, noise, left)
        for name in kinds[key].placeholders:
            if name not in measurement.overrides:
                raise ModelError(
                    f"{problem.path}: measurement {measurement.row} of {observable.id} gives no "
                    f"value for {name}."
                )
        kinds[key].members.append(m)
        kinds[key].measurements.append(measurement)
    return list(kinds.values())


def _check(observable: Observable, where: Path) -> None:
    for word, known in (
        (observable.distribution, DISTRIBUTIONS),
        (observable.transformation, SCALES),
    ):
        if word not in known:
            raise ModelError(
                f'{where}: observable {observable.id} has "{word}", expected one of '
                f"{', '.join(known)}.{did_you_mean(word, known)}"
            )


def model_symbols(kinds: Sequence[Kind], problem: PetabProblem) -> tuple[str, ...]:
    """Ids of the model in the formulas, in order of their first use."""
    network, parameters = problem.network, {parameter.id for parameter in problem.parameters}
    parts = (network.species, network.parameters, network.compartments, network.reactions)
    model = {part.id for each in parts for part in each}
    found: dict[str, None] = {}
    for kind in kinds:
        used = symbols(kind.formula) | symbols(kind.noise)
        for name in sorted(used - parameters - {TIME} - set(kind.placeholders)):
            if name not in model:
                near = did_you_mean(name, [*model, *parameters, *kind.placeholders])
                raise ModelError(
                    f'{problem.path}: observable {kind.observable.id} needs "{name}", which is '
                    f"neither in the model nor in the parameter table.{near}"
                )
            found[name] = None
    return tuple(found)


def logarithm(observable: Observable) -> float:
    """ln of the base of the logarithm on whose scale the noise is; 0 where there is none."""
    if observable.transformation == "log10":
        return math.log(10.0)
    return float(observable.transformation == "log" or observable.distribution.startswith("log-"))


def is_laplace(observable: Observable) -> bool:
    """Whether the noise has a Laplace distribution, on whichever scale."""
    return observable.distribution in ("laplace", "log-laplace")


def measured(observable: Observable, measurement: Measurement, where: Path) -> tuple[float, float]:
    """The measured value on the scale of the noise, and what no parameter changes in the density.

    That is the distribution's constant and, of logarithms, the derivative of the value's by it.
    For a value known to lie in an interval, one of its ends, and 0.
    """
    if measurement.censoring is not None:
        lower, upper = ends(observable, measurement, where)
        return lower if math.isfinite(lower) else upper, 0.0
    constant = -math.log(2.0) if is_laplace(observable) else -0.5 * math.log(2.0 * math.pi)
    base, value = logarithm(observable), measurement.value
    if base == 0.0:
        return value, constant
    if not value > 0.0:
        raise ModelError(
            f"{where}: measurement {measurement.row} of {observable.id} is {value}, but its noise "
            "is on a logarithmic scale: it must be positive."
        )
    return math.log(value) / base, constant - math.log(value * base)


def ends(observable: Observable, measurement: Measurement, where: Path) -> tuple[float, float]:
    """The ends, on the scale of the noise, of the interval in which a value is known to lie."""
    if is_laplace(observable):
        raise ModelError(
            f"{where}: measurement {measurement.row} of {observable.id} is censored; its noise "
            f"must be normal, not {observable.distribution}."
        )
    assert measurement.censoring is not None  # noqa: S101
    lower, upper = measurement.censoring
    base = logarithm(observable)
    if base == 0.0:
        return lower, upper
    first, last = (math.log(end) / base if end > 0.0 else -math.inf for end in (lower, upper))
    if not math.isfinite(first) and not math.isfinite(last):
        raise ModelError(
            f"{where}: measurement {measurement.row} of {observable.id} lies from {lower} to "
            f"{upper}, but its noise is on a logarithmic scale: that leaves everything possible, "
            "or nothing."
        )
    return first, last


def side_of(observable: Observable, measurement: Measurement) -> int:
    """-1 for a value known to lie below a bound, 1 above one, 2 between two; 0 for an exact one."""
    if measurement.censoring is None:
        return 0
    lower, upper = measurement.censoring
    if math.isinf(upper):
        return 1
    return -1 if lower <= (0.0 if logarithm(observable) else -math.inf) else 2


def density(
    graph: Graph, kind: Kind, nodes: Mapping[str, int], target: Sequence[int]
) -> tuple[list[int], list[tuple[int, int]]]:
    """The first rows of a program's output; then y and sigma, each with its standardising factor.

    Parameters
    ----------
    target
        Nodes of the two numbers of `measured`.
    """
    op, c = graph.apply, graph.constant
    simulated, sigma = graph.build(kind.formula, nodes), graph.build(kind.noise, nodes)
    base, y = logarithm(kind.observable), simulated
    if base:
        y = op("multiply", op("ln", simulated), c(1.0 / base))
    residual = op("divide", op("subtract", target[0], y), sigma)
    square, size = op("multiply", residual, residual), op("abs", residual)
    if is_laplace(kind.observable):
        above, below = op("greater", residual, c(0.0)), op("less", residual, c(0.0))
        loss, score = size, op("subtract", above, below)
        noise_score, spread = op("subtract", size, c(1.0)), c(1.0)
    else:
        loss, score = op("multiply", c(0.5), square), residual
        spread = c(math.sqrt(2.0))
        noise_score = op("divide", op("subtract", square, c(1.0)), spread)
    density = op("subtract", op("subtract", target[1], op("ln", sigma)), loss)
    factors = (y, op("divide", c(1.0), sigma)), (sigma, op("divide", spread, sigma))
    return [density, simulated, sigma, residual, score, noise_score], list(factors)


def with_symbols(problem: PetabProblem) -> PetabProblem:
    """The problem with a network that also has what only the tables define.

    Conditions may give values to symbols of observables that the model does not have.
    """
    network = problem.network
    model = {*(s.id for s in network.species), *(p.id for p in network.parameters)}
    model |= {c.id for c in network.compartments} | {r.id for r in network.reactions}
    targets = {
        change.target: None
        for experiment in problem.experiments
        for period in experiment.periods
        for change in period.changes
        if change.target not in model
    }
    new = tuple(Quantity(name, math.nan) for name in targets)
    if not new:
        return problem
    return replace(problem, network=replace(network, parameters=(*network.parameters, *new)))
