"""What pyPESTO minimises: the negative log posterior on the scale of the search."""

from __future__ import annotations

import math
from copy import copy
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pypesto
from numpy.typing import NDArray
from pypesto.C import FVAL, GRAD, HESS, MODE_FUN

from .likelihood import Scales
from .priors import Priors

if TYPE_CHECKING:
    from .problem import Problem

Array = NDArray[np.float64]

DECADES = 2.0
"""A positive parameter of a version 2 problem, whose tables have no scales, is searched on a log10
scale if its bounds are at least this many decades apart."""


class Reference(NamedTuple):
    """Where a problem can be read again, by another process: its file and its options."""

    path: str
    options: tuple[tuple[str, Any], ...]

    @staticmethod
    def of(problem: Problem) -> Reference:
        """That of a problem."""
        path = str(Path(problem.petab.path).resolve())
        reference = Reference(path, tuple(sorted(problem.options.items())))
        _opened.clear()  # a file may have changed since a problem was read from it
        _opened[reference] = problem
        return reference


_opened: dict[Reference, Problem] = {}


def opened(reference: Reference) -> Problem:
    """The problem that was referred to, in its own process; in others read once from its files."""
    from .problem import Problem

    if reference not in _opened:
        _opened[reference] = Problem(reference.path, **dict(reference.options))
    return _opened[reference]


class Value(NamedTuple):
    """Objective, gradient (free,), Gauss-Newton matrix (free, free); inf and NaN if it failed."""

    objective: float
    gradient: Array
    matrix: Array


class Search:
    """The estimated parameters of a problem as an optimiser sees them.

    Attributes
    ----------
    ids : the estimated parameters, in order.
    scales : on which each is searched: as the parameter table says (version 1), or log10 if its
        bounds are positive and far apart (version 2).
    lower, upper : (free,) bounds on that scale.
    priors : of the estimated parameters.
    pull : see `pulled`.
    """

    pull = 0.0

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        self.ids = problem.free
        self.parameters = tuple(p for p in problem.petab.parameters if p.id in self.ids)
        self.scales = Scales([_scale(p, problem.petab.version) for p in self.parameters])
        self.lower, self.upper = (
            self.scales.scaled(np.array([getattr(p, end) for p in self.parameters], np.float64))
            for end in ("lower", "upper")
        )
        bounded = np.isfinite(self.upper - self.lower)
        self._middle, self._half = np.zeros(len(bounded)), np.full(len(bounded), np.inf)
        self._middle[bounded] = 0.5 * (self.lower + self.upper)[bounded]
        self._half[bounded] = 0.5 * (self.upper - self.lower)[bounded]
        self.priors = Priors(self.parameters)
        places = {name: k for k, name in enumerate(problem.ids)}
        self._places = np.array([places[name] for name in self.ids], np.intp)
        on_scale = [p.prior.on_scale if p.prior else p.scale != "lin" for p in self.parameters]
        self._of_linear = ~np.array(on_scale, bool)

    def pulled(self, pull: float) -> Search:
        """The same search with pull/2 times the sum of squares of what x is away added to it.

        Away from the middle between the bounds, in units of half their distance: a bound counts 1.
        What has no bounds is not pulled.
        """
        other = copy(self)
        other.pull = pull
        return other

    def table(self, x: Array) -> Array:
        """The linear parameter table with estimated parameters x (free,) on the search's scale."""
        table = self.problem.nominal.copy()
        table[self._places] = self.scales.linear(x)
        return table

    def named(self, x: Array) -> dict[str, float]:
        """Id -> value on linear scale of x (free,)."""
        return dict(zip(self.ids, self.scales.linear(x).tolist(), strict=True))

    def start(self, random: np.random.Generator) -> Array:
        """A point (free,) drawn from what parameters start from, on the search's scale."""
        x = self.scales.scaled(self.priors.sample(1, random)[0])
        return np.clip(x, self.lower, self.upper)

    def evaluate(self, x: Array, order: int = 0) -> Value:
        """The negative log posterior at x (free,), with order 1 and 2 also its derivatives.

        Its density is one of the parameters as PEtab's priors have it; see `log_volume`.
        """
        table = self.table(x)
        linear = table[self._places]
        prior = self.priors.evaluate(linear)
        if not math.isfinite(prior.log_density):
            return _alone(math.inf, len(x))
        found = self.problem.at(table, 2 if order > 0 else 0).evaluation
        total = -(found.log_likelihood + prior.log_density)
        if not math.isfinite(total):
            return _alone(math.inf, len(x))
        if found.gradient is None or found.fisher is None:
            return self._with_pull(_alone(total, len(x)), x)
        slopes = self.scales.slopes(linear)
        gradient = -(found.gradient + prior.gradient) * slopes
        matrix = (found.fisher + np.diag(prior.information)) * (slopes[:, None] * slopes)
        if not (np.isfinite(gradient).all() and np.isfinite(matrix).all()):
            return _alone(math.inf, len(x))
        return self._with_pull(Value(total, gradient, matrix), x)

    def _with_pull(self, value: Value, x: Array) -> Value:
        """A value with what the pull adds."""
        if not self.pull:
            return value
        away = (x - self._middle) / self._half
        return Value(
            value.objective + 0.5 * self.pull * float(away @ away),
            value.gradient + self.pull * away / self._half,
            value.matrix + np.diag(self.pull / self._half**2),
        )

    def log_volume(self, x: Array) -> float:
        """What turns the log posterior into the logarithm of a density on the search's scale.

        A prior of the linear parameter (and version 2's uniform one, where a table says nothing) is
        a density there; by the rule for changes of variables it gains d linear/d scaled.
        """
        with np.errstate(divide="ignore"):
            volume = np.log(self.scales.slopes(self.scales.linear(x)))
        return float(volume[self._of_linear].sum())


def _alone(objective: float, free: int) -> Value:
    """An objective without derivatives."""
    return Value(objective, np.full(free, np.nan), np.full((free, free), np.nan))


def _scale(parameter: Any, version: int) -> str:
    """The scale on which a parameter is searched."""
    if version == 1 or not parameter.lower > 0.0:
        return str(parameter.scale)
    wide = math.log10(parameter.upper / parameter.lower) >= DECADES
    return "log10" if wide else str(parameter.scale)


class NegativeLogPosterior(pypesto.objective.ObjectiveBase):  # type: ignore[misc]
    """A problem's negative log posterior as pyPESTO's objective; inf where a simulation fails.

    The Hessian is a Gauss-Newton matrix: the expected Fisher information of the measurements and
    what the priors add. Other processes read the problem's files again.

    Parameters
    ----------
    density
        Make it the density on the search's scale, as samplers need it: see `Search.log_volume`.
    """

    grad = True  # SciPy's optimisers get value and gradient by one call
    hess = False  # and the matrix by another, which has it already

    def __init__(self, search: Search, density: bool = False) -> None:
        super().__init__(x_names=search.ids)
        self.search, self.density = search, density
        self._last: tuple[bytes, int, Value] | None = None

    def check_sensi_orders(self, sensi_orders: Any, mode: str) -> bool:
        """Value, gradient and matrix; no residuals."""
        highest = 0 if self.density else 2
        return bool(mode == MODE_FUN and max(sensi_orders, default=0) <= highest)

    def check_mode(self, mode: str) -> bool:
        """No residuals."""
        return bool(mode == MODE_FUN)

    def call_unprocessed(
        self,
        x: Array,
        sensi_orders: tuple[int, ...],
        mode: str,
        return_dict: bool,
        **_: Any,
    ) -> dict[str, Any]:
        """What is asked for, at x (free,)."""
        value = self._value(x, min(max(sensi_orders, default=0), 1))
        found: dict[str, Any] = {}
        if 0 in sensi_orders:
            volume = self.search.log_volume(x) if self.density else 0.0
            found[FVAL] = value.objective - volume
        if 1 in sensi_orders:
            found[GRAD] = value.gradient.copy()
        if 2 in sensi_orders:
            found[HESS] = value.matrix.copy()
        return found

    def _value(self, x: Array, order: int) -> Value:
        """The value at x; the last one is kept, since optimisers ask for its parts by turns."""
        key = np.ascontiguousarray(x, np.float64).tobytes()
        if self._last is None or self._last[0] != key or self._last[1] < order:
            self._last = key, order, self.search.evaluate(x, order)
        return self._last[2]

    def get_config(self) -> dict[str, Any]:
        """What is written beside results."""
        config: dict[str, Any] = super().get_config()
        return config | {"problem": Path(self.search.problem.petab.path).name}

    def __deepcopy__(self, memo: dict[int, Any]) -> NegativeLogPosterior:
        """One with a history and fixed parameters of its own, and the same compiled problem."""
        from copy import deepcopy

        other = NegativeLogPosterior(self.search, self.density)
        other.pre_post_processor = deepcopy(self.pre_post_processor, memo)
        other.history = deepcopy(self.history, memo)
        return other

    def __reduce__(self) -> Any:
        state = Reference.of(self.search.problem), self.search.pull, self.density
        return _again, (*state, self.pre_post_processor, self.history)


def _again(
    reference: Reference, pull: float, density: bool, processor: Any, history: Any
) -> NegativeLogPosterior:
    objective = NegativeLogPosterior(Search(opened(reference)).pulled(pull), density)
    objective.pre_post_processor, objective.history = processor, history
    return objective


def pypesto_problem(search: Search, density: bool = False) -> pypesto.Problem:
    """pyPESTO's problem: objective, bounds, names and scales of the estimated parameters."""
    return pypesto.Problem(
        objective=NegativeLogPosterior(search, density),
        lb=search.lower,
        ub=search.upper,
        x_names=list(search.ids),
        x_scales=list(search.scales.names),
        copy_objective=False,
    )
