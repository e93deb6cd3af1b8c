"""What the site adds to the pages as they stand: executed notebooks, figures, and a start page."""

import json
import re
import tempfile
from contextlib import chdir, redirect_stdout
from io import StringIO
from pathlib import Path
from typing import Any

from docutils.nodes import SkipNode
from latex2mathml.converter import convert
from sphinx.util import logging

from .page_code import FIGURE, blocks, call, commands, is_ours

CHECKOUT = Path(__file__).resolve().parents[1]
EXECUTED = CHECKOUT / "build" / "notebooks"
FIGURES = CHECKOUT / "build" / "figures"

#: Pixels for an inch of a figure: its text of 7 points is then about as large as the page's.
ZOOM = 150

START_PAGE = """<!DOCTYPE html>
<meta charset="utf-8">
<meta http-equiv="refresh" content="0; url=docs/index.html">
<title>steroidsim</title>
<a href="docs/index.html">steroidsim</a>
"""

LINK = re.compile(r"\[([^\]\n]+)\]\(([\w./-]+)\)")

logger = logging.getLogger(__name__)


def show_executed(app: Any, page: str, source: list[str]) -> None:
    """Show a notebook as `make notebooks` executed it, if it did."""
    if not page.startswith("notebooks/"):
        return
    executed = EXECUTED / f"{Path(page).name}.ipynb"
    if not executed.exists():
        logger.info("%s is shown without results: `make notebooks` makes them", page)
        return
    text = executed.read_text(encoding="utf-8")
    if _cells(text) == _cells(source[0]):
        source[0] = text
    else:
        logger.warning("%s has changed since it was executed: `make notebooks`", page)


def _cells(notebook: str) -> list[str]:
    return ["".join(cell["source"]) for cell in json.loads(notebook)["cells"]]


def add_figures(app: Any, page: str, source: list[str]) -> None:
    """Run the blocks of a page that has figures, and put each figure where its comment stands."""
    text = source[0]
    if not page.startswith("docs/") or not FIGURE.search(text):
        return
    import matplotlib

    matplotlib.use("Agg")
    stem = Path(page).name
    parts: list[str] = []
    namespace: dict[str, Any] = {"__name__": "__main__"}
    done = 0
    with (
        tempfile.TemporaryDirectory() as folder,
        chdir(folder),
        redirect_stdout(StringIO()),
        matplotlib.rc_context(),
    ):
        for block in blocks(text):
            parts.append(_with_figures(text[done : block.end], stem, len(parts), namespace))
            done = block.end
            if block.file:
                Path(block.file).write_text(block.code, encoding="utf-8")
            elif block.kind == "python":
                block.run(f"{page}.md", namespace)
            elif block.kind in ("console", "sh"):
                for words in filter(is_ours, commands(block.code)):
                    call(words)
        parts.append(_with_figures(text[done:], stem, len(parts), namespace))
    source[0] = "".join(parts)


def _with_figures(text: str, stem: str, part: int, namespace: dict[str, Any]) -> str:
    """The text with a figure for its comment, if it has one.

    That is pyplot's current figure; where there is none, what the page calls `figure`.
    """
    wanted = FIGURE.search(text)
    if wanted is None:
        return text
    import matplotlib.pyplot as plt

    figure = plt.gcf() if plt.get_fignums() else namespace.get("figure")
    if figure is None:
        raise ValueError(f'{stem}.md: nothing was drawn for "{wanted[1]}".')
    FIGURES.mkdir(parents=True, exist_ok=True)
    path = FIGURES / f"{stem}-{part}.svg"
    figure.savefig(path)
    plt.close("all")
    width = round(ZOOM * figure.get_size_inches()[0])
    place = path.relative_to(CHECKOUT).as_posix()
    image = f"```{{image}} /{place}\n:alt: {wanted[1]}\n:width: {width}px\n```"
    return text[: wanted.start()] + image + text[wanted.end() :]


def add_math(app: Any) -> None:
    """Write formulas as MathML, which browsers draw by themselves.

    Sphinx's own way has the reader's browser fetch a program that does it.
    """
    app.add_html_math_renderer("mathml", (_inline_math, None), (_displayed_math, None))


def _inline_math(translator: Any, node: Any) -> None:
    translator.body.append(_mathml(node.astext(), "inline"))
    raise SkipNode


def _displayed_math(translator: Any, node: Any) -> None:
    translator.body.append(_mathml(node.astext(), "block"))
    raise SkipNode


def _mathml(latex: str, display: str) -> str:
    # `aligned` under the name by which the library knows it
    return str(convert(latex.strip().replace("{aligned}", "{align*}"), display=display))


def unlink_folders(app: Any, page: str, source: list[str]) -> None:
    """A link to a folder of the repository is plain text in the site, which has no such page."""
    here = CHECKOUT / Path(page).parent

    def unlinked(link: re.Match[str]) -> str:
        return link[1] if (here / link[2]).is_dir() else link[0]

    source[0] = LINK.sub(unlinked, source[0])


def leave_start_page(app: Any, exception: Exception | None) -> None:
    """Let the folder of the site open at its first page."""
    if exception is None and app.builder.format == "html":
        Path(app.outdir, "index.html").write_text(START_PAGE, encoding="utf-8")
