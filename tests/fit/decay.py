"""A small problem with a closed solution.

Of a pair of parameters no data tell which is which, and of one they only say that it is large.

A decays with rate k from a0 and is seen as scale * A; B rises to 1 with rate r, long since done
when it is first measured.
"""

import numpy as np

MODEL = """
model decay
  compartment cell = 1
  species A in cell, B in cell
  k = 0.5; r = 50; a0 = 1; scale = 1
  A = a0; B = 0
  A -> ; k*A
  -> B ; r*(1 - B)
end
"""
TIMES = (0.0, 0.5, 1.0, 2.0, 4.0, 8.0)
SIGMA = 0.05
TRUE = {"k": 0.5, "scale": 1.0, "a0": 1.0, "r": 50.0}
BOUNDS = {"k": (1e-2, 1e1), "scale": (1e-2, 1e2), "a0": (1e-2, 1e2), "r": (1e-2, 1e4)}
YAML = """format_version: 1
parameter_file: parameters.tsv
problems:
- sbml_files: [decay.ant]
  condition_files: [conditions.tsv]
  observable_files: [observables.tsv]
  measurement_files: [measurements.tsv]
"""


def measured():
    """Time, observable, value: without noise, so that the optimum is what it was made from."""
    rows = [(t, "decaying", float(np.exp(-0.5 * t))) for t in TIMES]
    return rows + [(t, "risen", 1.0) for t in (1.0, 2.0, 3.0)]


def exact(k, scale, a0, r):
    """Negative log-likelihood by the closed solution."""
    total = 0.0
    for t, observable, value in measured():
        y = scale * a0 * np.exp(-k * t) if observable == "decaying" else 1 - np.exp(-r * t)
        total += 0.5 * ((value - y) / SIGMA) ** 2 + np.log(SIGMA * np.sqrt(2 * np.pi))
    return total


def write(folder, estimated=("k", "scale", "a0", "r"), priors=None, scales=None, name="problem"):
    """The problem's files; the path of its yaml file. priors : id -> (type, parameters)."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "decay.ant").write_text(MODEL)
    (folder / f"{name}.yaml").write_text(YAML)
    (folder / "conditions.tsv").write_text("conditionId\nc\n")
    observables = "observableId\tobservableFormula\tnoiseFormula\n"
    observables += f"decaying\tscale*A\t{SIGMA}\nrisen\tB\t{SIGMA}\n"
    (folder / "observables.tsv").write_text(observables)
    lines = ["observableId\tsimulationConditionId\ttime\tmeasurement"]
    lines += [f"{o}\tc\t{t}\t{value!r}" for t, o, value in measured()]
    (folder / "measurements.tsv").write_text("\n".join(lines) + "\n")
    head = "parameterId parameterScale lowerBound upperBound nominalValue estimate"
    head += " objectivePriorType objectivePriorParameters"
    lines = [head.replace(" ", "\t")]
    for id, value in TRUE.items():
        kind, numbers = (priors or {}).get(id, ("", ""))
        scale = (scales or {}).get(id, "log10")
        row = (id, scale, *BOUNDS[id], value, int(id in estimated), kind, numbers)
        lines.append("\t".join(map(str, row)))
    (folder / "parameters.tsv").write_text("\n".join(lines) + "\n")
    return folder / f"{name}.yaml"
