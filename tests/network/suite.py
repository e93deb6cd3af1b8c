"""Cases of the SBML semantic test suite: the copied selection, or a whole suite elsewhere."""

from __future__ import annotations

import csv
import io
import os
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

DATA = Path(__file__).parents[1] / "data" / "sbml_suite"
WHOLE = os.environ.get("SBML_TEST_SUITE", "")
"""A folder with a whole suite (<case>/model.xml, settings.txt, results.csv), to test it instead."""


@dataclass(frozen=True)
class Case:
    """One case. `expected` maps each output to its values at `times`, both as the suite states."""

    id: str
    sbml: str
    times: np.ndarray
    expected: Mapping[str, np.ndarray]
    amounts: frozenset[str]
    concentrations: frozenset[str]
    rtol: float
    atol: float

    def meaning(self, name: str) -> str:
        """Whether the case wants an output as amount, concentration or in its symbol's meaning."""
        if name in self.amounts:
            return "amount"
        return "concentration" if name in self.concentrations else "symbol"


def case_ids() -> list[str]:
    """All cases of the selection, or of the whole suite where one is named."""
    if WHOLE:
        return sorted(p.name for p in Path(WHOLE).iterdir() if (p / "model.xml").is_file())
    return sorted({name.split("/")[0] for name in _selection()})


def read_case(case: str) -> Case:
    """The case of that number."""
    settings = dict(
        line.split(":", 1) for line in _text(case, "settings.txt").splitlines() if ":" in line
    )
    header, *rows = [row for row in csv.reader(io.StringIO(_text(case, "results.csv"))) if row]
    values = np.array([[float(cell) for cell in row] for row in rows])
    names = [name.strip() for name in header[1:]]
    return Case(
        id=case,
        sbml=_text(case, "model.xml"),
        times=values[:, 0],
        expected={name: values[:, i] for i, name in enumerate(names, start=1)},
        amounts=_names(settings.get("amount", "")),
        concentrations=_names(settings.get("concentration", "")),
        rtol=float(settings["relative"]),
        atol=float(settings["absolute"]),
    )


def refusals() -> dict[str, list[str]]:
    """Refused case -> words that the refusal holds."""
    with (DATA / "refused.tsv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t"))
    return {row["case"]: row["reason"].split("; ") for row in rows}


def _names(text: str) -> frozenset[str]:
    return frozenset(name.strip() for name in text.split(",") if name.strip())


def _text(case: str, file: str) -> str:
    if WHOLE:
        return (Path(WHOLE) / case / file).read_text(encoding="utf-8")
    return _selection()[f"{case}/{file}"]


@cache
def _selection() -> dict[str, str]:
    """Every file of the copied selection: ``<case>/<file>`` -> text."""
    with tarfile.open(DATA / "cases.tar.xz") as archive:
        files = ((member.name, archive.extractfile(member)) for member in archive)
        return {name: file.read().decode("utf-8") for name, file in files if file is not None}
