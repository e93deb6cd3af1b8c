"""Parts of one sweep that several processes computed, put together."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import ConditionError
from .files import CHUNKS, made_whole, store_path, write_whole, writing_to
from .manifest import differences
from .records import Record, write_record
from .writing import Store, open_store, read_store

if TYPE_CHECKING:
    import xarray as xr


def merge(
    parts: Sequence[str | PathLike[str]], out: str | PathLike[str]
) -> tuple[xr.Dataset, list[int]]:
    """Put the finished chunks of stores of the same sweep into one store.

    Parameters
    ----------
    parts
        Stores; a chunk that several have must be the same in all.
    out
        The store to make; or one of the same sweep, which gets the chunks that it has not.

    Returns
    -------
    What the store holds, and the numbers of the chunks that no part has: they are NaN, and are
    computed when the sweep is called with this store.

    Raises
    ------
    ConditionError
        There is no part, one is no store, is damaged, or is of another sweep, or `out` cannot be
        written.
    """
    if not parts:
        raise ConditionError("merge: name the stores to put together.")
    stores, place = [_part(store_path(path)) for path in parts], store_path(out)
    for other in stores[1:]:
        differing = differences(stores[0].manifest, other.manifest)
        if differing:
            raise ConditionError(
                f"{other.path} is not of the same sweep as {stores[0].path}:"
                f" {'; '.join(differing)}."
            )
    target = open_store(place, stores[0].manifest) or _begun(stores[0], place)
    have = {record.chunk for record in target.verified()}
    for each in stores:
        for record in each.verified():
            if record.chunk in have:
                _check_same(each.path, record, target.record(record.chunk))
            else:
                _copy(each, target, record)
                have.add(record.chunk)
    return read_store(place), sorted(set(range(len(target.grid))) - have)


def _part(path: Path) -> Store:
    found = open_store(path)
    if found is None:
        raise ConditionError(f"{path}: there is no store.")
    return found


def _begun(part: Store, out: Path) -> Store:
    """A store like a part, without any chunk."""

    def left_out(folder: str, names: list[str]) -> list[str]:
        inside = Path(folder).relative_to(part.path).as_posix()
        chunks = [name for name in names if not name.startswith(".")]
        return names if inside == CHUNKS else chunks if inside in part.layouts else []

    with made_whole(out) as making:
        shutil.copytree(part.path, making, ignore=left_out)
    return Store(out, part.manifest)


def _check_same(part: Path, record: Record, other: Record) -> None:
    if record != other:
        raise ConditionError(
            f"{part}: its chunk {record.chunk} is not the one that another part has; of chunks"
            " computed on other processors or with other versions take only one part."
        )


def _copy(part: Store, target: Store, record: Record) -> None:
    with writing_to(target.path):
        for name in record.files:
            write_whole(target.path / name, (part.path / name).read_bytes())
        write_record(target.path, record)
