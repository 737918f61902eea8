"""What a reader of losses should know: generations left out, and pairs without masks."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import duckdb

from cte_lake.lake.selection import Selection
from cte_lake.resources import data_dir
from cte_lake.wording import count_text

if TYPE_CHECKING:
    from cte_lake.api import Lake
    from cte_lake.frames.exposure import Exposure


def cautions(lake: Lake, selection: Selection) -> tuple[str, ...]:
    """Return a sentence for each thing that a reader of the selected losses should know."""
    return (*left_out(lake, selection), *without_masks(lake, selection))


def without_masks(lake: Lake, selection: Selection) -> tuple[str, ...]:
    """Return a sentence on the selected pairs that were measured without cosmic-ray masks, if any."""
    condition, parameters = selection.where()
    rows = lake.sql(
        f"SELECT count(*) AS n, count(*) FILTER (NOT cr_masked) AS bare FROM pairings WHERE {condition}",
        **parameters,
    ).rows()
    n, bare = rows[0]["n"], rows[0]["bare"]
    if not bare:
        return ()
    return (
        f"{bare} of {count_text(n, 'pair')} measured without cosmic-ray masks: losses of faint stars come "
        "out too low, by a quarter at 250-500 e-; run `cte-lake crmask`, then `ingest` again",
    )


def left_out(lake: Lake, selection: Selection) -> tuple[str, ...]:
    """Return a line on the pairs that a selection leaves out for their generation or charge injection."""
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


def generation_of_frame(exposure: Exposure) -> str:
    """Return the calibration generation of a frame by its header, by ``sql/generation_of.sql``."""
    facts = (exposure.filetype, exposure.cal_ver, exposure.cte_name, exposure.cte_ver, exposure.pctetab)
    with duckdb.connect() as connection:
        connection.execute((data_dir("sql") / "generation_of.sql").read_text(encoding="utf-8"))
        found = connection.execute(f"SELECT generation_of({', '.join('?::VARCHAR' for _ in facts)})", facts)
        row = found.fetchone()
    return str(row[0]) if row else ""
