"""Results on disk: a Zarr store that is filled chunk by chunk, and says what it holds.

Everything here is arrays, names and files; what is simulated is not its concern. A store is a
folder in Zarr format 2, which xarray and every other reader of Zarr opens, and in it a folder
`.steroidsim` with a manifest (what the store is of) and a record of every finished chunk.
"""

from .files import store_path
from .grid import Grid, chunk_shape
from .layout import Layout
from .manifest import Manifest, version_differences
from .merge import merge
from .netcdf import export_netcdf
from .records import Failed, Record
from .writing import Store, create_store, open_store, read_store

__all__ = [
    "Failed",
    "Grid",
    "Layout",
    "Manifest",
    "Record",
    "Store",
    "chunk_shape",
    "create_store",
    "export_netcdf",
    "merge",
    "open_store",
    "read_store",
    "store_path",
    "version_differences",
]
