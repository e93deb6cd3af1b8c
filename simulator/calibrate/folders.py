"""The folder that a calibration writes."""

import re
import shutil
from pathlib import Path

from ..errors import ConditionError


def check_target(out: Path) -> None:
    """Raise ConditionError if `out` holds what is no model, which a calibration would mix with."""
    if out.exists() and not out.is_dir():
        raise ConditionError(f"{out}: is a file; name a folder with --out.")
    if out.is_dir() and any(out.iterdir()) and not (out / "model.yaml").is_file():
        raise ConditionError(f"{out}: has files but is no model folder; name another with --out.")
    if not re.fullmatch(r"[\w.-]+", out.resolve().name):
        raise ConditionError(
            f"{out}: a model is named after its folder, in letters, digits and . _ - only."
        )


def copy_folder(folder: Path, out: Path) -> None:
    """Copy a model folder; the copy is named after its own folder. Nothing if it is the same."""
    if folder.resolve() == out.resolve():
        return
    try:
        shutil.copytree(folder, out, dirs_exist_ok=True)
        settings = out / "model.yaml"
        text = settings.read_text(encoding="utf-8")
        named = re.sub(r"(?m)^name:.*$", f"name: {out.resolve().name}", text, count=1)
        settings.write_text(named, encoding="utf-8")
    except OSError as error:
        raise ConditionError(
            f"{out}: cannot be written ({error.strerror or error}); name another folder with --out."
        ) from None
