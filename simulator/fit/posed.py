"""The likelihood of a PEtab problem: its logarithm, gradient and Fisher information."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from copy import copy
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal, Self

import numpy as np
from numpy.typing import NDArray

from ..codegen import Kernel, compile_network
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


class Posed:
    """A problem as it was posed: what its measurements say of parameters, without any search.

    `Problem`, which searches too, says what its parameters and attributes are.
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
        if hierarchical not in (False, True, "auto"):
            raise ConditionError(f'hierarchical is {hierarchical!r}; it is True, False or "auto".')
        parameters = self.petab.parameters
        self.ids = tuple(each.id for each in parameters)
        self.nominal = np.array([each.nominal for each in parameters], np.float64)
        self._as_in_files = True
        self._place = {name: k for k, name in enumerate(self.ids)}
        self._followed: Posed | None = None
        self._tolerances, self._workers = Tolerances(rtol, atol, max_steps), workers
        self._ask(tuple(each.id for each in parameters if each.estimate))

    def _ask(self, estimated: tuple[str, ...]) -> None:
        """Prepare what the likelihood needs to have these parameters estimated."""
        self._likelihood = Likelihood(self.petab, estimated)
        self._inner: Inner | None = None
        self.free, self.following = estimated, tuple[str, ...]()
        if self.options["hierarchical"] and estimated:
            declared = self.options["hierarchical"] is True
            self._inner = Inner(self.petab, self._likelihood, declared=declared)
            self.free, self.following = self._inner.outer, self._inner.ids
        self.scales = Scales([p.scale for p in self.petab.parameters if p.id in self.free])
        self._free_places = np.array([self._place[name] for name in self.free], np.intp)
        symbols, settings = self._likelihood.symbols, (self._tolerances, self._workers)
        self._experiments = Experiments(self.petab, self._kernel, estimated, symbols, *settings)

    @cached_property
    def _kernel(self) -> Kernel:
        return compile_network(self.petab.network)

    # ------------------------------------------------------------------ what users ask
    def log_likelihood(self, parameters: Mapping[str, float] | None = None) -> float:
        """The natural logarithm of the likelihood, without priors.

        Parameters
        ----------
        parameters
            Id -> value on linear scale; what is left out keeps its nominal value.

        Returns
        -------
        float
            -inf where a simulation fails, or gives what no measurement can follow.

        Raises
        ------
        ConditionError
            An id is not in the parameter table.
        """
        return self.at(self.table(parameters)).evaluation.log_likelihood

    def chi2(self, parameters: Mapping[str, float] | None = None) -> float:
        """The sum of squared residuals in units of the noise.

        Parameters
        ----------
        parameters
            As of `log_likelihood`.

        Returns
        -------
        float
            Dimensionless; inf where a simulation fails.
        """
        return self.at(self.table(parameters)).evaluation.chi2

    def log_prior(self, parameters: Mapping[str, float] | None = None) -> float:
        """The log density of the priors of the estimated parameters.

        Parameters
        ----------
        parameters
            As of `log_likelihood`.

        Returns
        -------
        float
            0 where they have none, -inf where a prior excludes a value.
        """
        from .priors import Priors

        table = self.table(parameters)[self._free_places]
        priors = Priors([each for each in self.petab.parameters if each.id in self.free])
        return priors.evaluate(table).log_density

    def gradient(self, parameters: Mapping[str, float] | None = None) -> pd.Series:
        """Derivatives of the log-likelihood by the estimated parameters.

        Parameters
        ----------
        parameters
            As of `log_likelihood`.

        Returns
        -------
        pandas.Series
            By id, on linear scale; NaN where the log-likelihood is -inf.
        """
        import pandas as pd

        found = self.at(self.table(parameters), order=1).evaluation.gradient
        return pd.Series(found, index=list(self.free), name="gradient")

    def fisher(self, parameters: Mapping[str, float] | None = None) -> pd.DataFrame:
        """The expected Fisher information of the estimated parameters.

        Parameters
        ----------
        parameters
            As of `log_likelihood`.

        Returns
        -------
        pandas.DataFrame
            By id and id, on linear scale.
        """
        import pandas as pd

        found = self.at(self.table(parameters), order=2).evaluation.fisher
        return pd.DataFrame(found, index=list(self.free), columns=list(self.free))

    def simulate(self, parameters: Mapping[str, float] | None = None) -> pd.DataFrame:
        """The measurements as they would be without noise.

        Parameters
        ----------
        parameters
            As of `log_likelihood`.

        Returns
        -------
        pandas.DataFrame
            PEtab's simulation table: a row for each measurement, in its order.
        """
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
        """The best values of the parameters that follow the others.

        Parameters
        ----------
        parameters
            As of `log_likelihood`.

        Returns
        -------
        dict
            Id -> value; NaN where a simulation fails, or determines none. Empty if the problem is
            not hierarchical.
        """
        return dict(self.at(self.table(parameters)).inner)

    def with_measurements(
        self, measurements: Sequence[Measurement], *, estimated: bool = False
    ) -> Self:
        """The same problem with other measurements, and the same compiled model.

        Other processes and result files know a problem by its files: both refuse this one.

        Parameters
        ----------
        measurements
            In the place of those of the files.
        estimated
            Whether parameters are estimated, as here, from these measurements. Else there are none
            to estimate: for `at` of order 0, where those that follow the others do so as here.

        Returns
        -------
        Problem
            Another; this one stays as it is.
        """
        other = copy(self)
        other.petab = replace(self.petab, measurements=tuple(measurements))
        other._as_in_files = False
        if estimated:
            other._followed = None
            other._ask(tuple(p.id for p in self.petab.parameters if p.estimate))
        else:
            other._followed = self if self.following else self._followed
            other._ask(())
        return other

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
