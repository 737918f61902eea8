"""The command ``demo``: simulate a small program, measure it, compare."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from cte_lake.cli.app import FRAMES, app, say
from cte_lake.cli.options import JsonOption, option


@app.command(rich_help_panel=FRAMES)
def demo(
    folder: Annotated[
        Path, typer.Argument(help="Working folder: a new one, or that of an earlier demo.", metavar="FOLDER")
    ] = Path("cte-lake-demo"),
    seed: Annotated[int, option("--seed", "Seed of the simulation.", min=0)] = 1,
    workers: Annotated[
        int, option("--workers", "Number of worker processes; 0 works in this process.", min=0)
    ] = 2,
    as_json: JsonOption = False,
) -> None:
    """Simulate a small program, measure it, and compare the losses with the injected ones.

    Takes under 3 minutes and about 1 GB. Frames, lake and figures stay in FOLDER.
    """
    from cte_lake.demo import result_lines, run_demo

    result = run_demo(folder, seed=seed, workers=workers, say=say)
    if as_json:
        rows = [asdict(row) | {"pull": row.pull} for row in result.rows]
        typer.echo(json.dumps({"seconds": result.seconds, "losses": rows}, indent=1))
        return
    for line in result_lines(result):
        typer.echo(line)
