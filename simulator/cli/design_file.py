"""A sweep as a file: TOML that says what `simulator.design` is to be called with.

model = "steroid_response"
time = [24, 96]
outputs = ["viability", "pERK"]

[conditions]
cohort = "TALL_PDX"

[factors]
il7 = [0, 25]
prednisolone = [0, "log:0.00316:31.6:16"]

[options]
rtol = 1e-4
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import ConditionError, ModelError, did_you_mean
from .factor_arguments import log_spaced
from .options import BUNDLED_MODEL

if TYPE_CHECKING:
    from ..simulation.model import Model
    from ..simulation.sweep import Sweep

TABLES = ("factors", "conditions", "set", "options")
KEYS = ("model", "time", "outputs", *TABLES)
OPTIONS = ("rtol", "atol", "max_steps", "method", "start")
CONDITIONS = ("file", "cohort", "n", "seed", "sample")
SAMPLE = ("n", "linear", "log", "method", "seed")

RESERVED = "is an option: it belongs above the tables, or under [options]"


def read_design(path: Path) -> Sweep:
    """The sweep that a file describes; paths in it are relative to the file.

    Raises
    ------
    ConditionError
        It cannot be read, or names what is not there: the message begins with the file.
    """
    try:
        content = tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise ConditionError(f"{path}: cannot be read ({error.strerror}).") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConditionError(f"{path}: is no TOML: {error}.") from None
    try:
        return _sweep(content, path.parent)
    except (ConditionError, ModelError) as error:
        raise type(error)(f"{path}: {error}") from None


def _sweep(content: Mapping[str, Any], folder: Path) -> Sweep:
    from .. import load
    from ..network.definition import OPTIONS as KEYWORDS
    from ..simulation.sweep import design

    _check("", content, KEYS)
    for table in TABLES:
        if not isinstance(content.get(table, {}), Mapping):
            raise ConditionError(f"[{table}] is a table of names and values.")
    factors, options = content.get("factors", {}), content.get("options", {})
    for name in factors:
        if name in KEYWORDS or name == "max_steps":
            raise ConditionError(
                f'[factors]: "{name}" {RESERVED}; an id of that name, under [set].'
            )
    _check("[options]", options, OPTIONS)
    model = load(_model(content.get("model", BUNDLED_MODEL), folder))
    return design(
        model,
        _levels(content.get("time", 96)),
        conditions=_conditions(model, content.get("conditions", {}), folder),
        set={name: _levels(value) for name, value in content.get("set", {}).items()} or None,
        outputs=content.get("outputs"),
        **options,
        **{name: _levels(value) for name, value in factors.items()},
    )


def _check(where: str, table: Mapping[str, Any], allowed: Iterable[str]) -> None:
    for name in table:
        if name not in allowed:
            place = f"{where} has" if where else "it has"
            hint = did_you_mean(name, allowed)
            if not where and not hint:
                hint = f" A factor stands under [factors]; else there are {', '.join(KEYS)}."
            raise ConditionError(f'{place} "{name}", which means nothing there.{hint}')


def _model(name: object, folder: Path) -> str | Path:
    if not isinstance(name, str):
        raise ConditionError(f"model is a name or a path, not {name!r}.")
    near = folder / name
    return near if near.exists() else name


def _levels(value: Any) -> Any:
    """One level or a list of them, in which "log:LOW:HIGH:N" stands for N log-spaced values."""
    if isinstance(value, str) and value.startswith("log:"):
        return log_spaced(value, value)
    if not isinstance(value, list):
        return value
    found: list[Any] = []
    for each in value:
        spaced = isinstance(each, str) and each.startswith("log:")
        found.extend(log_spaced(each, each) if spaced else [each])
    return found


def _conditions(model: Model, table: Mapping[str, Any], folder: Path) -> Any:
    """What `conditions=` is given: a cohort, a file, or a sample."""
    from ..conditions import sample

    _check("[conditions]", table, CONDITIONS)
    given = [name for name in ("file", "cohort", "sample") if name in table]
    if not table:
        return None
    if len(given) != 1:
        raise ConditionError("[conditions] names one of file, cohort and sample.")
    if given == ["cohort"]:
        size = {name: table[name] for name in ("n", "seed") if name in table}
        return model.cohort(table["cohort"], **size)
    for name in ("n", "seed"):
        if name in table:
            raise ConditionError(f'[conditions] has "{name}", which is of a cohort.')
    if given == ["file"]:
        return folder / str(table["file"])
    _check("[conditions.sample]", table["sample"], SAMPLE)
    if "n" not in table["sample"]:
        raise ConditionError("[conditions.sample] needs n, the number of rows.")
    make: Callable[..., Any] = sample
    return make(**table["sample"])
