"""A model folder whose doses and orders are known on paper."""

from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def pathway():
    import simulator

    return simulator.load(Path(__file__).parent / "pathway")
