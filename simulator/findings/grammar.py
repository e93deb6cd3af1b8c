"""The grammar of findings.yaml: findings, checks, `each`, `over` and bounds."""

import itertools
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import ModelError, did_you_mean

SCORED_KINDS = ("quantitative", "qualitative", "null", "structural")
KINDS = (*SCORED_KINDS, "hypothesis", "note")

FINDING_KEYS = ("id", "source", "kind", "statement", "checks")
CHECK_KEYS = ("readout", "of", "over", "is")

NUMBER = r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?"


@dataclass(frozen=True, slots=True)
class Bound:
    """Limits of a value, both inclusive; `text` as in the file."""

    text: str
    low: float
    high: float

    def holds(self, value: float) -> bool:
        """Whether the value is within the limits; a missing one (NaN) never is."""
        return self.low <= value <= self.high

    def margin(self, value: float) -> float:
        """Distance of a value to its nearer limit, negative outside; for ranking only.

        In log units where value and limits are positive, so that a ratio of 4 against ">= 2" and
        one of 0.1 against "<= 0.2" are equally far inside; as a difference otherwise.
        """
        if math.isnan(value) or self.low == self.high:
            return math.inf if self.holds(value) else -math.inf
        limits = [limit for limit in (self.low, self.high) if math.isfinite(limit)]
        positive = value > 0 and all(limit > 0 for limit in limits)

        def scaled(number: float) -> float:
            return math.log(number) if positive and math.isfinite(number) else number

        return min(scaled(value) - scaled(self.low), scaled(self.high) - scaled(value))


@dataclass(frozen=True, slots=True)
class Leaf:
    """A check with every `each` resolved: one readout of one run, perhaps over another."""

    where: str
    readout: str
    of: Mapping[str, Any]
    over: Mapping[str, Any] | None
    varied: str


@dataclass(frozen=True, slots=True)
class Check:
    """A check of the file: it holds if its bound holds for all its leaves."""

    bound: Bound
    leaves: tuple[Leaf, ...]


@dataclass(frozen=True, slots=True)
class Finding:
    """A finding of the file."""

    id: str
    source: str
    kind: str
    statement: str
    checks: tuple[Check, ...]


def read_findings(path: Path) -> tuple[tuple[Finding, ...], Mapping[str, Any]]:
    """Findings and protocols of a findings.yaml.

    Raises ModelError, with the finding's id, for anything that is not in the grammar.
    """
    import yaml

    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ModelError(f"{path}: cannot be read ({error.strerror}).") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        mark = getattr(error, "problem_mark", None)
        line = f" in line {mark.line + 1}" if mark else ""
        raise ModelError(
            f"{path}: is no valid YAML{line} ({getattr(error, 'problem', error)})."
        ) from None
    entries = content.get("findings") if isinstance(content, Mapping) else None
    if not isinstance(entries, list):
        raise ModelError(f'{path}: must be a mapping with a list "findings".')
    protocols = content.get("protocols") or {}
    if not isinstance(protocols, Mapping):
        raise ModelError(f'{path}: "protocols" must be a mapping.')
    findings = tuple(_finding(path, i, entry) for i, entry in enumerate(entries, start=1))
    seen: set[str] = set()
    for finding in findings:
        if finding.id in seen:
            raise ModelError(f'{path}: the finding "{finding.id}" occurs twice; ids are unique.')
        seen.add(finding.id)
    return findings, protocols


def _finding(path: Path, number: int, entry: object) -> Finding:
    if not isinstance(entry, Mapping) or not isinstance(entry.get("id"), str):
        raise ModelError(f'{path}: finding {number} must be a mapping with a text "id".')
    where = f'{path}: finding "{entry["id"]}"'
    known_keys(where, entry, FINDING_KEYS)
    for key in ("source", "kind", "statement"):
        if not isinstance(entry.get(key), str):
            raise ModelError(f'{where}: "{key}" must be text, found {entry.get(key)!r}.')
    if entry["kind"] not in KINDS:
        raise ModelError(
            f'{where}: kind "{entry["kind"]}" is none of {", ".join(KINDS)}.'
            f"{did_you_mean(entry['kind'], KINDS)}"
        )
    checks = entry.get("checks")
    if not isinstance(checks, list):
        raise ModelError(f'{where}: "checks" must be a list, found {checks!r}.')
    if not checks and entry["kind"] != "note":
        raise ModelError(f"{where}: has no checks, which only a finding of kind note may.")
    return Finding(
        id=entry["id"],
        source=entry["source"],
        kind=entry["kind"],
        statement=entry["statement"],
        checks=tuple(_check(f"{where}, check {i}", c) for i, c in enumerate(checks, start=1)),
    )


def _check(where: str, entry: object) -> Check:
    if not isinstance(entry, Mapping):
        raise ModelError(f"{where}: must be a mapping with readout, of and is.")
    known_keys(where, entry, CHECK_KEYS)
    for key in ("of", "over"):
        if not isinstance(entry.get(key, None if key == "of" else {}), Mapping):
            raise ModelError(f'{where}: "{key}" must be a mapping, found {entry.get(key)!r}.')
    bound = read_bound(where, entry.get("is"))
    asked = {key: entry[key] for key in ("readout", "of", "over") if key in entry}
    leaves = []
    for resolved, varied in expand(where, asked):
        if not isinstance(resolved.get("readout"), str):
            raise ModelError(f'{where}: "readout" must be text, found {resolved.get("readout")!r}.')
        over = {**resolved["of"], **resolved["over"]} if "over" in resolved else None
        label = ", ".join(varied)
        leaves.append(Leaf(where, resolved["readout"], resolved["of"], over, label))
    return Check(bound, tuple(leaves))


def known_keys(where: str, entry: Mapping[Any, Any], allowed: Sequence[str]) -> None:
    """Raise ModelError if a mapping has a key that is not allowed."""
    for key in entry:
        if key not in allowed:
            raise ModelError(
                f'{where}: has the key "{key}", but only {", ".join(allowed)} are allowed.'
                f"{did_you_mean(key, allowed)}"
            )


def expand(where: str, value: Any) -> Iterator[tuple[Any, tuple[str, ...]]]:
    """Every value that `each` stands for, crossed, with the choices that were made, as text."""
    if isinstance(value, Mapping) and "each" in value:
        if len(value) > 1 or not isinstance(value["each"], list) or not value["each"]:
            raise ModelError(f'{where}: "each" must stand alone, with a list of values.')
        for choice in value["each"]:
            for resolved, below in expand(where, choice):
                yield resolved, (*below,) if below else (as_text(resolved),)
    elif isinstance(value, Mapping):
        for combination in itertools.product(*(list(expand(where, v)) for v in value.values())):
            resolved = {k: v for k, (v, _) in zip(value, combination, strict=True)}
            chosen = zip(value, (varied for _, varied in combination), strict=True)
            yield resolved, tuple(_named(key, text) for key, varied in chosen for text in varied)
    elif isinstance(value, list):
        for combination in itertools.product(*(list(expand(where, v)) for v in value)):
            yield (
                [v for v, _ in combination],
                tuple(text for _, varied in combination for text in varied),
            )
    else:
        yield value, ()


def _named(key: str, text: str) -> str:
    """`at 24` for a bare number; names speak for themselves."""
    return f"{key} {text}" if re.fullmatch(NUMBER, text) else text


def as_text(value: Any) -> str:
    """A choice of `each` for a reader: `trametinib 0.5`, `JAK1_WT`, `24`."""
    if isinstance(value, Mapping):
        return " + ".join(f"{k} {as_text(v)}" for k, v in value.items()) or "no drug"
    if isinstance(value, list):
        return " + ".join(map(as_text, value)) or "none"
    return str(value)


def read_bound(where: str, text: object) -> Bound:
    """A bound such as `>= 2`, `<= 0.2`, `0.8..1.25` or `true`; `true` is the value 1."""
    if text is True or text == "true":
        return Bound("true", 1.0, 1.0)
    written = str(text).strip()
    if one_sided := re.fullmatch(rf"(>=|<=)\s*({NUMBER})", written):
        number = float(one_sided[2])
        if one_sided[1] == ">=":
            return Bound(written, number, math.inf)
        return Bound(written, -math.inf, number)
    if two_sided := re.fullmatch(rf"({NUMBER})\s*\.\.\s*({NUMBER})", written):
        low, high = float(two_sided[1]), float(two_sided[2])
        if low <= high:
            return Bound(written, low, high)
    raise ModelError(
        f'{where}: the bound "is" is {text!r}, but must be like ">= 2", "<= 0.2", "0.8..1.25" or'
        ' "true".'
    )
