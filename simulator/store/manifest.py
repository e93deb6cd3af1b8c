"""What a store is of, and in what two of them differ."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ..errors import ConditionError

#: Kind and version of the format.
FORMAT = "steroidsim sweep 1"

# What the numbers depend on besides the model and the design; others may differ in the last bit.
DECISIVE_VERSIONS = ("steroidsim",)

CHOSEN = "name another store, or call it with what it was begun with"


@dataclass(frozen=True)
class Manifest:
    """What a store is of. Everything is plain data, as JSON has it.

    model : name, hash, and the digest of each file.
    design : per dimension its name, levels, digest, first and last label; the digest of what is
        fixed, and the labels of that; the attributes of each output.
    time, outputs : what is reported.
    options : how it is integrated.
    versions : of the packages, and the processor's vector width.
    chunk : levels of a chunk on each dimension.
    """

    model: Mapping[str, Any]
    design: Mapping[str, Any]
    time: list[float]
    outputs: list[str]
    options: Mapping[str, Any]
    versions: Mapping[str, str]
    chunk: list[int]
    format: str = FORMAT

    def text(self) -> str:
        """The manifest as JSON, the same for the same content."""
        return json.dumps(asdict(self), indent=1, sort_keys=True) + "\n"


def read_manifest(path: Path, store: Path) -> Manifest:
    """The manifest in a file.  Raises ConditionError for one that cannot be read."""
    try:
        content = json.loads(path.read_text("utf-8"))
        found = Manifest(**content)
    except (OSError, ValueError, TypeError) as error:
        raise ConditionError(
            f"{store}: its manifest {path.relative_to(store)} cannot be read ({error}); restore the"
            " file, or name another store."
        ) from None
    if found.format != FORMAT:
        raise ConditionError(
            f'{store}: is of the format "{found.format}", and this version of steroidsim writes'
            f' "{FORMAT}"; name another store.'
        )
    return found


def differences(stored: Manifest, wanted: Manifest) -> list[str]:
    """What a sweep differs in from a store, each in a few words; none if it can go on."""
    return [*_model(stored, wanted), *_design(stored, wanted), *_asked(stored, wanted)]


def version_differences(stored: Manifest, wanted: Manifest) -> list[str]:
    """Packages of which other versions began the store, which may differ in the last bits."""
    return [
        f"{name} {stored.versions.get(name, 'none')} (now {version})"
        for name, version in wanted.versions.items()
        if stored.versions.get(name) != version and name not in DECISIVE_VERSIONS
    ]


def _model(stored: Manifest, wanted: Manifest) -> Iterator[str]:
    old, new = stored.model, wanted.model
    if old["name"] != new["name"]:
        yield f"the model was {old['name']} and is {new['name']}"
        return
    names = sorted(old["files"].keys() | new["files"].keys())
    changed = [name for name in names if old["files"].get(name) != new["files"].get(name)]
    if changed:
        yield f"of the model {new['name']}, {', '.join(changed)} changed"
    elif old["hash"] != new["hash"]:
        yield f"the values of the model {new['name']} changed"


def _design(stored: Manifest, wanted: Manifest) -> Iterator[str]:
    old = {axis["name"]: axis for axis in stored.design["axes"]}
    new = {axis["name"]: axis for axis in wanted.design["axes"]}
    for name in old.keys() - new.keys():
        yield f'"{name}" was a dimension'
    for name in new.keys() - old.keys():
        yield f'"{name}" is a new dimension'
    for name in [name for name in new if name in old]:
        before, now = old[name], new[name]
        if before == now:
            continue
        yield f'"{name}" had {_levels(before)} and has {_levels(now)}'
    if old.keys() == new.keys() and list(old) != list(new):
        yield f"the dimensions were in the order {', '.join(old)} and are {', '.join(new)}"
    before, now = stored.design["fixed"], wanted.design["fixed"]
    for name in sorted(before["labels"].keys() | now["labels"].keys()):
        a, b = before["labels"].get(name, "not given"), now["labels"].get(name, "not given")
        if a != b:
            yield f"{name} was {a} and is {b}"
    if before["labels"] == now["labels"] and before["digest"] != now["digest"]:
        yield "what is the same in all runs changed"


def _levels(axis: Mapping[str, Any]) -> str:
    count = f"{axis['levels']} level{'s' * (axis['levels'] != 1)}"
    if axis["first"] is None:
        return f"{count} (digest {axis['digest'][:8]})"
    return f"{count} from {axis['first']} to {axis['last']} (digest {axis['digest'][:8]})"


def _asked(stored: Manifest, wanted: Manifest) -> Iterator[str]:
    if stored.time != wanted.time:
        yield f"the times were {_short(stored.time)} and are {_short(wanted.time)}"
    if stored.outputs != wanted.outputs:
        yield f"the outputs were {_short(stored.outputs)} and are {_short(wanted.outputs)}"
    for name in sorted(stored.options.keys() | wanted.options.keys()):
        a, b = stored.options.get(name), wanted.options.get(name)
        if a != b:
            yield f"{name} was {a} and is {b}"
    for name in DECISIVE_VERSIONS:
        a, b = stored.versions.get(name), wanted.versions.get(name)
        if a != b:
            yield f"{name} was of version {a} and is of {b}"
    if stored.chunk != wanted.chunk and stored.design == wanted.design:
        yield f"chunks were of {stored.chunk} levels and are of {wanted.chunk}"


def _short(values: list[Any]) -> str:
    if len(values) > 6:
        return f"{', '.join(map(str, values[:3]))}, ... ({len(values)} of them)"
    return ", ".join(map(str, values))
