"""Commands that make a lake and fill its bookkeeping: ``init``, ``config``, ``master import``."""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import Annotated

import typer

from cte_lake.cli.app import LAKE, App, app
from cte_lake.cli.options import JsonOption, LakeOption, OneTargetOption, SetOption, settings_of

config_app = App(help="Show the configuration.")
master_app = App(help="Master catalogs: import, build, merge, show.")
app.add_typer(config_app, name="config", rich_help_panel=LAKE)
app.add_typer(master_app, name="master", rich_help_panel=LAKE)


@app.command(rich_help_panel=LAKE)
def init(
    lake: Annotated[
        str,
        typer.Argument(help="Folder of the new lake, or s3://BUCKET/PREFIX.", metavar="LAKE"),
    ],
) -> None:
    """Make a lake: a folder of plain Parquet files and a settings file.

    An existing lake is left unchanged.
    """
    from cte_lake.lake.create import create_lake
    from cte_lake.lake.stored import stored

    made = create_lake(lake)
    typer.echo(f"{'made a lake in' if made else 'there is a lake already in'} {lake}", err=True)
    if made:
        typer.echo(
            f"next: export CTE_LAKE_LAKE={shlex.quote(str(stored(lake)))} && "
            "cte-lake master import CATALOG --target NAME, then cte-lake run FOLDER",
            err=True,
        )


@config_app.command("show")
def config_show(
    lake: LakeOption = None,
    assignments: SetOption = None,
    describe: Annotated[bool, typer.Option("--describe", help="Add the meaning of each key.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Print every value and where it came from: flag, environment, file or default."""
    from cte_lake.config import describe as meaning
    from cte_lake.errors import LakeError
    from cte_lake.lake.stored import find_lake

    try:
        root = find_lake(lake)
    except LakeError:
        if lake is not None:
            raise
        root = None
    settings = settings_of(root, assignments)
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
        float | None,
        typer.Option("--epoch", help="Date of the positions, Julian year (2016.0) or MJD."),
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
