"""Screens against simulations written out one by one, closed forms, and what the papers say."""

import numpy as np
import pandas as pd
import pytest

import simulator as sim
from simulator.errors import ConditionError, IntegrationError
from simulator.simulation.model import Model

DECAY = "model decay\n species S; S -> ; k*S; S = 2; k = 0.3; unused = 1\nend"
BANG = "model bang\n species x; x = 1; k = 1; j = 1\n -> x; k*x^2; x -> ; 0.1*j*x\nend"
DOSES = [0.0, *np.geomspace(0.00316, 31.6, 9)]


def of(frame, kind, name, level=None):
    rows = frame[(frame["kind"] == kind) & (frame["name"] == name)]
    rows = rows if level is None else rows[rows["level"] == level]
    assert len(rows) == 1
    return rows.iloc[0]


@pytest.fixture(scope="module")
def default(steroid_response):
    return sim.screen(steroid_response)


def test_every_gene_and_drug_is_in_the_default_screen(default, steroid_response):
    genes, drugs = steroid_response.definition.genes, steroid_response.definition.drugs
    kinds = default.groupby("kind")["name"].agg(set)
    assert kinds["knock-out"] == kinds["knock-down"] == set(genes)
    others = {name for name, drug in drugs.items() if drug.kind == "drug"}
    # the swept drug is none that is added, and the folder states no dose for the second steroid
    assert kinds["drug"] == others - {"prednisolone", "dexamethasone"}
    assert default["rank"].tolist() == list(range(1, len(default) + 1))
    size = default["log2_ratio"].abs()
    assert (size.diff().dropna() <= 0).all()
    assert default.attrs["measure"] == "auc400" and default.attrs["dose"] == "prednisolone"
    assert (default["status"] == "SUCCESS").all()


def test_rows_are_what_single_simulations_say(default, steroid_response):
    doses = [0.0, *np.geomspace(0.00316, 31.6, 17)]

    def auc(**factors):
        ds = steroid_response.simulate(96, outputs=["viability"], prednisolone=doses, **factors)
        return float(sim.response.auc400(ds["viability"].isel(time=-1), "prednisolone"))

    before = auc()
    for row, value in (
        (of(default, "knock-out", "BIM"), auc(knockout="BIM")),
        (of(default, "knock-down", "MCL1"), auc(expression={"MCL1": 0.5})),
        (of(default, "drug", "ruxolitinib"), auc(ruxolitinib=2.0)),
    ):
        assert row["auc400"] == pytest.approx(value, rel=1e-12)
        assert row["unperturbed"] == pytest.approx(before, rel=1e-12)
        assert row["difference"] == pytest.approx(value - before)
        assert row["log2_ratio"] == pytest.approx(np.log2(value / before))
    added = steroid_response.simulate(96, outputs=["viability"], selumetinib=0.5)
    alone = of(default, "drug", "selumetinib")["at_dose_0"]
    assert alone == pytest.approx(float(added["viability"].squeeze()), rel=1e-9)
    assert of(default, "knock-out", "BIM")["at_dose_0"] == 1.0  # it is its own vehicle


def test_directions_of_the_papers(default, steroid_response):
    """van der Zwet et al. 2021: BIM kills, MEK inhibitors re-sensitise what RAS made resistant."""
    assert of(default, "knock-out", "GR")["auc400"] == pytest.approx(400)
    assert of(default, "knock-out", "BIM")["difference"] > 100
    assert of(default, "knock-out", "BCL2")["difference"] < 0
    resistant = sim.screen(
        steroid_response, alteration="NRAS_G12D", knockdown=None, prednisolone=DOSES
    )
    for drug in ("trametinib", "selumetinib", "binimetinib", "CI1040"):
        assert of(resistant, "drug", drug)["auc400"] < 0.8 * resistant["unperturbed"].iloc[0]
    for drug in ("ruxolitinib", "tofacitinib"):
        assert abs(of(resistant, "drug", drug)["log2_ratio"]) < 0.1


def test_perturbations_come_on_top_of_the_condition(steroid_response):
    frame = sim.screen(
        steroid_response,
        knockouts=["BIM"],
        drugs={"selumetinib": 0.2},
        prednisolone=DOSES,
        alteration=[None, "NRAS_G12D"],
        knockout="PUMA",
        expression={"BIM": 0.8},
        ruxolitinib=1.0,
    )
    assert frame["alteration"].tolist() == ["none"] * 3 + ["NRAS_G12D"] * 3
    assert frame["rank"].tolist() == [1, 2, 3] * 2

    def auc(knockout, **factors):
        ds = steroid_response.simulate(
            96,
            outputs=["viability"],
            prednisolone=DOSES,
            alteration="NRAS_G12D",
            knockout=knockout,
            ruxolitinib=1.0,
            **factors,
        )
        return float(sim.response.auc400(ds["viability"].isel(time=-1), "prednisolone"))

    here = frame[frame["alteration"] == "NRAS_G12D"]
    less = {"BIM": 0.8}
    assert of(here, "knock-out", "BIM")["auc400"] == pytest.approx(
        auc("PUMA+BIM", expression=less), rel=1e-12
    )
    assert of(here, "knock-down", "BIM")["auc400"] == pytest.approx(
        auc("PUMA", expression={"BIM": 0.4}), rel=1e-12
    )
    drug = of(here, "drug", "selumetinib")
    assert drug["auc400"] == pytest.approx(auc("PUMA", expression=less, selumetinib=0.2), rel=1e-12)
    assert drug["unperturbed"] == pytest.approx(auc("PUMA", expression=less), rel=1e-12)
    assert (drug["level"], drug["unit"]) == (0.2, "uM")


def test_a_cohort_is_screened_sample_by_sample(steroid_response):
    cohort = steroid_response.cohort("TALL_PDX", 3)
    given = {"measure": "BIM_active", "time": 24, "knockdown": None, "drugs": ["selumetinib"]}
    frame = sim.screen(steroid_response, conditions=cohort, knockouts=["GR"], il7=[0, 25], **given)
    assert set(frame["sample"]) == set(cohort.index) and set(frame["il7"]) == {0.0, 25.0}
    assert len(frame) == 2 * 3 * 2
    ds = steroid_response.simulate(
        24, conditions=cohort, outputs=["BIM_active"], il7=[0, 25], selumetinib=0.5
    )
    for _, row in frame[frame["kind"] == "drug"].iterrows():
        one = ds["BIM_active"].sel(sample=row["sample"], il7=row["il7"]).isel(time=-1)
        assert row["BIM_active"] == float(one)


def test_everything_is_one_call(steroid_response, monkeypatch):
    calls = []
    simulate = Model.simulate

    def counted(self, *arguments, **options):
        calls.append(options)
        return simulate(self, *arguments, **options)

    monkeypatch.setattr(Model, "simulate", counted)
    sim.screen(
        steroid_response, "BIM_active", time=1, rtol=1e-5, workers=1, parameters=["k_tl_BIM"]
    )
    assert len(calls) == 1 and calls[0]["rtol"] == 1e-5 and calls[0]["workers"] == 1


def test_results_may_come_from_a_store_or_an_executor(tmp_path):
    from concurrent.futures import ThreadPoolExecutor

    given = {"measure": "S", "time": 5, "parameters": ["unused"], "k": [0.3, 0.6]}
    plain = sim.screen(DECAY, **given)
    stored = sim.screen(DECAY, store=tmp_path / "screen.zarr", **given)
    with ThreadPoolExecutor(1) as executor:
        computed = sim.screen(DECAY, executor=executor, **given)
    pd.testing.assert_frame_equal(plain, stored)
    pd.testing.assert_frame_equal(plain, computed)


def test_a_dose_of_a_plain_model():
    """Viability 1 / (1 + D / K): the IC50 is K."""
    text = "model hill\n D = 0; K = 2; other = 1\n v := K/(K + D)\n z' = 0; z = 1\nend"
    doses = [0, *np.geomspace(0.01, 100, 81)]
    frame = sim.screen(text, "ic50", output="v", time=0, parameters=["K"], D=doses)
    assert frame["ic50"].tolist() == pytest.approx([1.0], rel=1e-3)
    assert frame["log2_ratio"].tolist() == pytest.approx([-1.0], abs=1e-3)
    two = sim.screen(
        text, "ic50", output="v", time=0, parameters=["K"], D=doses, other=[1, 2], dose="D"
    )
    assert two["other"].tolist() == [1.0, 2.0] and two["rank"].tolist() == [1, 1]


def test_parameters_of_a_plain_model_in_closed_form():
    frame = sim.screen(DECAY, "S", time=5, parameters=True, knockdown=[0.5, 0], overexpression=2)
    for fold in (0.5, 0.0, 2.0):
        row = of(frame, "parameter", "k", fold)
        assert row["S"] == pytest.approx(2 * np.exp(-0.3 * fold * 5), rel=1e-5)
        assert row["log2_ratio"] == pytest.approx(-0.3 * (fold - 1) * 5 / np.log(2), rel=1e-4)
        assert of(frame, "parameter", "unused", fold)["difference"] == 0
    assert frame["name"].tolist()[:3] == ["k"] * 3
    # by its value in the condition, not that of the file
    frame = sim.screen(DECAY, "S", time=5, parameters=["k"], conditions=pd.DataFrame({"k": [1, 2]}))
    np.testing.assert_allclose(frame["S"], 2 * np.exp([-5 * 0.5, -5 * 1.0]), rtol=1e-4)
    with pytest.raises(ConditionError, match='parameter "k" is a factor of this screen already'):
        sim.screen(DECAY, "S", time=5, parameters=["k"], k=2)


def test_a_function_is_a_measure():
    def lost(ds):
        return 1 - ds["S"].isel(time=-1) / ds["S"].isel(time=0)

    frame = sim.screen(DECAY, lost, time=[0, 2], parameters=["k"])
    assert frame["lost"].tolist() == pytest.approx([1 - np.exp(-0.3)])
    with pytest.raises(ConditionError, match="must return a DataArray over all conditions"):
        sim.screen(DECAY, lambda ds: ds["S"].max(), time=[0, 2], parameters=["k"])


def test_failed_runs_come_last_and_have_no_rank():
    with pytest.warns(RuntimeWarning, match="1 of 3 runs failed"):
        frame = sim.screen(BANG, "x", time=0.8, parameters=True, knockdown=None, overexpression=2)
    assert frame["name"].tolist() == ["j", "k"]
    assert frame["rank"].tolist() == [1, pd.NA]
    assert np.isnan(frame["x"].iloc[1]) and frame["status"].iloc[1] != "SUCCESS"
    with pytest.raises(IntegrationError):
        sim.screen(
            BANG, "x", time=0.8, parameters=["k"], knockdown=None, overexpression=2,
            on_failure="raise",
        )  # fmt: skip


def test_bounds_are_marked(steroid_response):
    frame = sim.screen(steroid_response, "ic50", prednisolone=DOSES, knockouts=["GR"], drugs=False)
    out = of(frame, "knock-out", "GR")
    assert (out["bound"], out["unperturbed_bound"]) == (">", "=") and out["ic50"] == DOSES[-1]
    assert frame.attrs["units"] == "uM"


def test_pairs_are_compared_with_the_sum_of_both(steroid_response):
    frame = sim.screen(
        steroid_response,
        knockouts=["BIM", "MCL1"],
        knockdown=None,
        drugs=["selumetinib", "MK2206"],
        pairs=True,
        prednisolone=DOSES,
    )
    assert frame["kind"].value_counts().to_dict() == {
        "knock-out": 2, "drug": 2, "two knock-outs": 1, "two drugs": 1, "knock-out + drug": 4,
    }  # fmt: skip
    both = of(frame, "knock-out + drug", "BIM + MK2206")
    parts = [of(frame, "knock-out", "BIM"), of(frame, "drug", "MK2206")]
    expected = both["log2_ratio"] - sum(part["log2_ratio"] for part in parts)
    assert both["beyond_sum"] == pytest.approx(expected)
    assert frame.loc[frame["kind"] == "drug", "beyond_sum"].isna().all()


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"knockouts": ["BIMM"]}, 'gene "BIMM" is not in steroid_response. Nearest: "BIM"'),
        ({"knockouts": "BIM"}, "knockouts is a list of names"),
        ({"drugs": ["selumetanib"]}, 'drug "selumetanib" is not.* Nearest: "selumetinib"'),
        ({"drugs": ["dexamethasone"]}, "states no dose to add dexamethasone at"),
        ({"drugs": {"selumetinib": 0}}, "dose of drug .* is 0, but must be above 0"),
        ({"drugs": ["prednisolone"]}, 'drug "prednisolone" is a factor of this screen already'),
        ({"measure": "auc40"}, 'measure "auc40" is none of .* Nearest: "auc400"'),
        ({"measure": "auc400", "output": "viabilty"}, 'output "viabilty".* Nearest: "viability"'),
        ({"measure": "auc400", "prednisolone": [0, 1, 10]}, "does not cover the range"),
        ({"measure": "ic50", "dose": "ruxolitinib"}, 'dose is "ruxolitinib", which is not swept'),
        ({"prednisolone": DOSES, "selumetinib": [0, 1]}, "are swept: say which, dose="),
        ({"knockdown": 2}, "knock-down is to 2 fold, but must be at least 0 and below 1"),
        ({"overexpression": 0.5}, "overexpression is to 0.5 fold, but must be above 1"),
        ({"alteratoin": "NRAS_G12D"}, "alteratoin"),
        ({"knockout": ["BIM", "BAX"]}, "knockout is swept here"),
        ({"parameters": ["k_tl_BIMM"]}, '"k_tl_BIMM" is no constant.* Nearest: "k_tl_BIM"'),
        ({"conditions": "rows.csv"}, "conditions= of a screen is a table in memory"),
        ({"knockouts": False, "knockdown": None, "drugs": False}, "nothing is perturbed"),
    ],
)
def test_what_has_no_meaning_is_refused_before_any_run(steroid_response, monkeypatch, given, said):
    def never(*_, **__):
        raise AssertionError("simulated")

    monkeypatch.setattr(Model, "simulate", never)
    with pytest.raises(ConditionError, match=said):
        sim.screen(steroid_response, **given)


def test_a_plain_model_has_no_defaults():
    with pytest.raises(ConditionError, match="measure= is missing"):
        sim.screen(DECAY)
    with pytest.raises(ConditionError, match="it must be the name of one measure"):
        sim.screen(DECAY, ["S", "S"], time=1)
    with pytest.raises(ConditionError, match="time= is missing"):
        sim.screen(DECAY, "S")
    with pytest.raises(ConditionError, match="nothing is perturbed"):
        sim.screen(DECAY, "S", time=1)
    with pytest.raises(ConditionError, match="auc400 is of a dose-response"):
        sim.screen(DECAY, "auc400", time=1, output="S", parameters=["k"])
