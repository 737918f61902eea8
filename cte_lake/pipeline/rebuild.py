"""Rebuild: which frames of the lake are to be measured again."""

from __future__ import annotations

import sys
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from cte_lake.errors import NothingToDo, UsageError
from cte_lake.lake.read import current_exposures
from cte_lake.lake.selection import Selection
from cte_lake.lake.stored import StoredLake
from cte_lake.names import Names


@dataclass(frozen=True)
class Frames:
    """Frames that are there, and those that the lake names and that are not."""

    paths: tuple[str, ...]
    missing: tuple[str, ...]


def names_in(path: Path) -> list[str]:
    """Return the lines of a list, ``-`` for standard input; blank lines and # comments are left out.

    Raises
    ------
    UsageError
        If it cannot be read.
    """
    try:
        text = sys.stdin.read() if path == Path("-") else path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"the list {path} cannot be read: {error}") from error
    return [line.strip() for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]


def frames_to_rebuild(
    lake: StoredLake, mode: str, names: Collection[str], selection: Selection, configured: Names | None = None
) -> Frames:
    """Find the frames of exposures that the lake has.

    Names are image names, root names (all their file types) or paths; none: every exposure.

    Raises
    ------
    NothingToDo
        If a name is no exposure of the lake, or none is selected.
    """
    rows = [row for row in current_exposures(lake, mode).to_pylist() if not row["withdrawn"]]
    known = {row[column] for row in rows for column in ("imagename", "rootname", "path")}
    selection = selection.resolved((configured or Names()).including(rows))
    # Only what is in the lake can be measured again; a path is taken from any folder.
    wanted = {name if name in known else str(Path(name).absolute()) for name in names}
    if unknown := sorted(
        name for name in names if name not in known and str(Path(name).absolute()) not in known
    ):
        raise NothingToDo(f"{unknown[0]} is not an exposure of the lake in mode {mode}; ingest it first")
    chosen = [
        row["path"]
        for row in rows
        if selection.matches(row)
        and (not wanted or wanted & {row["imagename"], row["rootname"], row["path"]})
    ]
    if not chosen:
        raise NothingToDo(f"nothing to measure again in mode {mode}: {selection.nothing_among(rows)}")
    there = [path for path in chosen if Path(path).is_file()]
    return Frames(tuple(there), tuple(path for path in chosen if path not in set(there)))
