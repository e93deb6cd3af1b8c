"""A PEtab problem that can be simulated: log-likelihood, gradient and Fisher information."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from ..codegen import compile_network
from ..errors import ConditionError, did_you_mean
from ..integrator.system import Tolerances
from ..petab_problem import Measurement, read_problem
from .experiments import Experiments, Simulated
from .inner import Inner
from .likelihood import Evaluation, Likelihood
from .observed import with_symbols
from .scales import Scales

if TYPE_CHECKING:
    import pandas as pd
    import pypesto
    import xarray as xr

    from .workers import Progress

Array = NDArray[np.float64]

RTOL, ATOL, MAX_STEPS = 1e-8, 1e-12, 100_000


@dataclass(frozen=True)
class Point:
    """What a problem says of one set of parameters.

    simulated : see `experiments.Simulated`; its derivatives are by all estimated parameters.
    evaluation : see `likelihood.Evaluation`; its derivatives are by those that are `free`.
    inner : the best values of the parameters that follow the others, by id.
    """

    simulated: Simulated
    evaluation: Evaluation
    inner: Mapping[str, float] = field(default_factory=dict)


class Problem:
    """A PEtab problem, version 1 or 2, with a model in SBML or Antimony.

    Parameters
    ----------
    path
        Its yaml file.
    rtol, atol, max_steps
        Tolerances of every step, for states and sensitivities, and steps a run may take. The
        sensitivities are those by the relative change of a parameter.
    workers
        Threads for the experiments; no number depends on it.
    allow_outside
        Read files outside the folder of the yaml file too, where it names such.
    hierarchical
        Leave scales, offsets and noise of relative data out of the search: for each set of the
        other parameters theirs are the best within their bounds, and the log-likelihood is that
        there (samples are then of that, and of no posterior). True: those that the parameter table
        says, in the column `parameterType` (scaling, offset, sigma), or where it says nothing, all
        that `roles` finds. "auto": all that it finds, perhaps none.

    Attributes
    ----------
    ids : parameters of the parameter table, in order.
    free : those that are estimated, in order, without those that follow the others.
    petab : the problem as the files say it.

    Raises
    ------
    ModelError
        Something in the files is wrong or not supported; one line for each such thing. So too for
        each parameter that the table says to follow the others, and that cannot.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        rtol: float = RTOL,
        atol: float = ATOL,
        max_steps: int = MAX_STEPS,
        workers: int = 1,
        allow_outside: bool = False,
        hierarchical: bool | Literal["auto"] = False,
    ) -> None:
        self.petab = with_symbols(read_problem(path, allow_outside=allow_outside))
        self.options: dict[str, Any] = {
            "rtol": rtol,
            "atol": atol,
            "max_steps": max_steps,
            "workers": workers,
            "allow_outside": allow_outside,
            "hierarchical": hierarchical,
        }
        parameters = self.petab.parameters
        self.ids = tuple(each.id for each in parameters)
        estimated = tuple(each.id for each in parameters if each.estimate)
        self.nominal = np.array([each.nominal for each in parameters], np.float64)
        self._place = {name: k for k, name in enumerate(self.ids)}
        self._likelihood = Likelihood(self.petab, estimated)
        self._inner: Inner | None = None
        if hierarchical not in (False, True, "auto"):
            raise ConditionError(f'hierarchical is {hierarchical!r}; it is True, False or "auto".')
        if hierarchical:
            self._inner = Inner(self.petab, self._likelihood, declared=hierarchical is True)
        self.free = estimated if self._inner is None else self._inner.outer
        self._followed: Problem | None = None
        self.scales = Scales([each.scale for each in parameters if each.id in self.free])
        self._kernel = compile_network(self.petab.network)
        self._tolerances, self._workers = Tolerances(rtol, atol, max_steps), workers
        self._experiments = self._runs(estimated)

    # ------------------------------------------------------------------ what users ask
    def log_likelihood(self, parameters: Mapping[str, float] | None = None) -> float:
        """The natural logarithm of the likelihood, without priors.

        Parameters
        ----------
        parameters
            Id -> value on linear scale; what is left out keeps its nominal value.

        Returns
        -------
        -inf where a simulation fails, or gives what no measurement can follow.

        Raises
        ------
        ConditionError
            An id is not in the parameter table.
        """
        return self.at(self.table(parameters)).evaluation.log_likelihood

    def chi2(self, parameters: Mapping[str, float] | None = None) -> float:
        """The sum of squared residuals in units of the noise; as `log_likelihood`."""
        return self.at(self.table(parameters)).evaluation.chi2

    def log_prior(self, parameters: Mapping[str, float] | None = None) -> float:
        """The log density of the priors of the estimated parameters; 0 where they have none.

        As `log_likelihood`; -inf where a prior excludes a value.
        """
        from .priors import Priors

        table = self.table(parameters)[self._free_places]
        priors = Priors([each for each in self.petab.parameters if each.id in self.free])
        return priors.evaluate(table).log_density

    def gradient(self, parameters: Mapping[str, float] | None = None) -> pd.Series:
        """Derivatives of the log-likelihood by the estimated parameters, on linear scale, by id.

        NaN where the log-likelihood is -inf.
        """
        import pandas as pd

        found = self.at(self.table(parameters), order=1).evaluation.gradient
        return pd.Series(found, index=list(self.free), name="gradient")

    def fisher(self, parameters: Mapping[str, float] | None = None) -> pd.DataFrame:
        """The expected Fisher information of the estimated parameters, on linear scale, by id."""
        import pandas as pd

        found = self.at(self.table(parameters), order=2).evaluation.fisher
        return pd.DataFrame(found, index=list(self.free), columns=list(self.free))

    def simulate(self, parameters: Mapping[str, float] | None = None) -> pd.DataFrame:
        """The measurement table with simulated values: PEtab's simulation table, in its order."""
        import pandas as pd

        found = self.at(self.table(parameters)).evaluation.simulations
        rows = [
            (m.observable, m.experiment, m.time, value)
            for m, value in zip(self.petab.measurements, found.tolist(), strict=True)
        ]
        names = ["observableId", "experimentId", "time", "simulation"]
        index = [m.row for m in self.petab.measurements]
        return pd.DataFrame(rows, columns=names, index=index).sort_index()

    def inner(self, parameters: Mapping[str, float] | None = None) -> dict[str, float]:
        """The best values of the parameters that follow the others, by id; as `log_likelihood`.

        NaN where a simulation fails, or determines none. Empty if the problem is not hierarchical.
        """
        return dict(self.at(self.table(parameters)).inner)

    # ------------------------------------------------------------------ fitting, on pyPESTO
    def optimize(
        self,
        starts: int = 100,
        seed: int = 1,
        optimizer: str = "fides",
        jobs: int = 1,
        out: str | os.PathLike[str] | None = None,
        progress: Progress | None = None,
        **settings: int,
    ) -> pypesto.Result:
        """Maximise likelihood times priors from many start points.

        Parameters
        ----------
        starts
            Start points, numbered from 0, each drawn by its number from the initialisation priors,
            else evenly between the bounds on the parameters' scales.
        seed
            Seed of the draws. No number depends on `jobs`.
        optimizer
            "fides" (trust region with the Fisher information), "trust-region" (SciPy's trust-constr
            with the same) or "L-BFGS-B" (SciPy's).
        jobs
            Processes.
        out
            HDF5 file of pyPESTO's layout: each start is written as it ends. Called again after it
            was interrupted or killed, or with more starts, only those that are missing are run.
        progress
            Called with (done, total, best objective) as starts end.
        settings
            maxiter (1000 iterations of a start) and redraws (100: how often a start point is drawn
            again where the objective is not finite).

        Returns
        -------
        pyPESTO's result, best start first; parameters are on the search's scale. A start that
        failed has the objective inf.

        Raises
        ------
        ConditionError
            An argument is wrong, or `out` is the result of another fit.
        """
        from .optimise import Settings, optimize

        chosen = Settings(seed=seed, optimizer=optimizer, **settings)
        return optimize(self, starts, chosen, jobs, out, progress)

    def profile(
        self,
        result: pypesto.Result,
        ids: Sequence[str] | None = None,
        optimizer: str = "fides",
        jobs: int = 1,
        out: str | os.PathLike[str] | None = None,
        progress: Progress | None = None,
    ) -> pypesto.Result:
        """How well estimated parameters are determined: each fixed in turn, the others refitted.

        Parameters
        ----------
        ids
            Parameters; None: all that are estimated.
        out
            The result's HDF5 file, to which the profiles are added.
        progress
            Called with (done, total, None) as profiles end.

        Returns
        -------
        The result that was given, with profiles from its best start; `verdicts` reads them.

        Raises
        ------
        ConditionError
            An id is not estimated.
        IntegrationError
            No start of the result has a finite objective.
        """
        from .objective import Search
        from .profiles import profile
        from .results import ResultFile

        found = profile(self, result, ids, optimizer, jobs, progress)
        if out is not None:
            ResultFile(out, Search(self)).write_profiles(found)
        return found

    def verdicts(self, result: pypesto.Result, level: float = 0.95) -> pd.DataFrame:
        """What profiles say: by id, estimate, confidence interval (linear scale) and verdict.

        The interval is where the profile is below half the chi2 quantile of the level; NaN where it
        has no end. The verdict is identifiable, one-sided, flat, at bound, or optimiser failed, and
        `sentence` says it in words.
        """
        from .objective import Search
        from .verdicts import verdicts

        return verdicts(Search(self), result, level)

    def sample(
        self,
        result: pypesto.Result,
        samples: int = 10_000,
        seed: int = 1,
        temperatures: int = 1,
        out: str | os.PathLike[str] | None = None,
        progress: bool = False,
    ) -> pypesto.Result:
        """Samples of the posterior, from the best start on: adaptive Metropolis.

        Parameters
        ----------
        temperatures
            Tempered chains, for posteriors of several modes; 1: one chain.
        out
            The result's HDF5 file, to which the samples are added.

        Returns
        -------
        The result that was given, with samples on the search's scale, their burn-in by Geweke's
        test and their effective number. What has no prior is uniform between its bounds on its
        scale.
        A chain that has not settled is warned of.
        """
        from .objective import Search
        from .results import ResultFile
        from .sampling import sample

        found = sample(self, result, samples, seed, temperatures, progress)
        if out is not None:
            ResultFile(out, Search(self)).write_samples(found)
        return found

    def predict(
        self,
        result: pypesto.Result,
        times: int | Sequence[float] = 100,
        level: float = 0.95,
        members: int = 200,
    ) -> xr.Dataset:
        """Bands of the observables over time, from parameter vectors that fit.

        Parameters
        ----------
        times
            Times, or about how many.
        level
            Of the band: quantiles of samples, if the result has any; else the range over the points
            of profiles and starts within the chi2 threshold.
        members
            At most so many vectors.

        Returns
        -------
        `best`, `median`, `low`, `high` and the measurements' `noise` (series, time); a series is an
        observable in an experiment with the same placeholders (`label`). `attrs["band"]` says what
        the band is.
        """
        from .bands import predict

        return predict(self, result, times, level, members)

    def best(self, result: pypesto.Result) -> dict[str, float]:
        """Id -> value on linear scale of the estimated parameters at the best start.

        With those that follow the others.
        """
        from .objective import Search
        from .profiles import best_start

        found = Search(self).named(np.asarray(best_start(result).x, np.float64))
        return found | (self.inner(found) if self._inner is not None else {})

    def read(self, path: str | os.PathLike[str]) -> pypesto.Result:
        """The result in a file that `optimize` wrote for this problem.

        Raises
        ------
        ConditionError
            It is no such file, or the problem's files have changed since.
        """
        from .results import read_result

        return read_result(path, self)

    def write_petab(self, folder: str | os.PathLike[str], parameters: Mapping[str, float]) -> Path:
        """Copy the problem's files into a folder, with these values as nominal ones."""
        from .export import write_petab

        return write_petab(self, parameters, Path(folder))

    def with_measurements(self, measurements: Sequence[Measurement]) -> Problem:
        """The same problem with other measurements and nothing to estimate: for `at` of order 0."""
        other = object.__new__(Problem)
        other.__dict__.update(self.__dict__)
        other.petab = replace(self.petab, measurements=tuple(measurements))
        other.free = ()
        other._inner, other._followed = None, self if self._inner is not None else None
        other._likelihood = Likelihood(other.petab, ())
        other._experiments = other._runs(())
        return other

    def _runs(self, estimated: Sequence[str]) -> Experiments:
        """The experiments, for what the likelihood needs of them."""
        symbols, settings = self._likelihood.symbols, (self._tolerances, self._workers)
        return Experiments(self.petab, self._kernel, estimated, symbols, *settings)

    # ------------------------------------------------------------------ what optimisers ask
    def table(self, parameters: Mapping[str, float] | None = None) -> Array:
        """Values of the whole parameter table, on linear scale: nominal but for those given.

        Values of those that follow the others do not matter.
        """
        table = self.nominal.copy()
        for name, value in () if parameters is None else parameters.items():
            if name not in self._place:
                near = did_you_mean(name, self.ids)
                raise ConditionError(f'{self.petab.path}: no parameter "{name}".{near}')
            table[self._place[name]] = value
        return table

    @cached_property
    def _free_places(self) -> NDArray[np.intp]:
        return np.array([self._place[name] for name in self.free], np.intp)

    def table_of(self, scaled: Array) -> Array:
        """The parameter table at estimated parameters (free,), each on its scale."""
        table = self.nominal.copy()
        table[self._free_places] = self.scales.linear(scaled)
        return table

    def complete(self, table: Array) -> Array:
        """The parameter table with the best values of those that follow the others."""
        table = table.copy()
        for name, value in self.at(table).inner.items():
            table[self._place[name]] = value
        return table

    def at(self, table: Array, order: int = 0) -> Point:
        """Everything at values of the parameter table; with order 1 and 2 also derivatives."""
        if self._followed is not None:
            table = self._followed.complete(table)
        simulated = self._experiments.simulate(table, derivatives=order > 0)
        if self._inner is not None:
            evaluation, inner = self._inner.evaluate(simulated, table, order)
            return Point(
                simulated, evaluation, dict(zip(self._inner.ids, inner.tolist(), strict=True))
            )
        evaluation = self._likelihood.evaluate(simulated.values, simulated.along, table, order)
        return Point(simulated, evaluation)
