"""Records of finished chunks: what a chunk is made of, and what failed in it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from ..errors import ConditionError
from .files import CHUNKS, digest_of, write_whole

NAME = re.compile(r"(\d+)\.json")

Failed = tuple[int, int, float, int]
"""A failed run: its number, its status, when, and which state held it up."""


@dataclass(frozen=True)
class Record:
    """A finished chunk: its number, its runs, those that failed, and the digests of its files.

    Failed runs are numbered among all runs.
    """

    chunk: int
    runs: int
    failed: tuple[Failed, ...]
    files: Mapping[str, str]

    def text(self) -> str:
        """The record as JSON, the same for the same content."""
        content = {
            "chunk": self.chunk,
            "runs": self.runs,
            "failed": [list(each) for each in self.failed],
            "files": dict(self.files),
        }
        return json.dumps(content, indent=1, sort_keys=True) + "\n"


def record_file(store: Path, chunk: int) -> Path:
    """Where the record of a chunk is."""
    return store / CHUNKS / f"{chunk:08d}.json"


def write_record(store: Path, record: Record) -> None:
    """Write the record of a chunk that is finished.  Raises OSError."""
    write_whole(record_file(store, record.chunk), record.text().encode())


def records(store: Path) -> Iterator[Record]:
    """Records of the finished chunks in order, one at a time.

    Raises ConditionError for one that cannot be read.
    """
    for file in sorted((store / CHUNKS).iterdir()):
        if NAME.fullmatch(file.name):
            yield _read(store, file)


def record_of(store: Path, chunk: int) -> Record:
    """The record of a finished chunk.  Raises ConditionError if it cannot be read."""
    return _read(store, record_file(store, chunk))


def verify(store: Path, record: Record) -> None:
    """Compare the files of a finished chunk with its record.

    Raises ConditionError for the first file that is missing or damaged.
    """
    for name, digest in record.files.items():
        damage = "is missing"
        with suppress(OSError):
            damage = "" if digest_of(store / name) == digest else "is damaged"
        if damage:
            raise ConditionError(
                f"{store}: {name} of chunk {record.chunk} {damage}. To have the chunk computed"
                f" again, delete {record_file(store, record.chunk)}."
            )


def _read(store: Path, file: Path) -> Record:
    try:
        content = json.loads(file.read_text("utf-8"))
        failed = tuple((int(r), int(s), float(t), int(i)) for r, s, t, i in content["failed"])
        return Record(content["chunk"], content["runs"], failed, content["files"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ConditionError(
            f"{store}: the record {file.relative_to(store)} cannot be read ({error}). Delete it to"
            " have its chunk computed again."
        ) from None
