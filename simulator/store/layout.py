"""Files of a Zarr store, format 2 (https://zarr.readthedocs.io, "Zarr storage specification 2").

Written here and not by zarr-python, which takes as long as thousands of runs to lay a store out,
most of it threads and queues, and milliseconds for a chunk, which it writes into the place itself.
What files hold is said in a page. Zarr-python reads the stores, and tests compare what it reads.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import ConditionError
from .files import write_whole


@dataclass(frozen=True)
class Layout:
    """What an array of a store looks like.

    dims, shape, chunks : names and lengths of its dimensions, and of its chunks.
    dtype : of its entries.
    attrs : its attributes.
    """

    dims: tuple[str, ...]
    shape: tuple[int, ...]
    chunks: tuple[int, ...]
    dtype: np.dtype[Any]
    attrs: Mapping[str, Any] | None = None

    def metadata(self) -> dict[str, Any]:
        """Content of `.zarray`; what is not written is NaN, or empty text."""
        return {
            "zarr_format": 2,
            "shape": list(self.shape),
            "chunks": list(self.chunks),
            "dtype": self.dtype.str,
            "compressor": _compressor().get_config(),
            "fill_value": "NaN" if self.dtype.kind == "f" else None,
            "order": "C",
            "filters": None,
            "dimension_separator": ".",
        }

    def attributes(self) -> dict[str, Any]:
        """Content of `.zattrs`, with the names of the dimensions as xarray reads them."""
        return {**(self.attrs or {}), "_ARRAY_DIMENSIONS": list(self.dims)}

    def encoded(self, values: NDArray[Any]) -> bytes:
        """A chunk as its file holds it: whole, in C order, filled up at the edge, compressed."""
        whole = np.zeros(self.chunks, self.dtype)
        whole[tuple(slice(n) for n in values.shape)] = values
        return bytes(_compressor().encode(whole))


def chunk_file(name: str, place: tuple[int, ...]) -> str:
    """File of an array's chunk, from the store's folder."""
    return f"{name}/{'.'.join(map(str, place)) or '0'}"


def lay_out(folder: Path, arrays: Mapping[str, Layout], attrs: Mapping[str, Any]) -> None:
    """Write the metadata of a store: its arrays without any chunk, and its attributes.

    Raises
    ------
    ConditionError
        A name cannot be that of a folder.
    OSError
        It cannot be written.
    """
    metadata: dict[str, Any] = {".zgroup": {"zarr_format": 2}, ".zattrs": dict(attrs)}
    for name, layout in arrays.items():
        if "/" in name or "\\" in name or name.startswith("."):
            raise ConditionError(
                f'"{name}" cannot be stored, since names become folders: rename the column.'
            )
        metadata[f"{name}/.zarray"] = layout.metadata()
        metadata[f"{name}/.zattrs"] = layout.attributes()
    consolidated = {"zarr_consolidated_format": 1, "metadata": metadata}
    folder.mkdir(parents=True)
    for name in arrays:
        (folder / name).mkdir()
    for file, content in {**metadata, ".zmetadata": consolidated}.items():
        write_whole(folder / file, _json(content))


def write_array(folder: Path, name: str, layout: Layout, first: int, values: NDArray[Any]) -> None:
    """Write entries of an array from `first` on, where a chunk begins.

    Arrays of no or one dimension. Raises OSError.
    """
    if not layout.dims:
        write_whole(folder / chunk_file(name, ()), layout.encoded(values))
        return
    (length,) = layout.chunks
    for start in range(0, len(values), length):
        place = ((first + start) // length,)
        data = layout.encoded(values[start : start + length])
        write_whole(folder / chunk_file(name, place), data)


def _compressor() -> Any:
    """Zstandard, on one thread: Blosc puts blocks down in the order in which threads end."""
    from numcodecs import Zstd

    return Zstd(level=1)


def _json(content: Any) -> bytes:
    return (json.dumps(content, indent=1, sort_keys=True, default=_plain) + "\n").encode()


def _plain(value: Any) -> Any:
    return value.item()  # numpy's numbers
