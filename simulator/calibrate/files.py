"""The findings files that a model is fitted to, and how much each counts."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ..errors import ConditionError, did_you_mean

# What a model is calibrated against, as far as its folder has it.
FINDINGS = ("findings.yaml", "constraints.yaml", "literature.yaml")

# Weights of files by name; any other counts 1. Other papers' findings come from other cells and
# assays than those that the model's cells stand for, and yield where they disagree.
WEIGHTS: Mapping[str, float] = {"literature.yaml": 0.5}


@dataclass(frozen=True, slots=True)
class Source:
    """A findings file in a fit.

    The shortfalls of its values are multiplied by `weight`; `only` names the findings that are
    asked, none: all.
    """

    path: Path
    weight: float = 1.0
    only: tuple[str, ...] = ()


def findings_files(folder: Path) -> tuple[Path, ...]:
    """Those of FINDINGS that a folder has. Raises ConditionError where it has none."""
    found = tuple(folder / name for name in FINDINGS if (folder / name).is_file())
    if not found:
        raise ConditionError(
            f"{folder.name}: has no findings.yaml to calibrate against; name a file with"
            " --findings."
        )
    return found


def weighted(files: Sequence[Path], weights: Mapping[str, float]) -> tuple[Source, ...]:
    """Findings files with weights by name, those of WEIGHTS unless given, and 1 for all others.

    Raises ConditionError for a weight of a file that is not there, or one below 0.
    """
    names = [file.name for file in files]
    for name, weight in weights.items():
        if name not in names:
            raise ConditionError(
                f'"{name}" has a weight, but the findings files are {", ".join(names)}.'
                f"{did_you_mean(name, names)}"
            )
        if not 0 <= weight < float("inf"):
            raise ConditionError(f"the weight of {name} is {weight:g}, but must be >= 0.")
    known = {**WEIGHTS, **weights}
    return tuple(Source(file, known.get(file.name, 1.0)) for file in files)
