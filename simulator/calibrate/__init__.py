"""Fitting a model's quantities to findings, and how sure the findings leave them.

Quantities that the tables mark as fitted are moved within their plausible ranges until the checks
of findings files hold with a margin: all at once by derivatives (`improve`), then those of single
cells and of cohorts by a search that minds no jumps (`search_part`). An ensemble of values for
which the checks hold is drawn (`draw_members`). `calibrate` does all that from folder to folder;
`robustness` and `write_report` say how sure the values are.
"""

from .ensemble import draw_members
from .files import Source
from .parts import cell_parts, cohort_parts, search_part
from .point import improve
from .report import write_report
from .robustness import robustness
from .scores import Scorer
from .space import Space
from .stages import Settings, calibrate

__all__ = [
    "Scorer",
    "Settings",
    "Source",
    "Space",
    "calibrate",
    "cell_parts",
    "cohort_parts",
    "draw_members",
    "improve",
    "robustness",
    "search_part",
    "write_report",
]
