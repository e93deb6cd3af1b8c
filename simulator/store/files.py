"""Writing files so that a process killed at any moment leaves no half of one."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ..errors import ConditionError

#: Folder of a store that says what it holds.
OWN = ".steroidsim"
MANIFEST = f"{OWN}/manifest.json"
CHUNKS = f"{OWN}/chunks"


def store_path(place: object) -> Path:
    """The place of a store as it was given.  Raises ConditionError for what is no path."""
    if isinstance(place, str | os.PathLike):
        return Path(place)
    raise ConditionError(f'A store is a path, like "sweep.zarr", not {place!r}.')


def write_whole(path: Path, data: bytes) -> None:
    """Write a file under another name, then move it.  Raises OSError."""
    other = path.with_name(f"{path.name}.{os.getpid()}.writing")
    try:
        other.write_bytes(data)
        os.replace(other, path)
    finally:
        other.unlink(missing_ok=True)


def digest_of(file: Path) -> str:
    """SHA-256 of a file's content.  Raises OSError."""
    return hashlib.sha256(file.read_bytes()).hexdigest()


@contextmanager
def writing_to(path: Path) -> Iterator[None]:
    """Turn an error of the file system into a ConditionError that says what to do."""
    try:
        yield
    except OSError as error:
        raise ConditionError(
            f"{path}: cannot be written ({error.strerror or error}). What is finished stays"
            " readable; make room or name another place, and call it again to go on."
        ) from None


@contextmanager
def made_whole(folder: Path) -> Iterator[Path]:
    """A place at which to make a folder, which is moved to its own at the end.

    Raises ConditionError where it cannot be written.
    """
    making = folder.with_name(f"{folder.name}.making")
    with writing_to(folder):
        folder.parent.mkdir(parents=True, exist_ok=True)
        if making.exists():  # left by a process that was killed
            shutil.rmtree(making)
        yield making
        os.replace(making, folder)
