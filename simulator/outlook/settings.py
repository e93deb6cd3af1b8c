"""What the predictions report covers: the block `outlook:` of a model folder's model.yaml."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..conditions.schedules import number_of
from ..errors import ModelError, did_you_mean
from ..predict import Settings, read_settings
from ..predict.settings import dose_grid, read_block

if TYPE_CHECKING:
    from ..simulation.model import Model

NEEDED = ("conditions", "concentrations", "added_to", "compared", "readouts", "growth")


@dataclass(frozen=True, slots=True)
class OutlookSettings:
    """The block `outlook:` of model.yaml. Doses in uM, times in h.

    `conditions` are those of `predict:`, in which everything is asked. `concentrations` are the
    highest doses given, by drug, the steroid's among them; each of `dose_steps` is tried in turn
    until the drug alone leaves `predict`'s `partner_viability_at_least`. `added_to` is the partner
    on top of which knock-outs and third drugs are tried too. `compared` are two partners: where
    the first fails and the second does not, `readouts` after `readout_hours` say why. `growth` is
    the observable that compares knock-outs with the cell that has the gene. A pair is synergistic
    from a Bliss excess of `synergy_above`; of fewer cells than `fewest_left` no steroid response
    is read. A prediction is uncertain if fewer than `agreement_at_least` of the members share it.
    `known` lists what the model was made to do beside its findings; `remarks` are printed at the
    head of the report.
    """

    conditions: Sequence[Mapping[str, Any]]
    concentrations: Mapping[str, float]
    added_to: str
    compared: Sequence[str]
    readouts: Sequence[str]
    growth: str
    steroid_doses: Mapping[str, float]
    dose_steps: Sequence[float] = (1.0, 0.3, 0.1, 0.03, 0.01)
    readout_hours: float = 24.0
    synergy_above: float = 0.1
    fewest_left: float = 0.1
    agreement_at_least: float = 0.9
    known: Sequence[Mapping[str, Any]] = ()
    remarks: Sequence[str] = ()


def read_outlook(model: "Model") -> tuple[Settings, OutlookSettings]:
    """The model's settings of `predict` and of the report; ModelError if they are not usable."""
    base = read_settings(model)
    where, block = read_block(model, "outlook", OutlookSettings, NEEDED, "the report")
    settings = OutlookSettings(**({"steroid_doses": base.steroid_doses} | dict(block)))
    _check_names(model, where, base, settings)
    dose_grid(f'{where}: "steroid_doses"', settings.steroid_doses)
    return base, settings


def _check_names(model: "Model", where: str, base: Settings, settings: OutlookSettings) -> None:
    """ModelError for the first drug, dose or observable that cannot be what is meant."""
    drugs, listed = model.definition.drugs, settings.concentrations
    for drug, dose in listed.items():
        if drug not in drugs:
            raise ModelError(
                f'{where} names the drug "{drug}", which is not in drugs.tsv.'
                f"{did_you_mean(drug, drugs)}"
            )
        if not (number_of(dose) or 0) > 0:
            raise ModelError(f'{where}: the concentration of "{drug}" is {dose!r}, not above 0.')
    if len(settings.compared) != 2:
        raise ModelError(f'{where}: "compared" must be two drugs, found {settings.compared!r}.')
    for drug in (base.steroid, settings.added_to, *settings.compared):
        if drug not in listed:
            raise ModelError(f'{where}: "{drug}" has no concentration.{did_you_mean(drug, listed)}')
    observables = [o.id for o in model.definition.observables]
    for name in (settings.growth, *settings.readouts):
        if name not in observables:
            raise ModelError(
                f'{where} names "{name}", which is not in observables.tsv.'
                f"{did_you_mean(name, observables)}"
            )
