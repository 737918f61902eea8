"""The command ``coverage``."""

from __future__ import annotations

from typing import Annotated

from cte_lake.cli.app import RESULTS, app, say
from cte_lake.cli.options import FramesOptions, LakeOptions, option
from cte_lake.cli.rows import RowsOutput

_PRINTED = (
    "target",
    "proposal",
    "visit",
    "filter",
    "length",
    "flash",
    "n_flt",
    "n_flc",
    "n_pairs",
    "missing",
)


@app.command(rich_help_panel=RESULTS)
def coverage(
    *,
    asked: LakeOptions,
    visits: FramesOptions,
    every: Annotated[bool, option("--all", "List complete visits too, not only what is missing.")] = False,
    printed: RowsOutput,
) -> None:
    """List what should be in the lake and is not: chips, file types, post-flash levels, visits.

    What a visit should hold follows from the other visits of its program, and from the plan in the
    configuration (proposals.N.flash). Visits that never came or are late, by the cadence of those before,
    are listed on standard error, with the exposures that have no partner; the views overdue and unpaired
    list them.
    """
    from cte_lake.report.coverage import NAMED, coverage_gaps

    with asked.opened() as opened:
        wanted = opened.select(visits.selection())
        chosen, parameters = wanted.where()
        missing = "true" if every else "missing IS NOT NULL"
        rows = opened.sql(
            f"SELECT * FROM coverage WHERE {missing} AND {chosen} "
            "ORDER BY target, proposal, visit NULLS LAST, filter, length, flash",
            **parameters,
        ).arrow()
        found = coverage_gaps(opened)
    printed.table(rows.select(_PRINTED) if printed.readable else rows)
    for line in found["overdue"]:
        say(line)
    for line in found["alone"][:NAMED]:
        say(f"without a partner: {line}")
    if len(found["alone"]) > NAMED:
        say("the view unpaired lists them all")
    say(f"coverage: {found['text']}")
