"""Parts what is too large to be sorted at once: all photometry of a large lake would fill the disk."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pyarrow as pa

#: Stars of a piece; one is a row of half a kilobyte.
_STARS = 1_000_000
#: What gives `image_pieces` its images.
IMAGES = "SELECT imagename, n_stars, phot_file FROM exposures ORDER BY imagename"


def image_pieces(images: Iterable[Mapping[str, Any]]) -> Iterator[tuple[str, str]]:
    """Part images, sorted by name, where their stars reach `_STARS`.

    Yields
    ------
    (str, str)
        The name after which a piece begins, and that with which it ends.
    """
    after, last, stars = "", "", 0
    for image in images:
        last, stars = image["imagename"], stars + image["n_stars"]
        if stars >= _STARS:
            yield after, last
            after, stars = last, 0
    if after != last:
        yield after, last


def in_pieces(
    images: Iterable[Mapping[str, Any]],
    query: str,
    params: Mapping[str, Any],
    ask: Callable[[str, Mapping[str, Any]], list[pa.Table]],
) -> Iterator[pa.Table]:
    """Give the rows of a query of photometry, one that ends in a condition, in the order of its key.

    ``ask`` answers a query with parameters, in parts of which the first has no rows; images are as of
    `image_pieces`.
    """
    query += " AND imagename > $piece_after AND imagename <= $piece_last ORDER BY imagename, master_id"
    for number, (after, last) in enumerate(list(image_pieces(images)) or [("", "")]):
        parts = ask(query, {**params, "piece_after": after, "piece_last": last})
        yield from parts[min(number, 1) :]
