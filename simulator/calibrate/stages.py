"""A calibration from a model folder to a model folder, written stage by stage."""

import hashlib
import re
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from .._version import __version__
from ..errors import ConditionError
from ..network.ensemble import FILE, Ensemble, Quantity, write_ensemble
from .ensemble import draw_members
from .point import improve
from .scores import Scorer
from .space import Space, free_quantities
from .store import write_values

if TYPE_CHECKING:
    from ..simulation.model import Model

# What a model is calibrated against, as far as its folder has it.
FINDINGS = ("findings.yaml", "constraints.yaml", "literature.yaml")

# What the notes of ensemble.tsv call the spread of the draws; a report reads it there.
SPREAD = "spread"

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Settings:
    """How to calibrate; see `improve`, `draw_members` and `Scorer`."""

    iterations: int = 5
    members: int = 128
    spread: float = 0.3
    seed: int = 1
    margin: float = 0.2
    workers: int | None = None
    progress: bool = False


def findings_files(folder: Path) -> tuple[Path, ...]:
    """Those of FINDINGS that a folder has. Raises ConditionError where it has none."""
    found = tuple(folder / name for name in FINDINGS if (folder / name).is_file())
    if not found:
        raise ConditionError(
            f"{folder.name}: has no findings.yaml to calibrate against; name a file with"
            " --findings."
        )
    return found


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
    files: Sequence[Path],
    settings: Settings,
    *,
    command: str = "",
    say: Say = print,
) -> Path:
    """Improve the values of a model and draw an ensemble around them.

    `out` becomes a copy of the model's folder, named after itself, with the new values in its
    tables and the members in ensemble.tsv. It is written after each of the two stages. With 0
    iterations values stay; with 0 members an ensemble stays, unless the values changed. Numbers
    depend on the seed, not on the workers. `command` is noted in ensemble.tsv. Returns `out`.

    Raises ConditionError where `out` cannot be written, the model has no fitted quantities, or no
    member can be found.
    """
    folder = model.folder
    if folder is None:
        raise ConditionError(
            f"{model.definition.name}: is no model folder, whose tables could be fitted."
        )
    _check_target(folder, out)
    values = None
    if settings.iterations:
        values = _improved(model, files, settings, say)
    copy_folder(folder, out)
    if values is not None:
        write_values(out, values)
        (out / FILE).unlink(missing_ok=True)
        say(f"wrote the values into {out}")
    if settings.members:
        say(f"drawing {settings.members} members")
        write_ensemble(out / FILE, _drawn(out, files, settings, command, say))
        say(f"wrote {out / FILE}")
    return out


def _improved(
    model: "Model", files: Sequence[Path], settings: Settings, say: Say
) -> dict[Quantity, float]:
    space = fitted_space(model)
    say(f"improving {len(space)} values")
    with Scorer(model, files, workers=settings.workers, progress=settings.progress) as scorer:
        z = improve(
            space,
            scorer,
            margin=settings.margin,
            iterations=settings.iterations,
            report=lambda text, z: say(text),
        )
    return space.values(z)


def _drawn(
    folder: Path, files: Sequence[Path], settings: Settings, command: str, say: Say
) -> Ensemble:
    """Members around the values that a folder has."""
    from .. import load

    model = load(folder)
    space = fitted_space(model)
    with Scorer(model, files, workers=settings.workers, progress=settings.progress) as scorer:
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
            f"none of {found.draws} draws holds the checks that the point estimate holds; try more"
            " iterations first, or a smaller spread."
        )
    if len(found.z) < settings.members:
        say(f"only {len(found.z)} of {settings.members} walks found a place to go")
    digits = len(str(settings.members))
    columns = {
        f"m{k:0{digits}d}": tuple(space.values(z).values()) for k, z in enumerate(found.z, start=1)
    }
    names = tuple(free.quantity for free in space.free)
    return Ensemble(names, columns, _notes(files, settings, command, found.draws))


def _notes(files: Sequence[Path], settings: Settings, command: str, draws: int) -> tuple[str, ...]:
    """How an ensemble was made, a `key: value` per line."""
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


def _check_target(folder: Path, out: Path) -> None:
    """Raise ConditionError if `out` holds what is no model, which a calibration would mix with."""
    if out.exists() and not out.is_dir():
        raise ConditionError(f"{out}: is a file; name a folder with --out.")
    if out.is_dir() and any(out.iterdir()) and not (out / "model.yaml").is_file():
        raise ConditionError(f"{out}: has files but is no model folder; name another with --out.")
    if not re.fullmatch(r"[\w.-]+", out.resolve().name):
        raise ConditionError(
            f"{out}: a model is named after its folder, in letters, digits and . _ - only."
        )


def copy_folder(folder: Path, out: Path) -> None:
    """Copy a model folder; the copy is named after its own folder. Nothing if it is the same."""
    if folder.resolve() == out.resolve():
        return
    try:
        shutil.copytree(folder, out, dirs_exist_ok=True)
        settings = out / "model.yaml"
        text = settings.read_text(encoding="utf-8")
        named = re.sub(r"(?m)^name:.*$", f"name: {out.resolve().name}", text, count=1)
        settings.write_text(named, encoding="utf-8")
    except OSError as error:
        raise ConditionError(
            f"{out}: cannot be written ({error.strerror or error}); name another folder with --out."
        ) from None
