"""What should be in a lake and is not: visits that are incomplete, and visits that are overdue."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from cte_lake.report.tables import date_text
from cte_lake.wording import count_text, target_text

if TYPE_CHECKING:
    from cte_lake.api import Lake

#: Incomplete visits and programs that are named; the command `coverage` lists them all.
NAMED = 12


def coverage_gaps(lake: Lake) -> dict[str, Any]:
    """Return what is missing in a lake, for status, page and mail; no photometry is read.

    Returns
    -------
    dict
        incomplete (a sentence for each visit and target that lacks something), planned (a sentence for each
        program and target without a level of its plan), overdue (a sentence for each time without a visit),
        unpaired (reason to number of exposures), alone (a sentence for each exposure without a partner) and
        text (all of it in one line).
    """
    rows = lake.own("incomplete").rows()
    late = lake.own("overdue").rows()
    alone = lake.own("alone").rows()
    reasons: Counter[str] = Counter()
    for row in sorted(alone, key=lambda row: str(row["reason"])):
        reasons[row["reason"]] += row["n"]
    gaps = {
        "incomplete": _incomplete([row for row in rows if row["visit"] is not None]),
        "planned": _planned([row for row in rows if row["visit"] is None]),
        "overdue": [_overdue(row) for row in late],
        "unpaired": dict(reasons.most_common()),
        "alone": [_alone(row) for row in alone],
    }
    return gaps | {"text": _text(gaps, late)}


def _text(gaps: dict[str, Any], late: list[dict[str, Any]]) -> str:
    never, overdue = (
        sum(row["n_missing"] for row in late if row["state"] == state) for state in ("never came", "late")
    )
    counted = (
        (never, "epoch", " never came"),
        (overdue, "epoch", " overdue"),
        (len(gaps["incomplete"]), "incomplete visit", ""),
        (len(gaps["planned"]), "program", " without levels of the plan"),
        (len(gaps["alone"]), "exposure", " without a partner"),
    )
    parts = [f"{count_text(n, what)}{state}" for n, what, state in counted if n]
    return ", ".join(parts) or "nothing is missing"


def _incomplete(rows: list[dict[str, Any]]) -> list[str]:
    visits: dict[tuple[Any, ...], list[str]] = {}
    for row in rows:
        lacking = f"{row['filter']} {row['length']} flash {row['flash']}: {row['missing']}"
        visits.setdefault((row["target"], row["proposal"], row["visit"]), []).append(lacking)
    return [
        f"{target_text(target)} {proposal}/{visit}: {'; '.join(lacking)}"
        for (target, proposal, visit), lacking in visits.items()
    ]


def _planned(rows: list[dict[str, Any]]) -> list[str]:
    programs: dict[tuple[Any, ...], list[str]] = {}
    for row in rows:
        programs.setdefault((row["target"], row["proposal"]), []).append(str(row["flash"]))
    return [
        f"{target_text(target)} {proposal}: no exposure at flash {', '.join(levels)} of its plan"
        for (target, proposal), levels in programs.items()
    ]


def _alone(row: dict[str, Any]) -> str:
    visit = f"{target_text(row['target'])} {row['proposal']}/{row['visit']}"
    return f"{visit} {row['rootname']}, {row['filetypes']}: {row['detail']}"


def _overdue(row: dict[str, Any]) -> str:
    how_many = count_text(row["n_missing"], "epoch")
    state = f"{how_many} never came" if row["state"] == "never came" else f"{how_many} overdue"
    return (
        f"{target_text(row['target'])}: {state}; after {date_text(row['since'])} the next was expected "
        f"about {date_text(row['expected'])} (every {row['cadence']:.0f} days)"
    )


def lines(gaps: dict[str, Any], most: int = NAMED) -> list[str]:
    """Return sentences on what is missing: overdue visits, then incomplete ones, the first few named."""
    lacking = [*gaps["incomplete"], *gaps["planned"]]
    rest = f"... and {len(lacking) - most} more; `cte-lake coverage` lists them"
    return [*gaps["overdue"], *lacking[:most], *([rest] if len(lacking) > most else [])]
