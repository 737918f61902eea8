"""The pages of pairs: taken over from the last report where all that they show is as it was."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cte_lake.digests import digest
from cte_lake.report import content, tables
from cte_lake.report.frames import frame_cells, take_over
from cte_lake.report.gather import Gathered, with_stars
from cte_lake.report.neighbours import neighbours
from cte_lake.report.publish import LATEST
from cte_lake.report.states import settings_state

if TYPE_CHECKING:
    from cte_lake.api import Lake
    from cte_lake.config import Settings

Cells = dict[str, Any]
FOLDER = "pairs"


@dataclass(frozen=True)
class PairPages:
    """The pages of pairs.

    Attributes
    ----------
    states : mapping of str to str
        What each page follows from, as a digest, by its name.
    due : list of dict
        Content of those that are to be written.
    """

    states: Mapping[str, str]
    due: list[Cells]


def pair_pages(
    lake: Lake,
    settings: Settings,
    gathered: Gathered,
    frames: Mapping[str, Cells],
    last: Mapping[str, Any] | None,
    work: Path,
    shared: tuple[str, str, str],
) -> PairPages:
    """Take over the pages that follow from what those of the last report do; return the others' content.

    A page follows from the rows that it shows, the photometry that its images' rows name, its pictures, its
    neighbours, the settings and `shared`: the lake's name, the mode, and the options of commands. Stars are
    read for the others alone.
    """
    known = {row["imagename"]: row for row in gathered.exposures}
    links, losses_of = neighbours(gathered.pairs), gathered.losses_of
    before: Mapping[str, str] = (last or {}).get("pages", {})
    common, states, due = [settings_state(settings), *shared], {}, []
    (work / FOLDER).mkdir()
    for pair in gathered.pairs:
        slug, images = tables.pair_slug(pair), (pair["image_2"], pair["image_1"])
        rows = [pair, *losses_of.get(pair["pair_id"], ()), *(known[name] for name in images)]
        shown = [repr([*row.values()]) for row in rows]
        states[slug] = digest([common, links[slug], [frames[name] for name in images], shown])
        page = work.parent / LATEST / FOLDER / f"{slug}.html"
        if before.get(slug) == states[slug] and page.is_file():
            take_over(page, work / FOLDER / page.name)
        else:
            due.append(pair)
    starred = with_stars(lake, settings.config, gathered, due)
    return PairPages(states, [_content(pair, starred, known, frames, links, shared[-1]) for pair in due])


def _content(
    pair: Mapping[str, Any],
    gathered: Gathered,
    known: Mapping[str, Mapping[str, Any]],
    frames: Mapping[str, Cells],
    links: Mapping[str, Sequence[Cells]],
    options: str,
) -> Cells:
    shown = [
        frame_cells(known[name], frames[name], gathered.field_stars.get(name))
        for name in (pair["image_2"], pair["image_1"])
    ]
    beside = links[tables.pair_slug(pair)]
    return content.pair_page(pair, gathered, shown, beside, options)
