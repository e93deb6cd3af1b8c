"""Checking cohorts.yaml: what a cohort varies must exist, and its numbers must be possible."""

import math
from collections.abc import Iterable, Mapping
from typing import Any

from ..errors import did_you_mean
from .cohort_quantities import NUMBERS
from .definition import CONFIDENCES, Definition
from .tables import Problems

_COHORT = (
    *("n", "cell", "quantities", "quantities_of", "alterations", "keep"),
    *("note", "source", "confidence"),
)
_SUBSET = ("of", "n", "select", "note", "source", "confidence")
_QUANTITY = (
    *("sd", "sd_range", "scale", "scale_range", "value", "probability"),
    *("source", "confidence", "note"),
)
_KEEP = ("observable", "at", "at_least", "at_most", "il7", "note", "source")
_SELECT = ("measure", "drug", "il7", "ratio_above", "ratio_below", "note", "source")


def check_cohorts(
    definition: Definition, doses: Iterable[str], where: str, problems: Problems
) -> None:
    """Note everything that is wrong with the definition's cohorts."""
    for name, cohort in definition.cohorts.items():
        _Checker(definition, set(doses), f'{where}: cohort "{name}"', problems).cohort(name, cohort)


class _Checker:
    """Checks one cohort."""

    def __init__(
        self, definition: Definition, doses: set[str], where: str, problems: Problems
    ) -> None:
        self.definition = definition
        self.doses = doses
        self.where = where
        self.problems = problems

    def problem(self, sentence: str) -> None:
        self.problems.sentences.append(f"{self.where} {sentence}")

    def cohort(self, name: str, cohort: Any) -> None:
        if not isinstance(cohort, Mapping):
            self.problem("is no mapping.")
            return
        subset = "of" in cohort
        self.keys(cohort, _SUBSET if subset else _COHORT, "")
        n = cohort.get("n")
        if not isinstance(n, int) or isinstance(n, bool) or n < 1:
            self.problem(f"has n: {n!r}; it must be a whole number >= 1.")
        if subset:
            self.subset(name, cohort)
            return
        self.known("cell", "cell of cells.tsv", cohort.get("cell"), self.definition.cells)
        taken = self.taken(cohort["quantities_of"]) if "quantities_of" in cohort else {}
        for id, quantity in self.mapping(cohort, "quantities").items():
            self.quantity(str(id), quantity, taken.get(id))
        self.alterations(self.mapping(cohort, "alterations"))
        if "keep" in cohort:
            self.keep(self.mapping(cohort, "keep"))

    def subset(self, name: str, cohort: Mapping[str, Any]) -> None:
        parent = cohort["of"]
        self.known("of", "cohort", parent, self.definition.cohorts)
        of = self.definition.cohorts.get(parent) if isinstance(parent, str) else None
        if parent == name or (isinstance(of, Mapping) and "of" in of):
            self.problem(f'has of: "{parent}", which is itself a part of a cohort.')
        select = self.mapping(cohort, "select")
        self.keys(select, _SELECT, "select")
        if not isinstance(select.get("measure"), str):
            self.problem("has a select without a measure (text).")
        drugs = [d.name for d in self.definition.drugs.values() if d.kind == "drug"]
        self.known("select: drug", "drug of drugs.tsv", select.get("drug"), drugs)
        il7 = select.get("il7")
        if il7 is not None:
            pair = il7 if isinstance(il7, list) and len(il7) == 2 else [None]
            if not all((_number(x) or 0.0) >= 0 and _number(x) is not None for x in pair):
                self.problem(f"has select: il7: {il7!r}; it must be two doses, like [0, 25].")
        bounds = [key for key in ("ratio_above", "ratio_below") if key in select]
        if not bounds:
            self.problem("has a select without ratio_above or ratio_below.")
        for key in bounds:
            self.positive(f"select: {key}", select[key])

    def taken(self, name: Any) -> Mapping[str, Any]:
        """What the cohort of `quantities_of` varies."""
        self.known("quantities_of", "cohort", name, self.definition.cohorts)
        other = self.definition.cohorts.get(name) if isinstance(name, str) else None
        if not isinstance(other, Mapping):
            return {}
        if "quantities_of" in other or "of" in other:
            self.problem(f'has quantities_of: "{name}", which states no quantities of its own.')
        found = other.get("quantities")
        return found if isinstance(found, Mapping) else {}

    def quantity(self, id: str, own: Any, taken: Any) -> None:
        """Check the entry of a cohort, laid over the one that it takes over, if any."""
        place = f'quantity "{id}"'
        self.known("quantities", "parameter of parameters.tsv", id, self.definition.parameters)
        if id in self.doses:
            self.problem(f"has {place}, which is a dose.")
        if not isinstance(own, Mapping):
            self.problem(f"has {place}: {own!r}; it must be a mapping like {{sd: 0.5}}.")
            return
        quantity = {**taken, **own} if isinstance(taken, Mapping) else own
        self.keys(quantity, _QUANTITY, place)
        if ("sd" in quantity) == ("value" in quantity):
            self.problem(f"has {place}, which needs either sd, or value and probability.")
        for key in ("sd", "value"):
            if key in quantity and (_number(quantity[key]) is None or quantity[key] < 0):
                self.problem(f"has {place}: {key}: {quantity[key]!r}; it must be a number >= 0.")
        if "scale" in quantity:
            self.positive(f"{place}: scale", quantity["scale"])
        for key in NUMBERS:
            if f"{key}_range" in own:
                self.range(place, own, key)
        if ("probability" in quantity) != ("value" in quantity):
            self.problem(f"has {place}, in which value and probability belong together.")
        elif "probability" in quantity:
            self.probability(place, quantity["probability"])
        confidence = quantity.get("confidence")
        if confidence is not None and confidence not in CONFIDENCES:
            words = ", ".join(CONFIDENCES)
            self.problem(f'has {place}: confidence: "{confidence}"; it must be one of: {words}.')

    def range(self, place: str, own: Mapping[str, Any], key: str) -> None:
        """Check the plausible range of an entry's number."""
        given = own[f"{key}_range"]
        ends = [_number(x) for x in given] if isinstance(given, list) else []
        low, high = ends if len(ends) == 2 else (None, None)
        if low is None or high is None or not 0 <= low < high:
            self.problem(
                f"has {place}: {key}_range: {given!r}; it must be two numbers, like [0.1, 1]."
            )
            return
        value = _number(own.get(key))
        if value is None:
            self.problem(f"has {place}: {key}_range without {key}.")
        elif not low <= value <= high:
            self.problem(f"has {place}: {key}: {value:g}, outside its range {given!r}.")

    def alterations(self, alterations: Mapping[str, Any]) -> None:
        total = 0.0
        for name, probability in alterations.items():
            if name != "none":
                known = self.definition.alterations
                for part in str(name).split("+"):
                    self.known("alterations", "alteration of alterations.tsv", part, known)
            if self.probability(f'alteration "{name}"', probability):
                total += probability
        if total > 1 + 1e-9:
            self.problem(f"has alterations with probabilities that add up to {total:g}, above 1.")

    def keep(self, keep: Mapping[str, Any]) -> None:
        self.keys(keep, _KEEP, "keep")
        observables = [o.id for o in self.definition.observables]
        self.known("keep: observable", "observable", keep.get("observable"), observables)
        at = _number(keep.get("at"))
        if at is None or at < 0:
            self.problem(f"has keep: at: {keep.get('at')!r}; it must be a time >= 0.")
        bounds = [key for key in ("at_least", "at_most") if key in keep]
        if not bounds:
            self.problem("has a keep without at_least or at_most.")
        for key in bounds:
            if _number(keep[key]) is None:
                self.problem(f"has keep: {key}: {keep[key]!r}; it must be a number.")

    def mapping(self, cohort: Mapping[str, Any], key: str) -> Mapping[str, Any]:
        value = cohort.get(key)
        if value is None:
            return {}
        if not isinstance(value, Mapping):
            self.problem(f"has {key}: {value!r}; it must be a mapping.")
            return {}
        return value

    def keys(self, mapping: Mapping[str, Any], allowed: tuple[str, ...], place: str) -> None:
        for key in mapping:
            if key not in allowed:
                inside = f" in {place}" if place else ""
                self.problem(f'has an unknown key "{key}"{inside}.{did_you_mean(key, allowed)}')

    def known(self, place: str, what: str, name: Any, names: Iterable[str]) -> None:
        names = list(names)
        if name not in names:
            self.problem(f'has {place}: "{name}", which is no {what}.{did_you_mean(name, names)}')

    def positive(self, place: str, value: Any) -> None:
        number = _number(value)
        if number is None or number <= 0:
            self.problem(f"has {place}: {value!r}; it must be a number > 0.")

    def probability(self, place: str, value: Any) -> bool:
        number = _number(value)
        if number is None or not 0 <= number <= 1:
            self.problem(f"has {place} with probability {value!r}; it must be within 0..1.")
            return False
        return True


def _number(value: Any) -> float | None:
    """A finite number of YAML (bool is none), or None."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        return None
    return float(value)
