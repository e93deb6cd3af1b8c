"""A store as one NetCDF file."""

from __future__ import annotations

from pathlib import Path

from ..errors import ConditionError
from .writing import read_store


def export_netcdf(store: Path, file: Path) -> None:
    """Write what a store holds into a NetCDF 4 file; a large one chunk by chunk, if dask is there.

    Raises
    ------
    ConditionError
        It is no store, or the file cannot be written; then there is none.
    """
    found = read_store(store)
    writing = file.with_name(f".{file.name}.writing")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        found.to_netcdf(writing, engine="h5netcdf")
        writing.replace(file)
    except OSError as error:
        raise ConditionError(f"{file}: cannot be written ({error.strerror or error}).") from None
    finally:
        writing.unlink(missing_ok=True)
