"""`print(model)` lists every name that `simulate` understands."""

import simulator as sim


def test_every_name_of_a_folder_is_listed(steroid_response):
    text = str(steroid_response)
    words = set(text.replace(",", " ").split())
    d = steroid_response.definition
    names = [
        *d.cells,
        *d.alterations,
        *d.genes,
        *d.drugs,
        *d.cohorts,
        *(o.id for o in d.observables),
    ]
    assert [name for name in names if name not in words] == []
    assert f"{d.default_cell} (default)" in text
    assert max(map(len, text.splitlines())) <= 100


def test_a_plain_model_lists_species_and_constants():
    text = str(sim.load("model a\n species X; X = 1; k = 2; n := 2*k\n J: X -> ; k*X\nend"))
    assert "species: X" in text
    assert "parameter: k" in text
    assert "cell" not in text


def test_many_names_are_counted():
    species = "\n".join(f" species S{i}; S{i} = 1" for i in range(80))
    text = str(sim.load(f"model a\n{species}\n k = 1\n J: S0 -> ; k*S0\nend"))
    assert "S59 ... (80)" in text
