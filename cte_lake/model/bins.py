"""Flux bins and which of them share no flux; light, because every opened lake asks."""

from __future__ import annotations

from collections.abc import Iterable

Bin = tuple[float, float]


def non_overlapping(bins: Iterable[Bin]) -> list[Bin]:
    """Return the largest set of bins that share no flux, the narrower one where two would do.

    A star of a bin that lies inside another bin is in both slopes; fitted together they count it twice.
    Greedy by the upper limit is the optimal schedule of intervals.
    """
    chosen: list[Bin] = []
    for low, high in sorted(set(bins), key=lambda b: (b[1], -b[0])):
        if not chosen or low >= chosen[-1][1]:
            chosen.append((low, high))
    return chosen
