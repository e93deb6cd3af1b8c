"""The command `dose`: lowest doses, and the order of two drugs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..errors import ConditionError
from . import completion
from .dose_tables import show
from .factor_arguments import read_factors, read_number
from .options import BUNDLED_MODEL, RESULTS, JsonOption, ModelOption, WorkersOption
from .reporting import reported

if TYPE_CHECKING:
    import xarray as xr

    from ..simulation.model import Model

RANGE = "LOW:HIGH"

# Panels of options in the help page.
TARGET, SEARCH, COHORT, ORDER = (
    "The target",
    "The search",
    "In a cohort",
    "The order of two drugs",
)


def dose(
    arguments: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="DRUG|FACTOR=VALUE",
            autocompletion=completion.drugs_and_factors,
            help="One drug whose lowest dose is wanted, or two; then conditions as for simulate."
            " With --delays: two drugs with their doses, first the one that stays in its place.",
        ),
    ] = None,
    model: ModelOption = BUNDLED_MODEL,
    effect: Annotated[
        float | None,
        typer.Option(
            metavar="NUMBER",
            help="Target: 1 - output relative to vehicle. Default: 0.5.",
            rich_help_panel=TARGET,
        ),
    ] = None,
    below: Annotated[
        float | None,
        typer.Option(
            metavar="NUMBER",
            help="Target: the output at or below this.",
            rich_help_panel=TARGET,
        ),
    ] = None,
    above: Annotated[
        float | None,
        typer.Option(
            metavar="NUMBER",
            help="Target: the output at or above this.",
            rich_help_panel=TARGET,
        ),
    ] = None,
    output: Annotated[
        str,
        typer.Option(
            metavar="ID",
            autocompletion=completion.outputs,
            help="The output that counts.",
            rich_help_panel=TARGET,
        ),
    ] = "viability",
    time: Annotated[
        float | None,
        typer.Option(
            "--time",
            "-t",
            metavar="TIME",
            help="When it is read; with --delays after the start of the first drug.",
            rich_help_panel=TARGET,
        ),
    ] = None,
    dose_range: Annotated[
        list[str] | None,
        typer.Option(
            "--range",
            metavar=f"[DRUG=]{RANGE}",
            autocompletion=completion.drugs,
            help="Doses to search in; may be repeated. Default: the model folder's.",
            rich_help_panel=SEARCH,
        ),
    ] = None,
    weight: Annotated[
        list[str] | None,
        typer.Option(
            metavar="DRUG=DOSE",
            autocompletion=completion.drugs,
            help="Reference dose of the cost of a pair; of both drugs. Default: the doses that"
            " reach the target alone.",
            rich_help_panel=SEARCH,
        ),
    ] = None,
    cohort: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            autocompletion=completion.cohorts,
            help="A cohort of the model, instead of one cell.",
            rich_help_panel=COHORT,
        ),
    ] = None,
    samples: Annotated[
        int | None,
        typer.Option(
            "--samples",
            "-n",
            metavar="N",
            help="Its samples. Default: its own number.",
            rich_help_panel=COHORT,
        ),
    ] = None,
    seed: Annotated[
        int,
        typer.Option(
            metavar="N",
            help="Which draw of the cohort.",
            rich_help_panel=COHORT,
        ),
    ] = 0,
    fraction: Annotated[
        float | None,
        typer.Option(
            metavar="NUMBER",
            help="The dose that serves this fraction of the cohort.",
            rich_help_panel=COHORT,
        ),
    ] = None,
    delays: Annotated[
        str | None,
        typer.Option(
            metavar="FIRST:LAST:STEP",
            help="Start of the second drug minus start of the first; or a list with commas.",
            rich_help_panel=ORDER,
        ),
    ] = None,
    exposure: Annotated[
        str | None,
        typer.Option(
            metavar="LENGTH|DRUG=LENGTH,...",
            help="How long each drug is given, with --delays; none: until the output is read."
            " Default: as long as the last delay leaves time for.",
            rich_help_panel=ORDER,
        ),
    ] = None,
    best: Annotated[
        bool,
        typer.Option(
            "--best",
            help="Search the best delay from the first to the last.",
            rich_help_panel=ORDER,
        ),
    ] = False,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            "-o",
            metavar="FILE",
            help="File: .csv or .json. Default: the screen.",
            rich_help_panel=RESULTS,
        ),
    ] = None,
    workers: WorkersOption = None,
    json: JsonOption = False,
) -> None:
    """The lowest dose that reaches a target, of one drug or of two, or the best order of two.

    In each condition, or in a fraction of a cohort. Doses that are only known as a bound are shown
    with < or >. Doses are concentrations in a culture; research use only.
    """
    with reported():
        from .. import load

        if out is not None and out.suffix not in (".csv", ".json"):
            raise ConditionError(f"--out is {out}, but must end in .csv or .json.")
        drugs, factors = _read_arguments(arguments or [])
        _check_use(delays, exposure=exposure, best=best or None)
        _check_use(cohort, "--cohort", samples=samples, fraction=fraction)
        loaded = load(model)
        target = {"effect": effect, "below": below, "above": above}
        common: dict[str, Any] = {"output": output, "time": time, "workers": workers}
        if cohort is not None:
            common["conditions"] = loaded.cohort(cohort, samples, seed)
        if delays is not None:
            _refuse(drugs, target | {"range": dose_range, "weight": weight, "fraction": fraction})
            found = _ordered(loaded, factors, common, read_delays(delays), exposure, best)
        else:
            common |= target | {"fraction": fraction}
            found = _lowest(loaded, drugs, factors, common, dose_range or [], weight or [])
        show(found, out, json)


def _lowest(
    model: Model,
    drugs: Sequence[str],
    factors: Mapping[str, Any],
    common: Mapping[str, Any],
    ranges: Sequence[str],
    weights: Sequence[str],
) -> xr.Dataset:
    from ..dosing import lowest_dose, lowest_doses

    if not 1 <= len(drugs) <= 2:
        raise ConditionError(
            "Name one or two drugs, such as: steroidsim dose prednisolone alteration=NRAS_G12D."
        )
    found = _ranges(ranges, drugs)
    if len(drugs) == 1:
        if weights:
            raise ConditionError("--weight is for two drugs.")
        return lowest_dose(model, drugs[0], range=found.get(drugs[0]), **common, **factors)
    given = read_factors(weights, option="--weight ") or None
    return lowest_doses(model, drugs, ranges=found, weights=given, **common, **factors)


def _ordered(
    model: Model,
    factors: dict[str, Any],
    common: Mapping[str, Any],
    delays: Sequence[float],
    exposure: str | None,
    best: bool,
) -> xr.Dataset:
    from ..dosing import best_schedule, sequence

    drugs = [name for name in factors if name in model.definition.drugs][:2]
    if len(drugs) < 2:
        raise ConditionError(
            "--delays needs two drugs with their doses, such as prednisolone=1 selumetinib=0.5."
        )
    doses = {drug: factors.pop(drug) for drug in drugs}
    length = None if exposure is None else _exposure(exposure)
    if best:
        ends = (delays[0], delays[-1])
        return best_schedule(model, doses, within=ends, exposure=length, **common, **factors)
    return sequence(model, doses, delays=delays, exposure=length, **common, **factors)


def _read_arguments(arguments: Sequence[str]) -> tuple[list[str], dict[str, Any]]:
    """Bare names, and factors."""
    from ..network.definition import OPTIONS

    drugs = [text for text in arguments if "=" not in text]
    factors = read_factors([text for text in arguments if "=" in text])
    for name in factors:
        if name in (*OPTIONS, "model", "drug", "drugs", *_OWN):
            raise ConditionError(f'"{name}" is an option, not a factor: see --help.')
    return drugs, factors


# Further keywords of the functions, which no factor may have for its name.
_OWN = (
    "effect", "output", "below", "above", "range", "ranges", "window", "fraction", "rtol_dose",
    "per_decade", "points", "weights", "delays", "exposure", "within", "best", "noise",
    "resolution",
)  # fmt: skip


def _check_use(needed: Any, name: str = "--delays", **options: Any) -> None:
    for option, value in options.items():
        if needed is None and value is not None:
            raise ConditionError(f"--{option} is for use with {name}.")


def _refuse(drugs: Sequence[str], options: Mapping[str, Any]) -> None:
    if drugs:
        raise ConditionError(f'With --delays a drug has its dose: write "{drugs[0]}=DOSE".')
    for option, value in options.items():
        if value is not None:
            raise ConditionError(f"--{option} has no meaning with --delays.")


def _ranges(texts: Sequence[str], drugs: Sequence[str]) -> dict[str, tuple[float, float]]:
    found = {}
    for text in texts:
        name, _, ends = text.rpartition("=")
        if not name and len(drugs) > 1:
            raise ConditionError(f"--range {text}: write DRUG={RANGE}, such as {drugs[0]}={text}.")
        name = name or drugs[0]
        if name not in drugs or name in found:
            raise ConditionError(
                f'--range {text}: "{name}" is none of {", ".join(drugs)}, or twice.'
            )
        low, _, high = ends.partition(":")
        where = f"--range {text}"
        found[name] = (read_number(low, where), read_number(high, where))
    return found


def read_delays(text: str) -> list[float]:
    """Delays from FIRST:LAST:STEP, both ends included, or from a list with commas.

    Raises ConditionError for anything else.
    """
    if ":" not in text:
        return [read_number(each, "--delays") for each in text.split(",")]
    numbers = [read_number(each, "--delays") for each in text.split(":")]
    if len(numbers) != 3 or not (numbers[2] > 0 and numbers[0] <= numbers[1]):
        raise ConditionError(f"--delays {text}: write FIRST:LAST:STEP, such as -48:48:12.")
    first, last, step = numbers
    count = (last - first) / step
    if count > MOST_DELAYS:
        raise ConditionError(f"--delays {text} are more than {MOST_DELAYS}: take a longer step.")
    return [first + i * step for i in range(int(count + 1e-9) + 1)]


MOST_DELAYS = 10_000


def _exposure(text: str) -> float | dict[str, Any]:
    if "=" not in text:
        return read_number(text, "--exposure")
    found = read_factors(text.split(","), option="--exposure ")
    return {drug: None if value == "none" else value for drug, value in found.items()}
