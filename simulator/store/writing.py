"""Making a store, filling it chunk by chunk, and reading it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from importlib.util import find_spec
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..errors import ConditionError
from .files import CHUNKS, MANIFEST, made_whole, store_path, write_whole, writing_to
from .grid import Grid
from .layout import Layout, chunk_file, lay_out, write_array
from .manifest import CHOSEN, Manifest, differences, read_manifest
from .records import Failed, Record, record_of, records, verify, write_record

if TYPE_CHECKING:
    import xarray as xr

#: How a run ended, a name of at most so many letters; empty where it is not done.
STATUS = np.dtype("<U24")

AS_WRITTEN: Mapping[str, Any] = {
    "consolidated": True,
    "decode_times": False,  # an output in "hours" stays a number
    "decode_timedelta": False,
}

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
    def layouts(self) -> Mapping[str, Layout]:
        """Outputs, and the status: over all dimensions, the outputs over time too."""
        dims = tuple(axis["name"] for axis in self.manifest.design["axes"])
        shape, chunk, times = self.grid.shape, self.grid.chunk, len(self.manifest.time)
        over_time = ((*dims, "time"), (*shape, times), (*chunk, times))
        found = {
            name: Layout(*over_time, np.dtype("<f8"), attrs)
            for name, attrs in self.manifest.design["variables"].items()
        }
        found["status"] = Layout(dims, shape, chunk, STATUS, {"long_name": "how the run ended"})
        return found

    def verified(self) -> Iterator[Record]:
        """Records of the finished chunks, one at a time, after comparing their files with them.

        Raises ConditionError for a file that is missing or damaged.
        """
        with writing_to(self.path):  # left by a process that was killed while it wrote
            for folder in (CHUNKS, *self.layouts):
                for file in (self.path / folder).glob("*.writing"):
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
        place, shape, files = self.grid.place(number), self.grid.box(number), {}
        with writing_to(self.path):
            for k, (name, layout) in enumerate(self.layouts.items()):
                last = name == "status"
                values = status.reshape(shape) if last else outputs[k].reshape(*shape, -1)
                file = chunk_file(name, place if last else (*place, 0))
                data = layout.encoded(values)
                write_whole(self.path / file, data)
                files[file] = sha256(data).hexdigest()
            write_record(self.path, Record(number, len(status), failed, files))


def create_store(
    path: Path,
    manifest: Manifest,
    coordinates: Mapping[str, Layout],
    values: Iterable[tuple[str, int, NDArray[Any]]],
    attrs: Mapping[str, Any],
) -> Store:
    """Make a store in which no chunk is finished yet, all at once or not at all.

    Parameters
    ----------
    coordinates
        Coordinates of no or one dimension.
    values
        Their values, piece by piece: name, first entry, entries.
    attrs
        Attributes of the whole.

    Raises
    ------
    ConditionError
        The place cannot be written, or a coordinate has a name that cannot be a folder's.
    """
    store = Store(path, manifest)
    with made_whole(path) as making:
        names = " ".join(name for name, layout in coordinates.items() if layout.dims != (name,))
        lay_out(making, {**coordinates, **store.layouts}, {**attrs, "coordinates": names})
        for name, first, entries in values:
            write_array(making, name, coordinates[name], first, entries)
        (making / CHUNKS).mkdir(parents=True)
        write_whole(making / MANIFEST, manifest.text().encode())
    return store


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

    What is not done is NaN, and its status is empty. Where dask is installed, arrays of a large
    store are dask arrays, which are worked on chunk by chunk.

    Parameters
    ----------
    path
        The store's folder.

    Returns
    -------
    xarray.Dataset
        As from the call that made the store.

    Raises
    ------
    ConditionError
        It is no store, or a damaged one.
    """
    import xarray as xr

    path = store_path(path)
    store = open_store(path)
    if store is None:
        raise ConditionError(f"{path}: there is no store.")
    try:
        found: xr.Dataset = xr.open_zarr(path, chunks=None, **AS_WRITTEN)
        if found.nbytes > IN_MEMORY and find_spec("dask") is not None:
            found = xr.open_zarr(path, chunks={}, **AS_WRITTEN)
        variables = list(store.layouts)
        # a name with a blank in it is not among those that the attribute lists
        return found.set_coords(set(found.data_vars) - set(variables))[variables]
    except (OSError, ValueError, KeyError) as error:
        raise ConditionError(f"{path}: cannot be read as a Zarr store ({error}).") from None
