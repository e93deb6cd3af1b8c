"""Rules about the repository itself that a machine can hold."""

import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml

CHECKOUT = Path(__file__).resolve().parents[1]
HEAVY = (
    "antimony",
    "h5netcdf",
    "libsbml",
    "llvmlite",
    "matplotlib",
    "numba",
    "pandas",
    "roadrunner",
    "scipy",
    "tellurium",
    "xarray",
)
PYTHONS = ("3.11", "3.12", "3.13")


def tracked_files():
    """Text files of the project: what git tracks, or all that is no cache where there is no git."""
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=CHECKOUT, capture_output=True, text=True, check=False
    )
    if listed.returncode == 0:
        paths = [CHECKOUT / name for name in listed.stdout.split("\0") if name]
    else:
        folders = ("simulator", "models", "tests", "notebooks", "constraints", "docs")
        paths = [path for folder in folders for path in (CHECKOUT / folder).rglob("*")]
        paths += [path for path in CHECKOUT.iterdir() if path.is_file()]
    binary = {".png", ".nc", ".pyc"}
    return [path for path in paths if path.is_file() and path.suffix not in binary]


def read(path):
    return path.read_text(encoding="utf-8")


def project_table():
    return tomllib.loads(read(CHECKOUT / "pyproject.toml"))["project"]


def stated_version():
    return re.search(r'__version__ = "(.+)"', read(CHECKOUT / "simulator" / "_version.py"))[1]


def loaded_after(statement):
    """The heavy packages that a fresh interpreter has loaded after `statement`."""
    program = f"{statement}\nimport sys, json; print(json.dumps(sorted(sys.modules)))"
    run = subprocess.run(
        [sys.executable, "-c", program], cwd=CHECKOUT, capture_output=True, text=True, check=True
    )
    return set(HEAVY) & set(json.loads(run.stdout.splitlines()[-1]))


def test_a_bare_import_loads_nothing_heavy():
    assert loaded_after("import simulator; simulator.__version__; simulator.ModelError") == set()


def test_the_command_line_is_built_without_anything_heavy():
    assert loaded_after("import simulator.cli") == set()


def test_the_probe_for_heavy_packages_sees_one():
    assert loaded_after("import yaml, pandas") == {"pandas"}


@pytest.mark.parametrize("arguments", [["--help"], ["predict", "--help"], ["findings", "--help"]])
def test_help_is_shown(arguments):
    command = Path(sys.executable).with_name("steroidsim")
    run = subprocess.run([command, *arguments], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    assert "Usage" in run.stdout


# The patterns are written so that they do not find themselves.
MACHINE_PATH = re.compile(r"(?<![\w.])/(?:root|home/\w+|Users/\w+|work|tmp/\w)/|[A-Z]:\\\\?Users")
REGISTRY = re.compile(
    r"\b(?:test\.)?pypi\.org|python[h]osted\.org|npm[j]s\.(?:org|com)|conda\.[a]naconda\.org"
)


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        (MACHINE_PATH, "/" + "root/x"),
        (MACHINE_PATH, 'open("/' + 'home/ada/model.ant")'),
        (REGISTRY, "https://" + "pypi" + ".org/simple"),
        (REGISTRY, "files." + "python" + "hosted" + ".org"),
    ],
)
def test_the_patterns_find_what_they_are_for(pattern, text):
    assert pattern.search(text)


@pytest.mark.parametrize(
    ("pattern", "kind"), [(MACHINE_PATH, "path of one machine"), (REGISTRY, "registry's host")]
)
def test_no_tracked_file_names_a(pattern, kind):
    found = [
        f"{path.relative_to(CHECKOUT)}:{number}: {line.strip()[:100]}"
        for path in tracked_files()
        for number, line in enumerate(path.read_text("utf-8", "replace").splitlines(), start=1)
        if pattern.search(line)
    ]
    assert not found, f"{kind}: {found}"


def test_versions_agree():
    version = stated_version()
    assert re.fullmatch(r"\d+\.\d+\.\d+(?:(?:a|b|rc)\d+|\.dev\d+)?", version)
    assert yaml.safe_load(read(CHECKOUT / "CITATION.cff"))["version"] == version
    released = re.findall(r"^## \[(\d[^\]]*)\]", read(CHECKOUT / "CHANGELOG.md"), re.MULTILINE)
    assert released[0] == version

    import simulator

    assert simulator.__version__ == version


NAME = "([a-z]+(?:-[a-z]+)*)"


def test_the_readme_names_targets_that_exist():
    readme = read(CHECKOUT / "README.md")
    targets = set(re.findall(rf"^{NAME}:", read(CHECKOUT / "Makefile"), re.MULTILINE))
    named = set(re.findall(rf"\bmake {NAME}\b", "\n".join(code_of(readme))))
    assert {"predict", "test"} <= named
    assert {"findings-page"} | named <= targets


def test_every_command_that_a_page_calls_exists():
    from typer.main import get_command

    from simulator.cli import app

    pages = [CHECKOUT / "README.md", *(CHECKOUT / "docs").glob("*.md")]
    code = [block for page in pages for block in code_of(read(page))]
    called = set(re.findall(rf"\bsteroidsim {NAME}\b", "\n".join(code)))
    assert {"predict", "blots-to-petab"} <= called
    assert called <= set(get_command(app).commands)


def test_the_readme_points_to_files_that_exist():
    readme = read(CHECKOUT / "README.md")
    links = re.findall(r"\]\((?!https?:|#)([^)#]+)", readme)
    places = re.findall(r"`((?:simulator|models|constraints|notebooks)/[^`]*)`", readme)
    assert links
    assert len(places) > 8
    assert [path for path in links + places if not (CHECKOUT / path).exists()] == []


def code_of(markdown):
    """The code in a Markdown text: its fenced blocks and its inline code."""
    fences = re.findall(r"^```.*?\n(.*?)^```", markdown, re.MULTILINE | re.DOTALL)
    prose = re.sub(r"^```.*?^```", "", markdown, flags=re.MULTILINE | re.DOTALL)
    return fences + re.findall(r"`([^`\n]+)`", prose)


@pytest.mark.parametrize("python", PYTHONS)
def test_constraints_pin_each_dependency_and_nothing_but_versions(python):
    lines = read(CHECKOUT / "constraints" / f"python-{python}.txt").splitlines()
    assert [line for line in lines if not re.fullmatch(r"[\w.-]+==[\w.!+]+", line)] == []
    pinned = {normalised(line.split("==")[0]) for line in lines}
    project = project_table()
    stated = project["dependencies"] + project["optional-dependencies"]["dev"]
    named = {normalised(re.match(r"[\w.-]+", requirement)[0]) for requirement in stated}
    assert named <= pinned
    assert "steroidsim" not in pinned


def normalised(distribution):
    return re.sub(r"[-_.]+", "-", distribution).lower()


def test_the_supported_pythons_are_the_ones_with_constraints():
    classified = re.findall(r"Python :: (3\.\d+)", "\n".join(project_table()["classifiers"]))
    files = sorted(path.stem for path in (CHECKOUT / "constraints").glob("*.txt"))
    assert classified == list(PYTHONS)
    assert files == [f"python-{python}" for python in PYTHONS]


@pytest.mark.parametrize("path", sorted((CHECKOUT / "notebooks").glob("*.ipynb")), ids=str)
def test_notebooks_use_the_package_and_carry_no_results(path):
    notebook = json.loads(read(path))
    code = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    sources = "\n".join("".join(cell["source"]) for cell in code)
    assert "import simulator as sim" in sources
    assert not re.search(r"^\s*(?:def|class)\s|\blambda\b", sources, re.MULTILINE)
    assert all(cell["outputs"] == [] and cell["execution_count"] is None for cell in code)


def test_modules_have_names_that_say_something():
    vague = {"utils", "util", "core", "common", "helpers", "misc"}
    modules = [path for path in (CHECKOUT / "simulator").rglob("*") if path.suffix == ".py"]
    assert [path for path in modules if path.stem in vague] == []


def test_the_notebook_about_fitting_brings_the_problem_that_other_tests_check():
    own = CHECKOUT / "notebooks" / "data" / "fiedler"
    checked = CHECKOUT / "tests" / "data" / "petab_benchmarks" / "Fiedler_BMCSystBiol2016"
    names = {path.name for path in checked.iterdir()}
    assert {path.name for path in own.iterdir()} == names | {"LICENSE", "README.md"}
    assert all((own / name).read_bytes() == (checked / name).read_bytes() for name in names)
