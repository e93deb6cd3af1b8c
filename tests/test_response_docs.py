"""The tables of docs/responses.md name every measure as it is."""

import inspect
import re
from pathlib import Path

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
