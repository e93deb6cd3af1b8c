"""Figures of results, from one column of a journal to a page.

`plot_x(data, ax=None, ...) -> Axes`: each draws what another call returned, on the axes given or on
new ones one column wide. matplotlib is imported when something is drawn, and no window opens.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from ..errors import did_you_mean
from .style import COLOURS, COLUMN, MARKERS, STYLE

if TYPE_CHECKING:
    from .control import plot_control
    from .dose_response import plot_dose_response
    from .isobole import plot_isobole
    from .prediction import plot_prediction
    from .schedule import plot_schedule, plot_timeline
    from .screen import plot_screen
    from .screen_pairs import plot_screen_pairs
    from .sensitivity import plot_sensitivity

#: Public name -> the module that has it.
_MODULES = {
    "plot_control": "control",
    "plot_dose_response": "dose_response",
    "plot_isobole": "isobole",
    "plot_prediction": "prediction",
    "plot_schedule": "schedule",
    "plot_screen": "screen",
    "plot_screen_pairs": "screen_pairs",
    "plot_sensitivity": "sensitivity",
    "plot_timeline": "schedule",
}

__all__ = [
    "COLOURS",
    "COLUMN",
    "MARKERS",
    "STYLE",
    "plot_control",
    "plot_dose_response",
    "plot_isobole",
    "plot_prediction",
    "plot_schedule",
    "plot_screen",
    "plot_screen_pairs",
    "plot_sensitivity",
    "plot_timeline",
]


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return getattr(import_module(f".{_MODULES[name]}", __name__), name)
    raise AttributeError(f"module {__name__!r} has no {name!r}.{did_you_mean(name, __all__)}")


def __dir__() -> list[str]:
    return sorted(__all__)
