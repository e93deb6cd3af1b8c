"""What the command `screen` shows: rows by the size of what they do."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from .reporting import print_json, print_table, say, write_files

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr


def deliver(frame: pd.DataFrame, out: Path | None, top: int, as_json: bool) -> None:
    """Write all rows to a file where one is named, and print the first, or all as JSON."""
    if out is not None:
        write_files(out.parent, {out.name: lambda path: frame.to_csv(path, index=False)})
        say(f"wrote {out}")
    if as_json:
        print_json({**frame.attrs, "rows": frame.astype(object).to_dict("records")})
    else:
        _print(frame, top)


def control_frame(found: xr.Dataset) -> pd.DataFrame:
    """Coefficients by size, each condition by itself."""
    name = found.attrs["measure"]
    frame: pd.DataFrame = found.to_dataframe().reset_index()
    places = [str(dim) for dim in found["control"].dims if dim != "parameter"]
    kept = [*places, "parameter", "control", "slope", name]
    frame = frame[kept + (["bound"] if "bound" in frame else [])]
    return _sorted(frame, places, "control", dict(found.attrs))


def index_frame(found: xr.Dataset) -> pd.DataFrame:
    """Indices by size, each condition by itself."""
    largest = "ST" if "ST" in found else "mu_star"
    places = [str(dim) for dim in found[largest].dims if dim != "parameter"]
    indices = [str(name) for name in found.data_vars if "parameter" in found[name].dims]
    frame: pd.DataFrame = found[indices].to_dataframe().reset_index()
    attributes = dict(found.attrs)
    if not places:
        attributes |= {name: float(found[name]) for name in ("mean", "variance")}
    frame = frame[[*places, "parameter", *indices, *(c for c in ("low", "high") if c in frame)]]
    return _sorted(frame, places, largest, attributes)


def _sorted(
    frame: pd.DataFrame, places: list[str], by: str, attributes: dict[str, Any]
) -> pd.DataFrame:
    order = frame.groupby(places, sort=False).ngroup() if places else 0
    frame = frame.assign(order=order, size=frame[by].abs())
    frame = frame.sort_values(["order", "size"], ascending=[True, False], kind="stable")
    frame = frame.drop(columns=["order", "size"]).reset_index(drop=True)
    frame.attrs = attributes
    return frame


def _print(frame: pd.DataFrame, top: int) -> None:
    """The first rows; columns that say the same in all rows are left out."""
    from rich.table import Table

    dull = {"status": "SUCCESS", "bound": "=", "unperturbed_bound": "="}
    columns = [c for c in frame.columns if not (c in dull and (frame[c] == dull[c]).all())]
    grid = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        number = frame[column].dtype.kind in "fi"
        grid.add_column(column, justify="right" if number else "left", no_wrap=True)
    for record in frame.head(top)[columns].to_dict("records"):
        grid.add_row(*(_cell(record[column]) for column in columns))
    print_table(grid)
    if len(frame) > top:
        say(f"{len(frame) - top} more rows: --top {len(frame)}, or --out FILE.csv")


def _cell(value: Any) -> str:
    if value is None or value != value:
        return "-"
    return f"{value:.4g}" if isinstance(value, float) else str(value)
