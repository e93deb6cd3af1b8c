"""Examples of every command, as `--help` shows them; tests read and run them."""

import re
import textwrap
from typing import NamedTuple

#: Columns of the narrowest terminal that help pages are made for.
COLUMNS = 80

# Between an option and its value no line ends.
TOGETHER = "\N{NO-BREAK SPACE}"


class Example(NamedTuple):
    """What a call is for, and the call."""

    purpose: str
    call: str


#: Command -> its examples; "" are those of `steroidsim` itself.
EXAMPLES: dict[str, tuple[Example, ...]] = {
    "": (
        Example("the main job: which cells are resistant, and what helps", "steroidsim predict"),
        Example(
            "one simulation, as a table",
            "steroidsim simulate alteration=none,NRAS_G12D prednisolone=0,1 --output viability",
        ),
        Example("is everything installed as it should be?", "steroidsim doctor"),
    ),
    "predict": (
        Example("every cell and lesion; writes results/prediction.*", "steroidsim predict"),
        Example(
            "two cells, the point estimate alone, into a folder of your own",
            "steroidsim predict --cell SUPT1 --cell SEM --members 0 --out my_results",
        ),
        Example("predictions to test, as a page", "steroidsim predict --report predictions.md"),
    ),
    "simulate": (
        Example(
            "a dose-response of two lesions, into a file",
            "steroidsim simulate cell=SUPT1 alteration=none,JAK1_T901A prednisolone=0,0.1,1,10"
            " --time 0,24,48,96 --output viability --out run.csv",
        ),
        Example(
            "a drug for one day, then none",
            "steroidsim simulate prednisolone=1@0,0@24 --time 0,24,96 --output viability",
        ),
        Example(
            "four times as much BCL2, at nine doses",
            "steroidsim simulate expression:BCL2=1,4 prednisolone=log:0.01:30:9",
        ),
    ),
    "sweep": (
        Example("how many runs, how much disk, how long", "steroidsim sweep design.toml --dry-run"),
        Example(
            "simulate; the same call goes on where it was stopped",
            "steroidsim sweep design.toml --out sweep.zarr",
        ),
        Example(
            "the third of eight parts, for a job array",
            "steroidsim sweep design.toml --out part3.zarr --shard 3/8",
        ),
        Example(
            "on a Dask cluster",
            "steroidsim sweep design.toml --out sweep.zarr --dask tcp://10.0.0.1:8786",
        ),
    ),
    "merge": (
        Example(
            "two parts into one store, and a NetCDF file of it",
            "steroidsim merge part1.zarr part2.zarr --out sweep.zarr --netcdf sweep.nc",
        ),
    ),
    "screen": (
        Example("every gene and drug, by the AUC of prednisolone", "steroidsim screen"),
        Example(
            "every pair, in a RAS-mutant cell", "steroidsim screen alteration=NRAS_G12D --pairs"
        ),
        Example(
            "one gene and one drug, in two cells, by IC50",
            "steroidsim screen cell=SUPT1,SEM prednisolone=0,log:0.01:100:9 --measure ic50"
            " --knockout BIM --drug selumetinib=1 --out screen.csv",
        ),
        Example("which parameters matter, near the values", "steroidsim screen --control"),
        Example(
            "which parameters matter, over their ranges",
            "steroidsim screen --measure BIM_active prednisolone=1 --morris --n 10",
        ),
        Example(
            "shares of the variance",
            "steroidsim screen --sobol --n 128 --range BIM_expression=0.1:10:log"
            " --range total_MEK",
        ),
    ),
    "dose": (
        Example(
            "the lowest dose that halves viability",
            "steroidsim dose prednisolone --below 0.5 alteration=none,NRAS_G12D"
            " selumetinib=0,0.1,1",
        ),
        Example(
            "the cheapest pair that serves 80 % of a cohort",
            "steroidsim dose prednisolone selumetinib --effect 0.9 --cohort TALL_PDX"
            " --fraction 0.8",
        ),
        Example(
            "which drug first, and by how long",
            "steroidsim dose prednisolone=1 selumetinib=0.5 --delays -48:48:12 --exposure 24"
            " --time 96",
        ),
    ),
    "fit": (
        Example(
            "fifty starts in two processes, kept as they end",
            "steroidsim fit problem.yaml --starts 50 --jobs 2 --out result.h5",
        ),
        Example(
            "with the uncertainty of each parameter, and the optimum as a problem",
            "steroidsim fit problem.yaml --profile --petab fitted",
        ),
        Example(
            "scales and noise of blots left out of the search",
            "steroidsim fit blots_problem/problem.yaml --hierarchical",
        ),
    ),
    "report": (Example("a page with figures", "steroidsim report result.h5 --out report"),),
    "blots-to-petab": (
        Example(
            "the bundled model, all its uncertain parameters",
            "steroidsim blots-to-petab blots.tsv --out problem --estimate all",
        ),
        Example(
            "antibodies with names of their own, and a background",
            "steroidsim blots-to-petab blots.csv --out problem --antibody ERK-P=pERK"
            " --antibody actin=loading_control --estimate k_BIM_phosphorylation --offset",
        ),
    ),
    "findings": (
        Example("the score", "steroidsim findings"),
        Example("every check of two findings", "steroidsim findings T19 M06 --all"),
        Example(
            "findings of your own, as JSON", "steroidsim findings --file my_findings.yaml --json"
        ),
        Example("a page with a panel per finding", "steroidsim findings --page findings.md"),
    ),
    "calibrate": (
        Example(
            "fit, draw an ensemble, report",
            "steroidsim calibrate --out calibrated --report calibration.md",
        ),
        Example(
            "report on the values there are", "steroidsim calibrate --report calibration.md"
        ),
    ),
    "export": (
        Example(
            "the RAS-mutant cell under 1 uM prednisolone",
            "steroidsim export alteration=NRAS_G12D prednisolone=1 --out run.xml",
        ),
    ),
    "doctor": (
        Example("what is there, and does it compute correctly?", "steroidsim doctor"),
        Example("the same for a report of a fault", "steroidsim doctor --json"),
    ),
}  # fmt: skip


def examples_text(command: str) -> str:
    """The examples of a command as lines that fit a terminal and can be pasted into a shell."""
    lines = ["Examples:"]
    for purpose, call in EXAMPLES[command]:
        whole = re.sub(r"( --?\w[\w-]*) (?!-)", rf"\1{TOGETHER}", call)
        pieces = textwrap.wrap(whole, COLUMNS - 10, break_long_words=False, break_on_hyphens=False)
        lines += [f"  # {purpose}", "  " + " \\\n      ".join(pieces)]
    return "\n".join(lines).replace(TOGETHER, " ") + "\n"
