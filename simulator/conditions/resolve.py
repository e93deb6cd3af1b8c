"""The numbers of every run of a design, in arrays: values before t = 0, at t = 0, and later."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import reduce

import numpy as np
from numpy.typing import NDArray

from ..errors import ConditionError
from .changes import STAGES, Column, codes_of, columns_of
from .designs import Design

Program = tuple[tuple[float, tuple[tuple[str, float], ...]], ...]
"""What happens in a run after t = 0: ((time, ((target, value), ...)), ...), times increasing."""


Placed = tuple[NDArray[np.float64], Column]
"""A column with its values shaped to broadcast against the runs."""


@dataclass(frozen=True, slots=True, eq=False)
class Values:
    """The numbers of a design's runs. `n` is the design's shape.

    Attributes
    ----------
    before
        Parameter or compartment -> its value from before t = 0 in every run, broadcastable to n
        (axes that do not matter have length 1). Only ids that some run changes.
    given
        The same ids -> which runs set it; in the others a value that the model computes from
        something else follows what that has become, times `factor`.
    factor
        The same ids -> product of all multiplications in runs that do not set it, broadcastable.
    start
        Dose parameter, species or other state -> the value put in its place at t = 0, after
        pre-equilibration; broadcastable to n; NaN = left as it is.
    programs
        The distinct sequences of later changes; the empty one where nothing is scheduled.
    program
        For every run (C order, shape (size,)) the index of its program.
    """

    before: Mapping[str, NDArray[np.float64]]
    given: Mapping[str, NDArray[np.bool_]]
    factor: Mapping[str, NDArray[np.float64]]
    start: Mapping[str, NDArray[np.float64]]
    programs: tuple[Program, ...]
    program: NDArray[np.intp]


def resolve(design: Design, baseline: Mapping[str, float | None]) -> Values:
    """Apply every run's changes to the model's own values, by the rule stated in `changes`.

    Parameters
    ----------
    baseline
        Value that each parameter and compartment has in the model (initial assignments
        evaluated); None where the file gives none.

    Raises
    ------
    ConditionError
        A run multiplies, or leaves alone, a quantity that has no value in the model.
    """
    shapes = len(design.shape)
    before: dict[str, NDArray[np.float64]] = {}
    given: dict[str, NDArray[np.bool_]] = {}
    factor: dict[str, NDArray[np.float64]] = {}
    start: dict[str, NDArray[np.float64]] = {}
    for target, own in _placed(design).items():
        constant = [(values, c) for values, c in own if c.time is None]
        if constant:
            before[target] = _staged(target, constant, baseline.get(target), shapes)
            sets = [~np.isnan(values) for values, c in constant if c.operation == "set"]
            given[target] = reduce(np.logical_or, sets, np.full((1,) * shapes, False))
            factors = [(values, c) for values, c in constant if c.operation == "multiply"]
            factor[target] = _staged(target, factors, 1.0, shapes)
        at_start = [values for values, c in own if c.time == 0.0]
        if at_start:
            start[target] = _chain(at_start, np.full((1,) * shapes, np.nan))
    programs, program = _programs(design)
    return Values(before, given, factor, start, programs, program)


def _placed(design: Design) -> dict[str, list[Placed]]:
    """Every target's columns, each with its values shaped to broadcast against the runs."""
    ndim = len(design.axes)
    placed: dict[str, list[Placed]] = {}
    for column in columns_of([design.fixed]):
        values = column.values.reshape((1,) * ndim)
        placed.setdefault(column.target, []).append((values, column))
    for i, axis in enumerate(design.axes):
        shape = tuple(axis.size if j == i else 1 for j in range(ndim))
        for column in axis.columns:
            values = column.values.reshape(shape)
            placed.setdefault(column.target, []).append((values, column))
    return placed


def _chain(
    layers: Sequence[NDArray[np.float64]], value: NDArray[np.float64]
) -> NDArray[np.float64]:
    """`value` replaced, where a layer is not NaN, by the layer."""
    for layer in layers:
        value = np.where(np.isnan(layer), value, layer)
    return value


def _staged(
    target: str,
    columns: Sequence[Placed],
    baseline: float | None,
    ndim: int,
) -> NDArray[np.float64]:
    """Value of a constant in every run (broadcastable): sets, then multiplications, by stage."""
    value = np.full((1,) * ndim, np.nan if baseline is None else float(baseline))
    for stage in STAGES:
        here = [(values, c) for values, c in columns if c.stage == stage]
        if not here:
            continue
        value = _chain([values for values, c in here if c.operation == "set"], value)
        factors = [values for values, c in here if c.operation == "multiply"]
        if factors:
            known = [np.where(np.isnan(f), 1.0, f) for f in factors]
            # in order of size, so that the order of factors cannot change the last bit
            value = value * np.sort(np.stack(np.broadcast_arrays(*known)), axis=0).prod(axis=0)
    if np.isnan(value).any():
        raise ConditionError(
            f'"{target}" has no value in the model, and not every run sets one: give it in set=.'
        )
    return value


def _programs(design: Design) -> tuple[tuple[Program, ...], NDArray[np.intp]]:
    """Distinct sequences of changes after t = 0, and the one that each run has."""
    fixed = [(c.time, c.target, c.value) for c in design.fixed if c.time]
    found: dict[Program, int] = {}
    # per axis: distinct lists of later changes, and which of them each level has
    choices: list[list[list[tuple[float, str, float]]]] = []
    codes: list[NDArray[np.intp]] = []
    for axis in design.axes:
        later = [c for c in axis.columns if c.time]
        if not later:
            choices.append([[]])
            codes.append(np.zeros(axis.size, dtype=np.intp))
            continue
        groups, first = distinct_rows(np.stack([c.values for c in later], axis=1))
        codes.append(groups)
        choices.append(
            [
                [
                    (float(c.time or 0.0), c.target, float(c.values[level]))
                    for c in later
                    if not np.isnan(c.values[level])
                ]
                for level in first
            ]
        )
    shape = tuple(len(choice) for choice in choices)
    index = np.empty(int(np.prod(shape, dtype=np.intp)), dtype=np.intp)
    for combination in np.ndindex(*shape):
        events = [*fixed]
        for choice, code in zip(choices, combination, strict=True):
            events.extend(choice[code])
        flat = int(np.ravel_multi_index(combination, shape)) if shape else 0
        index[flat] = found.setdefault(_program(events), len(found))
    return tuple(found), index[combined(codes, shape)]


def _program(events: Sequence[tuple[float | None, str, float]]) -> Program:
    """Events sorted by time, those at one time together."""
    at: dict[float, dict[str, float]] = {}
    for time, target, value in events:
        at.setdefault(float(time or 0.0), {})[target] = value
    return tuple((time, tuple(sorted(at[time].items()))) for time in sorted(at))


def combined(codes: Sequence[NDArray[np.intp]], shape: tuple[int, ...]) -> NDArray[np.intp]:
    """For every run, the flat index (C order over `shape`) of its codes, one per axis.

    `codes[i]` (levels of axis i,) gives the position that each level has in `shape[i]`.
    """
    flat = np.zeros((1,) * len(codes), dtype=np.intp)
    for i, (code, length) in enumerate(zip(codes, shape, strict=True)):
        own = code.reshape(tuple(-1 if j == i else 1 for j in range(len(codes))))
        flat = flat * length + own
    return flat.reshape(-1)


def distinct_rows(matrix: NDArray[np.float64]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Group equal rows (NaN equals NaN), numbered in order of first appearance.

    Returns
    -------
    groups, first
        Group of every row (rows,), and the first row of every group (groups,).
    """
    rows = len(matrix)
    differing = matrix[:, (matrix != matrix[:1]).any(axis=0)]
    if not differing.size:
        return np.zeros(rows, np.intp), np.zeros(min(rows, 1), np.intp)
    # equal numbers in equal bytes: one zero, one NaN
    alike = np.where(np.isnan(differing), np.nan, differing + 0.0)
    keys = np.ascontiguousarray(alike).view(f"V{8 * alike.shape[1]}").ravel().tolist()
    groups = codes_of(keys)
    first = np.empty(groups.max() + 1, np.intp)
    first[groups[::-1]] = np.arange(rows)[::-1]  # the first row of a group is written last
    return groups, first
