"""Who sees how far a sweep is: a bar, lines, or nothing."""

import sys
import types

import pytest

from simulator.simulation import progress


@pytest.fixture
def in_a_notebook(monkeypatch):
    monkeypatch.setitem(sys.modules, "ipykernel", types.ModuleType("ipykernel"))
    monkeypatch.setattr(sys.stderr, "isatty", lambda: False)


def test_nothing_where_nobody_looks_and_for_few_runs(monkeypatch):
    monkeypatch.delitem(sys.modules, "ipykernel", raising=False)
    monkeypatch.setattr(sys.stderr, "isatty", lambda: False)
    for shown, total in [(None, 10_000), (False, 10_000)]:
        with progress.run_progress(shown, total, "runs") as advance:
            assert advance is None
    with progress.run_progress(True, 10_000, "runs") as advance:
        assert advance is not None


def test_a_notebook_without_widgets_gets_lines_and_no_warning(in_a_notebook, monkeypatch, capsys):
    clock = iter([0.0, 1.0, 16.0, 17.0])
    monkeypatch.setattr(progress, "monotonic", lambda: next(clock))
    monkeypatch.setattr(progress, "find_spec", lambda name: None)
    with progress.run_progress(None, 1000, "runs") as advance:
        advance(100)
        assert capsys.readouterr().err == ""
        advance(300)
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1
    assert "400" in lines[0]
    assert "1,000" in lines[0]


def test_few_runs_of_a_notebook_have_no_bar(in_a_notebook):
    with progress.run_progress(None, 10, "runs") as advance:
        assert advance is None
