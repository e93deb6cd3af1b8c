"""Fitting a model's quantities to findings, and how sure the findings leave them.

Quantities that the tables mark as fitted are moved within their plausible ranges until the checks
of findings files hold with a margin (`improve`), and an ensemble of values that all do is drawn
(`draw_members`).
"""

from .ensemble import draw_members
from .point import improve
from .scores import Scorer
from .space import Space

__all__ = ["Scorer", "Space", "draw_members", "improve"]
