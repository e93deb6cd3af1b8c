"""A calibration from a model folder to a model folder, written stage by stage."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from .._version import __version__
from ..errors import ConditionError
from ..network.ensemble import COHORTS, FILE, TABLES, Ensemble, Quantity, write_ensemble
from ..simulation.load import load_model as load
from .asked import sources_of
from .cost import MARGIN
from .ensemble import draw_members
from .files import Source
from .folders import check_target, copy_folder
from .parts import COHORT_SEEDS, Part, cell_parts, cohort_parts, search_part
from .point import improve
from .scores import Scorer
from .space import Space, free_quantities
from .store import write_values

if TYPE_CHECKING:
    from ..simulation.model import Model

EVERYTHING = (*TABLES, COHORTS)

# How cohorts are scored in a search: with half of the doses of single agents.
ON_COHORTS: Mapping[str, Any] = {"cohorts": True, "coarse": True, "seeds": COHORT_SEEDS}

# What the notes of ensemble.tsv call the spread of the draws; a report reads it there.
SPREAD = "spread"

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Settings:
    """How to calibrate; see `improve`, `search`, `draw_members` and `Scorer`.

    Each of `rounds` has three stages: so many `iterations` of derivatives for all values, so many
    generations of a search for each of the `cells` that needs it, and for each group of `cohorts`.
    0 leaves a stage out. With `prior` the fit begins in the middle of every range, not at the
    values of the tables. Each stage weighs the distance from where it began.
    """

    prior: bool = False
    rounds: int = 1
    iterations: int = 5
    cells: int = 30
    cohorts: int = 30
    members: int = 128
    spread: float = 0.3
    seed: int = 1
    margin: float = MARGIN
    workers: int | None = None
    progress: bool = False


def fitted_space(model: "Model") -> Space:
    """The fitted quantities of a model. Raises ConditionError where there are none."""
    space = free_quantities(model.definition)
    if not len(space):
        raise ConditionError(
            f"{model.definition.name}: has no fitted quantity: estimate is 0 throughout"
            ' parameters.tsv, and no cell or alteration has the confidence "fitted".'
        )
    return space


def calibrate(
    model: "Model",
    out: Path,
    sources: Sequence[Source],
    settings: Settings,
    *,
    command: str = "",
    say: Say = print,
) -> Path:
    """Improve the values of a model and draw an ensemble around them.

    `out` becomes a copy of the model's folder, named after itself, with the new values in its
    tables and the members in ensemble.tsv. It is written after each stage, and each searched cell
    or group of cohorts. With 0 members an ensemble stays, unless the values changed. Numbers depend
    on the seed, not on the workers. `command` is noted in ensemble.tsv. Returns `out`.

    Raises ConditionError where `out` cannot be written, the model has no fitted quantities, or no
    member can be found.
    """
    folder = model.folder
    if folder is None:
        raise ConditionError(
            f"{model.definition.name}: is no model folder, whose tables could be fitted."
        )
    check_target(out)
    fitted_space(model)
    copy_folder(folder, out)
    if settings.prior:
        _write(out, free_quantities(model.definition, EVERYTHING).middle)
        say("every value is put into the middle of its range")
    for number in range(1, settings.rounds + 1):
        if settings.rounds > 1:
            say(f"round {number} of {settings.rounds}")
        _improve(out, sources, settings, say)
        _search_cells(out, sources, settings, say)
        _search_cohorts(out, sources, settings, say)
    if settings.members:
        say(f"drawing {settings.members} members")
        write_ensemble(out / FILE, _drawn(out, sources, settings, command, say))
        say(f"wrote {out / FILE}")
    return out


def _write(out: Path, values: Mapping[Quantity, float]) -> None:
    """Write values; an ensemble of other values does not stay."""
    if values:
        write_values(out, values)
        (out / FILE).unlink(missing_ok=True)


def _improve(out: Path, sources: Sequence[Source], settings: Settings, say: Say) -> None:
    """Improve all values of the tables by derivatives, on the findings with any."""
    if not settings.iterations:
        return
    model = load(out)
    space = fitted_space(model)
    leaves = Scorer(model, sources, workers=1).leaves
    seen = sources_of(each for each in leaves if each.weight > 0 and not each.jumps)
    if not seen:
        say("no finding has a value with derivatives: nothing is improved")
        return
    say(f"improving {len(space)} values")
    with Scorer(model, seen, workers=settings.workers, progress=settings.progress) as scorer:
        z = improve(
            space,
            scorer,
            margin=settings.margin,
            iterations=settings.iterations,
            report=lambda text, z: say(text),
        )
    _write(out, space.values(z))
    say(f"wrote the values into {out}")


def _search_cells(out: Path, sources: Sequence[Source], settings: Settings, say: Say) -> None:
    """Search over the values of each cell that needs it."""
    if not settings.cells:
        return
    scorer = Scorer(load(out), sources, workers=1)
    for part in cell_parts(scorer, settings.margin):
        _search(out, part, scorer, settings.cells, settings, say)


def _search_cohorts(out: Path, sources: Sequence[Source], settings: Settings, say: Say) -> None:
    """Search over the spreads of each group of cohorts and the values of their cells."""
    if not settings.cohorts:
        return
    scorer = Scorer(load(out), sources, cohorts=True, workers=1)
    for part in cohort_parts(scorer):
        _search(out, part, scorer, settings.cohorts, settings, say, **ON_COHORTS)


def _search(
    out: Path,
    part: Part,
    asked: Scorer,
    generations: int,
    settings: Settings,
    say: Say,
    **options: Any,
) -> None:
    """Search over a part, on those of a scorer's findings that see it."""
    sources = sources_of(filter(part.sees, asked.leaves))
    options |= {"workers": settings.workers, "progress": settings.progress}
    with Scorer(load(out), sources, **options) as scorer:
        found = search_part(part, scorer, settings.margin, generations, settings.seed, say)
    _write(out, found)


def _drawn(
    folder: Path, sources: Sequence[Source], settings: Settings, command: str, say: Say
) -> Ensemble:
    """Members around the values that a folder has."""
    model = load(folder)
    space = fitted_space(model)
    with Scorer(model, sources, workers=settings.workers, progress=settings.progress) as scorer:
        found = draw_members(
            space,
            scorer,
            np.zeros(len(space)),
            settings.members,
            settings.seed,
            spread=settings.spread,
            report=say,
        )
    if not len(found.z):
        raise ConditionError(
            f"none of {found.draws} draws holds nearly what the point estimate holds; try more"
            " iterations first, or a smaller spread."
        )
    if len(found.z) < settings.members:
        say(f"only {len(found.z)} of {settings.members} walks found a place to go")
    digits = len(str(settings.members))
    columns = {
        f"m{k:0{digits}d}": tuple(space.values(z).values()) for k, z in enumerate(found.z, start=1)
    }
    names = tuple(free.quantity for free in space.free)
    return Ensemble(names, columns, _notes(sources, settings, command, found.draws))


def _notes(
    sources: Sequence[Source], settings: Settings, command: str, draws: int
) -> tuple[str, ...]:
    """How an ensemble was made, a `key: value` per line."""
    files = (source.path for source in sources)
    digests = (
        f"{file.name}: sha256 {hashlib.sha256(file.read_bytes()).hexdigest()}" for file in files
    )
    return (
        f"steroidsim: {__version__}",
        f"command: {command}",
        f"seed: {settings.seed}",
        f"{SPREAD}: {settings.spread:g}",
        f"draws: {draws}",
        *digests,
    )


def spread_of(ensemble: Ensemble) -> float | None:
    """The spread of the draws that became an ensemble, in prior standard deviations, if noted."""
    for note in ensemble.notes:
        key, _, text = note.partition(":")
        if key == SPREAD:
            try:
                return float(text)
            except ValueError:
                return None
    return None
