"""Lanes of a blot: which bands are how dark, what stands above and beside them."""

from itertools import pairwise

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
import xarray as xr
from matplotlib.collections import PolyCollection
from matplotlib.patches import Rectangle

from simulator.errors import ConditionError
from simulator.plot import COLUMN, plot_blot

CELLS, STEROID, INHIBITOR = ["none", "NRAS_G12D"], [0.0, 1.0], [0.0, 0.1, 1.0]


@pytest.fixture(autouse=True)
def no_window(monkeypatch):
    monkeypatch.setattr(plt, "show", lambda *a, **k: pytest.fail("a window was opened"))
    yield
    plt.close("all")


def blot(**changes):
    """Two rows over 2 x 2 x 3 lanes with different intensities."""
    coords = {
        "alteration": CELLS,
        "steroid": ("steroid", STEROID, {"units": "uM"}),
        "inhibitor": ("inhibitor", INHIBITOR, {"units": "uM"}),
        "time": ("time", [24.0], {"units": "h"}),
        "cell": "SUPT1",
    }
    dims = ("alteration", "steroid", "inhibitor", "time")
    values = np.arange(1.0, 13.0).reshape(2, 2, 3, 1)
    data = {"pERK": (dims, values), "MCL1": (dims, 100.0 / values)}
    return xr.Dataset(data | changes, coords=coords)


def bands(ax):
    """(antibody, lane from 0) -> darkness in the middle, as the transparent shapes add up."""
    found = {}
    for shapes in ax.collections:
        assert isinstance(shapes, PolyCollection)
        name, _, lane = shapes.get_gid().partition(", lane ")
        through = np.prod([1 - colour[3] for colour in shapes.get_facecolor()])
        found[name.strip(), int(lane) - 1] = 1 - through
        centres = [path.vertices[:-1].mean(axis=0) for path in shapes.get_paths()]
        np.testing.assert_allclose([x for x, _ in centres], int(lane) - 0.5)
    return found


def row(ax, name):
    """Darkness of one row over that of its darkest lane."""
    found = bands(ax)
    values = np.array([v for (row, _), v in sorted(found.items()) if row == name])
    return values / values.max()


def line(ax, name):
    """Texts above the lanes that stand at the height of the name at the left."""
    height = dict(zip([t.get_text() for t in ax.get_yticklabels()], ax.get_yticks(), strict=True))
    level = [t for t in ax.texts if t.get_position()[1] == pytest.approx(height[name], abs=0.03)]
    return [t.get_text() for t in sorted(level, key=lambda t: t.get_position()[0])]


def test_darkness_is_in_proportion_to_intensity_in_the_order_of_the_dimensions():
    ax = plot_blot(blot())
    np.testing.assert_allclose(row(ax, "pERK"), np.arange(1, 13) / 12)
    np.testing.assert_allclose(row(ax, "MCL1"), 1 / np.arange(1, 13))
    films = [p for p in ax.patches if isinstance(p, Rectangle)]
    assert [film.get_width() for film in films] == [12, 12]
    assert "darkest lane of each row = 1" in ax.get_xlabel()
    assert "SUPT1, 24 h" in ax.get_xlabel()


def test_every_band_is_inside_its_film():
    ax = plot_blot(blot())
    tops = {"pERK": ax.patches[0].get_y(), "MCL1": ax.patches[1].get_y()}
    height = ax.patches[0].get_height()
    for shapes in ax.collections:
        top = tops[shapes.get_gid().split()[0]]
        y = np.concatenate([path.vertices[:, 1] for path in shapes.get_paths()])
        assert top < y.min() and y.max() < top + height


def test_factors_that_differ_stand_above_the_lanes():
    ax = plot_blot(blot())
    assert line(ax, "alteration") == CELLS
    assert line(ax, "steroid 1 µM") == (["−"] * 3 + ["+"] * 3) * 2
    assert line(ax, "inhibitor (µM)") == ["0", "0.1", "1"] * 4
    bars = [each for each in ax.lines if each.get_label() == "_bar"]
    spans = [tuple(np.round(each.get_xdata()).astype(int)) for each in bars]
    assert spans == [(0, 6), (6, 12)]


def test_a_bar_does_not_reach_beyond_the_bar_above_it():
    data = blot().isel(steroid=0, inhibitor=0, time=0).rename(alteration="condition")
    data = xr.concat([data, data], "condition").assign_coords(
        condition=[0, 1, 2, 3],
        cell=("condition", ["A", "A", "B", "B"]),
        alteration=("condition", ["x", "none", "none", "y"]),
    )
    ax = plot_blot(data)
    assert line(ax, "cell") == ["A", "B"]
    assert line(ax, "alteration") == ["x", "none", "none", "y"]
    assert "condition" not in [t.get_text() for t in ax.get_yticklabels()]


def test_rows_are_chosen_ordered_and_renamed():
    ax = plot_blot(blot(), rows={"MCL1": "MCL-1", "pERK": "p-ERK"})
    labels = [t.get_text() for t in ax.get_yticklabels()]
    assert labels[-2:] == ["MCL-1", "p-ERK"]
    assert ax.get_yticks()[-2] < ax.get_yticks()[-1]
    assert ax.yaxis_inverted()
    assert {name for name, _ in bands(plot_blot(blot(), rows=["MCL1"]))} == {"MCL1"}


def test_a_lane_without_a_value_is_crossed_out_and_one_of_zero_is_empty():
    data = blot()
    data["pERK"][0, 0, 1] = np.nan
    data["pERK"][0, 0, 2] = 0.0
    ax = plot_blot(data)
    drawn = {lane for name, lane in bands(ax) if name == "pERK"}
    assert drawn == set(range(12)) - {1, 2}
    crosses = [each for each in ax.lines if each.get_label() == "_no value"]
    assert len(crosses) == 2
    assert all(1 < x < 2 for each in crosses for x in each.get_xdata())
    assert "crossed out: no value" in ax.get_xlabel()


def test_a_row_of_failed_runs_or_of_zeros_is_drawn():
    data = blot()
    data["pERK"][:] = np.nan
    data["MCL1"][:] = 0.0
    ax = plot_blot(data)
    assert not bands(ax)
    assert len([each for each in ax.lines if each.get_label() == "_no value"]) == 24


@pytest.mark.parametrize(
    ("reference", "lane"),
    [(0, 0), (-1, 11), ({"alteration": "NRAS_G12D", "steroid": 0, "inhibitor": 0.1}, 7)],
)
def test_numbers_are_folds_of_the_reference_lane(reference, lane):
    data = blot().drop_vars("MCL1")
    ax = plot_blot(data, numbers=True, reference=reference)
    below = ax.patches[0].get_y() + ax.patches[0].get_height()
    texts = [t for t in ax.texts if t.get_position()[1] > below]
    texts.sort(key=lambda t: t.get_position()[0])
    expected = np.arange(1, 13) / (lane + 1)
    found = [float(t.get_text()) for t in texts]
    np.testing.assert_allclose(found, expected, atol=0.051)
    assert f"fold of lane {lane + 1}" in ax.get_xlabel()


def test_given_marks_replace_the_lines():
    ax = plot_blot(blot(), marks={"DOX": "-+" * 6})
    assert [t.get_text() for t in ax.get_yticklabels()] == ["DOX", "pERK", "MCL1"]
    assert line(ax, "DOX") == ["−", "+"] * 6


def test_times_are_lanes_too():
    data = blot().isel(alteration=0, steroid=0, inhibitor=[0]).squeeze("inhibitor")
    late = data.assign_coords(time=("time", [48.0], {"units": "h"}))
    assert line(plot_blot(xr.concat([data, late], "time")), "time (h)") == ["24", "48"]


def wide():
    values = np.arange(12.0, 0.0, -1.0)
    return pd.DataFrame([values], index=["pERK"])


def test_measured_bands_stand_below_the_simulated_ones():
    ax = plot_blot(blot(), measured=wide())
    np.testing.assert_allclose(row(ax, "pERK simulated"), np.arange(1, 13) / 12)
    np.testing.assert_allclose(row(ax, "pERK measured"), np.arange(12, 0, -1) / 12)
    tops = [film.get_y() for film in ax.patches]
    assert tops == sorted(tops) and len(tops) == 3
    assert [t.get_text() for t in ax.texts if t.get_text() in ("simulated", "measured")] == [
        "simulated", "measured", "simulated",
    ]  # fmt: skip


def long(**changes):
    """Three bands of one gel in an order of their own."""
    table = {
        "gel": ["march"] * 3,
        "antibody": ["pERK"] * 3,
        "lane": [1, 2, 3],
        "time [h]": [24, 24, 24],
        "intensity": [300.0, 60.0, 900.0],
        "censored": [None, "below", None],
        "cell": ["SUPT1", None, "SUPT1"],
        "alteration": ["NRAS_G12D", "NRAS_G12D", None],
        "steroid [uM]": [None, 1, None],
        "inhibitor [uM]": [None, 1, 0.1],
    }
    return pd.DataFrame(table | changes)


def test_bands_of_a_table_find_their_lanes_by_what_was_done():
    ax = plot_blot(blot(), rows=["pERK"], measured=long())
    found = {lane: v for (name, lane), v in bands(ax).items() if name == "pERK measured"}
    assert set(found) == {6, 11, 1}
    assert [found[k] / found[1] for k in (6, 11)] == pytest.approx([1 / 3, 1 / 15])
    [sign] = [t for t in ax.texts if t.get_text() == "<"]
    assert sign.get_position()[0] == 11.5
    assert "< fainter than drawn" in ax.get_xlabel()


def test_a_table_that_does_not_say_what_was_done_has_the_lanes_in_order():
    lanes = [str(k) for k in range(12, 0, -1)]  # as text: 10 comes after 9
    table = pd.DataFrame({"antibody": "p-ERK", "lane": lanes, "intensity": range(12, 0, -1)})
    ax = plot_blot(blot(), rows={"pERK": "p-ERK"}, measured=table)
    np.testing.assert_allclose(row(ax, "p-ERK measured"), np.arange(1, 13) / 12)


def test_given_axes_are_used_and_text_is_not_an_image():
    ax = plt.subplots()[1]
    assert plot_blot(blot(), ax) is ax
    assert not ax.images


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: plot_blot(blot(), rows=["pERKK"]), 'Nearest: "pERK"'),
        (lambda: plot_blot(blot()["pERK"]), "draws a Dataset"),
        (lambda: plot_blot(blot(pERK=-blot()["pERK"])), "pERK is negative"),
        (lambda: plot_blot(blot().isel(inhibitor=[0] * 20)), "80 lanes"),
        (lambda: plot_blot(blot(), marks={"DOX": "+-"}), "2 texts for 12 lanes"),
        (lambda: plot_blot(blot(), numbers=True, reference=12), "no lane 12"),
        (lambda: plot_blot(blot(), numbers=True, reference={"steroid": 1}), "describes 6 lanes"),
        (lambda: plot_blot(blot(), numbers=True, reference={"steroids": 1}), 'Nearest: "steroid"'),
        (lambda: plot_blot(blot(pERK=0 * blot()["pERK"]), numbers=True), "pERK is 0 in the ref"),
        (lambda: plot_blot(blot(), measured=wide().iloc[:, :3]), "3 columns for 12 lanes"),
        (lambda: plot_blot(blot(), measured=wide().rename({"pERK": "actin"})), "loading controls"),
        (lambda: plot_blot(blot(), measured=-wide()), "negative"),
        (lambda: plot_blot(blot(), measured=long(gel=["a", "b", "b"])), "gels a and b"),
        (lambda: plot_blot(blot(), measured=pd.concat([long(), long()])), "several bands in lane"),
        (lambda: plot_blot(blot(), measured=long(cell="SEM")), "none of the simulated lanes"),
        (lambda: plot_blot(blot(), measured=long(trametinib=1)), "trametinib 1"),
        (lambda: plot_blot(blot(), measured=long(censored="above it")), '"above it"'),
        (lambda: plot_blot(blot(), measured=long().drop(columns="alteration")), "alteration"),
    ],
)
def test_what_cannot_be_drawn_is_refused(call, message):
    with pytest.raises(ConditionError, match=message):
        call()


def test_names_that_do_not_fit_stand_upright():
    names = ["none", "IL7R_PILT240-244RFCPH", "IL7R_PIL240-242QSPSC"] * 4
    data = blot().isel(alteration=0, steroid=0, inhibitor=0, time=0).expand_dims(alteration=names)
    data = data.assign_coords(alteration=[f"{name}{k}" for k, name in enumerate(names)])
    ax = plot_blot(data)
    ax.figure.canvas.draw()
    texts = [t for t in ax.texts if t.get_rotation() == 90]
    assert [t.get_text().replace("\n", "") for t in texts] == list(data["alteration"].values)
    boxes = [t.get_window_extent() for t in texts]
    assert all(a.x1 < b.x0 for a, b in pairwise(boxes))
    assert all(ax.figure.bbox.y1 >= box.y1 for box in boxes)


def test_many_lanes_make_a_wider_figure_in_which_no_text_covers_another():
    data = blot().isel(inhibitor=[0, 1, 2, 0, 1, 2, 0, 1, 2])
    data = data.assign_coords(inhibitor=("inhibitor", np.geomspace(0.01, 1, 9)))
    assert plot_blot(blot()).figure.get_figwidth() == pytest.approx(COLUMN)
    ax = plot_blot(data)
    assert COLUMN < ax.figure.get_figwidth() < 2 * COLUMN
    ax.figure.canvas.draw()
    boxes = [t.get_window_extent() for t in ax.texts]
    for k, box in enumerate(boxes):
        assert not any(box.overlaps(other) for other in boxes[k + 1 :])
