"""The report's interactive charts: tables in, plain values for the page's script out.

A chart is points with what a reader may switch (its facets); the page draws it as SVG. No text of a
chart is ever markup: the script only sets text.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from cte_lake.model.loss_unit import PERCENT
from cte_lake.plots.palette import colour, sequence
from cte_lake.wording import (
    ELECTRONS,
    bin_text,
    count_text,
    flash_text,
    target_text,
    word,
    year_of,
)

Row = Mapping[str, Any]
#: Measured less predicted loss, by pair and flux bin.
Residuals = Mapping[tuple[Any, float, float], float]


@dataclass(frozen=True)
class Facet:
    """Something that points differ in and that a reader may switch.

    Attributes
    ----------
    key, title : str
        Column, and what it is called.
    role : str
        'colour', 'shape', 'fill' or 'size': how it is seen; '' if not at all.
    first : tuple
        Values that are on at first; empty: all.
    """

    key: str
    title: str
    role: str = ""
    first: tuple[Any, ...] = ()


_TARGET = Facet("target", "Target", "shape")
_FILETYPE = Facet("filetype", "File type", "fill", ("flt",))
_LENGTH = Facet("length", "Exposures", "", ("l",))
_FLASH = Facet("flash", "Post-flash", "size", (0,))
_LEVEL = Facet("flash", "Post-flash", "colour")
_FILTER = Facet("filter", "Filter", "", ("F502N",))


def time_chart(
    rows: Sequence[Row], links: Mapping[str, str], curves: Sequence[Row] = (), off: Residuals | None = None
) -> dict[str, Any]:
    """Loss against date, flux bins by colour; below it what is left when the model is taken off."""
    facets = [Facet("bin", "Flux bin", "colour"), _TARGET, _FILETYPE, _FLASH, _LENGTH, _FILTER]
    x = {"label": "Date (year)", "least": 1.0}
    return _chart("CTE loss against time", rows, facets, x, "year", links, curves, off)


def flux_chart(
    rows: Sequence[Row], links: Mapping[str, str], curves: Sequence[Row] = (), off: Residuals | None = None
) -> dict[str, Any]:
    """Loss against mean flux, epochs by colour; at first only the latest ones are on."""
    latest = tuple(sorted({row["epoch_mjd"] for row in rows})[-3:])
    facets = [Facet("epoch_mjd", "Epoch", "colour", latest), _TARGET, _FILETYPE, _FLASH, _LENGTH, _FILTER]
    x = {"label": f"Mean flux ({ELECTRONS})", "scale": "log", "least": 0.3}
    return _chart("CTE loss against flux", rows, facets, x, "mean_flux", links, curves, off)


def flash_chart(rows: Sequence[Row], links: Mapping[str, str]) -> dict[str, Any]:
    """Loss against post-flash level, flux bins by colour; at first only the latest epoch is on."""
    latest = tuple(sorted({row["epoch_mjd"] for row in rows})[-1:])
    facets = [
        Facet("bin", "Flux bin", "colour"),
        _TARGET,
        _FILETYPE,
        Facet("epoch_mjd", "Epoch", "", latest),
        _LENGTH,
    ]
    x = {"label": f"Post-flash level ({ELECTRONS}/px)", "least": 10.0}
    return _chart("CTE loss against post-flash level", rows, facets, x, "flash", links)


def exposure_chart(title: str, label: str, values: Sequence[tuple[Row, float]]) -> dict[str, Any] | None:
    """A quantity of each exposure against its date, post-flash levels by colour; None without a value."""
    if not values:
        return None
    rows = [row for row, _ in values]
    facets = [_LEVEL, _TARGET, _FILTER]
    known = {facet.key: sorted({row[facet.key] for row in rows}, key=_rank) for facet in facets}
    largest = max(abs(value) for _, value in values)
    return {
        "title": title,
        "x": {"label": "Date (year)", "least": 1.0},
        "y": {"label": label, "include": [0], "least": largest or 1.0, "typical": largest or 1.0},
        "facets": [_facet(facet, known[facet.key]) for facet in facets],
        "points": [
            {
                "x": round(float(year_of(row["mjd"])), 4),
                "y": round(value, 4),
                "e": 0,
                "f": [known[facet.key].index(row[facet.key]) for facet in facets],
                "text": f"{row['rootname']}, {target_text(row['target'])}, {float(year_of(row['mjd'])):.2f}, "
                f"{flash_text(row['flash'])}: {value:.3f}",
            }
            for row, value in values
        ],
        "curves": [],
    }


def _facet(facet: Facet, values: list[Any]) -> dict[str, Any]:
    return {
        "title": facet.title,
        "role": facet.role,
        "values": [_name(facet.key, value) for value in values],
        "on": _on(values, facet.first),
        "colours": _colours(facet, len(values)),
        "ordered": facet.key == "epoch_mjd",
    }


def _chart(
    title: str,
    rows: Sequence[Row],
    facets: list[Facet],
    x: dict[str, Any],
    x_key: str,
    links: Mapping[str, str],
    curves: Sequence[Row] = (),
    off: Residuals | None = None,
) -> dict[str, Any]:
    usable = [row for row in rows if row["cte_loss"] is not None and row.get(x_key, row["mjd"]) is not None]
    present = [facet for facet in facets if facet.key == "bin" or all(facet.key in row for row in usable)]
    values = {facet.key: sorted({_value(row, facet.key) for row in usable}, key=_rank) for facet in present}
    errors = [100.0 * row["cte_loss_err"] for row in usable if row["cte_loss_err"] is not None]
    return {
        "title": title,
        "x": x,
        "y": {
            "label": PERCENT.label,
            "include": [0],
            "least": 1.0,
            "typical": round(float(np.median(errors)), 4) if errors else 1.0,
        },
        "facets": [_facet(facet, values[facet.key]) for facet in present],
        "residual": "Measured − model (%)",  # noqa: RUF001 - a minus
        "points": [_point(row, present, values, x_key, links, off or {}) for row in usable],
        "curves": [_curve(curve, present, values) for curve in curves],
    }


def _colours(facet: Facet, count: int) -> list[str]:
    """Those of the printed figures: dates from dark to light, what else differs from the palette."""
    if facet.role != "colour":
        return []
    return sequence(count) if facet.key == "epoch_mjd" else [colour(number) for number in range(count)]


def _value(row: Row, key: str) -> Any:
    return (row["bin_lo"], row["bin_hi"]) if key == "bin" else row[key]


def _rank(value: Any) -> Any:
    # FLT before FLC, long before short.
    return {"flt": "0", "flc": "1", "l": "0", "s": "1"}.get(value, value) if isinstance(value, str) else value


def _on(values: list[Any], first: tuple[Any, ...]) -> list[bool]:
    chosen = [not first or value in first for value in values]
    return chosen if any(chosen) else [True] * len(values)


def _name(key: str, value: Any) -> str:
    if key == "bin":
        return bin_text(*value)
    return f"{float(year_of(value)):.2f}" if key == "epoch_mjd" else word(key, value)


def _point(
    row: Row,
    facets: list[Facet],
    values: dict[str, list[Any]],
    x_key: str,
    links: Mapping[str, str],
    off: Residuals,
) -> dict[str, Any]:
    year = float(year_of(row["mjd"]))
    loss, error = 100.0 * row["cte_loss"], 100.0 * (row["cte_loss_err"] or 0.0)
    text = (
        f"{target_text(row['target'])}, {year:.2f}, {bin_text(row['bin_lo'], row['bin_hi'])}, "
        f"{flash_text(row['flash'])}, {str(row['filetype']).upper()}: "
        f"{loss:.2f} ± {error:.2f} % ({count_text(row['n'] or 0, 'star')}, pair {row['pair_id']})"
    )
    point: dict[str, Any] = {
        "x": round(year, 4) if x_key == "year" else row[x_key],
        "y": round(loss, 4),
        "e": round(error, 4),
        "f": [values[facet.key].index(_value(row, facet.key)) for facet in facets],
        "text": text,
    }
    residual = off.get((row["pair_id"], row["bin_lo"], row["bin_hi"]))
    if residual is not None:
        point["r"] = round(100.0 * residual, 3)
    if row["pair_id"] in links:
        point["link"] = links[row["pair_id"]]
    return point


def chart_curves(table: pa.Table | None, along: str) -> list[dict[str, Any]]:
    """Turn rows of `cte_lake.report.curves` into one entry a curve; `along` is 'mjd' or 'flux'."""
    if table is None:
        return []
    found: dict[tuple[Any, ...], dict[str, Any]] = {}
    varying = {along, "mjd", "loss", "loss_err"}
    for row in table.to_pylist():
        shared = {key: value for key, value in row.items() if key not in varying}
        if "bin_lo" in shared:
            shared["bin"] = (shared["bin_lo"], shared["bin_hi"])
        curve = found.setdefault(tuple(shared.values()), shared | {"x": [], "loss": []})
        curve["x"].append(round(float(year_of(row["mjd"])), 3) if along == "mjd" else round(row["flux"], 1))
        curve["loss"].append(row["loss"])
    return list(found.values())


def _curve(curve: Row, facets: list[Facet], values: dict[str, list[Any]]) -> dict[str, Any]:
    """A model's curve; -1 where it does not depend on a facet, so that switching it changes nothing."""
    places = []
    for facet in facets:
        value = curve.get(facet.key)
        places.append(values[facet.key].index(value) if value in values[facet.key] else -1)
    return {"x": curve["x"], "y": [round(100.0 * loss, 4) for loss in curve["loss"]], "f": places}
