"""What a pathway map consists of: regions, nodes, arrows and drugs, on a page measured in mm."""

from collections.abc import Mapping
from dataclasses import dataclass

Point = tuple[float, float]
Box = tuple[float, float, float, float]

REGIONS = ("outside", "cytoplasm", "membrane", "nucleus", "mitochondrion")
SHAPES = ("protein", "receptor", "molecule", "gene", "outcome")
KINDS = ("activates", "inhibits", "transcribes", "binds", "moves")
SITE_KINDS = ("inhibits", "activates")
NODE_SIZE = (15.0, 6.4)
SITE_SIZE = (20.0, 7.8)


@dataclass(frozen=True, slots=True)
class Region:
    """A part of the cell; `box` is (left, top, right, bottom), `label_at` the label's middle."""

    id: str
    kind: str
    box: Box
    label: str
    label_at: Point


@dataclass(frozen=True, slots=True)
class Node:
    """A molecule, message or outcome; its colour is the value of the output `shows`."""

    id: str
    label: str
    at: Point
    size: Point
    shape: str
    shows: str
    genes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Edge:
    """An arrow; through the points `via`, or bent by this share of its length."""

    source: str
    target: str
    kind: str
    via: tuple[Point, ...]
    bend: float


@dataclass(frozen=True, slots=True)
class DrugSite:
    """A place for drugs of one class: drug -> the nodes it acts on."""

    label: str
    at: Point
    size: Point
    kind: str
    drugs: Mapping[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class PathwayMap:
    """A layout that was checked against its model; made by `pathway_map`.

    Attributes
    ----------
    page
        Width and height of the page, mm.
    doses
        Drug or ligand of the model -> unit of its dose.
    altered
        Alteration of the model -> gene that it changes.
    """

    model: str
    page: Point
    regions: tuple[Region, ...]
    nodes: Mapping[str, Node]
    edges: tuple[Edge, ...]
    sites: tuple[DrugSite, ...]
    doses: Mapping[str, str]
    altered: Mapping[str, str]

    @property
    def outputs(self) -> list[str]:
        """What to ask of a simulation: `simulate(outputs=map.outputs, ...)`."""
        return list(dict.fromkeys(node.shows for node in self.nodes.values()))
