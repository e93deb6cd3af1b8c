"""Which doses, and in which order: searches over simulated runs.

`lowest_dose` of one drug that reaches a target in each condition, or in a fraction of a cohort;
`lowest_doses` of two drugs together; `sequence` and `best_schedule` of two drugs at equal exposure.
Each round of a search is one call of `model.simulate` with all conditions in it.
"""

from .combined import lowest_doses
from .sequences import best_schedule, sequence
from .single import lowest_dose

__all__ = ["best_schedule", "lowest_dose", "lowest_doses", "sequence"]
