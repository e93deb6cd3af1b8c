"""The artists of a pathway map: regions, arrows, nodes, and the marks of what was done."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import hypot
from typing import TYPE_CHECKING, Any

from .pathway_layout import Box, DrugSite, Node, PathwayMap, Point, Region
from .pathway_routes import box_of, edge_route, outline, route
from .pathway_values import Done

if TYPE_CHECKING:
    from matplotlib.axes import Axes

LINE = "#3a3a3a"  # arrows and borders
PALE = "#c2c2c2"  # drugs that are absent
DRUG = "#009E73"  # drugs that are present
LESION = "#E69F00"  # genes that are altered
NO_VALUE = "#e6e6e6"  # the fill, hatched, of what has no value

# Fill and border of regions: light and nearly grey, since colour means activity.
REGION_LOOK = {
    "outside": ("#ffffff", "none"),
    "cytoplasm": ("#f7f6f2", "none"),
    "membrane": ("#e3dfd3", "#b9b29d"),
    "nucleus": ("#ebebf0", "#a9a9b8"),
    "mitochondrion": ("#f0e8dc", "#bda98a"),
}
SOLID = "-|>,head_length=0.42,head_width=0.2"
EDGE_LOOK: dict[str, dict[str, Any]] = {
    "activates": {"arrowstyle": SOLID},
    "inhibits": {"arrowstyle": "|-|,widthA=0,widthB=0.36"},
    "transcribes": {"arrowstyle": SOLID, "linestyle": (0, (4, 1.6))},
    "binds": {"arrowstyle": "-", "linestyle": "-"},
    "moves": {"arrowstyle": "->,head_length=0.36,head_width=0.22", "linestyle": (0, (1, 1.2))},
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Scale:
    """How large things are on the paper.

    share : width on the paper over the width of the map's page.
    """

    share: float

    @property
    def text(self) -> float:
        """Size of labels, points: 7.2 at the page's own size, 5.1 at half; below, in proportion."""
        return float(7.2 * self.share**0.5 * min(1.0, (self.share / 0.5) ** 0.5))

    @property
    def small(self) -> float:
        """Size of other text: a little smaller, but not below 5 points where labels are not."""
        return max(0.92 * self.text, min(self.text, 5.0))

    @property
    def line(self) -> float:
        """Width of arrows and borders, points."""
        return float(0.95 * self.share**0.6)

    @property
    def per_mm(self) -> float:
        """Points on the paper of a mm of the page."""
        return 72 / 25.4 * self.share


def scale_on(ax: "Axes", width: float) -> Scale:
    """The scale of a map so many mm wide that fills the width of axes."""
    figure: Any = ax.get_figure(root=True)
    if figure.get_layout_engine() is not None and ax.get_in_layout():
        figure.get_layout_engine().execute(figure)
    ax.apply_aspect()
    inches = ax.get_window_extent().width / figure.dpi
    return Scale(max(inches * 25.4 / width, 0.05))


def text_size(text: str, points: float, scale: Scale, weight: str = "normal") -> Point:
    """Width and height of a text of such a size, in mm of the map's page."""
    from matplotlib.font_manager import FontProperties
    from matplotlib.textpath import TextPath

    lines, font = text.split("\n"), FontProperties(size=points, weight=weight)
    widths = [TextPath((0, 0), line, prop=font).get_extents().width for line in lines]
    return max(widths) / scale.per_mm, 1.15 * points * len(lines) / scale.per_mm


def draw_region(ax: "Axes", region: Region, scale: Scale) -> None:
    """A light patch; nuclei and mitochondria have two membranes, the cell's is a strip."""
    from matplotlib.patches import FancyBboxPatch

    fill, border = REGION_LOOK[region.kind]
    left, top, right, bottom = region.box
    rounding = {"nucleus": 7.0, "mitochondrion": 12.0}.get(region.kind, 0.01)
    for inset in (0.0, 1.1) if region.kind in ("nucleus", "mitochondrion") else (0.0,):
        ax.add_patch(
            FancyBboxPatch(
                (left + inset, top + inset),
                right - left - 2 * inset,
                bottom - top - 2 * inset,
                boxstyle=f"round,pad=0,rounding_size={rounding - inset}",
                facecolor=fill,
                edgecolor="none" if region.kind == "membrane" else border,
                linewidth=0.7 * scale.line,
                zorder=0,
                gid=f"region:{region.id}",
            )
        )
    if region.kind == "membrane":
        for y in (top, bottom):
            ax.plot([left, right], [y, y], color=border, linewidth=scale.line, zorder=0.5)
    ax.text(
        *region.label_at, region.label, ha="center", va="center", fontsize=scale.text,
        color="#77736a", style="italic", zorder=0.6,
    )  # fmt: skip


def draw_arrow(
    ax: "Axes",
    corners: Sequence[Point],
    kind: str,
    scale: Scale,
    *,
    colour: str = LINE,
    bent: bool = False,
    width: float = 1.0,
    gid: str | None = None,
    zorder: float = 2.0,
) -> None:
    """One arrow of a kind through these corners."""
    from matplotlib.patches import FancyArrowPatch
    from matplotlib.path import Path

    look = dict(EDGE_LOOK[kind])
    style, dashes = look.pop("arrowstyle"), look.pop("linestyle", "-")
    head = 9.5 * scale.share**0.6 * width**0.5  # points
    shared: dict[str, Any] = {
        "mutation_scale": head, "linewidth": width * scale.line, "color": colour,
        "capstyle": "butt", "joinstyle": "miter", "zorder": zorder,
    }  # fmt: skip
    if dashes != "-":  # the head is drawn apart, so that it is whole
        tip = corners[-1]
        corners = [*corners[:-1], _before(tip, corners[-2], 0.36 * head / scale.per_mm)]
        ends = Path([corners[-1], tip], [1, 2])
        ax.add_patch(FancyArrowPatch(path=ends, arrowstyle=style, shrinkA=0, **shared))
        style = "-"
    points, codes = outline(corners, bent=bent)
    path = Path(points, codes)
    ax.add_patch(FancyArrowPatch(path=path, arrowstyle=style, linestyle=dashes, gid=gid, **shared))
    if kind == "binds":
        ax.plot(
            *zip(corners[0], corners[-1], strict=True), linestyle="none", marker="o",
            markersize=2.1 * scale.line, color=colour, markeredgewidth=0, zorder=zorder,
        )  # fmt: skip


def _before(tip: Point, previous: Point, length: float) -> Point:
    """The point so many mm before the tip of an arrow."""
    dx, dy = previous[0] - tip[0], previous[1] - tip[1]
    share = min(length / (hypot(dx, dy) or 1.0), 0.9)
    return tip[0] + share * dx, tip[1] + share * dy


def draw_edges(ax: "Axes", layout: PathwayMap, scale: Scale) -> None:
    """All arrows between nodes."""
    for edge in layout.edges:
        draw_arrow(
            ax, edge_route(edge, layout), edge.kind, scale, bent=bool(edge.bend),
            gid=f"edge:{edge.source}:{edge.target}:{edge.kind}",
        )  # fmt: skip


def draw_box(ax: "Axes", at: Point, size: Point, shape: str, scale: Scale, **look: Any) -> None:
    """A box of a node's shape around a point."""
    from matplotlib.patches import FancyBboxPatch

    left, top, right, bottom = box_of(at, size)
    height = bottom - top
    shared: dict[str, Any] = {"linewidth": scale.line, "edgecolor": LINE, "zorder": 3} | look
    rounding = {"gene": 0.01, "protein": 0.32 * height, "site": 0.25 * height}.get(
        shape, 0.5 * height
    )
    ax.add_patch(
        FancyBboxPatch(
            (left, top),
            right - left,
            height,
            boxstyle=f"round,pad=0,rounding_size={rounding}",
            **shared,
        )
    )


def draw_node(ax: "Axes", node: Node, colour: Any, crossed: bool, scale: Scale) -> None:
    """A node filled with a colour; None: hatched grey, since it has no value."""
    from matplotlib.colors import to_rgb

    look: dict[str, Any] = {"gid": f"node:{node.id}", "facecolor": colour}
    text = "black" if colour is None else text_on(to_rgb(colour))
    if colour is None:
        look |= {"facecolor": NO_VALUE, "hatch": "/////", "hatchcolor": "#ffffff"}
    if node.shape == "outcome":
        look["linewidth"] = 1.8 * scale.line
    draw_box(ax, node.at, node.size, node.shape, scale, **look)
    if crossed:
        _cross(ax, node, scale)
    weight = "bold" if node.shape == "outcome" else "normal"
    room = node.size[0] - 1.0
    fitting = min(1.0, room / text_size(node.label, scale.text, scale, weight)[0])
    ax.text(
        *node.at, node.label, ha="center", va="center_baseline", color=text, zorder=6,
        fontsize=scale.text * fitting, fontweight=weight, gid=f"label:{node.id}",
        style="italic" if node.shape == "gene" else "normal",
        bbox={"boxstyle": "round,pad=0.12", "facecolor": look["facecolor"], "edgecolor": "none"}
        if crossed
        else None,
    )  # fmt: skip


def text_on(rgb: tuple[float, float, float]) -> str:
    """Black or white, whichever has more contrast on a colour (WCAG 2 relative luminance)."""
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in rgb]
    luminance = 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
    return "black" if (luminance + 0.05) / 0.05 > 1.05 / (luminance + 0.05) else "white"


def draw_site(ax: "Axes", site: DrugSite, layout: PathwayMap, done: Done, scale: Scale) -> None:
    """Drugs beside their targets: pale with the name of their class, or present and named."""
    present = [drug for drug in site.drugs if drug in done.drugs]
    acting = present or list(site.drugs)
    colour = DRUG if present else PALE
    points = scale.small
    label = _named(present, done) if present else site.label.replace(" ", "\n", 1)
    words = text_size(label, points, scale)
    size = words[0] + 1, words[1] + 0.5
    if present:
        size = max(site.size[0], size[0] + 2), max(site.size[1], size[1] + 0.5)
    at = _on_page(site.at, size, layout.page)
    box = box_of(at, size)
    for target in dict.fromkeys(node for drug in acting for node in site.drugs[drug]):
        node = layout.nodes[target]
        corners = route(box, box_of(node.at, node.size))
        draw_arrow(
            ax, corners, site.kind, scale, colour=colour, width=1.8 if present else 1.0,
            gid=f"drug:{site.label}:{target}", zorder=2.5 if present else 1.5,
        )  # fmt: skip
    if present:
        look = {"facecolor": DRUG, "edgecolor": DRUG, "gid": f"site:{site.label}"}
        draw_box(ax, at, size, "site", scale, **look)
    ax.text(
        *at, label, ha="center", va="center", fontsize=points, linespacing=1.0, zorder=4,
        color="white" if present else "#8c8c8c", gid=f"sitelabel:{site.label}",
    )  # fmt: skip


def _on_page(at: Point, size: Point, page: Point) -> Point:
    """The place nearest to a point at which a box lies on the page."""
    x, y = (min(max(at[i], size[i] / 2), page[i] - size[i] / 2) for i in (0, 1))
    return x, y


def _named(present: Sequence[str], done: Done) -> str:
    """One drug with its dose below it, or the names of several."""
    names = [drug.replace("_", " ") for drug in present]
    return f"{names[0]}\n{done.drugs[present[0]]}" if len(names) == 1 else "\n".join(names)


def is_gone(node: Node, done: Done) -> bool:
    """Whether every gene of a node is knocked out."""
    return bool(node.genes) and set(node.genes) <= set(done.knocked_out)


def draw_tags(ax: "Axes", layout: PathwayMap, done: Done, scale: Scale) -> None:
    """At their nodes: alterations, changed expression, and one of several genes knocked out."""
    for node in layout.nodes.values():
        tags = [f"★ {name}" for name, gene in done.altered.items() if gene in node.genes]
        tags += [f"×{done.expressed[gene]:g}" for gene in node.genes if gene in done.expressed]
        if not is_gone(node, done):
            tags += [f"no {gene}" for gene in node.genes if gene in done.knocked_out]
        if tags:
            _tag(ax, node, ", ".join(tags), scale)


def unmarked(layout: PathwayMap, done: Done) -> list[str]:
    """What was done that has no place on the map: its title says so."""
    genes = {gene for node in layout.nodes.values() for gene in node.genes}
    placed = {drug for site in layout.sites for drug in site.drugs}
    found = [drug for drug in done.drugs if drug not in placed]
    found += [f"{gene} knocked out" for gene in done.knocked_out if gene not in genes]
    found += [name for name, gene in done.altered.items() if gene not in genes]
    return found + [f"{gene} ×{by:g}" for gene, by in done.expressed.items() if gene not in genes]


def _cross(ax: "Axes", node: Node, scale: Scale) -> None:
    """A node crossed out, the strokes seen on any fill."""
    left, top, right, bottom = box_of(node.at, (node.size[0] + 1.6, node.size[1] + 1.6))
    for colour, width in (("white", 3.4), ("black", 1.8)):
        for ys in ((top, bottom), (bottom, top)):
            ax.plot(
                [left, right], ys, color=colour, linewidth=width * scale.line, zorder=5,
                solid_capstyle="round", gid=f"knockout:{node.id}",
            )  # fmt: skip


def _tag(ax: "Axes", node: Node, text: str, scale: Scale) -> None:
    """A label with a star at the upper edge of a node."""
    x, y = node.at[0], box_of(node.at, node.size)[1] - 0.4
    ax.annotate(
        text, (x, y), ha="center", va="bottom", fontsize=scale.small,
        fontweight="bold", zorder=6, gid=f"mark:{node.id}", annotation_clip=False,
        bbox={
            "boxstyle": "round,pad=0.16", "facecolor": LESION, "edgecolor": "black",
            "linewidth": 0.6 * scale.line,
        },
    )  # fmt: skip


def draw_key(ax: "Axes", box: Box, kinds: Iterable[str], scale: Scale) -> None:
    """What the arrows mean, in one row."""
    words = {
        "activates": "activates",
        "inhibits": "inhibits",
        "transcribes": "expression",
        "binds": "binds",
        "moves": "becomes",
    }
    shown = [kind for kind in words if kind in kinds]
    points, arrow = scale.small, 8.0
    lengths = [arrow + 1.5 + text_size(words[kind], points, scale)[0] for kind in shown]
    left, top, right, bottom = box
    gap = (right - left - sum(lengths)) / max(len(shown) - 1, 1)
    x, y = left, (top + bottom) / 2
    for kind, length in zip(shown, lengths, strict=True):
        draw_arrow(ax, [(x, y), (x + arrow, y)], kind, scale, gid=f"key:{kind}")
        ax.text(x + arrow + 1.5, y, words[kind], va="center", fontsize=points)
        x += length + gap
