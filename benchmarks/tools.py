"""The tools that are measured, behind one face.

A tool is made from a problem, untimed. `measure` then simulates the problem's first runs and says
what a run cost. Costs are CPU seconds of this process (`time.process_time`); the first column of a
tool is its public call as a Python user makes it.
"""

import hashlib
import importlib.util
import logging
import os
import subprocess
import sys
import time
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from . import problem, sbml

Array = NDArray[np.float64]

MAX_STEPS = 200_000
BUILD_LIMIT = 1800.0  # seconds for AMICI's code generation and C++ compiler

OWN = "steroidsim"
OWN_ENGINE = "steroidsim, integrator alone"
ROADRUNNER = "libRoadRunner"
AMICI = "AMICI through Python"
AMICI_SOLVER = "AMICI, solver alone"


class Measured(NamedTuple):
    """Cost per run in seconds by column, and values (runs, times, species), NaN where failed.

    steps : accepted steps per run, where the tool tells; else NaN.
    """

    cost: Mapping[str, float]
    values: Array
    steps: float


class Tool(Protocol):
    """What `batches` needs of a tool."""

    name: str

    def measure(self, runs: int, rtol: float, atol: float) -> Measured:
        """Simulate the first runs."""


class NotInstalled(Exception):
    """A tool cannot be measured on this machine; the message says why."""


# --- steroidsim ------------------------------------------------------------------------------


class Spent:
    """CPU seconds of the integrator within the calls watched, and accepted steps run by run."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self.accepted: list[int] = []

    @property
    def steps(self) -> float:
        """Mean steps of a run; NaN where the integrator does not tell."""
        return float(np.mean(self.accepted)) if self.accepted else np.nan


@contextmanager
def engine_watched() -> Iterator[Spent]:
    """Time every call of the integrator that `model.simulate` makes meanwhile."""
    import simulator.simulation.runs

    runs: Any = simulator.simulation.runs
    original = getattr(runs, "integrate_batch", None)
    spent = Spent()
    if original is None:
        spent.seconds = np.nan
        yield spent
        return

    def watched(*arguments: Any, **options: Any) -> Any:
        begin = time.process_time()
        result = original(*arguments, **options)
        spent.seconds += time.process_time() - begin
        spent.accepted += np.asarray(getattr(result, "accepted", [])).tolist()
        return result

    runs.integrate_batch = watched
    try:
        yield spent
    finally:
        runs.integrate_batch = original


class Steroidsim:
    """`model.simulate`, all runs in one call, on one thread unless said."""

    name = OWN

    def __init__(self, task: problem.Problem, workers: int = 1, as_stated: bool = False) -> None:
        """`as_stated`: the problem is the one run that its file states, which needs no table."""
        self.task = task
        self.workers = workers
        self.as_stated = as_stated
        self.model = problem.loaded(task.name, task.sbml)
        self.measure(min(task.runs, 16), 1e-3, 1e-6)  # compiles

    def measure(self, runs: int, rtol: float, atol: float) -> Measured:
        """Simulate the first runs."""
        from simulator import IntegrationError

        task = self.task.first(runs)
        species = list(task.species)
        factors: dict[str, Any] = {} if self.as_stated else {"conditions": task.table()}
        ds = None
        with engine_watched() as spent, warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)  # failed runs are NaN, and counted
            begin = time.process_time()
            with suppress(IntegrationError):  # every run failed
                ds = self.model.simulate(
                    task.times,
                    outputs=species,
                    rtol=rtol,
                    atol=atol,
                    max_steps=MAX_STEPS,
                    workers=self.workers,
                    progress=False,
                    **factors,
                )
            total = time.process_time() - begin
        shape = (task.runs, task.times.size, len(species))
        values = np.full(shape, np.nan)
        if ds is not None:
            values = np.stack([ds[s].values for s in species], axis=-1).reshape(shape)
        cost = {OWN: total / task.runs, OWN_ENGINE: spent.seconds / task.runs}
        return Measured(cost, values, spent.steps)


# --- libRoadRunner ---------------------------------------------------------------------------


class RoadRunner:
    """CVODE in libRoadRunner: LLJIT at the highest optimisation, vector setters, `simulate`."""

    name = ROADRUNNER

    def __init__(self, task: problem.Problem) -> None:
        for level in ("ERROR", "WARNING"):  # CVODE writes about failed runs otherwise
            os.environ.setdefault(f"SUNLOGGER_{level}_FILENAME", os.devnull)
        import roadrunner

        roadrunner.Logger.setLevel(roadrunner.Logger.LOG_FATAL)
        config = roadrunner.Config
        config.setValue(config.LLVM_BACKEND, config.LLJIT)
        config.setValue(config.LLJIT_OPTIMIZATION_LEVEL, 3)
        self.task = task
        self.runner = roadrunner.RoadRunner(task.sbml)
        inside = self.runner.model
        self.parameters = _places(inside.getGlobalParameterIds(), task.parameters)
        self.species = _places(inside.getFloatingSpeciesIds(), task.species)
        sizes, amounts = sbml.sizes(task.sbml, task.species), sbml.amounts(task.sbml)
        self.amounts = task.start * np.array([sizes[s] for s in task.species])
        wanted = [s if s in amounts else f"[{s}]" for s in task.species]
        self.runner.timeCourseSelections = wanted
        self.runner.integrator.stiff = True
        self.runner.integrator.maximum_num_steps = MAX_STEPS
        self.measure(2, 1e-3, 1e-6)

    def measure(self, runs: int, rtol: float, atol: float) -> Measured:
        """Simulate the first runs."""
        values, seconds = self._simulate(runs, rtol, atol, float(self.task.times[-1]))
        return Measured({ROADRUNNER: seconds}, values, np.nan)

    def overhead(self, runs: int) -> float:
        """Cost per run that is not integration: the same calls over a time that is almost 0."""
        return self._simulate(runs, 1e-3, 1e-6, 1e-9 * float(self.task.times[-1]))[1]

    def _simulate(self, runs: int, rtol: float, atol: float, end: float) -> tuple[Array, float]:
        task, runner, model = self.task.first(runs), self.runner, self.runner.model
        runner.integrator.relative_tolerance = rtol
        runner.integrator.absolute_tolerance = atol
        points = task.times.size
        values = np.full((task.runs, points, len(task.species)), np.nan)
        begin = time.process_time()
        for i in range(task.runs):
            runner.reset()
            model.setGlobalParameterValues(self.parameters, task.values[i])
            model.setFloatingSpeciesAmounts(self.species, self.amounts[i])
            try:
                values[i] = runner.simulate(0.0, end, points)
            except RuntimeError:
                continue
        return values, (time.process_time() - begin) / task.runs


def _places(known: Any, wanted: tuple[str, ...]) -> list[int]:
    known = list(known)
    return [known.index(name) for name in wanted]


# --- AMICI -----------------------------------------------------------------------------------


class Amici:
    """CVODES in AMICI: compiled C++ with analytic sparse Jacobian (KLU), `run_simulation`.

    The solver alone is `rdata.cpu_time`, AMICI's own clock.
    """

    name = AMICI

    def __init__(self, task: problem.Problem, build: Path) -> None:
        if importlib.util.find_spec("amici") is None:
            raise NotInstalled("AMICI is not installed")
        from amici.sim import sundials

        for name in logging.root.manager.loggerDict:  # failed runs are counted, not told of
            if name.startswith("amici"):
                logging.getLogger(name).setLevel(logging.CRITICAL)
        self.sundials, self.task = sundials, task
        self.model = build_amici(task, build).get_model()
        self.model.set_timepoints(task.times)
        self.solver = self.model.create_solver()
        self.solver.set_max_steps(MAX_STEPS)
        free = list(self.model.get_free_parameter_ids())
        self.nominal = np.array(self.model.get_free_parameters())
        self.parameters = _places(free, task.parameters)
        states = list(self.model.get_state_ids())
        self.species = _places(states, task.species)
        self.start = np.array(self.model.get_initial_state())
        self.measure(2, 1e-3, 1e-6)

    def measure(self, runs: int, rtol: float, atol: float) -> Measured:
        """Simulate the first runs."""
        task, model, solver = self.task.first(runs), self.model, self.solver
        solver.set_relative_tolerance(rtol)
        solver.set_absolute_tolerance(atol)
        values = np.full((task.runs, task.times.size, len(task.species)), np.nan)
        run_simulation = self.sundials.run_simulation
        parameters, start = self.nominal.copy(), self.start.copy()
        inside = steps = 0.0
        begin = time.process_time()
        for i in range(task.runs):
            parameters[self.parameters] = task.values[i]
            start[self.species] = task.start[i]
            model.set_free_parameters(parameters)
            model.set_initial_state(start)
            found = run_simulation(model, solver)
            if found.status == 0:
                values[i] = found.x[:, self.species]
            inside += found.cpu_time
        seconds = (time.process_time() - begin) / task.runs
        steps = float(np.asarray(found.numsteps)[-1])
        cost = {AMICI: seconds, AMICI_SOLVER: inside / 1000 / task.runs}
        return Measured(cost, values, steps)


def build_amici(task: problem.Problem, build: Path) -> Any:
    """AMICI's compiled module of a problem; made once and kept in the folder `build`."""
    from amici import import_model_module

    digest = hashlib.sha256(task.sbml.encode()).hexdigest()[:12]
    name = f"benchmark_{task.name}_{digest}"
    folder = build.resolve() / name
    module = folder / "module"
    if not (folder / "built").exists():
        folder.mkdir(parents=True, exist_ok=True)
        file = folder / "model.xml"
        file.write_text(task.sbml, encoding="utf-8")
        command = [sys.executable, "-m", "benchmarks.build_amici", str(file), name, str(module)]
        # A model needs the swig that AMICI itself was built with: the one of this environment.
        path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
        with (folder / "log.txt").open("w") as log:
            try:
                subprocess.run(  # noqa: S603 - this interpreter, and files made here
                    command,
                    check=True,
                    stdout=log,
                    stderr=log,
                    timeout=BUILD_LIMIT,
                    env=os.environ | {"PATH": path},
                )
            except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as problem_:
                raise NotInstalled(
                    f"AMICI could not compile {task.name} ({problem_}); see {folder / 'log.txt'}"
                ) from None
        (folder / "built").touch()
    return import_model_module(name, module)
