"""The modules of the commands: all, or for a command that is run its own alone."""

from __future__ import annotations

import importlib
from collections.abc import Sequence

from cte_lake.cli.app import app, reflow_help

#: Modules whose import adds the command or group of their name, in the order of `--help`.
COMMAND_MODULES = (
    "init",
    "config",
    "master",
    "ingest",
    "simulate",
    "demo",
    "fetch",
    "align",
    "crmask",
    "run",
    "refresh",
    "schema",
    "compact",
    "vacuum",
    "verify",
    "snapshot",
    "restore",
    "rebuild",
    "measure",
    "sql",
    "views",
    "audit",
    "export",
    "compare",
    "fit",
    "chips",
    "epoch",
    "pivot",
    "coeffs",
    "coeffs_new",
    "correct",
    "predict",
    "closure",
    "consistency",
    "coverage",
    "plot",
    "report",
    "status",
    "pam",
    "doctor",
)


def load(words: Sequence[str] = ()) -> None:
    """Import what a command line needs; the first call in a process decides.

    What runs as a program needs one command: the import of all would be a quarter of the time of a short one.
    """
    if app.registered_commands or app.registered_groups:
        return
    for name in modules_of(words):
        importlib.import_module(f"cte_lake.cli.{name}")
    reflow_help(app)


def modules_of(words: Sequence[str]) -> list[str]:
    """Return the modules of the command that a command line names; all where it names none."""
    command = next((word for word in words if not word.startswith("-")), "")
    # The group `coeffs` has its commands in two modules.
    return [name for name in COMMAND_MODULES if name.partition("_")[0] == command] or [*COMMAND_MODULES]
