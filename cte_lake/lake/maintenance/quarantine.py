"""Quarantine: broken files move out of the datasets, so that the rest of the lake can be queried."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from cte_lake.lake.commit import withdraw
from cte_lake.lake.maintenance.inventory import Inventory
from cte_lake.lake.maintenance.other_files import Finding
from cte_lake.lake.read import exposure_rows
from cte_lake.lake.stored import StoredLake

FOLDER = "quarantine"


@dataclass(frozen=True)
class Quarantined:
    """What was quarantined: files, relative to the lake, and the images to be measured again."""

    files: tuple[str, ...]
    withdrawn: tuple[str, ...]


def to_put_aside(findings: Iterable[Finding]) -> list[str]:
    """Return the files among the findings that cannot be read."""
    return sorted({finding.path for finding in findings if finding.check == "readable"})


def quarantine(lake: StoredLake, paths: Iterable[str]) -> Quarantined:
    """Move broken files to ``LAKE/quarantine`` and withdraw the exposures whose photometry is gone.

    A withdrawn exposure is measured again by the next ingest of its frame; one whose exposure row was broken
    is new to it. Nothing is deleted.

    Raises
    ------
    Locked
        If another housekeeping command runs.
    """
    moved = []
    with lake.lease("housekeeping"):
        for path in paths:
            (lake / path).move_to(lake / FOLDER / path)
            moved.append(path)
        lake.write_seeds()
        withdrawn = withdraw_without_photometry(lake)
    return Quarantined(tuple(moved), tuple(withdrawn))


def withdraw_without_photometry(lake: StoredLake) -> list[str]:
    """Take exposures out of the readers' sight whose photometry is gone; return their image names."""
    inventory = Inventory(lake)
    lost = [
        row
        for row in inventory.current
        if not row.withdrawn
        and (path := row.photometry) not in inventory.phot_files
        and not (lake / path).is_file()
    ]
    if not lost:
        return []
    by_identity = {
        (row["imagename"], row["mode"], row["revision"], row["phot_key"]): row
        for row in exposure_rows(lake).to_pylist()
    }
    for row in lost:
        record = by_identity[row.imagename, row.mode, row.revision, row.phot_key]
        record.pop("file")
        withdraw(lake, record)
    return sorted({row.imagename for row in lost})
