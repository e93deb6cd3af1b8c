"""The simulations that checks need: collected first, run in two calls, then read.

A check asks for values by condition. While `Runs` collects, it notes what is asked and answers
NaN; `simulate` then runs every distinct condition once, and the same questions get their numbers.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import ConditionError, ModelError

if TYPE_CHECKING:
    import pandas as pd

    from ..simulation.model import Model

# A condition: the columns of one row of a conditions table, sorted; doses of 0 and `none` left out.
Condition = tuple[tuple[str, Any], ...]

# End-point viability is asked of thousands of runs, states over time of hundreds: they are
# simulated apart, so that neither pays for the outputs of the other.
END_POINT = "viability"


def condition(base: Mapping[str, Any], doses: Mapping[str, float]) -> Condition:
    """One condition: a cell with what is done to it, and constant doses (uM; il7 in ng/ml)."""
    columns = {k: v for k, v in base.items() if v is not None and v == v and v != "none"}
    columns |= {name: float(dose) for name, dose in doses.items() if dose != 0}
    return tuple(sorted(columns.items()))


class Runs:
    """Conditions asked for, and their results once simulated."""

    def __init__(self, model: "Model", hours: float, seeds: Sequence[int]) -> None:
        self.model = model
        self.hours = hours
        self.seeds = tuple(seeds)
        self.end_points: dict[Condition, int] = {}
        self.states: dict[Condition, int] = {}
        self.observables: dict[str, None] = {}
        self.times: set[float] = set()
        self.found: dict[str, np.ndarray] = {}
        self.found_times: list[float] = []
        self.cohorts: dict[tuple[str, int | None, int], list[dict[str, Any]]] = {}
        self.undrawn: dict[str, str] = {}

    def of(self, model: "Model") -> "Runs":
        """The same conditions asked of another model, with room for more."""
        other = Runs(model, self.hours, self.seeds)
        other.end_points, other.states = dict(self.end_points), dict(self.states)
        other.observables, other.times = dict(self.observables), set(self.times)
        return other

    @property
    def count(self) -> int:
        """Number of distinct conditions to simulate."""
        return len(self.end_points) + len(self.states)

    def read(self, conditions: Iterable[Condition], observable: str, time: float) -> np.ndarray:
        """Values of an observable at one time (h) in each condition; NaN while collecting."""
        asked = list(conditions)
        if observable == END_POINT and time == self.hours:
            rows = [self.end_points.setdefault(c, len(self.end_points)) for c in asked]
            values = self.found.get("end point")
            return np.full(len(rows), np.nan) if values is None else values[rows]
        rows = [self.states.setdefault(c, len(self.states)) for c in asked]
        self.observables[observable] = None
        self.times.add(time)
        if observable not in self.found:
            return np.full(len(rows), np.nan)
        return self.found[observable][rows, self.found_times.index(time)]

    def samples(self, cohort: str, n: int | None, seed: int) -> list[dict[str, Any]]:
        """The samples of a cohort as rows of a conditions table, drawn once.

        Empty if the model cannot draw it: that fails the checks that need it, and no others;
        `undrawn` keeps the reason.
        """
        key = (cohort, n, seed)
        if key not in self.cohorts:
            self.cohorts[key] = []
            if cohort not in self.undrawn:
                try:
                    table = self.model.cohort(cohort, n=n, seed=seed)
                    self.cohorts[key] = table.to_dict(orient="records")
                except ConditionError as error:
                    self.undrawn[cohort] = str(error)
        return self.cohorts[key]

    def simulate(self, **options: Any) -> None:
        """Run everything that was asked for."""
        if self.states:
            times = sorted(self.times)
            found = self.model.simulate(
                conditions=_table(self.states),
                time=times,
                outputs=list(self.observables),
                **options,
            )
            self.found_times = times
            for observable in self.observables:
                self.found[observable] = found[observable].values
        if self.end_points:
            found = self.model.simulate(
                conditions=_table(self.end_points),
                time=[self.hours],
                outputs=[END_POINT],
                **options,
            )
            self.found["end point"] = found[END_POINT].values[:, -1]


def _table(conditions: Mapping[Condition, int]) -> "pd.DataFrame":
    import pandas as pd

    return pd.DataFrame([dict(c) for c in conditions])


def base_of(run: Mapping[str, Any], where: str) -> dict[str, Any]:
    """Cell, alterations, knock-outs and IL7 of a check's run, as columns of a conditions table."""
    if "cell" not in run:
        raise ModelError(f'{where}: "of" has no cell.')
    return {"cell": run["cell"], **treatment(run)}


def treatment(run: Mapping[str, Any]) -> dict[str, Any]:
    """What is done to a cell or sample before any drug, as columns of a conditions table."""
    columns: dict[str, Any] = {}
    for key, column in (("alterations", "alteration"), ("knockout", "knockout")):
        if run.get(key):
            columns[column] = "+".join(run[key])
    if run.get("il7"):
        columns["il7"] = float(run["il7"])
    return columns
