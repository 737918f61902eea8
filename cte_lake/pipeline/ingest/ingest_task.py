"""What a worker does with one exposure: read, mask, match, measure, write. Done twice, it is done once."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from time import perf_counter
from typing import Any, Final

import numpy as np
import pyarrow as pa

from cte_lake import __version__
from cte_lake.config.sections import Admission, Align
from cte_lake.errors import Rejected
from cte_lake.filenames import path_text
from cte_lake.frames.chips import orientation
from cte_lake.frames.exposure import Exposure
from cte_lake.frames.fitsfile import ChipImage, read_chip
from cte_lake.frames.masks import bad_pixel_mask, saturated_pixels
from cte_lake.frames.opening import checksum
from cte_lake.frames.pam import area_map_for
from cte_lake.frames.planes import require_first_row, undithered_step
from cte_lake.lake.added_columns import AddedColumn, HeaderColumn
from cte_lake.lake.commit import write_exposure
from cte_lake.lake.paths import Partition
from cte_lake.lake.read import MasterFile, earlier_exposure, read_master
from cte_lake.lake.stored import StoredLake
from cte_lake.masters.project import project
from cte_lake.photometry import PhotometrySettings, PixelData, StarMeasurements, measure
from cte_lake.pipeline.align.alignment_rows import ALIGNED, WcsSolution, alignment_for
from cte_lake.pipeline.crmask.mask_rows import CRMask, mask_for
from cte_lake.pipeline.ingest import exposure_rows as rows
from cte_lake.pipeline.ingest.exposure_rows import keyword_values
from cte_lake.pipeline.ingest.items import Previous
from cte_lake.pipeline.ingest.keys import phot_key
from cte_lake.pipeline.ingest.position import Position, failures, measure_position
from cte_lake.pipeline.ingest.write_added import write_added

_MAX_MASKED: Final = 0.9
"""Share of masked pixels of a chip beyond which nothing of it can be measured."""


@dataclass(frozen=True)
class MeasureTask:
    """One exposure to be measured; all a worker needs, and small enough to be sent."""

    lake: StoredLake
    exposure: Exposure
    target: str
    chip: int
    master: MasterFile
    settings: PhotometrySettings
    settings_hash: str
    rules_hash: str
    aperture: float
    pam_dir: str
    edge_margin: float
    good_bits: int
    use_alignment: bool
    use_crmask: bool
    admission: Admission
    align: Align
    previous: Previous | None
    overwrite: bool
    added: tuple[AddedColumn, ...] = ()
    headers: tuple[HeaderColumn, ...] = ()

    @property
    def partition(self) -> Partition:
        """Where the exposure lies in the lake."""
        return Partition(self.target, self.exposure.proposal, self.exposure.flash, self.exposure.filetype)


@dataclass(frozen=True)
class Outcome:
    """What became of an exposure.

    Attributes
    ----------
    imagename : str
    n_stars : int
        Rows written.
    measured : bool
        False where the photometry was there already and only the exposure row was renewed.
    seconds : float
        Time that the worker took.
    quantum : float or None
        Step to which the pixels were rounded without dither, electrons.
    failed : tuple of str
        Why an added column has no values.
    """

    imagename: str
    n_stars: int
    measured: bool
    seconds: float
    quantum: float | None = None
    failed: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Inputs:
    """What the photometry of an exposure follows from, as found by the worker."""

    checksum: str
    file_size: int
    file_mtime_ns: int
    solution: WcsSolution | None
    crmask: CRMask | None
    phot_key: str


def measure_or_refuse(task: MeasureTask) -> Outcome | Rejected:
    """Measure an exposure; return what refused it, so that no retry is spent on a refusal."""
    try:
        return measure_exposure(task)
    except Rejected as refusal:
        return refusal


def measure_exposure(task: MeasureTask) -> Outcome:
    """Measure an exposure and commit it: photometry first, exposure row last.

    Raises
    ------
    Rejected
        If the file cannot be measured; nothing of it is in the lake then.
    """
    started = perf_counter()
    inputs = _inputs(task)
    partition = task.partition
    old = _measured_before(task, inputs)
    if old is not None:
        _admit(task, inputs, Position.from_row(old))
        write_exposure(task.lake, partition, {**old, **_record(task, inputs)})
        seconds = perf_counter() - started
        return Outcome(task.exposure.imagename, old["n_stars"], False, seconds, old.get("quantum"))
    image = read_chip(task.exposure.path, task.chip, _cards(inputs.solution, task.chip))
    _check_unchanged(task.exposure.path, inputs)
    require_first_row(image.row0, image.chip, task.exposure.imagename)
    pixels = chip_pixels(image, task.exposure.rootname, task.pam_dir, task.good_bits, inputs.crmask)
    stars, measured, position = _measure(task, image, pixels)
    _admit(task, inputs, position, image)
    table = rows.phot_table(task.exposure.imagename, inputs.phot_key, stars, measured, task.settings.radii)
    named = rows.write_phot(task.lake, partition, task.exposure.rootname, inputs.phot_key, table)
    record = _record(task, inputs) | named | rows.summary(measured, task.settings.radii, task.aperture)
    quantum = undithered_step(image.data)
    record |= position.as_columns() | {"orientation": orientation(image.wcs), "quantum": quantum}
    failed = write_added(task.lake, task.added, pixels, table, record)
    write_exposure(task.lake, partition, record)
    seconds = perf_counter() - started
    return Outcome(task.exposure.imagename, table.num_rows, True, seconds, quantum, failed)


def _inputs(task: MeasureTask) -> _Inputs:
    stat = Path(task.exposure.path).stat()
    found = checksum(task.exposure.path)
    solution = alignment_for(task.lake, task.exposure.rootname) if task.use_alignment else None
    solution = solution if solution is not None and solution.status == ALIGNED else None
    crmask = mask_for(task.lake, task.exposure.rootname) if task.use_crmask else None
    key = phot_key(
        checksum=found,
        target=task.target,
        chip=task.chip,
        master_hash=task.master.master_hash,
        settings_hash=task.settings_hash,
        alignment_hash=solution.hash if solution is not None else None,
        crmask_hash=crmask.hash if crmask is not None else None,
    )
    return _Inputs(found, stat.st_size, stat.st_mtime_ns, solution, crmask, key)


def _check_unchanged(path: str, inputs: _Inputs) -> None:
    stat = Path(path).stat()
    if (stat.st_size, stat.st_mtime_ns) != (inputs.file_size, inputs.file_mtime_ns):
        raise Rejected("changed_while_read", f"{path} changed while it was read; ingest it again", "read")


def _measured_before(task: MeasureTask, inputs: _Inputs) -> dict[str, Any] | None:
    """Return an earlier row of the same photometry if that is still whole, None where it must be measured."""
    if task.previous is None or task.overwrite:
        return None
    exposure, key = task.exposure, inputs.phot_key
    old = earlier_exposure(task.lake, task.partition, exposure.imagename, task.settings.mode, key)
    if old is None:
        return None
    place = task.lake / old["phot_file"]
    try:
        # A vacuum that has planned to delete it leaves a file alone whose time has changed.
        place.touch()
    except OSError:
        return None
    if not rows.is_whole(place, old):
        return None
    # Rows written before cte-lake judged positions lack them: measured again.
    return old if old.get("position_stars") is not None else None


def _admit(task: MeasureTask, inputs: _Inputs, position: Position, image: ChipImage | None = None) -> None:
    """Refuse an exposure whose apertures are not on its stars, with offset and remedy."""
    found = list(failures(position, task.admission)) if task.admission.enabled else []
    if not found:
        return
    from cte_lake.pipeline.ingest.off_position import off_position

    if image is None:
        image = read_chip(task.exposure.path, task.chip, _cards(inputs.solution, task.chip))
    raise off_position(task, image, position, found, _catalog(task.master), inputs.solution is not None)


def _cards(solution: WcsSolution | None, chip: int) -> Any:
    return solution.cards[chip] if solution is not None else None


def chip_pixels(
    image: ChipImage, rootname: str, pam_dir: str, good_bits: int, crmask: CRMask | None
) -> PixelData:
    """Return a chip as it is measured: times the pixel area map, with what is masked and why.

    Raises
    ------
    Rejected
        If the cosmic-ray mask is not of this frame, or hardly a pixel is left.
    """
    area_map = area_map_for(image, pam_dir or None)
    cosmic = crmask.array(image.chip) if crmask is not None else None
    if cosmic is not None and cosmic.shape != image.data.shape:
        raise Rejected(
            "crmask_shape",
            f"the cosmic-ray mask of {rootname} has another shape than the frame; "
            "make it again with `cte-lake crmask --overwrite`",
            stage="measure",
        )
    mask = bad_pixel_mask(image.dq, image.err, image.data, cosmic, good_bits=good_bits)
    if mask.mean() > _MAX_MASKED:
        no_error = 1.0 - np.mean((image.err > 0) & (image.err < np.inf))
        raise Rejected(
            "all_masked",
            f"{mask.mean():.0%} of the pixels of chip {image.chip} of {rootname} are masked ({no_error:.0%} "
            "have no positive ERR, the others are flagged in DQ); calibrate or fetch it again",
        )
    return PixelData(image.data * area_map, image.err * area_map, mask, saturated_pixels(image.dq), cosmic)


def _measure(
    task: MeasureTask, image: ChipImage, pixels: PixelData
) -> tuple[pa.Table, StarMeasurements, Position]:
    catalog = _catalog(task.master)
    ra, dec = catalog.column("ra").to_numpy(), catalog.column("dec").to_numpy()
    index, x, y = project(image.wcs, ra, dec, image.data.shape, -task.edge_margin)
    if index.size == 0:
        raise Rejected(
            "no_star",
            f"no star of {task.target}'s master catalog falls on chip {task.chip} of "
            f"{task.exposure.imagename}; its WCS or its target is wrong",
            stage="match",
        )
    measured = measure(pixels, x, y, task.settings)
    position, missed = measure_position(pixels, x, y, measured, task.settings.radii, task.chip)
    follows = task.settings.centring == "watch" and missed.any()
    if follows and not any(failures(position, task.admission)):
        measured = measure(pixels, x + missed[0], y + missed[1], task.settings)
        position = replace(position, recentred=True)
    return catalog.take(pa.array(index)).select(["master_id", "ra", "dec"]), measured, position


@lru_cache(maxsize=4)
def _catalog(master: MasterFile) -> pa.Table:
    return read_master(master)


#: Facts of an exposure that its row has by the same names.
_STATED = (
    "imagename", "rootname", "filetype", "targname", "proposal", "visit", "filter", "exptime", "length",
    "mjd", "chinject", "flash", "flashsta", "flashdur", "flashcur", "shutter", "postarg1", "postarg2",
    "pa_v3", "cal_ver", "pctecorr", "pctetab", "cte_name", "cte_ver", "cal_date", "product", "meanflsh",
)  # fmt: skip


def _record(task: MeasureTask, inputs: _Inputs) -> dict[str, Any]:
    facts = vars(task.exposure)
    solution, crmask = inputs.solution, inputs.crmask
    sky = crmask.sky.get(task.chip) if crmask is not None else None
    return (
        {name: facts[name] for name in _STATED}
        | keyword_values(task.exposure.path, task.chip, task.headers)
        | {
            "path": path_text(task.exposure.path),
            "target": task.target,
            "chip": task.chip,
            "aperture_name": task.exposure.aperture,
            "scan_typ": task.exposure.scan,
            "meandark": facts[f"meandark_{task.chip}"],
            "mdrizsky": facts[f"mdrizsky_{task.chip}"] if sky is None else sky,
            "mode": task.settings.mode,
            "engine": task.settings.engine,
            "settings": rows.settings_json(task.settings.as_dict() | {"good_bits": task.good_bits}),
            "settings_hash": task.settings_hash,
            "rules_hash": task.rules_hash,
            "wcsname": solution.cards[task.chip]["WCSNAME"] if solution is not None else facts["wcsname"],
            "alignment_hash": solution.hash if solution is not None else None,
            "crmask_hash": crmask.hash if crmask is not None else None,
            "pam": "official" if task.pam_dir else "distortion",
            "master_hash": task.master.master_hash,
            "checksum": inputs.checksum,
            "file_size": inputs.file_size,
            "file_mtime_ns": inputs.file_mtime_ns,
            "phot_key": inputs.phot_key,
            "revision": task.previous.revision + 1 if task.previous is not None else 1,
            "withdrawn": False,
            "software": __version__,
        }
    )
