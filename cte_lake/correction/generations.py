"""Calibration generations: what a selection leaves out, and what a coefficient set was fitted to."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import duckdb

from cte_lake.lake.selection import Selection
from cte_lake.plots.words import count_text
from cte_lake.resources import data_dir

if TYPE_CHECKING:
    from collections.abc import Iterable

    from cte_lake.api import Lake
    from cte_lake.frames.exposure import Exposure
    from cte_lake.model.coefficients import CoefficientSet

#: What a coefficient set's selection calls the generation that it was fitted to.
KEY = "generation"


def left_out(lake: Lake, selection: Selection) -> tuple[str, ...]:
    """Return a line on the pairs that a selection leaves out for their generation or charge injection.

    Parameters
    ----------
    lake : Lake
        An open lake.
    selection : Selection
        Of losses, as `Lake.select` and `Selection.of_losses` give it.
    """
    condition, parameters = selection.every_kind().where()
    rows = lake.sql(
        "SELECT filetype, generation, chinject, newest, count(*) AS n FROM pairings "
        f"WHERE {condition} GROUP BY ALL ORDER BY filetype, generation, chinject",
        **parameters,
    ).rows()
    of_kind = replace(Selection(), chinject=selection.chinject, generation=selection.generation)
    others = [row for row in rows if not of_kind.matches(row | {"mjd": 0.0})]
    if not others or len(others) == len(rows):
        return ()
    parts = []
    for row in others:
        injected = "" if row["chinject"] == "NONE" else f" with charge injection {row['chinject']}"
        parts.append(f"{count_text(row['n'], 'pair')} of {row['generation']}{injected}")
    return (f"left out: {', '.join(parts)}; --generation and --chinject choose",)


def fitted_generations(coefficients: CoefficientSet) -> tuple[str, ...]:
    """Return the calibration generations that a set was fitted to; empty where it does not say."""
    return tuple(name for name in str(coefficients.selection.get(KEY) or "").split(",") if name)


def other_generation(coefficients: CoefficientSet, generations: Iterable[str]) -> str:
    """Return a warning if pixels are of another generation than those a set was fitted to, else ''.

    Parameters
    ----------
    coefficients : CoefficientSet
        The set; one that records no generation (published, of an older version) gives none.
    generations : iterable of str
        Of what is to be corrected: from `generation_of_frame`, or a column ``generation``.
    """
    fitted = fitted_generations(coefficients)
    others = sorted({one for one in generations if one and one not in fitted})
    if not fitted or not others:
        return ""
    return (
        f"the coefficients {coefficients.name} were fitted to calibration generation {', '.join(fitted)}, "
        f"the measurements are of {', '.join(others)}, whose pixels were corrected otherwise; fit a set to "
        "that generation with `cte-lake fit --generation`"
    )


def generation_of_frame(exposure: Exposure) -> str:
    """Return the calibration generation of a frame by its header, by ``sql/generation_of.sql``."""
    facts = (exposure.filetype, exposure.cal_ver, exposure.cte_name, exposure.cte_ver, exposure.pctetab)
    with duckdb.connect() as connection:
        connection.execute((data_dir("sql") / "generation_of.sql").read_text(encoding="utf-8"))
        found = connection.execute(f"SELECT generation_of({', '.join('?::VARCHAR' for _ in facts)})", facts)
        row = found.fetchone()
    return str(row[0]) if row else ""
