"""Random reaction networks of any size, as Antimony."""

import numpy as np

REACH = 4
CROSS_TALK = 0.01


def random_network(species: int, reactions: int, reach: int | None = REACH, seed: int = 0) -> str:
    """A network of reversible bindings and saturable conversions.

    Half of the reactions bind two species to a third, reversibly, by mass action; the other half
    convert one species into another with Michaelis-Menten kinetics, some catalysed by a third.
    Every species occurs; rate constants spread over four decades, so that the network is stiff.

    Parameters
    ----------
    reach
        Species lie on a ring and react with others at most this far away, but for one partner in a
        hundred, as pathways with cross-talk do. None: with any other, which makes the elimination
        of the Jacobian fill up as no pathway's does.
    """
    random = np.random.default_rng(seed)
    lines = ["model random_network", "compartment cell = 1"]
    names = [f"S{i}" for i in range(species)]
    for name, start in zip(names, random.lognormal(0.0, 1.0, species), strict=True):
        lines.append(f"species {name} in cell = {start:.6g}")
    constants: list[str] = []

    def constant(value: float) -> str:
        constants.append(f"{value:.6g}")
        return f"k{len(constants)}"

    for j in range(reactions):
        a, b, c = (names[i] for i in _three(random, species, j % species, reach))
        fast, slow = 10.0 ** random.uniform(-2.0, 2.0), 10.0 ** random.uniform(-2.0, 0.0)
        if j % 2:
            lines.append(f"R{j}: {a} + {b} -> {c}; {constant(slow)}*{a}*{b} - {constant(fast)}*{c}")
        else:
            enzyme = f"*{b}" if j % 4 else ""
            rate = f"{constant(slow)}*{a}{enzyme}/({constant(1 + fast)} + {a})"
            lines.append(f"R{j}: {a} -> {c}; {rate}")
    lines += [f"k{i} = {value}" for i, value in enumerate(constants, start=1)]
    return "\n".join([*lines, "end", ""])


def _three(random: np.random.Generator, species: int, first: int, reach: int | None) -> list[int]:
    """Three distinct species, the first of them given."""
    chosen = [first]
    while len(chosen) < 3:
        if reach is None or random.uniform() < CROSS_TALK:
            other = int(random.integers(species))
        else:
            other = (first + int(random.integers(-reach, reach + 1))) % species
        if other not in chosen:
            chosen.append(other)
    return chosen
