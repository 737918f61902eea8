"""Commands that make a lake and fill its bookkeeping: ``init``, ``config``, ``master import``."""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import Annotated

import typer

from cte_lake.cli.app import LAKE, App, app
from cte_lake.cli.options import (
    JsonOption,
    LakeOption,
    OneTargetOption,
    SetOption,
    lake_or_none,
    one_of,
    settings_of,
)
from cte_lake.errors import ExitCode
from cte_lake.workflow.schedule import AT

_MONITOR = "Monitor"
config_app = App(help="Show the configuration.")
master_app = App(help="Master catalogs: import, build, merge, show.")
app.add_typer(config_app, name="config", rich_help_panel=LAKE)
app.add_typer(master_app, name="master", rich_help_panel=LAKE)


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
    mail: Annotated[
        str, typer.Option("--mail", help="Address that mail goes to.", rich_help_panel=_MONITOR)
    ] = "",
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
    prints the checks of `doctor` in the end.

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


@config_app.command("show")
def config_show(
    lake: LakeOption = None,
    assignments: SetOption = None,
    describe: Annotated[bool, typer.Option("--describe", help="Add the meaning of each key.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Print every value and where it came from: flag, environment, file or default."""
    from cte_lake.config import describe as meaning

    settings = settings_of(lake_or_none(lake), assignments)
    if as_json:
        rows = [{"key": s.key, "value": s.value, "origin": s.origin} for s in settings]
        typer.echo(json.dumps(rows, indent=2))
        return
    for setting in settings:
        typer.echo(f"{setting.key} = {json.dumps(setting.value)}  # {setting.origin}")
        if describe:
            typer.echo(f"    {meaning(setting.key)}")


@config_app.command("default")
def config_default() -> None:
    """Print the defaults as a TOML file, to copy lines from into a lake's cte_lake.toml."""
    from cte_lake.config import default_text

    typer.echo(default_text(), nl=False)


@master_app.command("import")
def master_import(
    file: Annotated[Path, typer.Argument(help="Catalog: .cat (2017), ECSV, FITS, VOTable, CSV or Parquet.")],
    target: OneTargetOption,
    lake: LakeOption = None,
    epoch: Annotated[
        float | None, typer.Option("--epoch", help="Date of the positions, Julian year (2016.0) or MJD.")
    ] = None,
    assignments: SetOption = None,
) -> None:
    """Import a file as the master catalog of a target.

    Importing the same content again does nothing; another catalog replaces the target's, and the
    next ingest measures what depends on it.
    """
    from cte_lake.lake.stored import find_lake
    from cte_lake.pipeline.master_import import import_master

    root = find_lake(lake)
    done = import_master(root, file, target, settings_of(root, assignments).config, epoch)
    verb = "imported" if done.new else "nothing to do: the lake has these"
    typer.echo(f"{verb} {done.n_stars} stars for {done.target} (revision {done.revision})", err=True)
    if done.left_out:
        typer.echo(f"columns without a place in the lake, left out: {', '.join(done.left_out)}", err=True)
