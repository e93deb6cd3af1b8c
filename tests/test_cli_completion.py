"""What the shell is offered at TAB, through the protocols of Bash and Zsh."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from simulator.cli import app

from .test_repository import HEAVY

CHECKOUT = Path(__file__).resolve().parents[1]


def asked(**environment):
    ended = CliRunner().invoke(app, [], prog_name="steroidsim", env=environment)
    assert ended.exit_code == 0, ended.output
    assert ended.stderr == ""
    return ended.stdout


def zsh(line):
    """Words that Zsh is offered for a line, which ends at the cursor."""
    text = asked(_STEROIDSIM_COMPLETE="complete_zsh", _TYPER_COMPLETE_ARGS=line)
    return [word.replace(r"\\:", ":") for word in re.findall(r'"([^"]*)"(?::"[^"]*")?', text)]


def bash(line):
    """Words that Bash is offered: it ends words at each `=` and `:` (COMP_WORDBREAKS)."""
    words = [word for word in re.split(r"([=:])|\s+", line) if word]
    words += [""] * line.endswith(" ")
    environment = {"COMP_WORDS": "\n".join(words), "COMP_CWORD": str(len(words) - 1)}
    return asked(_STEROIDSIM_COMPLETE="complete_bash", **environment).split()


def test_commands_and_options():
    assert zsh("steroidsim sim") == bash("steroidsim sim") == ["simulate"]
    assert bash("steroidsim predict --ce") == ["--cell"]
    assert {"predict", "blots-to-petab", "doctor"} <= set(bash("steroidsim "))


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("steroidsim predict --cell S", {"SUPT1", "SEM"}),
        ("steroidsim predict --model steroid", {"steroid_response"}),
        ("steroidsim screen --knockout BI", {"BIM"}),
        ("steroidsim screen --drug sel", {"selumetinib"}),
        ("steroidsim screen --measure auc", {"auc400"}),
        ("steroidsim simulate --output viab", {"viability"}),
        ("steroidsim dose prednisolone --cohort TALL_PR", {"TALL_PRIMARY"}),
        ("steroidsim findings T19 M0", {f"M{k:02d}" for k in range(1, 10)}),
        ("steroidsim blots-to-petab --estimate k_SOS,k_BIM_p", {"k_SOS,k_BIM_phosphorylation"}),
    ],
)
def test_names_of_the_model(line, found, checkout):
    if "findings" in line:  # the ids that the file has
        text = (checkout / "models/steroid_response/findings.yaml").read_text()
        found = {id for id in re.findall(r"^- id: (\S+)", text, re.M) if id.startswith("M0")}
        assert len(found) > 3
    assert set(zsh(line)) == set(bash(line)) == found


def test_factors_and_their_levels():
    assert zsh("steroidsim simulate alteration=NRAS_G") == ["alteration=NRAS_G12D"]
    assert zsh("steroidsim simulate alteration=none,NRAS_G") == ["alteration=none,NRAS_G12D"]
    assert zsh("steroidsim simulate knockout=BIM+PU") == ["knockout=BIM+PUMA"]
    assert zsh("steroidsim simulate expression:BCL2=") == []
    assert "expression:BCL2=" in zsh("steroidsim simulate expression:BC")
    assert "cell=" in zsh("steroidsim simulate ") and "il7=" in zsh("steroidsim simulate ")
    # several of them, so that no blank is put behind the sign
    assert zsh("steroidsim simulate predn") == ["prednisolone=1", "prednisolone=0,0.1,1,10"]
    assert "prednisolone" in zsh("steroidsim dose pred")


def test_bash_is_given_what_follows_the_sign():
    assert bash("steroidsim simulate alteration=NRAS_G") == ["NRAS_G12D"]
    assert bash("steroidsim simulate alteration=none,NRAS_G") == ["none,NRAS_G12D"]
    assert {"none", "NRAS_G12D"} <= set(bash("steroidsim simulate cell=SEM alteration="))
    assert bash("steroidsim simulate expression:BCLX") == ["BCLXL=4", "BCLXL=1,4"]
    assert bash("steroidsim simulate cell=SEM predn") == [
        "prednisolone=1",
        "prednisolone=0,0.1,1,10",
    ]


def test_another_model_folder_is_read(tmp_path, checkout):
    shutil.copytree(checkout / "tests/models/toy", tmp_path / "toy")
    table = tmp_path / "toy" / "cells.tsv"
    table.write_text("# of mine\ncell\tparameterId\nMINE\tx\n")
    assert bash(f"steroidsim predict --model {tmp_path}/toy --cell ") == ["MINE"]


@pytest.mark.parametrize("model", ["nowhere", "README.md", "/"])
def test_a_model_without_tables_offers_nothing(model):
    for rest in ("alteration=", "alt", "--output ", "--set "):
        line = f"steroidsim simulate --model {model} {rest}"
        assert bash(line) == []
        assert zsh(line) == []
    assert bash(f"steroidsim findings --model {model} T") == []


def test_tables_that_cannot_be_read_offer_nothing(tmp_path):
    (tmp_path / "cells.tsv").write_bytes(b"\xff\xfe\x00cell")
    (tmp_path / "alterations.tsv").write_text("other\ncolumns\n")
    for rest in ("cell=", "alteration="):
        assert bash(f"steroidsim simulate --model {tmp_path} {rest}") == []


def test_nothing_heavy_is_imported_for_an_answer():
    program = (
        "import sys, json\nfrom simulator.cli import main\n"
        "try:\n    main()\nexcept SystemExit:\n    print(json.dumps(sorted(sys.modules)))"
    )
    words = "steroidsim\nsimulate\nalteration\n=\nNRAS_G"
    environment = {"_STEROIDSIM_COMPLETE": "complete_bash", "COMP_WORDS": words, "COMP_CWORD": "4"}
    ended = subprocess.run(
        [sys.executable, "-c", program],
        cwd=CHECKOUT,
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=True,
    )
    answer, modules = ended.stdout.splitlines()
    assert answer == "NRAS_G12D"
    assert [name for name in (*HEAVY, "numpy") if f'"{name}"' in modules] == []


@pytest.mark.skipif(shutil.which("bash") is None, reason="there is no Bash")
def test_the_script_that_is_installed_works_in_bash(tmp_path):
    program = tmp_path / "steroidsim"
    code = "from simulator.cli import main; main()"
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -c "{code}" "$@"\n')
    program.chmod(0o755)
    script = (
        'eval "$(_STEROIDSIM_COMPLETE=source_bash steroidsim)"\n'
        "COMP_WORDS=(steroidsim predict --cell SUP); COMP_CWORD=3\n"
        "_steroidsim_completion steroidsim\n"
        'printf "%s\\n" "${COMPREPLY[@]}"; complete -p steroidsim'
    )
    ended = subprocess.run(
        ["bash", "--norc", "-c", script],
        cwd=CHECKOUT,
        env=os.environ | {"PATH": f"{tmp_path}:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        check=True,
    )
    offered, registered = ended.stdout.splitlines()
    assert offered == "SUPT1"
    assert registered.endswith("_steroidsim_completion steroidsim")


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish", "powershell"])
def test_a_script_for_each_shell(shell):
    assert "steroidsim" in asked(_STEROIDSIM_COMPLETE=f"source_{shell}")
