"""The readouts that a check may ask for, and what each needs to be told."""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from ..errors import ModelError, did_you_mean
from ..network.definition import Definition
from .grammar import NUMBER, Leaf, known_keys

# What a run may be described by. `drugs` is a mapping of fixed doses, except for the readouts of a
# dose matrix, where it lists the two drugs.
CELL_KEYS = ("cell", "alterations", "knockout", "il7")


@dataclass(frozen=True, slots=True)
class Form:
    """A family of readouts: how its name is written, and the keys of `of` that it takes."""

    kind: str
    pattern: str
    keys: tuple[str, ...]
    needs: tuple[str, ...]
    needs_over: bool = False


@dataclass(frozen=True, slots=True)
class Readout:
    """A readout of the file: its form, the parts of its name, and the observables it reads."""

    kind: str
    parts: tuple[str, ...]
    observables: tuple[str, ...]


STATE_KEYS = (*CELL_KEYS, "drugs", "at")
SWEEP_KEYS = (*CELL_KEYS, "drug", "drugs")
MATRIX_KEYS = (*CELL_KEYS, "drugs")
COHORT_KEYS = ("cohort", "n", "knockout", "il7")

FORMS = (
    Form("auc400", r"auc400", SWEEP_KEYS, ("cell", "drug")),
    Form("ic50", r"IC50", SWEEP_KEYS, ("cell", "drug")),
    Form("combination_index", r"combination_index", MATRIX_KEYS, ("cell", "drugs")),
    Form("f_syn", r"F_syn_(min|median|max)", MATRIX_KEYS, ("cell", "drugs")),
    Form("il7_viability_gain", r"il7_viability_gain", (*CELL_KEYS, "at"), ("cell", "il7")),
    Form("nonincreasing", r"(\w+)_nonincreasing_in_dose", STATE_KEYS, ("cell", "drugs", "at")),
    Form(
        "fold_change_ratio",
        r"fold_change_of_(\w+?)_(\w+)_over_fold_change_of_\1_(\w+)",
        ("alterations", "knockout", "il7", "drugs", "at"),
        ("drugs", "at"),
    ),
    Form("cohort_median_ic50", r"median_IC50", (*COHORT_KEYS, "drug", "drugs"), ("cohort", "drug")),
    Form(
        "cohort_median",
        r"cohort_median_(\w+)",
        (*COHORT_KEYS, "drugs", "at"),
        ("cohort", "at"),
    ),
    Form(
        "fraction_auc400_below",
        rf"fraction_with_auc400_below_({NUMBER})",
        (*COHORT_KEYS, "drug", "drugs"),
        ("cohort", "drug"),
    ),
    Form(
        "fraction_auc400_ratio_above",
        rf"fraction_with_auc400_ratio_above_({NUMBER})",
        (*COHORT_KEYS, "drug", "drugs"),
        ("cohort", "drug"),
        needs_over=True,
    ),
    Form(
        "fraction_ic50_below",
        rf"fraction_with_IC50_below_({NUMBER})uM",
        (*COHORT_KEYS, "drug", "drugs"),
        ("cohort", "drug"),
    ),
    Form(
        "fraction_synergistic",
        r"fraction_synergistic",
        (*COHORT_KEYS, "drugs"),
        ("cohort", "drugs"),
    ),
    Form(
        "marker_ratio",
        r"median_ratio_sensitive_to_resistant",
        (*COHORT_KEYS, "marker"),
        ("cohort", "marker"),
    ),
    Form(
        "correlation",
        r"(abs_)?pearson_r\(\s*(\w+)\s*,\s*(\w+)\s*\)",
        (*COHORT_KEYS,),
        ("cohort",),
    ),
)
STATE = Form("state", r"(\w+)", STATE_KEYS, ("cell",))

#: Sample properties that a correlation can be taken of.
SAMPLE_PROPERTIES = r"il7_viability_gain|(\w+)_delta_auc400"

#: Readouts of BIM complexes can be divided by this observable.
PER = {"_per_BIM": "BIM_total"}


def read_readout(leaf: Leaf, definition: Definition) -> Readout:
    """The readout that a leaf names, its keys and names checked against the model.

    Raises ModelError, with the finding's id, for an unknown readout, key, cell, alteration, gene,
    drug or cohort, or where something that the readout needs is missing.
    """
    observables = [o.id for o in definition.observables]
    form, match = _form(leaf, observables)
    for run in filter(None, (leaf.of, leaf.over)):
        known_keys(f'{leaf.where}: readout "{leaf.readout}"', run, form.keys)
        missing = [key for key in form.needs if key not in run]
        if form is STATE and "at" not in run and match[1] != "viability":
            missing.append("at")
        if missing:
            raise ModelError(
                f'{leaf.where}: the readout "{leaf.readout}" needs {" and ".join(missing)} in "of".'
            )
        _check_names(leaf.where, form, run, definition)
    if form.needs_over and leaf.over is None:
        raise ModelError(f'{leaf.where}: the readout "{leaf.readout}" needs "over".')
    parts = tuple(part or "" for part in match.groups())
    return Readout(form.kind, parts, _observables(leaf, form, parts, observables, definition))


def _form(leaf: Leaf, observables: Collection[str]) -> tuple[Form, re.Match[str]]:
    # An observable of the model comes first: it may be called like one of the patterns.
    state = re.fullmatch(STATE.pattern, leaf.readout)
    if state and (leaf.readout in observables or _without_per(leaf.readout) in observables):
        return STATE, state
    for form in FORMS:
        if match := re.fullmatch(form.pattern, leaf.readout):
            return form, match
    plain = [f.pattern for f in FORMS if re.fullmatch(r"\w+", f.pattern)]
    raise ModelError(
        f'{leaf.where}: "{leaf.readout}" is no observable of the model and no readout such as'
        f" {', '.join(plain)}.{did_you_mean(leaf.readout, [*observables, *plain])}"
    )


def _without_per(readout: str) -> str:
    for suffix in PER:
        readout = readout.removesuffix(suffix)
    return readout


def _observables(
    leaf: Leaf,
    form: Form,
    parts: tuple[str, ...],
    known: Collection[str],
    definition: Definition,
) -> tuple[str, ...]:
    """The observables from which a readout is made; () where it is made of viability alone."""
    if form is STATE:
        base = parts[0] if parts[0] in known else _without_per(parts[0])
        extra = () if base == parts[0] else (PER[parts[0].removeprefix(base)],)
        found: tuple[str, ...] = (base, *extra)
    elif form.kind in ("nonincreasing", "cohort_median"):
        found = (parts[0],)
    elif form.kind == "marker_ratio":
        found = (str(leaf.of["marker"]),)
    elif form.kind == "fold_change_ratio":
        found = (f"{parts[0]}_total",)
        for cell in parts[1:]:
            known_name(leaf.where, "cell", cell, definition.cells)
    elif form.kind == "il7_viability_gain":
        found = ("live_cells",)
    elif form.kind == "correlation":
        found = ()
        for name in parts[1:]:
            match = re.fullmatch(SAMPLE_PROPERTIES, name)
            if not match:
                raise ModelError(
                    f"{leaf.where}: pearson_r is taken of il7_viability_gain and"
                    f' <drug>_delta_auc400, found "{name}".'
                )
            if match[1]:
                known_name(leaf.where, "drug", match[1], definition.drugs)
    else:
        found = ()
    for observable in found:
        known_name(leaf.where, "observable", observable, known)
    return found


def _check_names(where: str, form: Form, run: Mapping[str, Any], definition: Definition) -> None:
    """Raise ModelError for a name that the model does not have, or a value of the wrong type."""
    tables: dict[str, Collection[str]] = {
        "cell": definition.cells,
        "cohort": definition.cohorts,
        "drug": definition.drugs,
    }
    for key, table in tables.items():
        if key in run:
            known_name(where, key, run[key], table)
    for key, table in (("alterations", definition.alterations), ("knockout", definition.genes)):
        names = run.get(key, [])
        if not isinstance(names, list):
            raise ModelError(f'{where}: "{key}" must be a list of names, found {names!r}.')
        for name in names:
            known_name(where, key.removesuffix("s"), name, table)
    drugs = run.get("drugs", {})
    if form.kind in ("combination_index", "f_syn", "fraction_synergistic"):
        if not isinstance(drugs, list) or len(drugs) != 2:
            raise ModelError(f'{where}: "drugs" must list the two drugs of a dose matrix.')
    elif not isinstance(drugs, Mapping):
        raise ModelError(f'{where}: "drugs" must map drugs to doses, found {drugs!r}.')
    for name in drugs:
        known_name(where, "drug", name, definition.drugs)
    _check_numbers(where, form, run)


def _check_numbers(where: str, form: Form, run: Mapping[str, Any]) -> None:
    for key in ("il7", "at"):
        _number(where, key, run.get(key, 0))
    n = run.get("n", 1)
    if not isinstance(n, int) or isinstance(n, bool) or n < 1:
        raise ModelError(f'{where}: "n" must be a whole number of samples, found {n!r}.')
    drugs = run.get("drugs", {})
    if not isinstance(drugs, Mapping):
        return
    swept = [name for name, dose in drugs.items() if isinstance(dose, list)]
    if len(swept) != (1 if form.kind == "nonincreasing" else 0):
        one = "one drug a list of doses" if form.kind == "nonincreasing" else "each drug one dose"
        raise ModelError(f'{where}: "drugs" must give {one}, found {drugs!r}.')
    for name, dose in drugs.items():
        for each in dose if isinstance(dose, list) else [dose]:
            _number(where, f"dose of {name}", each)


def _number(where: str, what: str, value: object) -> None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 1e300:
        raise ModelError(f'{where}: "{what}" must be a number >= 0, found {value!r}.')


def known_name(where: str, what: str, name: object, names: Collection[str]) -> None:
    """Raise ModelError, with the nearest name, unless the model has that name."""
    if name not in names:
        raise ModelError(
            f'{where}: the {what} "{name}" is not in the model.{did_you_mean(name, names)}'
        )
