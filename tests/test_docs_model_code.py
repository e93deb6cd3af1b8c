"""What the pages on the model state in prose, and what their code shows, holds in the model."""

import re

import numpy as np
import pytest
import yaml

from simulator.network.expression import symbols
from tests.model_pages import (
    DOCS,
    INDEX,
    MODEL,
    PAGES,
    REACTIONS,
    TABLES,
    blocks_of,
    named,
    rows_of,
    text_of,
)  # fmt: skip


def test_what_the_pages_say_of_cells_and_lesions():
    def changed(table, level):
        return {o.parameter: o.value for o in getattr(TABLES, table)[level]}

    assert set(changed("cells", "SUPT1")) == {"growth_rate"}
    assert [c for c in TABLES.cells if "tonic_JAK" in changed("cells", c)] == ["PDX_Z1808"]
    assert changed("alterations", "NRAS_G12D") == changed("alterations", "KRAS_G12D")
    fitted = {
        a for a, rows in TABLES.alterations.items() if any(o.confidence == "fitted" for o in rows)
    }
    assert fitted == {"JAK1_R724H", "JAK1_T901A", "NRAS_WT", "AKT_WT"} | {
        a for a in TABLES.alterations if "IL7R_cys_expression" in changed("alterations", a)
    }
    shown = {name for cells in rows_of(DOCS / "model" / "drugs.md") for name in cells[:1]}
    listed = set(re.findall(r"`(\w+)`", " ".join(shown)))
    assert set(TABLES.drugs) <= listed


def test_what_the_pages_say_of_values():
    value = {id: record.nominal for id, record in TABLES.parameters.items()}
    assert TABLES.parameters["pMEK_affinity"].upper == value["pMEK_affinity"] > 1
    assert value["fold_ERK_BIM"] == value["fold_FOXO_PUMA"] == value["AKT_GR_block"] == 0
    assert value["k_GR_import"] == pytest.approx(5 * value["k_GR_export"])
    assert value["Kd_GR_dimer"] > 10 * value["GR_reference"]
    half_lives = {
        "SOCS": 0.7, "DUSP": 0.8, "SPRY": 5, "BIM": 5.4, "BCL2": 21, "BCLXL": 21,
    }  # fmt: skip
    for name, hours in half_lives.items():
        assert np.log(2) / value[f"k_decay_{name}"] == pytest.approx(hours, rel=0.05), name
    assert np.log(2) / value["k_GR_turnover"] == pytest.approx(23, rel=0.05)
    assert 60 * np.log(2) / value["k_AKT_dephosphorylation"] == pytest.approx(2, rel=0.05)
    used_by_dusp = [id for id, r in REACTIONS.items() if "DUSP" in symbols(r.kinetic_law)]
    assert set(used_by_dusp) == {"ERK_dephosphorylation", "DUSP_decay"}


def test_the_values_at_an_end_of_their_range_are_named():
    written = text_of(INDEX)
    sentence = written[written.index("Where the data pull") : written.index("Read such a value")]
    upper, lower = (set(re.findall(r"`(\w+)`", part)) for part in sentence.split("upper one;"))
    fitted = [p for p in TABLES.parameters.values() if p.confidence == "fitted"]
    assert upper == {p.id for p in fitted if p.nominal == p.upper}
    assert lower == {p.id for p in fitted if p.nominal == p.lower}


def test_the_share_of_the_receptor_in_the_nucleus():
    """5 s / (1 + 6 s) without turnover; and pairing is kept out, which takes little."""
    doses = np.array([0.001, 0.005, 0.05])
    run = MODEL.simulate(
        400,
        start="initial",
        set={"k_GR_turnover": 0.0, "kon_GR_dimer": 0.0},
        prednisolone=doses,
        outputs=["GR_ligand_nuclear", "GR_total"],
    ).isel(time=-1)
    s = 1000 * doses / TABLES.parameters["Kd_prednisolone"].nominal
    share = run["GR_ligand_nuclear"] / run["GR_total"]
    np.testing.assert_allclose(share, 5 * s / (1 + 6 * s), rtol=1e-4)


def test_balanced_growth_is_the_growth_rate_with_the_phases_that_are_told():
    """With G1_exit at 1 and no death, from the constants alone."""
    out = [TABLES.parameters[f"cycle_{phase}"].nominal for phase in ("G1", "S", "G2M")]
    flow = np.array([[-out[0], 0, 2 * out[2]], [out[0], -out[1], 0], [0, out[1], -out[2]]])
    rates, shares = np.linalg.eig(flow)
    fastest = np.argmax(rates.real)
    assert rates[fastest].real == pytest.approx(1, abs=2e-3)
    phases = shares[:, fastest].real
    np.testing.assert_allclose(100 * phases / phases.sum(), [53, 29, 18], atol=0.6)


def test_what_the_pages_say_of_the_cells_at_rest():
    cells = list(TABLES.cells)
    rest = MODEL.steady_state(cell=cells, outputs=["G1_exit", "ERK_p"])
    assert (rest["G1_exit"] < 1).mean() > 0.5
    threshold = TABLES.parameters["K_ERK_DUSP"].nominal
    assert rest["ERK_p"].sel(cell="SUPT1") < threshold / 10
    assert rest["ERK_p"].sel(cell="MLLR_PAIR") > 3 * rest["ERK_p"].sel(cell="SUPT1")
    day = MODEL.simulate([0, 24], outputs=["G1"])["G1"]
    assert day.sel(time=24) > day.sel(time=0)


def test_the_saturated_receptor_is_short_of_its_limit():
    run = MODEL.simulate(24, prednisolone=100.0, outputs=["GR_activity"])
    assert run["GR_activity"].item() < 0.8


def test_what_is_said_of_the_fit_stands_in_the_models_readme():
    readme = text_of(MODEL.folder / "README.md")
    assert "206 numbers" in readme
    assert "206 numbers" in text_of(INDEX)
    assert "21 of its 30 scored findings hold" in readme
    unseen = yaml.safe_load(text_of(MODEL.folder / "unseen.yaml"))["findings"]
    scored = [f for f in unseen if f["checks"] and f["kind"] not in ("hypothesis", "note")]
    assert len(scored) == 30


def run_page(path, folder, monkeypatch, capsys):
    """The names that a page's blocks leave, and what each of them printed."""
    monkeypatch.chdir(folder)
    names, printed = {"__name__": "__main__"}, []
    for block in blocks_of(path):
        block.run(named(path), names)
        printed.append(capsys.readouterr().out.strip("\n"))
    return names, printed


def il7r(names, printed):
    mutant = names["pstat5"].sel(alteration="IL7R_PILT240-244RFCPH", il7=0)
    normal = names["pstat5"].sel(alteration="IL7R_WT")
    assert mutant.sel(knockout="none") > 0.3
    np.testing.assert_allclose(
        mutant.sel(knockout=["JAK3"]), mutant.sel(knockout="none"), rtol=0.02
    )
    assert mutant.sel(knockout="JAK1") < 0.01
    assert normal.sel(il7=25, knockout="none") > 0.3
    assert normal.sel(il7=0, knockout="none") < 0.01
    assert normal.sel(il7=25, knockout="JAK1") < 0.01


def ras(names, printed):
    fold = names["fold"]
    assert fold["pERK"].sel(cell="SUPT1") > 3
    assert fold["pMEK"].sel(cell="MLLR_PAIR") > 2.5
    assert fold["pERK"].sel(cell="MLLR_PAIR") < 2
    assert (fold["DUSP"] > 1.3).all()


def mek(names, printed):
    exposed, hindered = names["selumetinib"], names["trametinib"]
    for run in (exposed, hindered):
        assert run["pERK"].sel(time=1) < 0.1 * run["pERK"].sel(time=0)
        assert run["SPRY"].sel(time=48) < 0.1 * run["SPRY"].sel(time=0)
    assert exposed["pMEK"].sel(time=48) > 1.3 * exposed["pMEK"].sel(time=0)
    assert hindered["pMEK"].sel(time=48) < hindered["pMEK"].sel(time=0)


def pi3k(names, printed):
    runs = names["runs"].isel(time=-1)
    plain = runs.sel(alteration="none", GSK3B_inhibitor_IX=0)
    for change in ("AKT_WT", "PTEN_LOSS"):
        assert runs["MCL1"].sel(alteration=change, GSK3B_inhibitor_IX=0) > 1.3 * plain["MCL1"]
    inhibited = runs.sel(alteration="none", GSK3B_inhibitor_IX=1)
    assert inhibited["MCL1"] > 1.3 * plain["MCL1"]
    np.testing.assert_allclose(runs["pERK"], plain["pERK"].item(), rtol=0.01)
    np.testing.assert_allclose(inhibited["pGSK3B"], plain["pGSK3B"], rtol=0.01)
    share = MODEL.steady_state(alteration=[None, "AKT_WT"], outputs=["pAKT", "AKT_p"])
    assert share["pAKT"][1] < share["pAKT"][0]
    assert share["AKT_p"][1] > share["AKT_p"][0]


def receptor(names, printed):
    np.testing.assert_allclose(
        names["run"]["square"], TABLES.parameters["Kd_GR_dimer"].nominal, rtol=0.03
    )
    assert (names["run"]["BIM_mRNA"].diff("prednisolone") > 0).all()


def bcl2(names, printed):
    lines = ["none", "NRAS_G12D", "NRAS_G12D+BIM_NONPHOSPHO"]
    wild, mutant, freed = (
        names["death"]["viability"].sel(alteration=line).item() for line in lines
    )
    assert wild < freed < mutant
    assert mutant - freed > 0.5 * (mutant - wild)
    binding = names["binding"].sel(alteration=lines[2])
    assert binding["pERK"].item() == pytest.approx(
        names["binding"]["pERK"].sel(alteration="NRAS_G12D").item(), rel=1e-3
    )
    assert binding["pBIM"].item() == pytest.approx(0, abs=1e-9)
    assert binding["MCL1"].item() > names["binding"]["MCL1"].sel(alteration="none").item()


def death(names, printed):
    """Each step passes the middle between its first and last value after the one before."""
    run = names["run"]

    def middle(name):
        values = run[name].values
        share = (values - values[0]) / (values[-1] - values[0])
        return np.interp(0.5, share, run["time"].values)

    order = [middle(name) for name in ("BIM_active", "BAXBAK_active", "caspase3", "viability")]
    assert order == sorted(order)


def drugs(names, printed):
    told = re.findall(r"^(\w+) ([\d.]+) uM$", printed[0], re.MULTILINE)
    assert [name for name, _ in told] == ["trametinib", "binimetinib", "selumetinib", "CI1040"]
    potency = [float(dose) for _, dose in told]
    assert potency == sorted(potency)


def lesions(names, printed):
    viability = names["death"]["viability"].isel(time=-1)
    assert (viability[1:] > viability.sel(alteration="none")).all()


def index(names, printed):
    assert "7.133 nM fitted" in printed[0]
    runs = names["runs"]["viability"].isel(time=-1).sel(alteration="NRAS_G12D", prednisolone=1)
    assert runs.sel(selumetinib=1) < 0.5 * runs.sel(selumetinib=0)


CLAIMS = {
    "model.md": index,
    "model/il7r_jak_stat.md": il7r,
    "model/ras_erk.md": ras,
    "model/mek_raf_inhibitors.md": mek,
    "model/pi3k_akt.md": pi3k,
    "model/glucocorticoid_receptor.md": receptor,
    "model/bcl2_family.md": bcl2,
    "model/death_and_growth.md": death,
    "model/drugs.md": drugs,
    "model/cells_lesions_cohorts.md": lesions,
}


@pytest.mark.parametrize("page", PAGES, ids=named)
@pytest.mark.filterwarnings("error::UserWarning")
def test_the_code_of_a_page_shows_what_its_prose_says(page, tmp_path, monkeypatch, capsys):
    """That it prints what the page shows is tested in test_docs.py."""
    assert all(len(block.code.splitlines()) <= 10 for block in blocks_of(page))
    names, printed = run_page(page, tmp_path, monkeypatch, capsys)
    CLAIMS[named(page)](names, printed)


def test_the_row_of_the_new_allele_follows_from_the_rates_it_cites():
    assert pytest.approx(0.0468) == 1.3e-5 * 3600
    assert pytest.approx(0.000874, rel=1e-3) == (5 - 1.3) / (4300 - 68)
    doubling = np.log(2) / 40
    assert doubling == pytest.approx(0.017, abs=5e-4)
    (growth,) = (o.value for o in TABLES.cells["SUPT1"] if o.parameter == "growth_rate")
    assert growth == pytest.approx(0.039, abs=5e-4)


def test_free_bim_falls_steeply_above_its_threshold_of_erk():
    """Flux to phosphorylated BIM and back, decay of that included, from the constants alone."""
    value = {id: record.nominal for id, record in TABLES.parameters.items()}

    def unphosphorylated(erk):
        threshold = value["K_ERK_BIM"]
        out = value["k_BIM_phosphorylation"] * erk**2 / (threshold + erk)
        back = value["k_BIM_dephosphorylation"] / (1 + (erk / threshold) ** 2)
        return 1 / (1 + out / (back + value["k_decay_BIM"] + value["k_decay_BIM_p"]))

    assert unphosphorylated(value["K_ERK_BIM"]) > 0.8
    assert unphosphorylated(3 * value["K_ERK_BIM"]) < 1 / 3
