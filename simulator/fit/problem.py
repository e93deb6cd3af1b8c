"""A PEtab problem that can be fitted: its likelihood, and the doors to pyPESTO."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ..errors import ConditionError
from .posed import Posed

if TYPE_CHECKING:
    import pandas as pd
    import pypesto
    import xarray as xr

    from .workers import Progress


class Problem(Posed):
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
        there. Such a problem has profiles, but no samples: what would be drawn is of no posterior.
        True: those that the parameter table says, in the column `parameterType` (scaling, offset,
        sigma), or where it says nothing, all that `roles` finds. "auto": all that it finds, perhaps
        none.

    Attributes
    ----------
    ids
        Parameters of the parameter table, in order.
    free
        Those that are estimated, in order, without those that follow the others.
    following
        Those that are estimated and follow the others; none unless hierarchical.
    petab
        The problem as the files say it.

    Raises
    ------
    ModelError
        Something in the files is wrong or not supported; one line for each such thing. So too for
        each parameter that the table says to follow the others, and that cannot.
    """

    def optimize(
        self,
        starts: int = 20,
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
            hops (5: how often a start goes on from its best point moved at random; with 0 a start
            is a single descent), maxiter (1000 iterations of a descent) and redraws (100: how often
            a start point is drawn again where the objective is not finite).

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

        self._need_files(out, jobs)
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
        result
            From `optimize` or `read`.
        ids
            Parameters; None: all that are estimated.
        out
            The result's HDF5 file: each profile is written as it ends. Those that it has of the
            same best start are not run again, but where a refit failed.
        optimizer, jobs
            As of `optimize`.
        progress
            Called with (done, total, None) as profiles end.

        Returns
        -------
        pypesto.Result
            The one given, with profiles from its best start; `verdicts` reads them.

        Raises
        ------
        ConditionError
            An id is not estimated, or `out` is the result of another problem.
        IntegrationError
            No start of the result has a finite objective.
        """
        from .objective import Search
        from .profiles import profile
        from .results import ResultFile

        self._need_files(out, jobs)
        file = ResultFile(out, Search(self)) if out is not None else None
        return profile(self, result, ids, optimizer, jobs, progress, file)

    def verdicts(self, result: pypesto.Result, level: float = 0.95) -> pd.DataFrame:
        """What profiles say of each parameter.

        Parameters
        ----------
        result
            From `profile`.
        level
            Confidence of the intervals.

        Returns
        -------
        pandas.DataFrame
            By id: `estimate`, `lower` and `upper` end of the interval, on linear scale, `verdict`
            and `sentence`. The interval is where the profile is below half the chi2 quantile of the
            level; an end is NaN where it has none. The verdict is identifiable, one-sided, flat, at
            bound, or optimiser failed, and the sentence says it in words.
        """
        from .objective import Search
        from .verdicts import verdicts

        return verdicts(Search(self), result, level)

    def profile_table(self, result: pypesto.Result, level: float = 0.95) -> pd.DataFrame:
        """The points of all profiles as a table, which `simulator.plot.plot_profiles` draws.

        Index (parameter, point). Columns, on linear scale: value of the parameter, rise of the
        objective above that of the best start; and, the same for all points of a parameter,
        estimate, lower and upper end of the confidence interval and verdict as from `verdicts`,
        lower_bound and upper_bound, and the scale on which it was searched. attrs: level, and the
        allowed_rise that it stands for, half the chi2 quantile.
        """
        from .objective import Search
        from .verdicts import profile_table

        return profile_table(Search(self), result, level)

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
        result
            From `optimize` or `read`.
        samples
            How many.
        seed
            Which draw.
        temperatures
            Tempered chains, for posteriors of several modes; 1: one chain.
        out
            The result's HDF5 file, to which the samples are added.
        progress
            Show a bar.

        Returns
        -------
        pypesto.Result
            The one given, with samples on the search's scale, their burn-in by Geweke's test and
            their effective number. What has no prior is uniform between its bounds on its scale.
            A chain that has not settled is warned of.

        Raises
        ------
        ConditionError
            The problem is hierarchical.
        """
        from .objective import Search
        from .results import ResultFile
        from .sampling import sample

        self._need_files(out)
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
        result
            From `optimize` or `read`.
        times
            Times, or about how many.
        level
            Of the band: quantiles of samples, if the result has any; else the range over the points
            of profiles and starts within the chi2 threshold.
        members
            At most so many vectors.

        Returns
        -------
        xarray.Dataset
            `best`, `median`, `low`, `high` and the measurements' `noise` (series, time); a series
            is an observable in an experiment with the same placeholders (`label`).
            `attrs["band"]` says what the band is.
        """
        from .bands import predict

        return predict(self, result, times, level, members)

    def best(self, result: pypesto.Result) -> dict[str, float]:
        """The estimated parameters at the best start, with those that follow the others.

        Parameters
        ----------
        result
            From `optimize` or `read`.

        Returns
        -------
        dict
            Id -> value on linear scale.

        Raises
        ------
        IntegrationError
            No start of the result has a finite objective.
        """
        from .objective import Search
        from .profiles import best_start

        found = Search(self).named(np.asarray(best_start(result).x, np.float64))
        return found | (self.inner(found) if self.following else {})

    def read(self, path: str | os.PathLike[str]) -> pypesto.Result:
        """The result in a file that `optimize` wrote for this problem.

        Parameters
        ----------
        path
            The HDF5 file.

        Returns
        -------
        pypesto.Result
            With the starts, profiles and samples that the file has.

        Raises
        ------
        ConditionError
            It is no such file, or the problem's files have changed since.
        """
        from .results import read_result

        return read_result(path, self)

    def write_petab(self, folder: str | os.PathLike[str], parameters: Mapping[str, float]) -> Path:
        """Copy the problem's files into a folder, with these values as nominal ones.

        Parameters
        ----------
        folder
            It is made where there is none.
        parameters
            Id -> value on linear scale; others keep theirs.

        Returns
        -------
        pathlib.Path
            The yaml file of the copy.
        """
        from .export import write_petab

        self._need_files(folder)
        return write_petab(self, parameters, Path(folder))

    def _need_files(self, out: object = None, jobs: int = 1) -> None:
        """Refuse what reads the problem's files again, unless they hold its measurements."""
        if not self._as_in_files and (out is not None or jobs != 1):
            raise ConditionError(
                f"{self.petab.path}: the measurements are not those of its files, which other"
                " processes and files of results refer to; leave out `out` and `jobs`."
            )
