"""What should be in a lake and is not: visits that are incomplete, and visits that are overdue."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cte_lake.plots.words import count_text, target_text
from cte_lake.report.tables import date_text

if TYPE_CHECKING:
    from cte_lake.api import Lake

#: Incomplete visits that are named; the command `coverage` lists them all.
_NAMED = 12


def coverage_gaps(lake: Lake) -> dict[str, Any]:
    """Return what is missing in a lake, for status, page and mail; no photometry is read.

    Returns
    -------
    dict
        incomplete (a sentence for each visit and target that lacks something), overdue (a sentence for each
        time without a visit), unpaired (reason to number of exposures) and text (the three in one line).
    """
    rows = lake.sql("FROM coverage WHERE missing IS NOT NULL ORDER BY target, proposal, visit, flash").rows()
    late = lake.sql("FROM overdue ORDER BY target, since").rows()
    alone = lake.sql("SELECT reason, count(*) AS n FROM unpaired GROUP BY ALL ORDER BY n DESC, reason").rows()
    unpaired = {row["reason"]: row["n"] for row in alone}
    incomplete = _incomplete(rows)
    parts = [
        count_text(len(incomplete), "incomplete visit"),
        f"{sum(row['n_missing'] for row in late)} overdue",
        f"{count_text(sum(unpaired.values()), 'exposure')} without a partner",
    ]
    return {
        "incomplete": incomplete,
        "overdue": [_overdue(row) for row in late],
        "unpaired": unpaired,
        "text": ", ".join(parts),
    }


def _incomplete(rows: list[dict[str, Any]]) -> list[str]:
    visits: dict[tuple[Any, ...], list[str]] = {}
    for row in rows:
        what = row["missing"] if row["visit"] is not None else "no exposure"
        told = f"flash {row['flash']}: {what}"
        if row["visit"] is not None:
            told = f"{row['filter']} {row['length']} {told}"
        visits.setdefault((row["target"], row["proposal"], row["visit"]), []).append(told)
    return [
        f"{target_text(target)} {proposal}{f'/{visit}' if visit is not None else ', by its plan'}: "
        f"{'; '.join(told)}"
        for (target, proposal, visit), told in visits.items()
    ]


def _overdue(row: dict[str, Any]) -> str:
    how_many = count_text(row["n_missing"], "epoch")
    state = f"{how_many} never came" if row["state"] == "never came" else f"{how_many} overdue"
    return (
        f"{target_text(row['target'])}: {state}; after {date_text(row['since'])} the next was to be expected "
        f"about {date_text(row['expected'])} (every {row['cadence']:.0f} days)"
    )


def lines(gaps: dict[str, Any], most: int = _NAMED) -> list[str]:
    """Return sentences on what is missing: overdue visits, then incomplete ones, the first few named."""
    shown = [*gaps["overdue"], *gaps["incomplete"][:most]]
    more = len(gaps["incomplete"]) - most
    rest = f"... and {more} more incomplete visits; `cte-lake coverage` lists them"
    return [*shown, rest] if more > 0 else shown
