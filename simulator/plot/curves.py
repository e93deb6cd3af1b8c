"""The curves that a figure shows: their values, the ranges around them, and how each looks."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..errors import ConditionError, did_you_mean
from .style import COLOURS, DASHES, MARKERS, unit_text

if TYPE_CHECKING:
    import numpy as np
    import xarray as xr


@dataclass(frozen=True, slots=True)
class Curve:
    """One curve, how it looks, and its range if there is one."""

    name: str
    values: "np.ndarray"
    look: dict[str, Any]
    low: "np.ndarray | None" = None
    high: "np.ndarray | None" = None


def curves_of(
    da: "xr.DataArray",
    along: str,
    call: str,
    labels: Sequence[str] | None = None,
    band: "xr.Dataset | tuple[xr.DataArray, xr.DataArray] | None" = None,
) -> tuple[list[Curve], str]:
    """The curves of `da` over the dimension `along`, and the title of their legend.

    da : `along` and at most one other dimension.

    Raises ConditionError if there are more, or if labels or band are not of these curves.
    """
    others = [str(d) for d in da.dims if d != along]
    if len(others) > 1:
        raise ConditionError(
            f"{call} draws one dimension besides {along}, found {', '.join(others)};"
            " select one level of the others first."
        )
    names = list(labels) if labels is not None else level_names(da, others[0]) if others else [""]
    table = da.transpose(*others, along).values.reshape(-1, da.sizes[along]).astype(float)
    if len(names) != len(table):
        raise ConditionError(f"{call}: {len(names)} labels for {len(table)} curves; give one each.")
    ends = [] if band is None else _ends(band, da, call)
    ranges = [end.transpose(*others, along).values.reshape(table.shape) for end in ends]
    ordered = bool(others) and others[0] in da.coords and da[others[0]].dtype.kind in "if"
    looks = looks_of(len(names), ordered)
    found = [
        Curve(str(name), values, look, *(end[i] for end in ranges))
        for i, (name, values, look) in enumerate(zip(names, table, looks, strict=True))
    ]
    return found, _title(da, others[0]) if others else ""


def level_names(da: "xr.DataArray", dim: str) -> list[str]:
    """Levels of a dimension as text, numbers with as few digits as tell them apart."""
    levels = da[dim].values
    if levels.dtype.kind == "f":
        short = [f"{v:.3g}" for v in levels]
        if len(set(short)) == len(short):
            return short
    return [str(v) for v in levels]


def _title(da: "xr.DataArray", dim: str) -> str:
    units = str(da[dim].attrs.get("units", "")) if dim in da.coords else ""
    return f"{dim} ({unit_text(units)})" if units else dim


def looks_of(n: int, ordered: bool = False) -> list[dict[str, Any]]:
    """Colour, marker and dashes of n curves; more `ordered` ones than colours go along viridis."""
    from matplotlib import colormaps

    found = []
    for i in range(n):
        shifted = i + i // len(COLOURS)
        marker, dashes = MARKERS[shifted % len(MARKERS)], DASHES[shifted % len(DASHES)]
        colour: Any = COLOURS[i % len(COLOURS)]
        if ordered and n > len(COLOURS):
            colour, marker, dashes = colormaps["viridis"](0.95 * i / (n - 1)), "o", "-"
        found.append({"color": colour, "marker": marker, "linestyle": dashes})
    return found


def marker_size(i: int) -> float:
    """Size of the markers of the i-th curve: later ones are smaller, so that all are seen."""
    from matplotlib import rcParams

    return float(rcParams["lines.markersize"]) * max(0.6, 1.1 - 0.17 * i)


def _ends(
    band: "xr.Dataset | tuple[xr.DataArray, xr.DataArray]", da: "xr.DataArray", call: str
) -> list["xr.DataArray"]:
    """Low and high ends of the ranges around the curves of `da`."""
    import xarray as xr

    if isinstance(band, xr.Dataset):
        pairs = [("low", "high"), (f"{da.name}_low", f"{da.name}_high")]
        here = next((pair for pair in pairs if set(pair) <= set(band.data_vars)), None)
        if here is None:
            raise ConditionError(
                f"{call}: the band has {', '.join(map(str, band.data_vars)) or 'no variables'};"
                ' it needs "low" and "high".'
            )
        band = (band[here[0]], band[here[1]])
    found = []
    for end in band:
        if end.sizes != da.sizes:
            end = end.squeeze()
        if dict(end.sizes) != dict(da.sizes) or any(
            d in end.coords and d in da.coords and not end[d].equals(da[d]) for d in da.dims
        ):
            raise ConditionError(
                f"{call}: the band has {dict(end.sizes)}, the curves {dict(da.sizes)}; both need"
                " the same dimensions and levels."
            )
        found.append(end.transpose(*da.dims))
    return found


def squeezed(da: object, call: str) -> "xr.DataArray":
    """One output without its dimensions of length 1, if it is one."""
    import xarray as xr

    if isinstance(da, xr.Dataset):
        names = ", ".join(map(str, list(da.data_vars)[:3]))
        raise ConditionError(
            f"{call} draws one DataArray, not a Dataset; pick an output of it ({names}, ...),"
            ' usually ds["viability"].'
        )
    if not isinstance(da, xr.DataArray):
        raise ConditionError(f"{call} draws an xarray.DataArray, found a {type(da).__name__}.")
    return da.squeeze()


def dimension(da: "xr.DataArray", name: str, call: str) -> str:
    """`name`, if it is a dimension of the data."""
    if name not in da.dims:
        raise ConditionError(
            f'{call}: "{name}" is no dimension of the data, which has'
            f" {', '.join(map(str, da.dims)) or 'none'}.{did_you_mean(name, map(str, da.dims))}"
        )
    return name
