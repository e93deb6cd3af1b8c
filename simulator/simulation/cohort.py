"""Cohorts: samples that differ in stated quantities, drawn so that a sample never changes.

Sample i of a cohort depends only on the cohort's name, the seed and i, and each of its quantities
has a random stream of its own: a larger n only appends samples, and a quantity that is added to a
cohort leaves the others as they were.
"""

import hashlib
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ..conditions.names import GENE_PREFIX
from ..errors import ConditionError, ModelError, did_you_mean
from ..network.cohort_quantities import cohort_quantities
from ..network.definition import Definition, Override
from ..response import AUC_RANGE, auc400

if TYPE_CHECKING:
    import pandas as pd

    from .model import Model

# Redraws of one sample, and candidates per wanted sample, before a rule counts as unmeetable.
MOST_REDRAWS = 50
MOST_CANDIDATES_PER_SAMPLE = 40

# Candidates simulated together when samples are selected by a measure.
CANDIDATES_AT_ONCE = 48

# Tolerances of these simulations: rules compare numbers that are known to a few percent, and a
# cohort must not depend on the tolerances of the simulation that it is drawn for.
ACCURACY: dict[str, Any] = {"rtol": 1e-4, "atol": 1e-7}

# Doses of a selection by auc400: four per decade of the range.
AUC_DOSES = (0.0, *np.geomspace(AUC_RANGE[0], AUC_RANGE[1], 17))


def draw_cohort(model: "Model", name: str, n: int | None = None, seed: int = 0) -> "pd.DataFrame":
    """The first n samples of a cohort, as a conditions table for `model.simulate`.

    Parameters
    ----------
    name
        A cohort of the model folder's cohorts.yaml.
    n
        Number of samples; None: the cohort's own.
    seed
        Draw, >= 0. The same seed gives the same samples whatever n is.

    Returns
    -------
    pandas.DataFrame
        One row per sample; index `sample`, column `cell`, column `alteration` where one is drawn,
        and a column per quantity that differs: ``expression:<GENE>`` as a multiple of the cell's,
        others by id in the model's units; an empty entry means as in the cell. Samples that are
        selected from another cohort keep their number there.

    Raises
    ------
    ConditionError
        Unknown cohort, n below 1, a negative seed, or a rule that too few samples meet.
    """
    cohorts = model.definition.cohorts
    if name not in cohorts:
        have = f"has {', '.join(cohorts)}" if cohorts else "has none"
        raise ConditionError(
            f'cohort "{name}" is not in {model.definition.name}, which {have}.'
            f"{did_you_mean(name, cohorts)}"
        )
    if n is None:
        n = int(cohorts[name]["n"])
    _check_whole(name, "n", n, least=1)
    _check_whole(name, "seed", seed, least=0)
    if "of" in cohorts[name]:
        return _selected(model, name, n, seed)
    return _drawn(model, name, range(n), seed)


def _check_whole(cohort: str, what: str, number: object, least: int) -> None:
    """Raise ConditionError unless `number` is an int that is not below `least`."""
    if isinstance(number, bool) or not isinstance(number, int) or number < least:
        raise ConditionError(
            f'cohort "{cohort}": {what} is {number!r}, but must be a whole number >= {least}.'
        )


def _drawn(model: "Model", name: str, samples: Sequence[int], seed: int) -> "pd.DataFrame":
    """The given samples of a cohort that is defined by its quantities, its keep rule applied."""
    import pandas as pd

    cohort = model.definition.cohorts[name]
    drawers = {i: _Sample(model.definition, name, cohort, seed, i) for i in samples}
    rows: dict[int, dict[str, Any]] = {}
    waiting = list(samples)
    for _ in range(MOST_REDRAWS):
        rows |= {i: drawers[i].draw() for i in waiting}
        if "keep" not in cohort:
            break
        table = _table(pd.DataFrame.from_dict({i: rows[i] for i in waiting}, orient="index"))
        kept = _keeps(model, table, cohort["keep"])
        waiting = [i for i, keep in zip(waiting, kept, strict=True) if not keep]
        if not waiting:
            break
    else:
        rule = cohort["keep"]
        raise ConditionError(
            f'cohort "{name}": sample {waiting[0]} was drawn {MOST_REDRAWS} times without'
            f" {rule['observable']} >= {rule['at_least']} at {rule['at']} h; widen the rule `keep`"
            " in cohorts.yaml."
        )
    return _table(pd.DataFrame.from_dict({i: rows[i] for i in samples}, orient="index"))


def _table(rows: "pd.DataFrame") -> "pd.DataFrame":
    """Rows with the index `sample` and without quantities that no sample changes."""
    rows = rows.dropna(axis="columns", how="all")
    rows.index.name = "sample"
    return rows


class _Sample:
    """The random streams of one sample; every call of `draw` takes their next numbers."""

    def __init__(
        self, definition: Definition, name: str, cohort: Mapping[str, Any], seed: int, sample: int
    ) -> None:
        self.definition = definition
        self.cohort = cohort
        self.quantities = cohort_quantities(definition.cohorts, name)
        self.streams = {
            what: _stream(name, seed, sample, what) for what in (*self.quantities, "alteration")
        }

    def draw(self) -> dict[str, Any]:
        """One row of the table; NaN or None = as in the cell."""
        row: dict[str, Any] = {"cell": self.cohort["cell"]}
        changes: tuple[Override, ...] = ()
        if alterations := self.cohort.get("alterations"):
            row["alteration"] = _one_of(alterations, self.streams["alteration"].random())
            changes = self.definition.alterations.get(row["alteration"] or "", ())
        for parameter, rule in self.quantities.items():
            gene = _gene_of(self.definition, parameter)
            if gene is not None and "sd" in rule:
                row[f"{GENE_PREFIX}{gene}"] = self.factor(parameter, rule)
                continue
            value = self.quantity(parameter, rule)
            # A value given by id replaces what the alteration makes of it: apply that here.
            for change in (c for c in changes if c.parameter == parameter):
                value = np.nan if change.operation == "set" else value * change.value
            row[parameter] = value
        return row

    def quantity(self, parameter: str, rule: Mapping[str, Any]) -> float:
        """A parameter's value in this sample, in its own unit; NaN = as in the cell."""
        if "value" in rule:
            drawn = self.streams[parameter].random() < rule["probability"]
            return float(rule["value"]) if drawn else np.nan
        in_cell = _value_in_cell(self.definition, self.cohort["cell"], parameter)
        return in_cell * self.factor(parameter, rule)

    def factor(self, parameter: str, rule: Mapping[str, Any]) -> float:
        """A parameter's value in this sample over that in its cell."""
        spread = float(np.exp(rule["sd"] * self.streams[parameter].standard_normal()))
        return float(rule.get("scale", 1.0)) * spread


def _gene_of(definition: Definition, parameter: str) -> str | None:
    """The one gene whose expression the parameter is, if so.

    Such a quantity is given as the gene's expression, not by its id: an id wins over everything,
    so that a knock-out would do nothing in a sample.
    """
    genes = [gene for gene, parameters in definition.genes.items() if parameter in parameters]
    return genes[0] if len(genes) == 1 else None


def _stream(cohort: str, seed: int, sample: int, what: str) -> np.random.Generator:
    """Random numbers of one quantity of one sample, the same on every machine."""
    words = [int.from_bytes(hashlib.sha256(text.encode()).digest()[:8]) for text in (cohort, what)]
    sequence = np.random.SeedSequence([words[0], seed, sample, words[1]])
    return np.random.Generator(np.random.Philox(sequence))


def _one_of(probabilities: Mapping[str, float], drawn: float) -> str | None:
    """The entry in whose share of 0..1 the number falls; None in the share that is left over."""
    total = 0.0
    for entry, probability in probabilities.items():
        total += probability
        if drawn < total:
            return entry
    # Shares that add up to 1 may end a rounding error below it.
    return list(probabilities)[-1] if total > 1 - 1e-9 else None


def _value_in_cell(definition: Definition, cell: str, parameter: str) -> float:
    """Value of a parameter in a cell without alteration, in its own unit."""
    try:
        value = definition.parameters[parameter].nominal
        overrides = definition.cells[cell]
    except KeyError as missing:
        raise ModelError(
            f"{definition.name}: cohorts.yaml uses {missing}, which is no parameter or cell."
        ) from None
    mine = [o for o in overrides if o.parameter == parameter]
    # Sets before multiplications, as in every condition.
    for override in sorted(mine, key=lambda o: o.operation == "multiply"):
        value = override.value if override.operation == "set" else value * override.value
    return value


def _keeps(model: "Model", table: "pd.DataFrame", rule: Mapping[str, Any]) -> np.ndarray:
    """Which untreated samples meet a keep rule, shape (samples,)."""
    found = model.simulate(
        conditions=table,
        time=[float(rule["at"])],
        outputs=[rule["observable"]],
        progress=False,
        **ACCURACY,
    )
    kept: np.ndarray = found[rule["observable"]].isel(time=-1).values >= rule["at_least"]
    return kept


def _selected(model: "Model", name: str, n: int, seed: int) -> "pd.DataFrame":
    """The first n samples of the parent cohort that a measure selects."""
    import pandas as pd

    cohort = model.definition.cohorts[name]
    parent, rule = cohort["of"], cohort["select"]
    if rule.get("measure") != "auc400" or "of" in model.definition.cohorts.get(parent, {"of": 0}):
        raise ModelError(
            f'{model.definition.name}: cohorts.yaml: the measure of "{name}" must be auc400 and its'
            f' parent a cohort with quantities, found "{rule.get("measure")}" of "{parent}".'
        )
    found: list[pd.DataFrame] = []
    count = candidates = 0
    while count < n and candidates < MOST_CANDIDATES_PER_SAMPLE * n:
        table = _drawn(model, parent, range(candidates, candidates + CANDIDATES_AT_ONCE), seed)
        candidates += len(table)
        found.append(table[_rises(model, table, rule)])
        count += len(found[-1])
    if count < n:
        raise ConditionError(
            f'cohort "{name}": only {count} of {candidates} samples of {parent} have a'
            f" {rule['drug']} auc400 that rises more than {rule['ratio_above']}-fold with IL7,"
            f" but {n} were asked for."
        )
    return _table(pd.concat(found).iloc[:n])


def _rises(model: "Model", table: "pd.DataFrame", rule: Mapping[str, Any]) -> np.ndarray:
    """Which samples' auc400 rises by the rule's factor from the first IL7 dose to the second."""
    without, with_il7 = rule["il7"]
    factors: dict[str, Any] = {"il7": [without, with_il7], rule["drug"]: list(AUC_DOSES)}
    found = model.simulate(
        conditions=table,
        time=[96.0],
        outputs=["viability"],
        progress=False,
        **ACCURACY,
        **factors,
    )
    area = auc400(found["viability"].isel(time=-1), rule["drug"])
    ratio = area.sel(il7=with_il7) / area.sel(il7=without)
    rises: np.ndarray = ratio.values > rule["ratio_above"]
    return rises
