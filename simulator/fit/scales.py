"""The scales on which parameters are searched."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


class Scales:
    """The scales (lin, log, log10) on which parameters are searched."""

    def __init__(self, names: Sequence[str]) -> None:
        self.names = tuple(names)
        self._log = np.array([name in ("log", "log10") for name in names], bool)
        self._base = np.array([math.log(10.0) if name == "log10" else 1.0 for name in names])

    def linear(self, scaled: Array) -> Array:
        """Linear values (..., parameters) of scaled ones."""
        exponent = np.where(self._log, scaled * self._base, 0.0)
        return np.where(self._log, np.exp(exponent), scaled)

    def scaled(self, linear: Array) -> Array:
        """Scaled values (..., parameters) of linear ones; NaN or -inf where there is none."""
        with np.errstate(divide="ignore", invalid="ignore"):
            logarithm = np.log(np.where(self._log, linear, 1.0)) / self._base
        return np.where(self._log, logarithm, linear)

    def slopes(self, linear: Array) -> Array:
        """d linear/d scaled at linear values (..., parameters): a gradient is multiplied by it."""
        return np.where(self._log, linear * self._base, 1.0)
