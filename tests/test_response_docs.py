"""The code of docs/responses.md runs, and its tables name every measure as it is."""

import inspect
import re
import runpy
from pathlib import Path

import pytest

from simulator import response

TEXT = (Path(__file__).parents[1] / "docs" / "responses.md").read_text(encoding="utf-8")
SIGNATURE = re.compile(r"`(\w+)\((da, [^)]*)\)`")


def public():
    return [name for name in response.__all__ if name.islower() and name != "musyc_surface"]


def test_every_measure_is_in_the_table_with_its_arguments():
    signatures = dict(SIGNATURE.findall(TEXT))
    assert set(signatures) == set(public())
    for name, written in signatures.items():
        said = [part.strip() for part in written.split(",")]
        actual = inspect.signature(getattr(response, name)).parameters.values()
        assert len(said) == len(actual), name
        for argument, parameter in zip(said, actual, strict=True):
            default = parameter.default
            if default is not inspect.Parameter.empty:
                assert argument == f"{parameter.name}={default}", name


def test_every_public_name_is_explained_on_the_page_and_where_it_is():
    for name in (*public(), "musyc_surface"):
        assert re.search(rf"\b{name}\b", TEXT), name
        assert "ConditionError" in inspect.getdoc(getattr(response, name)), name


@pytest.mark.slow
@pytest.mark.filterwarnings("error::UserWarning")
def test_the_code_of_the_page_runs(tmp_path, capsys):
    """In one script, as the page has it."""
    script = tmp_path / "script.py"
    script.write_text("\n".join(re.findall(r"```python\n(.*?)```", TEXT, re.S)), encoding="utf-8")
    runpy.run_path(str(script))
    said = capsys.readouterr().out
    for part in ("auc400", "combination_index", "half_dose_low", "alpha12", "misfit", "NRAS_G12D"):
        assert part in said
