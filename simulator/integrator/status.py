"""How a run ended."""

from enum import IntEnum


class Status(IntEnum):
    """Outcome of one run; the value is what compiled code returns."""

    SUCCESS = 0
    STEP_LIMIT = 1
    STEP_TOO_SMALL = 2
    NOT_FINITE = 3
    SINGULAR_MATRIX = 4
    NO_STEADY_STATE = 5
    UNSTABLE_STEADY_STATE = 6
    TIME_LIMIT = 7
    EVENT_LIMIT = 8
    INCONSISTENT = 9

    @property
    def sentence(self) -> str:
        """What happened and what to do about it."""
        return _SENTENCES[self]


_SENTENCES = {
    Status.SUCCESS: "The run reached its end within the tolerances.",
    Status.STEP_LIMIT: "The step budget was used up. Raise max_steps or loosen rtol.",
    Status.STEP_TOO_SMALL: (
        "The step size fell to the resolution of the time variable. Look for a discontinuity or a"
        " blow-up in the rate laws near the time given, or loosen rtol and atol."
    ),
    Status.NOT_FINITE: (
        "A state or a rate is no finite number at the time given. Look for a division by zero, a"
        " power or logarithm of a negative number, or growth without bound."
    ),
    Status.SINGULAR_MATRIX: (
        "The linear systems could not be solved at any step size. Look for rates that change"
        " without bound with a species."
    ),
    Status.EVENT_LIMIT: (
        "Events cause each other without end at the time given, or too many wait for their"
        " execution. Look for events whose assignments make triggers true again."
    ),
    Status.INCONSISTENT: (
        "The algebraic rules could not be solved at the time given. Look for a rule that does not"
        " determine its variable there, or give it an initial value near its solution."
    ),
    Status.TIME_LIMIT: (
        "The time budget of the call was used up. Raise max_seconds, or ask for fewer runs."
    ),
    Status.NO_STEADY_STATE: (
        "The drug-free system did not settle. It may oscillate or grow: start from"
        ' start="initial", or hold the growing states during pre-equilibration.'
    ),
    Status.UNSTABLE_STEADY_STATE: (
        "The drug-free system came to rest on a state from which the smallest change leads away."
        ' Where it goes is left to chance: start from other initial values, from start="initial",'
        " or lower atol if something begins with less than that."
    ),
}
