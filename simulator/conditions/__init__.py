"""What is done to the cell: factors, designs, schedules, and the runs they make.

`make_design` turns keywords into a `Design`; `resolve` gives the numbers of all its runs at once;
`vehicle` gives its drug-free runs. The order in which changes apply is stated in `changes`.
"""

from .changes import STAGES, Change, Column, Stage
from .designs import Axis, Design
from .factors import make_design
from .names import Names
from .resolve import Program, Values, resolve
from .schedules import Schedule, schedule
from .vehicle import Vehicle, vehicle

__all__ = [
    "STAGES",
    "Axis",
    "Change",
    "Column",
    "Design",
    "Names",
    "Program",
    "Schedule",
    "Stage",
    "Values",
    "Vehicle",
    "make_design",
    "resolve",
    "schedule",
    "vehicle",
]
