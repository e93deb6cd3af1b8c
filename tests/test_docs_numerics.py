"""docs/numerical_methods.md and docs/comparison.md: constants, measured numbers, Python, links."""

import importlib
import inspect
import math
import re
from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np
import pytest

import simulator as sim
from docs.page_code import blocks
from simulator.integrator.status import Status

CHECKOUT = Path(__file__).parents[1]
NUMERICS, COMPARISON, BENCHMARKS = (
    (CHECKOUT / name).read_text(encoding="utf-8")
    for name in ("docs/numerical_methods.md", "docs/comparison.md", "benchmarks/README.md")
)
PAGES = {"numerical_methods": NUMERICS, "comparison": COMPARISON}

CALL = re.compile(r"([\w.]+?)(?:\(([^)]*)\)([\w.]*))?")

SAME_SIZE = 0.5  # errors printed with one figure, and of other processors
DEFAULT_OF_CVODE = 1e-3  # libRoadRunner at its default tolerances, as the page shows it


def tables(text: str) -> Iterable[tuple[list[str], list[list[str]]]]:
    """The tables of a page: headings, and rows of cells."""
    for block in re.findall(r"(?:^\|.*\n)+", text, re.MULTILINE):
        cells = [
            [cell.strip() for cell in re.split(r"(?<!\\)\|", line.strip()[1:-1])]
            for line in block.splitlines()
        ]
        yield cells[0], cells[2:]


def table(text: str, *headings: str) -> list[list[str]]:
    """The rows of the one table with these headings."""
    (rows,) = (rows for found, rows in tables(text) if found == list(headings))
    return rows


def section(text: str, heading: str) -> str:
    """What stands under a heading, up to the next one of its level."""
    level = heading.split()[0]
    return re.split(rf"^{level} ", text.split(f"\n{heading}\n")[1], flags=re.MULTILINE)[0]


def looked_up(name: str) -> list[float]:
    """Numbers that the code has under a name as the page writes it.

    `module.NAME`, `module.function()`, `module.function(1).attribute`, or
    `module.function(first, second)` for the defaults of two arguments.
    """
    found = CALL.fullmatch(name)
    assert found is not None, name
    path, arguments, rest = found[1].split("."), found[2], found[3] or ""
    count = next(k for k in range(len(path), 0, -1) if is_module(path[:k]))
    value = importlib.import_module(".".join(["simulator", *path[:count]]))
    for part in path[count:]:
        value = getattr(value, part)
    if arguments is not None and re.match(r"[a-z]", arguments):
        defaults = inspect.signature(value).parameters
        return [float(defaults[argument].default) for argument in arguments.split(", ")]
    if arguments is not None:
        value = value(*map(float, filter(None, arguments.split(", "))))
    for part in filter(None, rest.split(".")):
        value = getattr(value, part)
    return [float(number) for number in np.ravel(value)]


def is_module(path: list[str]) -> bool:
    return (CHECKOUT / "simulator").joinpath(*path).with_suffix(".py").is_file()


def constants() -> list[tuple[str, str, str]]:
    return [
        (row[0], row[1], row[2])
        for headings, rows in tables(NUMERICS)
        if headings[2:] == ["in the code"]
        for row in rows
        if row[2]
    ]


@pytest.mark.parametrize(("what", "value", "names"), constants(), ids=lambda cell: cell[:40])
def test_constants_are_those_of_the_code(what, value, names):
    found = [number for name in re.findall(r"`([^`]+)`", names) for number in looked_up(name)]
    said = [float(number) for number in value.split(", ")]
    assert len(found) == len(said)
    assert all(math.isclose(a, b, rel_tol=1e-4) for a, b in zip(said, found, strict=True)), found


def test_there_are_constants_and_a_wrong_one_would_be_seen():
    assert len(constants()) > 40
    with pytest.raises(AttributeError):
        looked_up("integrator.step_code.SAFTEY")
    assert looked_up("integrator.step_code.SAFETY") != [0.9]


SENTENCES = {
    r"\\min\\big\((\d+), \\max\(": "integrator.step_code.GROW",
    r"\\max\(([\d.]+),\\; ": "integrator.step_code.SHRINK",
    r"([\d.]+)\\, \\epsilon\^\{-1/5\}": "integrator.step_code.SAFETY",
    r"\|f_t\|_i > (\d+)\\,": "integrator.step_code.FAR",
    r"exceeds the limit of (\S+), half": "integrator.linear.CANCELLATION_LIMIT",
    r"functions of at most (\d+) operations": "integrator.machine_code.CHUNK",
    r"systems of up to (\d+) states": "integrator.lanes.SMALL",
    r"the right place, with rtol (\S+),": "integrator.steady.PATH_RTOL",
    r"until (\S+) of every state is left": "integrator.newton.CONVERGED",
    r"round-off in the rates below (\S+),": "integrator.newton.STALLED",
    r"it lies within (\S+) of the": "integrator.newton.CLOSE",
    r"in the rates \((\S+) of each turnover": "integrator.newton.RESIDUAL_ROUND_OFF",
    r"moves no state by more than (\S+) of it": "integrator.newton.DETERMINED",
    r"remembers the last (\d+) of them": "simulation.rest.REMEMBERED",
    r"values below (\S+) of the largest leave": "simulation.rest_along.DETERMINED",
}


@pytest.mark.parametrize(("sentence", "name"), SENTENCES.items(), ids=SENTENCES.values())
def test_constants_in_sentences_are_those_of_the_code(sentence, name):
    (said,) = re.findall(sentence.replace(" ", r"\s+"), NUMERICS)
    assert float(said) == looked_up(name)[0]


def test_every_status_is_explained():
    rows = table(NUMERICS, "status", "when", "what to do")
    assert [row[0] for row in rows if row[2] or row[0] == "SUCCESS"] == [row[0] for row in rows]
    assert {row[0] for row in rows} == {status.name for status in Status}


def test_files_and_tests_that_are_named_exist():
    for name in set(re.findall(r"`([\w/]+(?:\.py|/))`", NUMERICS)):
        assert any((root / name).exists() for root in (CHECKOUT, CHECKOUT / "simulator")), name


@pytest.mark.parametrize("text", PAGES.values(), ids=PAGES)
def test_links_lead_somewhere(text):
    for target in re.findall(r"\]\((?!http)([^)]+)\)", text):
        path, _, anchor = target.partition("#")
        page = CHECKOUT / "docs" / path if path else None
        assert page is None or page.exists(), target
        there = text if page is None else page.read_text(encoding="utf-8")
        headings = re.findall(r"^#+ (.*)$", there, re.MULTILINE)
        anchors = [re.sub(r"[^\w -]", "", h).lower().replace(" ", "-") for h in headings]
        assert not anchor or anchor in anchors, target


def test_cases_of_test_suites_are_counted():
    from .network.suite import WHOLE, case_ids, refusals
    from .petab.cases import SUITE_1, SUITE_2

    if not WHOLE:
        counts = len(case_ids()), len(case_ids()) - len(refusals()), len(refusals())
        assert "{} cases: every one of the {} that".format(*counts) in NUMERICS
        assert f"the {counts[2]} refused" in NUMERICS
        said = re.search(
            r"of (\d+) cases .* (\d+) are accepted and\s+reproduced, (\d+)", COMPARISON
        )
        assert said and tuple(map(int, said.groups())) == counts
    assert f"({len(SUITE_1) + len(SUITE_2)} cases, versions 1 and 2)" in NUMERICS
    assert f"{len(SUITE_1)} cases of version 1 and {len(SUITE_2)} of version 2" in COMPARISON


# ------------------------------------------------------------------ measured numbers


def measured(name: str) -> str:
    """A part of the benchmarks' page that its commands fill."""
    return BENCHMARKS.split(f"<!-- {name} -->")[1].split(f"<!-- /{name} -->")[0]


def errors(name: str) -> Mapping[tuple[str, float], list[float]]:
    """(tool, rtol) -> median errors of all models or problems, of a part of that page."""
    found: dict[tuple[str, float], list[float]] = {}
    for headings, rows in tables(measured(name)):
        if headings[1] != "tool":
            continue
        for row in rows:
            for rtol, cell in zip(headings[2:], row[2:], strict=True):
                if cell not in ("-", "failed"):
                    found.setdefault((row[1], float(rtol)), []).append(float(cell.split()[0]))
    return found


def test_errors_by_tolerance_are_those_of_the_benchmarks():
    tools = ("steroidsim", "libRoadRunner", "AMICI")
    found = errors("batches")
    rows = table(NUMERICS, "rtol", "steroidsim", "libRoadRunner (CVODE)", "AMICI (CVODES)")
    assert len(rows) == 4
    for row in rows:
        for tool, cell in zip(tools, row[1:], strict=True):
            every = found[tool, float(row[0])]
            assert len(every) == 11
            assert [float(n) for n in cell.split(" to ")] == [min(every), max(every)]
    fits = errors("fit_speed")["steroidsim", 1e-8]
    assert len(fits) == 9
    sentence = re.search(r"median\s+errors\s+of\s+(\S+)\s+to\s+(\S+)", NUMERICS)
    assert sentence and [float(n) for n in sentence.groups()] == [min(fits), max(fits)]


def ratios(name: str, column: str) -> list[float]:
    """A column of ratios such as 37x, without bounds and means."""
    ((headings, rows),) = (t for t in tables(measured(name)) if column in t[0])
    cells = [row[headings.index(column)] for row in rows if "mean" not in row[0]]
    return [float(cell[:-1]) for cell in cells if re.fullmatch(r"[\d.]+x", cell)]


def test_ratios_are_those_of_the_benchmarks():
    expected = [
        ratios("batches", "libRoadRunner"),
        ratios("batches", "AMICI, solver alone"),
        ratios("batches", "AMICI through Python"),
        ratios("fit_speed", "AMICI through pyPESTO"),
        ratios("single_run", "steroidsim"),
        ratios("single_run", "steroidsim, with pre-equilibration and vehicle"),
    ]
    rows = table(COMPARISON, "what", "against", "ratio (lowest to highest)")
    for row, found in zip(rows, expected, strict=True):
        said = [float(n) for n in re.findall(r"([\d.]+)x", row[2])]
        assert said == [min(found), max(found)], row
    first = ratios("start_up", "wall time over libRoadRunner's")
    text = section(COMPARISON, "## Speed at equal error")
    said = re.search(
        r"takes\s+(\S+)x\s+libR.*,\s+(\S+)x\s+once.*machine\s+(\S+)x\.", text, re.DOTALL
    )
    assert said and [float(n) for n in said.groups()] == first[:3]


def test_errors_of_the_bundled_model_are_still_those_of_the_page():
    from benchmarks.achieved_error import trajectories
    from benchmarks.precision import achieved_error

    model = sim.load("steroid_response")
    reference = trajectories(model, 1e-11)
    rows = table(NUMERICS, "rtol", "median run", "worst run")
    assert len(rows) == 5
    for row in rows:
        rtol, median, worst = (float(cell.split()[0]) for cell in row)
        found = achieved_error(trajectories(model, rtol), reference)
        assert [np.median(found), found.max()] == pytest.approx([median, worst], rel=SAME_SIZE)
        assert found.max() <= rtol  # as the page says


# ------------------------------------------------------------------ the Python of the pages


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    """Runs a page's blocks one after the other in an empty folder; what they leave."""

    def run(name: str) -> dict[str, object]:
        namespace: dict[str, object] = {}
        with pytest.MonkeyPatch.context() as patch:
            patch.chdir(tmp_path_factory.mktemp(name))
            for block in blocks(PAGES[name]):
                if block.kind == "python":
                    block.run(f"{name}.md", namespace)
        return namespace

    return run


@pytest.mark.filterwarnings("error::UserWarning")
def test_numerical_methods_finds_what_it_says(page, capsys):
    found = page("numerical_methods")
    said = capsys.readouterr().out
    assert "STEP_TOO_SMALL" in said
    rows = table(NUMERICS, "rtol", "largest error over 201 times, of each state's maximum")
    errors = {float(rtol): float(error) for rtol, error in rows}
    assert errors == pytest.approx(found["chain_errors"], rel=SAME_SIZE)
    assert all(found["chain_errors"][rtol] <= rtol for rtol in errors)

    rows = table(NUMERICS, "", "largest error of d ln S / d ln k, default tolerances")
    assert float(rows[0][1]) == pytest.approx(found["exact_error"], rel=SAME_SIZE)
    by_step = [e for row in rows[1:] for e in [float(row[1])] * (1 + row[0].count(","))]
    assert by_step == pytest.approx(list(found["difference_errors"].values()), rel=SAME_SIZE)
    assert found["exact_error"] < min(found["difference_errors"].values()) / 10

    assert found["present"].sum() > 90
    assert found["apart"].max() < 1e-6


def test_limits_are_where_the_page_has_them():
    """Should one of these be lifted, the page has to say so."""
    sliding = sim.load("x' = piecewise(-1, x > 0, 1); x = 0.5\n")
    with pytest.raises(sim.IntegrationError, match="STEP_LIMIT"):
        sliding.simulate([1.0], outputs=["x"], on_failure="raise")
    ball = sim.load("h' = v; v' = -9.81; h = 1; v = 0; at (h < 0): v = -0.8*v\n")
    rest = np.sqrt(2 / 9.81) * (1 + 2 * 0.8 / (1 - 0.8))  # where the bounces accumulate
    height = ball.simulate([rest - 0.1, rest + 0.1], outputs=["h"])["h"].values
    assert 0 < height[0] < 0.1 and height[1] < -0.01


@pytest.mark.filterwarnings("error::UserWarning")
def test_models_move_between_tools(page):
    found = page("comparison")
    assert found["apart"] < 1e-7
    ours = found["bundled"].simulate(
        np.linspace(0, 96, 5),
        cell="SUPT1",
        knockout="BIM",
        prednisolone=1.0,
        outputs=["mRNA_PUMA", "GR_dimer_nuclear"],
    )
    course = np.array(found["course"])[:, 1:].T
    for name, theirs in zip(("mRNA_PUMA", "GR_dimer_nuclear"), course, strict=True):
        assert ours[name].values == pytest.approx(theirs, rel=DEFAULT_OF_CVODE)
        assert theirs[-1] > 1e-3
