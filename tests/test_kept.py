"""Models are kept once read, and read anew when anything that they are made from changes."""

import io
import os
import pickle
import shutil
from dataclasses import fields
from pathlib import Path

import pytest

import simulator as sim
from simulator.integrator.cache import cache_folder
from simulator.network.model_folder import read_model_folder
from simulator.simulation import kept as module
from simulator.simulation import load

TOY = Path(__file__).parent / "models" / "toy"
DECAY = """
model decay
  compartment cell = 1
  species A in cell = {start}
  k = 0.5
  R1: A -> ; cell * k * A
end
"""


@pytest.fixture
def reads(monkeypatch, tmp_path):
    """Paths of models that were read, with an empty cache folder."""
    paths = []

    def noted(path, read):
        def reader(p):
            paths.append(p)
            return read(p)

        return module.kept(path, reader)

    monkeypatch.setattr(load, "kept", noted)
    monkeypatch.setenv("STEROIDSIM_CACHE", str(tmp_path / "cache"))
    cache_folder.cache_clear()
    yield paths
    cache_folder.cache_clear()


@pytest.fixture
def toy(tmp_path):
    shutil.copytree(TOY, tmp_path / "toy")
    return tmp_path / "toy"


def files():
    return sorted((cache_folder() / "models").glob("*"))


def test_a_folder_is_read_once_and_comes_back_as_it_was(toy, reads):
    direct, first, second = (
        read_model_folder(toy), sim.load(toy).definition, sim.load(toy).definition,
    )  # fmt: skip
    assert reads == [toy]
    for field in fields(direct):
        value = getattr(direct, field.name)
        assert getattr(first, field.name) == value
        assert getattr(second, field.name) == value


@pytest.mark.parametrize("name", ["model.ant", "parameters.tsv", "cells.tsv", "model.yaml"])
def test_a_changed_file_is_read_anew(toy, reads, name):
    sim.load(toy)
    with (toy / name).open("a") as file:
        file.write("\n")
    sim.load(toy)
    assert reads == [toy, toy]


def test_files_that_are_no_part_of_the_model_do_not_matter(toy, reads):
    sim.load(toy)
    (toy / "notes.txt").write_text("seen")
    sim.load(toy)
    assert reads == [toy]


def test_a_plain_file_is_kept_under_its_path(tmp_path, reads):
    one, other = tmp_path / "one.ant", tmp_path / "other.ant"
    for path in (one, other):
        path.write_text(DECAY.format(start=3))
    assert [sim.load(path).network.source for path in (one, other, one, other)] == [
        str(one), str(other), str(one), str(other),
    ]  # fmt: skip
    assert reads == [one, other]
    one.write_text(DECAY.format(start=4))
    assert sim.load(one).network.species[0].initial == 4.0


def test_a_model_that_draws_on_another_file_is_always_read(tmp_path, reads):
    part, whole = tmp_path / "part.ant", tmp_path / "whole.ant"
    whole.write_text('import "part.ant"\nmodel *whole()\n  D: decay()\nend\n')
    for start in (3, 4):
        part.write_text(DECAY.format(start=start))
        assert sim.load(whole).network.species[0].initial == start
    assert reads == [whole, whole]


def test_a_model_outside_its_folder_is_always_read(toy, reads):
    (toy / "model.ant").rename(toy.parent / "model.ant")
    settings = (toy / "model.yaml").read_text()
    (toy / "model.yaml").write_text(settings.replace("model.ant", "../model.ant"))
    sim.load(toy)
    with (toy.parent / "model.ant").open("a") as file:
        file.write("\n")
    sim.load(toy)
    assert reads == [toy, toy]


def test_a_faulty_model_is_refused_every_time(tmp_path, reads):
    path = tmp_path / "faulty.ant"
    path.write_text("model faulty\n  R1: A -> ; k *\nend\n")
    for _ in range(2):
        with pytest.raises(sim.ModelError, match=r"faulty\.ant"):
            sim.load(path)
    assert files() == []


@pytest.mark.parametrize("damage", [b"", b"no pickle", None])
def test_a_damaged_file_is_written_anew(tmp_path, reads, damage):
    path = tmp_path / "decay.ant"
    path.write_text(DECAY.format(start=3))
    sim.load(path)
    (file,) = files()
    whole = file.read_bytes()
    file.write_bytes(whole[:-100] if damage is None else damage)
    assert sim.load(path).network.species[0].initial == 3.0
    assert reads == [path, path]
    assert file.read_bytes() == whole


class Calls:
    """Pickled as a call of a function, as an attacker would."""

    def __init__(self, function, *arguments):
        self.call = function, arguments

    def __reduce__(self):
        return self.call


def test_nothing_but_a_definition_is_read_from_the_cache(tmp_path, reads):
    path = tmp_path / "decay.ant"
    path.write_text(DECAY.format(start=3))
    sim.load(path)
    (file,) = files()
    file.write_bytes(pickle.dumps(Calls(os.mkdir, str(tmp_path / "made"))))
    assert sim.load(path).network.species[0].initial == 3.0
    assert not (tmp_path / "made").exists()


@pytest.mark.parametrize(
    "name",
    [
        "simulator.network.model_folder\nread_model_folder",
        "simulator.network.tables\nyaml",
        "simulator.network.tables\nPath",
        "builtins\neval",
    ],
)
def test_only_classes_of_networks_are_read_from_the_cache(name):
    with pytest.raises(pickle.UnpicklingError, match="is no part of a definition"):
        module._Definitions(io.BytesIO(b"c" + name.encode() + b"\n.")).load()


def test_without_a_place_to_keep_it_a_model_is_read(tmp_path, reads, monkeypatch):
    path = tmp_path / "decay.ant"
    path.write_text(DECAY.format(start=3))
    (cache_folder() / "models").write_text("in the way")
    for _ in range(2):
        assert sim.load(path).network.species[0].initial == 3.0
    assert reads == [path, path]
