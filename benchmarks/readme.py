"""Putting measured tables into README.md: ``python -m benchmarks.readme``."""

import re
from pathlib import Path

from .batches import RESULTS

README = Path(__file__).with_name("README.md")
TABLES = (
    *("machine", "batches", "single_run", "two_cores", "memory", "start_up"),
    *("sweep", "sweep_scale"),
)


def filled(text: str, tables: dict[str, str]) -> str:
    """The text with what stands between ``<!-- name -->`` and ``<!-- /name -->`` replaced."""
    for name, table in tables.items():
        block = re.compile(rf"(<!-- {name} -->).*?(<!-- /{name} -->)", re.DOTALL)
        between = f"\n{table.strip()}\n".replace("\\", "\\\\")
        text = block.sub(rf"\g<1>{between}\g<2>", text)
    return text


def fill(results: Path = RESULTS) -> None:
    """Renew every table that has been measured."""
    files = {name: results / f"{name}.md" for name in TABLES}
    tables = {name: f.read_text("utf-8") for name, f in files.items() if f.exists()}
    README.write_text(filled(README.read_text("utf-8"), tables), encoding="utf-8")


if __name__ == "__main__":
    fill()
