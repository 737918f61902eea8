"""What a pair's page leads to: its other file type, and the pairs before and after it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

from cte_lake.report import tables
from cte_lake.report.gather import Row

Cells = dict[str, Any]
_MODE = ("target", "filter", "length", "flash", "filetype", "chinject", "chip")


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
