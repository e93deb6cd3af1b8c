"""Scoring a model against findings."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import ConditionError, ModelError
from .grammar import SCORED_KINDS, Bound, Check, Finding, Leaf, read_findings
from .readouts import Protocols, measure
from .runs import Runs
from .vocabulary import Readout, read_readout

if TYPE_CHECKING:
    from ..simulation.model import Model

#: A cohort check is scored on the mean over these draws.
SEEDS = (0, 1, 2, 3, 4)

#: A check is robust if it passes in at least this share of an ensemble's members.
MOST = 0.9

# Bounds are wider than a percent: these tolerances do not change a verdict.
ACCURACY: dict[str, Any] = {"rtol": 1e-4, "atol": 1e-7}


@dataclass(frozen=True, slots=True)
class LeafResult:
    """One value of a check: what was varied (`each`), and the value that was found."""

    readout: str
    varied: str
    value: float
    passed: bool
    margin: float


@dataclass(frozen=True, slots=True)
class CheckResult:
    """A check with its bound; it passed if every leaf did.

    `members` is the share of an ensemble's members in which it passes; None where they were not
    asked.
    """

    bound: str
    leaves: tuple[LeafResult, ...]
    by_construction: bool
    members: float | None = None

    @property
    def passed(self) -> bool:
        """Whether the bound holds for every leaf."""
        return all(leaf.passed for leaf in self.leaves)

    @property
    def worst(self) -> LeafResult:
        """The leaf that is furthest outside, or nearest to, the bound."""
        return min(self.leaves, key=lambda leaf: leaf.margin)


@dataclass(frozen=True, slots=True)
class FindingResult:
    """A finding with the results of its checks."""

    id: str
    source: str
    kind: str
    statement: str
    checks: tuple[CheckResult, ...]

    @property
    def scored(self) -> bool:
        """Whether the finding counts: a note has no check, a hypothesis is only reported."""
        return self.kind in SCORED_KINDS

    @property
    def passed(self) -> bool:
        """Whether every check holds; False where there is none."""
        return bool(self.checks) and all(check.passed for check in self.checks)

    @property
    def status(self) -> str:
        """PASS, FAIL, `hypothesis` or `no check`."""
        if self.scored:
            return "PASS" if self.passed else "FAIL"
        return "hypothesis" if self.checks else "no check"

    @property
    def by_construction(self) -> bool:
        """Whether it passes, and no reaction of the model could make any of its checks fail."""
        return self.passed and all(check.by_construction for check in self.checks)

    @property
    def members(self) -> float | None:
        """The least share of members over its checks; None where no check was asked of them."""
        return min((c.members for c in self.checks if c.members is not None), default=None)

    @property
    def worst(self) -> CheckResult | None:
        """The check that is furthest outside, or nearest to, its bound."""
        return min(self.checks, key=lambda check: check.worst.margin, default=None)


@dataclass(frozen=True, slots=True)
class Results:
    """All findings of a file, scored.

    `runs` counts the conditions simulated; `undrawn` says why a cohort could not be drawn;
    `members` counts the members of an ensemble that were scored besides.
    """

    model: str
    findings: tuple[FindingResult, ...]
    runs: int
    undrawn: Mapping[str, str]
    members: int = 0

    @property
    def summary(self) -> str:
        """`N of M findings pass (K of L checks)`, hypotheses and notes left out."""
        scored = [finding for finding in self.findings if finding.scored]
        checks = [check for finding in scored for check in finding.checks]
        return (
            f"{sum(f.passed for f in scored)} of {len(scored)} findings pass"
            f" ({sum(c.passed for c in checks)} of {len(checks)} checks)"
        )

    @property
    def members_summary(self) -> str:
        """How many checks hold in most members, and which do not; "" where none was scored."""
        if not self.members:
            return ""
        checks = [
            (f"{finding.id} check {number} ({as_percent(check.members)})", check.members)
            for finding in self.findings
            if finding.scored
            for number, check in enumerate(finding.checks, start=1)
        ]
        asked = [(name, share) for name, share in checks if share is not None]
        below = [name for name, share in asked if share < MOST]
        return (
            f"{len(asked) - len(below)} of {len(asked)} checks pass in at least"
            f" {as_percent(MOST)} of {self.members} members"
            + (f", not: {', '.join(below)}" if below else "")
            + f"; {len(checks) - len(asked)} checks on cohorts are not scored on members"
        )

    def as_dict(self) -> dict[str, Any]:
        """Plain types for JSON; a missing value is None."""
        return {
            "model": self.model,
            "summary": self.summary,
            "members": self.members,
            "members_summary": self.members_summary,
            "runs": self.runs,
            "undrawn_cohorts": dict(self.undrawn),
            "findings": [_finding_as_dict(finding) for finding in self.findings],
        }


def evaluate(
    model: "Model",
    path: Path | str | None = None,
    *,
    only: Sequence[str] = (),
    seeds: Sequence[int] = SEEDS,
    **options: Any,
) -> Results:
    """Simulate and score the findings of a file.

    Parameters
    ----------
    path
        A findings.yaml; None: the one in the model's folder.
    only
        Ids of the findings to evaluate; none: all.
    seeds
        Draws of each cohort; a cohort check is scored on the mean over them.
    options
        Handed to `model.simulate`: tolerances, workers, progress.

    Raises
    ------
    ModelError
        The file is missing, or something in it is not in the grammar or not in the model.
    ConditionError
        `only` names an unknown finding, or a cohort cannot be drawn.
    """
    return Survey(model, path, only=only, seeds=seeds).score(model, **options)


class Survey:
    """The checks of a findings file, ready to score one model after another.

    Models that differ in values only (`Model.with_values`) share what has to be simulated, except
    for the samples of cohorts, which are drawn for each.

    Parameters and errors are those of `evaluate`; `cohorts=False` leaves out the checks that draw
    cohorts, and findings that have no other; `coarse=True` takes half of the doses of single
    agents, for fits.
    """

    def __init__(
        self,
        model: "Model",
        path: Path | str | None = None,
        *,
        only: Sequence[str] = (),
        seeds: Sequence[int] = SEEDS,
        cohorts: bool = True,
        coarse: bool = False,
    ) -> None:
        found, protocols = read_findings(_findings_file(model, path))
        self.findings = _chosen(found, only)
        if not cohorts:
            self.findings = _without_cohorts(self.findings)
        self.protocols = _protocols(protocols)
        if coarse:
            self.protocols = replace(self.protocols, doses_per_decade=2)
        self.seeds = tuple(seeds)
        self.readouts = {id(leaf): read_readout(leaf, model.definition) for leaf in self._leaves()}
        # what no reaction can change is a matter of the network alone
        self._constant = {key: _is_constant(model, r) for key, r in self.readouts.items()}
        self._asked = Runs(model, self.protocols.hours, seeds)
        self._collect(self._asked, cohorts=False)

    def _leaves(self) -> Iterator[Leaf]:
        return (leaf for finding in self.findings for c in finding.checks for leaf in c.leaves)

    def _collect(self, runs: Runs, cohorts: bool) -> None:
        """Note the simulations that checks with, or without, cohorts need."""
        for leaf in self._leaves():
            if draws_cohort(leaf) == cohorts:
                measure(leaf, self.readouts[id(leaf)], runs, self.protocols)

    def score(self, model: "Model", **options: Any) -> Results:
        """Simulate and score a model; options go to `model.simulate`."""
        return self.results(self.simulated(model, **options))

    def simulated(self, model: "Model", *, cohorts: bool = True, **options: Any) -> Runs:
        """Everything that the checks need of a model, simulated; without cohorts on request."""
        runs = self._asked.of(model)
        if cohorts:
            self._collect(runs, cohorts=True)
        runs.simulate(**(ACCURACY | options))
        return runs

    def result(self, check: Check, runs: Runs) -> CheckResult:
        """One check, scored on simulations that contain what it needs."""
        results = []
        for leaf in check.leaves:
            readout = self.readouts[id(leaf)]
            value = _mean(measure(leaf, readout, runs, self.protocols), readout)
            results.append(_leaf_result(leaf, check.bound, value))
        constant = all(self._constant[id(leaf)] for leaf in check.leaves)
        return CheckResult(check.bound.text, tuple(results), constant)

    def results(self, runs: Runs) -> Results:
        """All findings, scored on simulations."""
        return Results(
            model=runs.model.definition.name,
            findings=tuple(
                FindingResult(
                    finding.id,
                    finding.source,
                    finding.kind,
                    finding.statement,
                    tuple(self.result(check, runs) for check in finding.checks),
                )
                for finding in self.findings
            ),
            runs=runs.count,
            undrawn=runs.undrawn,
        )


def as_percent(share: float | None) -> str:
    """`97 %`, rounded down so that 100 % means all; `-` where there is none."""
    return "-" if share is None else f"{math.floor(100 * share + 1e-9)} %"


def draws_cohort(leaf: Leaf) -> bool:
    """Whether a check's value needs the samples of a cohort."""
    return "cohort" in leaf.of or "cohort" in (leaf.over or {})


def on_cohort(check: Check) -> bool:
    """Whether a check draws a cohort: it is scored at the point estimate only."""
    return any(map(draws_cohort, check.leaves))


def _without_cohorts(findings: Sequence[Finding]) -> list[Finding]:
    kept = (replace(f, checks=tuple(c for c in f.checks if not on_cohort(c))) for f in findings)
    return [finding for finding in kept if finding.checks]


def _findings_file(model: "Model", path: Path | str | None) -> Path:
    if path is not None:
        return Path(path)
    folder = model.definition.folder
    if folder is None or not (Path(folder) / "findings.yaml").is_file():
        raise ModelError(f"{model.definition.name}: has no findings.yaml; name a findings file.")
    return Path(folder) / "findings.yaml"


def _chosen(findings: Sequence[Finding], only: Sequence[str]) -> list[Finding]:
    known = [finding.id for finding in findings]
    for name in only:
        if name not in known:
            raise ConditionError(
                f'finding "{name}" is not in the file, which has {known[0]} to {known[-1]}.'
            )
    return [finding for finding in findings if not only or finding.id in only]


def _protocols(given: Mapping[str, Any]) -> Protocols:
    """Assay settings of the file, with the papers' where it is silent."""
    plain = Protocols()

    def pair(key: str, otherwise: tuple[float, float]) -> tuple[float, float]:
        low, high = given.get(key, otherwise)
        return float(low), float(high)

    try:
        return Protocols(
            hours=float(given.get("viability", {}).get("hours", plain.hours)),
            steroid_range=pair("steroid_range_uM", plain.steroid_range),
            auc_range=pair("auc_range_uM", plain.auc_range),
            il7=float(given.get("il7_ng_per_ml", plain.il7)),
        )
    except (TypeError, ValueError, AttributeError):
        raise ModelError(
            "findings: the protocols must give viability: {hours: number}, steroid_range_uM and"
            f" auc_range_uM: [low, high], il7_ng_per_ml: number, found {dict(given)!r}."
        ) from None


def _leaf_result(leaf: Leaf, bound: Bound, value: float) -> LeafResult:
    return LeafResult(leaf.readout, leaf.varied, value, bound.holds(value), bound.margin(value))


def _mean(values: np.ndarray, readout: Readout) -> float:
    """Mean over cohort draws.

    Samples cannot be compared by sensitivity in a draw where all are alike: such draws are left
    out of that readout. Any other missing value, a failed run, makes the mean missing.
    """
    if readout.kind == "marker_ratio" and np.isfinite(values).any():
        values = values[np.isfinite(values)]
    return float(np.mean(values))


def _is_constant(model: "Model", readout: Readout) -> bool:
    """Whether no reaction of the model can change what a readout reads."""
    return bool(readout.observables) and all(map(model.is_constant_readout, readout.observables))


def _finding_as_dict(finding: FindingResult) -> dict[str, Any]:
    return {
        "id": finding.id,
        "source": finding.source,
        "kind": finding.kind,
        "statement": finding.statement,
        "status": finding.status,
        "by_construction": finding.by_construction,
        "members": finding.members,
        "checks": [
            {
                "is": check.bound,
                "passed": check.passed,
                "by_construction": check.by_construction,
                "members": check.members,
                "values": [
                    {
                        "readout": leaf.readout,
                        "varied": leaf.varied,
                        "value": leaf.value if math.isfinite(leaf.value) else None,
                        "passed": leaf.passed,
                    }
                    for leaf in check.leaves
                ],
            }
            for check in finding.checks
        ],
    }
