"""Screens: what happens to a measure when one thing, or everything at once, is changed.

`screen` perturbs genes, drugs and parameters one at a time; `control_coefficients` are exact local
sensitivities; `global_sensitivity` varies all parameters together over their plausible ranges.
"""

from .control import control_coefficients
from .ranges import global_sensitivity
from .screen import screen

__all__ = ["control_coefficients", "global_sensitivity", "screen"]
