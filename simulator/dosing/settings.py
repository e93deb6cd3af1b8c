"""What a search takes from the model's folder where the call does not say: doses and time."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ..conditions.names import check_name
from ..conditions.schedules import number_of
from ..errors import ConditionError, did_you_mean

if TYPE_CHECKING:
    from ..simulation.model import Model


def checked_drug(model: Model, drug: Any) -> str:
    """A drug or ligand of the model.  Raises ConditionError for anything else."""
    if not isinstance(drug, str):
        raise ConditionError(f"A drug is given by its name, not {drug!r}.")
    check_name("drug", drug, model.definition.drugs, model.definition.name)
    return drug


def checked_pair(model: Model, drugs: Any) -> tuple[str, str]:
    """Two different drugs.  Raises ConditionError for anything else."""
    if isinstance(drugs, str) or not isinstance(drugs, Sequence) or len(drugs) != 2:
        raise ConditionError(
            f'drugs are two names, like ("prednisolone", "selumetinib"), not {drugs!r}.'
        )
    first, second = (checked_drug(model, drug) for drug in drugs)
    if first == second:
        raise ConditionError(f'drugs are two different ones, not "{first}" twice.')
    return first, second


def dose_range(model: Model, drug: str, given: Any, option: str = "range") -> tuple[float, float]:
    """Lowest and highest dose to try: as given, or as the folder's block "predict" states.

    Raises ConditionError where neither says, and for anything but two rising doses above 0.
    """
    if given is None:
        stated = _stated_doses(model.definition.settings, drug)
        given = (stated.get("low"), stated.get("high"))
        if None in given:
            raise ConditionError(
                f'{model.definition.name} states no doses of "{drug}" to search in: give'
                f" {option}=(low, high)."
            )
    ends = given if isinstance(given, Sequence) and not isinstance(given, str) else ()
    numbers = [number_of(end) for end in ends]
    low, high = (numbers[0], numbers[1]) if len(numbers) == 2 else (None, None)
    if low is None or high is None or not 0 < low < high < math.inf:
        raise ConditionError(f"{option} is two rising doses above 0, (low, high), not {given!r}.")
    return low, high


def _stated_doses(settings: Mapping[str, Any], drug: str) -> Mapping[str, Any]:
    """The doses of a drug in the block "predict" of model.yaml; empty where it has none."""
    block = settings.get("predict")
    if not isinstance(block, Mapping):
        return {}
    if drug == block.get("steroid"):
        found = block.get("steroid_doses")
    elif drug in dict(block.get("partners") or {}).values():
        found = block.get("partner_doses")
    else:
        found = None
    return found if isinstance(found, Mapping) else {}


def by_drug(given: Any, drugs: Sequence[str], option: str) -> dict[str, Any]:
    """What an option says of each drug: a mapping from names, None for those left out.

    Raises ConditionError for anything but a mapping, and for other names.
    """
    if given is None:
        given = {}
    if not isinstance(given, Mapping):
        raise ConditionError(f'{option} is a mapping like {{"{drugs[0]}": ...}}, not {given!r}.')
    for name in given:
        if name not in drugs:
            raise ConditionError(
                f'{option} names "{name}", but the drugs are {" and ".join(drugs)}.'
                f"{did_you_mean(name, drugs)}"
            )
    return {drug: given.get(drug) for drug in drugs}


def evaluated_at(model: Model, time: Any) -> float:
    """The time at which the output is read: as given, or the folder's hours of a prediction.

    Raises ConditionError where neither says, and for anything but one time above 0.
    """
    if time is None:
        block = model.definition.settings.get("predict")
        time = block.get("hours") if isinstance(block, Mapping) else None
        if time is None:
            raise ConditionError(f"{model.definition.name} states no time to look at: give time=.")
    number = number_of(time)
    if number is None or not 0 < number < math.inf:
        raise ConditionError(f"time is one number above 0, not {time!r}.")
    return number


def checked_number(name: str, value: Any, low: float, high: float, what: str) -> float:
    """A number with low < value <= high.  Raises ConditionError for anything else."""
    number = number_of(value)
    if number is None or not low < number <= high:
        raise ConditionError(f"{name} is {what}, not {value!r}.")
    return number
