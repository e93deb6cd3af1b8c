"""A prediction as plain types, for JSON."""

import math
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

    from ..simulation.model import Model


def as_dict(model: "Model", table: "pd.DataFrame", curves: "xr.Dataset") -> dict[str, Any]:
    """Table and curves as plain types for JSON; a missing value is None."""
    viability = curves["viability"]
    steroid = str(viability.dims[-1])
    content = {
        "steroid": steroid,
        "doses": [float(dose) for dose in viability[steroid].values],
        "units": "uM",
        "treatments": [str(t) for t in viability["treatment"].values],
    }
    return {
        "model": model.definition.name,
        "provenance": {key: _plain(value) for key, value in curves.attrs.items()},
        "uncertainty": curves.attrs["uncertainty"],
        "table": [
            {key: _plain(value) for key, value in row.items()}
            for row in table.to_dict(orient="records")
        ],
        "curves": content | {str(name): _by_condition(curves[name]) for name in curves},
    }


def _by_condition(values: "xr.DataArray") -> dict[str, Any]:
    """Condition -> one list of values over the doses for each treatment."""
    return {
        str(label): [[_plain(v) for v in curve] for curve in values.sel(condition=label).values]
        for label in values["condition"].values
    }


def _plain(value: Any) -> Any:
    """A value that JSON has: None for a missing one, Python numbers for numpy's."""
    value = value.item() if hasattr(value, "item") else value
    return None if isinstance(value, float) and not math.isfinite(value) else value
