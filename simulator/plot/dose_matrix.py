"""Two drugs together: a heat map over both doses."""

from typing import TYPE_CHECKING, Any

from ..errors import ConditionError, did_you_mean
from ..response.doses import check_doses
from .curves import dimension, squeezed
from .dose_axis import dose_label, dose_text, log_ticks
from .marks import axis_label, broken
from .style import COLUMN, as_vectors, axes_or_new

if TYPE_CHECKING:
    import numpy as np
    import xarray as xr
    from matplotlib.axes import Axes

# Measures of `simulator.response` by which contours may be asked for, by their short names.
MEASURES = {
    "bliss": "bliss_excess",
    "hsa": "hsa_excess",
    "loewe": "loewe_excess",
    "zip": "zip_delta",
}

# What the values of an output are called beside the colour bar.
NAMES = {
    "viability": "viability (fraction of vehicle)",
    "bliss_excess": "Bliss excess (fraction of cells)",
    "hsa_excess": "HSA excess (fraction of cells)",
    "loewe_excess": "Loewe excess (fraction of cells)",
    "zip_delta": "ZIP delta (fraction of cells)",
}

# Between dose 0 and the lowest dose, as a share of a field.
GAP = 0.3

# Decades that a field has where there is only one dose.
SOLE_FIELD = 0.5

# An excess that varies by less is all alike.
LEAST_SPAN = 0.005

# Steps between two doses along which contours are drawn, straight in log dose.
FINE = 16

# Brightness of a field from which text on it is black.
LIGHT = 0.5

# Letters beside the colour bar in one line.
BAR_LETTERS = 42


def plot_dose_matrix(
    da: "xr.DataArray",
    dose_a: str | None = None,
    dose_b: str | None = None,
    ax: "Axes | None" = None,
    *,
    synergy: "xr.DataArray | str | None" = None,
    signed: bool | None = None,
    numbers: bool = False,
) -> "Axes":
    """Draw viability, or an excess, over the doses of two drugs as a heat map.

    Both axes are logarithmic; the row and the column of dose 0 stand apart. A field without a value
    is hatched, a field whose value is a bound (coordinate `bound`) bears its sign, `<` or `>`.

    Parameters
    ----------
    da
        Values over two dose dimensions; dimensions of length 1 do not count.
    dose_a, dose_b
        Dimension along x and along y; None: the first and the second that is there.
    ax
        Axes to draw on; None: new ones.
    synergy
        Draw contours of this excess, solid where it is synergy, dashed where antagonism: what
        `simulator.response.bliss_excess`, `hsa_excess`, `loewe_excess` or `zip_delta` returned, or
        "bliss", "hsa", "loewe" or "zip", which is then taken of `da`. Between the doses of the data
        contours are straight in log dose.
    signed
        Colours that diverge from 0, red above and blue below; None: if `da` is one of the measures
        named above.
    numbers
        Write the value into each field.

    Raises
    ------
    ConditionError
        The data have not two dose dimensions, or `synergy` is unknown or not over their doses.
    """
    call = "plot_dose_matrix"
    da = squeezed(da, call)
    dose_a, dose_b = _two_dimensions(da, dose_a, dose_b, call)
    excess = None if synergy is None else _excess(synergy, da, dose_a, dose_b, call)
    da = da.transpose(dose_b, dose_a).sortby([dose_a, dose_b]).astype(float)
    signed = da.name in MEASURES.values() if signed is None else signed
    with axes_or_new(ax, height=0.8 * COLUMN) as ax:
        x, y = _edges(da[dose_a].values), _edges(da[dose_b].values)
        _log_axes(ax, da, dose_a, dose_b, x, y)
        mesh = _draw_fields(ax, da, x, y, signed)
        said = [_name(da)]
        if _hatch_missing(ax, da, x, y):
            said.append("hatched: no value")
        if _write_fields(ax, da, x, y, mesh, numbers):
            said.append("< or >: the value is a bound")
        if excess is not None:
            said.extend(_draw_contours(ax, excess, dose_a, dose_b))
        _draw_bar(ax, mesh, said)
    return ax


def _two_dimensions(
    da: "xr.DataArray", dose_a: str | None, dose_b: str | None, call: str
) -> tuple[str, str]:
    """Both dose dimensions, each of numbers from 0 on."""
    given = [dimension(da, name, call) for name in (dose_a, dose_b) if name is not None]
    free = [str(d) for d in da.dims if str(d) not in given]
    a = dose_a if dose_a is not None else free.pop(0) if free else ""
    b = dose_b if dose_b is not None else free.pop(0) if free else ""
    if not a or not b or a == b or da.ndim != 2:
        raise ConditionError(
            f"{call} draws two dose dimensions, found {', '.join(map(str, da.dims)) or 'none'};"
            " select one level of any other first."
        )
    for name in (a, b):
        check_doses(da, name, call, zero_needed=False, fewest=1)
    return a, b


def _excess(
    synergy: "xr.DataArray | str", da: "xr.DataArray", dose_a: str, dose_b: str, call: str
) -> "xr.DataArray":
    """The excess whose contours are drawn, (doses of b, doses of a)."""
    from .. import response

    if isinstance(synergy, str):
        if synergy not in MEASURES:
            raise ConditionError(
                f'{call}: "{synergy}" is no measure of synergy; there are'
                f" {', '.join(MEASURES)}.{did_you_mean(synergy, MEASURES)}"
            )
        excess: xr.DataArray = getattr(response, MEASURES[synergy])(da, dose_a, dose_b)
    else:
        excess = squeezed(synergy, call)
    if set(excess.dims) != {dose_a, dose_b} or any(
        not set(excess[d].values.tolist()) <= set(da[d].values.tolist()) for d in (dose_a, dose_b)
    ):
        raise ConditionError(
            f"{call}: synergy has {dict(excess.sizes)}, which are not doses of {dose_a} and"
            f" {dose_b} of the data; take it of the same data."
        )
    positive = {d: excess[d].values > 0 for d in (dose_a, dose_b)}
    return excess.isel(positive).transpose(dose_b, dose_a).sortby([dose_a, dose_b])


def _edges(doses: "np.ndarray") -> "np.ndarray":
    """Left and right edge of the field of each dose, (doses, 2), midway in log dose."""
    import numpy as np

    log = np.log10(doses[doses > 0])
    middles = (log[1:] + log[:-1]) / 2
    first, last = (log[1] - log[0], log[-1] - log[-2]) if len(log) > 1 else (SOLE_FIELD,) * 2
    inner = np.concatenate([[log[0] - first / 2], middles, [log[-1] + last / 2]])
    edges = np.stack([inner[:-1], inner[1:]], axis=1)
    if len(log) < len(doses):
        width = float(np.median(np.diff(inner)))
        zero = inner[0] - GAP * width
        edges = np.concatenate([[[zero - width, zero]], edges])
    return np.asarray(10**edges)


def _draw_fields(
    ax: "Axes", da: "xr.DataArray", x: "np.ndarray", y: "np.ndarray", signed: bool
) -> Any:
    """The fields as polygons in one mesh of colours."""
    import numpy as np
    from matplotlib.collections import PolyCollection

    values = da.values
    finite = values[np.isfinite(values)]
    if signed:
        most = float(np.abs(finite).max(initial=0.0)) or 1.0
        look: dict[str, Any] = {"cmap": "RdBu_r", "clim": (-most, most)}
    else:
        look = {"cmap": "viridis", "clim": (0.0, max(1.0, float(finite.max(initial=0.0))))}
    corners = [
        [(x[j, 0], y[i, 0]), (x[j, 1], y[i, 0]), (x[j, 1], y[i, 1]), (x[j, 0], y[i, 1])]
        for i, j in np.ndindex(values.shape)
    ]
    # Edges in the colour of their field leave no seams in PDF and SVG.
    mesh = PolyCollection(
        corners, array=np.ma.masked_invalid(values.ravel()), edgecolors="face", linewidths=0.3,
        **look,
    )  # fmt: skip
    ax.add_collection(mesh)
    return mesh


def _hatch_missing(ax: "Axes", da: "xr.DataArray", x: "np.ndarray", y: "np.ndarray") -> bool:
    """Hatching on each field without a value; whether there are any."""
    import numpy as np
    from matplotlib.patches import Rectangle

    missing = np.argwhere(~np.isfinite(da.values))
    for i, j in missing:
        low, size = (x[j, 0], y[i, 0]), (np.ptp(x[j]), np.ptp(y[i]))
        ax.add_patch(Rectangle(low, *size, fill=False, edgecolor="0.5", hatch="/////", linewidth=0))
    return bool(len(missing))


def _write_fields(
    ax: "Axes", da: "xr.DataArray", x: "np.ndarray", y: "np.ndarray", mesh: Any, numbers: bool
) -> bool:
    """In each field its value if asked for, and the sign of a bound; whether there are bounds."""
    import numpy as np

    bound = np.full(da.shape, "=")
    if "bound" in da.coords and da["bound"].ndim == 2:
        bound = da["bound"].transpose(*da.dims).values
    known = np.isfinite(da.values)
    for i, j in np.argwhere(known):
        text = str(bound[i, j]).replace("=", "") + (f"{da.values[i, j]:.2f}" if numbers else "")
        red, green, blue, _ = mesh.to_rgba(da.values[i, j])
        light = 0.3 * red + 0.59 * green + 0.11 * blue > LIGHT
        if text:
            ax.text(
                np.prod(x[j]) ** 0.5, np.prod(y[i]) ** 0.5, text.replace("-", "−"), ha="center",
                va="center", fontsize="x-small", color="black" if light else "white",
            )  # fmt: skip
    return bool((known & (bound != "=")).any())


def _draw_contours(ax: "Axes", excess: "xr.DataArray", dose_a: str, dose_b: str) -> list[str]:
    """Lines of equal excess, solid above 0, dashed below, with their values; what to say of it."""
    import numpy as np
    from matplotlib.patheffects import withStroke
    from matplotlib.ticker import MaxNLocator
    from scipy.interpolate import RegularGridInterpolator

    finite = excess.values[np.isfinite(excess.values)]
    if min(excess.shape) < 2 or not finite.size:
        return [f"no lines: too few values of {_name(excess)}"]
    low, high = float(finite.min()), float(finite.max())
    if high - low < LEAST_SPAN:
        return [f"no lines: {_name(excess)} is {(low + high) / 2:.2g} throughout".replace("-", "−")]
    levels = [v for v in MaxNLocator(5).tick_values(low, high) if low < v < high and abs(v) > 1e-9]
    logs = [np.log10(excess[dim].values) for dim in (dose_b, dose_a)]
    fine = [np.interp(np.arange(FINE * (len(log) - 1) + 1) / FINE, np.arange(len(log)), log)
            for log in logs]  # fmt: skip
    grid = RegularGridInterpolator(logs, excess.values)(tuple(np.meshgrid(*fine, indexing="ij")))
    lines = ax.contour(
        10 ** fine[1], 10 ** fine[0], grid, levels=levels, colors="black", linewidths=0.8,
        linestyles=["-" if level > 0 else "--" for level in levels],
    )  # fmt: skip
    # A white rim: black lines are seen on dark fields too.
    lines.set_path_effects([withStroke(linewidth=2.0, foreground="white", alpha=0.8)])
    for text in ax.clabel(lines, fmt=lambda v: f"{v:+.3g}".replace("-", "−"), fontsize="x-small"):
        text.set_path_effects([withStroke(linewidth=1.5, foreground="white")])
    said = [f"lines: {_name(excess)},", "solid synergy, dashed antagonism"]
    if "bound" in excess.coords and (beyond := int((excess["bound"] == "<").sum())):
        said.append(f"upper bounds in {beyond} of {excess.size} fields")
    return said


def _log_axes(
    ax: "Axes", da: "xr.DataArray", dose_a: str, dose_b: str, x: "np.ndarray", y: "np.ndarray"
) -> None:
    """Logarithmic axes with a tick for the dose 0, and no frame around the gap."""
    import numpy as np

    ax.set_xscale("log")
    ax.set_yscale("log")
    for axis, limits, edges, dose in (
        (ax.xaxis, ax.set_xlim, x, dose_a),
        (ax.yaxis, ax.set_ylim, y, dose_b),
    ):
        doses = da[dose].values.astype(float)
        labelled, between = log_ticks(doses[doses > 0].min(), doses.max())
        ticks, names = list(labelled), [dose_text(d) for d in labelled]
        if (doses == 0).any():
            ticks, names = [float(np.prod(edges[0]) ** 0.5), *ticks], ["0", *names]
        axis.set_ticks(ticks, names)
        axis.set_ticks(between, [""] * len(between), minor=True)
        axis.set_label_text(dose_label(da, dose))
        limits(edges[0, 0], edges[-1, 1])
    ax.spines[:].set_visible(False)


def _draw_bar(ax: "Axes", mesh: Any, said: list[str]) -> None:
    """The colour bar, and beside it what colours, lines, hatching and signs are."""
    bar = ax.figure.colorbar(mesh, ax=ax)
    bar.outline.set_visible(False)
    as_vectors(bar)
    bar.set_label("\n".join(broken(text, BAR_LETTERS) for text in said))


def _name(da: "xr.DataArray") -> str:
    return NAMES.get(str(da.name)) or axis_label(da, BAR_LETTERS)
