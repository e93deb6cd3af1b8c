"""The code of a Markdown page: what its blocks are, and running those in Python.

A page's Python blocks share one namespace, from top to bottom, as in a notebook. A block that
stands under a line that begins with a file's name in backticks and a colon is that file. A comment
`<!-- figure: what it shows -->` below a block is where the site draws the figure that it made.
"""

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

FENCE = re.compile(r"^```(\w[\w-]*)?[^\n]*\n(.*?)^```$", re.MULTILINE | re.DOTALL)
FILE_NAME = re.compile(r"^`([\w./-]+)`:[^\n]*\n\n\Z", re.MULTILINE)
FIGURE = re.compile(r"^<!-- figure: (.*?) -->$", re.MULTILINE)


@dataclass(frozen=True)
class Block:
    """A fenced block of a page.

    kind : the language written behind its fence, or "" without one.
    code : its text.
    file : the file that it is, if any.
    line : the page's line on which the text begins.
    end : where in the page it ends.
    after : whether it stands directly below another block, blank lines aside.
    """

    kind: str
    code: str
    file: str | None
    line: int
    end: int
    after: bool

    def run(self, page: str, namespace: dict[str, Any]) -> None:
        """Run its Python; a traceback has the page's own name and lines."""
        padded = "\n" * (self.line - 1) + self.code
        exec(compile(padded, page, "exec"), namespace)  # noqa: S102  our own page


def blocks(text: str) -> Iterator[Block]:
    """The fenced blocks of a page, from top to bottom."""
    last = None
    for found in FENCE.finditer(text):
        named = FILE_NAME.search(text[: found.start()])
        yield Block(
            kind=found[1] or "",
            code=found[2],
            file=named[1] if named else None,
            line=text.count("\n", 0, found.start(2)) + 1,
            end=found.end(),
            after=last is not None and not text[last : found.start()].strip(),
        )
        last = found.end()


def commands(code: str) -> list[list[str]]:
    """The words of each command of a console block, without comments; continued lines are one."""
    lines = code.replace("\\\n", " ").splitlines()
    return [words for words in (shlex.split(line, comments=True) for line in lines) if words]


def is_ours(words: list[str]) -> bool:
    """Whether it is the command `steroidsim`, by whatever path."""
    return words[0].rpartition("/")[2] == "steroidsim"


def call(words: list[str]) -> str:
    """Run `steroidsim` with these arguments here, and return what it prints."""
    from typer.testing import CliRunner

    from simulator.cli import app

    done = CliRunner().invoke(app, words[1:])
    if done.exit_code != 0:
        raise RuntimeError(f"`{shlex.join(words)}` ended with {done.exit_code}: {done.output}")
    return done.stdout
