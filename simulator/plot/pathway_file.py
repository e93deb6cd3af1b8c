"""Reading `map.yaml` of a model folder, and checking it against the model."""

import csv
import math
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import ModelError, did_you_mean
from ..network.places import shown
from ..network.tables import Problems, read_yaml
from .pathway_layout import (
    KINDS,
    NODE_SIZE,
    REGIONS,
    SHAPES,
    SITE_KINDS,
    SITE_SIZE,
    DrugSite,
    Edge,
    Node,
    PathwayMap,
    Point,
    Region,
)

if TYPE_CHECKING:
    from os import PathLike

    from ..simulation.model import Model


def pathway_map(model: "Model | str | PathLike[str]") -> PathwayMap:
    """The pathway map of a model: `map.yaml` in its folder.

    Parameters
    ----------
    model
        A model, or what `simulator.load` takes.

    Raises
    ------
    ModelError
        The model has no folder or no map, or something is wrong with it: one line for each
        problem, with the file, the id, what would be right and the nearest name.
    """
    from ..simulation.load import load_model
    from ..simulation.model import Model

    if not isinstance(model, Model):
        model = load_model(model)
    name = model.definition.name
    file = None if model.folder is None else model.folder / "map.yaml"
    if file is None or not file.is_file():
        where = "it is no model folder" if file is None else f"there is no {shown(file)}"
        raise ModelError(
            f"{name} has no pathway map ({where}): docs/pathway_map.md says how to write one."
        )
    problems = Problems()
    content = read_yaml(file, problems) or {}
    found = None if problems.sentences else _Reader(model, shown(file), problems).map(content)
    if problems.sentences or found is None:
        raise ModelError("\n".join(problems.sentences))
    return found


class _Reader:
    """Reads one file; everything that is wrong is noted, and what is read meanwhile is unused."""

    def __init__(self, model: "Model", where: str, problems: Problems) -> None:
        self.model = model
        self.definition = model.definition
        self.where = where
        self.problems = problems

    def map(self, content: Mapping[str, Any]) -> PathwayMap:
        self.keys("", content, ("page", "regions", "nodes", "edges", "drugs"), ("page", "nodes"))
        page = self.pair("", content, "page", positive=True)
        regions = self.parts(content, "regions")
        nodes = self.parts(content, "nodes")
        if not nodes:
            self.problem("needs nodes: a mapping of id -> {label, at, shows}.")
        return PathwayMap(
            model=self.definition.name,
            page=page,
            regions=tuple(self.region(id, part) for id, part in regions.items()),
            nodes={id: self.node(id, part, page) for id, part in nodes.items()},
            edges=tuple(self.edge(i, part, nodes) for i, part in self.items(content, "edges")),
            sites=tuple(self.site(i, part, nodes) for i, part in self.items(content, "drugs")),
            doses={drug.name: drug.unit for drug in self.definition.drugs.values()},
            altered=_altered_genes(self.definition.folder),
        )

    def region(self, id: str, part: Mapping[str, Any]) -> Region:
        place = f'region "{id}" '
        self.keys(place, part, ("kind", "box", "label", "label_at"), ("kind", "box"))
        box = self.numbers(place, part, "box", 4)
        if box[2] <= box[0] or box[3] <= box[1]:
            self.problem(f"{place}has box: {part.get('box')!r}; it is [left, top, right, bottom].")
        kind = self.choice(place, part, "kind", REGIONS)
        label_at = ((box[0] + box[2]) / 2, box[3] - 3.0)
        if "label_at" in part:
            label_at = self.pair(place, part, "label_at")
        corners = (box[0], box[1], box[2], box[3])
        return Region(id, kind, corners, str(part.get("label", "")), label_at)

    def node(self, id: str, part: Mapping[str, Any], page: Point) -> Node:
        place = f'node "{id}" '
        allowed = ("label", "at", "size", "shape", "shows", "gene")
        self.keys(place, part, allowed, ("at", "shows"))
        at = self.pair(place, part, "at")
        if not (0 <= at[0] <= page[0] and 0 <= at[1] <= page[1]):
            self.problem(f"{place}is at {list(at)}, outside the page of {list(page)} mm.")
        shows = str(part.get("shows"))
        if "shows" in part:
            self.known(place, "shows", "output", shows, self.model.readable)
        given = part.get("gene", [])
        genes = tuple(str(g) for g in (given if isinstance(given, list) else [given]))
        for gene in genes:
            self.known(place, "gene:", "gene", gene, self.definition.genes)
        return Node(
            id=id,
            label=str(part.get("label", id)),
            at=at,
            size=self.size(place, part, NODE_SIZE),
            shape=self.choice(place, part, "shape", SHAPES),
            shows=shows,
            genes=genes,
        )

    def edge(self, number: int, part: Mapping[str, Any], nodes: Iterable[str]) -> Edge:
        place = f"edge {number} "
        allowed = ("from", "to", "kind", "via", "bend")
        self.keys(place, part, allowed, ("from", "to", "kind"))
        source, target = str(part.get("from")), str(part.get("to"))
        place = f"edge {number} ({source} to {target}) "
        for key, name in (("from", source), ("to", target)):
            if key in part:
                self.known(place, f"{key}:", "node of the map", name, nodes)
        if source == target:
            self.problem(f"{place}joins a node to itself.")
        via, bend = part.get("via", []), part.get("bend", 0)
        if not isinstance(via, list) or not all(_is_numbers(point, 2) for point in via):
            self.problem(f"{place}has via: {via!r}; it is a list of points, like [[10, 20]].")
            via = []
        if not _is_numbers([bend], 1) or (bend and via):
            self.problem(f"{place}has bend: {bend!r}; it is a number, and there is no via beside.")
            bend = 0
        kind = self.choice(place, part, "kind", KINDS)
        points = tuple((float(x), float(y)) for x, y in via)
        return Edge(source, target, kind, points, float(bend))

    def site(self, number: int, part: Mapping[str, Any], nodes: Iterable[str]) -> DrugSite:
        place = f"drugs {number} "
        self.keys(place, part, ("label", "at", "size", "kind", "drugs"), ("label", "at", "drugs"))
        place = f'drugs "{part.get("label")}" '
        drugs = part.get("drugs")
        if not isinstance(drugs, Mapping) or not drugs:
            self.problem(f"{place}has drugs: {drugs!r}; it is like {{ruxolitinib: [JAK1]}}.")
            drugs = {}
        targets: dict[str, tuple[str, ...]] = {}
        for drug, acts_on in drugs.items():
            self.known(place, "drug", "drug or ligand", str(drug), self.definition.drugs)
            named = acts_on if isinstance(acts_on, list) else [acts_on]
            for target in named:
                self.known(f"{place}({drug}) ", "target", "node of the map", str(target), nodes)
            targets[str(drug)] = tuple(str(target) for target in named)
        return DrugSite(
            label=str(part.get("label")),
            at=self.pair(place, part, "at"),
            size=self.size(place, part, SITE_SIZE),
            kind=self.choice(place, part, "kind", SITE_KINDS),
            drugs=targets,
        )

    def problem(self, sentence: str) -> None:
        self.problems.add(self.where, sentence)

    def parts(self, content: Mapping[str, Any], key: str) -> dict[str, Mapping[str, Any]]:
        """The mappings under a key, by id."""
        value = content.get(key, {})
        if not isinstance(value, Mapping):
            self.problem(f"has {key}: a {type(value).__name__}; it must be a mapping by id.")
            return {}
        return {str(id): self.mapping(f'{key} "{id}" ', part) for id, part in value.items()}

    def items(self, content: Mapping[str, Any], key: str) -> list[tuple[int, Mapping[str, Any]]]:
        """The mappings of a list under a key, numbered from 1."""
        value = content.get(key, [])
        if not isinstance(value, list):
            self.problem(f"has {key}: a {type(value).__name__}; it must be a list.")
            return []
        return [(i, self.mapping(f"{key} {i} ", part)) for i, part in enumerate(value, start=1)]

    def mapping(self, place: str, part: Any) -> Mapping[str, Any]:
        if isinstance(part, Mapping):
            return part
        self.problem(f"{place}is {part!r}; it must be a mapping.")
        return {}

    def keys(
        self, place: str, part: Mapping[str, Any], allowed: Iterable[str], needed: Iterable[str]
    ) -> None:
        for key in part:
            if key not in allowed:
                hint = did_you_mean(key, allowed)
                self.problem(f'{place}has an unknown key "{key}".{hint}')
        for key in needed:
            if key not in part:
                self.problem(f'{place}needs the key "{key}".')

    def known(self, place: str, key: str, what: str, name: str, names: Iterable[str]) -> None:
        names = list(names)
        if name not in names:
            of = "" if what.endswith("map") else f" of {self.definition.name}"
            hint = did_you_mean(name, names)
            self.problem(f'{place}has {key} "{name}", which is no {what}{of}.{hint}')

    def choice(
        self, place: str, part: Mapping[str, Any], key: str, allowed: tuple[str, ...]
    ) -> str:
        value = str(part.get(key, allowed[0]))
        if value not in allowed:
            words = ", ".join(allowed)
            hint = did_you_mean(value, allowed)
            self.problem(f'{place}has {key}: "{value}"; it must be one of: {words}.{hint}')
        return value

    def size(self, place: str, part: Mapping[str, Any], default: Point) -> Point:
        return self.pair(place, part, "size", positive=True) if "size" in part else default

    def pair(
        self, place: str, part: Mapping[str, Any], key: str, *, positive: bool = False
    ) -> Point:
        first, second = self.numbers(place, part, key, 2)
        if positive and min(first, second) <= 0:
            self.problem(f"{place}has {key}: {part.get(key)!r}; both numbers must be > 0.")
        return first, second

    def numbers(
        self, place: str, part: Mapping[str, Any], key: str, count: int
    ) -> tuple[float, ...]:
        """So many finite numbers; ascending ones in their stead where they are not there."""
        value = part.get(key)
        if _is_numbers(value, count):
            return tuple(float(x) for x in value)  # type: ignore[union-attr]
        if key in part:
            self.problem(f"{place}has {key}: {value!r}; it must be {count} numbers (mm).")
        return tuple(float(i + 1) for i in range(count))


def _is_numbers(value: Any, count: int) -> bool:
    return (
        isinstance(value, list)
        and len(value) == count
        and all(isinstance(x, int | float) and not isinstance(x, bool) for x in value)
        and all(math.isfinite(x) for x in value)
    )


def _altered_genes(folder: Path | None) -> dict[str, str]:
    """Alteration -> its gene in alterations.tsv, which was checked when the model was read."""
    file = None if folder is None else folder / "alterations.tsv"
    if file is None or not file.is_file():
        return {}
    lines = file.read_text(encoding="utf-8-sig").splitlines()
    table = csv.DictReader((line for line in lines if line[:1] != "#"), delimiter="\t")
    return {row["alteration"].strip(): row["gene"].strip() for row in table}
