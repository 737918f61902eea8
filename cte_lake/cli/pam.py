"""The command ``pam check``: pixel area maps against the official ones."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cte_lake.cli.app import FRAMES, App, app, say
from cte_lake.cli.options import JsonOption, option
from cte_lake.cli.rows import RowsOutput
from cte_lake.errors import ExitCode

pam_app = App(help="Pixel area maps: check them.")
app.add_typer(pam_app, name="pam", rich_help_panel=FRAMES)


@pam_app.command("check")
def pam_check(
    frame: Annotated[Path, typer.Argument(metavar="FRAME", help="FLT or FLC that supplies the distortion.")],
    maps: Annotated[
        Path | None, option("--maps", "Folder with the official UVIS1wfc3_map.fits and UVIS2wfc3_map.fits.")
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
        say("pam check: the maps do not agree; look at the frame's distortion (IDCTAB)")
        raise typer.Exit(ExitCode.AUDIT_FAILED)
