"""The first lock on queries: the whole parse tree of a statement may hold nothing but what reads.

DuckDB takes COPY, INSERT, UPDATE and DELETE within a SELECT, and runs them under EXPLAIN ANALYZE too; so
every node of the tree is looked at, whatever it hangs from. What is allowed is listed; any other node,
table function or setting is refused, and so is a statement that cannot be written as a tree.
"""

from __future__ import annotations

import functools
import itertools
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import duckdb

from cte_lake.errors import UsageError
from cte_lake.filenames import is_text
from cte_lake.views.source import published_views, sql_objects

#: What results of queries show of the session, and values and rows made of nothing.
TABLE_FUNCTIONS = frozenset({
    "range", "generate_series", "unnest", "repeat", "repeat_row", "json_each", "json_tree", "summary",
    "duckdb_columns", "duckdb_constraints", "duckdb_functions",
    "duckdb_keywords", "duckdb_schemas", "duckdb_tables", "duckdb_types", "duckdb_views",
    "pragma_table_info", "pragma_show", "pragma_version", "pg_timezone_names", "icu_calendar_names",
})  # fmt: skip
_NODES = frozenset({"SELECT_NODE", "SET_OPERATION_NODE", "RECURSIVE_CTE_NODE", "CTE_NODE"})
_TABLES = frozenset({
    "BASE_TABLE", "SUBQUERY", "JOIN", "TABLE_FUNCTION", "EXPRESSION_LIST", "EMPTY", "PIVOT", "SHOW_REF",
    "CTE",
})  # fmt: skip
_PARTS = frozenset({
    "ORDER_MODIFIER", "LIMIT_MODIFIER", "LIMIT_PERCENT_MODIFIER", "DISTINCT_MODIFIER", "ORDER_DEFAULT",
    "ASCENDING", "DESCENDING",
})  # fmt: skip
_EXPRESSIONS = frozenset({
    "BETWEEN", "CASE", "CAST", "COLLATE", "COLUMN_REF", "COMPARISON", "CONJUNCTION", "CONSTANT", "DEFAULT",
    "FUNCTION", "LAMBDA", "LAMBDA_REF", "OPERATOR", "PARAMETER", "POSITIONAL_REFERENCE", "STAR", "SUBQUERY",
    "TYPE", "WINDOW",
})  # fmt: skip
#: Functions of single values that change the session, wait, write, or reveal the machine.
FUNCTIONS_REFUSED = frozenset({
    "nextval", "currval", "setval", "setseed", "write_log", "sleep_ms", "pg_sleep", "getenv", "getvariable",
    "set_config", "json_execute_serialized_sql", "json_serialize_plan", "query", "query_table", "glob",
})  # fmt: skip
#: What EXPLAIN and its options are made of.
_EXPLAIN_WORD = re.compile(rb"\w+|[(),]")
#: Table functions of DuckDB that open whatever file their first argument names.
_OF_A_TABLE = frozenset({"histogram", "histogram_values"})
#: Settings that say nothing of paths, users and secrets.
_SETTINGS = frozenset({
    "access_mode", "enable_external_access", "lock_configuration", "max_memory", "memory_limit",
    "max_temp_directory_size", "threads", "timezone", "calendar", "default_order", "default_null_order",
    "search_path", "schema",
})  # fmt: skip
#: ``recurring.name`` is all that a recursive query of that name has found.
_SCHEMAS = frozenset(
    {"", "main", "temp", "memory", "system", "information_schema", "pg_catalog", "recurring"}
)
#: What a name of a table or view of the session never has, and a path or an address does.
_PATH = re.compile(r"[./\\:*?\[\]{}~$]")
#: What ends an expression behind PIVOT ... ON.
_ENDS = frozenset({"USING", "GROUP", "ORDER", "LIMIT", ";", ","})
_ALLOWED = "SELECT, WITH, FROM, PIVOT, DESCRIBE, SUMMARIZE, SHOW and EXPLAIN are allowed"


@dataclass(frozen=True)
class Statement:
    """A statement that only reads.

    Attributes
    ----------
    text : str
        As it was written, without a leading EXPLAIN.
    tree : object
        Its parse tree, of the objects and lists of JSON.
    explain : str
        EXPLAIN and its options, in words of a list; empty without one.
    """

    text: str
    tree: Any
    explain: str = ""

    @property
    def asked(self) -> str:
        """What is run: all that was looked through, and nothing else of what was written."""
        return f"{self.explain} {self.text}" if self.explain else self.text


def statements_in(text: str, connection: duckdb.DuckDBPyConnection | None = None) -> list[duckdb.Statement]:
    """Return the statements of a text; without a connection DuckDB opens a database to find them.

    Raises
    ------
    UsageError
        If it is no text: a terminal passes on bytes that are not UTF-8 as half a character each.
    duckdb.Error
        If it is not understood.
    """
    if not is_text(text):
        raise UsageError("the query holds bytes or half characters that are no text; write it in UTF-8")
    return (connection or duckdb).extract_statements(text)


def check_statement(connection: duckdb.DuckDBPyConnection, query: str) -> Statement:
    """Refuse a query that is not one statement, or that holds anything but reading.

    Raises
    ------
    UsageError
        With what it does that is not allowed.
    duckdb.Error
        If it is not understood.
    """
    statements = statements_in(query, connection)
    if len(statements) != 1:
        count = "no statement" if not statements else f"{len(statements)} statements"
        raise UsageError(f"one query at a time is run, and this holds {count}")
    try:
        kind = statements[0].type.name
    except ValueError as error:
        # Python's enumeration lacks some, such as UPDATE EXTENSIONS.
        raise _not_reading("a statement of another kind") from error
    explain, explained = _explained(query)
    if explain:
        return replace(check_statement(connection, explained), explain=explain)
    if kind not in {"SELECT", "MULTI"}:
        raise _not_reading(f"a {kind} statement")
    # A PIVOT that finds its columns itself is several statements inside; with columns given it is a tree.
    tree = _tree(connection, query if kind == "SELECT" else _with_columns(query))
    if tree is None:
        raise UsageError(f"this statement cannot be analysed, and is not run; {_ALLOWED}")
    for node in nodes_of(tree):
        _check_node(node)
    return Statement(query, tree)


def _explained(query: str) -> tuple[str, str]:
    """Return EXPLAIN with its options, and the statement behind it; EXPLAIN ANALYZE carries that out.

    What is run is put together from these two: nothing that only looks like an option is run unseen.
    """
    raw = query.encode()
    starts = [at for at, kind in duckdb.tokenize(query) if kind != duckdb.token_type.comment]
    words = [_EXPLAIN_WORD.match(raw, at) for at in starts]
    if not words or words[0] is None or words[0][0].upper() != b"EXPLAIN":
        return "", query
    said = [word[0].upper().decode() if word else "" for word in words]
    end = 2 if said[1:2] == ["ANALYZE"] else 1
    if said[1:2] == ["("] and said[2:3] in (["ANALYZE"], ["FORMAT"]):
        end = said.index(")") + 1 if ")" in said else len(said)
    if end >= len(said) or "" in said[:end]:
        raise UsageError("EXPLAIN has no query behind it, or an option that is not known")
    return " ".join(said[:end]), raw[starts[end] :].decode()


def _tree(connection: duckdb.DuckDBPyConnection, query: str) -> Any:
    asked = "SELECT json_serialize_sql($query::VARCHAR)"
    # All rows: an unfinished result would keep the connection from other work.
    ((row,),) = connection.execute(asked, {"query": query}).fetchall()
    said = from_json(row)
    return None if said["error"] else said["statements"]


def from_json(text: str) -> Any:
    """Return what DuckDB says of a query in JSON.

    Raises
    ------
    UsageError
        If it is nested deeper than Python reads, as a sum of 900 terms is: each stands in the next.
    """
    try:
        return json.loads(text)
    except RecursionError:
        raise UsageError(
            "the query is nested too deeply; write IN or a list in place of many terms"
        ) from None


def nodes_of(part: Any) -> Iterator[dict[str, Any]]:
    """Yield every object of a tree, however deep."""
    waiting = [part]
    while waiting:
        at = waiting.pop()
        if isinstance(at, dict):
            yield at
            waiting.extend(at.values())
        elif isinstance(at, list):
            waiting.extend(at)


def _check_node(node: dict[str, Any]) -> None:
    if "class" in node:
        if node["class"] not in _EXPRESSIONS:
            raise _not_reading(f"an expression {node['class']}")
        if "function_name" in node:
            _check_function(node)
        return
    kind = node.get("type")
    # The types of values are objects themselves.
    if not isinstance(kind, str) or "id" in node:
        return
    if kind not in _NODES | _TABLES | _PARTS:
        if kind.endswith("_QUERY_NODE"):
            kind = f"{kind.removesuffix('_QUERY_NODE')} in a SELECT"
        raise _not_reading(kind)
    if kind == "TABLE_FUNCTION":
        _check_table_function(node["function"])
    elif kind in {"BASE_TABLE", "SHOW_REF"}:
        _check_names(node)
    if node.get("show_type") == "SHOW" and str(node["table_name"]).lower() in _all_settings() - _SETTINGS:
        raise _reaching_out("a setting of the machine")


def _check_function(node: dict[str, Any]) -> None:
    name = str(node["function_name"]).lower()
    if name in FUNCTIONS_REFUSED or name.startswith(("read_", "parquet_", "sniff_")):
        raise _reaching_out(f"the function {name}")
    if name == "current_setting":
        named = [one["expression"].get("literal", {}).get("text", "") for one in node["arguments"]]
        if len(named) != 1 or named[0].lower() not in _SETTINGS:
            raise _reaching_out("a setting of the machine")


def _check_table_function(function: dict[str, Any]) -> None:
    name = str(function.get("function_name", "")).lower()
    if name in _OF_A_TABLE:
        given = [(one["name"], one["expression"].get("column_names", ())) for one in function["arguments"]]
        sources = [names for option, names in given if option not in {"bin_count", "technique"}]
        if not sources or any(len(names) != 1 or _PATH.search(names[0]) for names in sources):
            raise _reaching_out(f"what {name} is given for a view")
    elif name in set(published_views()) - _table_macros():
        raise UsageError(f"{name} is a view without parameters: leave the brackets out, and choose by WHERE")
    elif name not in TABLE_FUNCTIONS | _table_macros():
        raise _reaching_out(f"the function {name}")


def _check_names(node: dict[str, Any]) -> None:
    for part in ("catalog_name", "schema_name"):
        if str(node.get(part) or "").lower() not in _SCHEMAS:
            raise _reaching_out(f"{node[part]!r}")
    name = str(node.get("table_name") or "").strip('"')
    if _PATH.search(name):
        raise _reaching_out(f"{name!r}")


@functools.cache
def _all_settings() -> frozenset[str]:
    with duckdb.connect() as connection:
        names = connection.execute("SELECT lower(name) FROM duckdb_settings()").fetchall()
    return frozenset(name for (name,) in names)


@functools.cache
def _table_macros() -> frozenset[str]:
    return frozenset(each.name for each in sql_objects() if each.kind == "table macro")


def _not_reading(what: str) -> UsageError:
    return UsageError(f"a lake is only read here and this is {what}; {_ALLOWED}")


def _reaching_out(what: str) -> UsageError:
    return UsageError(
        f"the query reaches outside the lake, to {what}; its views and stored_... tables are what is read"
    )


def _with_columns(query: str) -> str:
    """Give each PIVOT ... ON a column to make, so that the rest of the statement can be looked through.

    Nothing is taken away: what the query holds besides is in the tree that is checked.
    """
    raw = query.encode()
    starts = [at for at, _ in duckdb.tokenize(query)] + [len(raw)]
    words = [_word(raw[start:end]) for start, end in itertools.pairwise(starts)]
    for begin, end in sorted(_made_columns(words, starts), reverse=True):
        # On a line of its own: a comment may stand in front.
        raw = raw[:begin] + b"(" + raw[begin:end] + b"\n) IN ('x') " + raw[end:]
    return raw.decode()


def _word(token: bytes) -> str:
    return token.decode(errors="replace").split("--")[0].strip().upper()


def _made_columns(words: list[str], starts: list[int]) -> Iterator[tuple[int, int]]:
    """Yield where the expressions behind PIVOT ... ON begin and end that name no columns."""
    for number, word in enumerate(words):
        if word not in {"PIVOT", "PIVOT_WIDER"}:
            continue
        depth, begin, named = 0, -1, False
        for at in range(number + 1, len(words) + 1):
            here = words[at] if at < len(words) else ";"
            ends = depth == 0 and (here in _ENDS or here.startswith(")"))
            if begin >= 0 and ends:
                if not named:
                    yield begin, starts[at]
                begin, named = starts[min(at + 1, len(words))], False
            if ends and here != ",":
                break
            depth += here.count("(") - here.count(")")
            named = named or (begin >= 0 and depth == 0 and here == "IN")
            if begin < 0 and depth == 0 and here == "ON":
                begin = starts[at + 1]
