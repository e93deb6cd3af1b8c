"""The one call: a model, a list of conditions, a labelled result."""

from __future__ import annotations

import hashlib
import pickle
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..codegen import Kernel, compile_network
from ..conditions import Names, make_design
from ..errors import ConditionError
from ..network.definition import Definition
from ..network.ensemble import Ensemble, Quantity, read_ensemble, revalued
from ..network.network import Network
from .designed import at_rest, refuse_treatment, simulated
from .options import MAX_STEPS, Method, OnFailure, Start, checked_options, checked_times
from .readouts import Readout, all_readouts, constant_readouts, readouts
from .sweep import Sweep

if TYPE_CHECKING:
    from os import PathLike

    import pandas as pd
    import xarray as xr

    from ..conditions.factors import Conditions
    from .distribute import Executor


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

    def __str__(self) -> str:
        """Every name that `simulate` understands: cells, alterations, genes, drugs, outputs."""
        from .overview import overview

        return overview(self.definition)

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

        Parameters
        ----------
        name
            One of `members`.

        Returns
        -------
        Model
            Equations, cells and drugs are the same.

        Raises
        ------
        ConditionError
            It is not in `members`.
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

        Nothing is compiled anew.

        Parameters
        ----------
        values
            Quantity -> value; `ensemble.quantities` has such names.

        Returns
        -------
        Model
            With the same equations.

        Raises
        ------
        ModelError
            The model does not have such a quantity.
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
    def digests(self) -> Mapping[str, str]:
        """Digest of the network, and of every file of the model's folder, by name."""
        found = {"network": hashlib.sha256(self.network.sbml.encode()).hexdigest()}
        if self.definition.folder is not None:
            for file in sorted(self.definition.folder.iterdir()):
                if file.suffix in (".ant", ".tsv", ".yaml"):
                    found[file.name] = hashlib.sha256(file.read_bytes()).hexdigest()
        return found

    @cached_property
    def hash(self) -> str:
        """Digest of everything that the model is made of; a result has it as `model_hash`."""
        return hashlib.sha256(repr(sorted(self.digests.items())).encode()).hexdigest()[:16]

    def __reduce__(self) -> tuple[Any, ...]:
        """Another process gets the definition, and compiles it there once."""
        return _revived, (self.hash, self._pickled, dict(self.digests))

    @cached_property
    def _pickled(self) -> bytes:
        return pickle.dumps(self.definition)

    def simulate(
        self,
        time: Any,
        *,
        conditions: Conditions | None = None,
        set: Mapping[str, Any] | None = None,
        outputs: Sequence[str] | None = None,
        start: Start | None = None,
        rtol: float = 1e-6,
        atol: float = 1e-9,
        max_steps: int = MAX_STEPS,
        max_seconds: float | None = None,
        on_failure: OnFailure = "mark",
        workers: int | None = None,
        progress: bool | None = None,
        method: Method = "auto",
        store: str | PathLike[str] | None = None,
        executor: Executor | None = None,
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
            index labels them. Keywords beside it are crossed with its rows. Or a .csv or .tsv file
            of such rows, or `simulator.sample`, which are numbered, and read piece by piece.
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
        store
            A Zarr store to make, or to go on with: results are written chunk by chunk and are never
            all in memory, a call that was killed is simply repeated, and what is returned is read
            from there. A store of another model or design is refused.
        executor
            Computes the chunks: an executor as of `concurrent.futures`, or a client of
            dask.distributed. `workers` is then the threads of each of them (default: 1).
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
        times = checked_times(time)
        options = checked_options(
            self,
            start=start,
            rtol=rtol,
            atol=atol,
            max_steps=max_steps,
            max_seconds=max_seconds,
            on_failure=on_failure,
            workers=workers,
            method=method,
            progress=progress,
        )
        design = make_design(self.definition, factors, conditions, set, self.names)
        wanted = readouts(self, outputs, dims=design.dims)
        if store is None and executor is None:
            return simulated(self, design.whole(), times, wanted, options)
        if max_seconds is not None:
            raise ConditionError(
                "max_seconds= cannot be kept with store= or executor=; a call with a store can be"
                " interrupted at any time, and goes on when it is repeated."
            )
        return Sweep(self, design, times, tuple(wanted), options).simulate(
            store=store,
            executor=executor,
            workers=workers,
            on_failure=on_failure,
            progress=progress,
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
        on_failure: OnFailure = "mark",
        workers: int | None = None,
        **factors: Any,
    ) -> xr.Dataset:
        """The untreated cell at rest, where a simulation with ``start="steady_state"`` begins.

        Parameters
        ----------
        conditions, set, rtol, atol, max_steps, max_seconds, on_failure, workers, **factors
            As of `simulate`; drugs, ligands and species values have no place here.
        outputs
            Default: all species and all observables that are relative to nothing.

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
        options = checked_options(
            self,
            start="steady_state",
            rtol=rtol,
            atol=atol,
            max_steps=max_steps,
            max_seconds=max_seconds,
            on_failure=on_failure,
            workers=workers,
            method="Rodas5P",
        )
        design = make_design(self.definition, factors, conditions, set, self.names).whole()
        refuse_treatment(design)
        if outputs is None:
            outputs = [s.id for s in self.network.species]
            outputs += [o.id for o in self.definition.observables if not o.relative_to]
            outputs = [name for name in outputs if name not in design.dims]
        wanted = readouts(self, outputs, dims=design.dims, at_rest=True)
        return at_rest(self, design, wanted, options)

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

        Returns
        -------
        pandas.DataFrame
            For ``conditions=``.

        Raises
        ------
        ConditionError
            Unknown cohort, or fewer samples can be found than were asked for.
        """
        from .cohort import draw_cohort

        return draw_cohort(self, name, n, seed)

    def export_sbml(self, **factors: Any) -> str:
        """SBML whose initial values are those of one condition at t = 0.

        Constants get the condition's values, species the state at t = 0 (brought to rest where the
        model starts so), and initial assignments, now used up, are dropped. Doses are constant: a
        schedule cannot be exported.

        Parameters
        ----------
        **factors
            As of `simulate`, one level each; `set` and `start` may be among them.

        Returns
        -------
        str
            The SBML document.

        Raises
        ------
        ConditionError
            A factor is swept or scheduled, or does not exist.
        IntegrationError
            The condition has no steady state.
        """
        from .export import export_sbml

        return export_sbml(self, factors)

    def is_constant_readout(self, observable: str) -> bool:
        """Whether no reaction can change this observable (a conserved total, a constant).

        Parameters
        ----------
        observable
            Its id.

        Returns
        -------
        bool
            True where it is the same at all times of every run.
        """
        return observable in constant_readouts(self)


@lru_cache(maxsize=4)
def _rebuilt(hash: str, definition: bytes) -> Model:
    return Model(pickle.loads(definition))  # noqa: S301  what `Model.__reduce__` wrote


def _revived(hash: str, definition: bytes, digests: Mapping[str, str]) -> Model:
    """A model that comes from another process; the same one each time, so as to compile it once."""
    found = _rebuilt(hash, definition)
    found.__dict__.update(hash=hash, digests=digests)
    return found
