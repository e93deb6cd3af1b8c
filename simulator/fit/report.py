"""A page about a fit, with its figures."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..plot.panels import panels
from ..plot.style import COLUMN, HEIGHT
from ..plot.waterfall import SAME, objectives, plot_waterfall
from .fit_plot import has_curves, plot_fit
from .plots import ROW, plot_parameters, plot_profiles

if TYPE_CHECKING:
    import pypesto

    from .problem import Problem

Writer = Callable[[Path], object]

SUFFIXES = ("svg", "png")

FOLLOWS = "follows the others"
"""What is said of a parameter that a hierarchical problem does not search."""


def report_files(problem: Problem, result: pypesto.Result) -> dict[str, Writer]:
    """File name -> function that writes it: ``report.md`` and its figures, as svg and png."""
    figures = _figures(problem, result)
    files: dict[str, Writer] = {}
    for name, figure in figures.items():
        for suffix in SUFFIXES:
            files[f"{name}.{suffix}"] = partial(figure.savefig, dpi=300)
    text = _page(problem, result, list(figures))
    files["report.md"] = lambda path: path.write_text(text, encoding="utf-8")
    return files


def _figures(problem: Problem, result: pypesto.Result) -> dict[str, Any]:
    with panels(1, 1, (COLUMN, HEIGHT)) as (waterfall, [ax]):
        plot_waterfall(result, ax)
    with panels(1, 1, (COLUMN, ROW * len(problem.free) + 0.75)) as (parameters, [ax]):
        plot_parameters(problem, result, ax)
    profiled, sampled = _has(result)
    wanted = (profiled or sampled) and has_curves(problem)
    bands = problem.predict(result) if wanted else None
    found = {"fit": plot_fit(problem, result, bands), "waterfall": waterfall}
    found["parameters"] = parameters
    if profiled:
        found["profiles"] = plot_profiles(problem, result, columns=4)
    return found


def _has(result: pypesto.Result) -> tuple[bool, bool]:
    """Whether a result has profiles, and samples."""
    return bool(result.profile_result.list), hasattr(result.sample_result, "trace_x")


_CAPTIONS = {
    "fit": "Data and the best simulation; the light band is the noise of a measurement, the darker"
    " one, if there is any, how well the parameters determine the curve.",
    "waterfall": "The starts in order of their objectives; what is below the dotted line"
    " counts as the best optimum. A step that many starts share is an optimum; a best one that"
    " was found once only calls for more starts.",
    "parameters": "Parameters of the best starts between their bounds.",
    "profiles": "Rise of the objective with each parameter held, the others refitted; the dashed"
    " line is the threshold of 95 % confidence, the shaded part of the axis the interval within"
    " it, a grey line a bound.",
}


def _page(problem: Problem, result: pypesto.Result, figures: list[str]) -> str:
    values = objectives(result)
    finite = values[np.isfinite(values)]
    found = int((finite - finite[0] <= SAME).sum())
    lines = [
        f"# Fit of {problem.petab.path.stem}",
        "",
        f"- objective (negative log posterior) of the best start: {finite[0]:.6g}",
        f"- log-likelihood there: {problem.log_likelihood(problem.best(result)):.6g}",
        f"- starts: {len(values)}, of which {found} within {SAME:g} of the best one and"
        f" {len(values) - len(finite)} failed",
        "",
        *_table(problem, result),
    ]
    for name in figures:
        lines += ["", f"![{name}]({name}.svg)", "", _CAPTIONS[name]]
    return "\n".join(lines) + "\n"


def _table(problem: Problem, result: pypesto.Result) -> list[str]:
    """Estimates between their bounds, with what profiles say of them."""
    verdicts = problem.verdicts(result)
    rows = ["| parameter | estimate | bounds | what the data say |", "|---|---|---|---|"]
    values = problem.best(result)
    for parameter in problem.petab.parameters:
        if not parameter.estimate:
            continue
        value = values[parameter.id]
        silent = FOLLOWS if parameter.id in problem.following else "not profiled"
        said = verdicts["sentence"].get(parameter.id, silent)
        said = said.removeprefix(f"{parameter.id} ")
        bounds = f"{parameter.lower:g} to {parameter.upper:g}"
        rows.append(f"| {parameter.id} | {value:.4g} | {bounds} | {said} |")
    return rows
