"""The searches of a calibration: costs that jump, cells and cohorts, weights of files.

The model is models/tiny, whose answers are known on paper: see test_calibrate.py. Its cohorts here
vary a rate that the median of a cohort follows in inverse proportion.
"""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import yaml
from typer.testing import CliRunner

import simulator as sim
from simulator.calibrate import Scorer, improve
from simulator.calibrate.asked import Scored, sources_of
from simulator.calibrate.cost import FAILING, SHORTFALL, Cost
from simulator.calibrate.files import Source, weighted
from simulator.calibrate.parts import COHORT_SEEDS, Part, cell_parts, cohort_parts, search_part
from simulator.calibrate.search import search
from simulator.calibrate.space import Free, free_quantities
from simulator.calibrate.store import as_written, write_values
from simulator.cli import app
from simulator.findings.grammar import Check, Finding, Leaf, read_bound
from simulator.findings.scoring import SEEDS
from simulator.findings.vocabulary import Readout
from simulator.network.ensemble import COHORTS, TABLES, Quantity, quantities

TINY = Path(__file__).parent / "models" / "tiny"
TOY = TINY.parent / "toy"

B_SYN = Quantity("cells", "B", "k_syn")
SD = Quantity(COHORTS, "FIRST", "k_deg sd")
SCALE = Quantity(COHORTS, "SECOND", "k_deg scale")

COHORT_TEXT = """\
# two cohorts with one spread
FIRST:
  n: 6
  cell: A
  quantities:
    k_deg: {sd: 0.1, sd_range: [0.05, 0.4], confidence: fitted}  # the spread of both
SECOND:
  n: 6
  cell: B
  quantities_of: FIRST
  quantities:
    k_deg:
      scale: 1.0
      scale_range: [0.25, 4]
      confidence: fitted
"""
COHORT_FINDING = """\
findings:
- id: P1
  source: on paper
  kind: quantitative
  statement: The second cohort has five times the protein of the first.
  checks:
  - readout: cohort_median_protein
    of: {cohort: SECOND, at: 0}
    over: {cohort: FIRST}
    is: "4..6.25"
"""


def silent(*_):
    pass


def finding(id, cell, bound, kind="quantitative"):
    check = {"readout": "protein", "of": {"cell": cell, "at": 0}, "over": {"cell": "A"}}
    about = {"id": id, "source": "on paper", "kind": kind, "statement": "x"}
    return {**about, "checks": [{**check, "is": bound}]}


def findings_file(path, *findings):
    path.write_text(yaml.safe_dump({"findings": list(findings)}))
    return path


@pytest.fixture(scope="module")
def tiny():
    return sim.load(TINY)


@pytest.fixture(scope="module")
def cells(tiny):
    return free_quantities(tiny.definition, ["cells"])


@pytest.fixture
def folder(tmp_path):
    """A copy of the tiny model with cohorts and a finding on them."""
    folder = tmp_path / "tiny"
    shutil.copytree(TINY, folder)
    (folder / "cohorts.yaml").write_text(COHORT_TEXT)
    (folder / "findings.yaml").write_text(COHORT_FINDING)
    return folder


# ---- the search --------------------------------------------------------------------------------

BOUNDS = (np.full(3, -2.0), np.array([2.0, 2.0, 0.5]))
AIM = np.array([1.2, -0.8, 1.5])


def stairs(points):
    """Whole steps down towards AIM, beyond the third bound: flat almost everywhere, then a jump."""
    return np.floor(4 * np.abs(points - AIM)).sum(axis=1)


def run_search(cost=stairs, generations=30, seed=1, start=(0.0, 0.0, 0.0), **options):
    start = np.array(start)
    at_start = float(cost(start[None])[0])
    return search(cost, start, at_start, BOUNDS, generations, seed, report=silent, **options)


def test_a_cost_that_jumps_is_made_small():
    best, cost = run_search()
    # 4 whole steps are left to the third, whose bound is 1 below the aim
    assert cost == 4.0
    assert np.abs(best - AIM)[:2].max() < 0.25


def test_a_search_stays_within_the_bounds_and_begins_at_them():
    asked = []

    def cost(points):
        asked.append(points)
        return stairs(points)

    best, _ = run_search(cost, start=(2.0, -2.0, 0.5))
    points = np.vstack([*asked, best])
    assert (points >= BOUNDS[0]).all()
    assert (points <= BOUNDS[1]).all()


def test_a_search_depends_on_its_seed_alone():
    state = np.random.get_state()[1].tolist()  # noqa: NPY002
    first, again, other = run_search(), run_search(), run_search(seed=2)
    assert first[0].tolist() == again[0].tolist()
    assert first[0].tolist() != other[0].tolist()
    # nobody else's random numbers are touched
    assert np.random.get_state()[1].tolist() == state  # noqa: NPY002


def test_a_search_that_finds_nothing_stays_where_it_began():
    best, cost = run_search(lambda points: 1.0 + np.abs(points).sum(axis=1), generations=3)
    assert (best.tolist(), cost) == ([0.0, 0.0, 0.0], 1.0)


@pytest.mark.parametrize("edge", [-1.0, 0.0, 1.0])
def test_one_quantity_alone_can_be_searched(edge):
    bounds = (np.array([-1.0]), np.array([1.0]))
    found, _ = search(
        lambda points: np.abs(points[:, 0] - 0.4),
        np.array([edge]),
        9.0,
        bounds,
        20,
        1,
        report=silent,
    )
    assert found.shape == (1,)
    assert found[0] == pytest.approx(0.4, abs=0.02)


def test_a_bare_import_does_not_load_the_search_s_package():
    program = (
        "import simulator.cli, simulator.calibrate, simulator.predict, json, sys;"
        "print(json.dumps('cma' in sys.modules))"
    )
    run = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        check=True,
        cwd=TINY.parents[2],
    )
    assert json.loads(run.stdout) is False


# ---- costs and weights -------------------------------------------------------------------------


def test_the_cost_is_the_one_worked_out_on_paper():
    cost = Cost(np.array([0.2, 0.2, 0.1]), np.array([1.0, 0.5, 0.0]), prior=0.1, failing=FAILING)
    # short by 0.1 and, at half weight, by 0.3; the third does not count
    expected = (0.1 / SHORTFALL) ** 2 + (0.5 * 0.3 / SHORTFALL) ** 2 + 0.01 * 5.0 + 0.5 * FAILING
    assert cost(np.array([1.0, 2.0]), np.array([0.1, -0.1, -2.0])) == pytest.approx(expected)


def test_files_have_weights_by_name():
    files = [Path("findings.yaml"), Path("literature.yaml"), Path("mine.yaml")]
    assert [s.weight for s in weighted(files, {})] == [1.0, 0.5, 1.0]
    given = weighted(files, {"mine.yaml": 0.25, "literature.yaml": 2})
    assert [s.weight for s in given] == [1.0, 2.0, 0.25]


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ({"finding.yaml": 1}, 'Nearest: "findings.yaml"'),
        ({"findings.yaml": -1}, "weight of findings.yaml is -1, but must be >= 0"),
        ({"findings.yaml": float("nan")}, "weight of findings.yaml is nan"),
    ],
)
def test_weights_that_cannot_be(weights, message):
    with pytest.raises(sim.ConditionError, match=message):
        weighted([Path("findings.yaml")], weights)


def test_where_files_disagree_the_fit_lies_between_by_their_weights(tiny, cells, tmp_path):
    high = findings_file(tmp_path / "high.yaml", finding("H", "B", ">= 4"))
    low = findings_file(tmp_path / "low.yaml", finding("L", "B", "<= 2"))
    wanted = np.log(4) + 0.2, np.log(2) - 0.2
    for weight in (1.0, 0.5, 0.0):
        with Scorer(tiny, [high, Source(low, weight)], workers=1) as scorer:
            assert scorer.weights.tolist() == [1.0, weight]
            z = improve(cells, scorer, report=silent)
        # least squares of two shortfalls; the prior pulls by a thousandth of that
        expected = (wanted[0] + weight**2 * wanted[1]) / (1 + weight**2)
        assert np.log(cells.values(z)[B_SYN]) == pytest.approx(expected, abs=0.01)


def test_a_hypothesis_is_not_fitted(tiny, cells, tmp_path):
    file = findings_file(tmp_path / "f.yaml", finding("H", "B", ">= 4", "hypothesis"))
    with Scorer(tiny, [file], workers=1) as scorer:
        assert scorer.weights.tolist() == [0.0]
        assert scorer.counted.tolist() == [False]
        assert scorer.margins([{}])[0, 0] < 0
        assert cell_parts(scorer, 0.2) == ()
        assert improve(cells, scorer, report=silent).tolist() == [0.0]


@pytest.mark.parametrize(
    ("readout", "of", "over", "jumps", "cells"),
    [
        (Readout("combination_index", (), ()), {"cell": "A"}, None, True, {"A"}),
        (Readout("f_syn", ("max",), ()), {"cell": "A"}, {"cell": "B"}, True, {"A", "B"}),
        (Readout("state", ("protein",), ("protein",)), {"cell": "A"}, None, False, {"A"}),
        (Readout("fold_change_ratio", ("BIM", "A", "B"), ()), {"at": 1}, None, False, {"A", "B"}),
        (Readout("cohort_median_ic50", (), ()), {"cohort": "C"}, None, False, set()),
    ],
)
def test_what_a_value_is_measured_in_and_whether_it_jumps(readout, of, over, jumps, cells):
    bound = read_bound("", ">= 1")
    check = Check(bound, ())
    about = Finding("F", "on paper", "null", "x", (check,))
    each = Scored(Source(Path("f")), about, check, Leaf("", "", of, over, ""), readout)
    assert each.jumps == jumps
    assert each.cells == cells
    assert each.cohorts == ({"C"} if "cohort" in of else set())


def test_derivatives_do_not_see_what_jumps(tiny, cells, tmp_path, monkeypatch):
    file = findings_file(tmp_path / "f.yaml", finding("F", "B", ">= 4"))
    with Scorer(tiny, [file], workers=1) as scorer:
        monkeypatch.setattr("simulator.calibrate.asked.JUMPING", ("state",))
        assert improve(cells, scorer, report=silent).tolist() == [0.0]
        # but the search does, where the margin is short
        (part,) = cell_parts(scorer, 0.2)
        assert part.name == "B"


OF_SHARES = {"cohort": "PDX", "drug": "prednisolone"}


@pytest.mark.parametrize(
    ("readout", "of", "bound", "room"),
    [
        ("fraction_with_auc400_below_320", OF_SHARES, "<= 0.05", 0.05),
        ("fraction_with_auc400_below_320", OF_SHARES, ">= 0.8", np.log(1 / 0.8)),
        ("fraction_with_auc400_below_320", OF_SHARES, "0.2..0.8", np.log(2)),
        ("pearson_r(il7_viability_gain, prednisolone_delta_auc400)", {}, "<= -0.75", 0.25),
        ("abs_pearson_r(il7_viability_gain, prednisolone_delta_auc400)", {}, "<= 0.5", 0.5),
        ("cohort_median_viability", {"at": 96}, "<= 0.5", np.inf),
    ],
)
def test_no_more_is_asked_of_a_share_than_it_can_be(readout, of, bound, room, tmp_path):
    checks = [{"readout": readout, "of": {"cohort": "PDX", **of}, "is": bound}]
    file = findings_file(tmp_path / "f.yaml", {**finding("X", "B", bound), "checks": checks})
    scorer = Scorer(sim.load(TOY), [file], cohorts=True, workers=1)
    np.testing.assert_allclose(scorer.room, [room])


# ---- cells -------------------------------------------------------------------------------------


def test_a_cell_is_searched_if_one_of_its_checks_fails(tiny, tmp_path):
    files = (
        findings_file(tmp_path / "a.yaml", finding("A1", "B", ">= 2"), finding("A2", "A", "<= 2")),
        findings_file(tmp_path / "b.yaml", finding("B1", "B", ">= 1")),
        findings_file(tmp_path / "c.yaml", finding("C1", "A", ">= 2")),
    )
    scorer = Scorer(tiny, files, workers=1)
    (part,) = cell_parts(scorer, 0.2)
    assert part.name == "B"
    assert [free.quantity for free in part.space.free] == [B_SYN]
    # of the findings, those that the cell takes part in
    assert [(s.path.name, s.only) for s in sources_of(filter(part.sees, scorer.leaves))] == [
        ("a.yaml", ("A1",)),
        ("b.yaml", ("B1",)),
    ]
    # margins that derivatives see are left to them
    assert cell_parts(Scorer(tiny, files[1:], workers=1), 0.5) == ()


def test_searching_a_cell_gives_its_checks_their_margin(tiny, tmp_path):
    file = findings_file(tmp_path / "f.yaml", finding("F", "B", ">= 2"))
    said = []
    with Scorer(tiny, [file], workers=1) as scorer:
        (part,) = cell_parts(scorer, 0.2)
        found = search_part(part, scorer, 0.2, 8, 1, said.append)
        assert found == as_written(found)
        # the prior pulls back a little
        assert np.log(found[B_SYN] / 2) == pytest.approx(0.2, abs=0.01)
        with Scorer(tiny, [file], workers=2) as pool:
            assert search_part(part, pool, 0.2, 8, 1, silent) == found
    assert said[0] == "B: searching 1 values on 1 checked ones"


def test_what_has_its_margin_is_not_searched(tiny, cells, tmp_path):
    held, elsewhere = finding("F", "B", ">= 1"), finding("F", "A", ">= 2")
    held["checks"] += elsewhere["checks"]
    file = findings_file(tmp_path / "f.yaml", held)
    said = []
    with Scorer(tiny, [file], workers=1) as scorer:
        assert (scorer.margins([{}])[0] > 0.2).tolist() == [True, False]
        assert search_part(Part((), ("B",), cells), scorer, 0.2, 5, 1, said.append) == {}
    assert said == ["B: every value has its margin"]


# ---- cohorts -----------------------------------------------------------------------------------


def test_numbers_of_cohorts_are_quantities(folder):
    definition = sim.load(folder).definition
    space = free_quantities(definition, [COHORTS])
    assert space.free == (Free(SD, 0.1, 0.05, 0.4, True), Free(SCALE, 1.0, 0.25, 4, True))
    assert {q for q in quantities(definition) if q.table == COHORTS} == {SD, SCALE}
    # nothing else depends on them
    assert free_quantities(definition) == free_quantities(definition, TABLES)
    assert COHORTS not in {free.quantity.table for free in free_quantities(definition).free}


def test_a_shared_spread_moves_both_cohorts(folder):
    model = sim.load(folder)

    def factors(model, name):
        return np.log(model.cohort(name)["k_deg"].to_numpy() / 0.1)

    other = model.with_values({SD: 0.2, SCALE: 2.0})
    np.testing.assert_allclose(factors(other, "FIRST"), 2 * factors(model, "FIRST"))
    np.testing.assert_allclose(factors(other, "SECOND"), np.log(2) + 2 * factors(model, "SECOND"))
    # what was is as it was
    assert model.definition.cohorts == yaml.safe_load(COHORT_TEXT)


def test_only_the_numbers_of_cohorts_are_written(folder):
    write_values(folder, {SD: 0.123456, SCALE: 2.5})
    text = (folder / "cohorts.yaml").read_text()
    assert text == COHORT_TEXT.replace("sd: 0.1,", "sd: 0.1235,").replace("1.0", "2.5")
    assert quantities(sim.load(folder).definition)[SD] == 0.1235


@pytest.mark.parametrize(
    ("quantity", "nearest"),
    [
        (Quantity(COHORTS, "FIRST", "k_deg ds"), "FIRST k_deg sd"),
        (Quantity(COHORTS, "SECOND", "k_deg sd"), "FIRST k_deg sd|SECOND k_deg scale"),
    ],
)
def test_a_number_that_no_cohort_has(folder, quantity, nearest):
    with pytest.raises(sim.ModelError, match=rf'Nearest: "cohorts ({nearest})"'):
        sim.load(folder).with_values({quantity: 1.0})
    with pytest.raises(sim.ModelError, match=rf'no number for {quantity}. Nearest: "({nearest})"'):
        write_values(folder, {quantity: 1.0})
    assert (folder / "cohorts.yaml").read_text() == COHORT_TEXT


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("sd_range: [0.05, 0.4]", "sd_range: [0.4, 0.05]", "must be two numbers, like"),
        ("sd_range: [0.05, 0.4]", "sd_range: 0.4", "must be two numbers, like"),
        ("sd_range: [0.05, 0.4]", "sd_range: [0.2, 0.4]", "sd: 0.1, outside its range"),
        ("sd_range: [0.05, 0.4]", "sd_rnge: [0.05, 0.4]", 'Nearest: "sd_range"'),
        ("      scale: 1.0\n", "", "scale_range without scale"),
        ("quantities_of: FIRST", "quantities_of: FIRTS", 'no cohort. Nearest: "FIRST"'),
        ("quantities_of: FIRST", "quantities_of: SECOND", "states no quantities of its own"),
        ("  quantities_of: FIRST\n", "", "needs either sd, or value and probability"),
    ],
)
def test_what_is_wrong_in_cohorts(folder, old, new, message):
    assert old in COHORT_TEXT
    (folder / "cohorts.yaml").write_text(COHORT_TEXT.replace(old, new))
    with pytest.raises(sim.ModelError, match=message):
        sim.load(folder)


def test_a_fitted_spread_needs_a_range(folder):
    (folder / "cohorts.yaml").write_text(COHORT_TEXT.replace("sd_range: [0.05, 0.4], ", ""))
    with pytest.raises(sim.ModelError, match="FIRST k_deg sd is fitted, but has no sd_range"):
        free_quantities(sim.load(folder).definition, [COHORTS])


def test_cohorts_that_share_something_are_searched_together(folder):
    cohorts = COHORT_TEXT + "ALONE:\n  n: 3\n  cell: B\n"
    (folder / "cohorts.yaml").write_text(cohorts)
    (folder / "constraints.yaml").write_text((TINY / "findings.yaml").read_text())
    files = (folder / "findings.yaml", folder / "constraints.yaml")
    scorer = Scorer(sim.load(folder), files, cohorts=True, workers=1)
    (part,) = cohort_parts(scorer)
    assert part.name == "FIRST, SECOND, ALONE"
    assert [free.quantity for free in part.space.free] == [B_SYN, SD, SCALE]
    assert [s.only for s in sources_of(filter(part.sees, scorer.leaves))] == [
        ("P1",),
        ("F1", "F2", "F3"),
    ]
    # and their cells are left to that search
    assert cell_parts(Scorer(sim.load(folder), files, workers=1), 0.2) == ()
    # without a finding on a cohort there is nothing to search
    assert cohort_parts(Scorer(sim.load(folder), files[1:], cohorts=True, workers=1)) == ()


def test_searching_cohorts_gives_their_checks_their_margin(folder, tmp_path):
    out = tmp_path / "made"
    run = CliRunner().invoke(
        app,
        [
            *("calibrate", "--model", str(folder), "--out", str(out), "--workers", "1"),
            *("--iterations", "0", "--cohorts", "8", "--members", "0", "--robustness", "0"),
        ],
    )
    assert run.exit_code == 0, run.output
    # judged on draws that the search has not seen
    assert not set(SEEDS) & set(COHORT_SEEDS)
    with Scorer(sim.load(out), cohorts=True, seeds=SEEDS, workers=1) as scorer:
        assert scorer.margins([{}])[0, 0] > 0.05
    # the median is k_syn / (scale k_deg) of the cell
    values = quantities(sim.load(out).definition)
    assert values[B_SYN] / values[SCALE] == pytest.approx(5, rel=0.2)
    assert "FIRST, SECOND: cost" in run.stderr


def test_a_file_without_weight_leaves_nothing_to_improve(tmp_path):
    run = CliRunner().invoke(
        app,
        [
            *("calibrate", "--model", str(TINY), "--out", str(tmp_path / "made"), "--workers", "1"),
            *("--findings", str(TINY / "findings.yaml"), "--weight", "findings.yaml=0"),
            *("--members", "0", "--robustness", "0"),
        ],
    )
    assert run.exit_code == 0, run.output
    assert run.stderr == "no finding has a value with derivatives: nothing is improved\n"
    assert quantities(sim.load(tmp_path / "made").definition) == quantities(
        sim.load(TINY).definition
    )
