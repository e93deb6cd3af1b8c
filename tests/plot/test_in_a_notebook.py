"""Figures in a notebook: each is seen once, and the style of one call does not outlive it."""

import sys
import types

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import pytest
import xarray as xr

from simulator.plot import plot_time_course, plot_time_courses


@pytest.fixture(autouse=True)
def fresh():
    plt.close("all")
    yield
    plt.close("all")


def runs():
    time = np.linspace(0, 4, 9)
    coords = {"time": ("time", time, {"units": "h"})}
    return xr.Dataset({n: ("time", np.exp(-time), {"units": "nM"}) for n in "AB"}, coords)


def test_pyplot_holds_new_axes_and_not_those_that_are_given():
    figure, ax = plt.subplots()
    plot_time_course(runs()["A"], ax=ax)
    assert plt.get_fignums() == [figure.number]
    plot_time_course(runs()["A"])
    assert len(plt.get_fignums()) == 2


def test_pyplot_shows_a_figure_of_several_panels_outside_of_notebooks():
    figure = plot_time_courses(runs())
    assert plt.get_fignums() == [figure.number]


def test_a_notebook_shows_it_as_the_value_of_its_cell_only(monkeypatch):
    monkeypatch.setitem(sys.modules, "ipykernel", types.ModuleType("ipykernel"))
    assert plot_time_courses(runs()).axes
    assert plt.get_fignums() == []


def test_a_figure_leaves_settings_as_they_are():
    """A notebook's backend sets `interactive` when the first figure is made, and it must stay."""
    before = matplotlib.rcParams.copy()
    plot_time_course(runs()["A"])
    plot_time_courses(runs())
    assert matplotlib.rcParams == before
    plt.ion()
    try:
        plot_time_course(runs()["A"])
        assert matplotlib.is_interactive()
    finally:
        plt.ioff()
