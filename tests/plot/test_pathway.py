"""Pathway maps: colours against values, marks against conditions, what cannot be drawn."""

import dataclasses
import io

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import pytest
import xarray as xr
from matplotlib.colors import to_hex, to_rgba
from matplotlib.patches import FancyBboxPatch

from simulator.errors import ConditionError, ModelError
from simulator.plot import pathway_map, plot_pathway, plot_pathways
from simulator.plot.pathway_drawing import DRUG, text_on

from .pathway_example import run, small_model


@pytest.fixture(autouse=True)
def no_window(monkeypatch):
    monkeypatch.setattr(plt, "show", lambda *a, **k: pytest.fail("a window was opened"))
    yield
    plt.close("all")


@pytest.fixture
def layout(tmp_path):
    return pathway_map(small_model(tmp_path))


def by_gid(ax, gid):
    """Every artist of the axes with this name."""
    return [artist for artist in ax.get_children() if artist.get_gid() == gid]


def names(ax, kind):
    """What is marked with a kind of artist: `node`, `drug`, `mark` ..."""
    gids = [artist.get_gid() or "" for artist in ax.get_children()]
    return {gid.partition(":")[2] for gid in gids if gid.startswith(f"{kind}:")}


def fill(ax, node):
    (box,) = by_gid(ax, f"node:{node}")
    return box.get_facecolor()


def bar(ax):
    (inset,) = ax.child_axes
    return inset


def diverging(fold, largest=4.0):
    """The colour of a fold change, worked out anew."""
    place = 0.5 + 0.5 * np.log2(fold) / np.log2(largest)
    return matplotlib.colormaps["RdBu_r"](float(np.clip(place, 0, 1)))


def test_each_node_has_its_label_in_its_box(layout):
    ax = plot_pathway(run(), layout, scale_by=run())
    assert names(ax, "node") == {"a", "b", "c"}
    for id, label in (("a", "alpha"), ("b", "beta"), ("c", "gamma")):
        (text,), (box,) = by_gid(ax, f"label:{id}"), by_gid(ax, f"node:{id}")
        assert text.get_text() == label
        assert isinstance(box, FancyBboxPatch)
        x, y = text.get_position()
        assert (x, y) == layout.nodes[id].at
        assert box.get_x() < x < box.get_x() + box.get_width()
        assert box.get_y() < y < box.get_y() + box.get_height()
    assert names(ax, "edge") == {
        "a:b:activates", "b:c:inhibits", "a:c:binds", "c:a:transcribes",
    }  # fmt: skip


def test_colours_are_fold_changes_over_the_reference(layout):
    ax = plot_pathway(run(a=2, b=0.25, c=3), layout, reference=run(a=1, b=1, c=3))
    for node, fold in (("a", 2), ("b", 0.25), ("c", 1)):
        np.testing.assert_allclose(fill(ax, node), diverging(fold), atol=1 / 128)
    assert fill(ax, "c") == pytest.approx(matplotlib.colormaps["RdBu_r"](0.5), abs=1 / 128)


def test_folds_beyond_the_scale_and_of_zero_have_its_last_colours(layout):
    ax = plot_pathway(run(a=100, b=0, c=5), layout, reference=run(a=1, b=1, c=0))
    np.testing.assert_allclose(fill(ax, "a"), diverging(4), atol=1 / 128)
    np.testing.assert_allclose(fill(ax, "b"), diverging(1 / 4), atol=1 / 128)
    np.testing.assert_allclose(fill(ax, "c"), diverging(4), atol=1 / 128)


def test_the_colour_bar_has_folds_and_says_of_what(layout):
    reference = run(alteration="none", drug=0.0, cell="X", k=1.0)
    ax = plot_pathway(run(cell="X", k=1.0, drug=0.0), layout, reference=reference)
    assert bar(ax).get_xlabel().startswith("fold change over the reference ")
    done = run(alteration="A_MUT", drug=2.0, cell="Y", k=2.0)
    ax = plot_pathway(done, layout, reference=reference)
    labels = [tick.get_text() for tick in bar(ax).get_xticklabels()]
    ticks = dict(zip(bar(ax).get_xticks(), labels, strict=True))
    assert ticks == {-2: "1/4", -1: "1/2", 0: "1", 1: "2", 2: "4"}
    assert bar(ax).get_xlim() == (-2, 2)
    assert (
        bar(ax)
        .get_xlabel()
        .startswith("fold change over the run with no alteration, no drug, X, k = 1 ")
    )
    ax = plot_pathway(run(), layout, reference=reference, largest_fold=16)
    assert bar(ax).get_xlim() == (-4, 4)


def test_no_value_and_zero_over_zero_are_hatched_grey(layout):
    ax = plot_pathway(run(a=np.nan, b=0, c=1), layout, reference=run(a=1, b=0, c=np.nan))
    for node in "abc":
        (box,) = by_gid(ax, f"node:{node}")
        assert box.get_hatch()
        red, green, blue, _ = box.get_facecolor()
        assert red == green == blue
    assert "hatched" in bar(ax).get_xlabel()
    ax = plot_pathway(run(), layout, reference=run())
    assert not any(by_gid(ax, f"node:{node}")[0].get_hatch() for node in "abc")


def test_values_below_the_tolerance_of_the_run_count_as_zero(layout):
    noise = run(a=1e-10, b=1, c=1, atol=1e-9)
    ax = plot_pathway(noise, layout, reference=run(a=1e-12, atol=1e-9))
    assert by_gid(ax, "node:a")[0].get_hatch()
    exact = run(a=1e-10, b=1, c=1)
    ax = plot_pathway(exact, layout, reference=run(a=2e-10))
    np.testing.assert_allclose(fill(ax, "a"), diverging(0.5), atol=1 / 128)


def test_magnitudes_are_relative_to_each_nodes_maximum(layout):
    runs = run(a=[1, 4], b=[10, 5], c=[0, 0])
    ax = plot_pathway(runs.isel(time=0), layout, scale_by=runs)
    colours = matplotlib.colormaps["cividis"]
    np.testing.assert_allclose(fill(ax, "a"), colours(0.25), atol=1 / 128)
    np.testing.assert_allclose(fill(ax, "b"), colours(1.0), atol=1 / 128)
    assert by_gid(ax, "node:c")[0].get_hatch()
    assert "maximum" in bar(ax).get_xlabel()


def test_shares_need_no_scale_and_anything_else_does(layout):
    ax = plot_pathway(run(a=0.25, b=1, c=0, units="1"), layout)
    np.testing.assert_allclose(fill(ax, "a"), matplotlib.colormaps["cividis"](0.25), atol=1 / 128)
    assert "share" in bar(ax).get_xlabel()
    with pytest.raises(ConditionError, match=r'node "a" shows A \(nM\).*scale_by= .*reference='):
        plot_pathway(run(), layout)
    with pytest.raises(ConditionError, match='node "b" shows B'):
        plot_pathway(run(a=0.5, b=2, units="1"), layout)


@pytest.mark.parametrize("fold", [0.1, 0.4, 1, 1.5, 2.5, 10])
def test_labels_contrast_with_the_fill(layout, fold):
    ax = plot_pathway(run(a=fold), layout, reference=run())
    (label,) = by_gid(ax, "label:a")
    luminance = [
        np.dot(
            [0.2126, 0.7152, 0.0722], [((c + 0.055) / 1.055) ** 2.4 for c in to_rgba(colour)[:3]]
        )
        for colour in (label.get_color(), fill(ax, "a"))
    ]
    low, high = sorted(luminance)
    assert (high + 0.05) / (low + 0.05) > 4.5  # WCAG 2, level AA


def test_black_and_white_text():
    assert text_on((1, 1, 1)) == "black"
    assert text_on((0, 0, 0.4)) == "white"


# ------------------------------------------------------------------ what was done to the cell


def site(ax):
    (text,) = by_gid(ax, "sitelabel:B inhibitor")
    return text.get_text()


def test_a_drug_that_is_present_is_named_and_acts_on_its_targets(layout):
    ax = plot_pathway(run(drug=0.0), layout, reference=run())
    assert site(ax) == "B\ninhibitor"
    assert names(ax, "site") == set()
    ax = plot_pathway(run(drug=0.5, other_drug=0.0), layout, reference=run())
    assert site(ax) == "drug\n0.5 µM"
    (box,) = by_gid(ax, "site:B inhibitor")
    assert to_hex(box.get_facecolor()) == DRUG.lower()
    assert names(ax, "drug") == {"B inhibitor:b"}
    ax = plot_pathway(run(drug=0.5, other_drug=2.0), layout, reference=run())
    assert site(ax) == "drug\nother drug"
    assert names(ax, "drug") == {"B inhibitor:b", "B inhibitor:c"}


def test_a_schedule_is_what_it_is_at_the_time_of_the_run(layout):
    runs = run(a=[1.0, 1.0, 1.0], drug="2@1,0@2")
    seen = [site(plot_pathway(runs.isel(time=i), layout, reference=run())) for i in range(3)]
    assert seen == ["B\ninhibitor", "drug\n2 µM", "B\ninhibitor"]


def test_knocked_out_genes_are_crossed_out(layout):
    ax = plot_pathway(run(knockout="GA"), layout, reference=run())
    assert names(ax, "knockout") == {"a"}
    ax = plot_pathway(run(knockout="GB1+GA"), layout, reference=run())
    assert names(ax, "knockout") == {"a"}
    assert by_gid(ax, "mark:b")[0].get_text() == "no GB1"
    ax = plot_pathway(run(knockout="GB1+GB2"), layout, reference=run())
    assert names(ax, "knockout") == {"b"}
    ax = plot_pathway(run(knockout="none"), layout, reference=run())
    assert names(ax, "knockout") == names(ax, "mark") == set()


def test_alterations_and_expression_are_written_at_their_gene(layout):
    done = run(alteration="A_MUT", expression="GB1=4,GB2=0.5")
    ax = plot_pathway(done, layout, reference=run())
    assert by_gid(ax, "mark:a")[0].get_text() == "★ A_MUT"
    assert by_gid(ax, "mark:b")[0].get_text() == "×4, ×0.5"
    ax = plot_pathway(run(**{"expression:GA": 3.0}), layout, reference=run())
    assert by_gid(ax, "mark:a")[0].get_text() == "×3"


def test_the_title_is_the_condition_and_names_what_has_no_place(layout):
    done = run(cell="X", drug=0.0, other_drug=1.5, alteration="X_MUT+A_MUT", knockout="GX")
    ax = plot_pathway(done, layout, reference=run())
    title = ax.get_title(loc="left").replace("\n", " ")
    assert title.startswith("X, X_MUT+A_MUT, GX knocked out, other_drug 1.5 µM, 0 h")
    assert title.endswith("(not on the map: GX knocked out, X_MUT)")
    assert plot_pathway(done, layout, reference=run(), title="mine").get_title(loc="left") == "mine"


def test_a_long_title_is_broken_into_lines_as_wide_as_the_map(layout):
    ax = plot_pathway(run(**{f"parameter_{i}": 1.0 for i in range(20)}), layout, reference=run())
    ax.figure.draw_without_rendering()
    title = ax._left_title
    assert title.get_text().replace("\n", " ").count("parameter_") == 20
    assert title.get_window_extent().width <= 1.01 * ax.get_window_extent().width


def test_a_failed_run_is_named(layout):
    failed = run(a=np.nan).assign(status=((), "STEP_LIMIT"))
    title = plot_pathway(failed, layout, reference=run()).get_title(loc="left")
    assert "run failed (STEP_LIMIT)" in title


# ------------------------------------------------------------------ what cannot be drawn


def test_more_than_one_run_or_a_missing_output_is_refused(layout):
    with pytest.raises(ConditionError, match=r"ds still has time \(2\).*plot_pathways"):
        plot_pathway(run(a=[1, 2]), layout, reference=run())
    with pytest.raises(ConditionError, match=r"reference still has time \(2\)"):
        plot_pathway(run(), layout, reference=run(a=[1, 2]))
    for place in ("reference", "scale_by"):
        with pytest.raises(ConditionError, match=f'{place} has no "B", ask for them'):
            plot_pathway(run(), layout, **{place: run().drop_vars("B")})
    with pytest.raises(ConditionError, match='ds has no "A" and 1 more'):
        plot_pathway(run().drop_vars(["A", "B"]), layout, reference=run())
    with pytest.raises(ConditionError, match="ds is the Dataset of a simulation"):
        plot_pathway(run()["A"], layout, reference=run())
    with pytest.raises(ConditionError, match="largest_fold is 1; it must be above 1"):
        plot_pathway(run(), layout, reference=run(), largest_fold=1)


def test_a_model_without_a_map_is_refused(tmp_path):
    with pytest.raises(ModelError, match="no pathway map"):
        plot_pathway(run(), small_model(tmp_path, None), reference=run())


# ------------------------------------------------------------------ figures


def test_it_draws_on_axes_given_and_is_vector_only(layout):
    figure, (one, two) = plt.subplots(1, 2, layout="constrained")
    assert plot_pathway(run(), layout, two, reference=run(), key=False) is two
    assert not one.patches and not two.child_axes and two.patches
    assert plot_pathway(run(), layout, one, reference=run()) is one
    svg = io.StringIO()
    with matplotlib.rc_context({"svg.fonttype": "none"}):
        figure.savefig(svg, format="svg")
    assert "<image" not in svg.getvalue()
    assert svg.getvalue().count(">alpha</text>") == 2


def test_new_axes_are_two_columns_wide(layout):
    ax = plot_pathway(run(), layout, reference=run())
    assert ax.figure.get_figwidth() * 25.4 == pytest.approx(170)


def maps(figure):
    return [ax for ax in figure.axes if names(ax, "node")]


def test_small_multiples_over_time_share_one_colour_bar(layout):
    runs = run(a=[1, 2, 4], b=[1, 1, 1], c=[1, 1, 1], cell="X")
    figure = plot_pathways(runs, layout, "time", reference=runs.isel(time=0))
    assert [ax.get_title(loc="left") for ax in maps(figure)] == ["0 h", "1 h", "2 h"]
    for ax, fold in zip(maps(figure), (1, 2, 4), strict=True):
        np.testing.assert_allclose(fill(ax, "a"), diverging(fold), atol=1 / 128)
        assert not ax.child_axes
    (strip,) = (ax for ax in figure.axes if ax.child_axes)
    assert bar(strip).get_xlabel().startswith("fold change over the run at 0 h ")
    assert figure.get_suptitle() == "X"
    assert figure.get_figwidth() * 25.4 == pytest.approx(170)


def test_small_multiples_without_a_reference_share_the_largest_value(layout):
    runs = run(a=[1, 2], b=[3, 1], c=[1, 1])
    figure = plot_pathways(runs, layout)
    seen = [fill(ax, "a") for ax in maps(figure)]
    colours = matplotlib.colormaps["cividis"]
    np.testing.assert_allclose(seen, [colours(0.5), colours(1.0)], atol=1 / 128)


def test_small_multiples_between_conditions_mark_each_its_own(layout):
    levels = ["none", "A_MUT"]
    runs = xr.concat([run(a=1), run(a=4)], "alteration").assign_coords(alteration=levels)
    figure = plot_pathways(runs, layout, reference=run())
    assert [ax.get_title(loc="left") for ax in maps(figure)] == ["none", "A_MUT"]
    assert [names(ax, "mark") for ax in maps(figure)] == [set(), {"a"}]
    assert figure.get_suptitle() == "0 h"
    figure = plot_pathways(runs, layout, reference=runs.sel(alteration="none"))
    (strip,) = (ax for ax in figure.axes if ax.child_axes)
    assert bar(strip).get_xlabel().startswith("fold change over the run with no alteration ")


def test_rows_of_a_table_are_told_apart_by_their_conditions(layout):
    rows = xr.concat([run(a=1), run(a=2)], "sample").isel(time=0)
    rows = rows.assign_coords(
        sample=["s1", "s2"],
        cell=("sample", ["X", "Y"]),
        drug=("sample", [0.0, 2.0]),
        **{"expression:GA": ("sample", [1.0, 4.0])},
    )
    figure = plot_pathways(rows, layout, reference=rows.sel(sample="s1"))
    assert [ax.get_title(loc="left") for ax in maps(figure)] == [
        "X, sample s1",
        "Y, sample s2, drug 2 µM, GA ×4",
    ]
    assert [names(ax, "mark") for ax in maps(figure)] == [set(), {"a"}]
    assert [names(ax, "site") for ax in maps(figure)] == [set(), {"B inhibitor"}]
    (strip,) = (ax for ax in figure.axes if ax.child_axes)
    assert bar(strip).get_xlabel().startswith("fold change over the run with sample s1 ")


def test_a_result_without_time_is_drawn(layout):
    rest = run().isel(time=0).drop_vars("time")
    ax = plot_pathway(rest.assign_coords(drug=1.0), layout, reference=rest)
    assert ax.get_title(loc="left") == "drug 1 µM"


@pytest.mark.parametrize(("width", "smallest"), [(170, 6), (85, 4.9), (42, 2)])
def test_text_shrinks_with_the_map_and_stays_in_its_box(layout, width, smallest):
    figure = plt.figure(figsize=(width / 25.4, width / 25.4), dpi=300)
    ax = figure.add_axes((0, 0, 1, 1))
    wide = dataclasses.replace(layout, page=(170, 100))
    plot_pathway(run(drug=1.0, knockout="GA"), wide, ax, reference=run(), key=False)
    renderer = figure.canvas.get_renderer()
    for kind in ("node", "site"):
        for id in names(ax, kind):
            label = "label" if kind == "node" else "sitelabel"
            (text,), (box,) = by_gid(ax, f"{label}:{id}"), by_gid(ax, f"{kind}:{id}")
            inner, outer = text.get_window_extent(renderer), box.get_window_extent(renderer)
            assert outer.x0 <= inner.x0 and inner.x1 <= outer.x1, id
            assert text.get_fontsize() >= smallest


def test_a_reference_with_the_dimension_is_taken_level_by_level(layout):
    figure = plot_pathways(run(a=[2, 2]), layout, reference=run(a=[1, 4]))
    seen = [fill(ax, "a") for ax in maps(figure)]
    np.testing.assert_allclose(seen, [diverging(2), diverging(0.5)], atol=1 / 128)
    with pytest.raises(ConditionError, match=r"reference has no time = 2"):
        plot_pathways(run(a=[2, 2, 2]), layout, reference=run(a=[1, 4]))


def test_small_multiples_need_one_dimension(layout):
    with pytest.raises(ConditionError, match="runs have none"):
        plot_pathways(run(), layout)
    two = xr.concat([run(a=[1, 2]), run(a=[1, 2])], "x")
    with pytest.raises(ConditionError, match=r"the runs have .*(time, x|x, time)"):
        plot_pathways(two, layout, "time")
    with pytest.raises(ConditionError, match="asked for was cell"):
        plot_pathways(run(a=[1, 2]), layout, "cell")


def test_runs_of_the_bundled_model(steroid_response):
    layout = pathway_map(steroid_response)
    runs = steroid_response.simulate(
        time=24, alteration=[None, "NRAS_G12D"], prednisolone=1.0, outputs=layout.outputs
    )
    mutant, plain = runs.sel(alteration="NRAS_G12D"), runs.sel(alteration="none")
    ax = plot_pathway(mutant, steroid_response, reference=plain)
    for id, node in layout.nodes.items():
        value, before = (float(ds[node.shows].squeeze()) for ds in (mutant, plain))
        if before > 1e-9:
            np.testing.assert_allclose(fill(ax, id), diverging(value / before), atol=0.02)
        else:
            assert by_gid(ax, f"node:{id}")[0].get_hatch()
    assert by_gid(ax, "mark:RAS")[0].get_text() == "★ NRAS_G12D"
    assert by_gid(ax, "sitelabel:steroid")[0].get_text() == "prednisolone\n1 µM"
    assert names(ax, "site") == {"steroid"}
