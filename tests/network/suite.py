"""Cases of the SBML semantic test suite: the copied ones, or a whole suite elsewhere."""

from __future__ import annotations

import atexit
import csv
import io
import os
import shutil
import tarfile
import tempfile
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from simulator.network.network import Network
from simulator.network.sbml import read_sbml

DATA = Path(__file__).parents[1] / "data" / "sbml_suite"
WHOLE = os.environ.get("SBML_TEST_SUITE", "")
"""A folder with a whole suite (<case>/model.xml, settings.txt, results.csv), to test it instead."""


@dataclass(frozen=True)
class Case:
    """One case. `expected` maps each output to its values at `times`, both as the suite states.

    `path` is that of the model, beside which lie the files that it refers to.
    """

    id: str
    path: Path
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
    """All copied cases, or those of the whole suite where one is named."""
    return sorted(p.name for p in _folder().iterdir() if (p / "model.xml").is_file())


def model_path(case: str) -> Path:
    """The model of the case of that number."""
    return _folder() / case / "model.xml"


def sampled(cases: Sequence[str], every: int, slow: Collection[str] = ()) -> list[object]:
    """The cases as parameters of a test; all but one in `every`, and those in `slow`, are slow."""
    return [
        pytest.param(case, marks=[pytest.mark.slow] if i % every or case in slow else [])
        for i, case in enumerate(cases)
    ]


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
        path=model_path(case),
        times=values[:, 0],
        expected={name: values[:, i] for i, name in enumerate(names, start=1)},
        amounts=_names(settings.get("amount", "")),
        concentrations=_names(settings.get("concentration", "")),
        rtol=float(settings["relative"]),
        atol=float(settings["absolute"]),
    )


@cache
def network_of(case: str) -> Network:
    """What the reader makes of a case; read once, since several tests look at it."""
    path = model_path(case)
    return read_sbml(path.read_text(encoding="utf-8"), str(path))


def refusals() -> dict[str, list[str]]:
    """Refused case -> words that the refusal holds."""
    with (DATA / "refused.tsv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t"))
    return {row["case"]: row["reason"].split("; ") for row in rows}


def _names(text: str) -> frozenset[str]:
    return frozenset(name.strip() for name in text.split(",") if name.strip())


def _text(case: str, file: str) -> str:
    return (_folder() / case / file).read_text(encoding="utf-8")


@cache
def _folder() -> Path:
    """The folder of the whole suite, or one with the copied cases that lasts as long as Python."""
    if WHOLE:
        return Path(WHOLE)
    folder = tempfile.mkdtemp(prefix="sbml_suite_")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    with tarfile.open(DATA / "cases.tar.xz") as archive:
        archive.extractall(folder, filter="data")
    return Path(folder)
