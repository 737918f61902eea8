"""What a reader of losses should know: pairs that are left out, and pairs without masks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cte_lake.correction.generations import left_out
from cte_lake.lake.selection import Selection
from cte_lake.plots.words import count_text

if TYPE_CHECKING:
    from cte_lake.api import Lake


def cautions(lake: Lake, selection: Selection) -> tuple[str, ...]:
    """Return a sentence for each thing that a reader of the selected losses should know.

    Parameters
    ----------
    lake : Lake
        An open lake.
    selection : Selection
        Of losses, as `Lake.select` and `Selection.of_losses` give it.
    """
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
