"""Lets the process take no more memory, while queries run, than they may.

DuckDB bounds its tables by itself, but not one huge value, such as ``range(1e10)``.
"""

from __future__ import annotations

import contextlib
import resource
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import duckdb

#: Bytes that an answer, its table on the screen and libraries may take beside a query.
_BESIDE: Final = 2 * 10**9


def memory_limit(connection: duckdb.DuckDBPyConnection) -> int:
    """Return the bytes that queries of a connection may take."""
    asked = "SELECT parse_formatted_bytes(current_setting('memory_limit'))"
    ((allowed,),) = connection.execute(asked).fetchall()
    return int(allowed)


class _Bound:
    """The limit of this process; queries of several threads share the one that allows most."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._queries = 0
        self._before = self._now = (0, 0)

    @contextlib.contextmanager
    def __call__(self, allowed: int) -> Iterator[None]:
        """Bound the process to `allowed` bytes beside what it and libraries take."""
        with self._lock:
            self._take(allowed)
        try:
            yield
        finally:
            with self._lock:
                self._queries -= 1
                if not self._queries:
                    resource.setrlimit(resource.RLIMIT_DATA, self._before)

    def _take(self, allowed: int) -> None:
        if not self._queries:
            self._before = self._now = resource.getrlimit(resource.RLIMIT_DATA)
        least = self._now[0] if self._queries else 0
        limits = [self._before[0]] if self._before[0] not in {resource.RLIM_INFINITY, -1} else []
        # Of Linux; elsewhere the limit that there is stays.
        with contextlib.suppress(FileNotFoundError):
            taken = int(Path("/proc/self/statm").read_text().split()[5]) * resource.getpagesize()
            limits.append(max(least, taken + allowed + _BESIDE))
        self._now = min(limits, default=self._before[0]), self._before[1]
        resource.setrlimit(resource.RLIMIT_DATA, self._now)
        self._queries += 1


#: Called with a number of bytes, bounds the process to them for a block.
bounded_memory: Final = _Bound()
