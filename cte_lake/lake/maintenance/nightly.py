"""Verification that keeps up: which files are read in full tonight, and what the last verification found."""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import astuple
from typing import Any, NamedTuple

from cte_lake import clock
from cte_lake.errors import LakeError
from cte_lake.lake.contents import UNSAID, Content, contents_in
from cte_lake.lake.seals import checksum
from cte_lake.lake.store import Listed, Place
from cte_lake.lake.stored import StoredLake
from cte_lake.resources import code_digest

_WHEN_READ, _FOOTERS = ".cache/verified.json", ".cache/footers.json"
_LAST = "logs/verify.json"
#: Findings that the record of the last verification lists one by one.
_KEPT_FINDINGS = 50


class Turns:
    """Gives each file its turn to be read in full: those that were not read for longest first.

    Parameters
    ----------
    lake : StoredLake
        The lake; it remembers when each file was read (``.cache``).
    share : float
        Share of the files whose turn it is.
    seconds : float
        Time after which no further file is begun; their turn comes first next time.
    """

    def __init__(self, lake: StoredLake, paths: Collection[str], share: float, seconds: float) -> None:
        self._lake = lake
        self._place = lake / _WHEN_READ
        there = frozenset(paths)
        self._read = {path: seen for path, seen in _read(self._place).items() if path in there}
        # What a clock that was ahead has written would never have its turn again.
        known = {path: seen.when for path, seen in self._read.items() if seen.when <= time.time()}
        self._when = dict.fromkeys(paths, 0.0) | known
        self._count = min(len(paths), int(share * len(paths)) + 1)
        self._end = time.monotonic() + seconds

    def __iter__(self) -> Iterator[str]:
        """Yield the files whose turn it is; `keep` remembers that each was read."""
        oldest = sorted(self._when, key=lambda path: (self._when[path], path))
        for path in oldest[: self._count]:
            if time.monotonic() > self._end:
                break
            yield path
            self._read[path] = self._read.get(path, Seen())._replace(when=time.time())

    def as_it_was(self, path: str) -> bool:
        """Whether a file has the very bytes that this code read in full and found nothing against."""
        known = self._read.get(path, Seen())
        with contextlib.suppress(OSError, LakeError):
            sound = known.sound_in == code_digest()
            return sound and known.checksum == checksum((self._lake / path).read_bytes())
        return False

    def keep(self, sound: Collection[str] = ()) -> None:
        """Remember what was read when, and of which files everything was read and nothing found."""
        if not self._when:
            # It was nobody's turn: what is known of the files stays.
            return
        for path in sound:
            self._read[path] = self._read[path]._replace(sound_in=code_digest())
        # On a read-only lake every night begins with the same files.
        with contextlib.suppress(OSError, LakeError):
            self._place.write_bytes(json.dumps(self._read).encode())

    def changed_since(self, path: str, found: str, recorded: Callable[[], bool]) -> float | None:
        """Return when a file had other bytes though cte-lake has not written it since; None if it had not.

        Nobody has written it where its time is the same, and another program has where it bears no hash.

        Parameters
        ----------
        path : str
            The file, relative to the lake.
        found : str
            The checksum of its bytes. It is remembered, unless it is another's.
        recorded : callable
            Returns whether the file bears a hash of its rows.
        """
        known = self._read.get(path, Seen())
        try:
            mtime_ns = (self._lake / path).head().mtime_ns
        except FileNotFoundError:
            return None
        changed = known.checksum not in ("", found)
        if changed and (known.mtime_ns == mtime_ns or not recorded()):
            return known.when
        self._read[path] = known._replace(checksum=found, mtime_ns=mtime_ns, sound_in="")
        return None


class Footers:
    """Keeps which of the `listed` files had a good footer and what those of photometry say.

    Where `known`, a footer that was good is not read again while name, size and time of its file are the
    same; else all are `unread`. `held` has the contents of photometry files by path.
    """

    def __init__(self, lake: StoredLake, listed: Mapping[str, Listed], known: bool) -> None:
        self._place, self._listed = lake / _FOOTERS, listed
        self._kept = _of_this_code(self._place) if known else {}
        good = {path for path, (found, _) in self._kept.items() if listed.get(path) == found}
        self.unread = listed.keys() - good
        self.held = {path: self._kept[path][1] for path in good if self._kept[path][1]}

    def read(self, path: str, metadata: Any) -> None:
        """Take note of a footer."""
        if path.startswith("phot/"):
            # One that does not say holds nothing that could be counted.
            with contextlib.suppress(*UNSAID):
                self.held[path] = contents_in(metadata)

    def keep(self, broken: Collection[str]) -> None:
        """Remember the files that are not broken; a lake that cannot be written remembers nothing."""
        good = {
            path: (found, self.held.get(path, []))
            for path, found in self._listed.items()
            if path not in broken
        }
        if good != self._kept:
            files = [[*found, [astuple(each) for each in held]] for found, held in good.values()]
            with contextlib.suppress(OSError, LakeError):
                self._place.write_bytes(json.dumps({"code": code_digest(), "files": files}).encode())


def _of_this_code(place: Place) -> dict[str, tuple[Listed, list[Content]]]:
    try:
        kept = json.loads(place.read_text())
        files = kept["files"] if kept["code"] == code_digest() else []
        return {
            path: (Listed(path, size, at), [Content(*each) for each in held])
            for path, size, at, held in files
        }
    except (OSError, ValueError, TypeError, KeyError):
        # Not there, of another version, or damaged: all footers are read.
        return {}


class Seen(NamedTuple):
    """When a file was last read in full (s since 1970), its checksum and time of change then.

    `sound_in` is the version of cte-lake that found nothing against these bytes, '' if none has.
    """

    when: float = 0.0
    checksum: str = ""
    mtime_ns: int = 0
    sound_in: str = ""


def _read(place: Any) -> dict[str, Seen]:
    try:
        found = json.loads(place.read_text())
        return {
            str(path): Seen(float(when), str(sum_), int(at), *map(str, sound_in))
            for path, (when, sum_, at, *sound_in) in found.items()
        }
    except (OSError, ValueError, TypeError, AttributeError):
        # Not there, of an older version, or damaged: all are read as if for the first time.
        return {}


def record_verification(lake: StoredLake, stated: Mapping[str, Any]) -> None:
    """Keep what a verification found, for `status`; a lake that cannot be written keeps nothing."""
    findings = list(stated["findings"])
    at = clock.now().isoformat(timespec="seconds")
    record = {**stated, "at": at, "findings": findings[:_KEPT_FINDINGS], "settings": settings_record(lake)}
    with contextlib.suppress(OSError, LakeError):
        (lake / _LAST).write_bytes(json.dumps(record, indent=1).encode())


def settings_record(lake: StoredLake) -> dict[str, Any]:
    """Return what shows whether the settings file changes and whether anybody wrote it; empty if gone."""
    try:
        content = lake.settings_file.read_bytes()
        return {"checksum": checksum(content), "mtime_ns": lake.settings_file.head().mtime_ns}
    except (OSError, LakeError):
        return {}


def last_verification(lake: StoredLake) -> dict[str, Any] | None:
    """Return what the last verification of a lake found, None where there is no record."""
    try:
        found = json.loads((lake / _LAST).read_text())
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) and {"at", "harmful", "findings"} <= found.keys() else None
