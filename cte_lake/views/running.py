"""Runs a query so that Ctrl-C and a limit of time end it at once, memory is bounded, and no value is lost."""

from __future__ import annotations

import contextlib
import os
import re
import resource
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeVar

import duckdb

from cte_lake.errors import UsageError
from cte_lake.views.columns import ViewColumn, with_notes
from cte_lake.views.readonly import plain_error

if TYPE_CHECKING:
    import pyarrow as pa

T = TypeVar("T")
#: Which connection a thread asks by (`asking`).
_HERE = threading.local()
#: Longest time (s) that a query is given to end once it was told to; one on a dead disk never does.
_PATIENCE = 30.0
#: Time (s) after which it is told so again.
_AGAIN = 0.05
#: Time (s) between two looks at whether somebody wants the query to end.
_LOOK = 0.2
#: DuckDB looks for an interrupt between pieces of work, of which a plan is one, and a function of one value.
_STUCK = (
    "DuckDB plans it, or makes one huge value in it, and cannot be ended there; open the lake again, "
    "and ask for less"
)
#: Rows of a part of an answer.
_PART = 100_000
#: Types whose Arrow form says less: a sign, a zone, the number of bits is lost, or only bytes come.
_AS_TEXT = re.compile(r"\b(?:UHUGEINT|TIME WITH TIME ZONE|BIT|BIGNUM|VARIANT|GEOMETRY)\b")
#: Bytes that an answer, its table on the screen and libraries may take beside a query.
_BESIDE: Final = 2 * 10**9


def readable(relation: duckdb.DuckDBPyRelation) -> duckdb.DuckDBPyRelation:
    """Return a relation that Arrow can hold; values that it would not come as DuckDB writes them."""
    kinds = dict(zip(relation.columns, map(str, relation.types), strict=True))
    texts = ['"' + name.replace('"', '""') + '"' for name, kind in kinds.items() if _AS_TEXT.search(kind)]
    if texts and len(kinds) == len(relation.columns):
        replaced = ", ".join(f"CAST({name} AS VARCHAR) AS {name}" for name in texts)
        return relation.project(f"* REPLACE ({replaced})")
    return relation


def to_arrow(relation: duckdb.DuckDBPyRelation, notes: Callable[[], Mapping[str, ViewColumn]]) -> pa.Table:
    """Return all rows of a relation, with what is known of their columns."""
    return with_notes(relation.to_arrow_table(), notes())


def parts_of(relation: duckdb.DuckDBPyRelation) -> Iterator[pa.Table]:
    """Give the rows of a relation in parts, which nothing holds together; the first has no rows."""
    import pyarrow as pa

    reader = relation.to_arrow_reader(_PART)
    yield pa.Table.from_batches([], reader.schema)
    for batch in reader:
        yield pa.Table.from_batches([batch])


class Turn:
    """Who has it uses a connection alone, and meets DuckDB's errors as one sentence.

    DuckDB refuses a second thread; here it waits for its turn.
    """

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self._connection = connection
        self._lock = threading.RLock()
        self._process = os.getpid()

    def __enter__(self) -> None:
        # A fork has neither DuckDB's threads nor, perhaps, who would give back the lock.
        if os.getpid() != self._process:
            raise UsageError("this lake was opened by another process; open it in this one, too")
        # The thread that asks has the connection, and the one that has the lock waits for it.
        if getattr(_HERE, "asking", None) is self._connection:
            raise UsageError("this lake hands over the rows of a query; ask it again when they are taken")
        self._lock.acquire()

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        self._lock.release()
        if isinstance(error, duckdb.Error):
            raise plain_error(error) from error
        if isinstance(error, MemoryError):
            raise UsageError(
                "the answer of the query needs more memory than it may use; ask for less, or raise the limit"
            ) from error

    def close(self) -> None:
        """Close the connection; a query of another thread is ended before.

        One whose query does not end, as on a dead disk, ends with the process.
        """
        if os.getpid() != self._process:
            return
        end = time.monotonic() + _PATIENCE
        while not self._lock.acquire(timeout=_AGAIN):
            if time.monotonic() > end:
                return
            self._connection.interrupt()
        with contextlib.suppress(duckdb.ResourceInUseException):
            self._connection.close()
        self._lock.release()


class Steady:
    """Called, lets the queries of a block see the exposures that were taken up last: none lists the files.

    Attributes
    ----------
    blocks : int
        Blocks that are under way.
    """

    def __init__(self) -> None:
        self.blocks = 0

    @contextlib.contextmanager
    def __call__(self) -> Iterator[None]:
        """Begin such a block."""
        self.blocks += 1
        try:
            yield
        finally:
            self.blocks -= 1


def _outlast(connection: duckdb.DuckDBPyConnection, done: threading.Event, asking: threading.Thread) -> None:
    """End a query and wait for that, however often Ctrl-C is pressed meanwhile.

    It is interrupted again and again: DuckDB forgets an interrupt that comes before the query began. A thread
    that is within DuckDB when Python ends aborts the process. (A join that is interrupted takes the thread
    for dead.)
    """
    end = time.monotonic() + _PATIENCE
    while not done.is_set() and time.monotonic() < end:
        with contextlib.suppress(KeyboardInterrupt):
            connection.interrupt()
            done.wait(_AGAIN)
    if done.is_set():
        with contextlib.suppress(KeyboardInterrupt):
            asking.join()


def run(connection: duckdb.DuckDBPyConnection, asked: Callable[[], T], timeout: float | None) -> T:
    """Return what `asked` returns, which uses the connection.

    DuckDB looks for a signal only while it begins a query, not while rows are fetched. So another thread
    asks, and this one waits, free to interrupt.

    Raises
    ------
    UsageError
        If it took longer than `timeout`.
    """
    done = threading.Event()
    answers: list[T] = []
    errors: list[BaseException] = []

    def ask() -> None:
        _HERE.asking = connection
        try:
            answers.append(asked())
        except BaseException as error:
            errors.append(error)
        finally:
            done.set()

    late = False
    asking = threading.Thread(target=ask, name="cte-lake query", daemon=True)
    try:
        asking.start()
        end = float("inf") if timeout is None else time.monotonic() + timeout
        # One long wait would not see an interrupt that came to another thread.
        while not late and not done.wait(min(_LOOK, max(end - time.monotonic(), 0))):
            late = time.monotonic() >= end
    finally:
        _outlast(connection, done, asking)
    if late:
        ended = "was ended; allow it a longer timeout" if done.is_set() else f"goes on: {_STUCK}"
        raise UsageError(f"the query took longer than {timeout:g} s and {ended}")
    if errors:
        raise errors[0]
    return answers[0]


def memory_limit(connection: duckdb.DuckDBPyConnection) -> int:
    """Return the bytes that queries of a connection may take."""
    asked = "SELECT parse_formatted_bytes(current_setting('memory_limit'))"
    ((allowed,),) = connection.execute(asked).fetchall()
    return int(allowed)


class _Bound:
    """The limit of this process; queries of several threads share the one that allows most.

    DuckDB bounds its tables by itself, but not one huge value, such as ``range(1e10)``.
    """

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
