"""Response measures: numbers that summarise a simulated dose-response.

Each takes a DataArray of viability (a fraction) that has the dose dimension(s), and returns a
DataArray over the other dimensions with a coordinate `bound`: `=` for a value, `<` or `>` where
the doses only bound it. Nothing is extrapolated. `attrs["direction"]` says which way it is read.
"""

from .area import AUC_RANGE, auc, auc400
from .combination import bliss_excess, combination_index, f_syn, hsa_excess
from .hill_curve import hill
from .loewe import loewe_excess
from .musyc import musyc, musyc_surface
from .single import ec50, ic, ic50
from .zero_interaction import zip_delta

__all__ = [
    "AUC_RANGE",
    "auc",
    "auc400",
    "bliss_excess",
    "combination_index",
    "ec50",
    "f_syn",
    "hill",
    "hsa_excess",
    "ic",
    "ic50",
    "loewe_excess",
    "musyc",
    "musyc_surface",
    "zip_delta",
]
