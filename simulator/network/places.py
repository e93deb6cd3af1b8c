"""Where bundled models lie, and what messages call a path; what needs no reader is here."""

from pathlib import Path


def find_bundled(name: str) -> Path | None:
    """Folder of the bundled model of this name, or None."""
    return _bundled().get(name)


def bundled_names() -> tuple[str, ...]:
    """Names of the bundled models, sorted."""
    return tuple(sorted(_bundled()))


def _bundled() -> dict[str, Path]:
    """Bundled models: inside an installed package, or beside it in a checkout."""
    package = Path(__file__).resolve().parents[1]
    for home in (package / "_models", package.parent / "models"):
        found = {f.parent.name: f.parent for f in home.glob("*/model.yaml")}
        if found:
            return found
    return {}


def shown(path: Path) -> str:
    """A path for messages: relative to where the user is, if it lies there."""
    absolute = path.resolve()
    for base in (Path.cwd(), Path(__file__).resolve().parents[2]):
        if absolute.is_relative_to(base):
            return absolute.relative_to(base).as_posix()
    return path.as_posix()
