"""What the lanes of a blot are: one for each run, and what differs between them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
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


@dataclass(frozen=True)
class Lanes:
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
    """A line above the lanes.

    texts : of each lane.  runs : first and last+1 of lanes that share one text, below a bar.
    """

    name: str
    texts: list[str]
    runs: list[tuple[int, int]]


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
        unit = unit_text(str(coord.attrs.get("units", "")))
        units[name] = "" if unit in ("1", "dimensionless") else unit
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
        described = any(dim in chosen[name].dims for name in differs)
        if dim not in chosen.coords and not described:
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
    doses = [
        _dose_line(factor, levels, lanes.units.get(factor, ""))
        for factor, levels in lanes.differs.items()
        if all(isinstance(level, int | float) for level in levels)
    ]
    names = [
        (factor, [str(level) for level in levels])
        for factor, levels in lanes.differs.items()
        if not all(isinstance(level, int | float) for level in levels)
    ]
    lines: list[Line] = []
    ends = {lanes.count}
    for factor, texts in sorted(names, key=lambda each: len(_ends(each[1]))):
        ends |= _ends(texts)  # no text is shared beyond a bar above it
        firsts = sorted({0} | ends - {lanes.count})
        lines.append(Line(factor, texts, list(zip(firsts, sorted(ends), strict=True))))
    return lines + doses


def _ends(texts: Sequence[str]) -> set[int]:
    """Where a lane differs from the one before it."""
    return {k for k in range(1, len(texts)) if texts[k] != texts[k - 1]}


def line_of_marks(name: str, marks: Sequence[str]) -> Line:
    """A line in which each lane has its own text."""
    return Line(name, list(marks), [(k, k + 1) for k in range(len(marks))])


def _dose_line(factor: str, levels: Sequence[float], unit: str) -> Line:
    """`selumetinib 1 µM` with + and -, or `selumetinib (µM)` with the doses."""
    found = sorted(set(levels))
    if len(found) == 2 and found[0] == 0:
        name = f"{factor} {found[1]:g} {unit}".strip()
        return line_of_marks(name, [PLUS if level else MINUS for level in levels])
    name = f"{factor} ({unit})" if unit else factor
    return line_of_marks(name, ["?" if x != x else f"{x:.3g}" for x in levels])
