"""The displayed equations of the pages on the model are those of model.ant."""

import numpy as np
import pytest

from simulator.network.expression import evaluate, symbols
from simulator.network.formula import parse_formula
from tests.model_pages import (
    LAYOUT,
    PAGES,
    REACTIONS,
    RULES,
    TABLES,
    equations_of,
    identifier,
    infix,
    named,
)  # fmt: skip

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


def test_the_complexes_that_are_not_shown_bind_as_those_that_are():
    rng = np.random.default_rng(1)
    for ligand in ("BIM_EL", "BIM_L", "BIM_S", "PUMA", "NOXA"):
        for guardian in ("MCL1",) if ligand == "NOXA" else ("BCL2", "BCLXL", "MCL1"):
            law = REACTIONS[f"{ligand}_{guardian}_binding"].kinetic_law
            values = {s: rng.uniform(0.2, 2) for s in sorted(symbols(law))}
            free = ligand if ligand.startswith("BIM") else f"{ligand}_free"
            groove = f"{guardian}_groove" + ("_BH3" if guardian != "MCL1" else "")
            forward = values[free] * values[f"{guardian}_free"] * values[groove]
            kind = ligand.partition("_")[0]
            backward = values[f"Kd_{kind}_{guardian}"] * values[f"{ligand}_{guardian}"]
            rate = values["cell"] * values["kon_BH3"] * (forward - backward)
            assert evaluate(law, values) == pytest.approx(rate, rel=1e-12)
