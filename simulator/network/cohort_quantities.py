"""What a cohort varies, and the numbers of cohorts.yaml that may be fitted.

A cohort may take over what another varies (`quantities_of`), so that spreads which several cohorts
share are stated once; its own entries are laid over the other's, key by key. Numbers that may be
fitted are the spread and the shift of a median: `sd` and `scale` of an entry, each with a range
`sd_range` or `scale_range`. They are named after both: `BIM_expression sd`.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

NUMBERS = ("sd", "scale")


@dataclass(frozen=True, slots=True)
class CohortNumber:
    """A number of a cohort: its name, value, plausible range if stated, and confidence."""

    cohort: str
    name: str
    value: float
    lower: float | None
    upper: float | None
    confidence: str


def number_name(parameter: str, key: str) -> str:
    """Name of a number within its cohort: `BIM_expression sd`."""
    return f"{parameter} {key}"


def cohort_quantities(cohorts: Mapping[str, Any], name: str) -> dict[str, Mapping[str, Any]]:
    """What a cohort varies, with what it takes over from another: parameter -> entry."""
    cohort = cohorts[name]
    own = cohort.get("quantities") or {}
    other = cohorts[cohort["quantities_of"]] if "quantities_of" in cohort else {}
    taken = other.get("quantities") or {}
    return taken | {id: {**taken.get(id, {}), **entry} for id, entry in own.items()}


def cohort_numbers(cohorts: Mapping[str, Any]) -> Iterator[CohortNumber]:
    """Every sd and scale, where it is stated."""
    for cohort, content in cohorts.items():
        for parameter, entry in (content.get("quantities") or {}).items():
            for key in NUMBERS:
                if key in entry:
                    lower, upper = entry.get(f"{key}_range", (None, None))
                    yield CohortNumber(
                        cohort,
                        number_name(parameter, key),
                        float(entry[key]),
                        lower,
                        upper,
                        entry.get("confidence", "assumed"),
                    )


def with_numbers(
    cohorts: Mapping[str, Any], values: Mapping[tuple[str, str], float]
) -> dict[str, Any]:
    """Cohorts with other numbers, given by cohort and name; all else as it was."""
    changed = dict(cohorts)
    for cohort in {cohort for cohort, _ in values}:
        content = cohorts[cohort]
        changed[cohort] = content | {
            "quantities": {
                parameter: entry
                | {
                    key: values[cohort, number_name(parameter, key)]
                    for key in NUMBERS
                    if (cohort, number_name(parameter, key)) in values
                }
                for parameter, entry in content["quantities"].items()
            }
        }
    return changed
