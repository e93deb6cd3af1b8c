"""The pages on the model say what its tables say: values, counts, ids, links, references."""

import re
from collections import Counter

import pytest
import yaml

from tests.model_pages import (
    DOCS,
    EXTENDING,
    INDEX,
    MODEL,
    PAGES,
    REACTIONS,
    RULES,
    SYMBOL,
    TABLES,
    identifier,
    named,
    prose_of,
    rows_of,
    text_of,
)  # fmt: skip

PARAMETER_ROWS = [
    (named(page), cells)
    for page in PAGES
    for cells in rows_of(page)
    if len(cells) == 5 and cells[0].startswith("`")
]


def test_the_pages_have_tables_of_parameters():
    assert len({page for page, _ in PARAMETER_ROWS}) >= 7
    ids = [cells[0] for _, cells in PARAMETER_ROWS]
    assert [id for id, n in Counter(ids).items() if n > 1] == []


@pytest.mark.parametrize(("page", "cells"), PARAMETER_ROWS, ids=lambda x: str(x)[:40])
def test_a_row_says_what_the_table_of_parameters_says(page, cells):
    id, value, unit, confidence, meaning = cells
    record = TABLES.parameters[id.strip("`")]
    assert float(value) == record.nominal
    assert unit == f"`{record.unit}`"
    assert confidence == record.confidence
    assert meaning


COUNTS = {
    "species": len(MODEL.network.species),
    "reactions": len(REACTIONS),
    "constants": len(TABLES.parameters),
    "assignment rules": len(RULES),
    "observables": len(TABLES.observables),
    "cells": len(TABLES.cells),
    "alterations": len(TABLES.alterations),
    "drugs and ligands": len(TABLES.drugs),
    "genes": len(TABLES.genes),
    "cohorts": len(TABLES.cohorts),
    **{
        f"constants {word}": sum(p.confidence == word for p in TABLES.parameters.values())
        for word in ("measured", "derived", "fitted", "assumed")
    },
}


def test_the_counts_are_those_of_the_loader():
    told = {cells[0]: cells[1] for cells in rows_of(INDEX) if len(cells) == 2}
    assert {name: int(told[name]) for name in COUNTS} == COUNTS


def test_the_numbers_of_species_of_each_module_add_up():
    told = {cells[0]: int(cells[1]) for cells in rows_of(INDEX) if cells[1:2] and len(cells) == 3
            and cells[1].isdigit()}  # fmt: skip
    assert told == Counter(TABLES.species_groups.values())


def columns():
    from simulator.network.folder_tables import COLUMNS

    return {name for names in COLUMNS.values() for name in names}


# Words in code type that are no ids of the model.
WORDS = {
    "measured", "derived", "fitted", "assumed", "set", "multiply", "none", "population", "vehicle",
    "start", "drug", "ligand", "cell", "alteration", "knockout", "expression", "outputs",
    "steady_state", "initial", "ModelError", "ConditionError", "name", "title", "model",
    "time_unit", "default_cell", "predict", "outlook", "NaN", "None", "dimensionless",
    "PDX", "keep", "scale", "sd", "quantities_of", "quantities", "select", "each", "of", "over",
    "is", "steroid_response", "readout", "checks", "kind", "at", "time", "cells", "true", "lin",
    "log", "log10",
}  # fmt: skip


def known_names():
    network = MODEL.network
    return {
        *WORDS, *columns(), *REACTIONS, *RULES, *TABLES.parameters, *TABLES.cells, *TABLES.genes,
        *TABLES.alterations, *TABLES.drugs, *TABLES.cohorts, *(s.id for s in network.species),
        *(o.id for o in TABLES.observables), *(p.unit for p in TABLES.parameters.values()),
        *(d.unit for d in TABLES.drugs.values()),
    }  # fmt: skip


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_every_id_on_a_page_exists(page):
    names = re.findall(r"`([A-Za-z]\w*(?:-\w+)?)`", prose_of(page))
    assert names
    assert sorted(set(names) - known_names()) == []


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_every_file_of_the_model_that_a_page_names_exists(page):
    files = re.findall(r"`(\w+\.(?:tsv|yaml|ant))`", prose_of(page))
    assert [file for file in files if not (MODEL.folder / file).is_file()] == []


def test_every_rule_and_every_module_of_species_is_explained_somewhere():
    written = "\n".join(prose_of(page) for page in PAGES)
    told = {identifier(symbol) for symbol in re.findall(SYMBOL, written)}
    told |= set(re.findall(r"`(\w+)`", written))
    assert sorted(set(RULES) - told) == []
    assert sorted({s.id for s in MODEL.network.species} - told) == []


def test_every_finding_rests_on_a_page():
    written = "\n".join(prose_of(page) for page in PAGES)
    findings = yaml.safe_load(text_of(MODEL.folder / "findings.yaml"))["findings"]
    assert [f["id"] for f in findings if f"[{f['id']}](" not in written] == []


@pytest.mark.parametrize("page", [*PAGES, EXTENDING], ids=named)
def test_every_link_leads_somewhere(page):
    findings = yaml.safe_load(text_of(MODEL.folder / "findings.yaml"))["findings"]
    known = {finding["id"] for finding in findings}
    headings = set(re.findall(r"^## (\w+)$", text_of(DOCS / "findings.md"), re.MULTILINE))
    links = re.findall(r"\[([^\]]*)\]\((?!https?:)([^)#]*)(?:#([^)]*))?\)", prose_of(page))
    assert links
    for words, file, anchor in links:
        target = (page.parent / file).resolve() if file else page
        assert target.exists(), file
        if target.name == "findings.md" and anchor:
            assert words in known & headings, words
            assert anchor == words.lower()
        elif anchor:
            titles = re.findall(r"^#+ (.*)$", text_of(target), re.MULTILINE)
            slugs = {re.sub(r"[^\w -]", "", t).strip().lower().replace(" ", "-") for t in titles}
            assert anchor in slugs, (file, anchor)


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_every_reference_is_one_of_the_models_own(page):
    sources = "\n".join(
        text_of(path) for path in MODEL.folder.iterdir() if path.suffix in (".tsv", ".yaml", ".md")
    )
    cited = re.findall(r"10\.\d{4,}/[^\s),;|\]]+", text_of(page))
    assert [doi for doi in (d.rstrip(".") for d in cited) if doi not in sources] == []


def test_notes_of_values_at_a_bound_are_true():
    """Where parameters.tsv says that a fitted value is at its bound, it is."""
    records = TABLES.parameters.values()
    low = [p for p in records if "at its lower bound" in p.source]
    high = [p for p in records if "at its upper bound" in p.source]
    assert low + high
    assert [p.id for p in low if p.nominal != p.lower] == []
    assert [p.id for p in high if p.nominal != p.upper] == []
