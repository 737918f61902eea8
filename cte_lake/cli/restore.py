"""The command ``restore``: a snapshot back into the lake."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from cte_lake.cli.app import app, say
from cte_lake.cli.housekeeping import HOUSEKEEPING, CopyOption, YesOption, agreed
from cte_lake.cli.options import DryRunOption, JsonOption, LakeOption, TargetOption, option
from cte_lake.errors import NothingToDo


@app.command(rich_help_panel=HOUSEKEEPING)
def restore(
    source: Annotated[str, typer.Argument(help="Snapshot to restore.", metavar="SNAPSHOT")],
    lake: LakeOption = None,
    target: TargetOption = None,
    exact: Annotated[bool, option("--exact", "Withdraw exposures that the snapshot does not have.")] = False,
    copy: CopyOption = False,
    dry_run: DryRunOption = False,
    yes: YesOption = False,
    as_json: JsonOption = False,
) -> None:
    """Restore a snapshot: exposure rows, photometry, master catalogs, WCS and masks.

    Restored rows are new revisions; nothing is overwritten, readers go on. A lake that is not there
    yet is made.
    """
    import os

    from cte_lake.lake.maintenance.snapshots import plan_restore
    from cte_lake.lake.maintenance.snapshots import restore as run
    from cte_lake.lake.stored import find_lake, stored
    from cte_lake.resources import LAKE_ENV

    given = lake or os.environ.get(LAKE_ENV)
    named = stored(given) if given else None
    # What a killed restore or init has begun is no lake yet and is completed; other content is refused.
    new = named is not None and not named.exists()
    root = named if named is not None and new else find_lake(lake)
    saved = stored(source)
    plan = plan_restore(saved, root, target or (), exact)
    for row in plan.back:
        typer.echo(f"restore {row.imagename} ({row.mode})", err=not dry_run)
    for row in plan.withdrawn:
        typer.echo(f"withdraw {row.imagename} ({row.mode}): not in the snapshot", err=not dry_run)
    for name in plan.targets:
        typer.echo(f"restore the master catalog of {name}", err=not dry_run)
    outcome = f"{len(plan.back)} restored, {plan.same} the same, {len(plan.withdrawn)} withdrawn"
    if plan and not dry_run:
        question = f"Restore {len(plan.back)} exposures and withdraw {len(plan.withdrawn)} in {root}?"
        if not new and not agreed(question, yes):
            raise NothingToDo("nothing was restored")
        run(saved, root, plan, copy)
    say(f"restore: {outcome}{'; nothing was done' if dry_run else ''}")
    counts = {"restored": len(plan.back), "same": plan.same, "withdrawn": len(plan.withdrawn)}
    if as_json:
        typer.echo(json.dumps(counts))
