"""Compile an SBML file with AMICI: ``python -m benchmarks.build_amici FILE NAME FOLDER``.

A process of its own, so that code generation can be given a time limit and leaves the measuring
process as it was. Sensitivities and observables are left out: neither is measured.
"""

import sys


def main() -> None:
    """Generate and compile."""
    from amici import SbmlImporter

    file, name, folder = sys.argv[1:]
    SbmlImporter(file).sbml2amici(
        name, folder, observation_model=[], generate_sensitivity_code=False
    )


if __name__ == "__main__":
    main()
