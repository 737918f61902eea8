"""The command ``vacuum``: delete superseded files."""

from __future__ import annotations

import json
import time
from typing import Annotated

import typer

from cte_lake.cli.app import app, say
from cte_lake.cli.housekeeping import HOUSEKEEPING, YesOption, agreed, seconds_of
from cte_lake.cli.options import DryRunOption, JsonOption, LakeOption, option
from cte_lake.errors import NothingToDo


@app.command(rich_help_panel=HOUSEKEEPING)
def vacuum(
    lake: LakeOption = None,
    grace: Annotated[
        str, option("--grace", "Keep what was superseded less than this long ago: 7d, 12h, 30m, 0.")
    ] = "7d",
    dry_run: DryRunOption = False,
    yes: YesOption = False,
    as_json: JsonOption = False,
) -> None:
    """Delete superseded files and the leftovers of interrupted runs.

    Readers and running ingests may still use recently superseded files, which the grace time protects.
    """
    from cte_lake.lake.maintenance.inventory import human_size
    from cte_lake.lake.maintenance.vacuum import plan_vacuum
    from cte_lake.lake.maintenance.vacuum import vacuum as run
    from cte_lake.lake.stored import find_lake

    root = find_lake(lake)
    plan = plan_vacuum(root, int(seconds_of(grace) * 1e9), time.time_ns())
    for removal in plan.removals:
        typer.echo(f"delete {removal.path}  {human_size(removal.size)}  {removal.reason}", err=not dry_run)
    text = f"{len(plan.removals)} files, {human_size(plan.size)}; {plan.waiting} more within their grace time"
    files, size = 0, 0
    if plan.removals and not dry_run:
        if not agreed(f"Delete {len(plan.removals)} files ({human_size(plan.size)})?", yes):
            raise NothingToDo("nothing was deleted")
        files, size = run(root, plan)
        text = f"deleted {files} files, {human_size(size)}; {plan.waiting} more within their grace time"
    say(f"vacuum: {text}{'; nothing was done' if dry_run else ''}")
    if as_json:
        counts = {"files": files, "bytes": size, "planned": len(plan.removals), "waiting": plan.waiting}
        typer.echo(json.dumps(counts))
