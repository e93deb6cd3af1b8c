"""A page of text about a model: every name that a simulation of it understands."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator

from ..network.definition import Definition, Drug

WIDTH = 100

#: More names than this of one kind are counted, and the first of them shown.
SHOWN = 60


def overview(definition: Definition) -> str:
    """What `print(model)` shows: a line for each kind of name, wrapped, with its names.

    Names are those that `Model.simulate` takes as levels of factors, as ids or as `outputs`.
    """
    network = definition.network
    title = definition.settings.get("title") or network.name
    lines = textwrap.wrap(f"{definition.name}: {title}" if title else definition.name, WIDTH)
    resting = definition.start == "steady_state"
    lines += [
        f"{len(network.species)} species, {len(network.reactions)} reactions,"
        f" {sum(p.constant for p in network.parameters)} constant parameters;"
        f" time in {network.time_unit or 'the unit of the file'}",
        f"starts from the {'steady state of the untreated cell' if resting else 'initial values'}",
    ]
    for kind, names in _kinds(definition):
        lines += _wrapped(kind, names)
    return "\n".join(lines)


def _kinds(definition: Definition) -> Iterator[tuple[str, list[str]]]:
    default = definition.default_cell
    yield "cell", [f"{c} (default)" if c == default else c for c in definition.cells]
    yield "alteration", list(definition.alterations)
    yield "knockout, expression", list(definition.genes)
    for kind in dict.fromkeys(_class_of(drug) for drug in definition.drugs.values()):
        own = [d for d in definition.drugs.values() if _class_of(d) == kind]
        yield f"{kind} ({own[0].unit})", [d.name for d in own]
    yield "cohort", list(definition.cohorts)
    if definition.observables:
        yield "outputs", [o.id for o in definition.observables]
        return
    yield "species", [s.id for s in definition.network.species]
    yield "parameter", [p.id for p in definition.network.parameters if p.constant]


def _class_of(drug: Drug) -> str:
    return drug.drug_class or drug.kind


def _wrapped(kind: str, names: Iterable[str]) -> list[str]:
    names = list(names)
    if not names:
        return []
    shown = ", ".join(names[:SHOWN])
    if len(names) > SHOWN:
        shown += f" ... ({len(names)})"
    head = f"  {kind}: "
    return textwrap.wrap(
        head + shown, WIDTH, subsequent_indent="      ", break_on_hyphens=False,
        break_long_words=False,
    )  # fmt: skip
