"""The report of predictions to test: what is asked, ranked and said, on a closed-form model."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import yaml

import simulator
from simulator.errors import ModelError
from simulator.outlook import figures, full_tables, outlook, read_outlook, report_text
from simulator.outlook.experiments import Perturbation, make_plan
from simulator.outlook.known import Known
from simulator.outlook.results import NOTHING, PROTECTS, SENSITISES

from .analytic_model import HALF_STEROID, EnsembleModel, steroid_auc400
from .test_cli import run
from .test_predict import SETTINGS

SWEEP = 0.02
BLOCK = {
    "added_to": "selumetinib",
    "compared": ["ruxolitinib", "selumetinib"],
    "readouts": ["pERK", "BIM_BCL2"],
    "growth": "live_cells",
    "concentrations": {"prednisolone": 1.0, "selumetinib": 30.0, "ruxolitinib": 2.0},
    "conditions": [{"cell": "LINE", "alteration": ["none", "RAS_ON"]}],
}


class Model(EnsembleModel):
    """With genes: ERK, whose loss undoes RAS_ON; GUARD, whose loss makes the steroid ten times as
    potent but costs 80 % of the cells; GR, whose loss makes it a thousandth as potent."""

    def __init__(self, potencies=(), **parts):
        super().__init__(potencies, **parts)
        self.definition.genes = {gene: (f"{gene}_made",) for gene in ("ERK", "GUARD", "GR")}

    def run(self, row, time):
        lost = row.get("knockout")
        if lost == "ERK":
            row = {**row, "alteration": "none"}
        if lost in ("GUARD", "GR"):
            dose = row.get("prednisolone", 0.0)
            row = {**row, "prednisolone": dose * (10 if lost == "GUARD" else 1e-3)}
        found = super().run(row, time)
        if lost == "GUARD":
            found["live_cells"] *= 0.2
        return found


def model(potencies=(), folder=None, **changes):
    settings = {"predict": SETTINGS, "outlook": BLOCK | changes}
    return Model(potencies, settings=settings, folder=folder)


@pytest.fixture(scope="module")
def results():
    return outlook(model())


@pytest.fixture(scope="module")
def with_members():
    return outlook(model([0.5, 4.0]))


def place(results, name):
    return [p.name for p in results.plan.perturbations].index(name) + 1


def test_a_dose_is_the_highest_step_that_spares_the_cells(results):
    # Selumetinib alone leaves 1 / (1 + dose / 10): 30 uM a quarter, 9 uM more than half.
    assert results.plan.dose(0, "selumetinib") == pytest.approx(9.0)
    assert results.plan.dose(0, "ruxolitinib") == pytest.approx(2.0)
    # Prednisolone kills half at 0.1 uM in LINE, and at 10 uM with RAS on.
    assert results.plan.doses[:, 0] == pytest.approx([0.1, 1.0])


def test_responses_are_those_of_the_closed_form(results):
    line, ras_on = HALF_STEROID, 100 * HALF_STEROID
    assert results.area(0, 0).value == pytest.approx(steroid_auc400(line), rel=SWEEP)
    assert results.area(1, 0).value == pytest.approx(steroid_auc400(ras_on), rel=SWEEP)
    erk = place(results, "ERK")
    assert results.area(1, 0, erk).value == pytest.approx(steroid_auc400(line), rel=SWEEP)
    drug = place(results, "selumetinib")
    helped = HALF_STEROID * (1 + 99 / (1 + 9 / 0.01))
    assert results.area(1, 0, drug).value == pytest.approx(steroid_auc400(helped), rel=SWEEP)
    assert results.area(1, 1).value == pytest.approx(steroid_auc400(helped), rel=SWEEP)
    assert np.isnan(results.area(1, 1, drug).value), "a drug is not added to itself"


def test_effects_and_what_is_not_ranked(results):
    erk, guard, gr = (place(results, gene) for gene in ("ERK", "GUARD", "GR"))
    assert results.effects[1, 0, [erk, guard]].tolist() == [SENSITISES, SENSITISES]
    assert results.effects[0, 0, [erk, gr]].tolist() == [NOTHING, PROTECTS]
    # The loss of GUARD sensitises too, but it leaves a fifth of the cells by itself.
    assert not results.ranked[:, :, guard].any()
    assert results.strongest(0, 0, "knockout", SENSITISES) is None
    best = results.strongest(1, 0, "knockout", SENSITISES)
    assert best.names == ("ERK",)
    assert np.isnan(best.share)
    assert results.strongest(0, 0, "knockout", PROTECTS).names == ("GR",)


def test_the_excess_of_a_pair_is_that_of_bliss(results):
    pair = results.plan.pairs.index((0, 1))
    dose = 9.0
    steroid = 1 / (1 + 1.0 / (100 * HALF_STEROID))
    drug = 1 / (1 + dose / 10)
    both = drug / (1 + 1.0 / (HALF_STEROID * (1 + 99 / (1 + dose / 0.01))))
    expected = (1 - both) - ((1 - steroid) + (1 - drug) - (1 - steroid) * (1 - drug))
    assert results.excess[1, pair] == pytest.approx(expected)
    assert results.best_pair(1, with_steroid=True).names == ("prednisolone", "selumetinib")
    assert results.best_pair(1, with_steroid=False) is None


def test_compared_drugs_and_their_readouts(results):
    assert results.resistant.tolist() == [False, True]
    assert results.works.tolist() == [[False, False], [False, True]]
    assert results.fold(1, 0, 0).value == pytest.approx(1.0)
    assert results.fold(1, 1, 0).value == pytest.approx(1 / (1 + 9 / 0.01))


def test_ranges_and_shares_are_those_of_the_members(with_members):
    area = with_members.area(1, 0, place(with_members, "ERK"))
    assert area.low == pytest.approx(steroid_auc400(0.5 * HALF_STEROID), rel=SWEEP)
    assert area.high == pytest.approx(steroid_auc400(4 * HALF_STEROID), rel=SWEEP)
    # Selumetinib changes nothing where RAS is off, for any member.
    assert with_members.effect_share[0, 0, place(with_members, "selumetinib")] == 1.0
    assert with_members.works_share.tolist() == [1.0, 1.0]


def test_a_share_of_synergy_counted_by_hand():
    found = outlook(model([1.0, 1e-4, 1e4]))
    pair = found.plan.pairs.index((0, 1))
    above = [m.excess(found.plan.pairs)[1, pair] >= 0.1 for m in found.members]
    # With a half dose far below or above any dose there is nothing left for the pair to do.
    assert above == [True, False, False]
    assert found.synergy_share[1, pair] == pytest.approx(1 / 3)
    assert "LINE RAS_ON: prednisolone + selumetinib is synergistic (33 %)" in text_of(found)


# ---- what is known -----------------------------------------------------------------------------


def findings(folder, **of):
    check = {"readout": "viability", "of": of, "is": "<= 0.5"}
    text = yaml.safe_dump({"findings": [{"id": "F1", "checks": [check]}]})
    (folder / "findings.yaml").write_text(text)
    return model(folder=folder)


def names(made, i, *changes):
    return Known(made, make_plan(made, *read_outlook(made))).names(i, *changes)


def test_what_a_finding_names_with_the_steroid_is_known(tmp_path):
    drugs = {"prednisolone": 1, "selumetinib": {"each": [0, 1]}}
    made = findings(tmp_path, cell="LINE", alterations=["RAS_ON"], drugs=drugs)
    drug, other = (Perturbation("drug", d) for d in ("selumetinib", "ruxolitinib"))
    assert names(made, 1, drug)
    assert names(made, 1, None, None)
    assert not names(made, 1, other)
    assert not names(made, 1, drug, other)
    without = findings(tmp_path, cell="LINE", alterations=["RAS_ON"], drugs={"selumetinib": 1})
    assert not names(without, 1, drug)
    elsewhere = findings(tmp_path, cell="PDX", alterations=["RAS_ON"], drugs=drugs)
    assert not names(elsewhere, 1, drug)


def test_drugs_on_the_same_target_are_known_together(tmp_path):
    drugs = {"prednisolone": 1, "selumetinib": 1}
    made = findings(tmp_path, cell="LINE", alterations=["RAS_ON"], drugs=drugs)
    for name in ("selumetinib", "ruxolitinib"):
        drug = made.definition.drugs[name]
        made.definition.drugs[name] = replace(drug, target="MEK")
    assert names(made, 1, Perturbation("drug", "ruxolitinib"))


def test_a_loss_is_known_as_a_knock_out(tmp_path):
    made = findings(tmp_path, cell="LINE", alterations=["LOST"], drug="prednisolone")
    change = made.definition.alterations["RAS_ON"][0]
    gone = replace(change, parameter="GR_made", operation="set", value=0.0)
    made.definition.alterations["LOST"] = (gone,)
    assert names(made, 0, Perturbation("knockout", "GR"))
    assert not names(made, 0, Perturbation("knockout", "ERK"))


def test_known_entries_need_not_name_the_steroid():
    made = model(known=[{"cell": "LINE", "knockout": "ERK"}])
    assert names(made, 0, Perturbation("knockout", "ERK"))
    assert not names(made, 1, Perturbation("knockout", "ERK"))


def test_what_is_known_is_not_ranked():
    entry = {"cell": "LINE", "alteration": "RAS_ON", "knockout": "ERK", "drug": "selumetinib"}
    found = outlook(model(known=[entry]))
    assert found.strongest(1, 0, "knockout", SENSITISES) is None
    assert found.best_pair(1, with_steroid=True) is None


def test_findings_that_cannot_be_read_are_the_author_s_error(tmp_path):
    (tmp_path / "findings.yaml").write_text("findings: [")
    with pytest.raises(ModelError, match=r"findings\.yaml"):
        outlook(model(folder=tmp_path))


# ---- the report --------------------------------------------------------------------------------


def text_of(results):
    return report_text(results, "steroidsim predict --report", "figures/predictions")


def test_the_report_says_that_it_is_a_prediction_and_how_sure(results, with_members):
    text = text_of(results)
    assert "Model predictions, not measured" in text
    assert "uncertainty: not calibrated" in text
    assert "Read every number above as a guess" in text
    assert "5-95 % of all 2 members of the ensemble" in text_of(with_members)


def test_rows_of_the_report_hold_the_numbers(with_members):
    text = text_of(with_members)
    area, erk = (with_members.area(1, 0, p) for p in (0, place(with_members, "ERK")))
    row = next(line for line in text.splitlines() if line.startswith("| LINE RAS_ON"))
    shown = [f"{n.value:.0f} ({n.low:.0f}–{n.high:.0f})" for n in (area, erk)]
    assert row.startswith(f"| LINE RAS_ON | {shown[0]} | ERK | {shown[1]} | 100 % |")
    assert "Sensitising in the most cells: ERK (1 of 2)." in text
    assert "**Only selumetinib sensitises** 1 of 1 resistant cells: LINE RAS_ON." in text
    assert "ruxolitinib halves none of them (AUC ratio 1.00)" in text


def test_full_tables_hold_every_prediction(with_members, tmp_path):
    tables = full_tables(with_members)
    table = tables["responses.tsv"].set_index(["condition", "beside", "perturbation"])
    found = table.loc[("LINE RAS_ON", "none", "ERK")]
    assert float(found["auc400"]) == pytest.approx(steroid_auc400(HALF_STEROID), rel=SWEEP)
    assert found["effect"] == "sensitises"
    assert table.loc[("LINE", "selumetinib", "selumetinib"), "effect"] == "not rated"
    assert len(table) == 2 * 2 * (1 + 3 + 2)
    file = tmp_path / "compared.tsv"
    tables["compared.tsv"].to_csv(file, sep="\t", index=False)
    assert set(pd.read_csv(file, sep="\t")["readout"]) == {"pERK", "BIM_BCL2", "auc400"}


def test_figures_show_the_changes(results):
    drawn = figures(results)
    assert list(drawn) == ["knockouts.png", "drugs.png", "pairs.png", "compared.png"]
    alone, beside = drawn["drugs.png"].axes[:2]
    assert [t.get_text() for t in alone.get_xticklabels()] == ["selumetinib", "ruxolitinib"]
    assert [t.get_text() for t in beside.get_xticklabels()] == ["ruxolitinib"]
    change = results.found.area[:, 0, 1:] - results.found.area[:, 0, :1]
    shown = drawn["knockouts.png"].axes[0].images[0].get_array()
    np.testing.assert_allclose(shown, change[:, :3])
    values = [t.get_text() for t in drawn["compared.png"].axes[1].texts]
    assert values[:2] == [f"{results.fold(0, 1, k).value:.2f}" for k in range(2)]


def test_the_command_writes_the_report_and_what_it_points_to(monkeypatch, tmp_path):
    made = model([0.5, 4.0])
    monkeypatch.setattr(simulator, "load", lambda name: made)
    done = run("predict", "--report", tmp_path / "docs" / "next.md", "--members", 1)
    assert done.exit_code == 0, done.output
    text = (tmp_path / "docs" / "next.md").read_text("utf-8")
    assert "5-95 % of 1 of 2 members" in text
    folder = tmp_path / "docs" / "figures" / "next"
    written = sorted(file.name for file in folder.iterdir())
    assert written == sorted([*figures_named_in(text), *tables_named_in(text)])
    assert (folder / "pairs.png").read_bytes().startswith(b"\x89PNG")


def figures_named_in(text):
    return [piece.split(")")[0] for piece in text.split("(figures/next/") if ".png)" in piece[:20]]


def tables_named_in(text):
    return [piece.split(")")[0] for piece in text.split("(figures/next/") if ".tsv)" in piece[:20]]


# ---- settings ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"readout": ["pERK"]}, 'Nearest: "readouts"'),
        ({"readouts": ["pERC"]}, 'Nearest: "pERK"'),
        ({"growth": "life_cells"}, 'Nearest: "live_cells"'),
        ({"added_to": "selumetanib"}, 'Nearest: "selumetinib"'),
        ({"compared": ["ruxolitinib"]}, '"compared" must be two drugs'),
        ({"concentrations": BLOCK["concentrations"] | {"ruxolitanib": 1}}, 'Nearest: "ruxoli'),
        ({"concentrations": BLOCK["concentrations"] | {"ruxolitinib": 0}}, "not above 0"),
        ({"steroid_doses": {"low": 2, "high": 1, "points": 3}}, '"steroid_doses"'),
    ],
)
def test_settings_that_cannot_be_used_are_the_author_s_error(changes, message):
    with pytest.raises(ModelError, match=message):
        read_outlook(model(**changes))


def test_a_model_without_the_block_is_refused():
    with pytest.raises(ModelError, match='no block "outlook"'):
        read_outlook(Model(settings={"predict": SETTINGS}))
    missing = {key: value for key, value in BLOCK.items() if key != "growth"}
    with pytest.raises(ModelError, match='no "growth"'):
        read_outlook(Model(settings={"predict": SETTINGS, "outlook": missing}))


def test_the_bundled_settings_can_be_used(steroid_response):
    base, settings = read_outlook(steroid_response)
    definition = steroid_response.definition
    names = {*definition.cells, *definition.alterations, *definition.drugs, "none"}
    for entry in settings.known:
        for value in entry.values():
            assert set([value] if isinstance(value, str) else value) <= names
    assert {base.steroid, *base.partners.values()} <= set(settings.concentrations)


@pytest.mark.slow
def test_without_its_receptor_the_bundled_steroid_does_nothing(steroid_response):
    settings = steroid_response.definition.settings
    few = {"prednisolone": 1, "selumetinib": 0.5, "ruxolitinib": 2}
    block = settings["outlook"] | {"concentrations": few, "conditions": [{"cell": "SUPT1"}]}
    small = replace(steroid_response.definition, settings=settings | {"outlook": block})
    found = outlook(type(steroid_response)(small), progress=False)
    assert found.area(0, 0, place(found, "GR")).value == pytest.approx(400, rel=1e-3)
    assert found.area(0, 0).value < 200
    # Without its kinase the inhibitor of the kinase above it has nothing left to do.
    assert found.area(0, 1, place(found, "ERK")).value == pytest.approx(
        found.area(0, 0, place(found, "ERK")).value, rel=0.02
    )
