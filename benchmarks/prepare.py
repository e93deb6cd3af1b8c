"""Store PEtab problems compactly: one condition as SBML, and what is perturbed.

    python -m benchmarks.prepare FOLDER NAME [NAME ...]

FOLDER holds problems in PEtab layout; NAME is the part of a problem's name before "_".
"""

import argparse
import re
from pathlib import Path

import pandas as pd

from . import problem, sbml


def main() -> None:
    """Write models/<problem>.xml and models/problems.tsv."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("names", nargs="+")
    asked = parser.parse_args()
    rows = []
    for name in asked.names:
        source = next(iter(sorted(asked.folder.glob(f"{name}_*"))))
        text, condition, end, nominal = sbml.one_condition(source)
        unindented = re.sub(r"\n\s+", "\n", text)  # indentation is most of some files
        (problem.MODELS / f"{source.name}.xml").write_text(unindented, encoding="utf-8")
        rows.append((name, source.name, condition, end, " ".join(nominal)))
    columns = ["problem", "source", "condition", "end", "perturbed"]
    table = pd.DataFrame(rows, columns=columns)
    table.to_csv(problem.MODELS / "problems.tsv", sep="\t", index=False, lineterminator="\n")


if __name__ == "__main__":
    main()
