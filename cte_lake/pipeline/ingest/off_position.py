"""The word on an exposure off its positions: what is wrong, by how much, and the command that mends it."""

from __future__ import annotations

import math
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import numpy as np
import pyarrow as pa
from astropy.wcs.utils import proj_plane_pixel_scales

from cte_lake.config.sections import Admission, Align
from cte_lake.errors import Rejected
from cte_lake.frames.exposure import Exposure
from cte_lake.frames.fitsfile import ChipImage
from cte_lake.frames.masks import bad_pixel_mask
from cte_lake.pipeline.align.align_task import detection_settings
from cte_lake.pipeline.align.detect import detect_sources
from cte_lake.pipeline.align.find_offset import Offset, find_offset
from cte_lake.pipeline.ingest.position import Position


class Placed(Protocol):
    """What is known of an exposure whose position is refused; a task of ingest is one."""

    @property
    def exposure(self) -> Exposure:
        """Its header's facts."""

    @property
    def target(self) -> str:
        """Its target."""

    @property
    def chip(self) -> int:
        """The chip that is measured."""

    @property
    def admission(self) -> Admission:
        """The limits."""

    @property
    def align(self) -> Align:
        """How stars are detected and matched."""

    @property
    def use_alignment(self) -> bool:
        """Whether fitted WCS are used."""


def off_position(
    task: Placed,
    image: ChipImage,
    position: Position,
    failed: Sequence[tuple[str, str]],
    catalog: pa.Table,
    aligned: bool,
) -> Rejected:
    """Say how far the stars are from where they would be measured, and what to do.

    ``failed`` has reason and sentence of each limit that is not kept.
    """
    exposure = task.exposure
    whose = "the fitted WCS" if aligned else "the header's WCS"
    offset = _offset(task, image, position, catalog)
    stated = "; ".join(sentence for _, sentence in failed)
    if offset is None:
        advice = (
            f"and nowhere within {task.admission.search_radius:g} arcsec and half a degree do they fit: is "
            f"it {task.target}, is its catalog the right one, were there stars? `{_command(task, aligned)}` "
            "searches on both chips"
        )
        detail = f"{exposure.imagename} is off its positions on chip {task.chip}: {stated}, {advice}"
        return Rejected(failed[0][0], detail, stage="position")
    if failed[0][0] == "position_unknown" and math.hypot(offset.dx, offset.dy) <= task.admission.max_shift:
        detail = (
            f"{exposure.imagename} on chip {task.chip}: {stated}, though they lie where {whose} puts them: "
            "ERR is too large, or the stars too few; compare ERR with SCI, or lower admission.min_stars"
        )
        return Rejected("position_unknown", detail, stage="position")
    unused = "" if task.use_alignment else " with photometry.use_alignment = true"
    detail = (
        f"the stars of {exposure.imagename} lie {offset} off where {whose} puts the catalog ({stated}); "
        f"align it: `{_command(task, aligned)}`, then ingest it again{unused}"
    )
    return Rejected("off_position", detail, stage="position")


def _offset(task: Placed, image: ChipImage, position: Position, catalog: pa.Table) -> Offset | None:
    if position.found_fraction >= task.admission.min_found:
        # Nearly all are found where they were looked for: no search finds it better.
        x, y = (float(each) for each in position.offset)
        scale = float(np.mean(proj_plane_pixel_scales(image.wcs))) * 3600.0
        n = position.position_stars
        found = round(n * position.found_fraction)
        return Offset(x, y, math.hypot(x, y) * scale, 0.0, found, n)
    detection = detection_settings(task.align, task.target, task.exposure.filter, task.exposure.length)
    bad = bad_pixel_mask(image.dq, image.err, image.data)
    sources = detect_sources(image.data, bad, detection)
    ra, dec = (catalog.column(name).to_numpy() for name in ("ra", "dec"))
    radius = task.admission.search_radius
    return find_offset(sources, image.wcs, ra, dec, image.data.shape, radius, task.align)


def _command(task: Placed, aligned: bool) -> str:
    folder = shlex.quote(str(Path(task.exposure.path).parent))
    chosen = f"--proposal {task.exposure.proposal} --visit {task.exposure.visit}"
    return f"cte-lake align {folder} {chosen}{' --overwrite' if aligned else ''}"
