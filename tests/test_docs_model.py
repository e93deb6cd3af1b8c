"""The pages on the model say what its files say: tables, equations, ids, counts, links and code."""

import contextlib
import io
import re
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import yaml

import simulator as sim
from simulator.network.expression import Apply, Number, evaluate, symbols
from simulator.network.formula import parse_formula

CHECKOUT = Path(__file__).parents[1]
DOCS = CHECKOUT / "docs"
INDEX = DOCS / "model.md"
MODULES = sorted((DOCS / "model").glob("*.md"))
PAGES = [INDEX, *MODULES]
EXTENDING = DOCS / "extending.md"
MODEL = sim.load("steroid_response")
TABLES = MODEL.definition
RULES = dict(MODEL.network.assignment_rules)
REACTIONS = {r.id: r for r in MODEL.network.reactions}


def named(path):
    return path.relative_to(DOCS).as_posix()


def text_of(path):
    return path.read_text(encoding="utf-8")


def prose_of(path):
    return re.sub(r"^```.*?^```", "", text_of(path), flags=re.MULTILINE | re.DOTALL)


def blocks_of(path):
    return re.findall(r"^```python\n(.*?)^```", text_of(path), re.MULTILINE | re.DOTALL)


def rows_of(path):
    """The cells of each table row, as written."""
    lines = re.findall(r"^\|(.*)\|$", prose_of(path), re.MULTILINE)
    return [[cell.strip() for cell in line.split("|")] for line in lines]


# ---------------------------------------------------------------- tables, counts, ids, links

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
    "start", "drug", "ligand", "cell", "alteration", "knockout", "expression", "outputs", "set",
    "steady_state", "initial", "ModelError", "ConditionError", "name", "title", "model",
    "time_unit", "default_cell", "predict", "outlook", "NaN", "None", "dimensionless", "start",
    "PDX", "keep", "scale", "sd", "quantities_of", "quantities", "select", "each", "of", "over",
    "is", "steroid_response", "readout", "checks", "kind", "at", "time", "cells", "true", "lin", "log10", "log",
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
    assert [doi for doi in map(lambda d: d.rstrip("."), cited) if doi not in sources] == []


# ---------------------------------------------------------------- equations
# $k_\mathrm{JAK1,IL7}$ is the parameter k_JAK1_IL7: what stands below the line is joined by
# underscores. So the displayed equations can be read back and compared with the model file.

PART = r"(?:\\mathrm\{[\w,]+\}|[A-Za-z])"
SYMBOL = rf"{PART}(?:_(?:{PART}|\{{[\w,]+\}}|\d))?"
TOKEN = re.compile(rf"\\frac|{SYMBOL}|\d+(?:\.\d+)?|[-+{{}}()^]|\S")
LAYOUT = re.compile(r"\\(?:(?:left|right)\.?|cdot|quad|qquad|,|;|!)|&")


def identifier(symbol):
    return re.sub(r"\\mathrm|[{}]", "", symbol).replace(",", "_")


def infix(latex):
    """A formula in LaTeX as a line of text: fractions, powers, products without a sign."""
    tokens = TOKEN.findall(LAYOUT.sub(" ", latex))
    found = _joined(tokens)
    assert not tokens, f"{latex}: {tokens}"
    return found


def _joined(tokens, end=None):
    """The tokens up to `end` as text; they are taken from the list."""
    parts = []
    while tokens and tokens[0] != end:
        token = tokens.pop(0)
        if token == r"\frac":
            part = f"({_group(tokens)}/{_group(tokens)})"
        elif token == "{":
            tokens.insert(0, token)
            part = _group(tokens)
        elif token == "(":
            part = f"({_joined(tokens, ')')})"
            assert tokens.pop(0) == ")"
        else:
            part = identifier(token)
        follows = parts and parts[-1] not in "+-^" and part not in "+-^"
        parts += ["*", part] if follows else [part]
    return "".join(parts)


def _group(tokens):
    assert tokens.pop(0) == "{"
    inner = _joined(tokens, "}")
    tokens.pop(0)
    return f"({inner})"


def equations_of(path):
    """(left, right) of every displayed equation; a line without = goes on with the one before."""
    found = []
    for display in re.findall(r"\$\$(.*?)\$\$", prose_of(path), re.DOTALL):
        lines = re.sub(r"\\(?:begin|end)\{aligned\}", "", display).split(r"\\")
        for line in (line.strip() for line in lines):
            left, equal, right = line.partition("=")
            if equal:
                found.append([left, right])
            else:
                found[-1][1] += " " + line
    return found


EQUATIONS = [(named(page), left, right) for page in PAGES for left, right in equations_of(page)]


def test_the_pages_have_equations():
    assert len(EQUATIONS) > 60
    assert len({left.strip() for _, left, _ in EQUATIONS}) == len(EQUATIONS)


@pytest.mark.parametrize(("page", "left", "right"), EQUATIONS, ids=lambda x: str(x)[:60])
def test_a_displayed_equation_is_the_models(page, left, right):
    """At random values of all that occurs in it, on either side."""
    name = identifier(LAYOUT.sub(" ", left).strip())
    written = parse_formula(infix(right), f"{page}: {name}")
    model, factor = law_of(name)
    rng = np.random.default_rng(0)
    for _ in range(3):
        values = {s: rng.uniform(0.2, 2) for s in sorted(symbols(written) | symbols(model))}
        values["nM_per_uM"] = 1000.0
        expected = evaluate(model, values) / values.get(factor, 1)
        assert evaluate(written, values) == pytest.approx(expected, rel=1e-9)


def law_of(name):
    """The model's expression of a rule, an observable or (v_...) a rate, and what divides it."""
    if name.startswith("v_"):
        return REACTIONS[name[2:]].kinetic_law, "cell"
    formulas = {o.id: o.formula for o in TABLES.observables}
    return (RULES | formulas)[name], None
