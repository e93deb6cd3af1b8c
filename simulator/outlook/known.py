"""What the model was made to say already, so that it is not sold as a prediction.

A check of findings.yaml names cells, alterations, knock-outs and drugs. A treatment is taken as
known in a condition if one check names the cell, the alteration, the steroid and the treatment, a
drug standing for every drug with the same targets; and so are the entries of `known` in the block
`outlook:`, where the steroid goes without saying. That errs towards known; what papers report
beyond these is not seen.
"""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import ModelError
from ..network.tables import Problems, read_yaml
from .experiments import Perturbation, Plan, targets_of

if TYPE_CHECKING:
    from ..simulation.model import Model

Words = frozenset[str]


class Known:
    """What the findings of a model name together; nothing where it has no findings.

    Raises ModelError where its findings.yaml cannot be read.
    """

    def __init__(self, model: "Model", plan: Plan) -> None:
        self._drugs = {drug: _by_target(model, drug) for drug in model.definition.drugs}
        self._losses = _losses(model)
        self._plan = plan
        steroid = plan.base.steroid
        said = _checks(model.definition.folder)
        said += [frozenset([steroid, *_words(entry)]) for entry in plan.settings.known]
        self._checks = [self._meaning(words) for words in said]

    def names(self, i: int, *changes: Perturbation | None) -> bool:
        """Whether a check names condition i, the steroid and these perturbations together."""
        row = self._plan.cells.iloc[i]
        asked = {str(row.get(key)) for key in ("cell", "alteration")} - {"none", "None", "nan"}
        asked.add(self._drugs[self._plan.base.steroid])
        for change in filter(None, changes):
            asked.add(self._drugs[change.name] if change.kind == "drug" else change.name)
        return any(asked <= words for words in self._checks)

    def _meaning(self, words: Words) -> Words:
        """The words of a check with drugs by target, and alterations that are knock-outs."""
        drugs = {self._drugs[word] for word in words if word in self._drugs}
        genes = {gene for gene, losses in self._losses.items() if losses & words}
        return words | drugs | genes


def _by_target(model: "Model", drug: str) -> str:
    """One word for all drugs with the same targets."""
    return f"on {', '.join(sorted(targets_of(model, drug)))}"


def _losses(model: "Model") -> dict[str, Words]:
    """Gene -> alterations that set a parameter of it to 0 and do nothing else, as a knock-out."""
    definition = model.definition
    return {
        gene: frozenset(
            name
            for name, changes in definition.alterations.items()
            if changes and all(c.parameter in parameters and c.value == 0 for c in changes)
        )
        for gene, parameters in definition.genes.items()
    }


def _checks(folder: Path | None) -> list[Words]:
    """All words that each check of a folder's findings.yaml uses to say what was done."""
    if folder is None or not (folder / "findings.yaml").is_file():
        return []
    problems = Problems()
    content = read_yaml(folder / "findings.yaml", problems)
    if content is None:
        raise ModelError("\n".join(problems.sentences))
    return [
        frozenset(_words([check.get("of"), check.get("over")]))
        for finding in content.get("findings", ())
        for check in finding.get("checks", ())
    ]


def _words(content: Any) -> Iterator[str]:
    """Every text in nested mappings and lists, keys included."""
    if isinstance(content, Mapping):
        yield from map(str, content)
        content = list(content.values())
    if isinstance(content, str):
        yield content
    elif isinstance(content, Iterable):
        for each in content:
            yield from _words(each)
