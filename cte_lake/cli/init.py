"""The command ``init``: make a lake."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Annotated

import typer

from cte_lake.cli.app import LAKE, app, say
from cte_lake.cli.options import option, panel
from cte_lake.errors import ExitCode
from cte_lake.names import one_of
from cte_lake.workflow.schedule import AT

_monitoring = panel("Monitor")


@app.command(rich_help_panel=LAKE)
def init(
    lake: Annotated[
        str, typer.Argument(help="Folder of the new lake, or s3://BUCKET/PREFIX.", metavar="LAKE")
    ],
    monitor: Annotated[
        bool, option("--monitor", "Set up the nightly job too: settings, scheduler entry, checks.")
    ] = False,
    frames: Annotated[Path, _monitoring("--frames", "Folder of the frames.")] = Path("frames"),
    mail: Annotated[str, _monitoring("--mail", "Address for mail.")] = "",
    publish: Annotated[Path | None, _monitoring("--publish", "Folder that a web server serves.")] = None,
    fetch: Annotated[bool, _monitoring("--fetch/--no-fetch", "Ask the archive.")] = True,
    scheduler: Annotated[str, _monitoring("--scheduler", "cron or systemd.")] = "cron",
    at: Annotated[str, _monitoring("--at", "Local time of day, HH:MM.")] = AT,
    install: Annotated[
        bool,
        _monitoring(
            "--install",
            "Put the entry into this user's crontab or systemd; else it goes to the current folder.",
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
        say(f"{'made' if made else 'there is'} a lake in {asked.lake}; {installed}")
        if not print_checks(asked.lake):
            raise typer.Exit(ExitCode.AUDIT_FAILED)
        return
    made = create_lake(stored(lake))
    say(f"{'made a lake in' if made else 'there is a lake already in'} {lake}")
    if made:
        say(
            f"next: export CTE_LAKE_LAKE={shlex.quote(str(stored(lake)))} && "
            "cte-lake master import CATALOG --target NAME, then cte-lake run FOLDER"
        )


def _written(files: list[Path]) -> str:
    names = " and ".join(str(path) for path in files)
    if len(files) == 1:
        return f"wrote {names}: `(crontab -l; cat {files[0].name}) | crontab -` installs it"
    enable = f"systemctl --user enable --now {files[1].name}"
    return f"wrote {names}: copy them to ~/.config/systemd/user, then `{enable}`"
