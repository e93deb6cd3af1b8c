"""Multi-start optimisation with pyPESTO: numbered starts, in any order and any process.

A start is more than one descent. Two begin at the point drawn: one as it is, and one that is first
pulled to the middle between the bounds, ever less, so that parameters do not run off to where no
data feel them before the others have found their place (what priors do for sloppy models:
Transtrum, Machta and Sethna 2011, Phys Rev E 83:036701). From the better end it hops: a part of the
parameters is moved at random, and what is found from there is kept if it is better (monotonic basin
hopping: Wales and Doye 1997, J Phys Chem A 101:5111; Leary 2000, J Global Optim 18:367).
"""

from __future__ import annotations

import logging
import math
import os
import warnings
from dataclasses import asdict, dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import pypesto
from numpy.typing import NDArray
from pypesto import optimize as pypesto_optimize

from ..errors import ConditionError, did_you_mean
from .objective import Reference, Search, opened, pypesto_problem
from .results import ResultFile
from .workers import Progress, executed, whole_number

if TYPE_CHECKING:
    from .problem import Problem

Array = NDArray[np.float64]

OPTIMIZERS = ("fides", "trust-region", "L-BFGS-B")

REDRAWS = 100
"""How often a start point is drawn again where the objective is not finite."""

FAILED = -1
"""Exit flag of a start that has no result."""

HOPS = 5
"""Hops of a start; see benchmarks/README.md for how often starts with and without find published
optima."""

PULLS = (10.0, 0.3, 0.01)
"""Weights of the pull to the middle, one after the other; see `Search.pulled`."""

APPROACH, ROUGH = 200, 1e-4
"""Iterations of a descent with a pull, and its tolerance: it only has to come near."""

MOVED = 0.5
"""Which part of the parameters a hop moves, on average."""

SHORTEST_HOP, LONGEST_HOP = 0.01, 1 / 3
"""Standard deviation of what a parameter is moved by, as part of the distance between its bounds:
drawn for each hop anew, evenly on a logarithmic scale."""

UNBOUNDED = 2.0
"""Distance between bounds of a parameter that has none, for hops: two decades."""

FIRST_RADIUS = 1 / 3
"""First radius of the trust region, as part of the diagonal of the box of bounds. On Boehm 2014,
ten decades for each parameter, fides found the best optimum from 11 of 80 starts with this radius
and with 1, from 7 with 0.1."""


@dataclass(frozen=True)
class Settings:
    """What the result of a start depends on, besides its number and the problem.

    maxiter : iterations of a descent.  redraws : see `REDRAWS`.  hops : after the first descents;
        with none, a start is a single plain descent.
    """

    seed: int = 1
    optimizer: str = OPTIMIZERS[0]
    maxiter: int = 1000
    redraws: int = REDRAWS
    hops: int = HOPS

    def __post_init__(self) -> None:
        if self.optimizer not in OPTIMIZERS:
            raise ConditionError(
                f'There is no optimizer "{self.optimizer}"; there are {", ".join(OPTIMIZERS)}.'
                f"{did_you_mean(self.optimizer, OPTIMIZERS)}"
            )
        for name, least in (("seed", 0), ("maxiter", 1), ("redraws", 0), ("hops", 0)):
            whole_number(name, getattr(self, name), least)


def optimizer_of(
    name: str,
    search: Search,
    maxiter: int = 1000,
    radius: float | None = None,
    tolerance: float = 1e-8,
) -> pypesto_optimize.Optimizer:
    """pyPESTO's optimizer: fides, SciPy's trust-constr ("trust-region") or SciPy's L-BFGS-B.

    radius : the first one of fides; None: by the bounds, see `FIRST_RADIUS`.
    tolerance : of the objective, relative and absolute, of fides.
    """
    if name == "fides":  # with the Fisher information at every point, which costs next to nothing
        if radius is None:
            radius = FIRST_RADIUS * float(np.linalg.norm(search.upper - search.lower))
        options = {
            "maxiter": maxiter,
            "delta_init": radius if math.isfinite(radius) else 1.0,
            "fatol": tolerance,
            "frtol": tolerance,
        }
        return pypesto_optimize.FidesOptimizer(
            hessian_update=None, verbose=logging.CRITICAL, options=options
        )
    if name == "trust-region":
        return pypesto_optimize.ScipyOptimizer("trust-constr", options={"maxiter": maxiter})
    return pypesto_optimize.ScipyOptimizer(
        "L-BFGS-B", tol=1e-9, options={"maxiter": maxiter, "maxfun": 10 * maxiter}
    )


def optimize(
    problem: Problem,
    starts: int,
    settings: Settings,
    jobs: int = 1,
    out: str | os.PathLike[str] | None = None,
    progress: Progress | None = None,
) -> pypesto.Result:
    """Minimise from numbered starts; see `Problem.optimize`."""
    whole_number("starts", starts)
    search = Search(problem)
    if not search.ids:
        raise ConditionError(f"{problem.petab.path}: no parameter is estimated; nothing to fit.")
    file = ResultFile(out, search) if out is not None else None
    there = file.begin(asdict(settings)) if file is not None else []
    numbers = [k for k in range(starts) if k not in there]
    ended: list[pypesto.OptimizerResult] = []
    best = None
    if file is not None and there:
        best = _lowest(file.read().optimize_result.list)
    if progress is not None:
        progress(starts - len(numbers), starts, best)
    run = partial(run_start, Reference.of(problem), settings)
    for _, start in executed(run, numbers, jobs):
        ended.append(start)
        if file is not None:
            file.add_start(start)
        if progress is not None:
            best = _lowest(ended, best)
            progress(starts - len(numbers) + len(ended), starts, best)
    if file is not None:
        return file.read()
    result = pypesto.Result(pypesto_problem(search))
    result.optimize_result.append(sorted(ended, key=lambda start: int(start.id)))
    return result


def _lowest(starts: list[pypesto.OptimizerResult], before: float | None = None) -> float | None:
    values = [float(start.fval) for start in starts if math.isfinite(start.fval)]
    return min([*values, *([] if before is None else [before])], default=None)


def run_start(reference: Reference, settings: Settings, number: int) -> pypesto.OptimizerResult:
    """One start, which depends on nothing but its number and what is given.

    Where no finite start point is found, or the optimiser ends without a finite value, the result
    has the objective inf and the exit flag `FAILED`.
    """
    search = Search(opened(reference))
    random = np.random.default_rng([settings.seed, number])
    for _ in range(settings.redraws + 1):
        x = search.start(random)
        if math.isfinite(search.evaluate(x, 1).objective):
            break
    else:
        message = f"no finite objective at any of {settings.redraws + 1} start points"
        return _failed(number, x, message, settings.optimizer)
    ends, spent = _descents(search, x, settings, random, str(number))
    found = min(ends, key=_objective)
    if not math.isfinite(_objective(found)):
        return _failed(number, x, str(found.message), settings.optimizer)
    found.x0, found.fval0 = x, ends[0].fval0
    for cost in ("n_fval", "n_grad", "n_hess", "time"):
        found[cost] = sum(each[cost] or 0 for each in (*ends, *spent))
    return found


def _objective(end: pypesto.OptimizerResult) -> float:
    """That of where a descent ended; inf if it has no end."""
    there = end.x is not None and end.fval is not None and math.isfinite(end.fval)
    return float(end.fval) if there else math.inf


def _descents(
    search: Search, x: Array, settings: Settings, random: np.random.Generator, name: str
) -> tuple[list[pypesto.OptimizerResult], list[pypesto.OptimizerResult]]:
    """Ends of the descents of a start from x (free,), the plain one first; those on the way."""
    down = partial(minimised, optimizer=settings.optimizer, name=name)
    ends: list[pypesto.OptimizerResult] = [down(search, x, maxiter=settings.maxiter)]
    spent: list[pypesto.OptimizerResult] = []
    if not settings.hops:
        return ends, spent
    near = x
    for pull in PULLS:
        spent.append(down(search.pulled(pull), near, maxiter=APPROACH, tolerance=ROUGH))
        if math.isfinite(_objective(spent[-1])):
            near = np.asarray(spent[-1].x, np.float64)
    ends.append(down(search, near, maxiter=settings.maxiter))
    for _ in range(settings.hops):
        best = min(ends, key=_objective)
        kept = np.asarray(best.x, np.float64) if math.isfinite(_objective(best)) else x
        moved = _hop(search, kept, random)
        if math.isfinite(search.evaluate(moved, 1).objective):
            ends.append(down(search, moved, maxiter=settings.maxiter))
    return ends, spent


def _hop(search: Search, x: Array, random: np.random.Generator) -> Array:
    """A point some way from x (free,), between the bounds."""
    width = search.upper - search.lower
    width = np.where(np.isfinite(width), width, UNBOUNDED)
    part = math.exp(random.uniform(math.log(SHORTEST_HOP), math.log(LONGEST_HOP)))
    chosen = random.random(len(x)) < MOVED
    step = part * width * random.standard_normal(len(x))
    return np.clip(np.where(chosen, x + step, x), search.lower, search.upper)


def minimised(
    search: Search, x: Array, optimizer: str, maxiter: int, name: str, tolerance: float = 1e-8
) -> pypesto.OptimizerResult:
    """What an optimiser finds from x (free,), without its history."""
    problem = pypesto_problem(search)
    # steps out of where the model can be simulated are refused by value; no need to hear of them
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        for package in ("fides", "pypesto", "scipy"):
            warnings.filterwarnings("ignore", module=rf"{package}\b")
        logging.getLogger("pypesto").setLevel(logging.CRITICAL)
        found = optimizer_of(optimizer, search, maxiter, tolerance=tolerance).minimize(
            problem,
            x0=x,
            id=name,
            optimize_options=pypesto_optimize.OptimizeOptions(allow_failed_starts=True),
        )
    found.history = None
    found.optimizer = optimizer
    found.exitflag = int(found.exitflag)
    return found


def _failed(number: int, x: Array, message: str, optimizer: str) -> pypesto.OptimizerResult:
    found = pypesto.OptimizerResult(
        id=str(number),
        x=np.full(len(x), np.nan),
        fval=math.inf,
        grad=np.full(len(x), np.nan),
        hess=np.full((len(x), len(x)), np.nan),
        n_fval=0,
        n_grad=0,
        n_hess=0,
        x0=x,
        fval0=math.inf,
        exitflag=FAILED,
        time=0.0,
        message=message,
        optimizer=optimizer,
    )
    found.free_indices = np.arange(len(x))
    return found


def starts_table(result: pypesto.Result, problem: Problem) -> Any:
    """The starts of a fit as a table.

    Parameters
    ----------
    result
        From `Problem.optimize` or `Problem.read`.
    problem
        Whose result it is.

    Returns
    -------
    pandas.DataFrame
        A row for each start, best first: its number, objective, evaluations, seconds, message, and
        the parameters on linear scale.
    """
    import pandas as pd

    search = Search(problem)
    rows = []
    for start in result.optimize_result.list:
        row = {
            "start": int(start.id),
            "objective": float(start.fval),
            "evaluations": int(start.n_fval),
            "seconds": float(start.time),
            "message": str(start.message),
        }
        rows.append(row | search.named(np.asarray(start.x, np.float64)))
    return pd.DataFrame(rows)
