"""`map.yaml`: what is wrong in it is told, and the bundled one says what the model says."""

import re
from collections import defaultdict
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from matplotlib.path import Path as Curve

import simulator as sim
from simulator.errors import ModelError
from simulator.network.expression import symbols
from simulator.plot import pathway_map
from simulator.plot.pathway_drawing import Scale, text_size
from simulator.plot.pathway_layout import KINDS, REGIONS, SHAPES, SITE_KINDS
from simulator.plot.pathway_routes import box_of, edge_route, outline
from simulator.simulation.model import Model

from .pathway_example import MAP, small_model

WRONG = {
    "shows: A,": ("shows: pA,", 'node "a" has shows "pA", which is no output of small.'),
    "gene: GA": ("gene: GAA", 'node "a" has gene: "GAA", which is no gene of small. Nearest: "GA"'),
    "shows: B": ("show: B", 'node "b" has an unknown key "show". Nearest: "shows".'),
    "at: [20, 20]": ("at: [200, 20]", 'node "a" is at [200.0, 20.0], outside the page'),
    "at: [50, 20]": ("at: [50]", 'node "b" has at: [50]; it must be 2 numbers (mm).'),
    "shape: outcome": ("shape: out", 'node "c" has shape: "out"; it must be one of: protein'),
    "to: b, kind: activates": ("to: bb, kind: activates", 'to: "bb", which is no node of the map.'),
    "kind: inhibits": ("kind: inhibit", 'kind: "inhibit"; it must be one of: activates, inhibits'),
    "to: c, kind: inhibits": ("to: b, kind: inhibits", "joins a node to itself"),
    "via: [[20, 40], [80, 40]]": ("via: [20, 40]", "has via: [20, 40]; it is a list of points"),
    "bend: 0.3": ("bend: 0.3, via: [[1, 2]]", "edge 4 (c to a) has bend: 0.3"),
    "{drug: [b],": ("{drugg: [b],", 'drug "drugg", which is no drug or ligand of small. Nearest'),
    "drug: [b, c]": ("drug: [b, x]", '(other_drug) has target "x", which is no node of the map.'),
    "box: [0, 0, 100, 60]": ("box: [0, 0, 0, 60]", 'region "cytoplasm" has box: [0, 0, 0, 60]'),
    "kind: cytoplasm": ("kind: cell", 'region "cytoplasm" has kind: "cell"; it must be one of'),
    "page: [100, 60]": ("pages: [100, 60]", 'unknown key "pages". Nearest: "page".'),
}


@pytest.mark.parametrize("right", WRONG)
def test_what_is_wrong_is_told_with_the_file_the_id_and_what_would_be_right(right, tmp_path):
    wrong, sentence = WRONG[right]
    assert right in MAP
    with pytest.raises(ModelError) as error:
        pathway_map(small_model(tmp_path, MAP.replace(right, wrong, 1)))
    assert sentence in str(error.value)
    assert all("map.yaml: " in line for line in str(error.value).splitlines())


def test_all_that_is_wrong_is_told_at_once(tmp_path):
    text = MAP.replace("shows: A", "shows: Q").replace("kind: binds", "kind: bind")
    with pytest.raises(ModelError) as error:
        pathway_map(small_model(tmp_path, text))
    assert len(str(error.value).splitlines()) == 2


def test_a_file_that_is_no_yaml_is_told_with_its_line(tmp_path):
    with pytest.raises(ModelError, match=r"map\.yaml:2: is no YAML"):
        pathway_map(small_model(tmp_path, "page: [1, 2]\nnodes: {a: [}\n"))


def test_a_model_without_a_map_is_told_how_to_write_one(tmp_path):
    with pytest.raises(ModelError, match=r"small has no pathway map .*docs/pathway_map\.md"):
        pathway_map(small_model(tmp_path, None))
    with pytest.raises(ModelError, match=r"no model folder.*docs/pathway_map\.md"):
        pathway_map(sim.load("model m\n  species A; A = 1; A -> ; A\nend\n"))


def test_a_map_is_read_as_it_is_written(tmp_path):
    layout = pathway_map(small_model(tmp_path))
    assert layout.page == (100, 60)
    assert layout.outputs == ["A", "B", "C"]
    assert layout.nodes["b"].genes == ("GB1", "GB2")
    assert layout.nodes["b"].size == (15.0, 6.4)
    assert layout.edges[2].via == ((20, 40), (80, 40))
    assert layout.edges[3].bend == 0.3
    assert layout.sites[0].drugs == {"drug": ("b",), "other_drug": ("b", "c")}
    assert layout.doses == {"drug": "uM", "other_drug": "uM"}
    assert layout.altered == {"A_MUT": "GA", "X_MUT": "GX"}


# ------------------------------------------------------------------ the bundled model's map


@pytest.fixture(scope="module")
def layout(steroid_response):
    return pathway_map(steroid_response)


def test_the_bundled_map_is_found_by_model_name_and_folder(steroid_response, layout):
    assert pathway_map("steroid_response") == layout
    assert pathway_map(steroid_response.folder) == layout


def test_its_outputs_can_be_simulated(steroid_response, layout):
    ds = steroid_response.simulate(time=0, outputs=[*layout.outputs, "viability"])
    assert set(layout.outputs) < set(ds.data_vars)
    for name in layout.outputs:
        assert np.isfinite(ds[name]).all(), name


def test_each_drug_acts_on_the_target_that_drugs_tsv_names(steroid_response, layout):
    for site in layout.sites:
        for drug, nodes in site.drugs.items():
            said = steroid_response.definition.drugs[drug].target
            for node in map(layout.nodes.get, nodes):
                names = {name.casefold() for name in (*node.genes, node.id, node.label)}
                # the receptor complex is that of its only gene
                names |= {"il7r"} if node.id == "IL7Rgc" else set()
                targets = {part.strip().casefold() for part in said.split(",")}
                assert targets & names, (drug, said, node.id)


def test_every_gene_that_a_lesion_changes_is_on_the_map(layout):
    placed = {gene for node in layout.nodes.values() for gene in node.genes}
    assert set(layout.altered.values()) <= placed


def dependencies(model):
    """What each quantity of a model is computed from, straight: rates by their rate laws."""
    network = model.network
    needs = defaultdict(set)
    for reaction in network.reactions:
        needs[reaction.id] |= symbols(reaction.kinetic_law)
        for species, _ in reaction.stoichiometry:
            needs[species].add(reaction.id)
    for name, rule in network.assignment_rules:
        needs[name] |= symbols(rule)
    for observable in model.definition.observables:
        needs[observable.id] |= symbols(observable.formula)
    return needs


def parts(id, layout, model):
    """The quantities that a node's output is a formula of; itself, where it is none."""
    shows = layout.nodes[id].shows
    observables = {o.id: symbols(o.formula) for o in model.definition.observables}
    return set(observables.get(shows, {shows}))


def reaches(source, target, layout, model):
    """Whether what a node shows depends on another's, not by way of a third node of the map."""
    needs = dependencies(model)
    species = {s.id for s in model.network.species}
    rules = dict(model.network.assignment_rules)
    own, sought = parts(target, layout, model), parts(source, layout, model)
    for name in tuple(sought & set(rules)):
        sought |= symbols(rules[name]) & species
    third = [parts(id, layout, model) for id in layout.nodes if id not in (source, target)]
    blocked = set().union(*third) - own - sought
    seen, pending = set(), list(own)
    while pending:
        name = pending.pop()
        if name in sought and name not in own:
            return True
        if name not in seen and name not in blocked:
            seen.add(name)
            pending += needs[name]
    return False


def test_no_arrow_is_invented(steroid_response, layout):
    checked = [edge for edge in layout.edges if edge.kind not in ("binds", "moves")]
    for edge in checked:
        assert reaches(edge.source, edge.target, layout, steroid_response), edge


def test_an_invented_arrow_would_be_found(steroid_response, layout):
    for source, target in (("S6K", "BIM"), ("PTEN", "ERK"), ("cytC", "GR"), ("JAK3", "mBIM")):
        assert not reaches(source, target, layout, steroid_response), (source, target)


def test_what_binds_forms_a_complex_and_what_moves_is_turned_over(steroid_response, layout):
    changes = [dict(r.stoichiometry) for r in steroid_response.network.reactions]
    for edge in layout.edges:
        one, other = (parts(id, layout, steroid_response) for id in (edge.source, edge.target))
        if edge.kind == "binds":
            assert any(set(change) & one and set(change) & other for change in changes), edge
        if edge.kind == "moves":
            assert any(
                {name for name, by in change.items() if by < 0} & one
                and {name for name, by in change.items() if by > 0} & other
                for change in changes
            ), edge


def drawn(edge, layout):
    """Points along an arrow as it is drawn."""
    points, codes = outline(edge_route(edge, layout), bent=bool(edge.bend))
    corners = Curve(points, codes).to_polygons(closed_only=False)[0]
    return np.concatenate([np.linspace(p, q, 60) for p, q in pairwise(corners)])


def test_no_arrow_crosses_a_node(layout):
    for edge in layout.edges:
        x, y = drawn(edge, layout).T
        for node in layout.nodes.values():
            left, top, right, bottom = box_of(node.at, node.size)
            inside = (x > left) & (x < right) & (y > top) & (y < bottom)
            assert not inside.any(), (edge.source, edge.target, node.id)


def test_nodes_lie_on_the_page_and_apart(layout):
    boxes = {id: box_of(node.at, node.size) for id, node in layout.nodes.items()}
    for id, (left, top, right, bottom) in boxes.items():
        assert 0 <= left < right <= layout.page[0], id
        assert 0 <= top < bottom <= layout.page[1], id
        for other, (l, t, r, b) in boxes.items():  # noqa: E741
            assert id == other or right <= l or r <= left or bottom <= t or b <= top, (id, other)


def test_labels_fit_their_nodes_in_one_column_at_five_points(layout):
    scale = Scale(85 / layout.page[0])
    assert scale.text >= 5
    for node in layout.nodes.values():
        weight = "bold" if node.shape == "outcome" else "normal"
        wide = text_size(node.label, scale.text, scale, weight)[0]
        assert wide <= node.size[0] - 0.9, node.id


# ------------------------------------------------------------------ docs/pathway_map.md


def test_the_page_names_every_key_kind_and_shape(checkout):
    text = (checkout / "docs" / "pathway_map.md").read_text(encoding="utf-8")
    table = text[text.index("| part |") :]
    keys = ("kind", "box", "label_at", "at", "shows", "label", "gene", "shape", "size", "via")
    for word in (*keys, "from", "to", "bend", "drugs", *REGIONS, *SHAPES, *KINDS, *SITE_KINDS):
        assert f"`{word}`" in table, word


def test_the_map_of_the_page_is_a_map(checkout, tmp_path, steroid_response):
    text = (checkout / "docs" / "pathway_map.md").read_text(encoding="utf-8")
    (tmp_path / "map.yaml").write_text(re.search(r"```yaml\n(.*?)```", text, re.S)[1])
    model = Model(replace(steroid_response.definition, folder=tmp_path))
    assert set(pathway_map(model).nodes) == {"MEK", "ERK"}
