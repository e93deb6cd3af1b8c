"""How long runs take: a few of them, spread over a design, are simulated and timed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from time import process_time
from typing import TYPE_CHECKING

import numpy as np

from ..conditions import Design, LazyDesign
from .designed import simulate_design
from .options import Array, Options
from .readouts import Readout

if TYPE_CHECKING:
    from .model import Model

# Corners and middle of the design, and runs around each: a few hundred in all.
PLACES = 5
RUNS_AT_A_PLACE = 64


def seconds_per_run(
    model: Model,
    design: Design | LazyDesign,
    times: Array,
    wanted: Sequence[Readout],
    options: Options,
) -> float:
    """CPU time of a run in seconds; what is compiled and kept is left out."""
    alone = replace(options, workers=1, progress=False)
    parts = [design.part(box) for box in _boxes(design.shape)]
    simulate_design(model, parts[0], times, wanted, alone)  # compiles what is needed
    runs, begin = 0, process_time()
    for part in parts:
        simulate_design(model, part, times, wanted, alone)
        runs += part.size
    return (process_time() - begin) / runs


def _boxes(shape: tuple[int, ...]) -> list[tuple[slice, ...]]:
    """Boxes of neighbouring levels, evenly spread over the diagonal of a design; no two the same.

    Dimensions have levels in a box in proportion to their lengths, so that there are about as many
    runs for each untreated cell and each vehicle as in the design.
    """
    size = float(np.prod(shape, dtype=float))
    share = min(1.0, RUNS_AT_A_PLACE / size) ** (1 / max(1, sum(n > 1 for n in shape)))
    lengths = [max(1, round(n * share)) for n in shape]
    found = {}
    for place in np.linspace(0, 1, PLACES):
        box = tuple(
            slice(start, start + length)
            for n, length in zip(shape, lengths, strict=True)
            for start in [round(place * (n - length))]
        )
        found[repr(box)] = box
    return list(found.values())
