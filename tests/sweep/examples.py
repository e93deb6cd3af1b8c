"""Small models whose runs are known in closed form, and what is asked of stores again and again."""

import filecmp
import os
from pathlib import Path

import numpy as np

import simulator as sim

#: X decays: X(t) = start exp(-k t).
DECAY = """
model decay
  species X; X = 1
  k = 0.5; s = 1
  R: X -> ; k * X
  Y := s * X
end
"""

#: X' = g X^2 from 1: X(t) = 1 / (1 - g t), which ends at t = 1 / g.
BLOW_UP = """
model blow_up
  species X; X = 1
  g = 0.1
  R: -> X; g * X * X
end
"""


def decay():
    return sim.load(DECAY)


def same_files(one, other):
    """Whether two folders hold the same files with the same bytes."""
    names = [_files(folder) for folder in (one, other)]
    if names[0] != names[1]:
        return False
    return not any(filecmp.cmpfiles(one, other, sorted(names[0]), shallow=False)[1:])


def _files(folder):
    return {
        str(Path(root, name).relative_to(folder))
        for root, _, files in os.walk(folder)
        for name in files
    }


def assert_same_numbers(one, other):
    """The same variables over the same dimensions, to the last bit."""
    assert set(one.data_vars) == set(other.data_vars)
    for name in one.data_vars:
        assert one[name].dims == other[name].dims
        np.testing.assert_array_equal(one[name].values, other[name].values)
