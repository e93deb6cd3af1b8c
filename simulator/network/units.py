"""Unit strings for people, from SBML unit definitions.

Amounts per volume are recognised as molar concentrations (`1e-21 mole / 1e-12 litre` is ``nM``);
seconds become ``min``, ``h`` or ``d``. A unit that cannot be said with SI prefixes keeps the name
or id that the file gives it. Undeclared units are an empty string, never a guess.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .mathml import times_power_of_ten

DIMENSIONLESS = "dimensionless"

_PREFIXES = {
    -24: "y", -21: "z", -18: "a", -15: "f", -12: "p", -9: "n", -6: "u", -3: "m", -2: "c", -1: "d",
    0: "", 3: "k", 6: "M", 9: "G",
}  # fmt: skip
_SYMBOLS = {
    "mole": "mol", "litre": "L", "metre": "m", "gram": "g", "second": "s", "item": "item",
    "molar": "M", "joule": "J", "kelvin": "K", "volt": "V", "ampere": "A", "newton": "N",
    "pascal": "Pa", "watt": "W", "hertz": "Hz", "katal": "kat", "coulomb": "C", "farad": "F",
}  # fmt: skip
_TIMES = {60.0: "min", 3600.0: "h", 86400.0: "d"}
_LEVEL_2_DEFAULTS = {
    "substance": (("mole", 1.0, 1.0),),
    "volume": (("litre", 1.0, 1.0),),
    "area": (("metre", 1.0, 2.0),),
    "length": (("metre", 1.0, 1.0),),
    "time": (("second", 1.0, 1.0),),
}


@dataclass(frozen=True)
class Unit:
    """A product of (kind, factor, exponent), meaning (factor * kind) ** exponent, and its label.

    The label stands in where the product cannot be written with the usual symbols.
    """

    parts: tuple[tuple[str, float, float], ...]
    label: str = ""

    def __str__(self) -> str:
        return _text(self.parts) or self.label

    def __mul__(self, other: Unit) -> Unit:
        return Unit(self.parts + other.parts, f"{self}*{other}")

    def __truediv__(self, other: Unit) -> Unit:
        inverse = tuple((kind, factor, -exponent) for kind, factor, exponent in other.parts)
        return Unit(self.parts + inverse, f"{self}/{other}")


def ratio(above: Unit | None, below: Unit | None) -> str:
    """Text of above/below, or an empty string where either is unknown."""
    return "" if above is None or below is None else str(above / below)


def text(unit: Unit | None) -> str:
    """Text of the unit, or an empty string where it is unknown."""
    return "" if unit is None else str(unit)


def read_units(model: Any) -> Mapping[str, Unit]:
    """Unit of each unit definition of a libsbml model, and of Level 2's predefined names."""
    found: dict[str, Unit] = {}
    if model.getLevel() == 2:
        found.update({name: Unit(parts, name) for name, parts in _LEVEL_2_DEFAULTS.items()})
    for definition in model.getListOfUnitDefinitions():
        parts = []
        for unit in definition.getListOfUnits():
            kind = _libsbml().UnitKind_toString(unit.getKind())
            factor = times_power_of_ten(unit.getMultiplier(), unit.getScale())
            parts.append((kind, factor, float(unit.getExponentAsDouble())))
        label = definition.getName() or definition.getId()
        found[definition.getId()] = Unit(tuple(parts), label)
    return found


def unit_of(reference: str, units: Mapping[str, Unit]) -> Unit | None:
    """The unit that a `units` attribute names; None for an empty or unknown one."""
    if reference in units:
        return units[reference]
    if reference and _libsbml().UnitKind_forName(reference) != _libsbml().UNIT_KIND_INVALID:
        return Unit(((reference, 1.0, 1.0),), reference)
    return None


def _libsbml() -> Any:
    import libsbml

    return libsbml


def _text(parts: tuple[tuple[str, float, float], ...]) -> str | None:
    """The product in symbols; None if a factor has no symbol."""
    if not all(1e-60 < factor < 1e60 for _, factor, _ in parts):
        return None
    powers: dict[tuple[str, float], float] = {}
    for kind, factor, exponent in map(_canonical, parts):
        if kind == DIMENSIONLESS and factor == 1.0:
            continue
        key = next((k for k in powers if k[0] == kind and math.isclose(k[1], factor)), None)
        powers[key or (kind, factor)] = powers.get(key or (kind, factor), 0.0) + exponent
    powers = _with_concentrations({key: e for key, e in powers.items() if e != 0})
    above: list[str] = []
    below: list[str] = []
    for (kind, factor), exponent in powers.items():
        symbol = _symbol(kind, factor)
        if symbol is None:
            return None
        power = abs(exponent)
        (above if exponent > 0 else below).append(symbol if power == 1 else f"{symbol}^{power:g}")
    if not above and not below:
        return DIMENSIONLESS
    top = "*".join(above) or "1"
    if not below:
        return top
    return f"{top}/{below[0]}" if len(below) == 1 else f"{top}/({'*'.join(below)})"


def _canonical(part: tuple[str, float, float]) -> tuple[str, float, float]:
    """Cubic metres as litres, kilograms as grams, spellings of other standards as SBML's."""
    kind, factor, exponent = part
    kind = {"liter": "litre", "meter": "metre", "avogadro": "item"}.get(kind, kind)
    if kind == "metre" and exponent % 3 == 0 and exponent != 0:
        return "litre", factor**3 * 1000.0, exponent / 3
    if kind == "kilogram":
        return "gram", factor * 1000.0, exponent
    return kind, factor, exponent


def _with_concentrations(powers: dict[tuple[str, float], float]) -> dict[tuple[str, float], float]:
    """(mole/litre) ** n as molar ** n, where just one amount and one volume balance."""
    moles = [key for key in powers if key[0] == "mole"]
    litres = [key for key in powers if key[0] == "litre"]
    if len(moles) != 1 or len(litres) != 1 or powers[moles[0]] != -powers[litres[0]]:
        return powers
    molar = ("molar", moles[0][1] / litres[0][1])
    if _symbol(*molar) is None:
        return powers
    exponent = powers[moles[0]]
    rest = {key: e for key, e in powers.items() if key not in (moles[0], litres[0])}
    return {molar: exponent, **rest}


def _symbol(kind: str, factor: float) -> str | None:
    if kind == "second":
        for length, name in _TIMES.items():
            if math.isclose(factor, length):
                return name
    if not factor > 0:
        return None
    exponent = round(math.log10(factor))
    if not math.isclose(factor, 10.0**exponent) or exponent not in _PREFIXES:
        return None
    symbol = _SYMBOLS.get(kind)
    if symbol is not None:
        return _PREFIXES[exponent] + symbol
    return kind if exponent == 0 and kind != DIMENSIONLESS else None
