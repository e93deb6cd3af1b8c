"""Fitting a model's quantities to findings, and how sure the findings leave them.

Quantities that the tables mark as fitted are moved within their plausible ranges until the checks
of findings files hold with a margin (`improve`), and an ensemble of values that all do is drawn
(`draw_members`). `calibrate` does both from folder to folder; `robustness` and `write_report` say
how sure the values are.
"""

from .ensemble import draw_members
from .point import improve
from .report import write_report
from .robustness import robustness
from .scores import Scorer
from .space import Space
from .stages import Settings, calibrate

__all__ = [
    "Scorer",
    "Settings",
    "Space",
    "calibrate",
    "draw_members",
    "improve",
    "robustness",
    "write_report",
]
