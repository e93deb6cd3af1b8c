"""The vehicle: for every run, the same condition with every drug at 0 throughout, IL7 kept."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..network.definition import Definition
from .changes import Change, Column
from .designs import Axis, Design
from .resolve import combined, distinct_rows


@dataclass(frozen=True, slots=True, eq=False)
class Vehicle:
    """The distinct drug-free conditions of a design.

    Attributes
    ----------
    design
        One run per distinct drug-free condition; same dimensions as the original, shorter where
        levels differed in drugs only.
    run
        For every run of the original (C order), its vehicle's run in `design`.
    twin
        For every run of `design`, a run of the original that is the same condition (all drugs at
        0, none scheduled), so that it need not be computed again; -1 where there is none.
    """

    design: Design
    run: NDArray[np.intp]
    twin: NDArray[np.intp]


def vehicle(design: Design, definition: Definition) -> Vehicle:
    """The drug-free runs that belong to a design.

    Every change of a parameter of a drug (kind `drug`) is left out, doses and schedules alike and
    also where the parameter was set by its id; ligands are kept.
    """
    drugs = {d.parameter for d in definition.drugs.values() if d.kind == "drug"}
    axes: list[Axis] = []
    groups: list[NDArray[np.intp]] = []
    twins: list[NDArray[np.intp]] = []
    for axis in design.axes:
        kept = [c for c in axis.columns if c.target not in drugs]
        values = [c.values for c in kept]
        matrix = np.stack(values, axis=1) if values else np.empty((axis.size, 0))
        group, first = distinct_rows(matrix)
        axes.append(_only(axis, kept, first))
        groups.append(group)
        free = _drug_free([c for c in axis.columns if c.target in drugs], axis.size)
        twin = np.full(len(first), -1, dtype=np.intp)
        levels = np.flatnonzero(free)[::-1]
        twin[group[levels]] = levels  # reversed, so that the first drug-free level stays
        twins.append(twin)
    fixed = tuple(c for c in design.fixed if c.target not in drugs)
    reduced = Design(tuple(axes), fixed, design.coordinates, design.units)
    run = combined(groups, reduced.shape)
    clean = all(_no_dose(c) for c in design.fixed if c.target in drugs)
    return Vehicle(reduced, run, _twin_runs(twins, design.shape, clean))


def _only(axis: Axis, columns: Sequence[Column], levels: NDArray[np.intp]) -> Axis:
    """The axis with some of its columns and levels; coordinates along it are dropped."""
    return Axis(
        axis.name,
        tuple(map(axis.labels.__getitem__, levels.tolist())),
        tuple(column.take(levels) for column in columns),
    )


def _no_dose(change: Change) -> bool:
    return change.value == 0 and not change.time


def _drug_free(columns: Sequence[Column], size: int) -> NDArray[np.bool_]:
    """Levels (size,) that give no drug: doses 0 or not set, nothing scheduled after t = 0."""
    free = np.ones(size, dtype=bool)
    for column in columns:
        unset = np.isnan(column.values)
        free &= unset if column.time else (unset | (column.values == 0))
    return free


def _twin_runs(
    twins: Sequence[NDArray[np.intp]], shape: tuple[int, ...], clean: bool
) -> NDArray[np.intp]:
    """Flat run of the original for every combination of `twins`, -1 where any is -1."""
    lengths = tuple(len(twin) for twin in twins)
    exists = np.full(lengths or (1,), clean)
    for i, twin in enumerate(twins):
        exists = exists & (twin >= 0).reshape(tuple(-1 if j == i else 1 for j in range(len(twins))))
    flat = combined(twins, shape)
    return np.where(exists.reshape(-1), flat, -1)
