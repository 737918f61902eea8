"""Coefficient sets of published numbers: nine coefficients, or any of them, with what they hold for."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from cte_lake.errors import CatalogError, UsageError
from cte_lake.model.coefficient_text import parse_term
from cte_lake.model.coefficients import CoefficientSet, Validity
from cte_lake.model.loss_unit import CHIP_HEIGHT, MAG_PER_LN
from cte_lake.model.table_values import as_numbers, coded_texts, raw_column
from cte_lake.model.tables import column_names
from cte_lake.model.terms import tensor_terms


@dataclass(frozen=True)
class Published:
    """What a publication says of a surface.

    Attributes
    ----------
    name : str
        The set's name.
    values, errors : mapping of str to float
        Coefficients ``c00`` ... and their standard errors, in `loss_unit` over `rows`; no error: not known.
    flux, mjd, background : tuple of float
        Where the surface holds; electrons, MJD, electrons per pixel (NaN: not known).
    radius : int
        Aperture radius, px.
    filetype : {'flt', 'flc'}
        What was measured.
    source : str
        Publication, with table or page.
    loss_unit : {'fraction', 'mag'}
        What the surface gives: the fraction of the light, or magnitudes.
    rows : float
        Rows of readout that the loss is of: 2048 here, 2051 in reports from 2021 on.
    selection : mapping of str to str
        Target, filter, length, flash of the data.
    """

    name: str
    values: Mapping[str, float]
    errors: Mapping[str, float]
    flux: tuple[float, float]
    mjd: tuple[float, float]
    radius: int
    filetype: str
    source: str
    background: tuple[float, float] = (math.nan, math.nan)
    loss_unit: str = "fraction"
    rows: float = CHIP_HEIGHT
    selection: Mapping[str, str] = field(default_factory=dict)


def set_of(published: Published) -> CoefficientSet:
    """Return the set of published numbers.

    Raises
    ------
    UsageError
        If there is no coefficient, or a fact is impossible.
    CatalogError
        If a coefficient's name is none.
    """
    if not published.values:
        raise UsageError("a set needs at least one coefficient, such as c00=0.05")
    if not published.source.strip():
        raise UsageError("a set needs its source: the publication, with table or page")
    if published.loss_unit not in {"fraction", "mag"} or not published.rows > 0:
        raise UsageError("a loss is a 'fraction' or in 'mag', over a number of rows above zero")
    scale = CHIP_HEIGHT / published.rows / (MAG_PER_LN if published.loss_unit == "mag" else 1.0)
    names = list(published.values)
    values = np.array([published.values[name] for name in names]) * scale
    if not np.isfinite(values).all():
        raise UsageError(f"coefficient {names[int(np.argmin(np.isfinite(values)))]} is not a number")
    errors = np.array([published.errors.get(name, math.nan) for name in names]) * scale
    # Published errors come without their correlations; half of them known is none.
    covariance = np.full((len(names),) * 2, math.nan) if np.isnan(errors).any() else np.diag(errors**2)
    return CoefficientSet(
        name=published.name,
        terms=tuple(parse_term(name) for name in names),
        coefficients=values,
        covariance=covariance,
        validity=Validity(
            published.flux, published.mjd, published.background, published.radius, published.filetype
        ),
        selection=dict(published.selection),
        provenance={
            "source": published.source,
            "as_published": f"{published.loss_unit} per {published.rows:g} rows",
        },
    )


def nine(numbers: list[float]) -> dict[str, float]:
    """Return coefficients by name of nine numbers in the order c00, c01, c02, c10, ..., c22.

    Raises
    ------
    UsageError
        If there are not nine.
    """
    if len(numbers) != 9:
        raise UsageError(f"nine numbers are wanted, c00 c01 c02 c10 ... c22, and there are {len(numbers)}")
    return {f"c{i}{j}": value for (i, j, _), value in zip(tensor_terms(2), numbers, strict=True)}


def of_table(table: Any) -> tuple[dict[str, float], dict[str, float]]:
    """Return coefficients and errors of a table with columns term (or i, j) and value, perhaps error.

    Raises
    ------
    CatalogError
        If it has no such columns.
    """
    columns = {name.lower(): name for name in column_names(table)}
    if "value" not in columns or not ("term" in columns or {"i", "j"} <= columns.keys()):
        raise CatalogError(
            "a table of coefficients has columns term (c00), or i and j, and value; this has "
            f"{', '.join(columns)}"
        )
    if "term" in columns:
        words, places = coded_texts(raw_column(table, columns["term"]))
        names = [words[place] for place in places]
    else:
        powers = [as_numbers(raw_column(table, columns[key]), key, columns[key]) for key in ("i", "j")]
        names = [f"c{i:.0f}{j:.0f}" for i, j in zip(*powers, strict=True)]
    values = as_numbers(raw_column(table, columns["value"]), "value", columns["value"])
    errors = (
        as_numbers(raw_column(table, columns["error"]), "error", columns["error"])
        if "error" in columns
        else np.full(len(values), math.nan)
    )
    return dict(zip(names, values.tolist(), strict=True)), dict(zip(names, errors.tolist(), strict=True))
