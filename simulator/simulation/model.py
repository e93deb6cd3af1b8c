"""The one call: a model, a list of conditions, a labelled result."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from ..codegen import Kernel, compile_network
from ..conditions import Names, make_design, vehicle
from ..conditions.schedules import number_of
from ..errors import ConditionError, did_you_mean
from ..integrator.status import Status
from ..integrator.system import Tolerances
from ..network.definition import Definition
from ..network.ensemble import Ensemble, Quantity, read_ensemble, revalued
from ..network.network import Network
from .dataset import report_failures, to_dataset
from .plan import plan
from .progress import run_progress, worker_count
from .readouts import Readout, all_readouts, constant_readouts, readouts
from .rest import equilibrate
from .runs import METHODS, Outcome, simulate_runs

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

Array = NDArray[np.float64]
Start = Literal["steady_state", "initial"]
Method = Literal["auto", "Rodas5P", "Tsit5"]

MAX_STEPS = 20_000  # a 4-day run of the bundled model takes about a hundred


@dataclass(frozen=True)
class Model:
    """A model that can be simulated.

    Made by `simulator.load`. Nothing in it changes: a simulation never depends on an earlier one.
    """

    definition: Definition

    def __repr__(self) -> str:
        n = self.network
        return (
            f"<Model {self.definition.name}: {len(n.species)} species, {len(n.reactions)}"
            f" reactions, {len(self.definition.cells)} cells, {len(self.definition.drugs)} drugs>"
        )

    @property
    def network(self) -> Network:
        """The reaction network."""
        return self.definition.network

    @property
    def folder(self) -> Path | None:
        """The model folder it was read from, if any."""
        return self.definition.folder

    @cached_property
    def kernel(self) -> Kernel:
        """The compiled equations; compiled at first use."""
        formulas = {o.id: o.formula for o in self.definition.observables}
        return compile_network(self.network, formulas)

    @cached_property
    def ensemble(self) -> Ensemble | None:
        """The calibrated ensemble of the model's folder, if it has one."""
        return read_ensemble(self.definition)

    @property
    def members(self) -> tuple[str, ...]:
        """Names of the parameter sets of the calibrated ensemble; none without one."""
        return () if self.ensemble is None else tuple(self.ensemble.members)

    def member(self, name: str) -> Model:
        """The model with the values of one member of its ensemble.

        Raises ConditionError for a name that is not in `members`.
        """
        if self.ensemble is None or name not in self.ensemble.members:
            have = f"{self.members[0]} to {self.members[-1]}" if self.members else "none"
            raise ConditionError(
                f'"{name}" is no member of the ensemble of {self.definition.name}, which has'
                f" {have}."
            )
        return self.with_values(self.ensemble.values(name))

    def with_values(self, values: Mapping[Quantity, float]) -> Model:
        """The same model with other values of parameters, cells or alterations.

        Nothing is compiled anew. Raises ModelError for a quantity that the model does not have.
        """
        other = Model(revalued(self.definition, values))
        # what depends on the equations alone is shared
        other.__dict__["kernel"] = self.kernel.with_values(other.network)
        other.__dict__["ensemble"] = None
        digest = hashlib.sha256(f"{self.hash}{sorted(values.items())!r}".encode())
        other.__dict__["hash"] = digest.hexdigest()[:16]
        return other

    @cached_property
    def names(self) -> Names:
        """What a condition can name."""
        return Names(self.definition)

    @cached_property
    def readable(self) -> Mapping[str, Readout]:
        """Everything that can be an output, by id."""
        return all_readouts(self.definition)

    @cached_property
    def hash(self) -> str:
        """Digest of everything the model is made of: what a result's `model_hash` says."""
        digest = hashlib.sha256(self.network.sbml.encode())
        if self.definition.folder is not None:
            for file in sorted(self.definition.folder.iterdir()):
                if file.suffix in (".ant", ".tsv", ".yaml"):
                    digest.update(file.name.encode() + file.read_bytes())
        return digest.hexdigest()[:16]

    def simulate(
        self,
        time: Any,
        *,
        conditions: pd.DataFrame | None = None,
        set: Mapping[str, Any] | None = None,
        outputs: Sequence[str] | None = None,
        start: Start | None = None,
        rtol: float = 1e-6,
        atol: float = 1e-9,
        max_steps: int = MAX_STEPS,
        max_seconds: float | None = None,
        on_failure: Literal["mark", "raise"] = "mark",
        workers: int | None = None,
        progress: bool | None = None,
        method: Method = "auto",
        **factors: Any,
    ) -> xr.Dataset:
        """Simulate every combination of the factors' levels.

        Parameters
        ----------
        time
            Times to report, increasing and >= 0, in the model's unit of time; simulation begins at
            0 in any case.
        conditions
            A table whose rows are conditions; columns are factor, parameter or species ids, the
            index labels them. Keywords beside it are crossed with its rows.
        set
            Ids of parameters, compartments or species to set or sweep; the way for ids that are
            also names of options or factors.
        outputs
            Ids of observables, species, parameters, compartments or reactions (their flux).
            Default: all observables; all species where a model has no observables. What a model
            calls `time` or `status` is `time_value` or `status_value` in the result.
        start
            ``"steady_state"``: the untreated cell is brought to rest first, drugs and ligands
            absent, population states held. ``"initial"``: the file's initial values. Default: the
            model's own.
        rtol, atol
            Each step's error of every state y is kept below ``atol + rtol |y|``, in the state's
            unit.
        max_steps
            Step budget of a run.
        max_seconds
            Wall-clock budget of the call; runs that are not done end with the status TIME_LIMIT.
        on_failure
            ``"mark"`` failed runs as NaN from where they failed, with a warning, or ``"raise"``.
        workers
            Threads (default: the cores this process may use). The numbers do not depend on it.
        progress
            True, False, or None: a bar on a terminal and in Jupyter.
        method
            ``"Rodas5P"`` (Rosenbrock, for stiff systems), ``"Tsit5"`` (explicit Runge-Kutta, for
            systems that are not), or ``"auto"``: each run begins with Rosenbrock steps, and goes on
            with explicit ones as long as these could be as long.
        **factors
            Factor, drug, parameter or species -> a level, or a list of levels, which becomes a
            dimension of the result in the order written.

        Returns
        -------
        xarray.Dataset
            One variable per output with dims (factors ..., time), and ``status`` over the factors;
            units in ``attrs["units"]``, provenance in the attrs.

        Raises
        ------
        ConditionError
            Something named does not exist or has no meaning, or a value is not allowed.
        IntegrationError
            Every run failed, or one did and `on_failure` is "raise".
        """
        times = _check_times(time)
        start = self._check_start(start)
        tolerances = _check_tolerances(rtol, atol, max_steps)
        deadline = _deadline(max_seconds)
        _check_choice("on_failure", on_failure, ("mark", "raise"))
        self._check_method(method)
        design = make_design(self.definition, factors, conditions, set, self.names)
        wanted = readouts(self, outputs, dims=design.dims)
        grid, columns = _with_zero(times, wanted)
        names = [readout.quantity for readout in wanted]

        plans, twin = [plan(self.kernel, design)], None
        if any(r.relative_to == "vehicle" for r in wanted):
            drug_free = vehicle(design, self.definition)
            extra = np.flatnonzero(drug_free.twin < 0)
            if extra.size:
                plans.append(plan(self.kernel, drug_free.design, extra))
            place = drug_free.twin.copy()
            place[extra] = design.size + np.arange(extra.size)
            twin = place[drug_free.run]
        threads, rest = worker_count(workers), None
        runs = sum(each.runs.size for each in plans)
        with run_progress(progress, runs, "simulating") as advance:
            if start == "steady_state":
                held = self.definition.population
                rest = equilibrate(self.kernel, plans, held, tolerances, threads, deadline)
            outcome = simulate_runs(
                self.kernel,
                plans,
                grid,
                names,
                rest=rest,
                tolerances=tolerances,
                method=method,
                workers=threads,
                progress=advance,
                deadline=deadline,
            )
        outcome = _relate(outcome, wanted, design.size, twin)
        report_failures(self, design, outcome, tolerances, on_failure)
        return to_dataset(
            self,
            design,
            outcome.outputs[:, :, columns],
            outcome.status,
            times,
            wanted,
            start,
            tolerances,
            method,
        )

    def steady_state(
        self,
        *,
        conditions: pd.DataFrame | None = None,
        set: Mapping[str, Any] | None = None,
        outputs: Sequence[str] | None = None,
        rtol: float = 1e-6,
        atol: float = 1e-9,
        max_steps: int = MAX_STEPS,
        max_seconds: float | None = None,
        on_failure: Literal["mark", "raise"] = "mark",
        workers: int | None = None,
        **factors: Any,
    ) -> xr.Dataset:
        """The untreated cell at rest, where a simulation with ``start="steady_state"`` begins.

        Parameters are those of `simulate`; drugs, ligands and species values have no place here.
        Default outputs: all species and all observables that are relative to nothing.

        Returns
        -------
        xarray.Dataset
            As from `simulate`, without the dimension `time`. Runs without a stable steady state
            are NaN, with status NO_STEADY_STATE or UNSTABLE_STEADY_STATE.

        Raises
        ------
        ConditionError
            As `simulate`; also for a dose or species value.
        IntegrationError
            Every run failed, or one did and `on_failure` is "raise".
        """
        tolerances = _check_tolerances(rtol, atol, max_steps)
        deadline = _deadline(max_seconds)
        _check_choice("on_failure", on_failure, ("mark", "raise"))
        design = make_design(self.definition, factors, conditions, set, self.names)
        timed = [c.target for c in design.fixed if c.time is not None]
        timed += [c.target for axis in design.axes for c in axis.columns if c.time is not None]
        if timed:
            raise ConditionError(
                f'steady_state() is of the untreated cell: leave out "{timed[0]}", or call'
                " simulate() over a long time."
            )
        if outputs is None:
            outputs = [s.id for s in self.network.species]
            outputs += [o.id for o in self.definition.observables if not o.relative_to]
            outputs = [name for name in outputs if name not in design.dims]
        wanted = readouts(self, outputs, dims=design.dims, at_rest=True)
        plans, threads = [plan(self.kernel, design)], worker_count(workers)
        held = self.definition.population
        rest = equilibrate(self.kernel, plans, held, tolerances, threads, deadline)
        outcome = simulate_runs(
            self.kernel,
            plans,
            np.zeros(1),
            [r.quantity for r in wanted],
            rest=rest,
            tolerances=tolerances,
            method="Rodas5P",
            workers=threads,
        )
        report_failures(self, design, outcome, tolerances, on_failure)
        return to_dataset(
            self,
            design,
            outcome.outputs,
            outcome.status,
            None,
            wanted,
            "steady_state",
            tolerances,
            "Rodas5P",
        )

    def cohort(self, name: str, n: int | None = None, seed: int = 0) -> pd.DataFrame:
        """A virtual cohort as a conditions table: index `sample`, one column per quantity.

        Parameters
        ----------
        name
            A cohort of the model.
        n
            Number of samples (default: the cohort's own). A larger cohort begins with the samples
            of a smaller one.
        seed
            Which draw.

        Raises
        ------
        ConditionError
            Unknown cohort, or fewer samples can be found than were asked for.
        """
        from .cohort import draw_cohort

        return draw_cohort(self, name, n, seed)

    def export_sbml(self, **factors: Any) -> str:
        """SBML of the network in one condition: see `simulation.export.export_sbml`."""
        from .export import export_sbml

        return export_sbml(self, factors)

    def is_constant_readout(self, observable: str) -> bool:
        """Whether no reaction can change this observable (a conserved total, a constant)."""
        return observable in constant_readouts(self)

    def _check_method(self, method: str) -> None:
        _check_choice("method", method, tuple(METHODS))
        if method == "Tsit5" and self.kernel.equations.algebraic:
            raise ConditionError(
                f"Tsit5 cannot solve the algebraic rules of {self.definition.name}: write"
                ' method="Rodas5P", or leave method out.'
            )

    def _check_start(self, start: Start | None) -> Start:
        if start is None:
            return self.definition.start
        _check_choice("start", start, ("steady_state", "initial"))
        return start


def _with_zero(times: Array, wanted: Sequence[Readout]) -> tuple[Array, slice]:
    """Times to integrate to: t = 0 is added in front where a readout is relative to the start."""
    if times[0] != 0 and any(r.relative_to == "start" for r in wanted):
        return np.concatenate([[0.0], times]), slice(1, None)
    return times, slice(None)


def _relate(
    outcome: Outcome, wanted: Sequence[Readout], runs: int, twin: NDArray[np.intp] | None
) -> Outcome:
    """Divide by the vehicle or the start where a readout says so; then drop the extra runs.

    A run whose vehicle failed has no such readout from there on, and takes the vehicle's status.
    """
    outputs, status = outcome.outputs[:, :runs], outcome.status[:runs]
    failed_at = outcome.failed_at[:runs]
    with np.errstate(divide="ignore", invalid="ignore"):
        for k, readout in enumerate(wanted):
            if readout.relative_to == "start":
                outputs[k] /= outputs[k, :, :1].copy()
            elif readout.relative_to == "vehicle" and twin is not None:
                outputs[k] /= outcome.outputs[k, twin]
    if twin is not None:
        inherits = (status == Status.SUCCESS) & (outcome.status[twin] != Status.SUCCESS)
        status = np.where(inherits, outcome.status[twin], status)
        failed_at = np.where(inherits, outcome.failed_at[twin], failed_at)
    return Outcome(outputs, status, failed_at, outcome.state[:runs])


def _deadline(max_seconds: float | None) -> float:
    """Moment of `time.monotonic` at which the budget is used up."""
    if max_seconds is None:
        return math.inf
    seconds = number_of(max_seconds)
    if seconds is None or not seconds > 0:
        raise ConditionError(f"max_seconds is a number above 0, not {max_seconds!r}.")
    return monotonic() + seconds


def _check_times(time: Any) -> Array:
    scalar = number_of(time)
    levels = [time] if scalar is not None else time
    if isinstance(levels, str) or not np.iterable(levels):
        raise ConditionError(f"time is a number or a list of numbers, not {time!r}.")
    values = list(levels)
    if not values:
        raise ConditionError("time is empty: give at least one time, like time=[0, 24, 48, 96].")
    numbers = [number_of(v) for v in values]
    for value, number in zip(values, numbers, strict=True):
        if number is None or not math.isfinite(number) or number < 0:
            raise ConditionError(f"A time is a finite number >= 0, not {value!r}.")
    times = np.array(numbers, float)
    for earlier, later in pairwise(times):
        if later <= earlier:
            raise ConditionError(f"Times must increase, but {later:g} follows {earlier:g}.")
    return times + 0.0


def _check_tolerances(rtol: float, atol: float, max_steps: int) -> Tolerances:
    for name, value in (("rtol", rtol), ("atol", atol)):
        number = number_of(value)
        if number is None or not (0 < number < 1):
            raise ConditionError(f"{name} is a number between 0 and 1, not {value!r}.")
    if rtol < 1e-12:
        raise ConditionError(f"rtol is at least 1e-12 in double precision, not {rtol:g}.")
    if number_of(max_steps) is None or max_steps != int(max_steps) or max_steps < 1:
        raise ConditionError(f"max_steps is a whole number >= 1, not {max_steps!r}.")
    return Tolerances(float(rtol), float(atol), int(max_steps))


def _check_choice(name: str, value: object, allowed: tuple[str, ...]) -> None:
    if value not in allowed:
        choices = " or ".join(f'"{a}"' for a in allowed)
        raise ConditionError(f"{name} is {choices}, not {value!r}.{did_you_mean(value, allowed)}")
