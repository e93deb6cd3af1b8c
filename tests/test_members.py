"""Which members of an ensemble are asked: one meaning of `members` for every command."""

import re
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from simulator.cli import app
from simulator.errors import ConditionError
from simulator.predict import MEMBERS
from simulator.simulation.members import chosen_members, evenly

from .analytic_model import AnalyticModel


def of(count):
    model = AnalyticModel()
    model.members = tuple(f"m{i}" for i in range(count))
    return model


def test_members_are_spread_over_the_ensemble():
    assert chosen_members(of(10), 4) == ("m0", "m3", "m6", "m9")
    assert chosen_members(of(10), 1) == ("m0",)
    assert chosen_members(of(10), 0) == ()
    assert chosen_members(of(10), 10) == of(10).members


def test_unless_told_otherwise_all_or_a_default_of_them():
    assert chosen_members(of(10), None) == of(10).members
    assert chosen_members(of(10), None, 4) == chosen_members(of(10), 4)
    assert chosen_members(of(3), None, 4) == of(3).members
    assert chosen_members(of(0), None) == chosen_members(of(0), 0) == ()


@pytest.mark.parametrize(
    ("have", "count", "message"),
    [
        (10, -1, "members is a whole number >= 0, not -1."),
        (10, 1.5, "members is a whole number >= 0, not 1.5."),
        (10, "all", "members is a whole number >= 0, not 'all'."),
        (10, 11, "members is 11, but analytic has an ensemble of 10."),
        (0, 1, "members is 1, but analytic has no ensemble."),
    ],
)
def test_other_counts_are_refused(have, count, message):
    with pytest.raises(ConditionError, match=f"^{re.escape(message)}$"):
        chosen_members(of(have), count, 4)


@given(st.integers(1, 300), st.integers(0, 300))
def test_spread_items_are_distinct_in_order_and_evenly_apart(n, count):
    chosen = evenly(range(n), count)
    assert len(chosen) == min(n, count)
    steps = {b - a for a, b in pairwise(chosen)}
    assert not steps or (min(steps) > 0 and max(steps) - min(steps) <= 1)
    if len(chosen) > 1:
        assert (chosen[0], chosen[-1]) == (0, n - 1)


@pytest.mark.parametrize("command", ["findings", "predict"])
def test_help_says_what_is_asked(command):
    words = CliRunner().invoke(app, [command, "--help"], env={"COLUMNS": "200"}).output
    assert "spread evenly over it" in re.sub(r"[\s│]+", " ", words)
    if command == "predict":
        assert f"Default: {MEMBERS}, or all of a smaller ensemble" in re.sub(r"[\s│]+", " ", words)
