"""The command `predict`, the main job."""

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from . import completion
from .options import BUNDLED_MODEL, RESULTS, JsonOption, ModelOption, WorkersOption
from .reporting import Writer, print_json, print_table, reported, say, write_files
from .reporting import as_json as to_json

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure


def predict(
    model: ModelOption = BUNDLED_MODEL,
    cell: Annotated[
        list[str] | None,
        typer.Option(
            "--cell",
            "-c",
            metavar="CELL",
            help="Only this cell; may be repeated. Default: all.",
            autocompletion=completion.cells,
        ),
    ] = None,
    out: Annotated[
        Path,
        typer.Option(
            "--out",
            "-o",
            metavar="FOLDER",
            help="Folder for the results.",
            rich_help_panel=RESULTS,
        ),
    ] = Path("results"),
    members: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            help="Members of the ensemble to ask, spread evenly over it; 0: none; at most all of"
            " them. Default: 64, or all of a smaller ensemble.",
        ),
    ] = None,
    report: Annotated[
        Path | None,
        typer.Option(
            "--report",
            metavar="FILE.md",
            help="Write predictions to test to this Markdown file instead.",
            rich_help_panel=RESULTS,
        ),
    ] = None,
    workers: WorkersOption = None,
    as_json: JsonOption = False,
) -> None:
    """Which cells are steroid resistant, and what re-sensitises them.

    Simulates the steroid alone, with a MEK inhibitor and with a JAK inhibitor. Writes
    prediction.csv, prediction.json, prediction.png and prediction.pdf. Where the model has an
    ensemble of parameter sets, numbers carry their 5-95 % range over it, and calls the share of
    sets that make the same call.

    With --report: which knock-outs, third drugs and pairs of drugs would change the response, in
    every cell of the model's block "outlook".
    """
    if report is not None:
        _write_report(model, report, members, workers, as_json)
        return
    with reported():
        from .. import load
        from ..plot import plot_prediction
        from ..predict import as_dict, read_settings
        from ..predict import predict as run

        loaded = load(model)
        settings = read_settings(loaded)
        table, curves = run(loaded, settings, cell or (), members=members, workers=workers)
        content = as_dict(loaded, table, curves)
        figure = plot_prediction(
            table,
            curves,
            shown=settings.figure,
            resistant_above=settings.resistant_above,
            hours=settings.hours,
        )
        written = write_files(
            out,
            {
                "prediction.csv": lambda path: table.to_csv(path, index=False),
                "prediction.json": lambda path: path.write_text(to_json(content) + "\n", "utf-8"),
                "prediction.png": lambda path: figure.savefig(path, dpi=200),
                "prediction.pdf": lambda path: figure.savefig(path),
            },
        )
        if as_json:
            print_json(content)
        else:
            _print_prediction(table)
            say(f"uncertainty: {content['uncertainty']}")
        for path in written:
            say(f"wrote {path}")


def _write_report(
    model: str, report: Path, members: int | None, workers: int | None, as_json: bool
) -> None:
    """The report, and its figures and full tables in figures/<name of the report> beside it."""
    with reported():
        from .. import load
        from ..outlook import figures, full_tables, outlook, report_text

        results = outlook(load(model), members=members, workers=workers)
        pictures = Path("figures") / report.stem
        text = report_text(results, "steroidsim predict --report", pictures.as_posix())
        files: dict[str, Writer] = {
            name: partial(_save, figure) for name, figure in figures(results).items()
        }
        for name, table in full_tables(results).items():
            files[name] = partial(table.to_csv, sep="\t", index=False)
        # Pictures first: a report never points to what is not there.
        written = write_files(report.parent / pictures, files)
        written += write_files(
            report.parent, {report.name: lambda path: path.write_text(text, "utf-8")}
        )
        for path in written:
            say(f"wrote {path}")
        if as_json:
            print_json({"report": str(report), "files": [str(path) for path in written]})


def _save(figure: "Figure", path: Path) -> None:
    figure.savefig(path, dpi=100, pil_kwargs={"optimize": True})


def _print_prediction(table: "pd.DataFrame") -> None:
    """One line per condition: auc400 of each treatment, IC50, combination indices, call.

    A range over the ensemble stands behind each auc400; those of the other numbers are in the CSV,
    for a terminal is not wide enough.
    """
    from rich.table import Table

    treatments = list(dict.fromkeys(table["treatment"]))
    short = [t.removeprefix(treatments[0]).strip() or t for t in treatments]
    grid = Table(box=None, pad_edge=False, header_style="bold")
    grid.add_column("condition", no_wrap=True)
    for name in short:
        grid.add_column(f"AUC {name}", justify="right")
    grid.add_column("IC50 (uM)", justify="right")
    for name in short[1:]:
        grid.add_column(f"CI {name}", justify="right")
    grid.add_column("call")
    grid.add_column("uncertainty", no_wrap=True)
    for condition, rows in table.groupby("condition", sort=False):
        alone, *with_partner = rows.to_dict(orient="records")
        grid.add_row(
            str(condition),
            *(_with_range(row, "auc400", ".0f") for row in (alone, *with_partner)),
            _with_bound(alone, "ic50", ".3g"),
            *(_with_bound(row, "combination_index", ".2f") for row in with_partner),
            str(alone["call"]),
            str(alone["uncertainty"]),
        )
    print_table(grid)


def _with_range(row: dict[str, Any], key: str, form: str) -> str:
    """`312`, `312 (280-340)` or `-`."""
    value, low, high = row[key], row.get(f"{key}_low"), row.get(f"{key}_high")
    if value != value:
        return "-"
    return f"{value:{form}}" if low is None else f"{value:{form}} ({low:{form}}-{high:{form}})"


def _with_bound(row: dict[str, Any], key: str, form: str) -> str:
    """`0.42`, `<0.42` or `-`."""
    value = row[key]
    return "-" if value != value else f"{row[f'{key}_bound'].replace('=', '')}{value:{form}}"
