"""The three ways in which a request can be wrong, by who has to act.

`ModelError` is for the author of a model, `ConditionError` for the experimenter, and
`IntegrationError` for whoever set the tolerances. Each message is one sentence that says where,
what was found and what would be right.
"""

from collections.abc import Iterable
from difflib import get_close_matches


class SteroidsimError(Exception):
    """Any error that a user of steroidsim can cause and mend."""


class ModelError(SteroidsimError):
    """A model file, or a table of a model folder, cannot be used as it stands."""


class ConditionError(SteroidsimError):
    """A simulation was asked for something that the model, or the call, does not have."""


class IntegrationError(SteroidsimError):
    """The numerical integration could not reach the end within its tolerances and budgets."""


def nearest(name: object, names: Iterable[str]) -> str | None:
    """The valid name closest to `name`, or None when nothing is close."""
    by_folded: dict[str, str] = {}
    for valid in names:
        by_folded.setdefault(valid.casefold(), valid)
    found = get_close_matches(str(name).casefold(), list(by_folded), n=1, cutoff=0.6)
    return by_folded[found[0]] if found else None


def did_you_mean(name: object, names: Iterable[str]) -> str:
    """` Nearest: "x".` to append to a message, or an empty string."""
    valid = nearest(name, names)
    return f' Nearest: "{valid}".' if valid is not None else ""
