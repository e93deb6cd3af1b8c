"""Events of an SBML model.

Without mathematics (Level 3 Version 2) a trigger never comes true, a delay is none, a priority is
none, and an assignment assigns nothing.
"""

from __future__ import annotations

from typing import Any

from .network import Event
from .sbml_quantities import Reading


def read_events(reading: Reading) -> tuple[Event, ...]:
    """All events in the order of the file, but those that can never happen."""
    events: list[Event] = []
    for number, e in enumerate(reading.model.getListOfEvents(), start=1):
        event = _event(e, number, reading)
        if event is not None:
            events.append(event)
    return tuple(events)


def _event(e: Any, number: int, reading: Reading) -> Event | None:
    name = e.getId() if e.isSetId() else f"number {number}"
    place = f'event "{name}"' if e.isSetId() else f"event {name}"
    trigger = reading.formula(_maths(e.getTrigger()), f"the trigger of {place}")
    delay = reading.formula(_maths(e.getDelay()), f"the delay of {place}")
    priority = reading.formula(_maths(e.getPriority()), f"the priority of {place}")
    assignments = []
    for assignment in e.getListOfEventAssignments():
        variable = assignment.getVariable()
        value = reading.formula(assignment.getMath(), f'{place}: the assignment to "{variable}"')
        if value is not None:
            assignments.append((variable, value))
    if trigger is None:
        return None
    level_3 = e.getLevel() > 2  # before it, events are persistent and none is triggered at t = 0
    return Event(
        id=name,
        trigger=trigger,
        delay=delay,
        priority=priority,
        persistent=bool(e.getTrigger().getPersistent()) if level_3 else True,
        initial_value=bool(e.getTrigger().getInitialValue()) if level_3 else True,
        use_trigger_values=bool(e.getUseValuesFromTriggerTime()),
        assignments=tuple(assignments),
        name=e.getName(),
    )


def _maths(element: Any) -> Any:
    """The mathematics of an optional element of libsbml's."""
    return None if element is None else element.getMath()
