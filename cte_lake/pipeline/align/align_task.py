"""What a worker does with one exposure: detect, fit, judge, keep. Done twice, it is done once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from pyarrow import feather

from cte_lake import __version__
from cte_lake.arrays import FloatArray
from cte_lake.config.sections import Align
from cte_lake.errors import Rejected
from cte_lake.frames.fitsfile import read_chip
from cte_lake.frames.masks import bad_pixel_mask
from cte_lake.frames.opening import checksum, open_frame
from cte_lake.lake.read import MasterFile, read_master
from cte_lake.lake.stored import StoredLake
from cte_lake.pipeline.align.alignment_rows import (
    ALIGNED,
    QUARANTINED,
    SKIPPED,
    WcsSolution,
    read_cards,
    solution_hash,
    write_solution,
)
from cte_lake.pipeline.align.detect import DetectionSettings, Sources, detect_sources
from cte_lake.pipeline.align.fit import SearchSettings, fit_wcs, open_wcs
from cte_lake.pipeline.align.gate import NOTHING_MATCHED, advice, check
from cte_lake.pipeline.align.headerlet import make_headerlet, rename_headerlet
from cte_lake.pipeline.align.quality import Quality, Residuals, judge
from cte_lake.pipeline.survey import ExposureFile

#: Brightest sources that vote in the wide searches.
_VOTERS = 600


@dataclass(frozen=True)
class AlignTask:
    """One exposure to be aligned; all a worker needs, and small enough to be sent."""

    lake: StoredLake
    exposure: ExposureFile
    length: str
    master: MasterFile
    settings: Align
    settings_hash: str
    key: str


@dataclass(frozen=True)
class Outcome:
    """What became of an exposure; the numbers of `quality` are NULL where there was no fit."""

    rootname: str
    status: str
    reason: str
    detail: str
    quality: Quality | None
    search: str | None
    catalog_epoch: float | None


@dataclass(frozen=True)
class Fitted:
    """A solution with all that is known of it."""

    quality: Quality
    residuals: Residuals
    histogram: FloatArray
    headerlet: bytes
    search: str


def align_exposure(task: AlignTask) -> Outcome:
    """Align an exposure and keep the result, a refusal included.

    Raises
    ------
    Rejected
        If the file cannot be read, or lacks what a fit needs; nothing is kept then.
    """
    found = checksum(task.exposure.path)
    sources = find_sources(task.exposure, task.length, task.settings)
    quality = None
    fitted: Fitted | None = None
    try:
        _require_sources(sources)
        fitted = fit_exposure(task, sources)
        quality = fitted.quality
        check(quality, task.settings.gate)
        solution, headerlet = _aligned(task.exposure.rootname, fitted.headerlet)
    except Rejected as refusal:
        if refusal.stage == "read":
            raise
        solution, headerlet = _refused(task, refusal, quality), None
    numbers = {} if quality is None else asdict(quality)
    row = task.exposure.identity() | {
        "engine": "tweakwcs",
        "n_sources": sum(len(found) for found in sources.values()),
        "wcsname": _wcsname(solution.hash) if headerlet is not None else None,
        "search": None if fitted is None else fitted.search,
        "catalog_epoch": catalog_epoch(task.master),
        "master_hash": task.master.master_hash,
        "checksum": found,
        "settings_hash": task.settings_hash,
        "software": __version__,
    }
    matches = None if fitted is None else _matches(fitted)
    write_solution(task.lake, task.key, solution, headerlet, row | numbers, matches)
    return Outcome(
        task.exposure.rootname,
        solution.status,
        solution.reason,
        solution.detail,
        quality,
        row["search"],
        row["catalog_epoch"],
    )


def detection_settings(settings: Align, target: str, filter_: str, length: str) -> DetectionSettings:
    """Return how the stars of an exposure are detected."""
    return DetectionSettings(
        fwhm=settings.fwhm,
        threshold=settings.threshold(target, filter_, length),
        enough_sources=settings.enough_sources,
        max_sources=settings.max_sources,
        peak_max=settings.peak_max,
        sharpness=settings.sharpness,
        roundness=settings.roundness,
    )


def find_sources(exposure: ExposureFile, length: str, settings: Align) -> dict[int, Sources]:
    """Find the stars of both chips of an exposure."""
    detection = detection_settings(settings, exposure.target, exposure.filter, length)
    sources = {}
    for chip in (2, 1):
        image = read_chip(exposure.path, chip)
        bad = bad_pixel_mask(image.dq, image.err, image.data)
        sources[chip] = detect_sources(image.data, bad, detection)
    return sources


def fit_exposure(task: AlignTask, sources: Mapping[int, Sources]) -> Fitted:
    """Fit and judge the WCS of an exposure.

    Raises
    ------
    Rejected
        Stage 'align', if no WCS can be fitted.
    """
    master = read_master(task.master)
    ra, dec = (np.asarray(master.column(name)) for name in ("ra", "dec"))
    path = Path(task.exposure.path)
    with open_frame(path) as hdus:
        before = open_wcs(hdus, path.name)
        solved = _first_that_passes(before, sources, ra, dec, task.settings)
        quality = solved.quality
        headerlet = make_headerlet(hdus, solved.wcs, "CTELAKE", task.exposure.target, quality.n_matched)
    return Fitted(quality, solved.residuals, solved.histogram, headerlet, solved.search)


@dataclass(frozen=True)
class _Solved:
    wcs: Mapping[int, Any]
    quality: Quality
    residuals: Residuals
    histogram: FloatArray
    search: str


def _first_that_passes(
    before: Mapping[int, Any],
    sources: Mapping[int, Sources],
    ra: FloatArray,
    dec: FloatArray,
    settings: Align,
) -> _Solved:
    """Search near the header's WCS, and further where that fails; return the best where no step passes."""
    best: _Solved | None = None
    refusal: Rejected | None = None
    for search in searches(settings, before[2].pscale):
        try:
            after, histogram = fit_wcs(before, sources, ra, dec, search)
        except Rejected as why:
            refusal = why
            continue
        solved = _Solved(after, *judge(before, after, sources, ra, dec, search), histogram, search.name)
        try:
            check(solved.quality, settings.gate)
        except Rejected:
            if best is None or solved.quality.match_fraction > best.quality.match_fraction:
                best = solved
            continue
        return solved
    if best is not None:
        return best
    if refusal is None:
        raise ValueError("there is no search")
    raise refusal


def catalog_epoch(master: MasterFile) -> float | None:
    """Return the date (MJD) for which the positions of a master catalog hold, None where it does not say."""
    table = read_master(master)
    if "epoch" not in table.column_names:
        return None
    epochs = table.column("epoch").drop_null().to_numpy()
    return float(np.median(epochs)) if epochs.size else None


def search_settings(settings: Align) -> SearchSettings:
    """Return the search near the header's WCS: it costs little and nearly always succeeds."""
    return SearchSettings(settings.search_radius, settings.search_rotation, settings.tolerance, settings.fit)


def searches(settings: Align, pixel: float) -> tuple[SearchSettings, ...]:
    """Return the searches in the order in which they are tried, for a pixel of so many arcsec.

    The further ones let the brightest stars vote alone: hundreds of true pairs in one place need no more.
    """
    near = search_settings(settings)
    radius = max(settings.wide_radius / pixel, near.radius)
    wide = replace(near, radius=radius, brightest=_VOTERS, name="wide")
    turned = replace(wide, rotation=max(settings.wide_rotation, near.rotation), name="wide, turned")
    reach = {(search.radius, search.rotation): search for search in (turned, wide, near)}
    return tuple(sorted(reach.values(), key=lambda search: (search.radius, search.rotation)))


def _require_sources(sources: Mapping[int, Sources]) -> None:
    n = sum(len(found) for found in sources.values())
    if n < 4:
        raise Rejected("no_sources", f"{n} stars were found on both chips together", stage="align")


def _aligned(rootname: str, headerlet: bytes) -> tuple[WcsSolution, bytes]:
    cards = read_cards(headerlet)
    content_hash = solution_hash(ALIGNED, cards)
    named = rename_headerlet(headerlet, _wcsname(content_hash))
    return WcsSolution(rootname, ALIGNED, hash=content_hash, cards=read_cards(named)), named


def _wcsname(content_hash: str) -> str:
    return f"CTELAKE-{content_hash[:8]}"


def _refused(task: AlignTask, refusal: Rejected, quality: Quality | None) -> WcsSolution:
    exposure, status = task.exposure, QUARANTINED
    reason = refusal.reason
    detail = f"{refusal}; {advice(exposure, task.settings, reason, quality)}"
    if exposure.chinject != "NONE" and reason in NOTHING_MATCHED:
        status, reason = SKIPPED, "charge_injection"
        detail = f"skipped: CHINJECT={exposure.chinject} and nothing can be matched ({detail})"
    return WcsSolution(exposure.rootname, status, reason, detail, solution_hash(status, {}))


def _matches(fitted: Fitted) -> bytes:
    """Pack the matched stars and the votes for the offset, for the diagnostic figures."""
    residuals = fitted.residuals
    table = pa.table({name: getattr(residuals, name) for name in ("chip", "x", "y", "dx", "dy", "used")})
    votes = fitted.histogram.astype(np.uint32)
    table = table.replace_schema_metadata({"votes": votes.tobytes(), "votes_width": str(votes.shape[1])})
    sink = pa.BufferOutputStream()
    feather.write_feather(table, sink, compression="zstd")
    return bytes(sink.getvalue())
