"""Fitting a model to measurements: likelihoods, priors, sensitivities, and what is searched.

::

    problem = simulator.fit.Problem("problem.yaml")  # PEtab, version 1 or 2
    problem.log_likelihood(), problem.gradient()
    simulator.fit.plot_fit(problem, problem.optimize())

What needs pyPESTO is imported when it is first used.
"""

from typing import TYPE_CHECKING, Any

from ..errors import did_you_mean
from .problem import Problem

if TYPE_CHECKING:
    from .fit_plot import plot_fit
    from .optimise import starts_table
    from .plots import plot_parameters, plot_profiles, plot_waterfall

__all__ = [
    "Problem",
    "plot_fit",
    "plot_waterfall",
    "plot_parameters",
    "plot_profiles",
    "starts_table",
]


def __getattr__(name: str) -> Any:
    if name == "plot_fit":
        from .fit_plot import plot_fit

        return plot_fit
    if name == "starts_table":
        from .optimise import starts_table

        return starts_table
    if name in __all__:
        from . import plots

        return getattr(plots, name)
    raise AttributeError(f"module {__name__!r} has no {name!r}.{did_you_mean(name, __all__)}")


def __dir__() -> list[str]:
    return sorted(__all__)
