"""The pages on the model, taken apart: prose, code, table rows, and LaTeX read back as formulas."""

import re
from pathlib import Path

import simulator as sim
from docs.page_code import blocks

CHECKOUT = Path(__file__).parents[1]
DOCS = CHECKOUT / "docs"
INDEX = DOCS / "model.md"
PAGES = [INDEX, *sorted((DOCS / "model").glob("*.md"))]
EXTENDING = DOCS / "extending.md"
MODEL = sim.load("steroid_response")
TABLES = MODEL.definition
RULES = dict(MODEL.network.assignment_rules)
REACTIONS = {r.id: r for r in MODEL.network.reactions}


def named(path):
    return path.relative_to(DOCS).as_posix()


def text_of(path):
    return path.read_text(encoding="utf-8")


def prose_of(path):
    return re.sub(r"^```.*?^```", "", text_of(path), flags=re.MULTILINE | re.DOTALL)


def blocks_of(path):
    """The Python blocks of a page."""
    return [block for block in blocks(text_of(path)) if block.kind == "python"]


def rows_of(path):
    """The cells of each table row, as written."""
    lines = re.findall(r"^\|(.*)\|$", prose_of(path), re.MULTILINE)
    return [[cell.strip() for cell in line.split("|")] for line in lines]


# $k_\mathrm{JAK1,IL7}$ is the parameter k_JAK1_IL7: what stands below the line is joined by
# underscores. So the displayed equations can be read back and compared with the model file.

PART = r"(?:\\mathrm\{[\w,]+\}|[A-Za-z])"
SYMBOL = rf"{PART}(?:_(?:{PART}|\{{[\w,]+\}}|\d))?"
TOKEN = re.compile(rf"\\frac|{SYMBOL}|\d+(?:\.\d+)?|[-+{{}}()^]|\S")
LAYOUT = re.compile(r"\\(?:(?:left|right)\.?|cdot|quad|qquad|,|;|!)|&")


def identifier(symbol):
    return re.sub(r"\\mathrm|[{}]", "", symbol).replace(",", "_")


def infix(latex):
    """A formula in LaTeX as a line of text: fractions, powers, products without a sign."""
    tokens = TOKEN.findall(LAYOUT.sub(" ", latex))
    found = _joined(tokens)
    assert not tokens, f"{latex}: {tokens}"
    return found


def _joined(tokens, end=None):
    """The tokens up to `end` as text; they are taken from the list."""
    parts = []
    while tokens and tokens[0] != end:
        first = tokens.pop(0)
        if first == r"\frac":
            part = f"({_group(tokens)}/{_group(tokens)})"
        elif first == "{":
            tokens.insert(0, first)
            part = _group(tokens)
        elif first == "(":
            part = f"({_joined(tokens, ')')})"
            assert tokens.pop(0) == ")"
        else:
            part = identifier(first)
        follows = parts and parts[-1] not in "+-^" and part not in "+-^"
        parts += ["*", part] if follows else [part]
    return "".join(parts)


def _group(tokens):
    assert tokens.pop(0) == "{"
    inner = _joined(tokens, "}")
    tokens.pop(0)
    return f"({inner})"


def equations_of(path):
    """(left, right) of every displayed equation; a line without = goes on with the one before."""
    found = []
    for display in re.findall(r"\$\$(.*?)\$\$", prose_of(path), re.DOTALL):
        lines = re.sub(r"\\(?:begin|end)\{aligned\}", "", display).split(r"\\")
        for line in (line.strip() for line in lines):
            left, equal, right = line.partition("=")
            if equal:
                found.append([left, right])
            else:
                found[-1][1] += " " + line
    return found
