"""NumPy's global generator, from which pyPESTO draws, seeded for a while and then as it was."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np


@contextmanager
def seeded(*numbers: int) -> Iterator[None]:
    """Draws of the global generator depend on these numbers alone, inside."""
    before = np.random.get_state()  # noqa: NPY002
    seed = np.random.SeedSequence(numbers).generate_state(4)
    np.random.seed(seed)  # noqa: NPY002
    try:
        yield
    finally:
        np.random.set_state(before)  # noqa: NPY002
