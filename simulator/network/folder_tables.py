"""The tables of a model folder, checked against its network and each other."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, cast

from ..errors import ModelError, did_you_mean
from .cohort_file import check_cohorts
from .consistency import check_followers
from .constants import constants_of
from .definition import (
    CONFIDENCES,
    NAMED_FACTORS,
    OPERATIONS,
    OPTIONS,
    Definition,
    Drug,
    Observable,
    Operation,
    Override,
    ParameterRecord,
    ids,
)
from .expression import TIME, symbols
from .network import Network
from .places import shown
from .tables import Problems, Row, read_table, read_yaml, unique
from .unit_text import same_unit

COLUMNS = {
    "parameters": (
        "parameterId", "parameterName", "parameterScale", "lowerBound", "upperBound",
        "nominalValue", "estimate", "unit", "source", "confidence", "note",
    ),
    "species": ("speciesId", "speciesName", "group", "role"),
    "cells": (
        "cell", "parameterId", "operation", "value", "lowerBound", "upperBound", "source",
        "confidence", "note",
    ),
    "alterations": (
        "alteration", "gene", "parameterId", "operation", "value", "lowerBound", "upperBound",
        "source", "confidence", "note",
    ),
    "genes": ("gene", "parameterId", "note"),
    "drugs": ("drug", "kind", "parameterId", "unit", "target", "class", "source", "note"),
    "observables": (
        "observableId", "observableName", "formula", "unit", "relative_to", "note",
    ),
}  # fmt: skip

# What only describes, and may be left out. A range, source and confidence of a parameter may not.
OPTIONAL = {
    "parameters": ("parameterName", "note"),
    "species": ("speciesName", "role"),
    "cells": ("lowerBound", "upperBound", "note"),
    "alterations": ("lowerBound", "upperBound", "note"),
    "genes": ("note",),
    "drugs": ("note",),
    "observables": ("observableName", "relative_to", "note"),
}


class FolderTables:
    """Reads the tables of one folder against its network."""

    def __init__(self, folder: Path, network: Network, problems: Problems) -> None:
        self.folder = folder
        self.network = network
        self.problems = problems
        self.kinds = ids(network)
        self.constants = constants_of(network)
        self.model_file = Path(network.source).name or "the model"
        self.doses: set[str] = set()

    def read(self, name: str, settings: Mapping[str, Any]) -> Definition:
        """All tables; problems are collected, and what is good is returned."""
        parameters = self.parameters()
        groups, population = self.species()
        drugs = self.drugs(parameters)
        cells = self.overrides("cells", "cell")
        alterations = self.overrides("alterations", "alteration")
        genes = self.genes()
        self.altered_genes(genes)
        observables = self.observables(drugs)
        default_cell = self.default_cell(settings, cells)
        definition = Definition(
            name=name,
            folder=self.folder,
            network=self.network,
            parameters=parameters,
            species_groups=groups,
            population=population,
            cells=cells,
            alterations=alterations,
            genes=genes,
            drugs=drugs,
            observables=observables,
            cohorts=self.cohorts(),
            settings=settings,
            default_cell=default_cell,
            start=cast(Literal["steady_state", "initial"], settings.get("start", "steady_state")),
        )
        path = self.folder / "cohorts.yaml"
        check_cohorts(definition, self.doses, shown(path), self.problems)
        self.time_unit(settings)
        return definition

    def rows(self, table: str) -> list[Row]:
        """Rows of one of the folder's tables; none (and a problem) if it cannot be read."""
        path = self.folder / f"{table}.tsv"
        columns, optional = COLUMNS[table], OPTIONAL[table]
        return read_table(path, shown(path), columns, self.problems, optional) or []

    def parameters(self) -> dict[str, ParameterRecord]:
        """parameters.tsv: every constant of the model once, with the model's value and unit."""
        before = len(self.problems.sentences)
        rows = self.rows("parameters")
        unreadable = not rows and len(self.problems.sentences) > before
        records: dict[str, ParameterRecord] = {}
        listed: set[str] = set()
        for row in unique(rows, "parameterId"):
            id = row["parameterId"]
            listed.add(id)
            if id not in self.constants:
                kind = self.kinds.get(id)
                what = f", but a {kind} that is not constant" if kind else ""
                hint = "" if kind else did_you_mean(id, self.constants)
                row.problem(
                    f'parameterId "{id}" is no constant parameter or compartment of '
                    f"{self.model_file}{what}.{hint}"
                )
                continue
            record = _parameter_record(row)
            self.check_against_model(row, id)
            if record is not None:
                records[id] = record
        for id in self.constants:
            if id not in listed and not unreadable:
                self.problems.add(
                    shown(self.folder / "parameters.tsv"),
                    f'has no row for "{id}", a constant of {self.model_file}.',
                )
        return records

    def check_against_model(self, row: Row, id: str) -> None:
        """The value and unit in the table must be those of the model file."""
        constant = self.constants[id]
        try:
            nominal = float(row["nominalValue"])
        except ValueError:
            return  # told already
        value = constant.value
        # a value computed in the file may differ in the last digits from the one written down
        close = value is not None and constant.derived and abs(nominal - value) <= 1e-9 * abs(value)
        if value is None:
            row.problem(f'"{id}" has no value in {self.model_file}.')
        elif nominal != value and not close:
            row.problem(
                f'nominalValue of "{id}" is {nominal!r}, but {self.model_file} has {value!r}.'
            )
        if not any(same_unit(row["unit"], unit) for unit in constant.units):
            declared = " or ".join(f'"{unit}"' for unit in constant.units if unit)
            row.problem(
                f'unit of "{id}" is "{row["unit"]}", but {self.model_file} '
                + (f"has {declared}." if declared else "declares none.")
            )

    def species(self) -> tuple[dict[str, str], frozenset[str]]:
        """species.tsv: (group of every species, those whose role is population)."""
        known = {s.id for s in self.network.species}
        before = len(self.problems.sentences)
        rows = self.rows("species")
        unreadable = not rows and len(self.problems.sentences) > before
        groups: dict[str, str] = {}
        population = set()
        for row in unique(rows, "speciesId"):
            id = row["speciesId"]
            groups[id] = row["group"]
            row.known("speciesId", "species", known, self.model_file)
            if row.choice("role", ("", "population")) == "population":
                population.add(id)
        for id in (s.id for s in self.network.species if s.id not in groups):
            if not unreadable:
                self.problems.add(
                    shown(self.folder / "species.tsv"),
                    f'has no row for "{id}", a species of {self.model_file}.',
                )
        return groups, frozenset(population)

    def drugs(self, parameters: Mapping[str, ParameterRecord]) -> dict[str, Drug]:
        """drugs.tsv: every dose is a constant of its own whose value in the model is 0."""
        found: dict[str, Drug] = {}
        for row in unique(self.rows("drugs"), "drug"):
            name, parameter = row["drug"], row["parameterId"]
            self.check_level_name(row, "drug", name)
            if name in NAMED_FACTORS or name in OPTIONS:
                row.problem(f'drug "{name}" has the name of a factor or option of simulate.')
            if name in self.kinds and name != parameter:
                row.problem(
                    f'drug "{name}" has the id of a {self.kinds[name]} of {self.model_file} that '
                    "is not its parameterId."
                )
            kind = row.choice("kind", ("drug", "ligand"))
            if not row.known("parameterId", "constant", self.constants, self.model_file):
                continue
            if parameter in self.doses:
                row.problem(f'parameterId "{parameter}" is the dose of another drug already.')
            self.doses.add(parameter)
            if self.constants[parameter].value != 0:
                row.problem(f'the dose "{parameter}" must be 0 in {self.model_file}.')
            units = self.constants[parameter].units
            if not any(same_unit(row["unit"], unit) for unit in units):
                row.problem(f'unit is "{row["unit"]}", but "{parameter}" has "{units[0]}".')
            if kind is not None:
                found[name] = Drug(
                    name,
                    cast(Literal["drug", "ligand"], kind),
                    parameter,
                    row["unit"],
                    row["target"],
                    row["class"],
                )
        return found

    def overrides(self, table: str, column: str) -> dict[str, tuple[Override, ...]]:
        """cells.tsv or alterations.tsv: name -> what it changes."""
        found: dict[str, list[Override]] = {}
        for row in self.rows(table):
            name = row[column]
            self.check_level_name(row, column, name)
            overrides = found.setdefault(name, [])
            if not row["parameterId"] and column == "cell":
                continue  # a cell like the model itself
            override = self.override(row)
            if override is None:
                continue
            if any(o.parameter == override.parameter for o in overrides):
                row.problem(f'{column} "{name}" changes "{override.parameter}" twice.')
            overrides.append(override)
        return {name: tuple(overrides) for name, overrides in found.items()}

    def override(self, row: Row) -> Override | None:
        """One row's change of a parameter, if it is one."""
        operation = row.choice("operation", OPERATIONS)
        value = row.number("value")
        confidence = row.choice("confidence", CONFIDENCES)
        lower = row.number("lowerBound", required=False)
        upper = row.number("upperBound", required=False)
        if value is not None:
            _check_range(row, "value", lower, value, upper)
        if not row.known("parameterId", "constant", self.constants, self.model_file):
            return None
        parameter = row["parameterId"]
        if parameter in self.doses:
            row.problem(f'"{parameter}" is a dose, which only an experimenter gives.')
        if operation == "multiply" and value is not None and value < 0:
            row.problem(f"value is {value:g}; a factor must be >= 0.")
        if operation is None or value is None:
            return None
        return Override(
            parameter, cast(Operation, operation), value, lower, upper, confidence or "assumed"
        )

    def genes(self) -> dict[str, tuple[str, ...]]:
        """genes.tsv: gene -> the parameters that its expression multiplies."""
        found: dict[str, dict[str, Row]] = {}
        for row in self.rows("genes"):
            gene, parameter = row["gene"], row["parameterId"]
            self.check_level_name(row, "gene", gene)
            parameters = found.setdefault(gene, {})
            if not row.known("parameterId", "constant", self.constants, self.model_file):
                continue
            if parameter in parameters:
                row.problem(f'gene "{gene}" has "{parameter}" twice.')
            elif parameter in self.doses:
                row.problem(f'"{parameter}" is a dose, which no gene makes.')
            else:
                parameters[parameter] = row
        for gene, rows in found.items():
            check_followers(gene, rows, self.network)
        return {gene: tuple(parameters) for gene, parameters in found.items()}

    def altered_genes(self, genes: Mapping[str, tuple[str, ...]]) -> None:
        """Every alteration must say whose quantity it changes (the gene need not be listed)."""
        path = self.folder / "alterations.tsv"
        if not path.is_file():
            return
        columns, optional = COLUMNS["alterations"], OPTIONAL["alterations"]
        for row in read_table(path, shown(path), columns, Problems(), optional) or []:
            if not row["gene"]:
                self.problems.add(row.where, "gene is empty; it names the molecule changed.")

    def check_level_name(self, row: Row, column: str, name: str) -> None:
        """Names that are levels must not look like several levels, or like none."""
        if not name or name == "none" or any(c in "+,=@:\"'" or c.isspace() for c in name):
            row.problem(
                f'{column} "{name}" is no usable name: it must not be empty or "none", nor hold '
                "spaces, quotes or any of + , = @ :"
            )

    def observables(self, drugs: Mapping[str, Drug]) -> tuple[Observable, ...]:
        """observables.tsv: readouts whose ids differ from all ids of the model."""
        from .formula import parse_formula

        found = []
        rows = unique(self.rows("observables"), "observableId")
        own = {row["observableId"] for row in rows}
        for row in rows:
            id = row["observableId"]
            if id in self.kinds:
                row.problem(
                    f'observableId "{id}" is a {self.kinds[id]} of {self.model_file} already.'
                )
            elif id in drugs or id in NAMED_FACTORS or id in (*OPTIONS, "status", "sample"):
                row.problem(f'observableId "{id}" is the name of a factor, drug or option already.')
            elif not id.isidentifier():
                row.problem(f'observableId "{id}" is no id: letters, digits and _ only.')
            relative_to = row.choice("relative_to", ("", "vehicle", "start"))
            if not row["formula"]:
                row.problem("formula is empty.")
                continue
            try:
                formula = parse_formula(row["formula"], row.where)
            except ModelError as error:
                self.problems.sentences.append(str(error))
                continue
            for name in sorted(symbols(formula) - {TIME} - self.kinds.keys()):
                what = "an observable, not an id" if name in own else "no id"
                hint = "" if name in own else did_you_mean(name, self.kinds)
                row.problem(f'formula uses "{name}", which is {what} of {self.model_file}.{hint}')
            found.append(
                Observable(
                    id,
                    row["observableName"],
                    formula,
                    row["unit"],
                    cast(Literal["", "vehicle", "start"], relative_to or ""),
                )
            )
        return tuple(found)

    def cohorts(self) -> dict[str, Any]:
        """cohorts.yaml, which a folder may leave out."""
        path = self.folder / "cohorts.yaml"
        return (read_yaml(path, self.problems) or {}) if path.is_file() else {}

    def default_cell(
        self, settings: Mapping[str, Any], cells: Mapping[str, tuple[Override, ...]]
    ) -> str | None:
        """The cell of a simulation that names none; needed where there are cells."""
        where = shown(self.folder / "model.yaml")
        default = settings.get("default_cell")
        if default is None:
            if cells:
                self.problems.add(where, 'needs the key "default_cell", one of cells.tsv.')
            return None
        if default not in cells:
            hint = did_you_mean(default, cells)
            self.problems.add(where, f'default_cell "{default}" is no cell of cells.tsv.{hint}')
        return str(default)

    def time_unit(self, settings: Mapping[str, Any]) -> None:
        """The time unit in model.yaml must be that of the model file."""
        stated, declared = settings.get("time_unit"), self.network.time_unit
        if isinstance(stated, str) and declared and not same_unit(stated, declared):
            self.problems.add(
                shown(self.folder / "model.yaml"),
                f'time_unit is "{stated}", but {self.model_file} has "{declared}".',
            )


def _parameter_record(row: Row) -> ParameterRecord | None:
    """The row as a record; None, and problems, where it is not well formed."""
    lower, upper = row.number("lowerBound"), row.number("upperBound")
    nominal = row.number("nominalValue")
    scale = row.choice("parameterScale", ("lin", "log", "log10"))
    estimate = row.choice("estimate", ("0", "1"))
    confidence = row.choice("confidence", CONFIDENCES)
    if confidence in ("measured", "derived") and not row["source"]:
        row.problem(f"source is empty; a {confidence} value needs one.")
    if lower is None or upper is None or nominal is None:
        return None
    _check_range(row, "nominalValue", lower, nominal, upper)
    if scale in ("log", "log10") and lower <= 0:
        row.problem(f"lowerBound is {lower:g}; on a {scale} scale it must be > 0.")
    if scale is None or estimate is None or confidence is None:
        return None
    return ParameterRecord(
        id=row["parameterId"],
        name=row["parameterName"],
        scale=scale,
        lower=lower,
        upper=upper,
        nominal=nominal,
        estimate=estimate == "1",
        unit=row["unit"],
        source=row["source"],
        confidence=confidence,
        note=row["note"],
    )


def _check_range(
    row: Row, column: str, lower: float | None, value: float, upper: float | None
) -> None:
    if lower is not None and value < lower:
        row.problem(f"{column} {value:g} is below its lowerBound {lower:g}.")
    if upper is not None and value > upper:
        row.problem(f"{column} {value:g} is above its upperBound {upper:g}.")
