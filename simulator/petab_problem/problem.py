"""What a PEtab problem says, versions 1 and 2 alike: frozen types of plain Python."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ..network.expression import Expression
from ..network.network import Network

PRE_EQUILIBRATION = float("-inf")
"""Start of a period that lasts until nothing changes any more."""


@dataclass(frozen=True, slots=True)
class Distribution:
    """A distribution of a parameter, by its name in version 2, and what it is given by.

    name : uniform, normal, laplace, log-normal, log-laplace, log-uniform, cauchy, chisquare,
        exponential, gamma or rayleigh; a version 1 `logNormal` is log-normal, and so on.
    on_scale : whether it is one of the parameter as scaled (v1: parameterScaleNormal ...).
    truncated : whether it is cut off at the parameter's bounds (v2).
    """

    name: str
    parameters: tuple[float, ...]
    on_scale: bool = False
    truncated: bool = False


@dataclass(frozen=True, slots=True)
class Parameter:
    """A row of the parameter table. Numbers are on linear scale; `scale` is lin, log or log10.

    id : the model's id, where the mapping table (version 2) gives it another name.
    lower, upper : infinite where a parameter that is not estimated has none.
    nominal : nan where an estimated parameter has none.
    prior : None for flat between the bounds.
    inner : "scaling", "offset" or "sigma" for one that a hierarchical search need not search (the
        column `parameterType` of pyPESTO), else "".
    start : where a search starts (version 1's initialization prior); None as for `prior`.
    """

    id: str
    scale: str
    lower: float
    upper: float
    nominal: float
    estimate: bool
    prior: Distribution | None = None
    start: Distribution | None = None
    name: str = ""
    inner: str = ""


@dataclass(frozen=True, slots=True)
class Change:
    """`target` (a parameter, species or compartment of the model) becomes `value`.

    A target that the model does not have is a symbol of observables, which has this value from then
    on. The value is an expression over ids of the parameter table and, in version 2, of the model.
    """

    target: str
    value: Expression


@dataclass(frozen=True, slots=True)
class Period:
    """From `start` on, with these changes made at once there.

    In a period that is not the first, what is not among the changes keeps its value. (Version 1's
    second period therefore also sets constants back to the model's values, which its condition
    leaves to the model and pre-equilibration did not.)
    """

    start: float
    changes: tuple[Change, ...]


@dataclass(frozen=True, slots=True)
class Experiment:
    """Periods in order of time, the first perhaps at `PRE_EQUILIBRATION`.

    The first one's changes are of initial values: initial assignments follow them.

    id : of version 1, the simulation condition, or `<pre-equilibration>-<simulation>`; of version
        2, the experiment, or "" for measurements without one: the unchanged model from time 0.
    """

    id: str
    periods: tuple[Period, ...]
    name: str = ""


@dataclass(frozen=True, slots=True)
class Observable:
    """What is measured.

    formula, noise : expressions over the model's symbols, ids of the parameter table and the
        placeholders below, which each measurement replaces by its own values. `noise` may use the
        observable's own id (as version 2 allows); it is written out here already.
    transformation : lin, log or log10 (version 1).
    distribution : normal or laplace, in version 2 also log-normal or log-laplace; what the noise
        formula means is as in PEtab.
    """

    id: str
    formula: Expression
    noise: Expression
    transformation: str
    distribution: str
    placeholders: tuple[str, ...] = ()
    noise_placeholders: tuple[str, ...] = ()
    name: str = ""


@dataclass(frozen=True, slots=True)
class Measurement:
    """A row of the measurement table.

    time : may be inf, for the steady state.
    overrides : placeholder -> expression (a number or a parameter id).
    row : its number in the table(s), from 0 and without blank lines; simulation tables are in this
        order.
    censoring : the ends of the interval in which the value is known to lie, -inf or inf on a side
        without end (the columns `measurementType` and `censoringBounds` of pyPESTO); None where
        `value` is what was measured. Of a censored one, `value` says nothing, and may be nan.
    """

    observable: str
    experiment: str
    time: float
    value: float
    overrides: Mapping[str, Expression]
    row: int
    censoring: tuple[float, float] | None = None


@dataclass(frozen=True)
class PetabProblem:
    """A problem as its files say it.

    network : the model, without any change by the tables.
    """

    path: Path
    version: int
    network: Network
    parameters: tuple[Parameter, ...]
    experiments: tuple[Experiment, ...]
    observables: tuple[Observable, ...]
    measurements: tuple[Measurement, ...]
