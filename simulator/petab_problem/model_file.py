"""The model of a problem, and the files that it may draw in."""

from __future__ import annotations

import re
from pathlib import Path

from ..errors import ModelError
from ..network.network import Network
from ..network.places import shown
from ..network.tables import Problems, read_text
from .files import Files

_IMPORT = re.compile(r'^\s*import\s+"([^"]*)"', re.MULTILINE)
_EXTERNAL = re.compile(r"externalModelDefinition\b[^>]*?\bsource\s*=\s*[\"']([^\"']*)[\"']")


def read_model(files: Files, problems: Problems, *, allow_outside: bool) -> Network | None:
    """The network of the problem's model; None and problems if it cannot be read."""
    if files.model is None:
        return None
    where = shown(files.model)
    text = read_text(files.model, where, problems)
    if text is None:
        return None
    if not allow_outside and not _stays_inside(files.model, text, problems):
        return None
    if files.antimony:
        from ..network.antimony import read_antimony as read
    else:
        from ..network.sbml import read_sbml as read
    try:
        return read(text, where)
    except ModelError as error:
        problems.sentences += str(error).splitlines()
        return None


def _stays_inside(model: Path, text: str, problems: Problems) -> bool:
    """Whether the model, and each model that it refers to, refers to files beside it only."""
    folder = model.parent.resolve()
    pending, seen = [(model, text)], {model.resolve()}
    good = True
    while pending:
        path, text = pending.pop()
        for name in (*_IMPORT.findall(text), *_EXTERNAL.findall(text)):
            target = (folder / name).resolve()
            if ":" in name or Path(name).is_absolute() or not target.is_relative_to(folder):
                problems.add(
                    shown(path),
                    f'refers to "{name}", which leaves the model\'s folder; '
                    "that is read with allow_outside=True only.",
                )
                good = False
            elif target not in seen and target.is_file():
                seen.add(target)
                pending.append((target, target.read_text(encoding="utf-8", errors="replace")))
    return good
