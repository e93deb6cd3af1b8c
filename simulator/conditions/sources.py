"""Tables of conditions that are never wholly in memory: files of rows, and random samples."""

from __future__ import annotations

import csv
import hashlib
import io
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Protocol, runtime_checkable

import numpy as np

from ..errors import ConditionError, did_you_mean
from .schedules import number_of

if TYPE_CHECKING:
    import pandas as pd

#: Rows read, or drawn, at once.
ROWS_AT_ONCE = 8192

SEPARATORS = {".csv": ",", ".tsv": "\t"}

# Points that scipy's generator gives, half of them where a power of 2 is drawn beyond the end.
LONGEST_SEQUENCE = 1 << 29

Method = Literal["sobol", "random"]
METHODS = ("sobol", "random")


@runtime_checkable
class RowSource(Protocol):
    """A table of conditions that gives its rows piece by piece.

    Anything with these may be given as ``conditions=``. A row depends on its number alone, however
    the pieces are cut. `digest` is a text that differs between tables that differ.
    """

    def __len__(self) -> int:
        """Number of rows."""

    @property
    def digest(self) -> str:
        """Digest of the rows."""

    def rows(self, start: int, stop: int) -> pd.DataFrame:
        """Some rows; columns as in a table given as ``conditions=``."""


@dataclass(frozen=True)
class TableFile:
    """A table of conditions in a file (.csv or .tsv), one row a run, read piece by piece.

    The first line names the columns; an empty cell is not set. Rows are numbered from 0.

    Raises
    ------
    ConditionError
        The file cannot be read, or is no such table: the message names the line.
    """

    path: Path

    def __post_init__(self) -> None:
        if self.path.suffix not in SEPARATORS:
            raise ConditionError(
                f"{self.path}: a table of conditions is a .csv or .tsv file, not"
                f' "{self.path.suffix}".'
            )
        if not len(self):
            raise ConditionError(f"{self.path}: the table has no rows below its header.")

    def __len__(self) -> int:
        return self._scan.rows

    @property
    def digest(self) -> str:
        """Digest of the file's content."""
        return self._scan.digest

    @cached_property
    def _scan(self) -> _Scan:
        try:
            with self.path.open("rb") as file:
                return _scanned(self.path, file)
        except OSError as error:
            raise ConditionError(f"{self.path}: cannot be read ({error.strerror}).") from None

    @cached_property
    def _texts(self) -> frozenset[str]:
        """Columns that are no numbers in some row."""
        texts: set[str] = set()
        for first in range(0, len(self), ROWS_AT_ONCE):
            found = self._read(first, min(first + ROWS_AT_ONCE, len(self)))
            for name in found.columns:
                try:
                    found[name].astype(float)
                except ValueError:
                    texts.add(name)
        return frozenset(texts)

    def rows(self, start: int, stop: int) -> pd.DataFrame:
        """Rows start to stop; a column is numbers if it is so in every row of the file."""
        found = self._read(start, stop)
        numbers = [name for name in found.columns if name not in self._texts]
        return found.astype(dict.fromkeys(numbers, float))

    def _read(self, start: int, stop: int) -> pd.DataFrame:
        """Rows start to stop as text, NaN where a cell is empty."""
        import pandas as pd

        with self.path.open("rb") as file:
            lines = [file.readline()]
            file.seek(self._scan.offsets[start // ROWS_AT_ONCE])
            for _ in range(start % ROWS_AT_ONCE):
                file.readline()
            lines.extend(file.readline() for _ in range(stop - start))
        text = b"".join(lines).decode("utf-8-sig")
        separator = SEPARATORS[self.path.suffix]
        names = next(csv.reader([lines[0].decode("utf-8-sig").strip()], delimiter=separator))
        for name in names:
            if names.count(name) > 1:
                raise ConditionError(f'{self.path}: the column "{name}" is there twice.')
        try:
            found = pd.read_csv(
                io.StringIO(text),
                sep=separator,
                dtype=object,
                index_col=False,
                skip_blank_lines=False,
            )
        except (ValueError, pd.errors.ParserError) as error:
            raise ConditionError(
                f"{self.path}, lines {start + 2} to {stop + 1}: {str(error).strip()}."
            ) from None
        found.index = pd.RangeIndex(start, start + len(found))
        return found


@dataclass(frozen=True, slots=True)
class _Scan:
    """What one reading of a file finds: where every ROWS_AT_ONCE-th row begins."""

    rows: int
    offsets: tuple[int, ...]
    digest: str


def _scanned(path: Path, file: io.BufferedReader) -> _Scan:
    separator = SEPARATORS[path.suffix].encode()
    header = file.readline()
    digest, offsets, rows, at = hashlib.sha256(header), [], 0, len(header)
    width = header.count(separator) if b'"' not in header else None
    for line in file:
        if not line.strip():
            raise ConditionError(f"{path}, line {rows + 2}: the line is empty.")
        if line.count(b'"') % 2:
            raise ConditionError(
                f"{path}, line {rows + 2}: a quotation mark is not closed on its line."
            )
        if width is not None and b'"' not in line and line.count(separator) != width:
            raise ConditionError(
                f"{path}, line {rows + 2}: {line.count(separator) + 1} cells, but the header names"
                f" {width + 1} columns."
            )
        if rows % ROWS_AT_ONCE == 0:
            offsets.append(at)
        digest.update(line)
        at += len(line)
        rows += 1
    return _Scan(rows, tuple(offsets), digest.hexdigest())


@dataclass(frozen=True)
class Sample:
    """Rows drawn from ranges: see `sample`."""

    n: int
    names: tuple[str, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]
    logarithmic: tuple[bool, ...]
    method: Method
    seed: int

    def __len__(self) -> int:
        return self.n

    @property
    def digest(self) -> str:
        """Digest of what is drawn."""
        return hashlib.sha256(repr(self).encode()).hexdigest()

    def rows(self, start: int, stop: int) -> pd.DataFrame:
        """Rows start to stop, the same however the sample is cut."""
        import pandas as pd

        share = self._shares(start, stop)
        low, high = np.array(self.low), np.array(self.high)
        values = low + share * (high - low)
        for k, logarithmic in enumerate(self.logarithmic):
            if logarithmic:
                values[:, k] = low[k] * (high[k] / low[k]) ** share[:, k]
        index = pd.RangeIndex(start, stop)
        return pd.DataFrame(values, columns=list(self.names), index=index)

    def _shares(self, start: int, stop: int) -> np.ndarray:
        """Places within the ranges, (rows, names), each in [0, 1)."""
        if self.method == "sobol":
            from scipy.stats import qmc

            engine = qmc.Sobol(len(self.names), scramble=True, rng=np.random.default_rng(self.seed))
            if start:
                engine.fast_forward(start)
            # as many as a power of 2 from the beginning: scipy warns of any other number there
            found: np.ndarray = engine.random(1 << (stop - start - 1).bit_length())
            return found[: stop - start]
        first, last = start // ROWS_AT_ONCE, -(-stop // ROWS_AT_ONCE)
        shape = (ROWS_AT_ONCE, len(self.names))
        drawn = [np.random.default_rng([self.seed, k]).random(shape) for k in range(first, last)]
        begin = start - first * ROWS_AT_ONCE
        return np.concatenate(drawn)[begin : begin + stop - start]


def sample(
    n: int,
    *,
    linear: Mapping[str, tuple[float, float]] | None = None,
    log: Mapping[str, tuple[float, float]] | None = None,
    method: Method = "sobol",
    seed: int = 0,
) -> Sample:
    """A table of conditions drawn from ranges, for ``conditions=``; it takes no memory.

    Parameters
    ----------
    n
        Number of rows.
    linear, log
        Factor, drug, parameter or species -> (low, high), uniform on the linear or logarithmic
        scale; every name in one of the two.
    method
        ``"sobol"``: a scrambled Sobol' sequence, which covers the box evenly (Owen 1998, ACM
        Trans Model Comput Simul 8:71-102; best with n a power of 2). ``"random"``: independent
        draws.
    seed
        Which draw. A larger sample of the same seed begins with the rows of a smaller one.

    Returns
    -------
    Sample
        For ``conditions=``: rows are drawn when they are simulated.

    Raises
    ------
    ConditionError
        A range is no pair of rising numbers, a logarithmic one begins at 0 or below, or a name is
        given twice.
    """
    if number_of(n) is None or n != int(n) or n < 1:
        raise ConditionError(f"sample: n is a whole number >= 1, not {n!r}.")
    if method == "sobol" and n > LONGEST_SEQUENCE:
        raise ConditionError(
            f'sample: a Sobol\' sequence has at most 2^29 points, not {n}: write method="random".'
        )
    if number_of(seed) is None or seed != int(seed) or seed < 0:
        raise ConditionError(f"sample: seed is a whole number >= 0, not {seed!r}.")
    if method not in METHODS:
        raise ConditionError(
            f'sample: method is "sobol" or "random", not {method!r}.'
            + did_you_mean(method, METHODS)
        )
    linear, log = dict(linear or {}), dict(log or {})
    for name in linear.keys() & log.keys():
        raise ConditionError(f'sample: "{name}" is given twice, in linear= and in log=.')
    if not linear and not log:
        raise ConditionError(
            "sample: give at least one range, like log={'prednisolone': (0.01, 10)}."
        )
    ranges = [(name, *_range(name, pair, False)) for name, pair in linear.items()]
    ranges += [(name, *_range(name, pair, True)) for name, pair in log.items()]
    names, low, high = zip(*ranges, strict=True)
    scales = (False,) * len(linear) + (True,) * len(log)
    return Sample(int(n), names, low, high, scales, method, int(seed))


def _range(name: object, pair: Sequence[float], logarithmic: bool) -> tuple[float, float]:
    try:
        low, high = (number_of(end) for end in pair)
    except (TypeError, ValueError):
        low = high = None
    scale = "logarithmic" if logarithmic else "linear"
    if low is None or high is None or not (math.isfinite(low) and low < high < math.inf):
        raise ConditionError(
            f'sample: the {scale} range of "{name}" is two rising numbers, not {pair!r}.'
        )
    if logarithmic and low <= 0:
        raise ConditionError(
            f'sample: the logarithmic range of "{name}" begins at {low:g}, but must begin above 0.'
        )
    return low, high
