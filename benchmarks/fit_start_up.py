"""Time from a PEtab problem's yaml file to its first gradient, in fresh interpreters.

    python -m benchmarks.fit_start_up --amici-python ENVIRONMENT/bin/python

steroidsim with an empty cache ("cold"), with a cache that knows this problem ("warm") or others
only ("new"); AMICI through pyPESTO with and without its import and compilation of the model.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from .batches import RESULTS
from .fit_tools import ROOT, Failed, environment

LIMITS = {"cold": 5.0, "warm": 1.0}  # seconds that a user should wait at most
CASES = {"cold": "compiles", "new": "compiles", "warm": "compiled"}  # AMICI's counterpart

Repeats = list[tuple[float, float]]  # wall seconds of imports, and from the file to the gradient
Seconds = dict[str, dict[str, Repeats]]  # problem -> case -> repeats


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and write the table; or be one of the interpreters measured."""
    from .fit_report import FIRST
    from .fit_speed import chosen

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--problems", nargs="+", default=list(FIRST))
    parser.add_argument("--amici-python", default=sys.executable)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--out", type=Path, default=RESULTS)
    asked = parser.parse_args(arguments)
    asked.out.mkdir(parents=True, exist_ok=True)
    found = measured(chosen(asked.problems), asked.amici_python, asked.repeats)
    print(write(asked.out, found))


def measured(files: Mapping[str, Path], amici_python: str, repeats: int) -> Seconds:
    """Seconds of every case; AMICI compiles once, since that takes long."""
    found: Seconds = {name: {} for name in files}
    names = list(files)
    with tempfile.TemporaryDirectory() as scratch:
        for k, name in enumerate(names):
            file, build = str(files[name]), str(Path(scratch) / name)
            Path(build).mkdir()
            peer = ("amici", file, build)
            found[name]["compiles"] = [first_gradient(amici_python, *peer)]
            for repeat in range(repeats):
                cache = Path(scratch) / f"{name}-{repeat}"
                other = names[(k + 1) % len(names)]
                told = {
                    case: found[name].setdefault(case, []) for case in ("cold", "warm", "compiled")
                }
                told["cold"].append(first_gradient(sys.executable, "own", file, cache=cache))
                told["warm"].append(first_gradient(sys.executable, "own", file, cache=cache))
                told["compiled"].append(first_gradient(amici_python, *peer))
                if other != name:
                    new = first_gradient(sys.executable, "own", str(files[other]), cache=cache)
                    found[other].setdefault("new", []).append(new)
            print(f"  first gradient of {name}: measured", file=sys.stderr, flush=True)
    return found


def first_gradient(python: str, *arguments: str, cache: Path | None = None) -> tuple[float, float]:
    """Wall seconds in a fresh interpreter: imports, and from the yaml file to the gradient."""
    changed = {} if cache is None else {"STEROIDSIM_CACHE": str(cache)}
    done = subprocess.run(  # noqa: S603 - an interpreter the caller names
        [python, "-c", "from benchmarks import fit_start_up as f; f.child()", *arguments],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
        env=environment(python) | changed,
    )
    if done.returncode:
        raise Failed(f"{' '.join(arguments)}: {done.stderr[-600:]}")
    imports, gradient = json.loads(done.stdout.splitlines()[-1])
    return float(imports), float(gradient)


def write(out: Path, found: Seconds) -> str:
    """Write the table, which has ratios; the text also has seconds, which are this machine's."""
    text = table(found)
    (out / "fit_start_up.md").write_text(text + "\n", encoding="utf-8")
    seconds = []
    for name, cases in found.items():
        for case, repeats in cases.items():
            imports, gradient = np.median(repeats, axis=0)
            seconds.append(f"  {name}, {case}: imports {imports:.2f} s, gradient {gradient:.2f} s")
    return "\n".join([text, "", *seconds])


def table(found: Seconds) -> str:
    """Markdown: AMICI's time over steroidsim's, and whether steroidsim's limits are kept."""
    lines = [
        "| problem | empty cache | cache knows other problems | cache knows the problem"
        " | below 5 s cold | below 1 s warm |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for name, cases in found.items():
        middle = {case: float(np.median(np.sum(each, axis=1))) for case, each in cases.items()}
        cells = [
            f"{middle[peer] / middle[case]:.1f}x" if case in middle else "-"
            for case, peer in CASES.items()
        ]
        alone = {case: float(np.median(each, axis=0)[1]) for case, each in cases.items()}
        kept = ["yes" if alone[case] < limit else "no" for case, limit in LIMITS.items()]
        lines.append("| " + " | ".join([name, *cells, *kept]) + " |")
    note = (
        "Wall time of AMICI through pyPESTO over steroidsim's, from the yaml file to the first"
        " gradient, with imports; medians. With a cache that knows the problem, AMICI's model"
        " is compiled too; in the other columns it compiles. The limits are without imports."
    )
    return "\n".join([*lines, "", note])


# --- inside a measured interpreter -----------------------------------------------------------


def child() -> None:
    """Print the seconds of the imports, and from the yaml file to the first gradient."""
    from . import fit_worker

    tool, *rest = sys.argv[1:]
    begin = time.perf_counter()
    fit_worker.load(tool)
    loaded = time.perf_counter()
    fit_worker.make(tool, *rest).first_gradient()
    print(json.dumps([loaded - begin, time.perf_counter() - loaded]))


if __name__ == "__main__":
    main()
