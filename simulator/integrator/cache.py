"""Where compiled code is kept between processes.

Everything compiled lives in one folder of the user's, readable by that user alone, never in the
package: installations and home folders may be read-only. Entries are keyed by content, so two
versions of the package, or two processes at once, never disturb each other.
"""

import hashlib
import os
import sys
import tempfile
import threading
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numba

_DECORATION = threading.Lock()


@cache
def cache_folder() -> Path:
    """The folder for compiled code, mode 0700; a temporary one where none can be written.

    `STEROIDSIM_CACHE` names it; else the platform's cache folder for the user is used.
    """
    chosen = os.environ.get("STEROIDSIM_CACHE")
    folder = Path(chosen).expanduser() if chosen else _platform_cache() / "steroidsim"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError:
        folder = Path(tempfile.mkdtemp(prefix="steroidsim-"))
    return folder


def write_whole(path: Path, data: bytes) -> None:
    """Write a file under another name, then move it: no process ever sees half of it.

    Raises
    ------
    OSError
        The folder cannot be made or written.
    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent)
    with os.fdopen(handle, "wb") as file:
        file.write(data)
    os.replace(name, path)


def _platform_cache() -> Path:
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA", Path.home() / "AppData" / "Local"))
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches"
    return Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache"))


@cache
def source_digest(folder: Path = Path(__file__).parent) -> str:
    """Digest of the sources in a folder, and of numba: what they compile depends on these.

    Numba checks only the file of the outermost function for changes, so its folder itself has to
    change when any other file does.
    """
    digest = hashlib.sha256(f"numba {numba.__version__} {sys.version}".encode())
    for source in sorted(folder.glob("*.py")):
        digest.update(source.name.encode() + source.read_bytes())
    return digest.hexdigest()[:16]


def compiled(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compile a function for other compiled functions to call.

    By `numba.njit`, without the interpreter lock and without memory management: compiled code here
    makes no arrays. Cached in `cache_folder`.
    """
    return _compiled(function, no_cpython_wrapper=True, no_cfunc_wrapper=True)


def entry_point(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compile a function for Python to call; else as `compiled`."""
    return _compiled(function, no_cfunc_wrapper=True)


def _compiled(function: Callable[..., Any], **options: bool) -> Callable[..., Any]:
    """`numba.njit`, with numba's global setting for its cache folder set for that moment only."""
    with _DECORATION:
        previous = numba.config.CACHE_DIR
        numba.config.CACHE_DIR = str(cache_folder() / f"numba-{source_digest()}")
        try:
            dispatcher: Callable[..., Any] = numba.njit(
                cache=True, nogil=True, error_model="numpy", _nrt=False, **options
            )(function)
            return dispatcher
        finally:
            numba.config.CACHE_DIR = previous
