"""Figures of results, from one column of a journal to a page.

`plot_x(data, ax=None, ...) -> Axes`: each draws what another call returned, on the axes given or on
new ones one column wide. matplotlib is imported when something is drawn, and no window opens.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from ..errors import did_you_mean
from .style import COLOURS, COLUMN, MARKERS, STYLE

if TYPE_CHECKING:
    from .dose_response import plot_dose_response
    from .pathway import plot_pathway
    from .pathway_file import pathway_map
    from .pathway_layout import PathwayMap
    from .pathways import plot_pathways
    from .prediction import plot_prediction

#: Public name -> the module that has it.
_MODULES = {
    "plot_dose_response": "dose_response",
    "plot_pathway": "pathway",
    "plot_pathways": "pathways",
    "PathwayMap": "pathway_layout",
    "pathway_map": "pathway_file",
    "plot_prediction": "prediction",
}

__all__ = [
    "COLOURS",
    "COLUMN",
    "MARKERS",
    "STYLE",
    "PathwayMap",
    "pathway_map",
    "plot_dose_response",
    "plot_pathway",
    "plot_pathways",
    "plot_prediction",
]


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return getattr(import_module(f".{_MODULES[name]}", __name__), name)
    raise AttributeError(f"module {__name__!r} has no {name!r}.{did_you_mean(name, __all__)}")


def __dir__() -> list[str]:
    return sorted(__all__)
