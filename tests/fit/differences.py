"""Central differences that say how far they can be trusted."""

import numpy as np

STENCIL = ((1, 45.0), (2, -9.0), (3, 1.0))  # sixth order, over 60 h


def central(function, x, step):
    """Derivative at x, and how uncertain it is: by how much it changes with half the step."""
    whole, half = (_difference(function, x, h) for h in (step, step / 2))
    return half, np.abs(half - whole)


def _difference(function, x, h):
    pairs = [(weight, function(x + k * h), function(x - k * h)) for k, weight in STENCIL]
    return sum(weight * (up - down) for weight, up, down in pairs) / (60 * h)


def gradient_by_differences(problem, table, step=1e-2):
    """Gradient of the log-likelihood by the relative change of each free parameter, and doubts."""
    found = []
    for name in problem.free:
        place = problem.ids.index(name)
        scale = abs(table[place]) or 1.0

        def along(x, place=place, scale=scale):
            moved = table.copy()
            moved[place] += x * scale
            return problem.at(moved).evaluation.log_likelihood

        found.append(central(along, 0.0, step))
    return np.array(found).reshape(-1, 2).T


def relative_gradient(problem, table):
    """The gradient by the relative change of each free parameter."""
    places = [problem.ids.index(name) for name in problem.free]
    scale = np.where(table[places] != 0, np.abs(table[places]), 1.0)
    return problem.at(table, order=1).evaluation.gradient * scale
