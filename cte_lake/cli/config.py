"""The commands ``config show`` and ``config default``."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from cte_lake.cli.app import LAKE, App, app
from cte_lake.cli.options import JsonOption, LakeOption, SetOption, lake_or_none, option, settings_of

config_app = App(help="Show the configuration.")
app.add_typer(config_app, name="config", rich_help_panel=LAKE)


@config_app.command("show")
def config_show(
    lake: LakeOption = None,
    assignments: SetOption = None,
    describe: Annotated[bool, option("--describe", "Add the meaning of each key.")] = False,
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
