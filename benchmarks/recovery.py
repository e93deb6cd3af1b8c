"""Known parameters, drawn data: how often a fit's 95 % intervals hold what made the data.

    python -m benchmarks.recovery --sets 100

The truth is a published problem's nominal point. Each data set has the problem's own design (times,
gels, scales) and noise drawn from its own noise model. It is fitted from the truth and from points
near it; then each parameter in turn is fixed at its true value and the others are refitted. The
profile-likelihood interval holds the truth exactly if this raises twice the objective by no more
than the chi2 quantile, so that at most one refit stands for a whole profile. Numbers depend on the
seed alone.
"""

import argparse
import logging
import sys
import time
import warnings
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pypesto
from numpy.typing import NDArray
from pypesto import optimize as pypesto_optimize

from simulator.fit import Problem
from simulator.fit.objective import Search, pypesto_problem
from simulator.fit.optimise import minimised

from .batches import RESULTS
from .fit_tools import PUBLISHED
from .recovery_report import Case, Recovered, Study, allowed, covariance, write

Array = NDArray[np.float64]

CASES = (
    Case("Fiedler", "Fiedler_BMCSystBiol2016", ("sigma_pErk", "sigma_pMek")),
    Case("Boehm", "Boehm_JProteomeRes2014", ("sd_pSTAT5A_rel", "sd_pSTAT5B_rel", "sd_rSTAT5A_rel")),
)
RTOL, ATOL = 1e-6, 1e-10
SPREAD, NEAR_STARTS = 0.3, 2  # lognormal starts around the truth, besides the truth itself
MAXITER, RADIUS = 300, 1.0
INSIDE = 1e-7  # fides begins strictly between the bounds
WIDE = (1e-3, 1e-1, 1e1)  # 1/variances, on the search's scale, that keep guesses at hand
ENOUGH = 1e-5  # fall of the objective at which an optimiser stops
ROUNDS = 20  # of looking for a better optimum among the refits
SAME = 1e-2  # of the objective: below this a refit did not find a better optimum


class Fit(NamedTuple):
    """An optimum: objective and point (free,)."""

    objective: float
    x: Array


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the study and write its table, figure and CSV file."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--problems", nargs="+", default=[c.name for c in CASES])
    parser.add_argument("--sets", type=int, help="data sets of each problem; default: 100")
    parser.add_argument("--quick", action="store_true", help="10 data sets of each problem")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=Path, default=RESULTS)
    asked = parser.parse_args(arguments)
    names = [c.name for c in CASES]
    if unknown := set(asked.problems) - set(names):
        parser.error(f"no problem {', '.join(sorted(unknown))}; there are {', '.join(names)}")
    asked.out.mkdir(parents=True, exist_ok=True)
    chosen = [c for c in CASES if c.name in asked.problems]
    sets = asked.sets or (10 if asked.quick else 100)
    print(write(asked.out, [study(case, sets, asked.seed) for case in chosen]))


def study(case: Case, sets: int, seed: int) -> Study:
    """All data sets of one problem, and the verdicts of profiles on the published data."""
    file = PUBLISHED / case.folder / f"{case.folder}.yaml"
    problem = Problem(file, rtol=RTOL, atol=ATOL)
    search, begin = Search(problem), time.monotonic()
    truth = true_point(search)
    found = []
    for number in range(sets):
        found.append(recovered(problem, truth, seed, number))
        if (number + 1) % 10 == 0:
            spent = time.monotonic() - begin
            print(f"  {case.name}: {number + 1} sets, {spent:.0f} s", file=sys.stderr, flush=True)
    information = search.evaluate(truth, 1).matrix
    return Study(
        case, search, truth, len(problem.petab.measurements), information, found, verdicts(problem)
    )


def true_point(search: Search) -> Array:
    """The nominal values (free,) on the search's scale."""
    nominal = dict(zip(search.problem.ids, search.problem.nominal.tolist(), strict=True))
    found: Array = search.scales.scaled(np.array([nominal[name] for name in search.ids]))
    return found


def verdicts(problem: Problem) -> dict[str, str]:
    """Id -> verdict of its profile on the published data, from the nominal point."""
    search = Search(problem)
    result = pypesto.Result(pypesto_problem(search))
    best = minimised(search, true_point(search), "fides", MAXITER, "0")
    result.optimize_result.append(best)
    found: dict[str, str] = problem.verdicts(problem.profile(result))["verdict"].to_dict()
    return found


def drawn(problem: Problem, random: np.random.Generator) -> Array:
    """Measured values (measurements,) drawn from the noise model at the nominal point.

    Raises
    ------
    ValueError
        The noise of an observable is not normal on the linear scale.
    """
    for each in problem.petab.observables:
        if (each.transformation, each.distribution) != ("lin", "normal"):
            raise ValueError(
                f"{each.id}: noise is {each.distribution} on scale {each.transformation};"
                " only normal noise on scale lin is drawn"
            )
    found = problem.at(problem.nominal).evaluation
    return found.simulations + found.noise * random.standard_normal(len(found.noise))


def measured_anew(problem: Problem, values: Array) -> Problem:
    """The problem with other measured values (measurements,)."""
    pairs = zip(problem.petab.measurements, values.tolist(), strict=True)
    return problem.with_measurements([replace(m, value=v) for m, v in pairs], estimated=True)


def recovered(problem: Problem, truth: Array, seed: int, number: int) -> Recovered:
    """Draw, fit and refit one data set, by its number."""
    random = np.random.default_rng([seed, number])
    search = Search(measured_anew(problem, drawn(problem, random)))
    linear = search.scales.linear(truth)
    shifts = np.exp(SPREAD * random.standard_normal((NEAR_STARTS, len(truth))))
    starts = [truth, *search.scales.scaled(linear * shifts)]
    with quiet():
        best = lowest(refit(search, x) for x in starts)
        profile = at_truth(search, best, truth)
        for _ in range(ROUNDS):
            better = lowest(profile)
            if better.objective >= best.objective - SAME:
                break
            best = lowest([better, refit(search, better.x)])  # a refit left a local optimum
            profile = at_truth(search, best, truth)
    rises = 2.0 * (np.array([fit.objective for fit in profile]) - best.objective)
    errors = np.sqrt(np.diag(covariance(search.evaluate(best.x, 1).matrix)))
    return Recovered(best.x, rises, (best.x - truth) / errors)


def lowest(fits: Iterable[Fit]) -> Fit:
    """The best of some fits."""
    return min(fits, key=lambda fit: fit.objective)


def at_truth(search: Search, best: Fit, truth: Array) -> list[Fit]:
    """For each parameter, the best fit found with it at its true value.

    Any point with the parameter there bounds its profile from above. One within the threshold
    proves that the interval holds the truth: the optimiser is only asked where none of the guesses
    from the optimum's curvature does. If even its result excludes the truth, it begins again from
    the truth, lest a poor refit count as a miss.
    """
    matrix, found = search.evaluate(best.x, 1).matrix, []
    for place in range(len(truth)):
        points = [_guess(search, best.x, matrix, truth, place, wide) for wide in WIDE]
        fits = [Fit(search.evaluate(x).objective, x) for x in points]
        for start in (lowest(fits).x, truth):
            if lowest(fits).objective - best.objective > allowed() / 2:
                fits.append(refit(search, start, place, truth[place]))
        found.append(lowest(fits))
    return found


def _guess(search: Search, x: Array, matrix: Array, truth: Array, place: int, wide: float) -> Array:
    """Where a parabola with the optimum's curvature is lowest, one parameter at its true value."""
    spread = np.linalg.inv(matrix + wide * np.eye(len(truth)))
    step = spread[:, place] / spread[place, place] * (truth[place] - x[place])
    guess: Array = np.clip(x + step, search.lower + INSIDE, search.upper - INSIDE)
    guess[place] = truth[place]
    return guess


def refit(search: Search, x: Array, place: int | None = None, value: float = 0.0) -> Fit:
    """The optimum from x (free,), with the parameter at `place` fixed at a value if one is named.

    Where the optimiser fails, its objective is inf.
    """
    start = np.clip(x, search.lower + INSIDE, search.upper - INSIDE)
    problem = pypesto_problem(search)
    if place is not None:
        start[place] = value
        problem.fix_parameters([place], [float(value)])
    options = {"maxiter": MAXITER, "delta_init": RADIUS, "fatol": ENOUGH, "frtol": 0.0}
    found = pypesto_optimize.FidesOptimizer(verbose=logging.CRITICAL, options=options).minimize(
        problem,
        x0=problem.get_reduced_vector(start),
        id="0",
        optimize_options=pypesto_optimize.OptimizeOptions(allow_failed_starts=True),
    )
    if found.x is None or found.fval is None or not np.isfinite(found.fval):
        return Fit(np.inf, start)
    return Fit(float(found.fval), problem.get_full_vector(_reduced(found.x, problem), [value]))


def _reduced(x: Array, problem: pypesto.Problem) -> Array:
    """The free parameters of a point that has all of them, or only those."""
    return problem.get_reduced_vector(x) if len(x) == problem.dim_full else x


@contextmanager
def quiet() -> Iterator[None]:
    """Steps out of where the model can be simulated are refused by value: no need to hear of it."""
    logging.getLogger("pypesto").setLevel(logging.CRITICAL)
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        yield


if __name__ == "__main__":
    main()
