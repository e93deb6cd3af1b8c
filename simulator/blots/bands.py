"""The bands of a blot table, checked, each with what its intensity means."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from ..conditions import Names
from ..errors import ConditionError, did_you_mean
from ..network.definition import Definition
from ..network.tables import Problems, Row
from ..network.unit_text import same_unit
from ..petab_problem.tables import as_number, decimal_point
from .rows import Table, read_rows
from .treatments import Treatment, Treatments

REQUIRED = ("gel", "antibody", "lane", "time", "intensity")
OPTIONAL = ("loading", "censored", "upper", "replicate", "observable", "condition", "note")
BELOW, ABOVE, BETWEEN = CENSORED = ("below", "above", "between")
LOADING_CONTROL = "loading_control"


@dataclass(frozen=True, slots=True)
class Band:
    """A row of the table.

    intensity : as read or normalised; of a censored band the bound, of one that is `between` the
        lower end.  upper : the upper end of one that is `between`, else NaN.
    censored : empty, below, above or between.
    loading : intensity of the loading control in its lane, NaN where there is none.
    """

    where: str
    gel: str
    antibody: str
    lane: str
    replicate: str
    observable: str
    treatment: Treatment
    time: float
    intensity: float
    upper: float
    censored: str
    loading: float

    @property
    def group(self) -> tuple[str, str]:
        """What shares a scale: an antibody on a gel."""
        return self.antibody, self.gel

    def divided(self, by: float) -> Band:
        """The same band in units of another intensity."""
        return replace(self, intensity=self.intensity / by, upper=self.upper / by)


def read_bands(
    path: Path,
    names: Names,
    *,
    conditions: Path | None = None,
    antibodies: Mapping[str, str] | None = None,
    logarithmic: bool = True,
) -> tuple[list[Band], Problems]:
    """Bands of a table, loading controls taken out, and what is wrong with the rest of it.

    Parameters
    ----------
    conditions
        Table to which the column `condition` refers.
    antibodies
        Antibody -> observable or species of the model, or `loading_control`; what the table says
        in its column `observable` wins, and an antibody named as an observable needs neither.
    logarithmic
        Whether intensities are compared as logarithms, so that 0 is none.

    Raises
    ------
    ConditionError
        A file is no table with these columns; one line for each thing that is wrong.
    """
    problems = Problems()
    table = read_rows(path, problems, REQUIRED, OPTIONAL)
    raise_all(problems)
    assert table is not None  # noqa: S101
    reading = _Reading(table, names, problems, antibodies or {}, logarithmic)
    reading.treat(conditions)
    bands = [band for row in table.rows if (band := reading.band(row)) is not None]
    return reading.with_loading(bands), problems


def raise_all(problems: Problems) -> None:
    """One error with a line for each problem, if there are any."""
    if problems.sentences:
        raise ConditionError("\n".join(dict.fromkeys(problems.sentences)))


class _Reading:
    """Reads the rows of one table."""

    def __init__(
        self,
        table: Table,
        names: Names,
        problems: Problems,
        antibodies: Mapping[str, str],
        logarithmic: bool,
    ) -> None:
        self.table, self.names, self.problems = table, names, problems
        self.antibodies, self.logarithmic = antibodies, logarithmic
        self.observables = measurable(names.definition)
        self.controls: dict[tuple[str, str], tuple[str, float]] = {}
        """(gel, lane) -> where its loading control is, and its intensity."""
        self.chosen: dict[str, str] = {}
        """Antibody -> what it shows."""
        self.unknown: set[tuple[str, str]] = set()
        """(antibody, what it is said to show) that were told already."""
        self.lanes: dict[tuple[str, str], tuple[str, Treatment, float]] = {}
        self.seen: dict[tuple[str, str, str, str], str] = {}
        self.treatments: Treatments | None = None
        self.listed: dict[str, Treatment] = {}
        self._check_options()

    def _check_options(self) -> None:
        table, unit = self.table, self.names.definition.network.time_unit
        given = table.units.get("time")
        if given is not None and unit and not same_unit(given, unit):
            self.problems.add(
                table.header, f'column "time [{given}]" has the unit {given}; time is in {unit}.'
            )
        named = {row["antibody"] for row in table.rows}
        for antibody in self.antibodies:
            if antibody not in named:
                self.problems.add(
                    table.where,
                    f'has no antibody "{antibody}", which --antibody gives an observable.'
                    f"{did_you_mean(antibody, named)}",
                )

    # ---------------------------------------------------------------- what was done to a lane
    def treat(self, conditions: Path | None) -> None:
        """Find out where treatments stand: in the table itself or in one of conditions."""
        own = [c for c in self.table.columns if c not in (*REQUIRED, *OPTIONAL)]
        listed = "condition" in self.table.columns
        if conditions is None and not listed:
            self.treatments = Treatments(self.names, self.table, (*REQUIRED, *OPTIONAL))
            return
        if conditions is None or not listed:
            why = (
                'has a column "condition", but no --conditions table says what they are.'
                if listed
                else 'has no column "condition" that refers to the --conditions table.'
            )
            self.problems.add(self.table.header, why)
            return
        for column in own:
            self.problems.add(
                self.table.header,
                f'column "{column}" belongs in the conditions table, as "condition" is given.',
            )
        found = read_rows(conditions, self.problems, ("condition",), ("note",))
        if found is None:
            return
        reader = Treatments(self.names, found, ("condition", "note"))
        for row in found.rows:
            name = row["condition"]
            if not name or name in self.listed:
                row.problem(f'condition "{name}" is there already.' if name else "has no name.")
                continue
            self.listed[name] = reader.read(row)

    def treatment(self, row: Row) -> Treatment:
        """What was done to a lane."""
        if self.treatments is not None:
            return self.treatments.read(row)
        name = row["condition"]
        if name not in self.listed and self.listed:
            hint = did_you_mean(name, self.listed)
            row.problem(f'condition "{name}" is not in the conditions table.{hint}')
        return self.listed.get(name, ())

    # ---------------------------------------------------------------- one row
    def band(self, row: Row) -> Band | None:
        """The band of a row; None and problems where it is none, and for a loading control."""
        missing = [c for c in ("gel", "antibody", "lane") if not row[c]]
        for column in missing:
            row.problem(f"{column} is empty.")
        if missing:
            return None
        shows = self.shown_by(row)
        key = row["gel"], row["antibody"], row["lane"], row["replicate"]
        if key in self.seen:
            row.problem(
                f'lane "{row["lane"]}" of gel "{row["gel"]}" has a band of "{row["antibody"]}" '
                f"already, in line {self.seen[key]}; tell repeats apart in a column replicate."
            )
            return None
        self.seen[key] = row.where.rpartition(":")[2]
        if shows == LOADING_CONTROL:
            self.control(row)
            return None
        treatment, time = self.treatment(row), self.time(row)
        censored = row.choice("censored", ("", *CENSORED))
        intensity = self.amount(row, "intensity")
        upper = self.upper(row, intensity) if censored == BETWEEN else math.nan
        loading = self.amount(row, "loading") if row["loading"] else math.nan
        if None in (time, censored, intensity, upper, loading) or not shows:
            return None
        assert time is not None and censored is not None and intensity is not None  # noqa: S101
        assert upper is not None and loading is not None  # noqa: S101
        self.check_lane(row, treatment, time)
        gel, antibody, lane, replicate = key
        return Band(
            row.where, gel, antibody, lane, replicate, shows, treatment, time,
            *(intensity, upper, censored, loading),
        )  # fmt: skip

    def shown_by(self, row: Row) -> str:
        """The observable that an antibody shows; empty, and a problem once, if there is none."""
        antibody = row["antibody"]
        found = row["observable"] or self.antibodies.get(antibody, antibody)
        known = [*self.observables, LOADING_CONTROL]
        if found not in known:
            if (antibody, found) not in self.unknown:
                self.unknown.add((antibody, found))
                row.problem(self.no_observable(antibody, found, known))
            return ""
        before = self.chosen.setdefault(antibody, found)
        if found != before:
            row.problem(f'antibody "{antibody}" shows "{found}" here and "{before}" above.')
        return before

    def no_observable(self, antibody: str, found: str, known: Sequence[str]) -> str:
        """Why an antibody shows nothing."""
        model, near = self.names.definition.name, did_you_mean(found, known)
        if any(o.id == found for o in self.names.definition.observables):
            return f'observable "{found}" compares live cells; no band shows it.'
        if found != antibody:
            return f'observable "{found}" is not in {model}.{near}'
        return (
            f'antibody "{antibody}" is no observable of {model}: say what it shows in a column '
            f"observable, or as --antibody {antibody}=ID.{near}"
        )

    def control(self, row: Row) -> None:
        """A row of a loading control."""
        if row["censored"]:
            row.problem(f'censored is "{row["censored"]}"; a loading control must be measured.')
            return
        value = self.amount(row, "intensity")
        place = row["gel"], row["lane"]
        if place in self.controls:
            before = self.controls[place][0].rpartition(":")[2]
            row.problem(f'lane "{row["lane"]}" has a loading control already, in line {before}.')
        elif value is not None:
            self.controls[place] = row.where, value

    def time(self, row: Row) -> float | None:
        """When the lane was loaded, in the model's unit."""
        time = _number(row, "time")
        if time is not None and time < 0:
            row.problem(
                f"time is {time:g}; it must be 0, when drugs and ligands are added, or later."
            )
            return None
        return time

    def amount(self, row: Row, column: str) -> float | None:
        """An intensity; None and a problem for one that none can be."""
        value = _number(row, column)
        if value is None:
            return None
        if value < 0:
            row.problem(f"{column} is {value:g}; it must be > 0. Is a background subtracted twice?")
            return None
        if value == 0 and column == "loading":
            row.problem("loading is 0; bands are divided by it, so it must be > 0.")
            return None
        if value == 0 and self.logarithmic:
            row.problem(
                f"{column} is 0, which has no logarithm; write the smallest intensity that can be"
                " seen, and below in a column censored."
            )
            return None
        return value

    def upper(self, row: Row, lower: float | None) -> float | None:
        """The upper end of a band known to lie between two intensities."""
        value = _number(row, "upper")
        if value is None or lower is None or value > lower:
            return value
        row.problem(f"upper is {value:g}; it must be above the intensity, {lower:g}.")
        return None

    def check_lane(self, row: Row, treatment: Treatment, time: float) -> None:
        """A lane holds one lysate."""
        place = row["gel"], row["lane"]
        where, *first = self.lanes.setdefault(place, (row.where, treatment, time))
        line = where.rpartition(":")[2]
        if first[1] != time:
            row.problem(
                f'time is {time:g}, but lane "{place[1]}" of gel "{place[0]}" has {first[1]:g} in'
                f" line {line}."
            )
        if first[0] != treatment:
            row.problem(
                f'lane "{place[1]}" of gel "{place[0]}" has another condition in line {line}; '
                "a lane holds one lysate."
            )

    # ---------------------------------------------------------------- all rows
    def with_loading(self, bands: list[Band]) -> list[Band]:
        """Bands with the loading controls that have rows of their own."""
        found = []
        for band in bands:
            where, value = self.controls.get((band.gel, band.lane), ("", math.nan))
            if where and not math.isnan(band.loading):
                line = where.rpartition(":")[2]
                self.problems.add(
                    band.where, f"has a loading, but line {line} is a loading control of its lane."
                )
            found.append(replace(band, loading=value) if where else band)
        return found


def measurable(definition: Definition) -> list[str]:
    """What a band can show: observables that compare nothing, and species."""
    observables = [o.id for o in definition.observables if not o.relative_to]
    return [*observables, *(s.id for s in definition.network.species)]


def _number(row: Row, column: str) -> float | None:
    """The finite number in a column; None and a problem if there is none."""
    text = row[column]
    value = as_number(text)
    if value is not None and math.isfinite(value):
        return value
    row.problem(
        f'{column} is "{text}"; it must be a number.{decimal_point(text)}'
        if text
        else f"{column} is empty; it must be a number."
    )
    return None
