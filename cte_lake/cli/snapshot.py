"""The command ``snapshot``: a consistent copy of the lake."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from cte_lake.cli.app import app, say
from cte_lake.cli.housekeeping import HOUSEKEEPING, CopyOption
from cte_lake.cli.options import DryRunOption, JsonOption, LakeOption


@app.command(rich_help_panel=HOUSEKEEPING)
def snapshot(
    destination: Annotated[str, typer.Argument(help="New folder, or s3://BUCKET/PREFIX.", metavar="DIR")],
    lake: LakeOption = None,
    copy: CopyOption = False,
    dry_run: DryRunOption = False,
    as_json: JsonOption = False,
) -> None:
    """Take a consistent copy of the lake, which is a lake itself; ingests may run meanwhile.

    On the same file system files are linked, not copied: a snapshot costs no space and guards against
    mistakes. --copy, or another disk, guards against the disk.
    """
    from cte_lake.lake.maintenance.inventory import human_size
    from cte_lake.lake.maintenance.snapshots import plan_snapshot
    from cte_lake.lake.maintenance.snapshots import snapshot as run
    from cte_lake.lake.stored import find_lake, stored

    root = find_lake(lake)
    plan = plan_snapshot(root)
    if not dry_run:
        run(root, stored(destination), plan, copy)
    outcome = f"{len(plan.files)} files, {plan.exposures} exposures, {human_size(plan.size)}"
    say(f"snapshot: {outcome}{'; nothing was done' if dry_run else f' in {destination}'}")
    if as_json:
        typer.echo(json.dumps({"files": len(plan.files), "exposures": plan.exposures, "bytes": plan.size}))
