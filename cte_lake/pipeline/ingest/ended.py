"""Refusals that are over: their file was measured since, or is no longer there."""

from __future__ import annotations

import os
from collections.abc import Collection

from cte_lake.filenames import path_from_text
from cte_lake.lake.evolve import file_schema
from cte_lake.lake.paths import reject_file
from cte_lake.lake.read import reject_rows
from cte_lake.lake.stored import StoredLake
from cte_lake.lake.write import write_table


def end_rejects(lake: StoredLake, measured: Collection[str]) -> int:
    """Empty the reject rows of files that were measured or are gone, and return how many it was.

    A reject's file is replaced by one without rows, not deleted: a reader may have listed it. A file is
    gone only if its folder is there; a disk that is not mounted says nothing.

    Parameters
    ----------
    lake : StoredLake
        The lake.
    measured : collection of str
        Paths, as the lake stores them, whose files are measured as they are now.
    """
    ended = 0
    for row in reject_rows(lake).to_pylist():
        if row["path"] not in measured and not _gone(row["path"]):
            continue
        place = lake / reject_file(str(path_from_text(row["path"])), row["stage"])
        if place.is_file():
            write_table(place, file_schema("rejects").empty_table())
            ended += 1
    return ended


def _gone(text: str) -> bool:
    path = path_from_text(text)
    # A link that leads nowhere is there; a name that no file can have never was.
    return "\0" not in text and not os.path.lexists(path) and path.parent.is_dir()
