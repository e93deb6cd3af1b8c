"""Levels that are names: alterations and genes, several at once, and expression mappings."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from ..errors import ConditionError
from ..network.definition import Definition
from .changes import Change
from .names import check_name
from .schedules import number_label, number_of


def names_of(factor: str, value: Any) -> tuple[str, ...]:
    """The names in one level: "A", ("A", "B"), "A+B"; none for None, "none" and ().

    Raises
    ------
    ConditionError
        The level is no name or tuple of names, or repeats a name.
    """
    if value is None or value == "none" or value == ():
        return ()
    parts = value if isinstance(value, tuple) else (value,)
    names: list[str] = []
    for part in parts:
        if not isinstance(part, str):
            raise ConditionError(_not_names(factor, value))
        names.extend(name.strip() for name in part.split("+"))
    if "none" in names or "" in names:
        raise ConditionError(
            f'{factor} is {value!r}: "none" and empty names cannot be joined with others.'
        )
    for name in names:
        if names.count(name) > 1:
            raise ConditionError(f'{factor} is {value!r}, which has "{name}" twice.')
    return tuple(names)


def _not_names(factor: str, value: Any) -> str:
    if isinstance(value, list):
        listed = ", ".join(map(repr, value))
        return (
            f"{factor} has the list {value!r} as one level: write a tuple, ({listed}), for several "
            "at once, or put the names in one list for several runs."
        )
    return (
        f"{factor} is {value!r}; it must be a name, a tuple of names for several at once, or None."
    )


def alteration_changes(definition: Definition, names: Sequence[str]) -> list[Change]:
    """What several alterations change together.

    Raises
    ------
    ConditionError
        An alteration is unknown, or two set one parameter to different values.
    """
    changes: list[Change] = []
    set_by: dict[str, tuple[str, float]] = {}
    for name in names:
        check_name("alteration", name, definition.alterations, definition.name)
        for override in definition.alterations[name]:
            if override.operation == "set":
                first, value = set_by.setdefault(override.parameter, (name, override.value))
                if value != override.value:
                    raise ConditionError(
                        f'alterations "{first}" and "{name}" cannot be combined: they set '
                        f'"{override.parameter}" to {value:g} and to {override.value:g}.'
                    )
            changes.append(
                Change(override.parameter, override.operation, override.value, None, "alteration")
            )
    return changes


def expression_changes(
    definition: Definition, value: Any
) -> tuple[str, list[Change], frozenset[tuple[str, float]]]:
    """(label, changes, identity) of one expression mapping, its label, None or "none".

    Raises
    ------
    ConditionError
        It is no mapping from genes to factors >= 0.
    """
    factors = _expression_factors(value)
    for gene in factors:
        check_name("gene", gene, definition.genes, definition.name)
    changes = [
        Change(parameter, "multiply", factor, None, "expression")
        for gene, factor in factors.items()
        for parameter in definition.genes[gene]
    ]
    label = ",".join(f"{gene}={number_label(factor)}" for gene, factor in factors.items())
    return label or "none", changes, frozenset(factors.items())


def _expression_factors(value: Any) -> dict[str, float]:
    if value is None or value == "none":
        return {}
    pairs: list[tuple[Any, Any]]
    if isinstance(value, str):
        pairs = [_parse_pair(part, value) for part in value.split(",")]
    elif isinstance(value, Mapping):
        pairs = list(value.items())
    else:
        raise ConditionError(
            f"expression is {value!r}; it must be a mapping from genes to factors like "
            '{"BCL2": 4}, or a list of such mappings.'
        )
    factors: dict[str, float] = {}
    for gene, given in pairs:
        if isinstance(given, (list, tuple, range)) or getattr(given, "shape", ()) != ():
            raise ConditionError(
                f'expression of gene "{gene}" is {given!r}, but one level has one factor per gene: '
                f'write a list of mappings, [{{"{gene}": 1}}, {{"{gene}": 2}}], for several runs.'
            )
        number = number_of(given)
        if number is None or not math.isfinite(number) or number < 0:
            shown = f"{given!r}" if number is None else f"{number:g}"
            raise ConditionError(
                f'expression of gene "{gene}" is {shown}; it must be finite and >= 0.'
            )
        if gene in factors:
            raise ConditionError(f'expression "{value}" has gene "{gene}" twice.')
        factors[str(gene)] = number + 0.0
    return factors


def _parse_pair(part: str, whole: str) -> tuple[str, float]:
    gene, equals, factor = part.partition("=")
    try:
        return gene.strip(), float(factor if equals else "?")
    except ValueError:
        raise ConditionError(
            f'expression is "{whole}"; it must be a mapping from genes to factors like '
            '{"BCL2": 4}, or its label like "BCL2=4,IL7R=0.2".'
        ) from None
