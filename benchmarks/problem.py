"""What is simulated: a model, its times, and the parameter values and start of every run."""

import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

import simulator as sim

from . import sbml

Array = NDArray[np.float64]

MODELS = Path(__file__).parent / "models"
STEROID = "steroid"
CELL, DRUG, DOSE, HOURS = "SUPT1", "prednisolone", 1.0, 96.0
POINTS = 51
SIGMA = 0.3
SEED = 1


@dataclass(frozen=True, eq=False)
class Problem:
    """A batch of runs that every tool is given.

    Attributes
    ----------
    sbml
        Flattened SBML: one condition, no initial assignment of a species.
    times
        (times,) output times in the model's unit, from 0.
    species
        Ids of the species that are compared, in the order of `start`.
    parameters, values
        Ids, and (runs, parameters) the values of each run.
    start
        (runs, species) each species' symbol at t = 0.
    """

    name: str
    sbml: str
    times: Array
    species: tuple[str, ...]
    parameters: tuple[str, ...]
    values: Array
    start: Array

    @property
    def runs(self) -> int:
        """Number of runs."""
        return len(self.values)

    def take(self, runs: slice | NDArray[np.bool_]) -> "Problem":
        """The same problem with some of its runs."""
        return replace(self, values=self.values[runs], start=self.start[runs])

    def first(self, runs: int) -> "Problem":
        """The same problem with its first runs only."""
        return self.take(slice(runs))

    def table(self) -> pd.DataFrame:
        """The runs as a conditions table: parameters, and the species whose start differs."""
        varies = (self.start != self.start[:1]).any(axis=0)
        columns = dict(zip(self.parameters, self.values.T, strict=True))
        for name, column, varied in zip(self.species, self.start.T, varies, strict=True):
            if varied:
                columns[name] = column
        return pd.DataFrame(columns)


def perturbed(nominal: Array, runs: int, sigma: float = SIGMA, seed: int = SEED) -> Array:
    """(runs, parameters) values, lognormal about `nominal`; more runs begin with the same ones."""
    draws = np.random.default_rng(seed).standard_normal((runs, nominal.size))
    return np.asarray(nominal * np.exp(sigma * draws))


def available(folder: Path | None = None) -> dict[str, Path]:
    """Problems by short name (the part of a name before "_"): the stored ones, and a folder's."""
    found = {path.stem.split("_")[0]: path for path in sorted(MODELS.glob("*.xml"))}
    if folder is not None:
        for problem in sorted(folder.glob("*/*.yaml")):
            found.setdefault(problem.parent.name.split("_")[0], problem.parent)
    return found


def load(name: str, runs: int, folder: Path | None = None) -> Problem:
    """A problem by short name; `steroid` is the bundled model.

    Raises
    ------
    ValueError
        There is no such problem.
    """
    if name == STEROID:
        return steroid(runs)
    known = available(folder)
    if name not in known:
        raise ValueError(f'no problem "{name}"; there are {", ".join([STEROID, *known])}.')
    if known[name].is_dir():
        text, _, end, nominal = sbml.one_condition(known[name])
    else:
        text = known[name].read_text("utf-8")
        row = pd.read_csv(MODELS / "problems.tsv", sep="\t").set_index("problem").loc[name]
        end, nominal = float(row["end"]), sbml.values(text, row["perturbed"].split())
    return from_sbml(name, text, end, nominal, runs)


def from_sbml(name: str, text: str, end: float, nominal: dict[str, float], runs: int) -> Problem:
    """A problem from one condition; initial assignments are evaluated for each run."""
    species = tuple(sbml.dynamic_species(text))
    values = perturbed(np.array(list(nominal.values())), runs)
    table = pd.DataFrame(values, columns=list(nominal))
    start = _at_zero(loaded(name, text), table, species)
    flat = sbml.flatten(text, dict(zip(species, start[0], strict=True)))
    times = np.linspace(0.0, end, POINTS)
    return Problem(name, flat, times, species, tuple(nominal), values, start)


def steroid(runs: int, sigma: float = SIGMA) -> Problem:
    """The bundled model: one cell, one dose, its fitted parameters perturbed.

    A run starts from the steady state of its own untreated cell. A draw whose cell has none is
    left out, and the next one taken.
    """
    model = sim.load("steroid_response")
    text = model.export_sbml(cell=CELL, **{DRUG: DOSE})
    species = tuple(sbml.dynamic_species(text))
    fitted = [p.id for p in model.definition.parameters.values() if p.estimate]
    nominal = sbml.values(text, fitted)
    draws = runs + max(20, runs // 20) if sigma else runs
    values = perturbed(np.array(list(nominal.values())), draws, sigma)
    table = pd.DataFrame(values, columns=fitted)
    start = _at_zero(model, table, species, cell=CELL)
    settled = np.isfinite(start).all(axis=1)
    start, values = start[settled][:runs], values[settled][:runs]
    flat = sbml.flatten(text, dict(zip(species, start[0], strict=True)))
    times = np.linspace(0.0, HOURS, POINTS)
    return Problem(STEROID, flat, times, species, tuple(fitted), values, start)


def _at_zero(model: Any, table: pd.DataFrame, species: tuple[str, ...], **factors: object) -> Array:
    """(runs, species) symbols at t = 0 of each row of a conditions table."""
    ds = model.simulate([0.0], conditions=table, outputs=list(species), workers=1, **factors)
    return np.stack([ds[s].values[:, 0] for s in species], axis=1)


def loaded(name: str, text: str) -> Any:
    """The SBML text as a model of steroidsim, read from a file as users do."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"{name}.xml"
        path.write_text(text, encoding="utf-8")
        return sim.load(path)
