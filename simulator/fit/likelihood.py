"""From what a simulation gave to its log-likelihood, with gradient and Fisher information.

Observables and noise are evaluated by compiled code, with exact derivatives: one program for each
observable, on lanes of its measurements. What it gives is standardised. With the residual
r = (measured - simulated)/sigma on the scale of the noise, a measurement has two rows of a matrix A
and two scores s,

    normal:   (dy/sigma, sqrt(2) dsigma/sigma)  and  (r, (r^2 - 1)/sqrt(2)),
    Laplace:  (dy/b, db/b)                      and  (sign r, |r| - 1),

where d is the derivative by the free parameters. The scores are uncorrelated and of variance 1 if
the model is true, so the gradient is A' s and the expected Fisher information A' A.

A measurement known to lie in an interval has the same rows, other scores, and between its rows a
matrix of information in place of the identity: see `intervals`.
"""

from __future__ import annotations

import ctypes
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from ..codegen.graph import Graph
from ..codegen.program import Place, Program, scratch_rows
from ..errors import ModelError, did_you_mean
from ..integrator.cache import address_of
from ..integrator.lanes import SMALL, aligned, lane_count
from ..network.expression import TIME, Number, Symbol
from ..petab_problem.problem import PetabProblem
from .intervals import interval_terms
from .machine_code import compile_likelihood
from .observed import Kind, density, ends, kinds_of, measured, model_symbols
from .scales import Scales as Scales

Array = NDArray[np.float64]
_T = TypeVar("_T")

# Rows of a program's output, before those of its derivatives.
DENSITY, SIMULATION, NOISE, RESIDUAL, SCORE, NOISE_SCORE, DERIVATIVES = range(7)
KNOWN = 3  # inputs that each measurement has of its own: see `measured`; time comes before
PIECE = 120_000  # products in one call of BLAS

_Function = ctypes.CFUNCTYPE(None, *[ctypes.c_void_p] * 5, ctypes.c_int64)


@dataclass(frozen=True, slots=True, eq=False)
class Evaluation:
    """What measurements say about simulated values.

    log_likelihood, chi2 : natural logarithm of the density of all measurements (of those known to
        lie in an interval, the probability), and the sum of squared residuals; -inf and inf where
        one failed.
    simulations, noise, residuals : (measurements,) the observables' values, sigma (or b), and
        (measured - simulated)/sigma on the scale of the noise; from an interval, its nearest value.
    failed : (measurements,) whether the density is not a finite number: simulation failed, noise
        not positive, simulation not positive where a logarithm is taken.
    gradient : (free,) by the free parameters on linear scale; None if not asked for, NaN where any
        measurement failed; `fisher` (free, free) likewise: the expected Fisher information; of
        intervals, that at hand.
    """

    log_likelihood: float
    chi2: float
    simulations: Array
    noise: Array
    residuals: Array
    failed: NDArray[np.bool_]
    gradient: Array | None = None
    fisher: Array | None = None


class Likelihood:
    """The likelihood of a problem's measurements.

    Parameters
    ----------
    free
        Ids of the parameter table by which derivatives are taken, in order.

    Attributes
    ----------
    symbols : ids of the model whose values the formulas need. Time is not among them: it is known.
    parameters : ids of the parameter table, in order.
    rows : (measurements,) the number of each measurement in its table.

    Raises
    ------
    ModelError
        A formula has a symbol that nothing defines, a placeholder has no value, or a measurement
        whose logarithm is taken is not positive; or one of an interval has Laplace noise.
    """

    def __init__(self, problem: PetabProblem, free: Sequence[str]) -> None:
        self.free = tuple(free)
        self.parameters = tuple(parameter.id for parameter in problem.parameters)
        self.rows = tuple(measurement.row for measurement in problem.measurements)
        for name in self.free:
            if name not in self.parameters:
                near = did_you_mean(name, self.parameters)
                raise ModelError(f'{problem.path}: no parameter "{name}" in its table.{near}')
        kinds = kinds_of(problem)
        self.symbols = model_symbols(kinds, problem)
        self._lanes = lane_count(SMALL + 1)
        self._arrange(kinds, problem.path)
        self._compile(kinds)

    # ------------------------------------------------------------------ preparation
    def _arrange(self, kinds: Sequence[Kind], where: Path) -> None:
        """Columns of measurements, and what the inputs of each column are."""
        columns = [m for kind in kinds for m in _padded(kind.members, self._lanes)]
        self._columns = np.array(columns, np.intp)
        self._place = np.empty(len(self.rows), np.intp)
        self._place[columns] = np.arange(len(columns))
        known = [
            (measurement.time, *measured(kind.observable, measurement, where))
            for kind in kinds
            for measurement in _padded(kind.measurements, self._lanes)
        ]
        self._known = np.array(known, np.float64).reshape(-1, KNOWN).T
        self._arrange_intervals(kinds, where)
        number = {name: k for k, name in enumerate(self.parameters)}
        constants: dict[float, int] = {}
        width = max((len(kind.placeholders) for kind in kinds), default=0)
        self._given = np.zeros((width, len(columns)), np.intp)
        column = 0
        for kind in kinds:
            for measurement in _padded(kind.measurements, self._lanes):
                for k, name in enumerate(kind.placeholders):
                    value = measurement.overrides[name]
                    if isinstance(value, Symbol):
                        self._given[k, column] = number[value.name]
                    elif isinstance(value, Number):
                        new = len(number) + len(constants)
                        self._given[k, column] = constants.setdefault(value.value, new)
                column += 1
        self._constants = np.array(list(constants), np.float64)

    def _arrange_intervals(self, kinds: Sequence[Kind], where: Path) -> None:
        """Which measurements are known to lie in intervals, and these less `measured`."""
        found = [
            (m, *ends(kind.observable, measurement, where))
            for kind in kinds
            for m, measurement in zip(kind.members, kind.measurements, strict=True)
            if measurement.censoring is not None
        ]
        table = np.array(found, np.float64).reshape(-1, 3)
        self._within = table[:, 0].astype(np.intp)
        self._ends = table[:, 1:].T - self._known[1, self._place[self._within]]

    def _compile(self, kinds: Sequence[Kind]) -> None:
        """Compile the observables and the chain rule."""
        spacing, own = len(self._columns), len(self.symbols) + KNOWN + len(self._given)
        graph = Graph(own + len(self.parameters))
        sources = {node: Place(0, k) for k, node in enumerate(graph.inputs[:own])}
        shared = enumerate(graph.inputs[own:])
        sources |= {node: Place(1, k, shared=True) for k, node in shared}
        programs, links = [], []
        for k, kind in enumerate(kinds):
            wanted, found = self._observable(graph, kind)
            programs.append(Program(f"observable_{k}", wanted, sources, self._lanes, spacing))
            links.append(found)
        groups = [-(-len(kind.members) // self._lanes) for kind in kinds]
        self._chain(kinds, links)
        self._code = compile_likelihood(graph, programs, groups, self._terms)
        self._evaluate = _Function(self._code.address("evaluate"))
        self._multiply = _Function(self._code.address("multiply"))
        outputs = max((len(program.wanted) for program in programs), default=DERIVATIVES)
        scratch = max((scratch_rows(graph, program) for program in programs), default=0)
        self._sizes = own * spacing, outputs * spacing, scratch * spacing

    def _observable(self, graph: Graph, kind: Kind) -> tuple[list[int], list[_Link]]:
        """Nodes that the program of an observable gives, and what its derivatives are by."""
        count, given = len(self.symbols), len(kind.placeholders)
        model, rest = graph.inputs[:count], graph.inputs[count:]
        time, *target = rest[:KNOWN]
        replaced = rest[KNOWN : KNOWN + given]
        shared = rest[KNOWN + len(self._given) :]
        nodes = dict(zip(self.symbols, model, strict=True)) | {TIME: time}
        nodes |= zip(self.parameters, shared, strict=True)
        nodes |= zip(kind.placeholders, replaced, strict=True)
        variables = [*model, *replaced, *(nodes[name] for name in self.free)]
        by = [("symbol", k) for k in range(count)] + [("placeholder", k) for k in range(given)]
        by += [("free", k) for k in range(len(self.free))]
        wanted, standardised = density(graph, kind, nodes, target)
        gradients = graph.gradients([node for node, _ in standardised], variables)
        links = []
        for score, gradient, (_, factor) in zip(
            (SCORE, NOISE_SCORE), gradients, standardised, strict=True
        ):
            for variable, node in sorted(gradient.items()):
                links.append(_Link(*by[variable], score, len(wanted)))
                wanted.append(graph.apply("multiply", node, factor))
        return wanted, links

    def _chain(self, kinds: Sequence[Kind], links: Sequence[Sequence[_Link]]) -> None:
        """Tables of A: places in it, in the programs' output and, for `products`, in the tangents.

        `products` add an output times the tangents of a symbol to a row of A, `units` add an output
        to one entry.
        """
        spacing, count, width = len(self._columns), len(self.symbols), len(self.free)
        free = {self.parameters.index(name): k for k, name in enumerate(self.free)}
        scores: dict[int, int] = {}  # place of a score -> row of A
        products, units = [], []
        for kind, own in zip(kinds, links, strict=True):
            for m, link in product(kind.members, own):
                column = int(self._place[m])
                number: int | None = link.number
                if link.by == "placeholder":
                    number = free.get(int(self._given[link.number, column]))
                if number is None:
                    continue
                place = link.row * spacing + column
                row = width * scores.setdefault(link.score * spacing + column, len(scores))
                if link.by == "symbol":
                    products.append((row, place, width * (m * count + number)))
                else:
                    units.append((row + number, place))
        self._scores = np.array(list(scores), np.intp)
        self._rows_within = np.array(
            [
                [scores.get(score * spacing + column, -1) for score in (SCORE, NOISE_SCORE)]
                for column in self._place[self._within].tolist()
            ],
            np.intp,
        ).reshape(-1, 2)
        flat = [number for terms in (products, units) for entry in terms for number in entry]
        self._tables = np.array(flat, np.int64)
        self._at_tables = self._tables.ctypes.data
        self._terms = len(products), len(units), width

    # ------------------------------------------------------------------ evaluation
    def evaluate(
        self,
        values: Array,
        tangents: Array | None,
        parameters: Mapping[str, float] | Array,
        order: int = 0,
        scores: Array | None = None,
    ) -> Evaluation:
        """The log-likelihood; with order 1 its gradient too, with order 2 the Fisher information.

        Parameters
        ----------
        values
            (measurements, symbols) values of the model's symbols at each measurement; NaN where the
            simulation failed.
        tangents
            (measurements, symbols, free) their derivatives by the free parameters on linear scale;
            not needed for order 0.
        parameters
            All values of the parameter table on linear scale: by id, or in order.
        scores
            (measurements,) what to take for the scores of their means: of Laplace noise, a residual
            of 0 may have any from -1 to 1. NaN for what the residual says.

        Raises
        ------
        ValueError
            An array is not of its shape.
        """
        if isinstance(parameters, Mapping):
            parameters = np.array([parameters[name] for name in self.parameters])
        tangents = tangents if order > 0 else None
        self._check(values, tangents, parameters, order)
        outputs, a = self._computed(values, tangents, parameters)
        heads = outputs[: DERIVATIVES * len(self._columns)].reshape(DERIVATIVES, -1)
        found = heads.take(self._place, axis=1)
        between = self._judge_intervals(found, outputs) if len(self._within) else None
        densities, residuals = found[DENSITY], found[RESIDUAL]
        total = float(np.add.reduce(densities))
        if not math.isfinite(total):
            return self._failure(found, order)
        if scores is not None:
            given = ~np.isnan(scores)
            outputs[SCORE * len(self._columns) + self._place[given]] = scores[given]
        return Evaluation(
            total,
            float(residuals.dot(residuals)),
            found[SIMULATION],
            found[NOISE],
            residuals,
            np.zeros(len(densities), bool),
            outputs.take(self._scores).dot(a) if order > 0 else None,
            self._information(a, between) if order > 1 else None,
        )

    def _judge_intervals(self, found: Array, outputs: Array) -> Array:
        """Density, residual and scores of measurements in intervals; the information of each."""
        within, spacing = self._within, len(self._columns)
        noise = np.where(found[NOISE, within] > 0.0, found[NOISE, within], np.nan)
        lower, upper = found[RESIDUAL, within] + self._ends / noise
        terms = interval_terms(lower, upper)
        found[DENSITY, within] = terms.log_probability
        found[RESIDUAL, within] = np.maximum(lower, 0.0) + np.minimum(upper, 0.0)
        columns, root = self._place[within], math.sqrt(2.0)
        outputs[SCORE * spacing + columns] = terms.score
        outputs[NOISE_SCORE * spacing + columns] = terms.noise_score / root
        between: Array = terms.information / np.array([[1.0, root], [root, 2.0]])
        return between

    def _information(self, a: Array, between: Array | None) -> Array:
        """The Fisher information; `between` (intervals, 2, 2) is that between rows of A."""
        if between is None:
            return _square(a)
        rows = np.concatenate([a, np.zeros((1, a.shape[1]))])[self._rows_within]
        exact = a.copy()
        exact[self._rows_within[self._rows_within >= 0]] = 0.0
        total = _square(exact)
        total += (between @ rows).reshape(-1, a.shape[1]).T @ rows.reshape(-1, a.shape[1])
        return total

    def _failure(self, found: Array, order: int) -> Evaluation:
        free = len(self.free)
        return Evaluation(
            -math.inf,
            math.inf,
            found[SIMULATION],
            found[NOISE],
            found[RESIDUAL],
            ~np.isfinite(found[DENSITY]),
            np.full(free, np.nan) if order > 0 else None,
            np.full((free, free), np.nan) if order > 1 else None,
        )

    def _check(self, values: Array, tangents: Array | None, parameters: Array, order: int) -> None:
        """Refuse arrays of other shapes: compiled code would read beyond them."""
        shape = len(self.rows), len(self.symbols)
        if values.shape != shape:
            raise ValueError(f"values must be of shape {shape}, not {values.shape}")
        if parameters.shape != (len(self.parameters),):
            raise ValueError(f"{parameters.shape} parameters, expected {len(self.parameters)}")
        if order > 0 and (tangents is None or tangents.shape != (*shape, len(self.free))):
            raise ValueError(f"derivatives need tangents of shape {(*shape, len(self.free))}")

    def _computed(self, values: Array, tangents: Array | None, row: Array) -> tuple[Array, Array]:
        """Rows of the programs' output, one after the other, and the matrix A (scores, free)."""
        inputs, outputs, scratch = self._sizes
        spacing, count = len(self._columns), len(self.symbols)
        shape = len(self._scores), len(self.free)
        work = aligned(inputs + outputs + scratch + shape[0] * shape[1])
        own = work[:inputs].reshape(count + KNOWN + len(self._given), spacing)
        own[:count] = values.take(self._columns, axis=0).T
        own[count : count + KNOWN] = self._known
        row = np.concatenate((row, self._constants))
        if len(self._given):
            own[count + KNOWN :] = row.take(self._given)
        at = address_of(work)
        at_outputs = at + 8 * inputs
        at_scratch = at_outputs + 8 * outputs
        self._evaluate(at, address_of(row), at, at_outputs, at_scratch, 0)
        found = work[inputs : inputs + outputs]
        a = work[inputs + outputs + scratch :].reshape(shape)
        if tangents is not None:
            tangents = np.ascontiguousarray(tangents, np.float64)
            at_a = at_scratch + 8 * scratch
            self._multiply(self._at_tables, at_outputs, address_of(tangents), at_a, at_a, 0)
        return found, a


class _Link(NamedTuple):
    """A row of derivatives in a program's output: `by` "symbol", "placeholder" or "free"."""

    by: str
    number: int
    score: int
    row: int


def _square(a: Array) -> Array:
    """A' A, in pieces that BLAS does not spread over threads: that costs more than it gains."""
    rows = max(1, PIECE // max(1, a.shape[1] ** 2))
    total: Array = a[:rows].T.dot(a[:rows])
    for start in range(rows, len(a), rows):
        piece = a[start : start + rows]
        total += piece.T.dot(piece)
    return total


def _padded(members: list[_T], lanes: int) -> list[_T]:
    """The members of a kind in whole groups of lanes; idle lanes repeat the last one."""
    return members + members[-1:] * (-len(members) % lanes)
