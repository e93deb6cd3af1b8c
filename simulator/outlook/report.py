"""The report in words and tables, every sentence made from the numbers in the tables."""

from collections import Counter
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from .markdown import listed, number, percent, span, strongest, table
from .results import PROTECTS, SENSITISES, Item, Results

# Perturbations named in a sentence.
NAMED = 4


def report_text(results: Results, command: str, pictures: str) -> str:
    """The whole report as Markdown.

    command : that writes it.  pictures : folder of its figures and full tables, as seen from it.
    """
    parts = [
        *_head(results, command, pictures),
        *_changes(results, "knockout", "1. Knock-outs", f"{pictures}/knockouts.png"),
        *_changes(results, "drug", "2. Third drugs", f"{pictures}/drugs.png"),
        *_pairs(results, f"{pictures}/pairs.png"),
        *_compared(results, f"{pictures}/compared.png"),
        *_uncertain(results),
    ]
    return "\n".join(parts)


def _head(results: Results, command: str, pictures: str) -> Iterator[str]:
    base, settings = results.plan.base, results.plan.settings
    steroid, below = base.steroid, base.resensitised_below
    yield "# Predictions to test\n"
    yield (
        "> **Model predictions, not measured.** Nothing here is a result of an experiment, and"
        " nothing is fit for a clinical decision. What the model was made to reproduce (its"
        " findings, and `known` in model.yaml) is left out of every ranking; others may have"
        " measured some of the rest.\n"
    )
    yield (
        f"Made by `{command}` from the model `{results.model}` (hash {results.model_hash});"
        f" uncertainty: {results.uncertainty}.\n"
    )
    yield (
        f"AUC is that of {steroid}, {base.range[0]:g} to {base.range[1]:g} µM for {base.hours:g} h:"
        f" 400 means no effect, above {base.resistant_above:g} is called resistant. A treatment"
        f" *sensitises* if it brings the AUC to {below:g} of what it was or lower, and *protects*"
        f" if to {1 / below:g} or higher, its own killing not counted. Only treatments that by"
        f" themselves leave {100 * base.partner_viability_at_least:.0f} % of the cells are ranked."
    )
    if results.members:
        yield (
            "Brackets hold the 5–95 % range over the members of the ensemble; *agree* is the share"
            " of members that say the same (same effect of a treatment, same synergy of a pair)."
        )
    yield "".join(f"\n{remark}" for remark in settings.remarks)
    doses = ", ".join(f"{drug} {dose:g}" for drug, dose in settings.concentrations.items())
    yield (
        f"\nDoses (µM): {doses}; where a drug alone kills more, the highest of"
        f" {', '.join(f'{step:g}' for step in sorted(settings.dose_steps)[::-1])} times that which"
        f" leaves enough cells. All numbers: [responses.tsv]({pictures}/responses.tsv),"
        f" [pairs.tsv]({pictures}/pairs.tsv), [compared.tsv]({pictures}/compared.tsv).\n"
    )


def _changes(results: Results, kind: str, title: str, picture: str) -> Iterator[str]:
    """Knock-outs or third drugs: which change the response, with and without the partner."""
    what = "knock-outs" if kind == "knockout" else "drugs"
    steroid, partner = results.plan.base.steroid, results.plan.settings.added_to
    limit = percent(results.plan.settings.agreement_at_least)
    yield f"## {title}\n"
    yield f"![Change of the steroid's AUC by {what}]({picture})\n"
    for b, beside in enumerate((steroid, f"{steroid} + {partner}")):
        yield f"### On top of {beside}\n"
        yield _frequent(results, kind, b) + "\n"
        yield table(
            ["cell", f"AUC {beside}", "sensitises most", "AUC", "agree",
             "protects most", "AUC", "agree"],
            (
                (
                    label,
                    number(results.area(i, b)),
                    *strongest(results.strongest(i, b, kind, SENSITISES)),
                    *strongest(results.strongest(i, b, kind, PROTECTS)),
                )
                for i, label in enumerate(results.plan.labels)
            ),
        )  # fmt: skip
        sure = f"; effects that {limit} of the members share" if results.members else ""
        yield f"How often, over the cells in which each of the {what} is ranked{sure}:\n"
        yield table(
            ["", "ranked in", "sensitises in", "protects in", "median AUC ratio"],
            (
                (c.names, str(c.ranked), str(c.sensitises), str(c.protects), f"{c.ratio:.2f}")
                for c in _counts(results, kind, b)
            ),
        )


class Count(NamedTuple):
    """In how many cells treatments that do the same are ranked, and what they do there."""

    names: str
    ranked: int
    sensitises: int
    protects: int
    ratio: float


def _counts(results: Results, kind: str, b: int) -> list[Count]:
    """Treatments that sensitise or protect anywhere, the most often sensitising ones first.

    Treatments with the same AUC in every cell share a line.
    """
    lines: dict[tuple[str, ...], Count] = {}
    ratio = results.found.ratio()[:, b]
    for p, change in enumerate(results.plan.perturbations, start=1):
        ranked = results.ranked[:, b, p]
        sure = ranked & ~(results.effect_share[:, b, p] < results.plan.settings.agreement_at_least)
        sensitises = int((sure & (results.effects[:, b, p] == SENSITISES)).sum())
        protects = int((sure & (results.effects[:, b, p] == PROTECTS)).sum())
        if change.kind != kind or not sensitises + protects:
            continue
        alike = tuple(f"{area:.0f}" for area in np.where(ranked, results.found.area[:, b, p], -1))
        names = f"{lines[alike].names}/{change.name}" if alike in lines else change.name
        median = float(np.median(ratio[ranked, p]))
        lines[alike] = Count(names, int(ranked.sum()), sensitises, protects, median)
    return sorted(lines.values(), key=lambda c: (-c.sensitises, c.protects, c.ratio))


def _frequent(results: Results, kind: str, b: int) -> str:
    """Which treatments sensitise, and which protect, in the most cells."""
    counts = _counts(results, kind, b)
    sentences = []
    for verb, cells in (
        ("Sensitising", [c.sensitises for c in counts]),
        ("Protecting", [c.protects for c in counts]),
    ):
        most = [k for k in np.argsort(cells, kind="stable")[::-1] if cells[k]][:NAMED]
        words = [f"{counts[k].names} ({cells[k]} of {counts[k].ranked})" for k in most]
        if words:
            sentences.append(f"{verb} in the most cells: {listed(words)}.")
    return " ".join(sentences) or "None sensitises or protects in any cell."


def _pairs(results: Results, picture: str) -> Iterator[str]:
    plan, above = results.plan, results.plan.settings.synergy_above
    yield "## 3. Pairs of drugs\n"
    yield f"![Best pairs of drugs in each cell]({picture})\n"
    yield (
        f"Best by Bliss excess, of at least {above:g}: the share of cells killed beyond that of"
        " two independent drugs. Pairs on a common target are left out.\n"
    )
    for with_steroid in (True, False):
        best = {i: results.best_pair(i, with_steroid) for i in range(len(plan.labels))}
        found = {i: item for i, item in best.items() if item is not None}
        yield f"### {plan.base.steroid + ' and another' if with_steroid else 'Without steroid'}\n"
        yield _best_sentence(found, len(best)) + "\n"
        yield table(
            ["cell", "pair", "doses (µM)", "each alone leaves", "together", "Bliss excess",
             "AUC ratio", "agree"],
            ((plan.labels[i], *_pair_row(results, i, item)) for i, item in found.items()),
        )  # fmt: skip


def _best_sentence(found: dict[int, Item], cells: int) -> str:
    counts = Counter(" + ".join(item.names) for item in found.values())
    words = []
    for names, count in counts.most_common(NAMED):
        values = [item.number.value for item in found.values() if " + ".join(item.names) == names]
        words.append(f"{names} in {count} (excess {span(values)})")
    if not words:
        return f"No pair reaches it in any of {cells} cells."
    return f"A pair reaches it in {len(found)} of {cells} cells; the best is {listed(words)}."


def _pair_row(results: Results, i: int, item: Item) -> tuple[str, ...]:
    plan, found = results.plan, results.found
    a, b = plan.pairs[item.place]
    ratio = "-"
    if a == 0:
        ratio = number(results.ratio(i, 0, results.place(plan.drugs[b])), ".2f")
    return (
        " + ".join(item.names),
        f"{plan.doses[i, a]:.2g} + {plan.doses[i, b]:.2g}",
        f"{100 * found.single[i, a]:.0f} %, {100 * found.single[i, b]:.0f} %",
        f"{100 * found.pair[i, item.place]:.0f} %",
        number(item.number, ".2f"),
        ratio,
        percent(item.share),
    )


def _compared(results: Results, picture: str) -> Iterator[str]:
    settings = results.plan.settings
    first, second = settings.compared
    yield f"## 4. Where {first} fails and {second} works\n"
    yield f"![{first} and {second} in each cell]({picture})\n"
    yield from (f"- {sentence}" for sentence in _comparison(results))
    yield (
        f"\nReadouts after {settings.readout_hours:g} h without steroid, over the untreated cell;"
        " AUC ratio as above; *agree*: on which of the two drugs work.\n"
    )
    for d, drug in enumerate(settings.compared):
        yield table(
            ["cell", "AUC", f"ratio with {drug}", *settings.readouts, "agree"],
            (
                (
                    label,
                    number(results.area(i, 0)),
                    number(results.ratio(i, 0, results.place(drug)), ".2f"),
                    *(number(results.fold(i, d, k), ".2f") for k in range(len(settings.readouts))),
                    percent(float(results.works_share[i])),
                )
                for i, label in enumerate(results.plan.labels)
            ),
        )


def _comparison(results: Results) -> Iterator[str]:
    """Resistant cells by which of the two drugs works, and the readouts that go with it."""
    first, second = results.plan.settings.compared
    works, resistant = results.works, results.resistant
    groups = (
        (f"Only {second} sensitises", ~works[:, 0] & works[:, 1]),
        ("Both sensitise", works[:, 0] & works[:, 1]),
        (f"Only {first} sensitises", works[:, 0] & ~works[:, 1]),
        ("Neither sensitises", ~works[:, 0] & ~works[:, 1]),
    )
    for title, members in groups:
        places = np.flatnonzero(members & resistant)
        if not places.size:
            continue
        cells = listed([results.plan.labels[i] for i in places])
        yield (
            f"**{title}** {places.size} of {int(resistant.sum())} resistant cells: {cells}."
            f" {_halved(results, places)} Fractions of the untreated level under {first}:"
            f" {_levels(results, places, 0)}; under {second}: {_levels(results, places, 1)}."
        )


def _halved(results: Results, places: np.ndarray) -> str:
    """Which readouts each compared drug brings below half in every one of some conditions."""
    sentences = []
    for d, drug in enumerate(results.plan.settings.compared):
        folds = results.found.fold[places, d]
        names = np.array(results.plan.settings.readouts)
        below, above = names[(folds < 0.5).all(axis=0)], names[(folds >= 0.5).all(axis=0)]
        ratio = results.found.ratio()[places, 0, results.place(drug)]
        halves = f"brings {listed(below)} below half" if below.size else "halves none of them"
        if above.size and below.size:
            halves += f" and {listed(above)} not"
        sentences.append(f"{drug} {halves} (AUC ratio {span(ratio)})")
    return f"In each, {'; '.join(sentences)}."


def _levels(results: Results, places: np.ndarray, d: int) -> str:
    folds = results.found.fold[places, d]
    return listed(
        [f"{name} {span(folds[:, k])}" for k, name in enumerate(results.plan.settings.readouts)]
    )


def _uncertain(results: Results) -> Iterator[str]:
    yield "## 5. What the ensemble does not agree on\n"
    if not results.members:
        yield f"Nothing can be said: {results.uncertainty}. Read every number above as a guess.\n"
        return
    limit = percent(results.plan.settings.agreement_at_least)
    lines = list(_doubtful(results))
    yield f"Predictions of the tables above that fewer than {limit} of the members share:\n"
    yield "\n".join(f"- {line}" for line in lines) + "\n" if lines else "None.\n"


def _doubtful(results: Results) -> Iterator[str]:
    plan = results.plan
    steroid, partner = plan.base.steroid, plan.settings.added_to
    verbs = {SENSITISES: "sensitises", PROTECTS: "protects"}
    for i, label in enumerate(plan.labels):
        for b, beside in enumerate((steroid, f"{steroid} + {partner}")):
            for kind in ("knockout", "drug"):
                for effect, verb in verbs.items():
                    item = results.strongest(i, b, kind, effect)
                    if item is not None and results.uncertain(item.share):
                        what = " knock-out" if kind == "knockout" else ""
                        names = "/".join(item.names)
                        yield f"{label}, {beside}: {names}{what} {verb} ({percent(item.share)})"
        for with_steroid in (True, False):
            item = results.best_pair(i, with_steroid)
            if item is not None and results.uncertain(item.share):
                yield f"{label}: {' + '.join(item.names)} is synergistic ({percent(item.share)})"
        if results.uncertain(float(results.works_share[i])):
            drugs = " and ".join(plan.settings.compared)
            yield f"{label}: which of {drugs} works ({percent(float(results.works_share[i]))})"
