"""tellurium replaces classes of libsbml where it is imported; models are read all the same."""

import subprocess
import sys

PROGRAM = """
import warnings
warnings.simplefilter("ignore")
import libsbml
import tellurium
import simulator as sim

assert type(libsbml.parseL3Formula("a*b")).__module__ != "libsbml", "nothing is replaced"
model = sim.load('''model decay
  species X; X = 2; k = 0.5; Y := piecewise(1, X > 1, X^2)
  J: X -> ; k*X*1e0
end''')
print(float(model.simulate(2.0, rtol=1e-9)["X"][-1]))
"""


def test_a_model_is_read_after_tellurium_was_imported():
    command = [sys.executable, "-c", PROGRAM]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    assert abs(float(run.stdout.split()[-1]) - 2 * 2.718281828459045**-1) < 1e-7
