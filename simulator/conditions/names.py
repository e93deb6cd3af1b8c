"""Which factor a keyword, a column of a conditions table or an id of `set=` names."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from ..errors import ConditionError, did_you_mean, nearest
from ..network.definition import NAMED_FACTORS, OPTIONS, Definition, ids
from ..network.expression import Expression, symbols

Kind = Literal["cell", "alteration", "knockout", "expression", "gene", "dose", "constant", "state"]
GENE_PREFIX = "expression:"


@dataclass(frozen=True, slots=True)
class Factor:
    """Something that can be set or swept.

    Attributes
    ----------
    kind
        `cell`, `alteration`, `knockout`, `expression`: the named factors; `gene`: the expression
        of the one gene `target`; `dose`: of the drug or ligand `name`, whose parameter is
        `target`; `constant`: a constant parameter or compartment, set from before t = 0; `state`:
        a species, or a quantity with a rate rule, whose value at t = 0 is replaced.
    name
        As the experimenter wrote it.
    coordinate
        Name of its coordinate (its dimension, where it is swept).
    """

    kind: Kind
    name: str
    target: str
    coordinate: str
    unit: str = ""


class Names:
    """What can be named in a definition; classifies names, and knows what is wrong with others."""

    def __init__(self, definition: Definition) -> None:
        self.definition = definition
        self.kinds: Mapping[str, str] = ids(definition.network)
        self.dose_parameters = {d.parameter: d for d in definition.drugs.values()}
        self._observables = {o.id for o in definition.observables}

    @cached_property
    def _rules(self) -> Mapping[str, Expression]:
        network = self.definition.network
        return dict((*network.assignment_rules, *network.algebraic_rules))

    @cached_property
    def _units(self) -> Mapping[str, str]:
        network = self.definition.network
        units = {c.id: c.unit for c in network.compartments}
        units |= {s.id: s.unit for s in network.species}
        return units | {p.id: p.unit for p in network.parameters}

    @cached_property
    def _varying(self) -> set[str]:
        """Quantities that are no species and change in time."""
        network = self.definition.network
        varying = {target for target, _ in network.rate_rules}
        varying |= {p.id for p in network.parameters if not p.constant}
        return varying | {c.id for c in network.compartments if not c.constant}

    @property
    def plain(self) -> bool:
        """True for a model of one file, which has no tables."""
        return self.definition.folder is None and not (
            self.definition.cells or self.definition.drugs or self.definition.genes
        )

    def settable_ids(self) -> list[str]:
        """Ids of parameters, compartments and species that a change can set."""
        return [
            id for id, kind in self.kinds.items() if kind != "reaction" and id not in self._rules
        ]

    def factor_names(self) -> list[str]:
        """Every name that a keyword can have, factors first."""
        named = [] if self.plain else [*NAMED_FACTORS, *self.definition.drugs]
        return [*named, *self.settable_ids()]

    def is_factor(self, name: str) -> bool:
        """Whether a table's column of this name is meant to change something.

        True also for names that are refused with a reason: named factors of a plain model, and
        computed quantities.
        """
        return (
            name in NAMED_FACTORS
            or name.startswith(GENE_PREFIX)
            or name in self.definition.drugs
            or name in self.kinds
            or name == "il7"
        )

    def factor(self, name: object) -> Factor:
        """The factor that a keyword or a table's column names.

        Raises
        ------
        ConditionError
            It names none; the message says what it names instead, or the nearest valid name.
        """
        if not isinstance(name, str):
            raise ConditionError(f"A factor's name is text, not {name!r}.")
        if name in NAMED_FACTORS:
            self._require_table(name)
            return Factor(name, name, name, name)  # type: ignore[arg-type]
        if name.startswith(GENE_PREFIX):
            self._require_table("expression")
            gene = name.removeprefix(GENE_PREFIX)
            check_name("gene", gene, self.definition.genes, self.definition.name)
            return Factor("gene", name, gene, name)
        if name in self.definition.drugs:
            drug = self.definition.drugs[name]
            return Factor("dose", name, drug.parameter, name, drug.unit)
        if name in self.kinds:
            return self.id_factor(name)
        raise ConditionError(self._unknown(name))

    def id_factor(self, id: object) -> Factor:
        """The parameter, compartment or species that an id of `set=` names.

        Raises
        ------
        ConditionError
            The id is unknown, or names something computed.
        """
        model = self.definition.name
        if not isinstance(id, str):
            raise ConditionError(f"set= takes a mapping from ids (text) to values, not {id!r}.")
        if id not in self.kinds:
            if id in NAMED_FACTORS or id in self.definition.drugs:
                raise ConditionError(
                    f'set= takes ids of {model}, and "{id}" is a factor: write {id}=... instead.'
                )
            raise ConditionError(
                f'"{id}" in set= is no parameter, compartment or species of {model}.'
                + did_you_mean(id, self.settable_ids())
            )
        kind = self.kinds[id]
        if kind == "reaction":
            raise ConditionError(
                f'"{id}" is a reaction of {model}, whose flux is computed: it can be an output, '
                "and cannot be set."
            )
        if id in self._rules:
            used = [f'"{name}"' for name in sorted(symbols(self._rules[id]) - {id})]
            text = " and ".join(filter(None, [", ".join(used[:-1]), *used[-1:]])) or "constants"
            raise ConditionError(
                f'{kind} "{id}" cannot be set: a rule of {model} computes it from {text}.'
            )
        unit = self._units.get(id, "")
        if kind == "species" or id in self._varying:
            return Factor("state", id, id, f"{id}_initial", unit)
        return Factor("constant", id, id, id, unit)

    def is_output(self, name: str) -> bool:
        """Whether a result may hold it as data: no table's further column may have such a name."""
        return name in self._observables or name in self.kinds or name == "status"

    def _require_table(self, factor: str) -> None:
        model = self.definition.name
        if self.plain:
            hint = (
                f' To set its parameter "{factor}", write set={{"{factor}": ...}}.'
                if factor in self.kinds
                else ""
            )
            raise ConditionError(
                f'"{factor}" cannot be chosen: {model} is a plain model, which has no cell, '
                f"alteration, knockout, expression, drug or il7.{hint}"
            )
        tables = {
            "cell": ("cells", self.definition.cells),
            "alteration": ("alterations", self.definition.alterations),
            "knockout": ("genes", self.definition.genes),
            "expression": ("genes", self.definition.genes),
        }
        what, table = tables[factor]
        if not table:
            raise ConditionError(f'"{factor}" cannot be chosen: {model} names no {what}.')

    def _unknown(self, name: str) -> str:
        """Why `name` is no factor, with the nearest name."""
        d = self.definition
        if name in self._observables:
            return f'"{name}" is an observable of {d.name}: it is computed, and cannot be set.'
        if name in d.genes:
            return (
                f'"{name}" is a gene of {d.name}: write knockout="{name}" or '
                f'expression={{"{name}": 0.5}}.'
            )
        if name in d.alterations:
            return f'"{name}" is an alteration of {d.name}: write alteration="{name}".'
        if name in d.cells:
            return f'"{name}" is a cell of {d.name}: write cell="{name}".'
        valid = nearest(name, [*self.factor_names(), *OPTIONS])
        if self.plain:
            return (
                f'"{name}" is no parameter, compartment or species of {d.name}, a plain model, '
                "which has no cell, alteration, knockout, expression, drug or il7."
                + did_you_mean(name, [*self.settable_ids(), *OPTIONS])
            )
        if valid is None:
            return f'"{name}" is no factor, drug, parameter, compartment or species of {d.name}.'
        if valid in d.drugs:
            kind: str = d.drugs[valid].kind
        elif valid in NAMED_FACTORS:
            kind = "factor"
        elif valid in self.kinds:
            kind = self.kinds[valid]
        else:
            return f'"{name}" is no option, and no factor of {d.name}. Nearest: "{valid}".'
        return f'{kind} "{name}" is not in {d.name}. Nearest: "{valid}".'


def check_name(kind: str, name: str, names: Iterable[str], model: str) -> None:
    """Raise the ConditionError for a level that is not among `names`.

    `drug "selumetanib" is not in steroid_response. Nearest: "selumetinib".`
    """
    names = list(names)
    if name in names:
        return
    hint = did_you_mean(name, names)
    if not hint and len(names) <= 12:
        hint = f" It has {', '.join(names)}." if names else ""
    raise ConditionError(f'{kind} "{name}" is not in {model}.{hint}')
