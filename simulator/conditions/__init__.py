"""What is done to the cell: factors, designs, schedules, and the runs they make.

`make_design` turns keywords into a `Design`; `resolve` gives the numbers of all its runs at once;
`vehicle` gives its drug-free runs. The order in which changes apply is stated in `changes`.
"""

from .changes import STAGES, Change, Column, Stage
from .designs import Axis, Design
from .factors import make_design
from .lazy import LazyDesign, RowAxis, axis_digest, fixed_digest
from .names import Names
from .resolve import Program, Values, resolve
from .schedules import Schedule, schedule
from .sources import RowSource, Sample, sample
from .vehicle import Vehicle, vehicle

__all__ = [
    "STAGES",
    "Axis",
    "Change",
    "Column",
    "Design",
    "LazyDesign",
    "Names",
    "Program",
    "RowAxis",
    "RowSource",
    "Sample",
    "Schedule",
    "Stage",
    "Values",
    "Vehicle",
    "axis_digest",
    "fixed_digest",
    "make_design",
    "resolve",
    "sample",
    "schedule",
    "vehicle",
]
