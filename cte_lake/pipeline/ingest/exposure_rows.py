"""What ingest writes: a star's row, an exposure's row, a refused file's row."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from cte_lake import clock
from cte_lake.errors import LakeError, Rejected
from cte_lake.filenames import path_from_text, path_text
from cte_lake.frames.cards import HeaderCards
from cte_lake.frames.opening import EXTVER_OF_CHIP, open_frame
from cte_lake.lake.added_columns import HEADER_VALUES, HeaderColumn
from cte_lake.lake.commit import write_photometry
from cte_lake.lake.contents import contents_of
from cte_lake.lake.evolve import file_schema
from cte_lake.lake.paths import Partition, reject_file
from cte_lake.lake.place import Named
from cte_lake.lake.read import reject_rows
from cte_lake.lake.schemas import Column, dataset, radius_suffix
from cte_lake.lake.stored import StoredLake
from cte_lake.lake.write import conform, write_table
from cte_lake.photometry import StarMeasurements


def phot_table(
    imagename: str,
    phot_key: str,
    stars: pa.Table,
    measured: StarMeasurements,
    radii: tuple[float, ...],
) -> pa.Table:
    """Lay measurements out as rows of ``phot``.

    Parameters
    ----------
    imagename, phot_key : str
        What ties the rows to their exposure row.
    stars : pyarrow.Table
        The matched stars' ``master_id``, ``ra``, ``dec``, row by row with `measured`.
    measured : StarMeasurements
        Arrays of shape (n,) and (n, len(radii)).
    radii : tuple of float
        Aperture radii, px.
    """
    n = len(measured)
    columns: dict[str, Any] = {
        "imagename": pa.repeat(imagename, n),
        "phot_key": pa.repeat(phot_key, n),
        "master_id": stars.column("master_id"),
        "x": measured.x,
        "y": measured.y,
        "ra": stars.column("ra"),
        "dec": stars.column("dec"),
        "dx": measured.dx,
        "dy": measured.dy,
        "sky": measured.sky,
        "sky_err": measured.sky_err,
        "n_sky": measured.n_sky,
        "masked_light": measured.masked_light,
        "flags": measured.flags,
    }
    for i, radius in enumerate(radii):
        suffix = radius_suffix(radius)
        columns[f"flux_{suffix}"] = measured.flux[:, i]
        columns[f"flux_err_{suffix}"] = measured.flux_err[:, i]
        columns[f"bkg_{suffix}"] = measured.bkg[:, i]
        columns[f"area_{suffix}"] = measured.area[:, i]
    return conform(pa.table(columns), "phot")


def summary(measured: StarMeasurements, radii: tuple[float, ...], aperture: float) -> dict[str, Any]:
    """Summarise an exposure's photometry for its row: sky and numbers of stars."""
    index = radii.index(aperture) if aperture in radii else 0
    sky = measured.sky[np.isfinite(measured.sky)]
    return {
        "n_stars": len(measured),
        "n_measured": int(np.isfinite(measured.flux[:, index]).sum()),
        "sky": float(np.median(sky)) if sky.size else None,
    }


def write_phot(
    lake: StoredLake, partition: Partition, rootname: str, phot_key: str, table: pa.Table
) -> dict[str, str]:
    """Write an exposure's photometry and make sure that every row arrived; return what its row names it by.

    Raises
    ------
    LakeError
        If the file read back does not hold the rows that were written.
    """
    named = write_photometry(lake, partition, rootname, phot_key, table)
    (found,) = contents_of(lake / named["phot_file"])
    if found.rows != table.num_rows:
        raise LakeError(
            f"number of rows in {named['phot_file']} ({found.rows}) does not match the stars matched"
            f" ({table.num_rows})"
        )
    return named


def is_whole(place: Named, row: Mapping[str, Any]) -> bool:
    """Whether a photometry file is what an exposure row names, by its footer."""
    try:
        found = contents_of(place)
    except LakeError:
        return False
    stated = [(each.imagename, each.phot_key, each.rows) for each in found]
    known = None in (row["phot_hash"], found[0].hash) or found[0].hash == row["phot_hash"]
    return stated == [(row["imagename"], row["phot_key"], row["n_stars"])] and known


def write_reject(
    lake: StoredLake,
    path: Path,
    *,
    stage: str,
    reason: str,
    detail: str,
    settings_hash: str,
    imagename: str | None = None,
    target: str | None = None,
    proposal: int | None = None,
) -> None:
    """Put a refused file on record; one that is on record with the same words keeps its time."""
    place = lake / reject_file(str(path), stage)
    try:
        stat = path.stat()
        size, changed = stat.st_size, stat.st_mtime_ns
    except (OSError, ValueError):
        size, changed = None, None
    row: dict[str, Any] = {
        "path": path_text(path),
        "imagename": imagename,
        "stage": stage,
        "reason": reason,
        "detail": detail,
        "target": target,
        "proposal": proposal,
        "settings_hash": settings_hash,
        "file_size": size,
        "file_mtime_ns": changed,
    }
    if place.is_file():
        recorded = pq.read_table(place.source(), partitioning=None).to_pylist()
        # Without rows: the refusal was over.
        if recorded and all(recorded[0][name] == value for name, value in row.items()):
            return
    row["at"] = clock.now()
    table = pa.Table.from_pylist([row], schema=dataset("rejects").schema())
    write_table(place, conform(table, "rejects"))


def settings_json(settings: Mapping[str, Any]) -> str:
    """Write the photometry's settings as they stand in an exposure row."""
    return json.dumps(dict(settings), sort_keys=True)


#: Steps before ingest, whose refusals it does not take back unless it measures the file.
_OTHER_STEPS = frozenset({"align", "crmask"})


def end_rejects(lake: StoredLake, stages: Mapping[str, str | None]) -> int:
    """Empty the reject rows of files whose refusal is over or that are gone, and return how many it was.

    A reject's file is replaced by one without rows, not deleted: a reader may have listed it. A file is
    gone only if its folder is there; a disk that is not mounted says nothing.

    Parameters
    ----------
    lake : StoredLake
        The lake.
    stages : mapping of str to str or None
        Path, as the lake stores it, of each file that was just judged, to the step that refused it; None if
        no step did.
    """
    ended = 0
    for row in reject_rows(lake).to_pylist():
        now = stages.get(row["path"], row["stage"])
        over = now is None or (now != row["stage"] and row["stage"] not in _OTHER_STEPS)
        if not over and not _gone(row["path"]):
            continue
        place = lake / reject_file(str(path_from_text(row["path"])), row["stage"])
        if place.is_file():
            write_table(place, file_schema("rejects").empty_table())
            ended += 1
    return ended


def _gone(text: str) -> bool:
    path = path_from_text(text)
    # A link that leads nowhere is there; a name that no file can have never was.
    return "\0" not in text and not os.path.lexists(path) and path.parent.is_dir()


@cache
def keyword_columns() -> tuple[Column, ...]:
    """Columns whose schema entry names a ``keyword``."""
    return tuple(column for column in dataset("exposures").columns if column.keyword)


def keyword_values(path: str, chip: int, added: Iterable[HeaderColumn]) -> dict[str, Any]:
    """Return what the header of a frame says: the values of such columns, and those that are added as JSON.

    Columns of the schema are looked for in the primary header, then in that of chip 2's SCI, added ones
    where they are said to stand. What is missing, damaged or of another type has no value, and nothing
    is decided by it.
    """
    file = Path(path)
    with open_frame(file, headers_only=True) as hdus:
        headers = {(hdu.name.upper(), hdu.ver): hdu.header for hdu in hdus[1:]}
        first = [hdus[0].header, *(headers[each] for each in (("SCI", 1),) if each in headers)]
        cards = HeaderCards(file.name, first)
        found = {column.name: _typed(cards, column) for column in keyword_columns()}
        said = {}
        for column in added:
            name, _, number = column.extension.partition(",")
            place = ("SCI", EXTVER_OF_CHIP[chip]) if name == "CHIP" else (name, int(number or 0))
            header = first[0] if name == "PRIMARY" else headers.get(place)
            stated = HeaderCards(file.name, [] if header is None else [header])
            said[column.definition] = _typed(stated, column)
    known = {key: value for key, value in said.items() if value is not None}
    return found | {HEADER_VALUES: json.dumps(known, sort_keys=True) if known else None}


def _typed(cards: HeaderCards, column: Column | HeaderColumn) -> Any:
    try:
        if column.type == "string":
            return cards.optional_text(column.keyword) or None
        if column.type == "bool":
            value = cards.raw(column.keyword)
            return value if isinstance(value, bool) else None
        if column.type.startswith("int"):
            return cards.integer(column.keyword)
        return cards.optional_number(column.keyword)
    except Rejected:
        return None
