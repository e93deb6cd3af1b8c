"""The main job: which cells are steroid resistant, and what would re-sensitise them.

Everything that this needs to know of a model - cells, drugs, doses, thresholds - is the block
`predict:` of the model folder's model.yaml; how far the numbers can be trusted is the spread over
the ensemble of parameter sets in the folder, where there is one.
"""

from .plain import as_dict
from .prediction import predict
from .settings import Settings, conditions_table, read_settings
from .spread import MEMBERS, NOT_ASKED, NOT_CALIBRATED

__all__ = [
    "MEMBERS",
    "NOT_ASKED",
    "NOT_CALIBRATED",
    "Settings",
    "as_dict",
    "conditions_table",
    "predict",
    "read_settings",
]
