"""Making a store, filling it chunk by chunk, and reading it."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from os import PathLike, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..errors import ConditionError
from .files import CHUNKS, MANIFEST, write_whole, writing_to
from .grid import Grid
from .manifest import CHOSEN, Manifest, differences, read_manifest
from .records import Failed, Record, record_of, records, verify, write_record

if TYPE_CHECKING:
    import xarray as xr

# Bytes of a store whose arrays may well be used as a whole.
IN_MEMORY = 1 << 28


@dataclass(frozen=True)
class Store:
    """A store that can be filled: see `create_store` and `open_store`."""

    path: Path
    manifest: Manifest

    @cached_property
    def grid(self) -> Grid:
        """How the runs are cut into chunks."""
        shape = tuple(axis["levels"] for axis in self.manifest.design["axes"])
        return Grid(shape, tuple(self.manifest.chunk))

    @cached_property
    def _arrays(self) -> Mapping[str, Any]:
        import zarr

        names = [*self.manifest.design["variables"], "status"]
        try:
            group = zarr.open_group(self.path, mode="r+")
            return {name: group[name] for name in names}
        except (OSError, ValueError, KeyError) as error:
            raise ConditionError(
                f"{self.path}: its arrays cannot be opened ({error}); {CHOSEN}."
            ) from None

    def verified(self) -> Iterator[Record]:
        """Records of the finished chunks, one at a time, after comparing their files with them.

        Raises ConditionError for a file that is missing or damaged.
        """
        with writing_to(self.path):  # left by a process that was killed while it wrote
            for file in (self.path / CHUNKS).glob("*.writing"):
                file.unlink(missing_ok=True)
        for record in records(self.path):
            verify(self.path, record)
            yield record

    def record(self, chunk: int) -> Record:
        """The record of a finished chunk.  Raises ConditionError if it cannot be read."""
        return record_of(self.path, chunk)

    def records(self) -> Iterator[Record]:
        """Records of the finished chunks, one at a time."""
        return records(self.path)

    def write(
        self,
        number: int,
        outputs: NDArray[np.float64],
        status: NDArray[Any],
        failed: tuple[Failed, ...],
    ) -> None:
        """Write a finished chunk, its record last.

        Parameters
        ----------
        outputs
            (outputs, runs of the chunk, times).
        status
            (runs of the chunk,) names.

        Raises
        ------
        ConditionError
            It cannot be written; what is in the store stays.
        """
        slices, place = self.grid.slices(number), self.grid.place(number)
        shape = tuple(own.stop - own.start for own in slices)
        files = {}
        with writing_to(self.path):
            for k, (name, array) in enumerate(self._arrays.items()):
                last = name == "status"
                values = status.reshape(shape) if last else outputs[k].reshape(*shape, -1)
                key = array.metadata.encode_chunk_key(place if last else (*place, 0))
                data = _encoded(array, values)
                write_whole(self.path / name / key, data)
                files[f"{name}/{key}"] = sha256(data).hexdigest()
            write_record(self.path, Record(number, len(status), failed, files))


def create_store(
    path: Path,
    manifest: Manifest,
    skeleton: xr.Dataset,
    fill: Callable[[Mapping[str, Any]], None],
) -> Store:
    """Make a store in which no chunk is finished yet, all at once or not at all.

    Parameters
    ----------
    skeleton
        The dataset that the store will hold: variables and coordinates that are dask arrays are
        laid out and left empty.
    fill
        Called with the arrays of coordinates that were left empty, by name, to write them.

    Raises
    ------
    ConditionError
        The place cannot be written, or something is there.
    """
    making = path.with_name(f"{path.name}.making")
    with writing_to(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        if making.exists():
            shutil.rmtree(making)
        _lay_out(making, skeleton, manifest, fill)
        (making / CHUNKS).mkdir(parents=True)
        write_whole(making / MANIFEST, manifest.text().encode())
        replace(making, path)
    return Store(path, manifest)


def open_store(path: Path, manifest: Manifest | None = None) -> Store | None:
    """The store at a path, to be gone on with; None if nothing is there.

    Raises
    ------
    ConditionError
        What is there is no store, cannot be read, or is of something else than the manifest says:
        the message names what differs.
    """
    if not path.exists() or (path.is_dir() and not any(path.iterdir())):
        return None
    file = path / MANIFEST
    if not file.exists():
        raise ConditionError(
            f"{path}: exists, and is no store of a sweep; name another place, or remove it."
        )
    stored = read_manifest(file, path)
    if manifest is not None:
        differing = differences(stored, manifest)
        if differing:
            raise ConditionError(
                f"{path}: holds another sweep: {'; '.join(differing)}. Nothing was changed there:"
                f" {CHOSEN}."
            )
    if not (path / CHUNKS).is_dir():
        raise ConditionError(f"{path}: the records of its chunks are missing; {CHOSEN}.")
    return Store(path, stored)


def read_store(path: str | PathLike[str]) -> xr.Dataset:
    """What a store holds, read from disk when it is used.

    What is not done is NaN, and its status is empty. Arrays of a large store are dask arrays, which
    are worked on chunk by chunk.

    Raises
    ------
    ConditionError
        It is no store, or a damaged one.
    """
    import xarray as xr

    path = Path(path)
    store = open_store(path)
    if store is None:
        raise ConditionError(f"{path}: there is no store.")
    try:
        found: xr.Dataset = xr.open_zarr(path, chunks=None, consolidated=True)
        if found.nbytes > IN_MEMORY:
            found = xr.open_zarr(path, chunks={}, consolidated=True)
        return found[[*store.manifest.design["variables"], "status"]]
    except (OSError, ValueError, KeyError) as error:
        raise ConditionError(f"{path}: cannot be read as a Zarr store ({error}).") from None


def _lay_out(
    path: Path,
    skeleton: xr.Dataset,
    manifest: Manifest,
    fill: Callable[[Mapping[str, Any]], None],
) -> None:
    import zarr

    encoding: dict[str, dict[str, Any]] = {}
    for name in [*manifest.design["variables"], "status"]:
        times = skeleton.sizes.get("time", 1)
        whole = () if name == "status" else (times,)
        encoding[name] = {"chunks": (*manifest.chunk, *whole)}
        if name != "status":
            encoding[name]["_FillValue"] = np.nan
    skeleton.to_zarr(path, compute=False, zarr_format=2, consolidated=True, encoding=encoding)
    empty = [str(name) for name, each in skeleton.coords.items() if each.chunks is not None]
    if empty:
        group = zarr.open_group(path, mode="r+")
        fill({name: group[name] for name in empty})


def _encoded(array: Any, values: NDArray[Any]) -> bytes:
    """A chunk as it stands in its file.

    Zarr's own way to write a chunk takes milliseconds of threads and queues, several times as long
    as all else that storing does, and writes into the place itself; the format says in a sentence
    what a file holds: the whole chunk in C order, filled up at the edge, compressed.
    """
    whole = np.zeros(array.chunks, array.dtype)
    whole[tuple(slice(n) for n in values.shape)] = values
    return bytes(array.metadata.compressor.encode(whole))
