"""Two drugs as a heat map: fields, the dose 0 apart, contours, missing values."""

import io
from itertools import pairwise

import matplotlib.pyplot as plt
import numpy as np
import pytest
import xarray as xr

from simulator.errors import ConditionError
from simulator.plot import plot_dose_matrix
from simulator.response import bliss_excess, loewe_excess

A = np.r_[0, np.geomspace(0.01, 10, 7)]
B = np.r_[0, np.geomspace(1, 100, 3)]


@pytest.fixture(autouse=True)
def closed():
    yield
    plt.close("all")


def matrix(excess=0.0):
    """Two drugs that act apart, and beyond that kill `excess`(log10 a, log10 b)."""
    alone_a, alone_b = 1 / (1 + A), 1 / (1 + B / 10)
    values = np.outer(alone_a, alone_b)
    if callable(excess):
        grid = np.meshgrid(np.log10(A[1:]), np.log10(B[1:]), indexing="ij")
        values[1:, 1:] -= excess(*grid)
    return xr.DataArray(
        values,
        {"dex": ("dex", A, {"units": "uM"}), "mek": ("mek", B, {"units": "nM"})},
        name="viability",
    )


def fields(ax):
    """(x edges, y edges, value) of each field."""
    mesh = ax.collections[0]
    found = []
    for path, value in zip(mesh.get_paths(), mesh.get_array(), strict=True):
        x, y = path.vertices.T
        found.append(((x.min(), x.max()), (y.min(), y.max()), value))
    return found


def contours(ax):
    return next(c for c in ax.collections if hasattr(c, "levels"))


def bar_label(ax):
    return ax.figure.axes[1].get_ylabel()


def test_each_field_has_its_value_around_its_doses():
    da = matrix()
    ax = plot_dose_matrix(da)
    drawn = fields(ax)
    assert len(drawn) == da.size
    for (x0, x1), (y0, y1), value in drawn:
        a = [d for d in A[1:] if x0 < d < x1]
        b = [d for d in B[1:] if y0 < d < y1]
        # Fields without a dose above 0 are those of dose 0.
        expected = 1 / (1 + sum(a)) / (1 + sum(b) / 10)
        assert len(a) <= 1
        assert len(b) <= 1
        assert value == pytest.approx(expected)
    assert (ax.get_xscale(), ax.get_yscale()) == ("log", "log")
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("dex (µM)", "mek (nM)")
    assert ax.collections[0].get_clim() == (0, 1)
    assert bar_label(ax) == "viability (fraction of vehicle)"


def test_the_dose_zero_stands_apart_with_its_tick():
    ax = plot_dose_matrix(matrix())
    edges = sorted({x for x, _, _ in fields(ax)})
    (zero0, zero1), (first0, _), *_ = edges
    assert zero0 < zero1 < first0 < A[1]  # a gap
    assert all(a[1] == pytest.approx(b[0]) for a, b in pairwise(edges[1:]))
    ticks = dict(zip([t.get_text() for t in ax.get_xticklabels()], ax.get_xticks(), strict=True))
    assert zero0 < ticks["0"] < zero1
    assert ticks["0.1"] == pytest.approx(0.1)
    assert ax.get_xlim() == pytest.approx((zero0, edges[-1][1]))


def test_the_drugs_can_change_places():
    ax = plot_dose_matrix(matrix().isel(mek=[3, 0, 2, 1]).expand_dims(time=[96.0]), "mek")
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("mek (nM)", "dex (µM)")
    corner = max(fields(ax), key=lambda field: (field[0], field[1]))
    assert corner[2] == pytest.approx(1 / 11 / 11)


def test_contours_lie_where_the_excess_has_their_value():
    # Excess that is straight in log dose: -0.08 at the lowest dose of dex, 0.1 at its highest.
    ax = plot_dose_matrix(matrix(lambda a, b: 0.06 * a + 0.04), synergy="bliss")
    lines = contours(ax)
    assert min(lines.levels) < 0 < max(lines.levels)
    assert 0 not in lines.levels
    for level, path in zip(lines.levels, lines.get_paths(), strict=True):
        np.testing.assert_allclose(np.log10(path.vertices[:, 0]), (level - 0.04) / 0.06, atol=1e-3)
        assert path.vertices[:, 1].min() >= B[1] * (1 - 1e-9)
    dashed = [style[1] is not None for style in lines.get_linestyle()]
    assert dashed == [level < 0 for level in lines.levels]
    texts = {t.get_text() for t in ax.texts}
    assert texts <= {f"{level:+.3g}".replace("-", "−") for level in lines.levels}
    assert texts
    assert "Bliss excess" in bar_label(ax)
    assert "dashed antagonism" in bar_label(ax)


def test_contours_of_an_excess_that_was_computed_before():
    da = matrix(lambda a, b: 0.05 * b)
    named = contours(plot_dose_matrix(da, synergy="bliss"))
    given = contours(plot_dose_matrix(da, synergy=bliss_excess(da, "mek", "dex")))
    np.testing.assert_allclose(named.levels, given.levels)
    for one, other in zip(named.get_paths(), given.get_paths(), strict=True):
        np.testing.assert_allclose(one.vertices, other.vertices)


def test_no_interaction_has_no_contours_and_says_so():
    ax = plot_dose_matrix(matrix(), synergy="bliss")
    assert not [c for c in ax.collections if hasattr(c, "levels")]
    assert "no lines: Bliss excess" in bar_label(ax)


def test_an_excess_has_colours_that_diverge_from_zero_and_no_gap():
    excess = bliss_excess(matrix(lambda a, b: 0.1 * a + 0.05), "dex", "mek")
    ax = plot_dose_matrix(excess)
    low, high = ax.collections[0].get_clim()
    assert low == -high
    assert high == pytest.approx(0.15)  # at the lowest dose, 0.01: -0.2 + 0.05
    assert "0" not in [t.get_text() for t in ax.get_xticklabels()]
    to_rgba = ax.collections[0].to_rgba
    synergy, antagonism = to_rgba(0.1), to_rgba(-0.1)
    assert synergy[0] > synergy[2]
    assert antagonism[0] < antagonism[2]


def test_fields_without_a_value_are_hatched():
    da = matrix()
    da[3, 2] = np.nan
    ax = plot_dose_matrix(da, numbers=True)
    (patch,) = ax.patches
    assert patch.get_hatch()
    assert patch.get_x() < A[3] < patch.get_x() + patch.get_width()
    assert patch.get_y() < B[2] < patch.get_y() + patch.get_height()
    assert "hatched: no value" in bar_label(ax)
    assert len(ax.texts) == da.size - 1


def test_contours_stop_at_missing_values():
    da = matrix(lambda a, b: 0.06 * a)
    da[3, 2] = np.nan
    lines = contours(plot_dose_matrix(da, synergy="bliss"))
    assert all(np.isfinite(path.vertices).all() for path in lines.get_paths())


def test_numbers_in_fields_are_the_values():
    ax = plot_dose_matrix(matrix().isel(dex=[0, 5], mek=[0, 2]), numbers=True)
    # 1, 1/2 at dex 1, 1/2 at mek 10, 1/4 at both.
    assert sorted(t.get_text() for t in ax.texts) == ["0.25", "0.50", "0.50", "1.00"]


def test_bounds_are_marked():
    da = matrix(lambda a, b: 0.0 * a + 0.02)
    excess = loewe_excess(da, "dex", "mek")
    beyond = int((excess["bound"] == "<").sum())
    assert beyond > 0
    ax = plot_dose_matrix(excess)
    assert [t.get_text() for t in ax.texts] == ["<"] * beyond
    assert "bound" in bar_label(ax)
    label = bar_label(plot_dose_matrix(da, synergy=excess))
    assert f"upper bounds in {beyond} of {excess.size} fields" in label.replace("\n", " ")


def test_nothing_is_a_picture_and_fields_have_no_seams():
    ax = plot_dose_matrix(matrix(), synergy="bliss")
    assert ax.collections[0].get_linewidth()[0] > 0
    np.testing.assert_array_equal(
        ax.collections[0].get_edgecolor(), ax.collections[0].get_facecolor()
    )
    file = io.BytesIO()
    ax.figure.savefig(file, format="svg")
    assert b"<image" not in file.getvalue()


def test_given_axes_are_used():
    figure, (left, right) = plt.subplots(1, 2)
    assert plot_dose_matrix(matrix(), ax=right) is right
    assert len(left.collections) == 0
    assert len(figure.axes) == 3


@pytest.mark.parametrize(
    ("da", "options", "message"),
    [
        (matrix().to_dataset(), {}, "not a Dataset"),
        (matrix().isel(mek=1), {}, "draws two dose dimensions, found dex"),
        (matrix().expand_dims(cell=["a", "b"]), {}, "two dose dimensions, found cell, dex, mek"),
        (matrix(), {"dose_a": "dexa"}, 'Nearest: "dex"'),
        (matrix(), {"dose_a": "dex", "dose_b": "dex"}, "two dose dimensions"),
        (matrix().assign_coords(mek=list("abcd")), {}, "no numeric doses"),
        (matrix(), {"synergy": "blis"}, 'Nearest: "bliss"'),
        (matrix(), {"synergy": matrix().isel(mek=0)}, "not doses of dex and mek"),
        (matrix(), {"synergy": matrix().assign_coords(mek=B + 1)}, "not doses of dex and mek"),
        (matrix().isel(dex=slice(1, None)), {"synergy": "bliss"}, 'needs the dose 0 of "dex"'),
    ],
)
def test_what_cannot_be_drawn_is_refused(da, options, message):
    with pytest.raises(ConditionError, match=message):
        plot_dose_matrix(da, **options)
