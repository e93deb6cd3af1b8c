"""steroidsim: how leukaemic cells respond to steroids and targeted drugs.

    import simulator as sim

    model = sim.load("steroid_response")
    ds = model.simulate(time=96, alteration=[None, "NRAS_G12D"], prednisolone=[0, 0.1, 1, 10])

What is heavy is imported when it is first used.
"""

from typing import TYPE_CHECKING, Any

from ._version import __version__
from .errors import ConditionError, IntegrationError, ModelError, did_you_mean

if TYPE_CHECKING:
    from os import PathLike

    from . import fit, plot, response
    from .conditions import sample, schedule
    from .dosing import best_schedule, lowest_dose, lowest_doses, sequence
    from .integrator.status import Status
    from .screens import control_coefficients, global_sensitivity, screen
    from .simulation.model import Model
    from .simulation.sweep import design
    from .store import merge
    from .store import read_store as open_store

__all__ = [
    "load",
    "schedule",
    "sample",
    "design",
    "open_store",
    "merge",
    "lowest_dose",
    "lowest_doses",
    "sequence",
    "best_schedule",
    "screen",
    "control_coefficients",
    "global_sensitivity",
    "response",
    "fit",
    "plot",
    "Status",
    "ModelError",
    "ConditionError",
    "IntegrationError",
    "__version__",
]


def load(model: "str | PathLike[str]") -> "Model":
    """Read a model.

    Parameters
    ----------
    model
        A bundled model's name, a model folder, an Antimony file (``.ant``), an SBML file (``.xml``
        or ``.sbml``, Level 2 or 3), or Antimony text (a string with a newline).

    Returns
    -------
    Model
        What can be simulated.

    Raises
    ------
    ModelError
        There is no such model, or it cannot be used as it stands: the message names the file, the
        line or id, and what would be right.
    """
    from .simulation.load import load_model

    return load_model(model)


def __getattr__(name: str) -> Any:
    if name in ("schedule", "sample"):
        from . import conditions

        return getattr(conditions, name)
    if name in ("lowest_dose", "lowest_doses", "sequence", "best_schedule"):
        from . import dosing

        return getattr(dosing, name)
    if name == "design":
        from .simulation.sweep import design

        return design
    if name == "merge":
        from .store import merge

        return merge
    if name == "open_store":
        from .store import read_store

        return read_store
    if name in ("screen", "control_coefficients", "global_sensitivity"):
        from . import screens

        return getattr(screens, name)
    if name == "Status":
        from .integrator.status import Status

        return Status
    if name in ("response", "fit", "plot"):
        from importlib import import_module

        return import_module(f".{name}", __name__)
    raise AttributeError(f"module {__name__!r} has no {name!r}.{did_you_mean(name, __all__)}")


def __dir__() -> list[str]:
    return sorted(__all__)
