"""What the lanes of a blot are: one for each run, and what differs between them."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from ..errors import ConditionError, did_you_mean
from .style import unit_text

if TYPE_CHECKING:
    import numpy as np
    import xarray as xr
    from numpy.typing import NDArray

#: More lanes than this are no blot.
MOST = 48

PLUS, MINUS = "+", "\u2212"


class Lanes(NamedTuple):
    """The lanes of a Dataset, its runs stacked.

    dims : run dimensions, outermost first.  differs : factor -> its level in each lane, of those
    that differ.  same : factor -> its level in all lanes.  units : factor -> its unit.
    """

    count: int
    dims: tuple[str, ...]
    differs: dict[str, list[Any]]
    same: dict[str, Any]
    units: dict[str, str]

    def place_of(self, reference: int | Mapping[str, Any]) -> int:
        """The lane that is meant by its place, or by levels of factors."""
        if isinstance(reference, int):
            if not -self.count <= reference < self.count:
                raise ConditionError(
                    f"plot_blot: there is no lane {reference}; the lanes are 0 to {self.count - 1}."
                )
            return reference % self.count
        for name in reference:
            if name not in self.differs:
                raise ConditionError(
                    f'plot_blot: reference: "{name}" does not differ between the lanes;'
                    f" {', '.join(self.differs) or 'nothing'} does."
                    f"{did_you_mean(name, self.differs)}"
                )
        found = [
            k
            for k in range(self.count)
            if all(same_level(self.differs[name][k], level) for name, level in reference.items())
        ]
        if len(found) != 1:
            raise ConditionError(
                f"plot_blot: reference {dict(reference)} describes {len(found)} lanes; one is"
                " needed."
            )
        return found[0]


class Line(NamedTuple):
    """A line above the lanes: a text for each; `bar` where equal neighbours share one."""

    name: str
    texts: list[str]
    bar: bool


def lanes_of(data: "xr.Dataset", names: Sequence[str]) -> Lanes:
    """The lanes of these quantities."""
    import numpy as np

    chosen = data[list(names)].squeeze()
    dims = tuple(str(dim) for dim in chosen[names[0]].dims)
    odd = [name for name in names if set(chosen[name].dims) != set(dims)]
    if odd:
        raise ConditionError(
            f"plot_blot: {odd[0]} has the dimensions {', '.join(map(str, chosen[odd[0]].dims))} and"
            f" {names[0]} {', '.join(dims)}; all rows need the same lanes."
        )
    shape = tuple(chosen.sizes[dim] for dim in dims)
    count = int(np.prod(shape, dtype=int))
    if count > MOST:
        raise ConditionError(
            f"plot_blot: {' x '.join(f'{chosen.sizes[dim]} {dim}' for dim in dims)} are {count}"
            f" lanes, and {MOST} can be drawn; select fewer levels, of a time course one time."
        )
    differs: dict[str, list[Any]] = {}
    same: dict[str, Any] = {}
    units: dict[str, str] = {}
    for key, coord in chosen.coords.items():
        name = str(key)
        units[name] = unit_text(str(coord.attrs.get("units", "")))
        if not coord.dims:
            same[name] = coord.item()
            continue
        template = chosen[names[0]].transpose(*dims)
        levels = coord.broadcast_like(template).transpose(*dims).values.ravel().tolist()
        if len({repr(level) for level in levels}) == 1:
            same[name] = levels[0]
        elif not _only_counts(chosen, name):
            differs[name] = levels
    for dim in dims:
        if dim not in chosen.coords:
            place = dims.index(dim)
            differs[dim] = (np.indices(shape)[place].ravel() + 1).astype(str).tolist()
    order = {dim: k for k, dim in enumerate(dims)}
    differs = dict(sorted(differs.items(), key=lambda item: order.get(item[0], len(order))))
    return Lanes(count, dims, differs, same, units)


def values_of(data: "xr.Dataset", lanes: Lanes, name: str) -> "NDArray[np.float64]":
    """A quantity (lanes,)."""
    import numpy as np

    return np.asarray(data[name].squeeze().transpose(*lanes.dims).values, float).ravel()


def _only_counts(data: "xr.Dataset", name: str) -> bool:
    """Whether a dimension's labels are 0, 1, 2, ... of rows that other coordinates describe."""
    if name not in data.dims or data[name].dtype.kind not in "iu":
        return False
    others = [key for key, coord in data.coords.items() if name in coord.dims and key != name]
    return bool(others) and data[name].values.tolist() == list(range(data.sizes[name]))


def same_level(a: Any, b: Any) -> bool:
    """Whether two levels are the same: a name, or a number but for rounding."""
    from math import isclose

    if isinstance(a, str) or isinstance(b, str) or a is None or b is None:
        return str(a).casefold() == str(b).casefold()
    return isclose(float(a), float(b), rel_tol=1e-6)


def lines_of(lanes: Lanes) -> list[Line]:
    """A line for each factor that differs: names first, those of most lanes outermost; doses."""
    names, doses = [], []
    for factor, levels in lanes.differs.items():
        if all(isinstance(level, int | float) for level in levels):
            doses.append(_dose_line(factor, levels, lanes.units.get(factor, "")))
        else:
            names.append(Line(factor, [str(level) for level in levels], True))
    return sorted(names, key=lambda line: len(runs_of(line.texts))) + doses


def runs_of(texts: Sequence[str]) -> list[tuple[int, int]]:
    """First and last+1 of each run of equal neighbours."""
    ends = [k for k in range(1, len(texts)) if texts[k] != texts[k - 1]]
    return list(zip([0, *ends], [*ends, len(texts)], strict=True))


def _dose_line(factor: str, levels: Sequence[float], unit: str) -> Line:
    """`selumetinib 1 µM` with + and -, or `selumetinib (µM)` with the doses."""
    found = sorted(set(levels))
    unit = "" if unit in ("1", "dimensionless") else unit
    if len(found) == 2 and found[0] == 0:
        name = f"{factor} {found[1]:g} {unit}".strip()
        return Line(name, [PLUS if level else MINUS for level in levels], False)
    name = f"{factor} ({unit})" if unit else factor
    return Line(name, ["?" if x != x else f"{x:.3g}" for x in levels], False)
