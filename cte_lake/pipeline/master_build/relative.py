"""Aligning exposures with each other where there is no master catalog to align them to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from cte_lake.arrays import FloatArray
from cte_lake.config.sections import Align
from cte_lake.errors import Rejected
from cte_lake.frames.opening import open_frame
from cte_lake.pipeline.align.align_task import find_sources, search_settings
from cte_lake.pipeline.align.alignment_rows import read_cards
from cte_lake.pipeline.align.detect import Sources
from cte_lake.pipeline.align.fit import fit_wcs, open_wcs
from cte_lake.pipeline.align.gate import check
from cte_lake.pipeline.align.headerlet import make_headerlet
from cte_lake.pipeline.align.match import match_nearest
from cte_lake.pipeline.align.quality import judge
from cte_lake.pipeline.survey import ExposureFile

Cards = Mapping[int, Mapping[str, Any]]


@dataclass
class _Growing:
    """The stars seen so far, on the sky of the first exposure."""

    ra: FloatArray
    dec: FloatArray

    def add(self, ra: FloatArray, dec: FloatArray, tolerance: float) -> None:
        """Add the positions (degrees) that have no star within `tolerance` arcsec yet."""
        scale = np.array([np.cos(np.radians(self.dec.mean())), 1.0]) * 3600
        i, _ = match_nearest(
            np.column_stack([ra, dec]) * scale, np.column_stack([self.ra, self.dec]) * scale, tolerance
        )
        fresh = np.ones(len(ra), bool)
        fresh[i] = False
        self.ra, self.dec = np.append(self.ra, ra[fresh]), np.append(self.dec, dec[fresh])


def align_together(
    exposures: list[ExposureFile], settings: Align
) -> tuple[dict[str, Cards | None], dict[str, Rejected]]:
    """Bring exposures onto the frame of the one with most stars.

    Returns
    -------
    cards : dict of str to cards or None
        By root name the WCS cards of both chips; None for the exposure whose own WCS counts.
    refused : dict of str to Rejected
        Exposures that do not fit the others.

    Raises
    ------
    Rejected
        If a file cannot be read.
    """
    sources = {exposure.rootname: find_sources(exposure, "l", settings) for exposure in exposures}
    order = sorted(exposures, key=lambda e: (-sum(map(len, sources[e.rootname].values())), e.rootname))
    cards: dict[str, Cards | None] = {order[0].rootname: None}
    refused: dict[str, Rejected] = {}
    first = Path(order[0].path)
    with open_frame(first) as hdus:
        seen = _Growing(*_sky_positions(open_wcs(hdus, first.name), sources[order[0].rootname]))
    waiting = order[1:]
    # One that overlaps nothing seen so far may overlap what a later one adds.
    for _ in range(len(waiting)):
        left = []
        for exposure in waiting:
            try:
                cards[exposure.rootname] = _join(exposure, sources[exposure.rootname], seen, settings)
                refused.pop(exposure.rootname, None)
            except Rejected as refusal:
                refused[exposure.rootname] = refusal
                left.append(exposure)
        if len(left) == len(waiting) or not left:
            break
        waiting = left
    return cards, refused


def _join(exposure: ExposureFile, sources: Mapping[int, Sources], seen: _Growing, settings: Align) -> Cards:
    search = search_settings(settings)
    path = Path(exposure.path)
    with open_frame(path) as hdus:
        before = open_wcs(hdus, path.name)
        after, _ = fit_wcs(before, sources, seen.ra, seen.dec, search)
        quality, _ = judge(before, after, sources, seen.ra, seen.dec, search)
        check(quality, settings.gate)
        headerlet = make_headerlet(hdus, after, "CTELAKE-RELATIVE", exposure.target, quality.n_matched)
    seen.add(*_sky_positions(after, sources), tolerance=0.1)
    return read_cards(headerlet)


def _sky_positions(wcs: Mapping[int, Any], sources: Mapping[int, Sources]) -> tuple[FloatArray, FloatArray]:
    places = [wcs[chip].all_pix2world(found.x, found.y, 0) for chip, found in sources.items() if len(found)]
    return np.concatenate([p[0] for p in places]), np.concatenate([p[1] for p in places])
