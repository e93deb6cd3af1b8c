"""One tool that fits, in a process of its own: log-likelihood and gradient of a PEtab problem.

    python -m benchmarks.fit_worker own YAML
    python -m benchmarks.fit_worker amici YAML FOLDER

steroidsim and AMICI need not share an environment, so each has a process, started by `fit_tools`.
It reads a request a line from its input, and answers each with a line; both are JSON. Points are
estimated parameters on the scale of the parameter table, in its order; a value is the
log-likelihood followed by its gradient on that scale, NaN where the tool failed.
"""

import importlib
import importlib.metadata
import json
import logging
import os
import platform
import sys
import time
import warnings
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Evaluate = Callable[[Array], Array]

OWN = "steroidsim"
INTEGRATOR = "steroidsim, integrator alone"
PYPESTO = "AMICI through pyPESTO"
PETAB = "AMICI through its PEtab layer"
SIMULATIONS = "AMICI, simulations alone"
MAX_STEPS = 100_000


class Tool(Protocol):
    """What a worker serves."""

    packages: tuple[str, ...]
    watched: dict[str, float]

    def describe(self) -> dict[str, Any]:
        """Ids of the estimated parameters in order, and what else the driver needs."""

    def first_gradient(self) -> Array:
        """Value and gradient at the nominal point, at the tool's own tolerances."""

    def at(self, rtol: float, atol: float) -> dict[str, Evaluate]:
        """Ways to ask for value and gradient at these tolerances, by column."""


class Own:
    """steroidsim: `Problem.at` with the change of scale that optimisers need.

    `INTEGRATOR` is the part of it that is spent in the package `integrator`.
    """

    packages: tuple[str, ...] = ("steroidsim",)

    def __init__(self, yaml: str) -> None:
        from simulator.fit.problem import Problem

        self.make = partial(Problem, yaml, max_steps=MAX_STEPS)
        self.problem = self.make()
        self.places = [self.problem.ids.index(name) for name in self.problem.free]
        self.watched = {INTEGRATOR: 0.0}
        experiments = importlib.import_module("simulator.fit.experiments")
        for name in ("integrate_along", "settle"):
            watch(experiments, name, self.watched, INTEGRATOR)
        self.made: dict[tuple[float, float], Any] = {}

    def describe(self) -> dict[str, Any]:
        """Estimated parameters: ids, nominal values on linear scale, scales; and sizes."""
        problem = self.problem
        scales = {each.id: each.scale for each in problem.petab.parameters}
        return {
            "ids": list(problem.free),
            "nominal": problem.nominal[self.places].tolist(),
            "scales": [scales[name] for name in problem.free],
            "species": len(problem.petab.network.species),
            "experiments": len(problem.petab.experiments),
            "measurements": len(problem.petab.measurements),
        }

    def first_gradient(self) -> Array:
        """At the nominal point."""
        problem = self.problem
        return self._evaluate(problem, problem.scales.scaled(problem.nominal[self.places]))

    def at(self, rtol: float, atol: float) -> dict[str, Evaluate]:
        """`Problem.at`, order 1."""
        if (rtol, atol) not in self.made:
            self.made[rtol, atol] = self.make(rtol=rtol, atol=atol)
        return {OWN: partial(self._evaluate, self.made[rtol, atol])}

    def _evaluate(self, problem: Any, point: Array) -> Array:
        table = problem.table_of(point)
        found = problem.at(table, 1).evaluation
        slopes = problem.scales.slopes(table[self.places])
        return np.concatenate(([found.log_likelihood], found.gradient * slopes))


class Amici:
    """AMICI's forward sensitivities: through pyPESTO's objective, and its own PEtab layer.

    Where replicates have parameters of their own, they become observables of their own, as AMICI
    asks for (`petab.flatten_timepoint_specific_output_overrides`). `SIMULATIONS` is the part of
    pyPESTO's call that is spent in AMICI's `run_simulations`, in C++.
    """

    packages: tuple[str, ...] = ("amici", "pypesto", "petab")

    def __init__(self, yaml: str, folder: str) -> None:
        import amici.sim.sundials
        import petab.v1 as petab
        from pypesto.petab import PetabImporter

        _quiet()
        self.petab = petab.Problem.from_yaml(yaml)
        numbers = not petab.lint.observable_table_has_nontrivial_noise_formula(
            self.petab.observable_df
        )
        if petab.lint.measurement_table_has_timepoint_specific_mappings(
            self.petab.measurement_df, allow_scalar_numeric_noise_parameters=numbers
        ):  # what AMICI refuses
            petab.flatten_timepoint_specific_output_overrides(self.petab)
        name = Path(yaml).stem
        importer = PetabImporter(
            self.petab,
            output_folder=str(Path(folder) / name),
            model_name=name,
            validate_petab=False,
        )
        objective = importer.create_objective_creator().create_objective(verbose=False)
        self.fitting = importer.create_problem(objective)  # has an objective of its own
        self.objective = self.fitting.objective
        self.solver = self.objective.amici_solver
        self.solver.set_max_steps(MAX_STEPS)
        forward = amici.sim.sundials.SensitivityMethod.forward
        self.solver.set_sensitivity_method(forward)
        self.free = list(self.petab.x_free_ids)
        self.watched = {SIMULATIONS: 0.0}
        watch(amici.sim.sundials, "run_simulations", self.watched, SIMULATIONS)
        _quiet()

    def describe(self) -> dict[str, Any]:
        """Ids of the estimated parameters."""
        return {"ids": self.free}

    def first_gradient(self) -> Array:
        """At the nominal point, through pyPESTO."""
        return self._through_pypesto(np.array(self.petab.x_nominal_free_scaled))

    def at(self, rtol: float, atol: float) -> dict[str, Evaluate]:
        """pyPESTO's objective, and `simulate_petab`."""
        self.solver.set_relative_tolerance(rtol)
        self.solver.set_absolute_tolerance(atol)
        return {PYPESTO: self._through_pypesto, PETAB: self._through_petab}

    def _through_pypesto(self, point: Array) -> Array:
        value, gradient = self.objective(point, sensi_orders=(0, 1))
        return -np.concatenate(([value], gradient))

    def _through_petab(self, point: Array) -> Array:
        from amici.sim.sundials import SensitivityOrder
        from amici.sim.sundials.petab.v1 import simulate_petab

        self.solver.set_sensitivity_order(SensitivityOrder.first)
        found = simulate_petab(
            self.petab,
            amici_model=self.objective.amici_model,
            solver=self.solver,
            problem_parameters=dict(zip(self.free, point.tolist(), strict=True)),
            edatas=self.objective.edatas,
            parameter_mapping=self.objective.parameter_mapping,
            scaled_parameters=True,
            scaled_gradients=True,
        )
        slopes = found["sllh"] or {}
        return np.array([found["llh"], *(slopes.get(name, np.nan) for name in self.free)])


def watch(home: Any, name: str, spent: dict[str, float], column: str) -> None:
    """Add the CPU seconds of every call of a module's function to a column."""
    original = getattr(home, name)

    def watched(*arguments: Any, **options: Any) -> Any:
        begin = time.process_time()
        found = original(*arguments, **options)
        spent[column] += time.process_time() - begin
        return found

    setattr(home, name, watched)


def load(tool: str) -> None:
    """Import what the tool consists of."""
    modules = {"own": ("simulator.fit.problem",), "amici": ("amici.sim.sundials", "pypesto.petab")}
    for module in modules[tool]:
        importlib.import_module(module)


def make(tool: str, *arguments: str) -> Tool:
    """A tool by the name that the command line gives it."""
    tools: dict[str, Callable[..., Tool]] = {"own": Own, "amici": Amici}
    return tools[tool](*arguments)


def measure(tool: Tool, request: dict[str, Any]) -> dict[str, Any]:
    """Values at the points, and CPU seconds per evaluation by column.

    Every column goes through all points once without being timed, then as often as fills the
    seconds asked for. Without seconds only the values of the first column are found.
    """
    points = [np.array(point) for point in request["points"]]
    columns = tool.at(request["rtol"], request["atol"])
    first = next(iter(columns.values()))
    values = [_finite(first(point)).tolist() for point in points]
    cost: dict[str, float] = {}
    if not request["seconds"]:
        return {"values": values, "cost": cost}
    for name, evaluate in columns.items():
        evaluate(points[0])
        for watched in tool.watched:
            tool.watched[watched] = 0.0
        rounds, begin = 0, time.process_time()
        while not rounds or time.process_time() - begin < request["seconds"]:
            for point in points:
                evaluate(point)
            rounds += 1
        cost[name] = (time.process_time() - begin) / rounds / len(points)
        if evaluate is first:
            cost |= {w: spent / rounds / len(points) for w, spent in tool.watched.items()}
    return {"values": values, "cost": cost}


def _finite(value: Array) -> Array:
    """The value, or NaN throughout where any of it is not finite."""
    return value if np.isfinite(value).all() else np.full_like(value, np.nan)


def _quiet() -> None:
    """Failed simulations are counted, not told of; and no tool pays for messages."""
    warnings.simplefilter("ignore")
    for name in list(logging.root.manager.loggerDict):
        if name.split(".")[0] in ("amici", "petab", "pypesto"):
            logging.getLogger(name).setLevel(logging.CRITICAL)


def main(arguments: Sequence[str] | None = None) -> None:
    """Describe the tool, then answer until the input ends."""
    name, *rest = sys.argv[1:] if arguments is None else arguments
    with os.fdopen(os.dup(1), "w", buffering=1) as answers:
        os.dup2(2, 1)  # what a tool prints is no answer
        tool = make(name, *rest)
        versions = {p: importlib.metadata.version(p) for p in tool.packages}
        versions["Python"] = platform.python_version()
        print(json.dumps({**tool.describe(), "versions": versions}), file=answers)
        for line in sys.stdin:
            print(json.dumps(measure(tool, json.loads(line))), file=answers)


if __name__ == "__main__":
    main()
