"""What runs of a network conserve, as the search for steady states takes it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..integrator.blocks import Mask, Structure
from ..integrator.steady import Conserved
from ..network.network import Network
from .equations import Equations
from .moieties import Moieties, find_moieties


def conserved(
    network: Network, eqs: Equations, pattern: NDArray[np.int64], held: frozenset[str]
) -> Conserved:
    """Conserved totals of some equations, of which some states stay at their values.

    Parameters
    ----------
    pattern
        (2, nnz) rows and columns of the Jacobian's entries.
    """
    algebraic = np.array([name in eqs.algebraic for name in eqs.states], bool)
    by_events = {name for event in eqs.events for name, _ in event.assignments}
    known: dict[frozenset[str], Structure] = {}

    def structure(moieties: Moieties) -> Structure:
        return Structure(pattern, moieties.coefficients, algebraic)

    def where_zero(states: Mask, parameters: Mask) -> Structure:
        zero = {name for name, absent in zip(eqs.states, states, strict=True) if absent}
        zero |= {name for name, off in zip(eqs.parameters, parameters, strict=True) if off}
        key = frozenset(zero - by_events)
        if key not in known:
            known[key] = structure(find_moieties(network, eqs, held, key))
        return known[key]

    always = find_moieties(network, eqs, held)
    return Conserved(structure(always), always.weights, where_zero)
