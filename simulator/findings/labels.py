"""Names of runs for a reader: what differs between the runs of a finding, and what is common."""

import re
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from ..plot.style import unit_text
from .grammar import Leaf

Run = Mapping[str, Any]


def readable(name: str) -> str:
    """An id as text: `JAK1_T901A` -> `JAK1 T901A`."""
    return name.replace("_", " ")


def readable_observable(id: str) -> str:
    """An observable's id as text: `BIM_BCL2_per_BIM` -> `BIM-BCL2 per BIM`."""
    text = re.sub(r"(?<=[A-Z0-9])_(?=m?[A-Z])", "-", id)
    return readable(text)


class Labels:
    """Labels of the runs of some checks.

    A dose that a drug has in all of them goes into the subtitle; a cell that all share is named
    where nothing else is.
    """

    def __init__(self, leaves: Collection[Leaf], units: Mapping[str, str]) -> None:
        self.units = units
        runs = [run for leaf in leaves for run in (leaf.of, leaf.over) if run is not None]
        self.cells = {str(run["cell"]) for run in runs if "cell" in run}
        self.cohorts = {str(run["cohort"]) for run in runs if "cohort" in run}
        self.pairs = {tuple(d) for run in runs if isinstance(d := run.get("drugs"), list)}
        self.swept = {str(run["drug"]) for run in runs if "drug" in run}
        self.doses: dict[str, set[float]] = {}
        for run in runs:
            for name, dose in _doses(run).items():
                self.doses.setdefault(name, set()).add(dose)

    @property
    def subtitle(self) -> str:
        """What all runs have in common: cell or cohort, doses, pair of drugs."""
        parts = [
            readable(next(iter(each))) for each in (self.cells, self.cohorts) if len(each) == 1
        ]
        parts += [self._dosed(n, *d) for n, d in self.doses.items() if len(d) == 1]
        if len(self.pairs) == 1:
            parts.append(" × ".join(readable(d) for d in next(iter(self.pairs))))
        return ", ".join(parts)

    def lead(self, run: Run) -> str:
        """Cell and alterations, or cohort."""
        if "cohort" in run:
            return readable(str(run["cohort"]))
        altered = [readable(name) for name in run.get("alterations") or []]
        altered += [f"{readable(gene)} knocked out" for gene in run.get("knockout") or []]
        named = [] if altered and len(self.cells) == 1 else [readable(str(run.get("cell", "")))]
        return ", ".join([*named, *altered])

    def of(self, run: Run, *, pair: bool = True, drug: bool = False, time: bool = False) -> str:
        """A run's label; with its pair of drugs, its swept drug and its time, where these vary."""
        parts = [self.lead(run)]
        for name, dose in _doses(run).items():
            parts.append(readable(name) if len(self.doses[name]) == 1 else self._dosed(name, dose))
        label = " + ".join(parts)
        drugs = run.get("drugs")
        if pair and isinstance(drugs, list) and len(self.pairs) > 1:
            label += f": {' × '.join(map(readable, drugs))}"
        if drug and "drug" in run and len(self.swept) > 1:
            label += f": {readable(run['drug'])}"
        if "cohort" in run and len(self.cohorts) == 1:
            label = label.partition(": ")[2] or label  # the subtitle names the cohort
        return f"{label}, {run['at']:g} h" if time and "at" in run else label

    def _dosed(self, name: str, dose: float) -> str:
        return f"{readable(name)} {dose:g} {unit_text(self._unit(name))}".strip()

    def _unit(self, name: str) -> str:
        return self.units.get(name) or self.units.get(name.lower(), "")


def _doses(run: Run) -> dict[str, float]:
    """Constant doses of a run above 0, IL7 among them."""
    drugs = run.get("drugs")
    given = dict(drugs) if isinstance(drugs, Mapping) else {}
    found = {n: float(d) for n, d in given.items() if not isinstance(d, Sequence) and d > 0}
    return {"IL7": float(run["il7"])} | found if run.get("il7") else found
