"""The command `screen`: what gene, drug or parameter matters, as a ranked table."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from ..errors import ConditionError
from . import completion
from .factor_arguments import read_factors, read_number
from .options import (
    BUNDLED_MODEL,
    RESULTS,
    AtolOption,
    JsonOption,
    ModelOption,
    RtolOption,
    SetOption,
    WorkersOption,
)
from .reporting import reported
from .screen_tables import control_frame, deliver, index_frame
from .simulate_command import no_options

PANEL_WHAT = "What is perturbed"
PANEL_SENSITIVITY = "Instead of perturbing one at a time"

KEYWORDS = (
    "model", "measure", "knockouts", "knockdown", "overexpression", "drugs", "parameters", "pairs",
    "output", "dose", "ranges", "n", "seed", "groups", "second_order", "resamples", "confidence",
)  # fmt: skip
"""Arguments of the functions that are called: no names of factors here."""

SHOWN = 30


def screen(
    factors: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="FACTOR=VALUE",
            autocompletion=completion.factors,
            help="The condition that is perturbed, as for simulate; what is swept, but the dose, is"
            " screened level by level.",
        ),
    ] = None,
    model: ModelOption = BUNDLED_MODEL,
    measure: Annotated[
        str | None,
        typer.Option(
            metavar="MEASURE",
            autocompletion=completion.measures,
            help="auc400, ic50 or ec50 of the drug that is swept, or an output.",
        ),
    ] = None,
    time: Annotated[
        float | None, typer.Option("--time", "-t", metavar="TIME", help="When it is taken.")
    ] = None,
    output: Annotated[
        str | None,
        typer.Option(
            metavar="ID",
            autocompletion=completion.outputs,
            help="What a dose-response is of. Default: viability.",
        ),
    ] = None,
    dose: Annotated[
        str | None,
        typer.Option(metavar="FACTOR", help="Which swept factor is the dose, if several are."),
    ] = None,
    ids: SetOption = None,
    knockout: Annotated[
        list[str] | None,
        typer.Option(
            metavar="GENE",
            autocompletion=completion.knockouts,
            help="A gene; may be repeated. Default: all. none: none.",
            rich_help_panel=PANEL_WHAT,
        ),
    ] = None,
    knockdown: Annotated[
        list[str] | None,
        typer.Option(
            metavar="FOLD",
            help="To this fold of expression; may be repeated. Default: 0.5. none: not at all.",
            rich_help_panel=PANEL_WHAT,
        ),
    ] = None,
    overexpression: Annotated[
        list[float] | None,
        typer.Option(
            metavar="FOLD",
            help="To this fold of expression; may be repeated.",
            rich_help_panel=PANEL_WHAT,
        ),
    ] = None,
    drug: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME[=DOSE]",
            autocompletion=completion.drugs_or_none,
            help="A drug that is added; may be repeated. Default: all with a stated dose. none:"
            " none.",
            rich_help_panel=PANEL_WHAT,
        ),
    ] = None,
    parameter: Annotated[
        list[str] | None,
        typer.Option(
            metavar="ID",
            autocompletion=completion.parameters,
            help="A parameter; may be repeated; all: all. With --control, --sobol and --morris"
            " those of which sensitivities are wanted.",
            rich_help_panel=PANEL_WHAT,
        ),
    ] = None,
    pairs: Annotated[
        bool,
        typer.Option(
            "--pairs", help="Also every two knock-outs and drugs.", rich_help_panel=PANEL_WHAT
        ),
    ] = False,
    control: Annotated[
        bool,
        typer.Option(
            "--control",
            help="Control coefficients d ln measure / d ln parameter, exact.",
            rich_help_panel=PANEL_SENSITIVITY,
        ),
    ] = False,
    sobol: Annotated[
        bool,
        typer.Option(
            "--sobol",
            help="Sobol' indices: shares of the variance when all parameters vary.",
            rich_help_panel=PANEL_SENSITIVITY,
        ),
    ] = False,
    morris: Annotated[
        bool,
        typer.Option(
            "--morris",
            help="Elementary effects: a ranking from fewer runs.",
            rich_help_panel=PANEL_SENSITIVITY,
        ),
    ] = False,
    ranges: Annotated[
        list[str] | None,
        typer.Option(
            "--range",
            metavar="ID[=LOW:HIGH[:log]]",
            autocompletion=completion.parameters,
            help="A parameter that varies; may be repeated. Default: all, over the plausible ranges"
            " of the model's folder.",
            rich_help_panel=PANEL_SENSITIVITY,
        ),
    ] = None,
    n: Annotated[
        int | None,
        typer.Option(
            "--n",
            metavar="N",
            help="Base points of --sobol (a power of 2), trajectories of --morris.",
            rich_help_panel=PANEL_SENSITIVITY,
        ),
    ] = None,
    seed: Annotated[
        int,
        typer.Option(
            min=0, metavar="N", help="Seed of the points.", rich_help_panel=PANEL_SENSITIVITY
        ),
    ] = 0,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            "-o",
            metavar="FILE.csv",
            help="CSV file of all rows.",
            rich_help_panel=RESULTS,
        ),
    ] = None,
    top: Annotated[
        int,
        typer.Option(
            min=1,
            metavar="N",
            help="Rows that are printed.",
            rich_help_panel=RESULTS,
        ),
    ] = SHOWN,
    rtol: RtolOption = 1e-6,
    atol: AtolOption = 1e-9,
    workers: WorkersOption = None,
    as_json: JsonOption = False,
) -> None:
    """Knock every gene out and down, add every drug, and rank what that does to a measure."""
    with reported():
        if out is not None and out.suffix != ".csv":
            raise ConditionError(f"--out is {out}, but must end in .csv.")
        what = {
            "time": time,
            "output": output,
            "dose": dose,
            "set": read_factors(ids or [], option="--set ") or None,
            "rtol": rtol,
            "atol": atol,
            "workers": workers,
            **no_options(read_factors(factors or []), KEYWORDS),
        }
        if control + sobol + morris > 1:
            raise ConditionError("--control, --sobol and --morris are three questions: ask one.")
        _refuse_unused(
            {"--range": ranges, "--n": n} if not (sobol or morris) else {},
            "is for --sobol and --morris",
        )
        perturbed: dict[str, Any] = {
            "--knockout": knockout,
            "--knockdown": knockdown,
            "--drug": drug,
        }
        perturbed |= {"--overexpression": overexpression, "--pairs": pairs or None}
        _refuse_unused(
            perturbed if control or sobol or morris else {}, "is for perturbing one at a time"
        )
        if control:
            from .. import control_coefficients

            found = control_coefficients(model, measure, parameters=_names(parameter), **what)
            frame = control_frame(found)
        elif sobol or morris:
            from .. import global_sensitivity

            asked = _ranges([*(parameter or []), *(ranges or [])])
            method = "sobol" if sobol else "morris"
            found = global_sensitivity(model, measure, asked, method=method, n=n, seed=seed, **what)
            frame = index_frame(found)
        else:
            from .. import screen as screened

            frame = screened(
                model,
                measure,
                knockouts=_list(knockout),
                knockdown=_folds(knockdown),
                overexpression=overexpression or None,
                drugs=_drugs(drug),
                parameters=parameter == ["all"] or parameter,
                pairs=pairs,
                **what,
            )
        deliver(frame, out, top, as_json)


def _refuse_unused(given: dict[str, Any], why: str) -> None:
    for option, value in given.items():
        if value is not None:
            raise ConditionError(f"{option} {why}: leave it out.")


def _list(names: list[str] | None) -> list[str] | bool | None:
    return False if names == ["none"] else names


def _names(names: list[str] | None) -> list[str] | None:
    return None if names == ["all"] else names


def _folds(texts: list[str] | None) -> list[float] | None:
    if texts is None:
        return [0.5]
    return None if texts == ["none"] else [read_number(text, "--knockdown") for text in texts]


def _drugs(texts: list[str] | None) -> dict[str, float] | list[str] | bool | None:
    """Drugs at the doses given, or all at stated ones."""
    if texts is None or texts == ["none"]:
        return None if texts is None else False
    parts = [text.partition("=") for text in texts]
    if all(not equals for _, equals, _ in parts):
        return [name for name, _, _ in parts]
    found = {}
    for name, equals, dose in parts:
        if not equals:
            raise ConditionError(f'--drug "{name}": give a dose to all drugs or to none.')
        found[name] = read_number(dose, f'--drug "{name}={dose}"')
    return found


def _ranges(texts: list[str]) -> dict[str, Any] | None:
    """Ranges by id, None where the model's own is meant."""
    if not texts or texts == ["all"]:
        return None
    found: dict[str, Any] = {}
    for text in texts:
        name, equals, ends = text.partition("=")
        if not equals:
            found[name] = None
            continue
        low, *rest = ends.split(":")
        where = f'--range "{text}"'
        if len(rest) not in (1, 2) or rest[1:] not in ([], ["log"], ["lin"]):
            raise ConditionError(f"{where}: write ID=LOW:HIGH or ID=LOW:HIGH:log.")
        found[name] = (read_number(low, where), read_number(rest[0], where), *rest[1:])
    return found
