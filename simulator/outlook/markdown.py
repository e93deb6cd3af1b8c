"""Pieces of the report's text."""

from collections.abc import Iterable, Sequence

from .results import Item, Number


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table in Markdown; one line that says so where there are no rows."""
    lines = ["| " + " | ".join(row) + " |" for row in rows]
    if not lines:
        return "None.\n"
    return (
        "\n".join(["| " + " | ".join(header) + " |", "|" + " --- |" * len(header), *lines]) + "\n"
    )


def number(found: Number, form: str = ".0f") -> str:
    """`312`, `312 (280–340)`, or `-` where there is no value."""
    if found.value != found.value:
        return "-"
    if found.low != found.low:
        return f"{found.value:{form}}"
    return f"{found.value:{form}} ({found.low:{form}}–{found.high:{form}})"


def percent(share: float) -> str:
    """`94 %`, or `-` where no member was asked."""
    return "-" if share != share else f"{100 * share:.0f} %"


def strongest(item: Item | None) -> tuple[str, str, str]:
    """Names, number and share of the strongest treatment, for three columns."""
    if item is None:
        return "none", "", ""
    return "/".join(item.names), number(item.number), percent(item.share)


def listed(words: Sequence[str]) -> str:
    """`a`, `a and b`, `a, b and c`."""
    return " and ".join(filter(None, [", ".join(words[:-1]), *words[-1:]]))


def span(values: Sequence[float], form: str = ".2f") -> str:
    """`0.21`, or `0.21–0.57` for the ends of several values."""
    low, high = f"{min(values):{form}}", f"{max(values):{form}}"
    return low if low == high else f"{low}–{high}"
