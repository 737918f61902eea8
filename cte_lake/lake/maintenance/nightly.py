"""Verification that keeps up: which files are read in full tonight, and what the last verification found."""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Collection, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from cte_lake.errors import LakeError
from cte_lake.lake.stored import AnyLake, StoredLake, stored

_WHEN_READ = ".cache/verified.json"
_LAST = "logs/verify.json"
#: Findings that the record of the last verification tells one by one.
_TOLD = 50


class Turns:
    """Gives each file its turn to be read in full: those that were not read for longest first.

    Parameters
    ----------
    lake : StoredLake
        The lake; it remembers when each file was read (``.cache``).
    paths : collection of str
        Its files.
    share : float
        Share of the files whose turn it is.
    seconds : float
        Time after which no further file is begun; their turn comes first next time.
    """

    def __init__(self, lake: StoredLake, paths: Collection[str], share: float, seconds: float) -> None:
        self._place = lake / _WHEN_READ
        self._when: dict[str, float] = dict.fromkeys(paths, 0.0) | {
            path: when for path, when in _read(self._place).items() if path in set(paths)
        }
        self._count = min(len(paths), int(share * len(paths)) + 1)
        self._end = time.monotonic() + seconds

    def __iter__(self) -> Iterator[str]:
        """Yield the files whose turn it is, and remember that each was read."""
        oldest = sorted(self._when, key=lambda path: (self._when[path], path))
        for path in oldest[: self._count]:
            if time.monotonic() > self._end:
                break
            yield path
            self._when[path] = time.time()
        # On a read-only lake every night begins with the same files.
        with contextlib.suppress(OSError, LakeError):
            self._place.write_bytes(json.dumps(self._when).encode())


def _read(place: Any) -> dict[str, float]:
    try:
        found = json.loads(place.read_text())
    except (OSError, ValueError):
        return {}
    return {str(path): float(when) for path, when in found.items()} if isinstance(found, dict) else {}


def record_verification(lake: StoredLake, told: Mapping[str, Any]) -> None:
    """Keep what a verification found, for `status`; a lake that cannot be written keeps nothing."""
    findings = list(told["findings"])
    record = {**told, "at": datetime.now(UTC).isoformat(timespec="seconds"), "findings": findings[:_TOLD]}
    with contextlib.suppress(OSError, LakeError):
        (lake / _LAST).write_bytes(json.dumps(record, indent=1).encode())


def last_verification(named: AnyLake) -> dict[str, Any] | None:
    """Return what the last verification of a lake found, None where there is no record."""
    try:
        found = json.loads((stored(named) / _LAST).read_text())
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) and {"at", "harmful", "findings"} <= found.keys() else None
