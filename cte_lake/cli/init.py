"""The command ``init``: make a lake."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Annotated

import typer

from cte_lake.cli.app import LAKE, app
from cte_lake.errors import ExitCode
from cte_lake.names import one_of
from cte_lake.workflow.schedule import AT

_MONITOR = "Monitor"


@app.command(rich_help_panel=LAKE)
def init(
    lake: Annotated[
        str, typer.Argument(help="Folder of the new lake, or s3://BUCKET/PREFIX.", metavar="LAKE")
    ],
    monitor: Annotated[
        bool, typer.Option("--monitor", help="Set up the nightly job too: settings, scheduler entry, checks.")
    ] = False,
    frames: Annotated[
        Path, typer.Option("--frames", help="Folder of the frames.", rich_help_panel=_MONITOR)
    ] = Path("frames"),
    mail: Annotated[str, typer.Option("--mail", help="Address for mail.", rich_help_panel=_MONITOR)] = "",
    publish: Annotated[
        Path | None,
        typer.Option("--publish", help="Folder that a web server serves.", rich_help_panel=_MONITOR),
    ] = None,
    fetch: Annotated[
        bool, typer.Option("--fetch/--no-fetch", help="Ask the archive.", rich_help_panel=_MONITOR)
    ] = True,
    scheduler: Annotated[
        str, typer.Option("--scheduler", help="cron or systemd.", rich_help_panel=_MONITOR)
    ] = "cron",
    at: Annotated[str, typer.Option("--at", help="Local time of day, HH:MM.", rich_help_panel=_MONITOR)] = AT,
    install: Annotated[
        bool,
        typer.Option(
            "--install",
            help="Put the entry into this user's crontab or systemd; else it goes to the current folder.",
            rich_help_panel=_MONITOR,
        ),
    ] = False,
) -> None:
    """Make a lake: a folder of plain Parquet files and a settings file.

    An existing lake is left unchanged, except for the section [refresh] of its settings with --monitor, which
    prints the checks of `doctor` at the end.

    [bold]Examples[/bold]

      cte-lake init /data/cte/lake

      cte-lake init /data/cte/lake --monitor --frames /data/cte/frames --mail lead@example.org --install
    """
    from cte_lake.lake.create import create_lake
    from cte_lake.lake.stored import stored

    if monitor:
        from cte_lake.cli.doctor import print_checks
        from cte_lake.workflow.monitor_setup import (
            SCHEDULERS,
            MonitorSetup,
            install_entry,
            set_up,
            write_entry,
        )

        chosen = one_of("--scheduler", scheduler, SCHEDULERS)
        asked = MonitorSetup(stored(lake), frames, mail, publish, fetch, chosen, at)
        made = set_up(asked)
        installed = install_entry(asked) if install else _written(write_entry(asked, Path.cwd()))
        typer.echo(f"{'made' if made else 'there is'} a lake in {asked.lake}; {installed}", err=True)
        if not print_checks(asked.lake):
            raise typer.Exit(ExitCode.AUDIT_FAILED)
        return
    made = create_lake(stored(lake))
    typer.echo(f"{'made a lake in' if made else 'there is a lake already in'} {lake}", err=True)
    if made:
        typer.echo(
            f"next: export CTE_LAKE_LAKE={shlex.quote(str(stored(lake)))} && "
            "cte-lake master import CATALOG --target NAME, then cte-lake run FOLDER",
            err=True,
        )


def _written(files: list[Path]) -> str:
    names = " and ".join(str(path) for path in files)
    if len(files) == 1:
        return f"wrote {names}: `(crontab -l; cat {files[0].name}) | crontab -` installs it"
    enable = f"systemctl --user enable --now {files[1].name}"
    return f"wrote {names}: copy them to ~/.config/systemd/user, then `{enable}`"
