"""Keeps a connection to reading one lake: what is asked is checked, what is reachable is sealed off."""

from __future__ import annotations

import re

import duckdb

from cte_lake.errors import CteLakeError, LakeError, StoreUnavailable, UsageError
from cte_lake.lake.dataset_files import quoted
from cte_lake.lake.index import raised_below
from cte_lake.lake.stored import StoredLake

#: What leads an EXPLAIN; the statement behind it is checked too, since EXPLAIN ANALYZE carries it out.
_EXPLAIN = re.compile(
    r"(?:\s|--[^\n]*\n|/\*.*?\*/)*EXPLAIN\b(?:\s+ANALYZE\b|\s*\([^)]*\))?", re.IGNORECASE | re.DOTALL
)
#: What DuckDB puts before the message of a Python function.
_IN_FUNCTION = re.compile(r"^Python exception occurred while executing the UDF: \w+: ")
_ALLOWED = "SELECT, WITH, FROM, DESCRIBE, SUMMARIZE, SHOW and EXPLAIN are allowed"


def seal(connection: duckdb.DuckDBPyConnection, root: StoredLake) -> None:
    """Take from a connection all reach outside a lake, for good.

    Reading stays possible below `root`: the views list and read their files with every query. Writing
    there is kept out by `checked_query`; DuckDB knows no right to read without one to write.
    """
    folders = ", ".join(quoted(folder) for folder in root.query_folders())
    # The order matters: allowed_directories cannot change once external access is off.
    connection.execute(f"SET allowed_directories = [{folders}]")
    connection.execute("SET enable_external_access = false")
    connection.execute("SET lock_configuration = true")


def checked_query(query: str) -> str:
    """Return a query that is one statement and only reads.

    Raises
    ------
    UsageError
        If it is empty, not understood, more than one statement, or does anything but read.
    """
    try:
        statements = duckdb.extract_statements(query)
    except duckdb.Error as error:
        raise plain_error(error) from error
    if len(statements) != 1:
        count = "no statement" if not statements else f"{len(statements)} statements"
        raise UsageError(f"one query at a time is run, and this holds {count}")
    kind = statements[0].type.name
    if kind == "EXPLAIN":
        checked_query(_EXPLAIN.sub("", query, count=1))
    elif kind != "SELECT":
        raise UsageError(f"a lake is only read here and this is a {kind} statement; {_ALLOWED}")
    return query


def plain_error(error: duckdb.Error) -> CteLakeError:
    """Tell a DuckDB error in one sentence."""
    if (raised := raised_below(error)) is not None:
        kind, told = raised
        if kind == PermissionError.__name__:
            return UsageError(
                f"the query reaches outside the lake: {told}; only the lake's own files are read"
            )
        return StoreUnavailable(told) if kind == StoreUnavailable.__name__ else LakeError(told)
    first = str(error).strip().split("\n\n")[0]
    text = re.sub(r"^[A-Z][A-Za-z -]*Error: ", "", " ".join(first.split()))
    text = _IN_FUNCTION.sub("", text)
    if isinstance(error, duckdb.PermissionException):
        found = re.search(r'"([^"]+)"', text)
        what = f"{found[1]!r}" if found else "what it names"
        return UsageError(
            f"the query reaches outside the lake, to {what}; only the lake's own files are read"
        )
    if isinstance(error, duckdb.OutOfMemoryException):
        return UsageError(f"the query needs more memory than it may use: {text}; raise the memory limit")
    return UsageError(f"the query failed: {text}")
