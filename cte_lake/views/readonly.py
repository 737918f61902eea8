"""Keeps a connection to reading one lake: what is asked is checked, what is reachable is sealed off."""

from __future__ import annotations

import os
import re
import secrets
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import duckdb

from cte_lake.errors import CteLakeError, LakeError, StoreUnavailable, UsageError
from cte_lake.lake.dataset_files import quoted
from cte_lake.lake.index import raised_below
from cte_lake.lake.stored import StoredLake
from cte_lake.views.statements import TABLE_FUNCTIONS, from_json

#: Operators of a plan that only read; scans are named after their table function.
_OPERATORS = frozenset({
    "ARROW_SCAN", "ASOF_JOIN", "BLOCKWISE_NL_JOIN", "CHUNK_SCAN", "COLUMN_DATA_SCAN", "CROSS_PRODUCT",
    "CTE", "CTE_SCAN", "DELIM_SCAN", "DUCKDB_DATABASES", "DUMMY_SCAN", "EMPTY_RESULT",
    "EXPRESSION_SCAN", "FILTER", "HASH_GROUP_BY", "HASH_JOIN", "IE_JOIN", "INDEX_SCAN",
    "INOUT_FUNCTION", "LEFT_DELIM_JOIN", "LIMIT", "LIMITED_DISTINCT", "LIMIT_PERCENT", "NESTED_LOOP_JOIN",
    "ORDER_BY", "PARQUET_SCAN", "PARTITIONED_AGGREGATE", "PERFECT_HASH_GROUP_BY", "PIECEWISE_MERGE_JOIN",
    "PIVOT", "POSITIONAL_JOIN", "POSITIONAL_SCAN", "PROJECTION", "PYTHON_ARROW_SCAN", "READ_PARQUET",
    "RECURSIVE_CTE", "RECURSIVE_CTE_SCAN", "RECURSIVE_KEY_CTE", "RECURSIVE_RECURRING_CTE_SCAN",
    "RECURSIVE_KEY_JOIN", "REC_CTE", "REC_CTE_SCAN", "REC_KEY_CTE", "REC_REC_CTE_SCAN", "RESERVOIR_SAMPLE",
    "RIGHT_DELIM_JOIN", "SAMPLE", "SEQ_SCAN", "STREAMING_LIMIT", "STREAMING_SAMPLE", "STREAMING_WINDOW",
    "TABLE_SCAN", "TOP_N", "UNGROUPED_AGGREGATE", "UNION", "UNNEST", "WINDOW",
})  # fmt: skip
#: What asks for the plan of a query.
_PLANNED = "EXPLAIN (FORMAT json) "
#: What DuckDB puts before the message of a Python function.
_IN_FUNCTION = re.compile(r"^Python exception occurred while executing the UDF: \w+: ")


def connected(threads: int | None, memory_limit: str | None, temp_limit: str) -> duckdb.DuckDBPyConnection:
    """Return a connection in memory; the parameters are those of `cte_lake.open_lake`.

    Raises
    ------
    UsageError
        If DuckDB does not understand one of them.
    """
    config: dict[str, Any] = {
        "temp_directory": str(Path(tempfile.gettempdir()) / f"cte-lake-{os.getpid()}-{secrets.token_hex(4)}"),
        "max_temp_directory_size": temp_limit,
        "python_enable_replacements": False,
        "autoinstall_known_extensions": False,
        "autoload_known_extensions": False,
        # A join with up to so many photometry files lets the scan pass over all others. Each row is compared
        # with each of them: at 1,000, all slopes of 600 pairs took twice as long.
        "dynamic_or_filter_threshold": 128,
    }
    if threads is not None:
        config["threads"] = threads
    if memory_limit is not None:
        config["memory_limit"] = memory_limit
    try:
        return duckdb.connect(":memory:", config=config)
    except duckdb.Error as error:
        raise UsageError(f"threads, memory_limit or temp_limit is not understood: {error}") from error


def seal(connection: duckdb.DuckDBPyConnection, root: StoredLake) -> None:
    """Take from a connection all reach outside a lake, for good.

    The views list and read their files with every query, so the lake's folder stays open; DuckDB knows no
    right to read without one to write. What queries may do there, `check_statement` and `check_plan` decide.
    """
    folders = ", ".join(quoted(folder) for folder in root.query_folders())
    # The order matters: allowed_directories cannot change once external access is off.
    connection.execute(f"SET allowed_directories = [{folders}]")
    connection.execute("SET enable_external_access = false")
    connection.execute("SET lock_configuration = true")


def check_plan(connection: duckdb.DuckDBPyConnection, query: str, params: Mapping[str, Any]) -> None:
    """The second lock: refuse a query whose plan holds an operator that does more than read.

    `check_statement` looks at the query as it is written; this looks at what DuckDB makes of it once views
    and macros are put in. The plan is made, not carried out.

    Raises
    ------
    UsageError
        With the operator.
    duckdb.Error
        If there is no plan: a name that is not known, a type that does not fit.
    """
    rows = connection.execute(f"{_PLANNED}{query}", params or None).fetchall()
    for operator in sorted({name.strip() for _, plan in rows for name in _named(from_json(plan))}):
        if operator not in _OPERATORS and operator.lower() not in TABLE_FUNCTIONS:
            raise UsageError(f"a lake is only read here, and the plan of this query holds {operator}")


def _named(plan: Any) -> Iterator[str]:
    """Yield the operators of a plan."""
    waiting = list(plan)
    while waiting:
        at = waiting.pop()
        yield str(at["name"])
        waiting.extend(at["children"])


def plain_error(error: duckdb.Error) -> CteLakeError:
    """Return a DuckDB error as one sentence, with the place in the query below it where DuckDB names one."""
    if (raised := raised_below(error)) is not None:
        kind, message = raised
        if kind == PermissionError.__name__:
            return UsageError(
                f"the query reaches outside the lake: {message}; only the lake's own files are read"
            )
        return StoreUnavailable(message) if kind == StoreUnavailable.__name__ else LakeError(message)
    first = str(error).strip().split("\n\n")[0]
    text = re.sub(r"^[A-Z][A-Za-z -]*Error: ", "", " ".join(first.split()))
    text = _IN_FUNCTION.sub("", text)
    if isinstance(error, duckdb.PermissionException):
        found = re.search(r'"([^"]+)"', text)
        what = f"{found[1]!r}" if found else "what it names"
        return UsageError(
            f"the query reaches outside the lake, to {what}; only the lake's own files are read"
        )
    if isinstance(error, duckdb.ConnectionException) and "closed" in text:
        return UsageError("this lake is closed; open it again with open_lake")
    if "busy with another call" in text:
        return UsageError("an earlier query of this lake does not end; open the lake again")
    if isinstance(error, duckdb.OutOfMemoryException):
        return UsageError(f"the query needs more memory than it may use: {text}; raise the memory limit")
    failed = UsageError(f"the query failed: {text}")
    if place := _place(str(error)):
        failed.add_note(place)
    return failed


def _place(text: str) -> str:
    """Return DuckDB's line of the query with the mark below the fault; empty where it has none."""
    found = re.search(r"^(LINE \d+: )([^\n]*)\n([ \t]*)\^", text, re.MULTILINE)
    if found is None:
        return ""
    # The plan that is looked at first has words of ours before the query.
    own = found[2].removeprefix(_PLANNED)
    return f"{found[1]}{own}\n{found[3][len(found[2]) - len(own) :]}^"
