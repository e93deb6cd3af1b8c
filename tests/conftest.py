"""What every test relies on: reproducible examples, no windows, the bundled model loaded once."""

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

os.environ.setdefault("MPLBACKEND", "Agg")

# The same examples in every run, so that a failure is a change in the code; and no deadline, since
# the first example of a property may include a compilation.
settings.register_profile(
    "steroidsim",
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("steroidsim")

CHECKOUT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="session")
def checkout():
    """The folder that holds pyproject.toml."""
    return CHECKOUT


@pytest.fixture(scope="session")
def steroid_response():
    """The bundled model, loaded and compiled once; tests never change it."""
    import simulator

    return simulator.load("steroid_response")
