"""Intensities over a loading control or over a reference lane, and whether gels say anything."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from ..errors import ConditionError, did_you_mean
from ..network.tables import Problems
from .bands import Band

LOADING, NONE, LANE = "loading", "none", "lane:"


def normalised(
    bands: Sequence[Band], how: str | None, table: str, problems: Problems
) -> tuple[list[Band], str]:
    """Bands in units of a loading control or a reference lane, and in words of what.

    Parameters
    ----------
    how
        `loading`, `lane:<name>`, `none`; None means loading where the table has a loading control.

    Raises ConditionError for anything else.
    """
    if how is None:
        how = LOADING if any(not math.isnan(band.loading) for band in bands) else NONE
    if how == NONE:
        return list(bands), "as they are"
    if how == LOADING:
        for band in bands:
            if math.isnan(band.loading):
                problems.add(
                    band.where,
                    f'lane "{band.lane}" of gel "{band.gel}" has no loading control: give it, or '
                    "write --normalise none.",
                )
        return [band.divided(band.loading) for band in bands], "over the loading control"
    if not how.startswith(LANE) or how == LANE:
        raise ConditionError(f'--normalise is "{how}"; it must be loading, lane:<name> or none.')
    lane = how.removeprefix(LANE)
    return _over_lane(bands, lane, table, problems), f'over lane "{lane}" of each gel'


def _over_lane(bands: Sequence[Band], lane: str, table: str, problems: Problems) -> list[Band]:
    """Bands in units of their antibody's in the reference lane of their gel (of repeats, the mean).

    On a logarithmic scale this moves a gel's scale and nothing else: the reference lane stays a
    measurement, with noise of its own.
    """
    references: dict[tuple[str, str], list[Band]] = {}
    for band in bands:
        if band.lane == lane:
            references.setdefault(band.group, []).append(band)
    means = {}
    for group in dict.fromkeys(band.group for band in bands):
        found = references.get(group)
        what = f'antibody "{group[0]}" has no band in lane "{lane}" of gel "{group[1]}"'
        if not found:
            lanes = {band.lane for band in bands if band.group == group}
            problems.add(table, f"{what}, to which --normalise refers.{did_you_mean(lane, lanes)}")
        elif censored := next((band for band in found if band.censored), None):
            problems.add(
                censored.where,
                f'censored is "{censored.censored}"; a reference lane must be measured.',
            )
        else:
            means[group] = sum(band.intensity for band in found) / len(found)
            if means[group] == 0:
                problems.add(found[0].where, "intensity is 0; a reference lane must be above 0.")
    return [band.divided(means.get(band.group) or math.nan) for band in bands]


def check_groups(bands: Iterable[Band], table: str, problems: Problems, *, offset: bool) -> None:
    """Note an antibody on a gel of which too few bands are measured to find its scale."""
    count: dict[tuple[str, str], int] = {}
    for band in bands:
        count[band.group] = count.get(band.group, 0) + (not band.censored)
    needed = 2 if offset else 1
    for (antibody, gel), measured in count.items():
        if measured < needed:
            says = "all bands are censored" if not measured else "one band is measured"
            unknown = "scale and offset" if offset else "scale"
            problems.add(
                table,
                f'gel "{gel}", antibody "{antibody}": {says}, so that its {unknown} can be '
                "anything; leave the antibody out of this gel, or measure more.",
            )
