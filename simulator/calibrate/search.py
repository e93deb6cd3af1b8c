"""A search that only compares costs, for costs that jump: CMA-ES.

The covariance matrix adaptation evolution strategy (Hansen & Ostermeier 2001,
doi:10.1162/106365601750190398) draws points from a normal distribution, which it moves and widens
towards the better half of them. Only the order of the costs counts, so that jumps, plateaus and
noise do no harm, where derivatives would mislead; a dozen quantities take some dozens of
generations. The package `cma` is by its authors.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

# Spread of the first generation, in prior standard deviations: a range is four of them.
FIRST_SPREAD = 0.3

# Generations between two lines of progress.
EVERY = 10


def search(
    cost: Callable[[Array], Array],
    start: Array,
    at_start: float,
    bounds: tuple[Array, Array],
    generations: int,
    seed: int,
    *,
    spread: float = FIRST_SPREAD,
    report: Callable[[str], None] = print,
) -> tuple[Array, float]:
    """The best point (quantities,) found inside the bounds, and its cost; never worse than `start`.

    The result depends on the seed and the number of generations alone, however `cost` is computed.

    Parameters
    ----------
    cost
        Costs (points,) of points (points, quantities).
    start, at_start
        Where to begin (quantities,), and its cost.
    bounds
        Lowest and highest coordinates (quantities,).
    generations
        How many to draw; 4 + 3 ln(quantities) points each. Fewer where nothing changes any more.
    spread
        Standard deviation of the first generation in every coordinate.
    report
        Called with a sentence every few generations.
    """
    low, high = bounds
    best, lowest = np.clip(start, low, high), at_start
    strategy = _strategy(best, low, high, spread, seed)
    for generation in range(1, generations + 1):
        asked = strategy.ask()
        points = np.clip(np.array(asked)[:, : best.size], low, high)
        costs = cost(points)
        strategy.tell(asked, costs.tolist())
        leading = int(np.argmin(costs))
        if costs[leading] < lowest:
            best, lowest = points[leading], float(costs[leading])
        if generation % EVERY == 0:
            report(f"generation {generation} of {generations}: cost {lowest:.2f}")
        if strategy.stop():
            break
    return best, lowest


def _strategy(start: Array, low: Array, high: Array, spread: float, seed: int) -> Any:
    """CMA-ES with random numbers of its own, without files, messages or limits of time."""
    import cma

    rng = np.random.default_rng(seed)
    # in one dimension the package fails at a bound: an idle second one helps
    idle = [0.0] if start.size == 1 else []
    options = {
        "bounds": [[*low, *(-1.0 for _ in idle)], [*high, *(1.0 for _ in idle)]],
        "randn": lambda *shape: rng.standard_normal(shape),
        "seed": np.nan,  # `randn` has its own
        "signals_filename": "",
        "verb_log": 0,
        "verbose": -9,
    }
    return cma.CMAEvolutionStrategy([*start, *idle], spread, options)
