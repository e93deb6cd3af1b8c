"""Events of the reference simulator, as SBML Level 3 Version 2 Core describes them in section 4.11.

An event is triggered when its trigger turns from false to true, and executed a delay later. Of the
executions due at one time, one at a time is done: the one with the highest priority (of equals, one
by lot; without priorities, the one triggered first); after each, every trigger is looked at again.
"""

from __future__ import annotations

import math
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from simulator.network.expression import evaluate
from simulator.network.network import Event

MANY = 10_000
"""Executions at one time after which a model is taken to be stuck there."""


class System(Protocol):
    """What is integrated and what events act on."""

    y: np.ndarray

    def rates(self, time: float, y: np.ndarray) -> np.ndarray:
        """d(states)/dt."""

    def values(self, time: float, y: np.ndarray) -> dict[str, float]:
        """Value of every quantity."""

    def assign(self, time: float, new: Mapping[str, float]) -> None:
        """Give quantities new values."""


@dataclass(eq=False)
class Execution:
    """An event that was triggered; `values` if they were evaluated then."""

    event: Event
    time: float
    values: dict[str, float] | None


class Queue:
    """Executions to come, and what every trigger was when last looked at."""

    def __init__(self, events: Sequence[Event], system: System) -> None:
        self.events = events
        self.system = system
        self.true = {event.id: event.initial_value for event in events}
        self.waiting: list[Execution] = []
        self.random = random.Random(0)  # noqa: S311

    def next_execution(self) -> float:
        """The time of the next execution; infinity if none waits."""
        return min((e.time for e in self.waiting), default=math.inf)

    def changes(self, time: float, y: np.ndarray) -> bool:
        """Whether some trigger is not what it was."""
        values = self.system.values(time, y)
        return any(self._holds(event, values) != self.true[event.id] for event in self.events)

    def _holds(self, event: Event, values: Mapping[str, float]) -> bool:
        return evaluate(event.trigger, values) != 0

    def settle(self, time: float) -> None:
        """Do all that happens at this time."""
        for _ in range(MANY):
            self._look(time)
            due = [e for e in self.waiting if e.time <= time]
            if not due:
                return
            values = self.system.values(time, self.system.y)
            best = self._next(due, values)
            self.waiting.remove(best)
            self.system.assign(time, self._assigned(best.event, values, best.values))
        raise RuntimeError(f"events at t = {time} never end")

    def _look(self, time: float) -> None:
        values = self.system.values(time, self.system.y)
        for event in self.events:
            holds = self._holds(event, values)
            if holds and not self.true[event.id]:
                delay = 0.0 if event.delay is None else evaluate(event.delay, values)
                early = self._assigned(event, values) if event.use_trigger_values else None
                self.waiting.append(Execution(event, time + delay, early))
            elif not holds and not event.persistent:
                self.waiting = [e for e in self.waiting if e.event is not event]
            self.true[event.id] = holds

    def _next(self, due: list[Execution], values: Mapping[str, float]) -> Execution:
        priorities = [self._priority(e.event, values) for e in due]
        highest = max(priorities)
        if highest == -math.inf:
            return due[0]
        return self.random.choice([e for e, p in zip(due, priorities, strict=True) if p == highest])

    def _priority(self, event: Event, values: Mapping[str, float]) -> float:
        return -math.inf if event.priority is None else evaluate(event.priority, values)

    def _assigned(
        self, event: Event, values: Mapping[str, float], early: dict[str, float] | None = None
    ) -> dict[str, float]:
        if early is not None:
            return early
        return {name: evaluate(e, values) for name, e in event.assignments}
