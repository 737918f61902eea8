"""The lake's losses beside the published ones (docs/field.md#published-results)."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cte_lake.arrays import FloatArray
from cte_lake.model.loss_unit import CHIP_HEIGHT, MAG_PER_LN
from cte_lake.model.points import at_readout
from cte_lake.model.tables import column, numbers

DAYS_PER_YEAR = 365.25
#: Years that the dates of a rate must span before it means anything.
MIN_YEARS = 2.0


@dataclass(frozen=True)
class Comparison:
    """One published quantity and the lake's.

    Attributes
    ----------
    key, what, unit, source : str
        Which quantity.
    published, tolerance : float
        Value and half width that "about" is read as.
    measured, measured_err : float or None
        The lake's; None where it cannot say.
    pairs : int
        Pairs it rests on.
    verdict : str
        'consistent', 'differs' or 'no data'.
    note : str
        Why there is no data, or by how many standard errors it differs.
    """

    key: str
    what: str
    unit: str
    source: str
    published: float
    tolerance: float
    measured: float | None
    measured_err: float | None
    pairs: int
    verdict: str
    note: str

    def as_dict(self) -> dict[str, Any]:
        """Return the fields as plain values."""
        return dict(vars(self))


def published() -> dict[str, Any]:
    """Return the published values, as they stand in the package's ``published.toml``."""
    return tomllib.loads(files("cte_lake.model").joinpath("published.toml").read_text(encoding="utf-8"))


def compare(table: Any, values: Mapping[str, Any] | None = None) -> list[Comparison]:
    """Compare the rows of the view ``cte`` with the published values.

    Parameters
    ----------
    table : table or mapping
        Columns mjd, cte_loss, cte_loss_err, bin_lo, bin_hi, readout_background, filetype, filter, pair_id.
    values : mapping, optional
        As `published` returns it.

    Returns
    -------
    list of Comparison
        One per published value, whatever the lake holds.
    """
    known = values or published()
    rows = {name: numbers(table, name) for name in ("mjd", "cte_loss", "cte_loss_err", "bin_lo", "bin_hi")}
    rows["background"] = at_readout(table, rows["mjd"].size)
    filetype, name_of_filter = column(table, "filetype"), column(table, "filter")
    usable = np.isfinite(rows["cte_loss"]) & (rows["cte_loss_err"] > 0)
    usable &= np.array([str(name).upper() == known["filter"] for name in name_of_filter], dtype=bool)
    result = []
    for case in known["case"]:
        chosen = usable & (np.char.lower(filetype.astype(str)) == case["filetype"])
        chosen &= _within(rows["background"], case["background"]) & _within(rows["mjd"], case["mjd"])
        chosen &= _bin(rows, case["flux"], chosen)
        result.append(_compare(case, known, {name: value[chosen] for name, value in rows.items()}))
    return result


def _within(values: FloatArray, limits: list[float]) -> NDArray[np.bool_]:
    inside: NDArray[np.bool_] = (values >= limits[0]) & (values <= limits[1])
    return inside


def _bin(rows: Mapping[str, FloatArray], flux: list[float], chosen: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Rows of the published flux bin; a wider one of the same lower limit stands in where it is missing."""
    low, high = flux
    exact: NDArray[np.bool_] = (rows["bin_lo"] == low) & (rows["bin_hi"] == high)
    if (exact & chosen).any():
        return exact
    wider: NDArray[np.bool_] = (rows["bin_lo"] == low) & (rows["bin_hi"] > high)
    return wider


def _compare(case: Mapping[str, Any], known: Mapping[str, Any], rows: dict[str, FloatArray]) -> Comparison:
    measured, error, why = _MEASURES[case["kind"]](case, rows, known["rows"] / CHIP_HEIGHT)
    verdict, note = "no data", why
    if measured is not None and error is not None:
        excess = max(abs(measured - case["value"]) - case["tolerance"], 0.0)
        verdict = "consistent" if excess <= 2.0 * error else "differs"
        note = f"{excess / error:.1f} standard errors outside the tolerance" if excess else "within tolerance"
    return Comparison(
        key=case["key"],
        what=case["what"],
        unit=case["unit"],
        source=known["source"],
        published=float(case["value"]),
        tolerance=float(case["tolerance"]),
        measured=measured,
        measured_err=error,
        pairs=int(rows["mjd"].size),
        verdict=verdict,
        note=note,
    )


Measured = tuple[float | None, float | None, str]


def _mean(values: FloatArray, errors: FloatArray) -> tuple[float, float]:
    """Weighted mean and its error, widened where the values scatter more than their errors."""
    weight = errors**-2.0
    mean = float(np.sum(weight * values) / weight.sum())
    excess = float(np.sum(weight * (values - mean) ** 2)) / max(values.size - 1, 1)
    return mean, float(np.sqrt(max(excess, 1.0) / weight.sum()))


def _level(case: Mapping[str, Any], rows: dict[str, FloatArray], scale: float) -> Measured:
    if rows["mjd"].size == 0:
        return None, None, "no pair of this date, flux, background and file type"
    loss, error = _mean(rows["cte_loss"], rows["cte_loss_err"])
    # S is the differential loss; what a star has lost after all rows is 1 - exp(-S).
    return 1.0 - float(np.exp(-loss * scale)), error * scale * float(np.exp(-loss * scale)), ""


def _rate(case: Mapping[str, Any], rows: dict[str, FloatArray], scale: float) -> Measured:
    mjd = rows["mjd"]
    if mjd.size < 3 or np.ptp(mjd) < MIN_YEARS * DAYS_PER_YEAR:
        years_seen = np.ptp(mjd) / DAYS_PER_YEAR if mjd.size else 0.0
        return None, None, f"{mjd.size} pairs over {years_seen:.1f} years"
    years = (mjd - mjd.mean()) / DAYS_PER_YEAR
    magnitudes = rows["cte_loss"] * MAG_PER_LN * scale
    weight = (rows["cte_loss_err"] * MAG_PER_LN * scale) ** -2.0
    centred = years - np.sum(weight * years) / weight.sum()
    square = float(np.sum(weight * centred**2))
    slope = float(np.sum(weight * centred * magnitudes)) / square
    level = float(np.sum(weight * magnitudes) / weight.sum())
    excess = float(np.sum(weight * (magnitudes - level - slope * centred) ** 2)) / (mjd.size - 2)
    return slope, float(np.sqrt(max(excess, 1.0) / square)), ""


def _background(case: Mapping[str, Any], rows: dict[str, FloatArray], scale: float) -> Measured:
    """Background at which `step` more electrons save less than `saving`; loss = p + q / (1 + b / step)."""
    sky = rows["background"]
    if np.unique(np.round(sky)).size < 3:
        return None, None, f"{np.unique(np.round(sky)).size} levels of background; 3 are needed"
    design = np.stack([np.ones(sky.size), 1.0 / (1.0 + sky / case["step"])], axis=1)
    weight = rows["cte_loss_err"] ** -2.0
    normal = np.linalg.inv((design * weight[:, None]).T @ design)
    parameters = normal @ (design.T @ (weight * rows["cte_loss"]))
    residual = rows["cte_loss"] - design @ parameters
    excess = max(float(np.sum(weight * residual**2)) / max(sky.size - 2, 1), 1.0)
    gain, gain_err = parameters[1] * scale, float(np.sqrt(normal[1, 1] * excess)) * scale
    if gain <= 2.0 * gain_err:
        return None, None, "the loss does not fall significantly with background"
    # q / (1 + z) - q / (2 + z) = saving, with z = b / step.
    root = float(np.sqrt(1.0 + 4.0 * gain / case["saving"]))
    best = case["step"] * max((root - 3.0) / 2.0, 0.0)
    return best, case["step"] * gain_err / (case["saving"] * root), ""


_MEASURES = {"level": _level, "rate": _rate, "background": _background}
