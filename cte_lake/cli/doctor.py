"""The commands ``doctor`` and ``pam check``: whether machine and frames are as they must be."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cte_lake.cli.app import FRAMES, LAKE, App, app
from cte_lake.cli.options import JsonOption, LakeOption
from cte_lake.cli.rows import RowsOutput
from cte_lake.errors import ExitCode, LakeError

if TYPE_CHECKING:
    from cte_lake.lake.stored import StoredLake

pam_app = App(help="Pixel area maps.")
app.add_typer(pam_app, name="pam", rich_help_panel=FRAMES)


@pam_app.command("check")
def pam_check(
    frame: Annotated[Path, typer.Argument(help="FLT or FLC that supplies the distortion.")],
    maps: Annotated[
        Path | None,
        typer.Option("--maps", help="Folder with the official UVIS1wfc3_map.fits and UVIS2wfc3_map.fits."),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Compare the pixel area maps computed from a frame's distortion with the official ones.

    Without maps, the areas of a full frame are compared with the published range. The exit code is 5
    where they do not agree.
    """
    from cte_lake.pipeline.pam_check import check_pam

    rows = check_pam(frame, maps)
    RowsOutput(as_json=as_json).rows(rows)
    if not all(row["agrees"] for row in rows):
        typer.echo("pam check: the maps do not agree; look at the frame's distortion (IDCTAB)", err=True)
        raise typer.Exit(ExitCode.AUDIT_FAILED)


@app.command(rich_help_panel=LAKE)
def doctor(lake: LakeOption = None, as_json: JsonOption = False) -> None:
    """Check that this machine can run the monitor: versions, disk, network, permissions, clock, scheduler.

    One line a check: ok, warn or fail, what was found, and what to do. Run it as the user of the night.
    Exit code 5 if a check fails; a warning is none. Without a lake only the machine is checked.
    """
    root: StoredLake | None = None
    try:
        from cte_lake.lake.stored import find_lake

        root = find_lake(lake)
    except LakeError as error:
        if lake is not None:
            raise
        typer.echo(f"no lake is checked: {error}", err=True)
    if not print_checks(root, as_json):
        raise typer.Exit(ExitCode.AUDIT_FAILED)


def print_checks(root: StoredLake | None, as_json: bool = False) -> bool:
    """Print the checks as they are made; whether none failed is returned."""
    from cte_lake.workflow.doctor import examine

    checks = []
    for check in examine(root):
        checks.append(check)
        if not as_json:
            typer.echo(check.line)
    if as_json:
        typer.echo(json.dumps([asdict(check) for check in checks], indent=1))
    return all(check.outcome != "fail" for check in checks)
