"""Samples of the posterior by pyPESTO's adaptive Metropolis and parallel tempering samplers."""

from __future__ import annotations

import logging
import math
import warnings
from typing import TYPE_CHECKING

import numpy as np
import pypesto
from numpy.typing import NDArray
from pypesto import sample as pypesto_sample

from ..errors import ConditionError
from .objective import Search, pypesto_problem
from .profiles import best_start
from .randomness import seeded
from .workers import whole_number

if TYPE_CHECKING:
    from .problem import Problem

Array = NDArray[np.float64]

ENOUGH = 50
"""Independent samples below which a chain is warned of: a quantile of 5 % rests on two or three."""

JUMP = 2.38
"""Steps of this over the root of the number of parameters, in the posterior's spread, are the best
ones for a normal posterior (Gelman, Roberts and Gilks 1996, recalled)."""


def sample(
    problem: Problem,
    result: pypesto.Result,
    samples: int = 10_000,
    seed: int = 1,
    temperatures: int = 1,
    progress: bool = False,
) -> pypesto.Result:
    """Samples of the posterior, added to the result; see `Problem.sample`."""
    for name, value in (("samples", samples), ("temperatures", temperatures)):
        whole_number(name, value)
    if problem.following:
        names = ", ".join(problem.following[:3]) + ", ..." * (len(problem.following) > 3)
        raise ConditionError(
            f"{problem.petab.path}: is hierarchical: what follows the others ({names}) is not"
            " sampled, and samples of the others would be of no posterior; fit and sample the"
            " problem without `hierarchical`."
        )
    search = Search(problem)
    x = np.asarray(best_start(result).x, np.float64)
    sampler = _sampler(search, x, temperatures, progress)
    with seeded(seed), warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.filterwarnings("ignore", module=r"pypesto\b")
        logging.getLogger("pypesto").setLevel(logging.CRITICAL)
        pypesto_sample.sample(
            pypesto_problem(search, density=True), samples, sampler, x0=x, result=result
        )
        burn_in = pypesto_sample.geweke_test(result)
        if burn_in < samples:
            pypesto_sample.effective_sample_size(result)
    if burn_in >= samples:
        warnings.warn(
            f"The chain of {samples} samples has not settled by Geweke's test: take more.",
            stacklevel=3,
        )
    elif (effective := result.sample_result.effective_sample_size) < ENOUGH:
        warnings.warn(
            f"The chain of {samples} samples is worth {effective:.0f} independent ones: take more.",
            stacklevel=3,
        )
    return result


def _sampler(search: Search, x: Array, temperatures: int, progress: bool) -> pypesto_sample.Sampler:
    """An adaptive Metropolis sampler that begins with the curvature at x, perhaps tempered."""
    options = {"cov0": proposal(search, x), "show_progress": progress}
    inner = pypesto_sample.AdaptiveMetropolisSampler(options=options)
    if temperatures == 1:
        return inner
    return pypesto_sample.AdaptiveParallelTemperingSampler(
        internal_sampler=inner, n_chains=temperatures, options={"show_progress": progress}
    )


def proposal(search: Search, x: Array) -> Array:
    """Covariance (free, free) of the first steps: inverse curvature, no wider than the bounds."""
    span = search.upper - search.lower
    box = 12.0 / np.where(np.isfinite(span), span, 1e3) ** 2  # precision of a uniform distribution
    matrix = np.nan_to_num(search.evaluate(x, 1).matrix) + np.diag(box)
    return np.asarray(np.linalg.inv(matrix) * JUMP**2 / len(x))


def settled_samples(result: pypesto.Result) -> Array:
    """Samples (samples, free) after the burn-in, on the search's scale; of the coldest chain.

    Raises
    ------
    ConditionError
        There are none, or the chain has not settled.
    """
    found = result.sample_result
    trace = getattr(found, "trace_x", None) if found is not None else None
    if trace is None:
        raise ConditionError("There are no samples in this result; `problem.sample` draws them.")
    burn_in = int(found.burn_in or 0)
    settled = np.asarray(trace, np.float64)[0, burn_in:]
    if len(settled) < 2 or math.isnan(float(settled.sum())):
        raise ConditionError("The chain of this result has not settled; take more samples.")
    return np.asarray(settled)
