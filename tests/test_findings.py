"""Findings: the grammar, every kind of readout against closed forms, and the score."""

import json
import math
from pathlib import Path

import numpy as np
import pytest
import yaml

from simulator.errors import ConditionError, ModelError
from simulator.findings import evaluate
from simulator.findings.grammar import expand, read_bound, read_findings
from simulator.findings.vocabulary import read_readout
from simulator.response import combination_index, f_syn

from .analytic_model import HALF_STEROID, AnalyticModel, steroid_auc400

BUNDLED = Path(__file__).resolve().parents[1] / "models" / "steroid_response" / "findings.yaml"

# 18 doses stand for a curve: what the trapezoid rule makes of a Hill curve of slope 1.
SWEEP = 0.01


def finding(*checks, id="F1", kind="qualitative"):
    return {"id": id, "source": "s", "kind": kind, "statement": "Something.", "checks": [*checks]}


def check(readout, of, bound=">= 0", over=None):
    return {"readout": readout, "of": of, "is": bound} | ({} if over is None else {"over": over})


@pytest.fixture
def write(tmp_path):
    def write(*findings, **further):
        path = tmp_path / "findings.yaml"
        path.write_text(yaml.safe_dump({"findings": list(findings)} | further))
        return path

    return write


@pytest.fixture
def value(write):
    """The value found for one check on the analytic model."""

    def value(readout, of, over=None, **parts):
        results = evaluate(AnalyticModel(**parts), write(finding(check(readout, of, over=over))))
        (leaf,) = results.findings[0].checks[0].leaves
        return leaf.value

    return value


# ---- grammar ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"cell": "A"}, [{"cell": "A"}]),
        ({"at": {"each": [1, 2]}}, [{"at": 1}, {"at": 2}]),
        ({"alterations": [{"each": ["A", "B"]}]}, [{"alterations": ["A"]}, {"alterations": ["B"]}]),
        ({"alterations": {"each": [[], ["A"]]}}, [{"alterations": []}, {"alterations": ["A"]}]),
        (
            {"drugs": {"d": {"each": [0, 1]}, "e": 2}, "at": {"each": [3, 4]}},
            [{"drugs": {"d": d, "e": 2}, "at": at} for d in (0, 1) for at in (3, 4)],
        ),
        (
            {"drugs": {"each": [{"d": {"each": [1, 2]}}, {}]}},
            [{"drugs": {"d": 1}}, {"drugs": {"d": 2}}, {"drugs": {}}],
        ),
    ],
)
def test_each_is_expanded_wherever_it_stands(given, expected):
    assert [resolved for resolved, _ in expand("here", given)] == expected


@pytest.mark.parametrize(
    ("text", "inside", "outside"),
    [
        (">= 2", [2, 2.5, math.inf], [1.99, math.nan]),
        ("<= 0.2", [0.2, -1], [0.21, math.nan]),
        ("0.8..1.25", [0.8, 1, 1.25], [0.79, 1.26]),
        ("<= -0.75", [-0.75, -1], [-0.7]),
        ("<= 1e-9", [0, 1e-9], [1e-8]),
        ("true", [1], [0, math.nan]),
    ],
)
def test_bounds_are_inclusive_and_a_missing_value_is_outside(text, inside, outside):
    bound = read_bound("here", text)
    assert all(bound.holds(v) and bound.margin(v) >= 0 for v in inside)
    assert all(not bound.holds(v) and bound.margin(v) < 0 for v in outside)


def test_over_takes_what_it_does_not_name_from_of(value):
    of = {"cell": "LINE", "alterations": ["RAS_ON"], "drugs": {"selumetinib": 0.01}, "at": 24}
    assert value("pERK", of, over={"alterations": []}) == pytest.approx(10)
    assert value("pERK", of, over={"drugs": {}}) == pytest.approx(0.5)


RISEN = "fraction_with_auc400_ratio_above_2"
MALFORMED = [
    ({"kind": "guess"}, 'kind "guess"'),
    ({"kind": "qualitativ"}, 'Nearest: "qualitative"'),
    ({"statement": None}, '"statement"'),
    ({"checks": None}, '"checks" must be a list'),
    ({"checks": []}, "has no checks"),
    ({"check": []}, '"check"'),
    ({"checks": ["pERK"]}, "must be a mapping"),
    ({"checks": [{"readout": "pERK", "of": {}, "is": "2"}]}, '">= 2"'),
    ({"checks": [{"readout": "pERK", "of": {}, "is": "2..1"}]}, '"0.8..1.25"'),
    ({"checks": [{"readout": "pERK", "in": {}, "is": ">= 2"}]}, '"in"'),
    ({"checks": [{"readout": "pERK", "is": ">= 2"}]}, '"of" must be a mapping'),
    ({"checks": [{"of": {"cell": "LINE"}, "is": ">= 2"}]}, '"readout" must be text'),
    ({"checks": [check("pERK", {"cell": {"each": []}})]}, '"each"'),
    ({"checks": [check("pERC", {"cell": "LINE", "at": 1})]}, 'Nearest: "pERK"'),
    ({"checks": [check("pERK", {"cell": "LINE"})]}, "needs at"),
    ({"checks": [check("auc400", {"cell": "LINE"})]}, "needs drug"),
    ({"checks": [check("pERK", {"cel": "LINE", "at": 1})]}, 'Nearest: "cell"'),
    ({"checks": [check("pERK", {"cell": "LIEN", "at": 1})]}, 'Nearest: "LINE"'),
    ({"checks": [check("pERK", {"cell": "LINE", "at": "noon"})]}, '"at" must be a number'),
    ({"checks": [check("pERK", {"cell": "LINE", "at": 1, "alterations": "RAS_ON"})]}, "a list"),
    ({"checks": [check("pERK", {"cell": "LINE", "at": 1, "alterations": ["RAS_OM"]})]}, "RAS_ON"),
    ({"checks": [check("pERK", {"cell": "LINE", "at": 1, "knockout": ["ERC"]})]}, "ERK"),
    ({"checks": [check("pERK", {"cell": "LINE", "at": 1, "drugs": {"selu": 1}})]}, '"selu"'),
    ({"checks": [check("pERK", {"cell": "LINE", "at": 1, "drugs": {"selumetinib": [1]}})]}, "one"),
    ({"checks": [check("pERK", {"cell": "LINE", "at": 1, "drugs": {"selumetinib": -1}})]}, ">= 0"),
    ({"checks": [check("F_syn_min", {"cell": "LINE", "drugs": {"selumetinib": 1}})]}, "list the"),
    ({"checks": [check("median_IC50", {"cohort": "C", "drug": "selumetinib"})]}, 'cohort "C"'),
    ({"checks": [check("pearson_r(age, il7_viability_gain)", {"cohort": "KNOWN"})]}, '"age"'),
    ({"checks": [check(RISEN, {"cohort": "KNOWN", "drug": "ruxolitinib"})]}, '"over"'),
]  # fmt: skip


@pytest.mark.parametrize(("change", "message"), MALFORMED)
def test_a_malformed_finding_is_refused_with_its_id(write, change, message):
    broken = finding(check("pERK", {"cell": "LINE", "at": 1})) | change
    model = AnalyticModel(cohorts={"KNOWN": {"n": 2, "cell": "LINE"}})
    with pytest.raises(ModelError) as caught:
        evaluate(model, write(broken))
    assert "F1" in str(caught.value)
    assert message in str(caught.value)
    assert not model.calls


@pytest.mark.parametrize(
    ("text", "message"),
    [("findings: [", "YAML"), ("a: 1", '"findings"'), ("findings:\n- {kind: note}", '"id"')],
)
def test_a_file_that_is_no_findings_file_is_refused(tmp_path, text, message):
    path = tmp_path / "f.yaml"
    path.write_text(text)
    with pytest.raises(ModelError, match=message):
        evaluate(AnalyticModel(), path)


def test_missing_files_and_repeated_ids_are_refused(write, tmp_path):
    with pytest.raises(ModelError, match="cannot be read"):
        evaluate(AnalyticModel(), tmp_path / "none.yaml")
    with pytest.raises(ModelError, match=r"no findings.yaml"):
        evaluate(AnalyticModel())
    one = finding(check("pERK", {"cell": "LINE", "at": 1}))
    with pytest.raises(ModelError, match="twice"):
        evaluate(AnalyticModel(), write(one, one))
    with pytest.raises(ConditionError, match='"F9"'):
        evaluate(AnalyticModel(), write(one), only=["F9"])


# ---- readouts --------------------------------------------------------------------------------


def test_states_and_their_ratio_to_bim(value):
    of = {"cell": "LINE", "drugs": {"prednisolone": 1}, "at": 24}
    assert value("BIM_total", of) == pytest.approx(20)
    assert value("BIM_BCL2_per_BIM", of) == pytest.approx(3 / 20)


def test_auc400_uses_the_steroid_range_in_the_parental_line_only(value):
    line = value("auc400", {"cell": "LINE", "drug": "prednisolone"})
    assert line == pytest.approx(steroid_auc400(HALF_STEROID, 0.0228, 693.5), rel=SWEEP)
    other = value("auc400", {"cell": "OTHER", "drug": "prednisolone"})
    assert other == pytest.approx(steroid_auc400(10 * HALF_STEROID), rel=SWEEP)


def test_auc400_is_relative_to_the_background(value):
    of = {"cell": "OTHER", "drug": "prednisolone", "drugs": {"selumetinib": 30.0}}
    assert value("auc400", of, over={"drugs": {}}) == pytest.approx(1)


def test_ic50_and_its_top_dose(value):
    assert value("IC50", {"cell": "LINE", "drug": "selumetinib"}) == pytest.approx(10, rel=SWEEP)
    assert value("IC50", {"cell": "LINE", "drug": "ruxolitinib"}) == 50


def test_dose_matrix_readouts(value):
    of = {"cell": "LINE", "alterations": ["RAS_ON"], "drugs": ["prednisolone", "selumetinib"]}
    doses = np.r_[0, np.geomspace(0.00316, 31.6, 9)]
    viability = AnalyticModel().simulate(
        [96], alteration="RAS_ON", prednisolone=doses, selumetinib=doses
    )["viability"]
    drugs = ("prednisolone", "selumetinib")
    assert value("combination_index", of) == pytest.approx(
        float(combination_index(viability.squeeze(), *drugs))
    )
    sums = f_syn(viability.squeeze(), *drugs)
    assert value("F_syn_min", of) == pytest.approx(float(sums.min()))
    assert value("F_syn_median", of) == pytest.approx(float(sums.median()))
    assert value("F_syn_max", of) == pytest.approx(float(sums.max()))


def test_nonincreasing(value):
    doses = {"selumetinib": [10, 0, 0.1, 1]}
    of = {"cell": "LINE", "drugs": doses, "at": 24}
    assert value("pERK_nonincreasing_in_dose", of) == 1
    assert value("BIM_BCL2_nonincreasing_in_dose", of) == 0
    assert value("ERK_total_nonincreasing_in_dose", of) == 1


def test_fold_change_between_cells(value):
    readout = "fold_change_of_BIM_OTHER_over_fold_change_of_BIM_LINE"
    assert value(readout, {"drugs": {"prednisolone": 1}, "at": 48}) == pytest.approx(2)


def test_il7_viability_gain(value):
    assert value("il7_viability_gain", {"cell": "PDX", "il7": 25, "at": 96}) == pytest.approx(9)


def test_fractions_of_an_over_expressed_protein_are_compared_as_amounts(value):
    of = {"cell": "LINE", "alterations": ["RAS_UP"], "at": 24}
    assert value("RAS_GTP", of, over={"alterations": []}) == pytest.approx(4)
    assert value("RAS_GTP", of) == pytest.approx(0.1)
    assert value("RAS_GTP", of, over={"drugs": {"selumetinib": 1}}) == pytest.approx(1)


# ---- cohorts ---------------------------------------------------------------------------------

SPREAD = {"n": 8, "cell": "PDX", "quantities": {"potency": {"sd": 1.5}, "il7_gain": {"sd": 0.7}}}


def drawn(seed, n=8, column="potency"):
    return AnalyticModel(cohorts={"C": SPREAD}).cohort("C", n, seed)[column].to_numpy()


def mean_over_seeds(statistic):
    return np.mean([statistic(seed) for seed in range(5)])


def test_cohort_fractions_are_the_mean_over_five_draws(value):
    of = {"cohort": "C", "drug": "prednisolone"}
    found = value("fraction_with_auc400_below_150", of, cohorts={"C": SPREAD})
    limit = 150 * (1 + np.array([-SWEEP, SWEEP]))
    areas = [steroid_auc400(HALF_STEROID * drawn(seed) / 2) for seed in range(5)]
    shares = [np.mean([np.mean(a < edge) for a in areas]) for edge in limit]
    assert shares[0] <= found <= shares[1]
    assert 0 < found < 1


def test_cohort_ratio_of_auc400_with_and_without_il7(value):
    of = {"cohort": "C", "il7": 25, "drug": "prednisolone", "n": 8}
    found = value(
        "fraction_with_auc400_ratio_above_1.5", of, over={"il7": 0}, cohorts={"C": SPREAD}
    )

    def share(seed, slack):
        half = HALF_STEROID * drawn(seed) / 2
        gain = drawn(seed, column="il7_gain") - 1
        return np.mean(steroid_auc400(half * gain) / steroid_auc400(half) > 1.5 * slack)

    assert mean_over_seeds(lambda s: share(s, 1.02)) <= found
    assert found <= mean_over_seeds(lambda s: share(s, 0.98))


def test_cohort_median_and_ic50(value):
    cohort = {"n": 7, "cell": "LINE", "quantities": {"growth": {"sd": 1.0}}}
    found = value("cohort_median_live_cells", {"cohort": "G", "at": 0}, cohorts={"G": cohort})
    model = AnalyticModel(cohorts={"G": cohort})
    expected = mean_over_seeds(lambda s: np.median(model.cohort("G", None, s)["growth"]))
    # At t = 0 and without IL7, live cells are the growth drawn.
    assert found == pytest.approx(expected)
    of = {"cohort": "G", "drug": "selumetinib"}
    assert value("median_IC50", of, cohorts={"G": cohort}) == pytest.approx(10, rel=SWEEP)
    assert value("fraction_with_IC50_below_1uM", of, cohorts={"G": cohort}) == 0


def test_fraction_synergistic(value):
    of = {"cohort": "M", "drugs": ["prednisolone", "selumetinib"], "n": 3}
    cohort = {"n": 3, "cell": "LINE", "quantities": {"growth": {"sd": 0.1}}}
    mutant = cohort | {"alterations": {"RAS_ON": 1.0}}
    assert value("fraction_synergistic", of, cohorts={"M": mutant}) == 1
    assert value("fraction_synergistic", of, cohorts={"M": cohort}) == 0


def test_correlation_over_samples(value):
    of = {"cohort": "C", "n": 6}
    readout = "pearson_r(il7_viability_gain, prednisolone_delta_auc400)"
    found = value(readout, of, cohorts={"C": SPREAD | {"quantities": {"il7_gain": {"sd": 0.4}}}})
    # More gain by IL7 shifts the curve of these otherwise equal samples further.
    assert 0.9 < found <= 1
    absolute = value(f"abs_{readout}", of, cohorts={"C": SPREAD})
    assert 0 <= absolute <= 1


def test_a_marker_cannot_be_compared_where_all_samples_are_alike(value):
    of = {"cohort": "C", "marker": "pERK"}
    assert math.isnan(value("median_ratio_sensitive_to_resistant", of, cohorts={"C": SPREAD}))


def test_a_cohort_that_cannot_be_drawn_fails_its_checks_and_no_others(write):
    never = SPREAD | {"keep": {"observable": "pERK", "at": 0, "at_least": 1e9}}
    path = write(
        finding(check("cohort_median_pERK", {"cohort": "N", "at": 0})),
        finding(check("pERK", {"cell": "LINE", "at": 0}), id="F2"),
    )
    results = evaluate(AnalyticModel(cohorts={"N": never}), path)
    assert [f.status for f in results.findings] == ["FAIL", "PASS"]
    assert "pERK >= 1000000000" in results.undrawn["N"]


# ---- the score -------------------------------------------------------------------------------

ON = {"cell": "LINE", "alterations": ["RAS_ON"], "at": 24}


def scored(write):
    return evaluate(
        AnalyticModel(),
        write(
            finding(check("pERK", ON, ">= 2", over={"alterations": []})),
            finding(
                check("pERK", ON | {"at": {"each": [1, 2]}}, "0.1..1"),
                check("pERK", ON, ">= 0.3"),
                check("ERK_total", ON, "0.8..1.25", over={"alterations": []}),
                id="F2",
                kind="null",
            ),
            finding(check("pERK", ON, "<= 0.1"), id="F3", kind="hypothesis"),
            finding(id="F4", kind="note"),
        ),
    )


def test_hypotheses_and_notes_are_not_scored(write):
    results = scored(write)
    assert [f.status for f in results.findings] == ["PASS", "FAIL", "hypothesis", "no check"]
    assert results.summary == "1 of 2 findings pass (3 of 4 checks)"


def test_the_worst_check_and_what_holds_by_construction_are_named(write):
    second = scored(write).findings[1]
    assert second.worst.bound == ">= 0.3"
    assert second.worst.worst.value == pytest.approx(0.2)
    assert [c.by_construction for c in second.checks] == [False, False, True]
    assert [leaf.varied for leaf in second.checks[0].leaves] == ["at 1", "at 2"]


def test_results_are_plain_json(write):
    content = json.loads(json.dumps(scored(write).as_dict(), allow_nan=False))
    assert content["summary"] == "1 of 2 findings pass (3 of 4 checks)"
    assert content["findings"][1]["checks"][2]["by_construction"] is True


def test_everything_is_simulated_in_two_calls_and_nothing_twice(write):
    model = AnalyticModel()
    path = write(
        finding(check("auc400", {"cell": "LINE", "drug": "prednisolone"})),
        finding(
            check("auc400", {"cell": "LINE", "drug": "prednisolone"}, over={"il7": 25}), id="F2"
        ),
        finding(check("pERK", ON, over={"alterations": []}), id="F3"),
        finding(check("BIM_total", ON), id="F4"),
    )
    evaluate(model, path)
    assert len(model.calls) == 2
    for _, conditions, _, _ in model.calls:
        assert not conditions.duplicated().any()


# ---- the bundled file ------------------------------------------------------------------------


@pytest.fixture(scope="module")
def bundled():
    return read_findings(BUNDLED)[0]


def test_the_bundled_file_has_56_scored_findings_of_59(bundled):
    kinds = [f.kind for f in bundled]
    assert len(kinds) == 59
    assert sum(kind not in ("note", "hypothesis") for kind in kinds) == 56


def test_every_check_of_the_bundled_file_can_be_read(bundled, steroid_response):
    for found in bundled:
        for each in found.checks:
            for leaf in each.leaves:
                read_readout(leaf, steroid_response.definition)


def test_a_bundled_finding_runs(steroid_response):
    results = evaluate(steroid_response, only=["T06", "G01"], progress=False)
    by_construction = [c.by_construction for c in results.findings[0].checks]
    assert by_construction == [False, False, True, False]
    assert all(math.isfinite(c.worst.value) for f in results.findings for c in f.checks)
