"""The command ``compact``: merge many small files into few."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from cte_lake.cli.app import app, say
from cte_lake.cli.housekeeping import HOUSEKEEPING
from cte_lake.cli.options import DryRunOption, JsonOption, LakeOption, option


@app.command(rich_help_panel=HOUSEKEEPING)
def compact(
    lake: LakeOption = None,
    min_files: Annotated[int, option("--min-files", "Merge only folders with at least N files.", min=2)] = 8,
    phot_below: Annotated[
        float, option("--phot-below", "Merge photometry files below this size too, MB.", min=0)
    ] = 0,
    dry_run: DryRunOption = False,
    as_json: JsonOption = False,
) -> None:
    """Merge many small files into few; readers and ingests go on meanwhile.

    The exposure rows of a partition become one file, and so do the values of added columns; with
    --phot-below its small photometry files do too. The old files stay until `vacuum` takes them.
    """
    from cte_lake.lake.maintenance.compact import compact as run
    from cte_lake.lake.maintenance.compact import plan_compact
    from cte_lake.lake.stored import find_lake

    root = find_lake(lake)
    plan = plan_compact(root, min_files, int(phot_below * 1e6))
    for merge in plan.merges:
        typer.echo(f"merge {len(merge.files)} files into one: {merge.folder}", err=not dry_run)
    merged = 0 if dry_run else run(root, plan, min_files)
    outcome = (
        "nothing was done" if dry_run else f"merged {merged} files; vacuum may take them after its grace time"
    )
    say(f"compact: {len(plan.merges)} partitions; {outcome}")
    if as_json:
        typer.echo(json.dumps({"partitions": len(plan.merges), "files": merged}))
