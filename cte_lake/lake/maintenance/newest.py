"""Exposures that went back: whose newest row is gone, so that an older one counts, or none.

Measuring, restoring, withdrawing and compacting leave an image's newest revision or add one. So one that a
verification has seen and that is no longer there was taken by hand, or by the disk.
"""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Iterator

from cte_lake.errors import LakeError
from cte_lake.lake.maintenance.inventory import Inventory
from cte_lake.lake.maintenance.other_files import Finding
from cte_lake.lake.store import Place

_SEEN = ".cache/newest.json"


def went_back(inventory: Inventory) -> Iterator[Finding]:
    """Yield the images that went back since an earlier verification, and remember today's newest rows.

    An image is reported until it is measured again or its row is back. What was put aside
    (``LAKE/quarantine``) has been reported before.
    """
    place = inventory.root / _SEEN
    rows = {f"{row.imagename} {row.mode}": row for row in inventory.current}
    today = time.time_ns()
    now = {key: (row.revision, today) for key, row in rows.items()}
    for key, (revision, at) in _seen(place).items():
        # What was seen by a clock that was ahead must not outlast a measurement by the right one.
        when = min(at, today)
        row = rows.get(key)
        if row is not None and (row.revision >= revision or inventory.mtime_ns(row) > when):
            continue
        image, mode = key.split(" ", 1)
        if _is_aside(inventory.root / "quarantine", f"{image.removesuffix('.fits')}.{mode}.", revision):
            continue
        now[key] = (revision, when)
        found = "none is left" if row is None else f"revision {row.revision} counts in its place"
        why = (
            f"the newest row of {image} (revision {revision}) is gone, {found}; "
            "copy its file from a snapshot, or measure the image again with `cte-lake ingest --overwrite`"
        )
        yield Finding("lost", "exposures" if row is None else row.file, why)
    # A lake that cannot be written remembers nothing.
    with contextlib.suppress(OSError, LakeError):
        place.write_bytes(json.dumps(now).encode())


def _seen(place: Place) -> dict[str, tuple[int, int]]:
    try:
        found = json.loads(place.read_text())
        return {str(key): (int(revision), int(when)) for key, (revision, when) in found.items()}
    except (OSError, ValueError, TypeError, AttributeError):
        # Not there yet, or damaged: what is there today is remembered.
        return {}


def _is_aside(quarantine: Place, start: str, revision: int) -> bool:
    end = f".r{revision:04d}.parquet"
    names = (listed.path.rpartition("/")[2] for listed in quarantine.listing("exposures", end))
    return any(name.startswith(start) for name in names)
