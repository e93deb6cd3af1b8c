"""The PEtab problems under test, and small ones that a test can spoil."""

from pathlib import Path

DATA = Path(__file__).resolve().parents[1] / "data"
SUITE_1 = sorted((DATA / "petab" / "v1.0.0").glob("*/_????.yaml"))
SUITE_2 = sorted((DATA / "petab" / "v2.0.0").glob("*/_????.yaml"))
BENCHMARKS = sorted((DATA / "petab_benchmarks").glob("*/*.yaml"))

MODEL = """
model small
  compartment cell = 1
  species A in cell, B in cell
  A = a0; B = b0
  a0 = 1; b0 = 0.5
  k1 = 0.8; k2 = 0.6
  total := A + B
  J1: A -> B; k1*A
  J2: B -> A; k2*B
end
"""

VERSION_1 = {
    "problem.yaml": """
format_version: 1
parameter_file: parameters.tsv
problems:
- sbml_files: [model.ant]
  condition_files: [conditions.tsv]
  observable_files: [observables.tsv]
  measurement_files: [measurements.tsv]
""",
    "model.ant": MODEL,
    "parameters.tsv": """
parameterId parameterScale lowerBound upperBound nominalValue estimate
k2 log10 0.01 10 0.6 1
scale lin 0 10 2 1
sigma lin 0 1 0.1 0
""",
    "conditions.tsv": """
conditionId conditionName k1 B
rest at_rest 0.3 2
run running 0.9 NaN
""",
    "observables.tsv": """
observableId observableFormula observableTransformation noiseFormula noiseDistribution
obs observableParameter1_obs*A lin noiseParameter1_obs normal
logged B log10 0.1 laplace
""",
    "measurements.tsv": """
observableId preequilibrationConditionId simulationConditionId measurement time observableParameters noiseParameters
obs _ run 0.7 0 scale sigma
obs rest run 0.2 10 2.5 0.3
logged _ rest 0.4 inf _ _
""",  # noqa: E501
}  # fmt: skip

VERSION_2 = {
    "problem.yaml": """
format_version: 2.0.0
model_files:
  small: {location: model.ant, language: antimony}
parameter_files: [parameters.tsv]
condition_files: [conditions.tsv]
experiment_files: [experiments.tsv]
observable_files: [observables.tsv]
measurement_files: [measurements.tsv]
mapping_files: [mapping.tsv]
""",
    "model.ant": MODEL,
    "parameters.tsv": """
parameterId lowerBound upperBound nominalValue estimate priorDistribution priorParameters
k2 0.01 10 0.6 true normal 1;2
factor 0 10 2 true _ _
sigma _ _ 0.1 false _ _
""",
    "conditions.tsv": """
conditionId targetId targetValue
rest k1 0.3
rest B 2*factor
run k1 0.9
dose A A+factor
""",
    "experiments.tsv": """
experimentId time conditionId
e1 -inf rest
e1 5 run
e1 20 dose
""",
    "observables.tsv": """
observableId observableFormula noiseFormula noiseDistribution observablePlaceholders noisePlaceholders
obs gain*A spread*obs normal gain spread
logged B 0.1 log-laplace _ _
""",  # noqa: E501
    "measurements.tsv": """
observableId experimentId measurement time observableParameters noiseParameters
obs e1 0.7 5 factor sigma
logged _ 0.4 inf _ _
""",
    "mapping.tsv": """
petabEntityId modelEntityId name
rest _ at_rest
""",
}  # fmt: skip


def write(folder, files, *edits):
    """The problem's files in a folder, after edits (file, text, new text); the yaml's path.

    In tables a space stands for a tab and `_` alone for an empty cell.
    """
    files = dict(files)
    for name, old, new in edits:
        assert old in files[name], (name, old)
        files[name] = files[name].replace(old, new)
    for name, text in files.items():
        text = text.lstrip("\n")
        if name.endswith(".tsv"):
            rows = ([("" if c == "_" else c) for c in row.split(" ")] for row in text.splitlines())
            text = "".join("\t".join(row) + "\n" for row in rows)
        (folder / name).write_text(text, encoding="utf-8")
    return folder / "problem.yaml"
