"""A report of a lake in which nothing changed: the last one's files, but for what moves with the day."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cte_lake.digests import digest
from cte_lake.report.daily import place_and_options
from cte_lake.report.frames import all_drawn, take_over
from cte_lake.report.provenance import versions
from cte_lake.report.publish import MARK
from cte_lake.report.status import last_tally
from cte_lake.resources import code_digest

if TYPE_CHECKING:
    from cte_lake.api import Lake
    from cte_lake.config import Settings

Cells = dict[str, Any]


def report_state(lake: Lake, settings: Settings, mode: str) -> str:
    """Return a digest of what a report follows from besides the day, the records of the night and the frames.

    These are the lake's files by name, size and time, what the last ingest found, the settings with their
    origins, the code, and versions.
    """
    of_settings = [[one.key, one.value, one.origin] for one in settings]
    of_lake = [*place_and_options(lake, settings, mode), mode, lake.generation, lake.stored.state()]
    tally = last_tally(lake.stored)
    return digest([code_digest(), versions(), of_settings, of_lake, tally and tally["text"]])


def is_as_last(lake: Lake, last: Mapping[str, Any], state: str, folder: Path) -> bool:
    """Whether all that `take_rest` takes over would be made alike, and is still there."""
    if last.get("follows_from") != state or last["made_of"] != file_count(folder):
        return False
    return all_drawn(lake.own("frames").rows(), last["frames"])


def file_count(folder: Path) -> int:
    """Return the number of a report's files besides its data: whether one was lost."""
    # Paths as text: pathlib would take longer over thousands of pages than all else of a quiet night.
    return sum(len(names) for _, _, names in os.walk(folder)) - (folder / MARK).is_file()


def take_rest(folder: Path, work: Path) -> None:
    """Take over the files of the last report that were not made anew."""
    for at, _, names in os.walk(folder):
        place = work / Path(at).relative_to(folder)
        place.mkdir(exist_ok=True)
        for name in set(names) - {MARK, *(path.name for path in place.iterdir())}:
            take_over(Path(at, name), place / name)
