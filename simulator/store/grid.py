"""How the runs of a sweep are cut into chunks: boxes of neighbouring runs, in C order."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Grid:
    """Runs of a given shape, cut into boxes.

    shape : levels of each dimension; () for a single run.
    chunk : the greatest number of levels of a box on each dimension.
    """

    shape: tuple[int, ...]
    chunk: tuple[int, ...]

    @property
    def counts(self) -> tuple[int, ...]:
        """Boxes along each dimension."""
        return tuple(-(-n // c) for n, c in zip(self.shape, self.chunk, strict=True))

    def __len__(self) -> int:
        return math.prod(self.counts)

    def place(self, number: int) -> tuple[int, ...]:
        """Which box of each dimension a chunk is."""
        if not self.shape:
            return ()
        return tuple(int(i) for i in np.unravel_index(number, self.counts))

    def slices(self, number: int) -> tuple[slice, ...]:
        """The levels that a chunk has of each dimension."""
        return tuple(
            slice(i * c, min((i + 1) * c, n))
            for i, c, n in zip(self.place(number), self.chunk, self.shape, strict=True)
        )

    def box(self, number: int) -> tuple[int, ...]:
        """How many levels a chunk has of each dimension."""
        return tuple(own.stop - own.start for own in self.slices(number))

    def size(self, number: int) -> int:
        """Runs of a chunk."""
        return math.prod(self.box(number))

    def runs(self, number: int, own: NDArray[np.intp]) -> NDArray[np.intp]:
        """Numbers, among all runs, of a chunk's runs that are numbered in C order within it."""
        if not self.shape:
            return own
        slices = self.slices(number)
        levels = np.unravel_index(own, self.box(number))
        shifted = [level + s.start for level, s in zip(levels, slices, strict=True)]
        found: NDArray[np.intp] = np.ravel_multi_index(tuple(shifted), self.shape)
        return found


def chunk_shape(shape: Sequence[int], order: Sequence[int], most: int) -> tuple[int, ...]:
    """Box of at most `most` runs; dimensions that come early in `order` are kept whole first.

    A dimension that has to be cut is cut into boxes of about the same length.
    """
    chunk = [1] * len(shape)
    for axis in order:
        length = max(1, min(shape[axis], most))
        chunk[axis] = -(-shape[axis] // -(-shape[axis] // length))
        most //= chunk[axis]
    return tuple(chunk)
