"""What the command `dose` shows: tables of doses, of pairs and of delays."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .reporting import Writer, as_json, print_json, print_table, say, write_files

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr


def tables_of(found: xr.Dataset) -> dict[str, pd.DataFrame]:
    """The result as tables, a row per condition (and dose, or delay): the first is the main one."""
    fixed = [name for name, c in found.coords.items() if c.ndim == 0 and name != "fraction"]
    found = found.drop_vars(fixed)
    if "exposure" in found:
        found = found.drop_vars(["exposure", "drug"])
    apart = [name for name in found.data_vars if "drug" in found[name].dims]
    if not apart:
        return {"doses": _flat(found)}
    first, second = found["drug"].values.tolist()
    per_cell = ["cost", "cost_bound", "saving"]
    split = {
        f"{name}_{drug}": found[name].sel(drug=drug, drop=True)
        for name in apart
        for drug in (first, second)
    }
    best = found[per_cell].drop_dims(["drug", second], errors="ignore").assign(split)
    isobole = found.drop_vars([*apart, *per_cell, "drug"])
    return {"isobole": _flat(isobole), "best": _flat(best)}


def _flat(found: xr.Dataset) -> pd.DataFrame:
    import pandas as pd

    if not found.sizes:
        return pd.DataFrame([{name: found[name].item() for name in (*found.coords, *found)}])
    flat: pd.DataFrame = found.to_dataframe().reset_index()
    return flat[list(dict.fromkeys([*found.sizes, *found.coords, *found]))]


def show(found: xr.Dataset, out: Path | None, json: bool) -> None:
    """Write the result to a file where one is named, and print it."""
    tables = tables_of(found)
    rows = {name: table.to_dict(orient="records") for name, table in tables.items()}
    content = {**found.attrs, **rows}
    if out is not None:
        for path in write_files(out.parent, _files(out, tables, content)):
            say(f"wrote {path}")
    if json:
        print_json(content)
    elif out is None:
        for table in tables.values():
            _print(table)
        say(_about(found))


def _files(
    out: Path, tables: Mapping[str, pd.DataFrame], content: Mapping[str, Any]
) -> dict[str, Writer]:
    """What is written: one JSON file, or a CSV file for each table."""
    if out.suffix != ".csv":
        return {out.name: lambda path: path.write_text(as_json(content) + "\n", "utf-8")}
    main, *others = tables
    names = {main: out.name} | {name: f"{out.stem}_{name}.csv" for name in others}
    return {file: partial(tables[name].to_csv, index=False) for name, file in names.items()}


def _about(found: xr.Dataset) -> str:
    """What the numbers are, in a line."""
    if "target" in found.attrs:
        return f"target: {found.attrs['target']} at {found.attrs['time']:g}"
    return f"{found.attrs['comparison']}; delay: {found.attrs['delay']}"


def _print(table: pd.DataFrame) -> None:
    """A line per row: a number and its bound in one column; statuses only of what failed."""
    from rich.table import Table

    bounds = {"bound": "dose"} | {
        name: name.removesuffix("_bound") for name in table if name.endswith("_bound")
    }
    bounds |= {name: name.replace("_bound_", "_") for name in table if "_bound_" in name}
    signs = {number: table[name] for name, number in bounds.items() if name in table}
    shown = [name for name in table if name not in bounds]
    if "status" in table and (table["status"] == "SUCCESS").all():
        shown.remove("status")
    grid = Table(box=None, pad_edge=False, header_style="bold")
    for name in shown:
        grid.add_column(str(name), justify="right", no_wrap=True)
    for i in range(len(table)):
        grid.add_row(
            *(
                ("" if name not in signs else signs[name].iloc[i].replace("=", ""))
                + _text(table[name].iloc[i])
                for name in shown
            )
        )
    print_table(grid)


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    if value in (True, False) and not isinstance(value, float | int):
        return "yes" if value else "no"
    number = float(value)
    return "-" if number != number else f"{number:.4g}"
