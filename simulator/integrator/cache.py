"""What is compiled, and where compiled code is kept between processes.

Everything compiled lives in one folder of the user's, readable by that user alone, never in the
package: installations and home folders may be read-only. Entries are keyed by content, so two
versions of the package, or two processes at once, never disturb each other.

Functions are marked here and compiled when an entry point is first called with a kind of arguments
that the folder has no code for (`lowering`). Numba is imported only then: a process that finds its
code never needs it.
"""

import ctypes
import hashlib
import os
import struct
import sys
import tempfile
import threading
from collections.abc import Callable
from functools import cache, partial, update_wrapper
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray


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
    """Digest of the sources in a folder, and of numba: what they compile depends on these."""
    digest = hashlib.sha256(f"numba {version('numba')} {sys.version}".encode())
    for source in sorted(folder.glob("*.py")):
        digest.update(source.name.encode() + source.read_bytes())
    return digest.hexdigest()[:16]


class Compiled:
    """A function that is compiled along with the entry points that need it.

    builds : whether it builds its instructions, instead of being written in Python.
    """

    def __init__(self, function: Callable[..., Any], builds: bool = False) -> None:
        update_wrapper(self, function)
        self.function, self.builds = function, builds

    def __call__(self, *_: Any) -> Any:
        """Refused: only compiled functions call it."""
        raise TypeError(f"{self.function.__qualname__} is called by compiled functions only.")

    @property
    def _numba_type_(self) -> Any:
        """What numba asks a global of the functions that it compiles for."""
        from .lowering import type_of

        return type_of(self)


def compiled(function: Callable[..., Any]) -> Compiled:
    """A function for compiled functions to call: without memory management, it makes no arrays."""
    return Compiled(function)


def instructions(function: Callable[..., Any]) -> Compiled:
    """As `compiled`, for what Python cannot say: see `numba.extending.intrinsic`."""
    return Compiled(function, builds=True)


class EntryPoint:
    """A compiled function that Python calls, with other threads going on. It returns nothing.

    Arguments are None, numbers, arrays, records, and tuples of these, named or not. Code is
    compiled for each kind of arguments: integers are int64, the other numbers float64; for arrays,
    the type of their entries, the number of dimensions, and whether they are contiguous belong to
    the kind.
    """

    def __init__(self, function: Callable[..., None]) -> None:
        update_wrapper(self, function)
        self.function = function
        self._ready: dict[str, tuple[Callable[[bytes], int], Any]] = {}
        self._lock = threading.Lock()

    def __call__(self, *arguments: Any) -> None:
        """Call the compiled function; compiled at first use."""
        self._call((), "", b"", *arguments)

    def starting_with(self, *first: Any) -> Callable[..., None]:
        """The function of the remaining arguments: for many calls on the same first ones.

        Of these only places are kept: arrays may hold other entries at each call.
        """
        return partial(self._call, first, *_flat(first))

    def _call(self, first: tuple[Any, ...], kind: str, numbers: bytes, *rest: Any) -> None:
        more_kind, more_numbers = _flat(rest)
        kind += more_kind
        if kind not in self._ready:
            with self._lock:
                if kind not in self._ready:
                    self._ready[kind] = self._compiled(kind, first + rest)
        call, _ = self._ready[kind]
        if call(numbers + more_numbers) != 0:
            raise RuntimeError(f"{self.function.__qualname__} ended with an exception.")

    def _compiled(self, kind: str, arguments: tuple[Any, ...]) -> Any:
        """The machine code, and what keeps it alive."""
        from .machine_code import compile_once

        source = Path(self.function.__code__.co_filename)
        own = hashlib.sha256(source.read_bytes()).hexdigest()
        name = f"{self.function.__qualname__} {self.function.__code__.co_firstlineno}"
        key = f"entry {source_digest()} {own} {name} {kind}"
        code = compile_once(key, lambda: self._lowered(arguments))
        native = ctypes.CFUNCTYPE(ctypes.c_int32, ctypes.c_char_p)
        return native(code.address("entry")), code

    def _lowered(self, arguments: tuple[Any, ...]) -> Any:
        from .lowering import lowered

        return lowered(self.function, arguments)


def entry_point(function: Callable[..., None]) -> EntryPoint:
    """Compile a function for Python to call."""
    return EntryPoint(function)


def address_of(array: NDArray[Any]) -> int:
    """Address of the first entry, as ``array.ctypes.data``, which takes several times as long."""
    try:
        return ctypes.addressof(ctypes.c_char.from_buffer(array))  # type: ignore[arg-type]
    except (TypeError, ValueError):  # not to be written, not contiguous, or empty
        return array.ctypes.data


def _flat(arguments: tuple[Any, ...]) -> tuple[str, bytes]:
    """What kinds of arguments these are, and their numbers as numba's functions take them."""
    numbers: list[int] = []
    kinds = [_flatten(each, numbers) + " " for each in arguments]
    return "".join(kinds), struct.pack(f"={len(numbers)}q", *numbers)


def _flatten(value: Any, numbers: list[int]) -> str:
    """What kind of argument it is; its numbers are appended."""
    if isinstance(value, np.ndarray):
        numbers += (0, 0, value.size, value.itemsize, address_of(value))
        numbers += value.shape
        numbers += value.strides
        return f"{_entries(value.dtype)}{value.ndim}{'C' if value.flags.c_contiguous else 'A'}"
    if value is None:
        numbers.append(0)
        return "-"
    if isinstance(value, (int, np.integer)):
        numbers.append(int(value))
        return "i"
    if isinstance(value, (float, np.floating)):
        numbers.append(*struct.unpack("=q", struct.pack("=d", value)))
        return "f"
    if isinstance(value, np.void):
        record = np.frombuffer(value, np.uint8)  # its own place: `value` itself would give a copy's
        numbers.append(record.ctypes.data)
        return _entries(value.dtype)
    if isinstance(value, tuple):
        kinds = [_flatten(part, numbers) for part in value]
        return f"{type(value).__qualname__}({' '.join(kinds)})"
    raise TypeError(f"compiled functions do not take {type(value).__name__}")


@cache
def _entries(kind: np.dtype[Any]) -> str:
    """What tells a type of entries apart."""
    return kind.str if kind.names is None else repr(kind.descr)
