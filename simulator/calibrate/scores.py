"""Margins of many sets of values at once, over processes.

A margin is how far a check's value lies inside its bound, in log units where both are positive:
0.1 is ten percent. It is negative where the check fails.
"""

from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from multiprocessing import get_context
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import NDArray

from ..findings import Results, Survey
from ..findings.grammar import Check, Finding
from ..network.ensemble import Quantity
from ..simulation.progress import run_progress, worker_count
from .asked import Scored
from .files import Source

if TYPE_CHECKING:
    from ..simulation.model import Model

Array = NDArray[np.float64]
Values = Mapping[Quantity, float]

# A margin counts at most this much, and a value that is missing counts as that far outside.
WORST = 2.0

# Each process works alone, at the tolerances of scoring.
ALONE: dict[str, Any] = {"workers": 1, "progress": False}


@dataclass(frozen=True, slots=True)
class Task:
    """What a worker needs: where the model is, its findings, and which checks."""

    folder: Path
    sources: tuple[Source, ...]
    cohorts: bool
    coarse: bool
    seeds: tuple[int, ...]


class Scorer:
    """Scores sets of values on the checks of some findings files; a context manager.

    Parameters
    ----------
    files
        Findings files (default: the folder's findings.yaml); one that is given as a `Source` has
        a weight in fits, and may be asked for some of its findings only.
    cohorts
        Whether to score checks that draw cohorts, on the mean over `seeds`.
    coarse
        Whether to take half of the doses of single agents, which is faster.
    workers
        Processes (default: the cores this process may use); 1: this process alone. The numbers do
        not depend on it.
    progress
        Whether to draw a bar on standard error.
    """

    def __init__(
        self,
        model: "Model",
        files: Sequence[Path | Source] = (),
        *,
        cohorts: bool = False,
        coarse: bool = False,
        seeds: Sequence[int] = (0,),
        workers: int | None = None,
        progress: bool = False,
    ) -> None:
        folder = Path(model.definition.folder or ".")
        asked = tuple(files) or (folder / "findings.yaml",)
        sources = tuple(each if isinstance(each, Source) else Source(each) for each in asked)
        self.task = Task(folder, sources, cohorts, coarse, tuple(seeds))
        self.model = model
        self.workers = worker_count(workers)
        self.progress = progress
        self._pool: ProcessPoolExecutor | None = None

    def __enter__(self) -> Self:
        if self.workers == 1:
            return self
        # a fresh interpreter: compiled code and threads do not survive a fork
        context = get_context("spawn")
        self._pool = ProcessPoolExecutor(self.workers, context, _begin, (self.task,))
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)

    @cached_property
    def surveys(self) -> tuple[Survey, ...]:
        """The checks, file by file."""
        return _surveys(self.model, self.task)

    @cached_property
    def _checks(self) -> tuple[tuple[Finding, Check], ...]:
        """Every check with its finding, in order."""
        return tuple((f, check) for s in self.surveys for f in s.findings for check in f.checks)

    @cached_property
    def leaves(self) -> tuple[Scored, ...]:
        """Every value that is scored, in the order of margins."""
        return tuple(
            Scored(source, finding, check, leaf, survey.readouts[id(leaf)])
            for source, survey in zip(self.task.sources, self.surveys, strict=True)
            for finding in survey.findings
            for check in finding.checks
            for leaf in check.leaves
        )

    @cached_property
    def findings(self) -> tuple[str, ...]:
        """Id of the finding (leaves,) that each scored value belongs to."""
        return tuple(each.finding.id for each in self.leaves)

    @cached_property
    def check_labels(self) -> tuple[str, ...]:
        """`T01 auc400 >= 1.5` for every check."""
        return tuple(
            f"{finding.id} {' / '.join(dict.fromkeys(leaf.readout for leaf in check.leaves))}"
            f" {check.bound.text}"
            for finding, check in self._checks
        )

    @cached_property
    def labels(self) -> tuple[str, ...]:
        """`T01 auc400 (IL7R_WT)` for every value that is scored, in the order of margins."""
        return tuple(each.label for each in self.leaves)

    @cached_property
    def checks(self) -> NDArray[np.intp]:
        """Number of the check (leaves,) that each scored value belongs to."""
        sizes = [len(check.leaves) for _, check in self._checks]
        return np.repeat(np.arange(len(sizes)), sizes)

    @cached_property
    def room(self) -> Array:
        """The largest margin (leaves,) that can be asked for; infinite where there is no limit."""
        return np.array([each.room for each in self.leaves])

    @cached_property
    def weights(self) -> Array:
        """Weight (leaves,) of each scored value in a fit; 0 for hypotheses."""
        return np.array([each.weight for each in self.leaves])

    @cached_property
    def counted(self) -> NDArray[np.bool_]:
        """Which checks (checks,) have a weight in a fit."""
        return np.bincount(self.checks, self.weights) > 0

    @cached_property
    def jumps(self) -> NDArray[np.bool_]:
        """Which scored values (leaves,) jump, so that derivatives mislead."""
        return np.array([each.jumps for each in self.leaves], dtype=bool)

    def margins(self, sets: Iterable[Values]) -> Array:
        """Margins (sets, leaves)."""
        if self._pool is None and self.workers > 1:
            raise RuntimeError("a Scorer of several processes works inside a with statement")
        asked = list(sets)
        found = []
        with run_progress(self.progress, len(asked), "scoring") as advance:
            for margins in self._pool.map(_margins, asked) if self._pool else map(self._own, asked):
                found.append(margins)
                if advance is not None:
                    advance(1)
        return np.array(found)

    def _own(self, values: Values) -> Array:
        return _scored(self.model, self.surveys, values)

    def passed(self, margins: Array) -> NDArray[np.bool_]:
        """Whether each check holds (sets, checks): all of its values do."""
        count = self.checks[-1] + 1
        return np.stack(
            [(margins[:, self.checks == check] >= 0).all(axis=1) for check in range(count)], axis=1
        )


def _surveys(model: "Model", task: Task) -> tuple[Survey, ...]:
    return tuple(
        Survey(
            model,
            source.path,
            only=source.only,
            seeds=task.seeds,
            cohorts=task.cohorts,
            coarse=task.coarse,
        )
        for source in task.sources
    )


# What a worker process keeps between calls: its model and checks.
_worker: dict[str, Any] = {}


def _begin(task: Task) -> None:
    """Load the model in a worker process."""
    import signal

    from .. import load

    # an interrupt is for the process that asks, which then ends this one
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    model = load(task.folder)
    _worker.update(model=model, surveys=_surveys(model, task))


def _margins(values: Values) -> Array:
    return _scored(_worker["model"], _worker["surveys"], values)


def _scored(model: "Model", surveys: Sequence[Survey], values: Values) -> Array:
    """Margins (leaves,) of a model with other values."""
    import warnings

    other = model.with_values(values)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # a failed run is a missing value here
        results = [survey.score(other, **ALONE) for survey in surveys]
    return np.concatenate([margins_of(r) for r in results])


def margins_of(results: Results) -> Array:
    """Margins (leaves,) of scored findings."""
    found = np.array(
        [
            leaf.margin if np.isfinite(leaf.value) else -WORST
            for finding in results.findings
            for check in finding.checks
            for leaf in check.leaves
        ]
    )
    clipped: Array = np.clip(found, -WORST, WORST)
    return clipped
