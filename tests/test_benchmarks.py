"""The arithmetic behind the benchmarks' figures. Nothing here measures time or needs AMICI."""

import csv
import math
from importlib import import_module

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks import problem, readme, report, sbml
from benchmarks.__main__ import PARTS
from benchmarks.batches import ladder, schedule
from benchmarks.networks import random_network
from benchmarks.precision import Cost, achieved_error, cost_at, front, ratio
from benchmarks.tools import OWN, ROADRUNNER, RoadRunner, Steroidsim, engine_watched
from tests.tolerances import REFERENCE_RELATIVE


def test_error_is_relative_to_the_value_and_to_what_the_species_once_was():
    reference = np.array([[[100.0, 1.0], [1e-6, 1.0]]])  # (1 run, 2 times, 2 species)
    values = reference.copy()
    values[0, 1, 0] += 1e-6  # as large as the value, but 1e-4 of the species' maximum is 1e-2
    expected = 1e-6 / (1e-6 + 1e-4 * 100 + 1e-8 * 100)
    assert achieved_error(values, reference) == pytest.approx([expected], rel=1e-12)


def test_error_is_the_worst_of_all_times_and_species_and_inf_where_a_run_failed():
    reference = np.ones((3, 4, 2))
    values = reference.copy()
    values[0, 2, 1] = 1.5
    values[0, 3, 0] = 0.9
    values[1, 3, :] = np.nan
    error = achieved_error(values, reference)
    assert error[0] == pytest.approx(0.5 / (1 + 1e-4 + 1e-8))
    assert error[1] == math.inf
    assert error[2] == 0


def test_error_of_nothing_is_nothing_and_something_instead_of_nothing_is_infinite():
    zero = np.zeros((1, 2, 1))
    assert achieved_error(zero, zero) == [0]
    assert achieved_error(zero + 1e-30, zero) == [math.inf]


def test_cost_is_interpolated_in_logarithms():
    # cost = 3 error^-0.2 is a straight line between logarithms
    errors = [1e-2, 1e-4, 1e-8]
    found = cost_at(1e-6, errors, [3 * e**-0.2 for e in errors])
    assert found.bound == ""
    assert found.value == pytest.approx(3 * 1e-6**-0.2)


def test_cost_is_never_extrapolated():
    errors, costs = [1e-3, 1e-5], [1.0, 2.0]
    assert cost_at(1e-2, errors, costs) == Cost(1.0, "<=")
    assert cost_at(1e-6, errors, costs) == Cost(2.0, ">=")
    assert cost_at(1e-3, errors, costs) == Cost(1.0, "")
    assert math.isnan(cost_at(1e-3, [math.inf, math.nan], costs).value)


def test_looser_points_that_cost_more_are_no_bound():
    found = cost_at(1e-3, [1e-2, 1e-4, 1e-6], [5.0, 2.0, 4.0])
    assert found == Cost(2.0, "")


POINTS = st.lists(st.tuples(st.floats(1e-12, 1.0), st.floats(1e-6, 1e3)), min_size=1, max_size=12)


@given(POINTS)
def test_the_front_gets_dearer_as_it_gets_more_precise_and_no_point_beats_it(points):
    error, cost = front(*zip(*points, strict=True))
    assert (np.diff(error) < 0).all()
    assert (np.diff(cost) > 0).all()
    for e, c in points:
        assert any(fe <= e and fc <= c for fe, fc in zip(error, cost, strict=True))


@given(POINTS, st.floats(1e-14, 10.0))
def test_cost_at_lies_between_the_cheapest_and_the_dearest_point(points, target):
    errors, costs = zip(*points, strict=True)
    found = cost_at(target, errors, costs).value
    assert min(costs) * (1 - 1e-9) <= found <= max(costs) * (1 + 1e-9)


@pytest.mark.parametrize(
    ("peer", "own", "bound"),
    [("", "", ""), (">=", "", ">="), ("", "<=", ">="), ("<=", "", "<="), ("", ">=", "<="),
     (">=", "<=", ">="), (">=", ">=", "~"), ("<=", "<=", "~")],
)  # fmt: skip
def test_a_ratio_carries_the_bounds_of_both(peer, own, bound):
    assert ratio(Cost(6.0, peer), Cost(2.0, own)) == Cost(3.0, bound)


def test_a_table_marks_bounds_and_leaves_out_what_was_not_measured():
    own = report.Curve([1e-3, 1e-5], [1e-3, 1e-5], np.array([[1.0, 2.0], [1.0, 2.0]]))
    peer = report.Curve([1e-3, 1e-5], [1e-2, 1e-5], np.array([[30.0, 60.0], [30.0, 60.0]]))
    found = {OWN: own, ROADRUNNER: peer}
    assert report.shown(found, ROADRUNNER, 1e-5) == "30x"
    assert report.shown(found, ROADRUNNER, 1e-7) == "~30x"
    assert report.shown({OWN: own}, ROADRUNNER, 1e-5) == "-"


def test_perturbed_values_depend_on_the_seed_alone_and_larger_batches_begin_alike():
    nominal = np.array([1.0, 1e-5, 1e5])
    small, large = problem.perturbed(nominal, 10), problem.perturbed(nominal, 100)
    assert np.array_equal(small, large[:10])
    assert not np.array_equal(small, problem.perturbed(nominal, 10, seed=2))
    assert np.array_equal(problem.perturbed(nominal, 4, sigma=0.0), np.tile(nominal, (4, 1)))
    logs = np.log(problem.perturbed(nominal, 20_000) / nominal)
    # five standard errors of a mean and of a standard deviation over 20000 draws
    assert abs(logs.mean(axis=0)).max() < 5 * 0.3 / math.sqrt(20_000)
    assert abs(logs.std(axis=0) - 0.3).max() < 5 * 0.3 / math.sqrt(40_000)


def test_the_ladder_is_in_half_decades_and_peers_take_whole_ones():
    rtols = ladder(quick=False)
    assert rtols[0] == 1e-2
    assert rtols[-1] == 1e-9
    assert np.allclose(np.diff(np.log10(rtols)), -0.5, atol=1e-3)  # three digits are kept

    class Named:
        def __init__(self, name):
            self.name = name

    steps = list(schedule([Named(OWN), Named(ROADRUNNER)], rtols))
    assert [r for tool, r in steps if tool.name == OWN] == rtols
    assert [r for tool, r in steps if tool.name == ROADRUNNER] == ladder(quick=True)


@pytest.mark.parametrize("name", ["Boehm", "Fiedler", "Raia"])
def test_stored_problems_give_every_tool_the_same_start(name):
    task = problem.load(name, 3)
    assert task.times.size == problem.POINTS
    assert task.values.shape == (3, len(task.parameters))
    assert task.start.shape == (3, len(task.species))
    flat = sbml.read(task.sbml).getModel()
    assert all(flat.getInitialAssignment(s) is None for s in task.species)


def test_peers_and_steroidsim_simulate_the_same_runs():
    task = problem.load("Fiedler", 3)
    own = Steroidsim(task).measure(3, 1e-10, 1e-13)
    peer = RoadRunner(task).measure(3, 1e-12, 1e-14)
    assert achieved_error(own.values, peer.values).max() < REFERENCE_RELATIVE


def test_watching_the_integrator_changes_nothing_and_ends():
    import simulator.simulation.runs as runs

    original = runs.integrate_batch
    task = problem.load("Boehm", 4)
    tool = Steroidsim(task)
    with engine_watched() as spent:
        values = tool.measure(4, 1e-4, 1e-7).values
    assert runs.integrate_batch is original
    assert spent.seconds > 0
    assert np.array_equal(values, tool.measure(4, 1e-4, 1e-7).values)


@pytest.mark.parametrize("reach", [4, None])
def test_random_networks_are_reproducible_and_have_the_sizes_asked_for(reach):
    import simulator as sim

    text = random_network(20, 40, reach)
    assert text == random_network(20, 40, reach)
    network = sim.load(text).network
    assert len(network.species) == 20
    assert len(network.reactions) == 40


@pytest.mark.parametrize("part", PARTS)
def test_every_part_takes_what_it_is_called_with(part, capsys):
    module = import_module(f"benchmarks.{part}")
    with pytest.raises(SystemExit) as end:
        module.main(["--quick", "--out", "results", "--help"])
    assert end.value.code == 0
    assert "--quick" in capsys.readouterr().out


@pytest.mark.parametrize(("first", "peers"), [("model", (ROADRUNNER, "absent")), ("problem", ())])
def test_points_and_ratios_are_written_for_what_was_measured(tmp_path, first, peers):
    own = report.Curve([1e-4, 1e-6], [1e-4, 1e-6], np.array([[1.0, 2.0], [2.0, 4.0]]))
    peer = report.Curve([1e-4, 1e-6], [1e-4, 1e-6], np.array([[3.0, 8.0], [8.0, 16.0]]))
    found = {"a": {OWN: own, ROADRUNNER: peer}}
    report.write_points(tmp_path / "points.csv", first, found)
    report.write_ratios(tmp_path / "ratios.csv", first, found, peers)
    with (tmp_path / "points.csv").open() as file:
        points = list(csv.DictReader(file))
    assert [row[first] for row in points] == ["a"] * 4
    assert [float(row["cost"]) for row in points] == pytest.approx(
        [1.0, 2.0, 5.5 / 1.5, 8.0], rel=1e-3
    )
    with (tmp_path / "ratios.csv").open() as file:
        ratios = [(row["peer"], float(row["ratio"])) for row in csv.DictReader(file)]
    assert ratios == ([(ROADRUNNER, 3.5), (ROADRUNNER, 4.0)] if peers else [])


def test_tables_are_renewed_between_their_marks_only():
    text = "a\n<!-- memory -->\nold\n<!-- /memory -->\nb\n<!-- batches -->\n<!-- /batches -->\n"
    new = readme.filled(text, {"memory": "| 1 \\g |\n"})
    assert "<!-- memory -->\n| 1 \\g |\n<!-- /memory -->\nb" in new
    assert readme.filled(new, {"memory": "old"}) == text
    for name in readme.TABLES:
        assert f"<!-- {name} -->" in readme.README.read_text("utf-8")
