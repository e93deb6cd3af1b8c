"""Whether two unit texts say the same: `per_nM_per_hour`, `1/(nM*h)` and `1/nM/h` do.

Only the writing is compared; no unit is converted.
"""

import re

_SPELLINGS = {"hour": "h", "hours": "h", "ml": "mL", "l": "L", "litre": "L", "minute": "min"}
_TOKEN = re.compile(r"\s*(?:(?P<name>[A-Za-zµ%]\w*)|(?P<number>\d+(?:\.\d+)?)|(?P<sign>[*/^()]|-))")


def same_unit(a: str, b: str) -> bool:
    """Whether two unit texts mean the same product of powers; unreadable ones must be equal."""
    if a.strip() == b.strip():
        return True
    powers_a, powers_b = _powers(a), _powers(b)
    return powers_a is not None and powers_a == powers_b


def _powers(text: str) -> dict[str, float] | None:
    """Unit name -> exponent; None if the text is no product of powers."""
    text = text.replace("µ", "u")
    text = re.sub(r"\bper_", "1/", text.replace("_per_", "/"))
    tokens = []
    position = 0
    text = text.strip()
    while position < len(text):
        match = _TOKEN.match(text, position)
        if match is None:
            return None
        tokens.append(match.group().strip())
        position = match.end()
    powers: dict[str, float] = {}
    try:
        rest = _product(tokens, 1.0, powers)
    except (IndexError, ValueError):
        return None
    return None if rest else {name: power for name, power in powers.items() if power}


def _product(tokens: list[str], sign: float, powers: dict[str, float]) -> list[str]:
    """Read factors joined by `*`, `/` or a space; what is left after them."""
    direction = sign
    while True:
        tokens = _factor(tokens, direction, powers)
        if not tokens or tokens[0] == ")":
            return tokens
        if tokens[0] in "*/":
            direction = sign if tokens[0] == "*" else -sign
            tokens = tokens[1:]
        else:
            direction = sign


def _factor(tokens: list[str], sign: float, powers: dict[str, float]) -> list[str]:
    head, tokens = tokens[0], tokens[1:]
    if head == "(":
        tokens = _product(tokens, sign, powers)
        if tokens[0] != ")":
            raise ValueError("unclosed")
        return tokens[1:]
    if head == "1" or head == "dimensionless":
        return tokens
    if not head[0].isalpha():
        raise ValueError(head)
    power = 1.0
    if tokens and tokens[0] == "^":
        negative = tokens[1] == "-"
        power = float(tokens[2 if negative else 1]) * (-1 if negative else 1)
        tokens = tokens[3 if negative else 2 :]
    name = _SPELLINGS.get(head, head)
    powers[name] = powers.get(name, 0.0) + sign * power
    return tokens
