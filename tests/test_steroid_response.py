"""Laws that the bundled model obeys whatever its values: own molecules, totals, units, sense."""

import re

import numpy as np
import pytest

import simulator as sim
from simulator.codegen import compile_network
from simulator.conditions import make_design
from simulator.network.expression import symbols
from simulator.simulation.plan import plan
from tests.tolerances import REST_RELATIVE

# Molecule -> the species it is, or whose reactions it catalyses: what a change of it may touch
# directly. Written from the biology, not from the tables.
OWN_SPECIES = {
    "IL7R": "IL7R_.*|mRNA_IL7R",
    "JAK1": "JAK1.*",
    "JAK3": "JAK3.*",
    "STAT5": "STAT5.*",
    "RAS": "RAS.*",
    "NF1": "RAS.*",  # a GTPase-activating protein of RAS
    "RAF": "RAF.*",
    "MEK": "MEK.*",
    "ERK": "ERK.*",
    "DUSP": "DUSP|mRNA_DUSP",
    "PI3K": "PIP[23]",  # phosphorylates PIP2
    "PTEN": "PIP[23]",  # dephosphorylates PIP3
    "AKT": "AKT.*",
    "MTOR": "MTORC1.*",
    "GSK3B": "GSK3B.*",
    "GR": "GR_.*",
    "BIM": "(mRNA_)?BIM.*|.*BIM_.*",
    "PUMA": "(mRNA_)?PUMA.*",
    "BCL2": "(mRNA_)?BCL2(_.*)?",
    "BCLXL": "(mRNA_)?BCLXL(_.*)?",
    "MCL1": "(mRNA_)?MCL1(_.*)?",
    "BAX": "BAX.*",
    "BAK": "BAK.*",
}
# A species that binds BIM is touched where BIM's own phosphorylation releases it.
RELEASED_BY_BIM = "BCL2_free|BCLXL_free|MCL1_free"

MODEL = sim.load("steroid_response")
ALTERATIONS = sorted(MODEL.definition.alterations)
GENES = sorted(MODEL.definition.genes)


def genes_of_alterations():
    rows = (MODEL.folder / "alterations.tsv").read_text(encoding="utf-8").splitlines()
    header, *rows = [r.split("\t") for r in rows if not r.startswith("#")]
    return {r[header.index("alteration")]: r[header.index("gene")] for r in rows}


GENE_OF = genes_of_alterations()


def touched(parameters):
    """Species whose rate or initial value names one of the parameters, rules followed one level."""
    network = MODEL.network
    names = set(parameters)
    names |= {rule for rule, e in network.assignment_rules if symbols(e) & set(parameters)}
    found = {s for s, e in network.initial_assignments if symbols(e) & names}
    for reaction in network.reactions:
        if symbols(reaction.kinetic_law) & names:
            found |= {species for species, _ in reaction.stoichiometry}
    return found


def changed_by(**factors):
    """Parameters and initial states of the untreated cell that differ from the reference."""
    kernel = MODEL.kernel
    work = plan(kernel, make_design(MODEL.definition, factors))
    base = plan(kernel, make_design(MODEL.definition, {}))
    parameters = np.flatnonzero(work.before.base != base.before.base)
    states = np.flatnonzero(work.untreated.base != base.untreated.base)
    return (
        {kernel.parameters[i] for i in parameters},
        {kernel.states[i] for i in states},
    )


@pytest.mark.parametrize("alteration", ALTERATIONS)
def test_an_alteration_changes_its_own_molecule_and_nothing_elsewhere(alteration):
    own = OWN_SPECIES[GENE_OF[alteration]]
    if GENE_OF[alteration] == "BIM":
        own += "|" + RELEASED_BY_BIM
    parameters, states = changed_by(alteration=alteration)
    assert parameters, "it changes nothing"
    strangers = {s for s in touched(parameters) | states if not re.fullmatch(own, s)}
    assert strangers == set()


@pytest.mark.parametrize("gene", GENES)
def test_a_knock_out_removes_its_own_molecule_and_nothing_elsewhere(gene):
    parameters, states = changed_by(knockout=gene)
    assert parameters
    strangers = {s for s in touched(parameters) | states if not re.fullmatch(OWN_SPECIES[gene], s)}
    assert strangers == set()


@pytest.fixture(scope="module")
def knocked_out():
    return MODEL.simulate(
        [0, 24, 96],
        knockout=[None, *GENES],
        prednisolone=[0, 1.0],
        il7=[0, 25.0],
        rtol=1e-4,
        atol=1e-7,
    )


def test_every_knock_out_gives_finite_readouts(knocked_out):
    for name in knocked_out.data_vars:
        if name != "status":
            assert np.isfinite(knocked_out[name]).all(), name


@pytest.mark.parametrize(
    ("gene", "readouts"),
    [
        ("MEK", ["MEK_total", "pMEK", "pERK", "pBIM_EL"]),
        ("ERK", ["ERK_total", "pERK", "pBIM_EL", "pBIM_L"]),
        ("RAS", ["RAS_total", "RAS_GTP", "pMEK"]),
        ("STAT5", ["pSTAT5"]),
        ("AKT", ["pAKT"]),
        ("BIM", ["BIM_total", "BIM_BCL2", "BIM_mRNA"]),
        ("PUMA", ["PUMA"]),
        ("BCL2", ["BCL2", "BIM_BCL2"]),
        ("MCL1", ["MCL1", "BIM_MCL1"]),
        ("BCLXL", ["BCLXL", "BIM_BCLXL"]),
        ("GR", ["GR_total", "GR_nuclear"]),
    ],
)
def test_what_is_knocked_out_is_gone(knocked_out, gene, readouts):
    for name in readouts:
        assert np.abs(knocked_out[name].sel(knockout=gene)).max() < 1e-6, name


def test_without_its_receptor_a_ligand_does_nothing(knocked_out):
    def last(gene, **doses):
        return knocked_out["live_cells"].sel(knockout=gene, time=96, **doses).item()

    bound = pytest.approx(1, rel=1e-3)
    assert last("GR", prednisolone=1, il7=0) / last("GR", prednisolone=0, il7=0) == bound
    assert last("IL7R", prednisolone=0, il7=25) / last("IL7R", prednisolone=0, il7=0) == bound


def test_without_bax_and_bak_nothing_dies_of_the_steroid():
    ds = MODEL.simulate([96], knockout="BAX+BAK", prednisolone=[0, 30.0], outputs=["viability"])
    np.testing.assert_allclose(ds["viability"], 1, rtol=1e-3)


TOTALS = {
    "RAS_total": "RAS",
    "MEK_total": "MEK",
    "ERK_total": "ERK",
}


@pytest.mark.parametrize("total", TOTALS)
def test_totals_are_conserved(total):
    ds = MODEL.simulate(
        [0, 1, 24, 96],
        alteration=[None, "NRAS_G12D", "JAK1_T901A"],
        prednisolone=10.0,
        selumetinib=[0, 1.0],
        outputs=[total],
    )
    np.testing.assert_allclose(ds[total], ds[total].values.flat[0], rtol=1e-9)


def test_nothing_is_negative():
    species = [s.id for s in MODEL.network.species]
    ds = MODEL.simulate(
        np.linspace(0, 96, 25),
        outputs=species,
        alteration=[None, "NRAS_G12D", "IL7R_PILT240-244RFCPH"],
        prednisolone=[0, 693.5],
        trametinib=[0, 1.0],
    )
    lowest = {s: float(ds[s].min()) for s in species if ds[s].min() < -1e-7}
    assert lowest == {}


def test_every_rate_law_has_consistent_units():
    assert unit_problems(MODEL.network.sbml) == []


def test_a_dimensionally_wrong_rate_law_is_noticed():
    wrong = re.sub(r"<ci> ERK_p </ci>", "<ci> k_decay_DUSP </ci>", MODEL.network.sbml, count=1)
    assert wrong != MODEL.network.sbml
    assert unit_problems(wrong) != []


def unit_problems(sbml):
    import libsbml

    document = libsbml.readSBMLFromString(sbml)
    document.setConsistencyChecks(libsbml.LIBSBML_CAT_UNITS_CONSISTENCY, True)
    return [document.getError(i).getMessage() for i in range(document.checkConsistency())]


def test_size_and_modules():
    """60 to 110 states; each module of the description is there."""
    kernel = compile_network(MODEL.network)
    assert 60 <= len(kernel.states) <= 110
    for state in ("STAT5_nuclear", "SOCS", "RASmut_GTP", "SPRY", "DUSP", "PIP3", "GSK3B_p"):
        assert state in kernel.states
    for state in ("GR_dimer_nuclear", "BIM_EL_p", "BAX_pore", "apoptosome", "caspase3_active"):
        assert state in kernel.states


def test_every_parameter_has_provenance():
    records = MODEL.definition.parameters
    constants = set(MODEL.kernel.parameters) - {s.id for s in MODEL.network.species}
    assert constants == set(records)
    for record in records.values():
        assert record.unit, record.id
        assert record.source or record.confidence == "assumed", record.id
        assert record.lower <= record.nominal <= record.upper, record.id


def test_cells_differ_only_in_stated_quantities():
    """Expression levels, lesions, tonic input and growth: nothing else may be set by a cell."""
    lesions = {
        o.parameter for overrides in MODEL.definition.alterations.values() for o in overrides
    }
    expression = {p for parameters in MODEL.definition.genes.values() for p in parameters}
    for cell, overrides in MODEL.definition.cells.items():
        for override in overrides:
            name = override.parameter
            allowed = name in lesions | expression or name.startswith(("tonic_", "growth_rate"))
            assert allowed, f"{cell} sets {name}"


def test_knock_outs_act_on_the_samples_of_a_cohort():
    """Expression that differs between samples does not undo a knock-out."""
    table = MODEL.cohort("TALL_PDX", 3)
    assert "expression:BIM" in table.columns
    ds = MODEL.simulate(
        [0], conditions=table, knockout=[None, "BIM"], outputs=["BIM_total"], rtol=1e-4, atol=1e-7
    )
    assert (ds["BIM_total"].sel(knockout="BIM") == 0).all()
    assert len(set(ds["BIM_total"].sel(knockout="none").values.ravel())) == 3


def test_every_cell_with_every_alteration_comes_to_rest():
    """And the rest state does not depend on the tolerance it was asked for with."""
    factors = {"cell": sorted(MODEL.definition.cells), "alteration": [None, *ALTERATIONS]}
    loose = MODEL.steady_state(outputs=["pERK", "BIM_total"], rtol=1e-4, **factors)
    tight = MODEL.steady_state(outputs=["pERK", "BIM_total"], rtol=1e-10, atol=1e-13, **factors)
    assert (loose["status"] == "SUCCESS").all()
    assert (tight["status"] == "SUCCESS").all()
    for name in ("pERK", "BIM_total"):
        np.testing.assert_allclose(loose[name], tight[name], rtol=REST_RELATIVE)


def test_the_reference_of_the_bim_message_is_that_of_the_untreated_cell(steroid_response):
    rest = steroid_response.steady_state(outputs=["BIM_mRNA"])
    assert float(rest["BIM_mRNA"]) == pytest.approx(1, rel=1e-3)
