"""Conserved moieties: combinations of states that no reaction changes, found exactly.

A moiety is a row m of the left null space of the stoichiometric matrix: sum_i m_i a_i keeps its
value, a_i being the amount of species i, whatever the rates are (Schuster & Hoefer 1991,
doi:10.1039/FT9918702561; Reder 1988, doi:10.1016/S0022-5193(88)80073-0). Stoichiometry is read
from the rate expressions as exact fractions and eliminated in rational arithmetic, so that what is
conserved is conserved for every value of the parameters, and nothing else is taken for it.

Where parameters or initial values are zero (a dose, a knocked-out synthesis), fluxes vanish and
more is conserved than the network says. These moieties are found by the same elimination once it is
told what is zero.

Compartment sizes are parameters and may differ from run to run. Conservation therefore is stated in
amounts, with coefficients that hold for every run, and each run's own sizes give the weights that
turn its states into amounts.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from ..network.expression import Apply, Expression, Number, Symbol
from ..network.network import Network
from .equations import Equations
from .vanishing import Vanishing

Array = NDArray[np.float64]
Monomial = frozenset[tuple[Expression, int]]
"""Factors with their powers."""
Exact = Fraction | int
"""Whole numbers are `int` wherever they can be, which is much faster."""
Terms = dict[Monomial, Exact]
"""A sum of monomials with exact coefficients."""
Row = dict[int, Exact]
"""State -> coefficient."""

ONE: Monomial = frozenset()


@dataclass(frozen=True)
class Moieties:
    """What is conserved along every trajectory of some equations.

    states : ids in the order of y.
    coefficients : (moieties, n), of the states' amounts; whole numbers where the stoichiometry's
        are, and none negative where such a combination exists and was found.
    sizes : (n,) index of the parameter that a state is multiplied with to become an amount (the
        size of its compartment); -1 where it is one already, or is no species.
    conversions : (n,) index of the parameter that the amount is divided by (SBML's conversion
        factor, amount per extent of reaction); -1 where there is none.
    """

    states: tuple[str, ...]
    coefficients: Array
    sizes: NDArray[np.int64]
    conversions: NDArray[np.int64]

    def named(self) -> tuple[dict[str, float], ...]:
        """Each moiety as state -> coefficient."""
        return tuple(
            {self.states[i]: float(row[i]) for i in np.flatnonzero(row)}
            for row in self.coefficients
        )

    def weights(self, parameters: Array) -> Array:
        """What the states (runs, n) are multiplied with so that `coefficients` apply to them.

        Parameters
        ----------
        parameters
            (runs, parameters), in the order of the equations.
        """
        weights = np.ones((len(parameters), len(self.states)))
        sized = self.sizes >= 0
        weights[:, sized] = parameters[:, self.sizes[sized]]
        converted = self.conversions >= 0
        weights[:, converted] /= parameters[:, self.conversions[converted]]
        return weights


def find_moieties(
    network: Network,
    eqs: Equations,
    held: frozenset[str] = frozenset(),
    zero: frozenset[str] = frozenset(),
) -> Moieties:
    """All conserved moieties of some equations, linearly independent.

    A state whose rate is zero is a moiety of its own. A state with a rate rule is in a moiety only
    where its rule consists of the very terms that others lose. Algebraic states have no rate and
    are in none.

    Parameters
    ----------
    network
        Where the equations come from: says which compartment and conversion factor a species has.
    held
        States that stay at their values whatever their rates are.
    zero
        Parameters that are zero, and states that begin at zero: what can be seen to vanish with
        them throughout changes nothing.
    """
    parameters = {name: i for i, name in enumerate(eqs.parameters)}
    sizes, conversions = _scales(network, eqs, parameters)
    vanishing = Vanishing(eqs, held, zero) if zero else None
    rows: dict[int, Terms] = {}
    for i, (name, rate) in enumerate(zip(eqs.states, eqs.rates, strict=True)):
        if name in eqs.algebraic:
            continue
        scale = Apply("divide", (_symbol(eqs, sizes[i]), _symbol(eqs, conversions[i])))
        rows[i] = {} if name in held else _terms(Apply("multiply", (rate, scale)))
        if vanishing is not None:
            rows[i] = {m: c for m, c in rows[i].items() if not _without(m, vanishing)}
    found = [_whole(row) for row in _non_negative(_left_null_space(rows))]
    found.sort(key=lambda row: sorted(row))
    coefficients = np.zeros((len(found), len(eqs.states)))
    for k, row in enumerate(found):
        for i, value in row.items():
            coefficients[k, i] = float(value)
    return Moieties(
        eqs.states, coefficients, np.array(sizes, np.int64), np.array(conversions, np.int64)
    )


def _without(monomial: Monomial, vanishing: Vanishing) -> bool:
    return any(power > 0 and vanishing(factor) for factor, power in monomial)


def _scales(
    network: Network, eqs: Equations, parameters: dict[str, int]
) -> tuple[list[int], list[int]]:
    """Parameters that turn each state into an amount: compartment size, conversion factor."""
    species = {s.id: s for s in network.species}
    ruled = {name for name, _ in network.rate_rules}
    sizes, conversions = [], []
    for name in eqs.states:
        s = species.get(name)
        if s is None or name in ruled:
            sizes.append(-1)
            conversions.append(-1)
            continue
        is_amount = s.only_substance_units or name in eqs.amounts
        sizes.append(-1 if is_amount else parameters.get(s.compartment, -1))
        conversions.append(parameters.get(s.conversion_factor or "", -1))
    return sizes, conversions


def _symbol(eqs: Equations, parameter: int) -> Expression:
    return Symbol(eqs.parameters[parameter]) if parameter >= 0 else Number(1.0)


def _terms(expression: Expression) -> Terms:
    """A rate as a sum of monomials; products of sums stay factors, nothing is multiplied out."""
    if isinstance(expression, Number) and math.isfinite(expression.value):
        value = _exact(Fraction(repr(expression.value)))  # 0.1 is the tenth that the model says
        return {ONE: value} if value else {}
    if not isinstance(expression, Apply):
        return _factor(expression)
    parts = expression.arguments
    if expression.operator == "negate":
        return _scaled(_terms(parts[0]), ONE, -1)
    if expression.operator == "add":
        return _sum(_terms(part) for part in parts)
    if expression.operator == "subtract":
        return _sum([_terms(parts[0]), _scaled(_terms(parts[1]), ONE, -1)])
    if expression.operator == "multiply":
        return _product(parts)
    if expression.operator == "divide":
        below = _terms(parts[1])
        if len(below) == 1:
            ((monomial, coefficient),) = below.items()
            inverse = frozenset((factor, -power) for factor, power in monomial)
            return _scaled(_terms(parts[0]), inverse, _exact(Fraction(1) / coefficient))
        return _scaled(_terms(parts[0]), frozenset({(parts[1], -1)}), 1)
    return _factor(expression)


def _factor(expression: Expression) -> Terms:
    return {frozenset({(expression, 1)}): 1}


def _sum(parts: Iterable[Terms]) -> Terms:
    total: Terms = {}
    for part in parts:
        for monomial, coefficient in part.items():
            value = total.get(monomial, 0) + coefficient
            if value:
                total[monomial] = value
            else:
                total.pop(monomial, None)
    return total


def _product(factors: Iterable[Expression]) -> Terms:
    product: Terms = {ONE: 1}
    for factor in factors:
        terms = _terms(factor)
        if len(terms) > 1 and len(product) > 1:
            terms = _factor(factor)
        if len(terms) > 1:
            terms, product = product, terms
        if not terms or not product:
            return {}
        ((monomial, coefficient),) = terms.items()
        product = _scaled(product, monomial, coefficient)
    return product


def _scaled(terms: Terms, by: Monomial, coefficient: Exact) -> Terms:
    if by == ONE:
        return {monomial: value * coefficient for monomial, value in terms.items()}
    scaled: Terms = {}
    for monomial, value in terms.items():
        powers = dict(monomial)
        for factor, power in by:
            powers[factor] = powers.get(factor, 0) + power
        left = frozenset((factor, power) for factor, power in powers.items() if power)
        scaled = _sum([scaled, {left: value * coefficient}])
    return scaled


def _left_null_space(rows: dict[int, Terms]) -> list[Row]:
    """Combinations of rows that vanish, by elimination of one flux after the other.

    The flux with the fewest rows goes first: a flux that changes one state alone excludes that
    state at once, and one between two states lumps them. A row is eliminated with the one whose
    sign differs from all others where there is one, which keeps combinations free of differences.
    """
    number: dict[Monomial, int] = {}
    fluxes: dict[int, Row] = {
        i: {number.setdefault(flux, len(number)): value for flux, value in row.items()}
        for i, row in rows.items()
    }
    combined: dict[int, Row] = {i: {i: 1} for i in rows}
    holders: list[set[int]] = [set() for _ in number]
    for i, row in fluxes.items():
        for flux in row:
            holders[flux].add(i)
    queue = [(len(held), flux) for flux, held in enumerate(holders)]
    heapq.heapify(queue)
    while queue:
        count, flux = heapq.heappop(queue)
        waiting = holders[flux]
        if not waiting:
            continue
        if count != len(waiting):
            heapq.heappush(queue, (len(waiting), flux))
            continue
        pivot = _pivot(waiting, flux, fluxes)
        row, combination = fluxes.pop(pivot), combined.pop(pivot)
        for other in row:
            holders[other].discard(pivot)
        for i in sorted(waiting):
            ratio = _exact(Fraction(-fluxes[i][flux]) / row[flux])
            _add(fluxes[i], row, ratio)
            for other in row:
                (holders[other].add if other in fluxes[i] else holders[other].discard)(i)
            _add(combined[i], combination, ratio)
    return list(combined.values())


def _pivot(waiting: set[int], flux: int, fluxes: dict[int, Row]) -> int:
    """Row to eliminate a flux with: alone with its sign if possible, then with the fewest terms."""
    positive = sum(fluxes[i][flux] > 0 for i in waiting)
    alone = {positive == 1: True, positive == len(waiting) - 1: False}.get(True)

    def cost(i: int) -> tuple[bool, int, int]:
        return (alone is not None and (fluxes[i][flux] > 0) != alone, len(fluxes[i]), i)

    return min(waiting, key=cost)


def _exact(value: Fraction) -> Exact:
    return value.numerator if value.denominator == 1 else value


def _add(row: Row, other: Row, ratio: Exact) -> None:
    for i, value in other.items():
        total = row.get(i, 0) + ratio * value
        if total:
            row[i] = total
        else:
            row.pop(i, None)


def _non_negative(basis: list[Row]) -> list[Row]:
    """The basis with rows replaced by non-negative ones where linear programming finds them.

    A replacement contains the row that it replaces, so the rows stay independent; it is checked in
    exact arithmetic.
    """
    basis = [_oriented(row) for row in basis]
    for k, row in enumerate(basis):
        if min(row.values()) < 0:
            near = _connected(basis, k)
            found = _semi_positive([basis[j] for j in near], near.index(k))
            if found is not None:
                basis[k] = found
    return basis


def _oriented(row: Row) -> Row:
    """The row or its negative, whichever has fewer negative coefficients."""
    negative = sum(value < 0 for value in row.values())
    if 2 * negative > len(row) or (2 * negative == len(row) and row[min(row)] < 0):
        return {i: -value for i, value in row.items()}
    return row


def _connected(basis: list[Row], k: int) -> list[int]:
    """Rows that share states with row k, directly or through others."""
    reached, states = {k}, set(basis[k])
    growing = True
    while growing:
        growing = False
        for j, row in enumerate(basis):
            if j not in reached and states & row.keys():
                reached.add(j)
                states |= row.keys()
                growing = True
    return sorted(reached)


def _semi_positive(rows: list[Row], k: int) -> Row | None:
    """A non-negative combination of the rows in which row k has a part; the one of least sum."""
    from scipy.optimize import linprog

    columns = sorted(set().union(*rows))
    matrix = np.array([[float(row.get(i, 0)) for i in columns] for row in rows])
    for part in (1.0, -1.0):
        bounds: list[tuple[float | None, float | None]] = [(None, None)] * len(rows)
        bounds[k] = (part, part)
        solved = linprog(
            matrix.sum(axis=1), A_ub=-matrix.T, b_ub=np.zeros(len(columns)), bounds=bounds
        )
        if solved.status != 0:
            continue
        combination: Row = {}
        for row, x in zip(rows, solved.x, strict=True):
            _add(combination, row, _exact(Fraction(float(x)).limit_denominator(1000)))
        if combination and min(combination.values()) > 0:
            return combination
    return None


def _whole(row: Row) -> Row:
    """The row times the number that makes its coefficients coprime whole numbers."""
    denominator = math.lcm(*(value.denominator for value in row.values()))
    divisor = math.gcd(*(int(value * denominator) for value in row.values()))
    return {i: int(value * denominator) // divisor for i, value in row.items()}
