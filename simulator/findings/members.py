"""Findings on every member of a calibrated ensemble: how often each check passes."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from ..errors import IntegrationError
from ..simulation.members import evenly
from ..simulation.progress import run_progress
from .runs import Runs
from .scoring import FindingResult, Results, Survey, on_cohort

if TYPE_CHECKING:
    from ..simulation.model import Model

# Checks of one member, by finding and place in it: passed or not, None where not asked.
Verdicts = list[list[bool | None]]


@dataclass(frozen=True, slots=True)
class MemberScores:
    """Verdicts of the members that were scored, and the simulations of some of them."""

    verdicts: tuple[Verdicts, ...]
    runs: tuple[Runs, ...]

    def added_to(self, results: Results) -> Results:
        """The results of the point estimate with the share of members that pass each check."""
        findings = tuple(
            replace(finding, checks=self._shares(finding, k))
            for k, finding in enumerate(results.findings)
        )
        return replace(results, findings=findings, members=len(self.verdicts))

    def _shares(self, finding: FindingResult, k: int) -> tuple[Any, ...]:
        shared = []
        for number, check in enumerate(finding.checks):
            passed = [verdicts[k][number] for verdicts in self.verdicts]
            asked = [each for each in passed if each is not None]
            shared.append(replace(check, members=sum(asked) / len(asked) if asked else None))
        return tuple(shared)


def score_members(
    survey: Survey, model: "Model", names: Sequence[str], *, keep: int = 0, **options: Any
) -> MemberScores:
    """Score members of a model's ensemble, checks that draw cohorts left out.

    Cohorts would have to be drawn anew for every member, and take most of the simulations. A
    member whose every run fails passes no check.

    Parameters
    ----------
    keep
        Of how many members, spread evenly over those scored, the simulations are kept; fewer where
        some of these cannot be simulated.
    options
        Handed to `model.simulate`.
    """
    verdicts: list[Verdicts] = []
    kept: list[Runs] = []
    shown = evenly(names, keep)
    with run_progress(options.get("progress"), 1000 * len(names), "scoring members") as advance:
        for name in names:
            try:
                quiet = options | {"progress": False}
                runs = survey.simulated(model.member(name), cohorts=False, **quiet)
            except IntegrationError:
                verdicts.append(_verdicts(survey, None))
            else:
                verdicts.append(_verdicts(survey, runs))
                if name in shown:
                    kept.append(runs)
            if advance is not None:
                advance(1000)
    return MemberScores(tuple(verdicts), tuple(kept))


def _verdicts(survey: Survey, runs: Runs | None) -> Verdicts:
    return [
        [
            None if on_cohort(check) else runs is not None and survey.result(check, runs).passed
            for check in finding.checks
        ]
        for finding in survey.findings
    ]
