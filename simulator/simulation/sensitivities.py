"""Exact sensitivities of a design's runs: how outputs move with the logarithm of parameters.

Each run is integrated with the sensitivity equations of all parameters beside it (see
`integrator.tangents`). They begin where the run begins: at the untreated cell's state of rest,
which moves by the implicit function theorem (`rest_along`), or at initial values, which move by the
chain rule (`codegen.initial_along`). What is relative to a vehicle or to t = 0 moves by the
quotient rule, with the vehicle's own sensitivities.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ..codegen.initial import Columns, Levels, at_levels
from ..codegen.initial_along import InitialMotions
from ..conditions import Design, make_design
from ..errors import ConditionError, did_you_mean
from ..integrator.sensitivity import first_triggers, prepare, width_of
from ..integrator.status import Status
from ..integrator.tableau import rodas5p
from .dataset import (
    attributes_of,
    failed_runs,
    report_failures,
    result_coordinates,
    to_dataset,
    variable_name,
)
from .designed import planned, related, with_zero
from .options import MAX_STEPS, Array, OnFailure, Options, Start, checked_options, checked_times
from .plan import Indices, Plan, blocks, pieces
from .readouts import Readout, readouts
from .rest import Rest, equilibrate
from .rest_along import Cells, settle
from .runs import Outcome, start_values
from .runs_along import Ended, follow

if TYPE_CHECKING:
    import xarray as xr

    from .model import Model

RUNS_AT_ONCE = 32
"""Runs whose directions are in memory together: each holds (states + parameters) x parameters."""

PARAMETER = "parameter"
"""Dimension of sensitivities."""


def sensitivities(
    model: Model,
    time: Any,
    by: Sequence[str] | None = None,
    *,
    conditions: Any = None,
    set: Mapping[str, Any] | None = None,
    outputs: Sequence[str] | None = None,
    start: Start | None = None,
    rtol: float = 1e-6,
    atol: float = 1e-9,
    max_steps: int = MAX_STEPS,
    max_seconds: float | None = None,
    on_failure: OnFailure = "mark",
    workers: int | None = None,
    **factors: Any,
) -> tuple[xr.Dataset, xr.Dataset]:
    """Outputs of every combination of the factors' levels, and their exact sensitivities.

    Parameters
    ----------
    by
        Constant parameters or compartments; default: `constants(model)`.

    Others are those of `Model.simulate`.

    Returns
    -------
    values
        As from `Model.simulate`.
    slopes
        d output / d ln p with a last dimension `parameter`, in the outputs' units: the change for a
        relative change of p, from the value that p has in that run. Those of a parameter whose
        value is 0 are 0.

    Raises
    ------
    ConditionError
        As `Model.simulate`; also for an id that is no constant.
    ModelError
        The model has algebraic rules or delayed events, which are not differentiated.
    IntegrationError
        As `Model.simulate`.
    """
    times = checked_times(time)
    options = checked_options(
        model,
        start=start,
        rtol=rtol,
        atol=atol,
        max_steps=max_steps,
        max_seconds=max_seconds,
        on_failure=on_failure,
        workers=workers,
        method="Rodas5P",
    )
    names = checked_constants(model, by)
    design = make_design(model.definition, factors, conditions, set, model.names).whole()
    wanted = readouts(model, outputs, dims=design.dims)
    outcome, along = differentiate(model, design, times, wanted, options, names)
    report_failures(model, design, failed_runs(outcome), options)
    values = to_dataset(model, design, outcome, times, wanted, options)
    return values, _slopes(model, design, along, times, wanted, names)


def constants(model: Model) -> tuple[str, ...]:
    """Parameters that a run keeps at one value: no doses, and nothing that is computed."""
    names = model.names
    return tuple(
        p.id
        for p in model.network.parameters
        if p.id in model.kernel.parameters
        and p.id not in names.dose_parameters
        and names.kinds[p.id] == "parameter"
    )


def checked_constants(model: Model, by: Sequence[str] | None) -> tuple[str, ...]:
    """Ids of constants, each once; None: all.  Raises ConditionError for anything else."""
    if by is None:
        return constants(model)
    if isinstance(by, str):
        raise ConditionError(f'parameters is a list of ids, like ["{by}"], not one text.')
    chosen = tuple(dict.fromkeys(by))
    for name in chosen:
        if name not in model.kernel.parameters:
            known = constants(model)
            raise ConditionError(
                f'"{name}" is no constant parameter of {model.definition.name}.'
                f"{did_you_mean(name, known)}"
            )
        if name in model.names.dose_parameters:
            raise ConditionError(
                f'"{name}" is a dose: sweep it as a factor; sensitivities are by constants.'
            )
    if not chosen:
        raise ConditionError("parameters is empty: name at least one constant of the model.")
    return chosen


def differentiate(
    model: Model,
    design: Design,
    times: Array,
    wanted: Sequence[Readout],
    options: Options,
    names: Sequence[str],
) -> tuple[Outcome, Array]:
    """What is wanted of every run, and how it moves (outputs, runs, times, names)."""
    grid, columns = with_zero(times, wanted)
    plans, twin = planned(model, design, wanted)
    motions = [_motions(model, each, names) for each in plans]
    work = _Work(model, plans, motions, width_of(len(names), model.kernel.lanes), options)
    rest = work.rest() if options.start == "steady_state" else None
    outcome, along = work.integrate(grid, [readout.quantity for readout in wanted], rest)
    along = _quotients(outcome.outputs, along[..., : len(names)], wanted, design.size, twin)
    outcome = related(outcome, wanted, design.size, twin)
    along[:, outcome.status != Status.SUCCESS] = np.nan
    return outcome._replace(outputs=outcome.outputs[:, :, columns]), along[:, :, columns]


class _Motions(NamedTuple):
    """How the numbers of a plan move with each parameter; names as of `Plan`."""

    untreated: Sequence[Columns]
    before: Sequence[Columns]
    start: Sequence[Columns]
    parameters: Sequence[Columns]


def _motions(model: Model, own: Plan, names: Sequence[str]) -> _Motions:
    first = InitialMotions(model.kernel.initial, own.early)
    untreated, before = zip(*(first.by(name) for name in names), strict=True)
    if not own.late:
        return _Motions(untreated, before, untreated, before)
    second = InitialMotions(model.kernel.initial, {**own.early, **own.late})
    start, parameters = zip(*(second.by(name) for name in names), strict=True)
    return _Motions(untreated, before, start, parameters)


class _RestAlong(NamedTuple):
    """Cells at rest, and how their states move (cells, n, width)."""

    rest: Rest
    along: Array


@dataclass(frozen=True)
class _Work:
    """Runs of plans in turn, with the motions of each plan; `width` directions, the last ones 0."""

    model: Model
    plans: Sequence[Plan]
    motions: Sequence[_Motions]
    width: int
    options: Options

    def _pieces(self, runs: Indices) -> Iterator[tuple[Plan, _Motions, Indices, Levels, slice]]:
        """As `plan.pieces`, with the plan's motions and the levels of the runs."""
        of = {id(each): motions for each, motions in zip(self.plans, self.motions, strict=True)}
        for each, own, place in pieces(self.plans, runs):
            yield each, of[id(each)], own, each.levels(own), place

    def _stacked(self, columns: Sequence[Columns], levels: Levels, count: int) -> Array:
        """Rows of a column for each parameter, as (count, numbers, width)."""
        found = np.zeros((count, columns[0].base.size, self.width))
        for k, each in enumerate(columns):
            found[:, :, k] = each.rows(levels, count)
        return found

    def rest(self) -> _RestAlong:
        """States of rest of the untreated cells, each distinct one once, and how they move."""
        kernel, held = self.model.kernel, self.model.definition.population
        tolerances, workers = self.options.tolerances, self.options.workers
        rest = equilibrate(kernel, self.plans, held, tolerances, workers, self.options.deadline)
        _, first = np.unique(rest.cell, return_index=True)
        order = np.argsort(first)  # `pieces` takes runs in order
        states, status = rest.states.copy(), rest.status.copy()
        along = np.full((first.size, len(kernel.states), self.width), np.nan)
        for cells in blocks(order, RUNS_AT_ONCE):
            here = self._untreated(first[cells])
            settle(kernel, tolerances, here, workers, held)
            states[cells], along[cells] = here.states, here.states_along
            status[cells] = here.status
        return _RestAlong(Rest(states, status, rest.cell), along)

    def _untreated(self, runs: Indices) -> Cells:
        """Untreated cells of some runs before they are at rest."""
        here = self._cells(runs.size, ())
        for each, motions, own, levels, place in self._pieces(runs):
            here.states[place] = each.untreated.rows(levels, own.size)
            here.parameters[place] = each.before.rows(levels, own.size)
            here.states_along[place] = self._stacked(motions.untreated, levels, own.size)
            here.parameters_along[place] = self._stacked(motions.before, levels, own.size)
        return here

    def _cells(self, runs: int, quantities: Sequence[str]) -> Cells:
        kernel = self.model.kernel
        n, count = len(kernel.states), len(kernel.parameters)
        return Cells(
            np.empty((runs, n)),
            np.empty((runs, count)),
            np.empty((runs, n, self.width)),
            np.empty((runs, count, self.width)),
            first_triggers(kernel.system(quantities), runs),
            np.zeros(runs, np.int64),
        )

    def _start(self, runs: Indices, quantities: Sequence[str], rest: _RestAlong | None) -> Cells:
        """Some runs at t = 0."""
        here = self._cells(runs.size, quantities)
        at_rest = None if rest is None else rest.rest
        here.states, here.parameters = start_values(self.plans, at_rest, runs)
        for each, motions, own, levels, place in self._pieces(runs):
            here.parameters_along[place] = self._stacked(motions.parameters, levels, own.size)
            given = self._stacked(motions.start, levels, own.size)
            if rest is not None:
                settled = rest.along[rest.rest.cell[runs[place]]]
                for i, values in each.replaced.items():
                    put = ~np.isnan(np.broadcast_to(at_levels(values, levels), own.shape))
                    settled[put, i] = given[put, i]
                given = settled
            here.states_along[place] = given
        return here

    def integrate(
        self, times: Array, quantities: Sequence[str], rest: _RestAlong | None
    ) -> tuple[Outcome, Array]:
        """Outputs (outputs, runs, times) of all runs, and how they move (..., width)."""
        kernel = self.model.kernel
        prepared = prepare(
            kernel.system(quantities),
            kernel.along(quantities),
            rodas5p(),
            self.options.tolerances,
            self.width,
        )
        programs = [each.programs[k] for each in self.plans for k in each.program]
        runs = len(programs)
        shape = runs, times.size, len(quantities)
        outputs, along = np.full(shape, np.nan), np.full((*shape, self.width), np.nan)
        ends = Ended(np.zeros(runs, np.int64), np.zeros(runs), np.full(runs, -1))
        if rest is not None:
            ends.status[:] = rest.rest.status[rest.rest.cell]
        for some in blocks(np.flatnonzero(ends.status == Status.SUCCESS), RUNS_AT_ONCE):
            cells = self._start(some, quantities, rest)
            found = follow(prepared, cells, [programs[r] for r in some], times, self.options)
            outputs[some], along[some] = found.outputs, found.along
            for all_runs, own in zip(ends, found.ends, strict=True):
                all_runs[some] = own
        outcome = Outcome(np.ascontiguousarray(outputs.transpose(2, 0, 1)), *ends)
        return outcome, np.ascontiguousarray(along.transpose(2, 0, 1, 3))


def _quotients(
    outputs: Array,
    along: Array,
    wanted: Sequence[Readout],
    runs: int,
    twin: Indices | None,
) -> Array:
    """How outputs move that are relative to a vehicle or to t = 0: (a/b)' = a'/b - a/b b'/b."""
    found = along[:, :runs].copy()
    with np.errstate(divide="ignore", invalid="ignore"):
        for k, readout in enumerate(wanted):
            if readout.relative_to == "start":
                whole, moved = outputs[k, :runs, :1], along[k, :runs, :1]
            elif readout.relative_to == "vehicle" and twin is not None:
                whole, moved = outputs[k, twin], along[k, twin]
            else:
                continue
            share = (outputs[k, :runs] / whole)[..., None]
            found[k] = (found[k] - share * moved) / whole[..., None]
    return found


def _slopes(
    model: Model,
    design: Design,
    along: Array,
    times: Array,
    wanted: Sequence[Readout],
    names: Sequence[str],
) -> xr.Dataset:
    """The labelled sensitivities."""
    import xarray as xr

    dims, shape = (*design.dims, "time", PARAMETER), (*design.shape, times.size, len(names))
    variables: dict[str, Any] = {
        variable_name(readout.id): (dims, values.reshape(shape), attributes_of(readout))
        for readout, values in zip(wanted, along, strict=True)
    }
    coordinates = result_coordinates(model, design, times, wanted)
    return xr.Dataset(variables, coordinates | {PARAMETER: np.array(names)})
