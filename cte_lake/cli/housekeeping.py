"""What the housekeeping commands share: options, durations, and the question before they delete."""

from __future__ import annotations

import re
import sys
from typing import Annotated

import typer

from cte_lake.cli.options import option
from cte_lake.errors import UsageError

HOUSEKEEPING = "Housekeeping"
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
YesOption = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask for confirmation.")]
CopyOption = Annotated[bool, option("--copy", "Copy files even where a hard link would do.")]


def seconds_of(text: str) -> float:
    """Read a duration such as ``7d``, ``12h``, ``30m`` or ``0``."""
    found = re.fullmatch(r"(\d+(?:\.\d+)?)([smhd]?)", text.strip())
    if found is None or (not found[2] and float(found[1]) != 0):
        raise UsageError(f"{text!r} is not a duration; write 7d, 12h, 30m or 0")
    return float(found[1]) * _UNITS.get(found[2], 0)


def agreed(question: str, yes: bool) -> bool:
    """Ask on a terminal; elsewhere only ``--yes`` is agreement, and its lack an error."""
    if yes:
        return True
    if not sys.stdin.isatty():
        raise UsageError(
            f"{question} There is no terminal to ask on; use --yes to agree or --dry-run to see the plan"
        )
    return typer.confirm(question, err=True)
