"""What a recovery study found: coverage with its binomial interval, table, CSV file and figure."""

import csv
import math
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from simulator.fit.objective import Search
from simulator.fit.verdicts import AT_BOUND, IDENTIFIABLE, LEVEL, allowed_rise
from simulator.plot import COLOURS

from .batches import RESULTS
from .fit_tools import ROOT
from .readme import README, filled

Array = NDArray[np.float64]

FIGURE = ROOT / "docs" / "figures" / "recovery.svg"
DETERMINED = 1e-2  # information, per squared decade, of a direction known to ten decades
FLOOR = 1e-12  # information, relative to the largest, below which a direction is unknown


class Case(NamedTuple):
    """A problem: its name here, its folder, and the parameters that are noise."""

    name: str
    folder: str
    noise: tuple[str, ...]


class Recovered(NamedTuple):
    """What one data set gave, on the search's scale.

    x : (free,) estimates.  rises : (free,) twice the rise of the objective with a parameter at its
    true value; where it is within the threshold, a bound from above.  wald : (free,) error of the
    estimate in standard errors by the Fisher information.
    """

    x: Array
    rises: Array
    wald: Array


class Study(NamedTuple):
    """All data sets of a problem.

    truth : (free,) on the search's scale.  bands : measurements of a set.  information : (free,
    free) Fisher information at the truth.  verdicts : id -> verdict on the published data.
    """

    case: Case
    search: Search
    truth: Array
    bands: int
    information: Array
    sets: list[Recovered]
    verdicts: dict[str, str]


class Row(NamedTuple):
    """One parameter; bias and spread are of the estimates, in decades where the scale is log10."""

    problem: str
    parameter: str
    truth: float
    verdict: str
    truth_at_bound: bool
    sets: int
    covered: int
    low: float
    high: float
    expected: float
    wald_covered: int
    bias: float
    spread: float
    at_bound: float


def allowed() -> float:
    """The chi2 quantile: by how much twice the objective may rise."""
    return 2.0 * allowed_rise(LEVEL)


def covariance(information: Array) -> Array:
    """The inverse (free, free) of a Fisher information; unknown directions have large variances."""
    size = np.sqrt(np.maximum(np.diag(information), 1e-30))
    values, vectors = np.linalg.eigh(information / np.outer(size, size))
    inverse = (vectors / np.maximum(values, FLOOR * values[-1])) @ vectors.T
    return inverse / np.outer(size, size)


def binomial_interval(covered: int, sets: int) -> tuple[float, float]:
    """The 95 % interval of a share by Clopper and Pearson: ends between 0 and 1."""
    low = stats.beta.ppf(0.025, covered, sets - covered + 1) if covered else 0.0
    high = stats.beta.ppf(0.975, covered + 1, sets - covered) if covered < sets else 1.0
    return float(low), float(high)


def linear_coverage(bands: float, fitted: float) -> float:
    """Coverage of the profile interval of a coefficient of a linear model, its noise estimated too.

    Twice the objective rises by n log(1 + t^2/(n - p)), where t has Student's distribution with
    n - p degrees of freedom, for n bands and p coefficients. It is 0.95 only as n grows.
    """
    freedom = bands - fitted
    return float(stats.f.cdf(freedom * math.expm1(allowed() / bands), 1, freedom))


def noise_coverage(bands: float, fitted: float) -> float:
    """The same of the noise itself: the rise is n (u - 1 - log u), n u chi2 with n - p degrees."""
    # ends of the u for which the rise is allowed, by Newton's method from outside
    ends = []
    for u in (math.exp(-allowed() / bands - 1.0), 2.0 + 3.0 * allowed() / bands):
        for _ in range(100):
            u -= (u - 1.0 - math.log(u) - allowed() / bands) / (1.0 - 1.0 / u)
        ends.append(u)
    low, high = stats.chi2.cdf(bands * np.array(ends), bands - fitted)
    return float(high - low)


def rows_of(study: Study) -> list[Row]:
    """A row for each estimated parameter."""
    search, count = study.search, len(study.sets)
    span = search.upper - search.lower
    estimates, rises, wald = (
        np.array([getattr(s, n) for s in study.sets]) for n in Recovered._fields
    )
    covered = (rises <= allowed()).sum(axis=0)
    held = (np.abs(wald) <= math.sqrt(allowed())).sum(axis=0)
    near = np.minimum(estimates - search.lower, search.upper - estimates) <= AT_BOUND * span
    end = np.minimum(study.truth - search.lower, search.upper - study.truth) <= AT_BOUND * span
    expected = _expected(study)
    rows = []
    for k, name in enumerate(search.ids):
        verdict, error = study.verdicts[name], estimates[:, k] - study.truth[k]
        low, high = binomial_interval(int(covered[k]), count)
        told = expected[name in study.case.noise] if verdict == IDENTIFIABLE else math.nan
        row = (name, float(search.scales.linear(study.truth)[k]), verdict, bool(end[k]), count)
        figures = (low, high, told, int(held[k]), float(error.mean()))
        spread = float(error.std(ddof=1)) if count > 1 else math.nan
        rows.append(
            Row(study.case.name, *row, int(covered[k]), *figures, spread, float(near[:, k].mean()))
        )
    return rows


def _expected(study: Study) -> tuple[float, float]:
    """Coverage of coefficients and of noise in a linear model of the same size.

    Each noise parameter has an equal share of the bands and of the coefficients, which are the
    directions that the bands determine, less the noise.
    """
    noises = len(study.case.noise)
    directions = int((np.linalg.eigvalsh(study.information) > DETERMINED).sum())
    bands, fitted = study.bands / noises, (directions - noises) / noises
    return linear_coverage(bands, fitted), noise_coverage(bands, fitted)


def write(out: Path, studies: Sequence[Study]) -> str:
    """Write recovery.csv, recovery.md and, for the published results, figure and README."""
    rows = [row for study in studies for row in rows_of(study)]
    with (out / "recovery.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(Row._fields)
        for row in rows:
            writer.writerow([f"{v:.6g}" if isinstance(v, float) else v for v in row])
    text = table(rows)
    (out / "recovery.md").write_text(text + "\n", encoding="utf-8")
    published = out == RESULTS
    draw(rows, FIGURE if published else out / FIGURE.name)
    if published:
        README.write_text(filled(README.read_text("utf-8"), {"recovery": text}), encoding="utf-8")
    return text


def table(rows: Sequence[Row]) -> str:
    """Markdown: one line for each parameter."""
    head = "problem|parameter|verdict|covered|95 % interval|linear model|Wald|bias|spread|at bound"
    lines = ["| " + " | ".join(head.split("|")) + " |", "| --- " * 10 + "|"]
    for r in rows:
        mark = "*" if r.truth_at_bound else ""
        cells = [
            r.problem,
            f"`{r.parameter}`{mark}",
            r.verdict,
            percent(r.covered / r.sets),
            f"{percent(r.low)} to {percent(r.high)}",
            "-" if math.isnan(r.expected) else percent(r.expected),
            percent(r.wald_covered / r.sets),
            f"{r.bias:+.3f}",
            f"{r.spread:.3f}",
            percent(r.at_bound),
        ]
        lines.append("| " + " | ".join(cells) + " |")
    counts = {r.problem: r.sets for r in rows}
    note = ", ".join(f"{name} {sets}" for name, sets in counts.items())
    return "\n".join([*lines, "", f"Data sets: {note}. * the truth lies at a bound."])


def percent(share: float) -> str:
    """A share as whole per cent."""
    return f"{100 * share:.0f} %"


def draw(rows: Sequence[Row], path: Path) -> None:
    """Coverage by parameter: profiles with binomial intervals, Wald, and the 95 % line."""
    import matplotlib as mpl
    from matplotlib.figure import Figure

    names = list(dict.fromkeys(row.problem for row in rows))
    groups = [[row for row in rows if row.problem == name] for name in names]
    figure = Figure(figsize=(4.6 * len(names), 1.6 + 0.24 * max(map(len, groups))))
    figure.set_layout_engine("constrained")
    for ax, name, own in zip(
        figure.subplots(1, len(names), squeeze=False, sharex=True)[0], names, groups, strict=True
    ):
        _panel(ax, name, own)
    handles, labels = figure.axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=4, frameon=False, fontsize=8)
    path.parent.mkdir(parents=True, exist_ok=True)
    with mpl.rc_context({"svg.hashsalt": "recovery", "svg.fonttype": "none"}):
        figure.savefig(path, metadata={"Date": None})


def _panel(ax, name: str, rows: Sequence[Row]) -> None:  # type: ignore[no-untyped-def]
    """One problem, first parameter on top."""
    y = np.arange(len(rows))[::-1]
    share = np.array([row.covered / row.sets for row in rows])
    reach = np.array([[s - r.low, r.high - s] for s, r in zip(share, rows, strict=True)]).T
    known = np.array([row.verdict == IDENTIFIABLE for row in rows])
    ax.axvline(100 * LEVEL, color="#444444", lw=1, ls="--", label="95 %")
    ax.plot(
        [100 * row.wald_covered / row.sets for row in rows],
        *(y, "x"),
        **{"color": COLOURS[1], "ms": 5, "label": "Wald"},
    )
    for chosen, fill, label in (
        (known, COLOURS[0], "profile, identifiable"),
        (~known, "white", "profile, not identifiable"),
    ):
        ax.errorbar(
            100 * share[chosen],
            y[chosen],
            xerr=100 * reach[:, chosen],
            fmt="o",
            color=COLOURS[0],
            **{"mfc": fill, "ms": 5, "lw": 1.2, "label": label},
        )
    ax.set_yticks(y, [row.parameter + "*" * row.truth_at_bound for row in rows], fontsize=8)
    ax.set_xlabel("data sets whose 95 % interval holds the truth (%)", fontsize=8)
    ax.set_title(f"{name}, {rows[0].sets} data sets", fontsize=9)
    ax.spines[["top", "right"]].set_visible(False)
