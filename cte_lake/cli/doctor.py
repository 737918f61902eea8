"""The command ``doctor``: whether this machine can run the monitor."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING

import typer

from cte_lake.cli.app import LAKE, app, say
from cte_lake.cli.options import JsonOption, LakeOption
from cte_lake.errors import ExitCode, LakeError

if TYPE_CHECKING:
    from cte_lake.lake.stored import StoredLake


@app.command(rich_help_panel=LAKE)
def doctor(lake: LakeOption = None, as_json: JsonOption = False) -> None:
    """Check that this machine can run the monitor: versions, disk, network, permissions, clock, scheduler.

    Prints one line per check: ok, warn or fail, what was found, and what to do. Run it as the user who runs
    the nightly job. Exit code 5 if a check fails; warnings do not count. Without a lake only the machine is
    checked.
    """
    root: StoredLake | None = None
    try:
        from cte_lake.lake.stored import find_lake

        root = find_lake(lake)
    except LakeError as error:
        if lake is not None:
            raise
        say(f"no lake is checked: {error}")
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
