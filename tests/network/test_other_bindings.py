"""Models are read whatever other package of SBML has been imported, before or after the first."""

import subprocess
import sys

import pytest

MODEL = "model m{}\n species X; X = 1; k = 1\n R: X -> ; k*X^2 + 1 - sin(time)\nend\n"


@pytest.mark.parametrize("package", ["libsedml", "roadrunner", "libcombine"])
def test_a_model_is_read_after_another_package_has_come(package):
    """In a process of its own: what is imported stays."""
    program = (
        f"import simulator as sim; text = {MODEL!r}; one = sim.load(text.format(1));"
        f"import {package}; two = sim.load(text.format(2));"
        "assert repr(one.network.reactions) == repr(two.network.reactions)"
    )
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
