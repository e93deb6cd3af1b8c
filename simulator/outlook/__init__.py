"""Predictions to test: what knock-outs, third drugs and pairs of drugs would do.

What is asked is the block `outlook:` of the model folder's model.yaml, on top of what `predict:`
says of steroid, partners and thresholds. `outlook` simulates it, `report_text`, `figures` and
`full_tables` say what came out.
"""

from .figures import figures
from .full_tables import full_tables
from .report import report_text
from .results import Results, outlook
from .settings import OutlookSettings, read_outlook

__all__ = [
    "OutlookSettings",
    "Results",
    "figures",
    "full_tables",
    "outlook",
    "read_outlook",
    "report_text",
]
