"""Profile likelihoods with pyPESTO: how well each parameter is determined, the others refitted."""

from __future__ import annotations

import logging
import math
import warnings
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import pypesto
from numpy.typing import NDArray
from pypesto import engine as pypesto_engine
from pypesto import profile as pypesto_profile
from pypesto.result import ProfilerResult

from ..errors import ConditionError, IntegrationError, did_you_mean
from .objective import Reference, Search, opened, pypesto_problem
from .optimise import OPTIMIZERS, optimizer_of
from .randomness import seeded
from .results import ResultFile, read_result
from .verdicts import LEVEL, allowed_rise
from .workers import Progress, executed

if TYPE_CHECKING:
    from .problem import Problem

Array = NDArray[np.float64]

# Steps of a profile, in the distance at which a parabola of the optimum's curvature reaches the
# threshold, and at most so much of the distance between the bounds.
FIRST, SHORTEST, LONGEST_PART = 0.2, 0.02, 0.05
BEYOND = 1.02
"""A profile ends a little beyond the threshold, so that the crossing lies between two points."""


def best_start(result: pypesto.Result) -> pypesto.OptimizerResult:
    """The best start of a fit.

    Raises
    ------
    IntegrationError
        There is none with a finite objective.
    """
    starts = result.optimize_result.list
    if not starts or starts[0].x is None or not math.isfinite(starts[0].fval):
        raise IntegrationError("No start of this fit has a finite objective.")
    best: pypesto.OptimizerResult = starts[0]
    return best


def profile(
    problem: Problem,
    result: pypesto.Result,
    ids: Sequence[str] | None = None,
    optimizer: str = OPTIMIZERS[0],
    jobs: int = 1,
    progress: Progress | None = None,
    file: ResultFile | None = None,
) -> pypesto.Result:
    """Profiles of parameters, added to the result; see `Problem.profile`."""
    search = Search(problem)
    best = best_start(result)
    wanted = list(search.ids if ids is None else ids)
    for name in wanted:
        if name not in search.ids:
            near = did_you_mean(name, search.ids)
            raise ConditionError(f'{problem.petab.path}: "{name}" is not estimated.{near}')
    x = np.asarray(best.x, np.float64)
    places = [search.ids.index(name) for name in wanted]
    run = partial(run_profile, Reference.of(problem), optimizer, x)
    found = _stored(file, x)
    missing = [k for k in places if found[k] is None]
    there = len(places) - len(missing)
    if progress is not None:
        progress(there, len(places), None)
    result.profile_result.list[:] = [found]  # one set of profiles for one optimum
    for done, (k, path) in enumerate(executed(run, missing, jobs), start=there + 1):
        found[missing[k]] = path
        if file is not None:
            file.write_profiles(result)
        if progress is not None:
            progress(done, len(places), None)
    return result


def _stored(file: ResultFile | None, x: Array) -> list[ProfilerResult | None]:
    """Profiles (free,) in a file that were walked from x, without those in which a refit failed."""
    found: list[ProfilerResult | None] = [None] * len(x)
    if file is None or not file.path.exists():
        return found
    for paths in read_result(file.path, file.search.problem).profile_result.list:
        for k, path in enumerate(paths):
            if path is not None and not path.message:
                begins = (np.asarray(path.x_path) == x[:, None]).all(axis=0).any()
                found[k] = path if begins else found[k]
    return found


def run_profile(reference: Reference, optimizer: str, x: Array, place: int) -> ProfilerResult:
    """The profile of one parameter, downwards and upwards from the optimum x (free,)."""
    search = Search(opened(reference))
    problem = pypesto_problem(search)
    value = search.evaluate(x, 1)
    result = pypesto.Result(problem)
    start = pypesto.OptimizerResult(
        id="0", x=x, fval=value.objective, grad=value.gradient, exitflag=0
    )
    result.optimize_result.append(start)
    both = _Directions()
    with seeded(place), warnings.catch_warnings(), np.errstate(all="ignore"):
        for package in ("fides", "pypesto", "scipy"):
            warnings.filterwarnings("ignore", module=rf"{package}\b")
        logging.getLogger("pypesto").setLevel(logging.CRITICAL)
        pypesto_profile.parameter_profile(
            problem,
            result,
            optimizer_of(optimizer, search, maxiter=300, radius=1.0),
            engine=both,
            profile_index=[place],
            profile_options=_steps(search, value.matrix, place),
            progress_bar=False,
        )
    path: ProfilerResult = result.profile_result.list[0][place]
    path.message = "; ".join(both.failures) or None
    return path


class _Directions(pypesto_engine.Engine):  # type: ignore[misc]
    """Runs a profile's two directions; one that ends with an error keeps its points so far."""

    def __init__(self) -> None:
        super().__init__()
        self.failures: list[str] = []

    def execute(self, tasks: list[Any], progress_bar: bool | None = None) -> list[Any]:
        """Profiles of the tasks."""
        return [self._one(task) for task in tasks]

    def _one(self, task: Any) -> dict[str, Any]:
        try:
            found: dict[str, Any] = task.execute()
            return found
        except (RuntimeError, ValueError, ArithmeticError, np.linalg.LinAlgError) as error:
            way = "upwards" if task.par_direction > 0 else "downwards"
            self.failures.append(f"{way}: {error}")
            ways = {"index": task.i_par, "par_direction": task.par_direction}
            return ways | {"profile": task.current_profile}


def _steps(search: Search, matrix: Array, place: int) -> pypesto_profile.ProfileOptions:
    """Lengths of a profile's steps, by the curvature at the optimum and the bounds."""
    span = float(search.upper[place] - search.lower[place])
    span = span if math.isfinite(span) else 1e3
    weights = np.diag(1e-9 * np.maximum(np.diag(matrix), 1e-9))
    spread = float(np.linalg.pinv(matrix + weights)[place, place])
    width = math.sqrt(2.0 * allowed_rise(LEVEL) * max(spread, 0.0))
    width = min(max(width, 1e-5 * span), span / 4)
    longest = max(LONGEST_PART * span, FIRST * width)
    return pypesto_profile.ProfileOptions(
        default_step_size_absolute=FIRST * width,
        min_step_size_absolute=SHORTEST * width,
        max_step_size_absolute=longest,
        default_step_size_relative=0.0,
        min_step_size_relative=0.0,
        max_step_size_relative=0.0,
        delta_ratio_max=0.2,
        ratio_min=math.exp(-BEYOND * allowed_rise(LEVEL)),
        step_size_precheck_mode="off",
    )
