"""What figures of cohorts share: samples, their groups, marks, legend."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

from ..errors import ConditionError, did_you_mean
from .style import COLOURS, GREY, MARKERS, text_width, unit_text

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    import xarray as xr
    from matplotlib.axes import Axes
    from numpy.typing import NDArray

    Values: TypeAlias = xr.DataArray | pd.Series[Any]


#: Bound -> the marker that points from a value to where the true one lies, along x and along y.
BEYOND: Mapping[str, tuple[int, int]] = {"<": (4, 7), ">": (5, 6)}
ARROW: dict[str, Any] = {"color": GREY, "linestyle": "none", "markersize": 4, "clip_on": False}


class Group(NamedTuple):
    """Samples that are drawn alike.

    label : with their number.  members : (samples,) of bool.  look : colour and marker.
    """

    label: str
    members: "NDArray[np.bool_]"
    look: dict[str, Any]


#: Colour and marker of each group; black, the colour of references, comes last.
LOOKS = tuple(
    {"color": colour, "marker": marker}
    for colour, marker in zip((*COLOURS[1:], COLOURS[0]), MARKERS, strict=True)
)


def groups_of(by: Any, values: Any, index: Any, call: str) -> tuple[list[Group], str]:
    """The groups in order of appearance (of a categorical: in its order), and what they are of.

    by : None, the name of a coordinate of `values`, or a value for each sample; with labels of
    samples, it is read by these.  index : the samples.
    """
    import numpy as np
    import pandas as pd

    if by is None:
        return [Group(f"n = {len(index)}", np.ones(len(index), bool), LOOKS[0])], ""
    series = _series(by, values, index, call)
    title = "" if series.name is None else str(series.name)
    if isinstance(series.dtype, pd.CategoricalDtype):
        levels = [level for level in series.cat.categories if (series == level).any()]
    else:
        levels = list(series.dropna().unique())
    if len(levels) > len(LOOKS):
        raise ConditionError(
            f"{call}: {len(levels)} groups cannot be told apart, {len(LOOKS)} at most; put"
            " them into fewer, numbers for example by pandas.cut."
        )
    found = [
        Group(_counted(_text(level), own), own, LOOKS[k])
        for k, level in enumerate(levels)
        for own in [(series == level).to_numpy(bool)]
    ]
    if (none := series.isna().to_numpy()).any():
        found.append(Group(_counted("no group", none), none, {"color": GREY, "marker": "*"}))
    return found, title


def _counted(name: str, members: Any) -> str:
    return f"{name} (n = {int(members.sum())})"


def _series(by: Any, values: Any, index: Any, call: str) -> Any:
    """What tells the groups apart, (samples,), in the order of the samples."""
    import pandas as pd
    import xarray as xr

    if isinstance(by, str):
        coords = [] if isinstance(values, pd.Series) else [str(name) for name in values.coords]
        if by not in coords:
            raise ConditionError(
                f'{call}: by="{by}" is no coordinate of the values, which have'
                f" {', '.join(coords) or 'none'}.{did_you_mean(by, coords)}"
            )
        by = _along(values[by].squeeze(), by)
    elif isinstance(by, xr.DataArray):
        by = _along(by.squeeze(), str(by.name) if by.name is not None else None)
    elif not isinstance(by, pd.Series):
        if len(by) != len(index):
            raise ConditionError(
                f"{call}: by has {len(by)} values and there are {len(index)} samples."
            )
        return pd.Series(list(by), index=index, dtype=None)
    missing = [str(name) for name in index if name not in by.index]
    if missing or by.index.has_duplicates:
        what = f'none for the sample "{missing[0]}"' if missing else "several for one sample"
        raise ConditionError(f"{call}: by needs one value for each sample and has {what}.")
    return by.loc[index]


def _along(by: "xr.DataArray", name: str | None) -> Any:
    """A coordinate or array as a Series over the samples' labels."""
    import pandas as pd

    if by.ndim != 1:
        raise ConditionError(
            f"the groups {name} have the dimensions {', '.join(map(str, by.dims)) or 'none'}; one"
            " value for each sample is needed."
        )
    index = by[by.dims[0]].to_series().index
    return pd.Series(by.values, index=index, name=name)


def _text(level: Any) -> str:
    return {"True": "yes", "False": "no"}.get(str(level), str(level))


def samples_of(values: "Values", call: str) -> "pd.DataFrame":
    """Columns value and bound, a row for each sample."""
    import pandas as pd
    import xarray as xr

    if isinstance(values, pd.Series):
        found = pd.DataFrame({"value": values, "bound": "="})
    elif isinstance(values, xr.DataArray):
        values = values.squeeze()
        if values.ndim != 1:
            dims = ", ".join(map(str, values.dims)) or "none"
            raise ConditionError(
                f"{call} draws one value a sample, found the dimensions {dims};"
                " select one level of the others first."
            )
        index = values[values.dims[0]].to_series().index
        found = pd.DataFrame({"value": values.values, "bound": "="}, index=index)
        if "bound" in values.coords:
            found["bound"] = values["bound"].values
    else:
        raise ConditionError(f"{call} draws a DataArray or a Series, not {type(values).__name__}.")
    if found.index.has_duplicates:
        twice = found.index[found.index.duplicated()][0]
        raise ConditionError(f'{call}: the sample "{twice}" has several values.')
    found.index.name = found.index.name or "sample"
    return found


def label_of(values: "Values", other: "Values | None" = None) -> str:
    """`auc400, il7 0 ng/ml`: what the values are, and where they differ from the others."""
    name = "" if values.name is None else str(values.name)
    name = "AUC (400 = no effect)" if name == "auc400" else name
    units = unit_text(str(values.attrs.get("units", "dimensionless")))
    name += "" if units in ("dimensionless", "1") else f" ({units})"
    parts = [name] if name else []
    here, there = (getattr(each, "coords", {}) for each in (values, other))
    for key in here:
        if here[key].size != 1 or (key in there and there[key].size != 1):
            continue
        level = here[key].item()
        if key not in ("bound", "time") and key in there and there[key].item() != level:
            unit = unit_text(str(here[key].attrs.get("units", "")))
            shown = level if isinstance(level, str) else f"{level:g}"
            parts.append(f"{key} {shown} {unit}".strip())
    return ", ".join(parts)


def name_marks(ax: "Axes", crosses: Mapping[str, int]) -> None:
    """Entries of the legend for crosses and arrows, where there are any."""
    if any(line.get_label() == "_bound" for line in ax.lines):
        ax.plot([], [], marker=BEYOND[">"][1], label="true value beyond", **ARROW)
    for what, count in crosses.items():
        if count:
            ax.plot([], [], "x", color=GREY, label=f"{what} (n = {count})")


def draw_legend(ax: "Axes", title: str, below: bool) -> None:
    """Below or above the axes, in as many columns as fit."""
    import matplotlib as mpl

    labels = ax.get_legend_handles_labels()[1]
    size = float(mpl.rcParams["font.size"])
    widest = max(text_width(label, size) for label in labels) + 3.4 * size
    room = 0.9 * 72 * ax.figure.bbox.width / ax.figure.dpi
    # Below, it leaves room for the labels of the ticks and the axis, in sizes of its text.
    place: dict[str, Any] = {
        "loc": "lower center",
        "bbox_to_anchor": (0.5, 1),
        "borderaxespad": 0.6,
    }
    if below:
        place = {"loc": "upper center", "bbox_to_anchor": (0.5, 0), "borderaxespad": 4.8}
    columns = max(1, min(len(labels), int(room / widest), 4))
    ax.legend(title=title or None, frameon=False, ncols=columns, **place)
