"""The pages of pairs: taken over from the last report where all that they show is as it was."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cte_lake.digests import digest
from cte_lake.report import content, tables
from cte_lake.report.frames import frame_cells, take_over
from cte_lake.report.gather import Gathered, Row, with_stars
from cte_lake.report.publish import LATEST
from cte_lake.report.states import settings_state

if TYPE_CHECKING:
    from cte_lake.api import Lake
    from cte_lake.config import Settings

Cells = dict[str, Any]
FOLDER = "pairs"


_MODE = ("target", "filter", "length", "flash", "filetype", "chinject", "chip")


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


def neighbours(pairs: Sequence[Row]) -> Mapping[str, list[Cells]]:
    """Return by name of its page the links of each pair: rel ('prev', 'next' or ''), href and text.

    Before and after are those of the same target and mode in the order of time; the other file type is that
    of the same two exposures.
    """
    found: dict[str, list[Cells]] = {tables.pair_slug(row): [] for row in pairs}
    modes: dict[tuple[Any, ...], list[Row]] = defaultdict(list)
    twins: dict[tuple[str, ...], list[Row]] = defaultdict(list)
    for row in sorted(pairs, key=lambda row: (row["mjd"], row["image_1"])):
        modes[tuple(row[key] for key in _MODE)].append(row)
        twins[tuple(str(row[key]).rpartition("_")[0] for key in ("image_1", "image_2"))].append(row)
    for mode in modes.values():
        for earlier, later in pairwise(mode):
            found[tables.pair_slug(earlier)].append(_link("next", later))
            # The one before first, as one reads.
            found[tables.pair_slug(later)].insert(0, _link("prev", earlier))
    for same in twins.values():
        for row in same:
            found[tables.pair_slug(row)] += [_link("", other) for other in same if other is not row]
    return found


def _link(rel: str, row: Row) -> Cells:
    words = {"prev": "Before", "next": "After"}
    text = (
        f"{words[rel]}: {tables.date_text(row['mjd'])}"
        if rel
        else f"The same as {str(row['filetype']).upper()}"
    )
    return {"rel": rel, "href": f"{tables.pair_slug(row)}.html", "text": text}
