"""Findings on an ensemble, and the page of findings with its panels."""

import json
import shutil
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import yaml
from typer.testing import CliRunner

from simulator.cli import app
from simulator.errors import IntegrationError
from simulator.findings import Survey
from simulator.findings.drawing import draw, png
from simulator.findings.members import score_members
from simulator.findings.panel import Column, Curve, CurvePane, Mark, Panel, rows_of, with_members
from simulator.findings.panels import panel_of
from simulator.response import combination_index, f_syn

from .analytic_model import AnalyticModel
from .test_findings import check, finding

# Of the toy model, BIM at rest is (k_syn + 2 k_syn) k_deg / (k_deg + k_bind live): a lesion that
# takes 90 % of k_syn lowers it tenfold, one that multiplies k_syn with 1 does nothing.
ENSEMBLE = "table\tlevel\tparameterId\tlesion\tno_lesion\nalterations\tBIM_LOW\tk_syn\t0.1\t1\n"
BIM = {"cell": "A", "at": 24}
COHORT = {
    "n": 4,
    "cell": "A",
    "quantities": {"k_deg": {"sd": 0.5, "source": "x", "confidence": "assumed"}},
}
TOY = (
    finding(
        check("BIM_share", BIM | {"alterations": ["BIM_LOW"]}, "<= 0.5", over={"alterations": []}),
        check("BIM_share", BIM, ">= 0.8"),
        id="lesion",
    ),
    finding(check("viability", BIM, ">= 0.5"), id="constant", kind="null"),
    finding(check("auc400", {"cell": "A", "drug": "prednisolone"}, ">= 399"), id="sweep"),
    finding(check("cohort_median_BIM_share", {"cohort": "PDX", "n": 4, "at": 0}), id="cohort"),
    finding(check("BIM_share", BIM, "<= 0.1"), id="wrong"),
    finding(check("BIM_share", BIM, "<= 0.1"), id="guess", kind="hypothesis"),
    finding(id="word", kind="note"),
)


@pytest.fixture(scope="module")
def toy(tmp_path_factory, checkout):
    """A small model folder with findings and an ensemble of two, one with the lesion off."""
    folder = tmp_path_factory.mktemp("models") / "toy"
    shutil.copytree(checkout / "tests" / "models" / "toy", folder)
    (folder / "findings.yaml").write_text(yaml.safe_dump({"findings": list(TOY)}))
    (folder / "ensemble.tsv").write_text(ENSEMBLE)
    (folder / "cohorts.yaml").write_text(yaml.safe_dump({"PDX": COHORT}))
    return folder


def run(*arguments):
    return CliRunner().invoke(app, ["findings", *(str(a) for a in arguments)])


# ---- members -----------------------------------------------------------------------------------


def test_each_check_says_which_share_of_the_members_passes_it(toy):
    content = json.loads(run("--model", toy, "--json").stdout)
    found = {f["id"]: [c["members"] for c in f["checks"]] for f in content["findings"]}
    assert found == {
        "lesion": [0.5, 1.0],
        "constant": [1.0],
        "sweep": [1.0],
        "cohort": [None],
        "wrong": [0.0],
        "guess": [0.0],
        "word": [],
    }
    assert content["members"] == 2
    assert [f["members"] for f in content["findings"]] == [0.5, 1.0, 1.0, None, 0.0, 0.0, None]


def test_the_point_estimate_is_scored_as_without_members(toy):
    with_them, without = (
        json.loads(run("--model", toy, "--json", *more).stdout) for more in ((), ("--members", 0))
    )
    assert with_them["summary"] == without["summary"] == "4 of 5 findings pass (5 of 6 checks)"
    assert without["members"] == 0
    assert without["members_summary"] == ""
    assert {c["members"] for f in without["findings"] for c in f["checks"]} == {None}


def test_the_last_two_lines_are_the_summaries(toy):
    lines = run("--model", toy).stdout.splitlines()
    assert lines[-2] == (
        "3 of 5 checks pass in at least 90 % of 2 members, not: lesion check 1 (50 %), wrong check"
        " 1 (0 %); 1 checks on cohorts are not scored on members"
    )
    assert lines[-1] == "4 of 5 findings pass (5 of 6 checks)"
    shown = {line.split()[0]: line for line in lines[:-2] if line}
    assert " 50 % " in shown["lesion"]
    assert " - " in shown["cohort"]


def test_what_passes_by_construction_alone_is_listed_apart(toy):
    lines = run("--model", toy, "--members", 1).stdout.splitlines()
    apart = lines.index("by construction alone:")
    assert [line.split()[0] for line in lines[apart + 1 : -2]] == ["constant"]
    assert " 100 % " in next(line for line in lines if line.startswith("lesion"))


def test_every_value_is_shown_on_request_with_its_checks_share_once(toy):
    lines = run("lesion", "--model", toy, "--all").stdout.splitlines()
    assert [line.split("%")[0].split()[-1] for line in lines if "%" in line][:3] == [
        "50",
        "50",
        "100",
    ]


class Members(AnalyticModel):
    """The analytic model with an ensemble of two, of which one cannot be simulated."""

    members = ("fine", "broken")

    def member(self, name):
        return AnalyticModel() if name == "fine" else Broken()


class Broken(AnalyticModel):
    def simulate(self, *_, **__):
        raise IntegrationError("every run failed")


@pytest.fixture
def survey(tmp_path):
    def survey(*checks, model=None):
        path = tmp_path / "findings.yaml"
        path.write_text(yaml.safe_dump({"findings": [finding(*checks)]}))
        return Survey(model or AnalyticModel(), path)

    return survey


def test_the_members_shown_are_spread_over_those_scored(survey):
    asked = survey(check("pERK", {"cell": "LINE", "at": 24}))
    model = AnalyticModel()
    model.members = tuple(f"m{i}" for i in range(10))
    made = {}
    model.member = lambda name: made.setdefault(name, AnalyticModel())
    shown = score_members(asked, model, model.members, keep=4).runs
    assert [runs.model for runs in shown] == [made[name] for name in ("m0", "m3", "m6", "m9")]


def test_a_member_that_cannot_be_simulated_passes_nothing(survey):
    model = Members()
    asked = survey(check("pERK", {"cell": "LINE", "at": 24}))
    scores = score_members(asked, model, model.members, keep=5)
    results = scores.added_to(asked.score(model))
    assert results.findings[0].members == 0.5
    assert len(scores.runs) == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--members", "-1"], "members is a whole number >= 0, not -1."),
        (["--members", "3"], "members is 3, but toy has an ensemble of 2."),
        (["--page", "{tmp}/file/page.md"], "name another place with --page"),
        (["--page", "{tmp}/page.txt"], "must be a file that ends in .md"),
        (["--page", "{tmp}/folder.md"], "must be a file that ends in .md"),
    ],
)
def test_wrong_options_are_sentences(toy, tmp_path, arguments, message):
    (tmp_path / "file").write_text("")
    (tmp_path / "folder.md").mkdir()
    done = run("--model", toy, *(a.format(tmp=tmp_path) for a in arguments))
    assert done.exit_code == 2
    assert message in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert done.stdout == ""


# ---- the page ----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def pages(toy, tmp_path_factory):
    """The page of the toy model, written twice."""
    folders = [tmp_path_factory.mktemp(name) for name in ("first", "second")]
    for folder in folders:
        done = run("--model", toy, "--page", folder / "new" / "findings.md")
        assert done.exit_code == 0, done.output
        assert done.stdout.splitlines()[-1] == "4 of 5 findings pass (5 of 6 checks)"
    return [folder / "new" for folder in folders]


def test_the_page_has_every_finding_and_its_figure(pages):
    text = (pages[0] / "findings.md").read_text()
    for each in TOY:
        section = text.partition(f"\n## {each['id']}\n")[2].partition("\n## ")[0]
        assert each["statement"] in section
        figure = f"figures/findings/{each['id']}.png"
        assert (figure in section) == bool(each["checks"])
        assert (pages[0] / figure).is_file() == bool(each["checks"])
    assert "4 of 5 findings pass (5 of 6 checks)" in text
    assert "Passed by construction alone: [constant](#constant)." in text
    assert "| 1 | BIM share | BIM LOW, 24 h | A, 24 h | 0.435 | ≤ 0.5 | pass | 50 % |" in text
    assert "**fail**" in text.partition("## wrong")[2].partition("## ")[0]


def test_figures_are_small_and_nothing_else_is_left(pages):
    files = [path for path in pages[0].rglob("*") if path.is_file()]
    pictures = [path for path in files if path.suffix == ".png"]
    assert len(files) == 1 + len(pictures) == 7
    for path in pictures:
        assert path.read_bytes().startswith(b"\x89PNG")
        assert path.stat().st_size < 30_000


def test_the_page_is_the_same_every_time(pages):
    for path in pages[0].rglob("*.png"):
        assert path.read_bytes() == (pages[1] / path.relative_to(pages[0])).read_bytes()
    texts = [(p / "findings.md").read_text().replace(str(p), "") for p in pages]
    assert texts[0] == texts[1]


# ---- what a panel shows ------------------------------------------------------------------------

LINE = {"cell": "LINE"}
ON = LINE | {"alterations": ["RAS_ON"]}
PAIR = ["prednisolone", "selumetinib"]
FOLDS = "fold_change_of_BIM_OTHER_over_fold_change_of_BIM_LINE"
STATES = [
    ("pERK", ON | {"at": 24}, {"alterations": []}),
    ("pERK", ON | {"at": 24}, None),
    ("RAS_GTP", LINE | {"alterations": ["RAS_UP"], "at": 24}, {"alterations": []}),
    ("auc400", ON | {"drug": "prednisolone"}, {"alterations": []}),
    ("auc400", ON | {"drug": "prednisolone", "drugs": {"selumetinib": 1}}, {"drugs": {}}),
    ("IC50", ON | {"drug": "prednisolone"}, {"alterations": []}),
    ("combination_index", ON | {"drugs": PAIR}, {"alterations": []}),
    ("F_syn_median", ON | {"drugs": PAIR}, {"alterations": []}),
    (FOLDS, {"drugs": {"prednisolone": 1}, "at": 48}, None),
    ("il7_viability_gain", {"cell": "PDX", "il7": 25, "at": 96}, None),
]  # fmt: skip


def drawn(survey, *checks, **parts):
    """The panel of checks on the analytic model, and their results."""
    model = AnalyticModel(**parts)
    asked = survey(*checks, model=model)
    runs = asked.simulated(model)
    return panel_of(asked, asked.findings[0].checks, runs), asked.results(runs).findings[0]


@pytest.mark.parametrize(("readout", "of", "over"), STATES)
def test_a_value_lies_in_its_allowed_interval_if_the_check_passes(survey, readout, of, over):
    """The interval is in the units drawn, the bound relative to the reference: they agree."""
    _, result = drawn(survey, check(readout, of, over=over))
    value = result.checks[0].worst.value
    for bound in (f">= {value * 0.99}", f">= {value * 1.01}", f"{value * 0.9}..{value * 0.99}"):
        panel, result = drawn(survey, check(readout, of, bound, over))
        (mark,) = [m for column in panel.columns for m in column.marks if m.allowed]
        inside = mark.allowed[0] <= mark.value <= mark.allowed[1]
        assert inside == (not mark.failed) == result.passed


def test_curves_are_the_doses_that_the_area_is_taken_of(survey):
    of = ON | {"drug": "prednisolone"}
    panel, _ = drawn(survey, check("auc400", of, over={"alterations": []}))
    (pane,) = panel.panes
    assert [curve.label for curve in pane.curves] == ["LINE", "RAS ON"]
    half = [0.1, 10.0]
    for curve, dose in zip(pane.curves, half, strict=True):
        assert curve.values == pytest.approx(1 / (1 + curve.doses / dose))
    (column,) = panel.columns
    assert [mark.row for mark in column.marks] == ["LINE", "RAS ON"]
    assert column.of_curves


def test_matrices_show_their_statistics(survey):
    checks = [check(name, ON | {"drugs": PAIR}) for name in ("combination_index", "F_syn_median")]
    panel, _ = drawn(survey, *checks)
    doses = [0, *np.geomspace(3.16e-3, 31.6, 9)]
    viability = AnalyticModel().simulate(
        [96], alteration="RAS_ON", prednisolone=doses, selumetinib=doses, outputs=["viability"]
    )["viability"]
    sums = f_syn(viability.squeeze(), *PAIR)
    expected = [float(combination_index(viability.squeeze(), *PAIR)), float(sums.median())]
    assert [column.marks[0].value for column in panel.columns] == pytest.approx(expected)
    (cloud,) = panel.panes
    ((label, (effects,), (values,)),) = cloud.groups
    assert label == "RAS ON"
    assert np.sort(values) == pytest.approx(np.sort(sums.values[np.isfinite(sums.values)]))
    assert ((effects >= 0.1 - 1e-9) & (effects <= 0.95 + 1e-9)).all()


def test_a_state_at_several_doses_is_a_curve_with_what_is_allowed(survey):
    doses = [0.04, 0.2, 1]
    of = LINE | {"drugs": {"prednisolone": {"each": doses}}, "at": 96}
    panel, _ = drawn(survey, check("viability", of, "<= 0.5", over={"drugs": {}}))
    (curve,) = panel.panes[0].curves
    assert curve.doses.tolist() == [0, *doses]
    assert curve.values == pytest.approx([1 / (1 + dose / 0.1) for dose in (0, *doses)])
    assert curve.allowed[1][1:] == pytest.approx([0.5] * 3)
    assert curve.failed
    assert panel.columns == ()


def test_an_observable_that_rises_is_marked(survey):
    of = LINE | {"drugs": {"selumetinib": [0, 0.1, 1]}, "at": 24}
    panel, _ = drawn(survey, check("pERK_nonincreasing_in_dose", of, "true"))
    assert [curve.failed for curve in panel.panes[0].curves] == [False]
    panel, _ = drawn(survey, check("BIM_BCL2_nonincreasing_in_dose", of, "true"))
    assert [curve.failed for curve in panel.panes[0].curves] == [True]


SPREAD = {"n": 6, "cell": "PDX", "quantities": {"potency": {"sd": 1.5}, "il7_gain": {"sd": 0.7}}}
GAIN = "pearson_r(il7_viability_gain, prednisolone_delta_auc400)"
COHORTS = [
    check("fraction_with_auc400_below_150", {"cohort": "C", "drug": "prednisolone"}, ">= 0.2"),
    check("fraction_with_IC50_below_1uM", {"cohort": "C", "drug": "prednisolone"}, ">= 0.2"),
    check("median_IC50", {"cohort": "C", "drug": {"each": ["prednisolone", "selumetinib"]}}),
    check("cohort_median_live_cells", {"cohort": "C", "at": 0}),
    check("median_ratio_sensitive_to_resistant", {"cohort": "C", "marker": "pERK"}, "0.5..2"),
    check("fraction_synergistic", {"cohort": "C", "drugs": PAIR, "n": 2}, ">= 0.5"),
    check(GAIN, {"cohort": "C", "n": 6}, ">= 0.5"),
]


def test_shares_of_samples_are_those_that_are_checked(survey):
    panel, result = drawn(survey, *COHORTS[:2], cohorts={"C": SPREAD})
    for k, limit in ((0, 150), (1, 1)):
        samples = next(m.samples for m in panel.columns[2 * k].marks)
        share = panel.columns[2 * k + 1].marks[0]
        assert share.value == result.checks[k].worst.value
        assert share.value == pytest.approx(np.mean([np.mean(each < limit) for each in samples]))
        assert [each.size for each in samples] == [6] * 5
        assert share.failed == (not result.checks[k].passed)


def test_samples_with_and_without_il7_are_divided_by_the_factor(survey):
    of = {"cohort": "C", "il7": 25, "drug": "prednisolone"}
    name = "fraction_with_auc400_ratio_above_1.5"
    panel, result = drawn(
        survey, check(name, of, "0.2..0.3", over={"il7": 0}), cohorts={"C": SPREAD}
    )
    (cloud,) = panel.panes
    shares = []
    for x, y, x_above, y_above in zip(*cloud.groups[0][1:], *cloud.groups[1][1:], strict=True):
        assert (y <= 1.5 * x).all()
        assert (y_above > 1.5 * x_above).all()
        shares.append(len(x_above) / 6)
        assert len(x) + len(x_above) == 6
    assert np.mean(shares) == pytest.approx(result.checks[0].worst.value)
    assert panel.draws == len(shares) == 5
    assert cloud.axes == ("AUC of prednisolone, without IL7", "AUC of prednisolone, with IL7")


@pytest.mark.parametrize(
    "checks",
    [
        *([check(readout, of, over=over)] for readout, of, over in STATES),
        [check("pERK", ON | {"at": {"each": [1, 2]}}, "<= 1e-9", over={"alterations": []})],
        *([each] for each in COHORTS),
        COHORTS[:2],
    ],
    ids=lambda checks: " ".join(each["readout"] for each in checks),
)
def test_every_kind_of_readout_can_be_drawn(survey, checks):
    panel, _ = drawn(survey, *checks, cohorts={"C": SPREAD})
    assert panel.panes or panel.columns
    assert len(png(draw(panel, "F1"))) < 40_000


def test_medians_of_samples_are_the_mean_of_those_that_are_checked(survey):
    panel, result = drawn(survey, COHORTS[2], cohorts={"C": SPREAD})
    marks = panel.columns[0].marks
    assert [m.value for m in marks] == [leaf.value for leaf in result.checks[0].leaves]
    for mark in marks:
        assert mark.value == pytest.approx(np.mean([np.median(each) for each in mark.samples]))


def test_dots_of_the_first_draw_stand_out():
    samples = (np.array([1.0, 2.0]), np.array([3.0, 4.0, 5.0]), np.array([6.0]))
    column = Column("x", "x", (Mark("r", np.nan, samples=samples),))
    (ax,) = axes_of(draw(Panel("", (), (column,), draws=3), "F1"))
    dots = [line for line in ax.lines if line.get_marker() == "o"]
    assert [line.get_xdata().tolist() for line in dots] == [each.tolist() for each in samples]
    first, *others = (line.get_alpha() for line in dots)
    assert all(alpha < first / 2 for alpha in others)


# ---- room --------------------------------------------------------------------------------------


def axes_of(figure):
    """All axes of a figure, laid out."""
    figure.draw_without_rendering()
    return figure.axes


def room_for_everything(figure):
    """Nothing is squeezed to nothing, and no text lies on other text or outside the page."""
    axes = axes_of(figure)
    texts = [t for t in [figure._suptitle] if t.get_text()]
    for ax in axes:
        box = ax.get_window_extent()
        assert min(box.width, box.height) > 0.5 * figure.dpi
        texts += [ax.title, ax.xaxis.label, ax.yaxis.label]
        for axis in (ax.xaxis, ax.yaxis):
            low, high = sorted(axis.get_view_interval())
            ticks = [tick for tick in axis.get_major_ticks() if low <= tick.get_loc() <= high]
            texts += [tick.label1 for tick in ticks if tick.label1.get_visible()]
    boxes = [(t.get_text(), t.get_window_extent()) for t in texts if t.get_text()]
    boxes += [("legend", each.get_window_extent()) for each in legends(figure)]
    page = figure.bbox
    for k, (text, box) in enumerate(boxes):
        assert box.x0 >= page.x0 - 1 and box.x1 <= page.x1 + 1, text
        assert box.y0 >= page.y0 - 1 and box.y1 <= page.y1 + 1, text
        for other, beside in boxes[:k]:
            assert not overlap(box, beside), (text, other)


def legends(figure):
    return [legend for part in (figure, *figure.subfigs) for legend in part.legends]


def overlap(one, other):
    """Whether two boxes share more than a pixel."""
    across = min(one.x1, other.x1) - max(one.x0, other.x0)
    return across > 1 and min(one.y1, other.y1) - max(one.y0, other.y0) > 1


WORDS = "phosphorylated ERK over that of the untreated reference cell, share of all sites"


@pytest.mark.parametrize(
    ("columns", "rows", "curves"),
    [(1, 1, 0), (1, 1, 1), (1, 16, 12), (2, 1, 12), (5, 3, 12), (7, 16, 0)],
)
def test_long_names_leave_room_for_what_they_name(columns, rows, curves):
    names = [
        f"PDX {k} IL7R PILT240-244RFCPH, {' + '.join(['selumetinib'] * 5)}" for k in range(rows)
    ]
    marks = tuple(Mark(name, 1.0, (0.5, 2.0), failed=True) for name in names)
    shown = tuple(Column(f"BIM-BCL2 per BIM {k}, 24 h", WORDS, marks) for k in range(columns))
    doses = np.array([0.0, 1.0, 2.0])
    drawn = tuple(Curve(f"{k} {names[0]}", doses, doses) for k in range(curves))
    panes = (CurvePane("selumetinib", "uM", WORDS, drawn),) if curves else ()
    room_for_everything(draw(Panel(", ".join(names[:4]), panes, shown), "F1", members=32))


def test_a_cohort_that_cannot_be_drawn_leaves_an_empty_panel(survey):
    never = SPREAD | {"keep": {"observable": "pERK", "at": 0, "at_least": 1e9}}
    panel, _ = drawn(survey, COHORTS[3], cohorts={"C": never})
    assert panel.columns == ()
    assert png(draw(panel, "F1")).startswith(b"\x89PNG")


def test_rows_stand_below_what_they_are_compared_with():
    def marks(*pairs):
        return tuple(Mark(row, 1.0, reference=reference) for row, reference in pairs)

    columns = (
        Column("x", "x", marks(("6 h", ""), ("6 h + drug", "6 h"), ("48 h", ""))),
        Column("y", "y", marks(("6 h + other", "6 h"), ("48 h + drug", "48 h"), ("a", "b"))),
        Column("z", "z", marks(("b", "a"))),
    )
    assert rows_of(columns) == ["6 h", "6 h + drug", "6 h + other", "48 h", "48 h + drug", "a", "b"]


def test_members_are_shown_as_the_middle_of_their_values():
    doses = np.array([0.0, 1.0])

    def panel(value):
        curve = Curve("c", doses, np.array([1.0, value]))
        column = Column("x", "x", (Mark("r", value),))
        return Panel("", (CurvePane("d", "uM", "y", (curve,)),), (column,))

    members = [panel(float(v)) for v in range(101)]
    shown = with_members(panel(7.0), [*members, panel(np.nan)])
    assert shown.columns[0].marks[0].spread == pytest.approx((5, 95))
    assert shown.columns[0].marks[0].value == 7
    assert shown.panes[0].curves[0].band == pytest.approx(np.array([[1, 5], [1, 95]]))
    assert with_members(panel(7.0), []).columns[0].marks[0].spread is None


def test_units_and_names_of_the_model_are_on_the_axes(survey):
    model = AnalyticModel()
    model.definition.observables = tuple(
        SimpleNamespace(id=o.id, name=f"{o.id} protein", unit="nM")
        for o in model.definition.observables
    )
    asked = survey(check("BIM_total", LINE | {"at": 24}), model=model)
    panel = panel_of(asked, asked.findings[0].checks, asked.simulated(model))
    assert panel.columns[0].title == "BIM total, 24 h"
    assert panel.columns[0].axis == "BIM_total protein (nM)"
    assert replace(panel, columns=()).panes == ()
