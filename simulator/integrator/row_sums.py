"""Arithmetic on rows that takes several instructions: weighted sums of stages, and roots."""

from collections.abc import Callable, Sequence

from llvmlite import ir

from .machine_code import DOUBLE, INDEX, INTEGER, Rows
from .tableau import Array

Weights = list[tuple[int, float]]
Start = list[ir.Value] | None
RowWork = Callable[[list[ir.Value]], None]


class StateRows(Rows):
    """A function that does the same to each of `count` rows, some at a time."""

    def each_row(self, once: RowWork) -> None:
        """Build the work on a row, for blocks of rows that share the loading of coefficients."""
        together = max(1, 16 // self.lanes)
        whole = self.build.mul(self.build.sdiv(self.count, INTEGER(together)), INTEGER(together))
        if together > 1:
            with self.loop(INTEGER(0), whole, together) as index:
                once([self.build.add(index, INTEGER(j)) for j in range(together)])
        with self.loop(whole if together > 1 else INTEGER(0), self.count) as index:
            once([index])

    def weighted(
        self, rows: list[ir.Value], sums: Sequence[tuple[Start, Weights]]
    ) -> list[list[ir.Value]]:
        """Some sums of start + weight * u_j over j, on some rows; u is the array of argument 1.

        They are taken together, so that each u is loaded once.
        """
        totals = [list(start or []) for start, _ in sums]
        for j in sorted({j for _, weights in sums for j, _ in weights}):
            u = [self.load(1, self.build.add(r, self._block(j))) for r in rows]
            for total, (_, weights) in zip(totals, sums, strict=True):
                for weight in (w for k, w in weights if k == j):
                    terms = [self.multiply(self.constant(weight), v) for v in u]
                    total[:] = map(self.add, total, terms) if total else terms
        nothing = [self.constant(0.0)] * len(rows)
        return [total or nothing for total in totals]

    def _block(self, j: int) -> ir.Value:
        return self.build.mul(self.count, INTEGER(j))


def weights(coefficients: Array) -> Weights:
    """Numbers and coefficients of the terms that are not 0."""
    return [(j, float(c)) for j, c in enumerate(coefficients) if c != 0.0]


def continues(earlier: Array, later: Array) -> bool:
    """Whether a sum of u_0 .. u_i only adds its last term to an earlier sum of u_0 .. u_(i-1)."""
    return len(earlier) > 0 and list(later[: len(earlier)]) == list(earlier)


def inverse_root(f: Rows, x: ir.Value, order: int) -> ir.Value:
    """x**(-1/order) to a thousandth, enough to choose a step; x outside 1e-12 .. 1e12 as there.

    Newton's method for y**-order = x from a guess that divides the exponent's bits.
    """
    least, most = f.constant(1e-12), f.constant(1e12)
    x = f.choose(">", x, least, x, least)
    x = f.choose("<", x, most, x, most)
    one = INTEGER(0x3FF0000000000000)  # the bits of 1.0
    y = ir.Constant(f.kind, ir.Undefined)
    for lane in range(f.lanes):
        number = f.build.extract_element(x, INDEX(lane)) if f.lanes > 1 else x
        bits = f.build.sub(f.build.bitcast(number, INTEGER), one)
        guess = f.build.sub(one, f.build.sdiv(bits, INTEGER(order)))
        one_y = f.build.bitcast(guess, DOUBLE)
        y = f.build.insert_element(y, one_y, INDEX(lane)) if f.lanes > 1 else one_y
    for _ in range(2):
        power = x
        for _ in range(order):
            power = f.multiply(power, y)
        change = f.subtract(f.constant(1.0), power)
        y = f.add(y, f.multiply(f.multiply(y, f.constant(1.0 / order)), change))
    return y
