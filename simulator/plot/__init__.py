"""Figures of results, from one column of a journal to a page.

`plot_x(data, ax=None, ...) -> Axes`: each draws what another call returned, on the axes given or on
new ones one column wide. Those of several panels return a Figure. matplotlib is imported when
something is drawn, and no window opens.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from ..errors import did_you_mean
from .style import COLOURS, COLUMN, MARKERS, STYLE

if TYPE_CHECKING:
    from .blot import plot_blot
    from .cohort import plot_cohort
    from .cohort_waterfall import plot_cohort_waterfall
    from .control import plot_control
    from .dose_matrix import plot_dose_matrix
    from .dose_response import plot_dose_response
    from .isobole import plot_isobole
    from .pathway import plot_pathway
    from .pathway_file import pathway_map
    from .pathway_layout import PathwayMap
    from .pathways import plot_pathways
    from .prediction import plot_prediction
    from .profile import plot_profile, plot_profiles
    from .schedule import plot_schedule, plot_timeline
    from .screen import plot_screen
    from .screen_pairs import plot_screen_pairs
    from .sensitivity import plot_sensitivity
    from .time_course import plot_time_course
    from .time_panels import plot_time_courses
    from .waterfall import plot_waterfall

#: Public name -> the module that has it.
_MODULES = {
    "plot_time_course": "time_course",
    "plot_time_courses": "time_panels",
    "plot_dose_response": "dose_response",
    "plot_dose_matrix": "dose_matrix",
    "plot_isobole": "isobole",
    "plot_schedule": "schedule",
    "plot_timeline": "schedule",
    "plot_blot": "blot",
    "plot_cohort": "cohort",
    "plot_cohort_waterfall": "cohort_waterfall",
    "plot_screen": "screen",
    "plot_screen_pairs": "screen_pairs",
    "plot_control": "control",
    "plot_sensitivity": "sensitivity",
    "plot_waterfall": "waterfall",
    "plot_profile": "profile",
    "plot_profiles": "profile",
    "plot_prediction": "prediction",
    "plot_pathway": "pathway",
    "plot_pathways": "pathways",
    "pathway_map": "pathway_file",
    "PathwayMap": "pathway_layout",
}

__all__ = [
    "STYLE",
    "COLUMN",
    "COLOURS",
    "MARKERS",
    "plot_time_course",
    "plot_time_courses",
    "plot_dose_response",
    "plot_dose_matrix",
    "plot_isobole",
    "plot_schedule",
    "plot_timeline",
    "plot_blot",
    "plot_cohort",
    "plot_cohort_waterfall",
    "plot_screen",
    "plot_screen_pairs",
    "plot_control",
    "plot_sensitivity",
    "plot_waterfall",
    "plot_profile",
    "plot_profiles",
    "plot_prediction",
    "plot_pathway",
    "plot_pathways",
    "pathway_map",
    "PathwayMap",
]


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return getattr(import_module(f".{_MODULES[name]}", __name__), name)
    raise AttributeError(f"module {__name__!r} has no {name!r}.{did_you_mean(name, __all__)}")


def __dir__() -> list[str]:
    return sorted(__all__)
