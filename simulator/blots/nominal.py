"""Scales, offsets and noise that are best for what the model gives now: where a search begins."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from ..network.tables import Problems
from .bands import Band
from .treatments import Treatment, as_columns

if TYPE_CHECKING:
    from ..simulation.model import Model

Array = NDArray[np.float64]
Group = tuple[str, str]

NOISE_BOUNDS = {"log10": (0.01, 1.0), "lin": (0.001, 1.0)}
"""Of the noise: decades, or shares of the largest intensity of an antibody on a gel."""


@dataclass(frozen=True)
class Nominal:
    """Values by (antibody, gel); the noise on a log10 scale is an antibody's on all gels.

    largest : largest measured intensity.
    """

    scale: Mapping[Group, float]
    offset: Mapping[Group, float]
    noise: Mapping[Group, float]
    largest: Mapping[Group, float]


def simulated(
    model: Model,
    bands: Sequence[Band],
    changes: Sequence[tuple[str, Mapping[Treatment, float]]] = (("", {}),),
    on_failure: Literal["raise", "mark"] = "raise",
) -> Array:
    """What the model gives for each band (changes, bands), in the unit of its observable.

    Parameters
    ----------
    changes
        A parameter, and its value in each treatment that does not set it.

    Raises IntegrationError where a run fails, unless they are marked as NaN.
    """
    import pandas as pd

    treatments = list(dict.fromkeys(band.treatment for band in bands))
    times = sorted({band.time for band in bands})
    outputs = list(dict.fromkeys(band.observable for band in bands))
    rows = [
        (*treatment, *([(name, values[treatment])] if treatment in values else []))
        for name, values in changes
        for treatment in treatments
    ]
    found = model.simulate(
        times,
        conditions=pd.DataFrame(as_columns(rows), index=pd.RangeIndex(len(rows))),
        outputs=outputs,
        on_failure=on_failure,
        progress=False,
    )
    run = np.array([treatments.index(band.treatment) for band in bands])
    place = np.array([times.index(band.time) for band in bands])
    given = np.empty((len(changes), len(bands)))
    for name in outputs:
        every = found[name].values.reshape(len(changes), len(treatments), len(times))
        own = np.array([band.observable == name for band in bands])
        given[:, own] = every[:, run[own], place[own]]
    return given


def nominal(
    bands: Sequence[Band], x: Array, noise: str, table: str, problems: Problems, *,
    offset: bool, sigma: float | None,
) -> Nominal:  # fmt: skip
    """Values in closed form, for what the model gives, x (bands,).

    Scales are means of logarithms of y/x (log10), or least squares (lin). The offset is 0, or the
    mean of bands where the model gives 0.

    Parameters
    ----------
    noise
        log10 or lin.
    sigma
        The noise where it is given, not estimated.
    """
    members: dict[Group, list[int]] = {}
    for k, band in enumerate(bands):
        if not band.censored:
            members.setdefault(band.group, []).append(k)
    scales, offsets, largest = {}, {}, {}
    residuals: dict[Group, list[float]] = {}
    for group, rows in members.items():
        y, at = np.array([bands[k].intensity for k in rows]), x[rows]
        if not _check_zeros([bands[k] for k in rows], at, problems, noise, offset):
            continue
        shift = float(y[at <= 0].mean()) if offset and (at <= 0).any() else 0.0
        scale = _scale(y - shift, at, noise)
        line = scale * at + shift
        scales[group], offsets[group], largest[group] = scale, shift, float(y.max())
        residuals[group] = (np.log10(y / line) if noise == "log10" else y - line).tolist()
    if sigma is not None:
        return Nominal(scales, offsets, dict.fromkeys(residuals, sigma), largest)
    spread = _noise(residuals, largest, noise, table, problems, 2 if offset else 1)
    return Nominal(scales, offsets, spread, largest)


def _check_zeros(
    bands: Sequence[Band], x: Array, problems: Problems, noise: str, offset: bool
) -> bool:
    """Note bands that no scale makes of what the model gives."""
    good = True
    for band, value in zip(bands, x.tolist(), strict=True):
        if value <= 0 and noise == "log10" and not offset:
            good = False
            problems.add(
                band.where,
                f"intensity is {band.intensity:g}, but the model has no {band.observable} there, "
                "and no scale makes a band of nothing: write censored below if none is seen, or "
                "allow a background with --offset.",
            )
    if good and not (x > 0).any():
        problems.add(
            bands[0].where,
            f'the model has no {bands[0].observable} in any lane of gel "{bands[0].gel}".',
        )
        return False
    return good


def _scale(y: Array, x: Array, noise: str) -> float:
    """The best scale of x > 0 alone; y may be negative by chance."""
    if noise == "lin":
        scale = float(y @ x / (x @ x))
    else:
        usable = (x > 0) & (y > 0)
        if not usable.any():
            return float(np.abs(y[x > 0]).mean() / x[x > 0].mean())
        scale = float(10 ** np.mean(np.log10(y[usable] / x[usable])))
    return scale if scale > 0 else float(np.abs(y).max() / x.max())


def _noise(
    residuals: Mapping[Group, list[float]],
    largest: Mapping[Group, float],
    noise: str,
    table: str,
    problems: Problems,
    lines: int,
) -> dict[Group, float]:
    """The spread of residuals, by group; on a log10 scale, of all gels of an antibody together."""
    pooled: dict[Group, list[Group]] = {}
    for group in residuals:
        pooled.setdefault((group[0], "" if noise == "log10" else group[1]), []).append(group)
    spread: dict[Group, float] = {}
    for (antibody, gel), groups in pooled.items():
        values = [r for group in groups for r in residuals[group]]
        free = len(values) - lines * len(groups)
        if free < 1:
            where = f' on gel "{gel}"' if gel else ""
            problems.add(
                table,
                f'antibody "{antibody}"{where}: {len(values)} measured bands for '
                f"{lines * len(groups)} scales and offsets leave nothing to estimate its noise "
                "from; give it as --sigma.",
            )
            continue
        low, high = NOISE_BOUNDS[noise]
        unit = 1.0 if noise == "log10" else largest[groups[0]]
        own = math.sqrt(sum(r * r for r in values) / free)
        spread |= dict.fromkeys(groups, min(max(own, low * unit), high * unit))
    return spread
