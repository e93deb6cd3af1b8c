"""The report of a calibration in Markdown: every number and figure of it is made here."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..errors import ConditionError
from ..findings import Survey
from ..findings.grammar import read_findings
from ..findings.scoring import draws_cohort
from .ensemble import PASSING
from .figures import draw_all, save
from .files import Source
from .identify import (
    AT_BOUND,
    CONSTRAINED,
    ONE_SIDED,
    OPEN,
    PULL,
    TOGETHER,
    Assessment,
    Spectrum,
    active,
    assess,
    narrowed_below,
    narrowing,
    pairs,
    pulls,
    reach,
    spectrum,
    tightest,
    verdicts,
)
from .robustness import Robustness
from .scores import Scorer
from .space import RANGE_IN_SD, Free
from .stages import fitted_space, spread_of

# Quantities named for a finding, findings for a quantity; rows of the shorter tables.
FEW, ROWS = 5, 30

# Directions of each end of the spectrum that are spelled out.
DIRECTIONS = 3

Lines = list[str]


def write_report(
    path: Path, scorer: Scorer, robust: Robustness | None = None, margin: float = 0.2
) -> list[Path]:
    """Assess the scorer's model, with the ensemble of its folder, and write what was found.

    The text goes to `path`, the figures to figures/<its stem> beside it. `margin` is how near to
    its bound a value counts as active. Returns the files written. Raises ConditionError where they
    cannot be written, or the model has no fitted quantities.
    """
    space = fitted_space(scorer.model)
    ensemble, members, spread = scorer.model.ensemble, None, None
    if ensemble is not None:
        members = np.array([space.coordinates(ensemble.values(m)) for m in ensemble.members])
        spread = spread_of(ensemble)
    assessment = assess(scorer, space, members, spread)
    near = active(assessment, margin)
    spectra = {
        f"{near.sum()} values near their bounds": spectrum(assessment.slope[near]),
        f"all {near.size} values": spectrum(assessment.slope),
    }
    report = Report(scorer, assessment, spectra, robust, margin, f"figures/{path.stem}")
    home = path.parent / report.figures
    written = [path]
    try:
        home.mkdir(parents=True, exist_ok=True)
        for name, figure in draw_all(assessment, spectra, robust).items():
            written.append(home / f"{name}.png")
            save(figure, written[-1])
        path.write_text(report.text, encoding="utf-8")
    except OSError as error:
        raise ConditionError(f"{path}: cannot be written ({error.strerror or error}).") from None
    return written


@dataclass(frozen=True, slots=True, eq=False)
class Report:
    """The text of a report; `figures` is the folder of its pictures as the text links them."""

    scorer: Scorer
    assessment: Assessment
    spectra: Mapping[str, Spectrum]
    robust: Robustness | None
    margin: float
    figures: str

    @property
    def text(self) -> str:
        """The whole report."""
        lines = [
            f"# Calibration of {self.scorer.model.definition.name}",
            "",
            "Made by `steroidsim calibrate --report`: no number here was written by hand.",
            *self.fitted(),
            *self.pulls(),
            *self.identifiability(),
            *self.sloppiness(),
            *self.combinations(),
            *self.robustness(),
            *self.members(),
        ]
        return "\n".join(lines) + "\n"

    def picture(self, name: str, says: str) -> Lines:
        """A figure with what it shows."""
        return ["", f"![{says}]({self.figures}/{name}.png)"]

    def fitted(self) -> Lines:
        """How many quantities were fitted to which files, and how well the point does."""
        a = self.assessment
        tables = Counter(free.quantity.table for free in a.space.free)
        held = [bool((a.margins[a.checks == k] >= 0).all()) for k in range(len(a.check_labels))]
        where = ", ".join(f"{count} of {table}.tsv" for table, count in tables.items())
        lines = [
            "",
            "## What was fitted",
            "",
            f"{len(a.space)} quantities ({where}), each between the bounds that its table gives.",
            f"These count as {RANGE_IN_SD:g} standard deviations (sd) of its prior, on a log scale",
            "where the table says so. A margin is how far a value lies inside its bound, in log",
            "units where both are positive: 0.1 is about ten percent.",
            *_table(
                ("file", "findings with checks", "checks", "values", "cohort checks, left out"),
                map(_of_file, self.scorer.task.sources, self.scorer.surveys),
            ),
            "",
            f"The point estimate holds {sum(held)} of {len(held)} checks;"
            f" {(a.margins >= 0).sum()} of {a.margins.size} values lie inside their bounds,"
            f" {(a.margins >= self.margin).sum()} by a margin of at least {self.margin:g}.",
        ]
        ensemble = self.scorer.model.ensemble
        if ensemble is None:
            return [*lines, "", "The model has no ensemble: what needs one is left out below."]
        return [
            *lines,
            "",
            f"The ensemble has {len(ensemble.members)} members:",
            "",
            *(f"- {note}" for note in ensemble.notes),
        ]

    def pulls(self) -> Lines:
        """Findings with the quantities that move their tightest value, and the other way round."""
        a = self.assessment
        leaves = tightest(a)
        matrix = pulls(a)[1]
        findings, most = reach(a)
        rows = [
            (f"{a.labels[leaf]}", f"{a.margins[leaf]:.2f}", _named(a.names, matrix[k]) or "none")
            for k, leaf in enumerate(leaves.values())
        ]
        served = [
            (name, _named(findings, most[:, k]))
            for k, name in sorted(enumerate(a.names), key=lambda pair: pair[1])
        ]
        idle = [name for name, text in served if not text]
        return [
            "",
            "## Which findings pull on which quantities",
            "",
            "Every finding is held by its tightest value. Numbers are the change of that value's",
            "margin when a quantity is raised by one prior sd; below"
            f" {PULL:g} they are left out, and at most {FEW} are named.",
            *self.picture("pulls", "Heat map of quantities by findings"),
            *_table(("finding and tightest value", "margin", "quantities that pull most"), rows),
            "",
            "The other way round: the findings that each quantity serves, with whichever of their",
            "values it moves most.",
            *_table(("quantity", "findings"), [row for row in served if row[1]]),
            "",
            f"No value pulls on {len(idle)} of {len(a.names)} quantities"
            + (f": {', '.join(idle)}." if idle else "."),
        ]

    def identifiability(self) -> Lines:
        """What is left of each quantity's spread, narrowest first."""
        a = self.assessment
        if not len(a.members):
            return []
        ratios, said = narrowing(a), verdicts(a)
        counts = Counter(said)
        order = np.argsort(ratios, kind="stable")
        rows = [(a.names[k], *_prior(a.space.free[k]), f"{ratios[k]:.2f}", said[k]) for k in order]
        means = {
            CONSTRAINED: f"the members' sd is below {narrowed_below(len(a.members)):.2f} of the"
            " draws'",
            ONE_SIDED: f"the value lies within {AT_BOUND:g} prior sd of an end of its range",
            OPEN: "neither: the checks leave it where the draws put it",
        }
        return [
            "",
            "## What the checks determine",
            "",
            "Members are ends of random walks from the point; free ones (the draws) spread by",
            f"{a.spread:g} of the prior's sd. A quantity that spreads less in the ensemble than in",
            "the draws is determined by the checks near the point, or held back where walks stall.",
            "",
            *(f"- `{verdict}` ({counts[verdict]}): {text}" for verdict, text in means.items()),
            *self.picture("identifiability", "Spread that is left of each fitted quantity"),
            *_table(("quantity", "value", "prior sd", "ensemble sd / draws' sd", "verdict"), rows),
        ]

    def sloppiness(self) -> Lines:
        """How many directions the checks determine, and what the extreme ones consist of."""
        lines = [
            "",
            "## Stiff and sloppy directions",
            "",
            "Eigenvalues of JᵀJ, J the derivatives of margins by quantities in prior sd: a step of",
            "one prior sd along a direction with the eigenvalue 1 moves the margins by 1 in all.",
            "Directions below the noise of the simulations cannot be told from undetermined ones.",
            *self.jumps(),
            *self.picture("spectrum", "Eigenvalue spectrum of the margins' sensitivities"),
        ]
        rows = []
        for name, found in self.spectra.items():
            above = int((found.values > found.noise).sum())
            ends = dict.fromkeys([*range(above)[:DIRECTIONS], *range(above)[-DIRECTIONS:]])
            for k in ends:
                parts = found.composition(k)
                text = ", ".join(f"{self.assessment.names[q]} {part:+.2f}" for q, part in parts)
                rows.append((name, f"{k + 1} of {above}", f"{found.values[k]:.2g}", text))
        return [*lines, *_table(("J of", "direction", "eigenvalue", "largest components"), rows)]

    def jumps(self) -> Lines:
        """Values that have no derivative."""
        a = self.assessment
        if not a.jumps.any():
            return []
        named = dict.fromkeys(a.labels[leaf] for leaf in np.flatnonzero(a.jumps))
        return [
            "Where a value is yes or no, or appears or vanishes, it jumps, and its derivative",
            f"counts as 0: {', '.join(named)}.",
        ]

    def combinations(self) -> Lines:
        """Pairs of quantities that the members move together."""
        a = self.assessment
        if not len(a.members):
            return []
        found = pairs(a)
        lines = ["", "## Quantities that go together", ""]
        if not found:
            return [*lines, f"No two quantities correlate beyond ±{TOGETHER:g} in the ensemble."]
        rows = [(a.names[i], a.names[j], f"{r:+.2f}") for i, j, r in found]
        text = f"Pairs whose members correlate beyond ±{TOGETHER:g}: the checks hold a combination."
        return [*lines, text, *_table(("quantity", "quantity", "correlation"), rows)]

    def robustness(self) -> Lines:
        """What is left of the checks when all numbers move."""
        found = self.robust
        if found is None:
            return []
        order = np.argsort(found.per_check, kind="stable")[:ROWS]
        worst = [(self.scorer.check_labels[k], f"{found.per_check[k]:.0%}") for k in order]
        r = found.correlations
        by_size = np.argsort(-np.abs(r), kind="stable")
        culprits = [(str(found.quantities[k]), f"{r[k]:+.2f}") for k in by_size[: 2 * FEW]]
        beyond = int((np.abs(r) > found.by_chance).sum())
        return [
            "",
            "## Robustness",
            "",
            "Every number of the tables that is not zero, no dose and no definition was multiplied",
            "by its own lognormal factor, all at once, whatever its range; shares stay at most 1.",
            "",
            f"**{found.summary}.**",
            *self.picture("robustness", "Histogram of the share of checks that hold"),
            "",
            f"The {len(worst)} checks that are lost most often:",
            *_table(("check", "share of draws"), worst),
            "",
            "Numbers whose factor correlates most with the share of checks that hold. By chance",
            f"alone no correlation would exceed ±{found.by_chance:.2f} (95 %); {beyond} do.",
            *_table(("number", "correlation"), culprits),
        ]

    def members(self) -> Lines:
        """Share of the members that hold each check, worst first."""
        a = self.assessment
        if not len(a.members):
            return []
        shares = a.passed.mean(axis=0)
        each = a.passed.mean(axis=1)
        lost = [int(k) for k in np.argsort(shares, kind="stable") if shares[k] < 1]
        lines = [
            "",
            "## What the members hold",
            "",
            f"A member must hold {PASSING:.0%} of what the point estimate holds, hypotheses apart.",
            f"Of all checks members hold {each.min():.1%} to {each.max():.1%};"
            f" {(each == 1).sum()} of {len(each)} hold all.",
            f"{len(shares) - len(lost)} of {len(shares)} checks hold in every member"
            + ("; the others:" if lost else "."),
        ]
        if not lost:
            return lines
        rows = [(a.check_labels[k], f"{shares[k]:.0%}") for k in lost]
        picture = self.picture("members", "Share of the members that hold each check")
        return [*lines, *picture, *_table(("check", "share of members"), rows)]


def _table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> Lines:
    body = [" | ".join(cell.replace("|", "\\|") for cell in row) for row in rows]
    ruler = " | ".join("---" for _ in header)
    return ["", f"| {' | '.join(header)} |", f"| {ruler} |", *(f"| {row} |" for row in body)]


def _of_file(source: Source, survey: Survey) -> tuple[str, ...]:
    checks = [check for finding in survey.findings for check in finding.checks]
    everything = [check for finding in read_findings(source.path)[0] for check in finding.checks]
    cohorts = sum(any(map(draws_cohort, check.leaves)) for check in everything)
    values = sum(len(check.leaves) for check in checks)
    return (source.path.name, *map(str, (len(survey.findings), len(checks), values, cohorts)))


def _named(names: Sequence[str], pull: np.ndarray) -> str:
    """`k_syn +0.50, k_deg -0.31`: what pulls most, strongest first."""
    order = np.argsort(-np.abs(pull), kind="stable")[:FEW]
    return ", ".join(f"{names[k]} {pull[k]:+.2f}" for k in order if abs(pull[k]) >= PULL)


def _prior(free: Free) -> tuple[str, str]:
    """Value, and the prior's sd as a factor on a log scale, as a difference on a linear one."""
    if free.log:
        return (
            f"{free.value:.3g}",
            f"× {np.exp((np.log(free.upper / free.lower)) / RANGE_IN_SD):.3g}",
        )
    return f"{free.value:.3g}", f"± {(free.upper - free.lower) / RANGE_IN_SD:.3g}"
