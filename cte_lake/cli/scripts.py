"""Queries of a script or a prompt, one after the other, and the dot commands among them."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from cte_lake.cli.app import say
from cte_lake.cli.output import Format, print_table
from cte_lake.cli.rows import print_parts
from cte_lake.errors import UsageError

if TYPE_CHECKING:
    import pyarrow as pa

    from cte_lake.api import Lake
    from cte_lake.config import Config

HELP = """\
.tables          the views
.schema VIEW     the columns of a view, with units and meaning
.help            this
.quit            leave the prompt
A query ends with a semicolon. \\v, \\d VIEW and \\q do the same as .tables, .schema and .quit."""
#: One line that can only be one query.
_ONE_QUERY = re.compile(r"\s*[A-Za-z(](?:(?!--|/\*)[^;])*;?\s*")
#: Rows that a terminal is given unless more are asked for.
_AT_A_TERMINAL = 1000
_SAME = {"\\v": ".tables", "\\d": ".schema", "\\h": ".help", "\\q": ".quit", "exit": ".quit", "quit": ".quit"}


def command_of(text: str) -> tuple[str, str]:
    """Return the dot command that a text is and what follows it; empty for a query."""
    word, _, rest = text.strip().rstrip(";").strip().partition(" ")
    word = _SAME.get(word, word)
    if not word.startswith((".", "\\")) or (word[1:2].isdigit()):
        return "", ""
    if word not in {".tables", ".schema", ".help", ".quit"}:
        raise UsageError(f"{word} is not a command; .help lists them")
    return word, rest.strip()


def statements_of(text: str) -> list[str]:
    """Return the queries and dot commands of a script; a dot command takes a line of its own.

    Raises
    ------
    UsageError
        If there is none, or SQL is not understood; the place is marked.
    """
    if len(text.splitlines()) == 1 and _ONE_QUERY.fullmatch(text):
        # To parse it before it is asked, DuckDB would open a database for it.
        return [text]
    found: list[str] = []
    lines: list[str] = []
    for line in text.splitlines():
        if not _open(lines) and line.lstrip().startswith((".", "\\")) and command_of(line)[0]:
            found += _queries("\n".join(lines))
            lines = []
            found.append(line.strip())
        else:
            lines.append(line)
    found += _queries("\n".join(lines))
    if not found:
        raise UsageError("there is no query to run")
    return found


def _open(lines: list[str]) -> bool:
    """Whether a query has begun and not ended."""
    code = [line.partition("--")[0].strip() for line in lines]
    return bool("".join(code)) and not "".join(code).endswith(";")


def _queries(text: str) -> list[str]:
    import duckdb

    from cte_lake.views.readonly import plain_error
    from cte_lake.views.statements import check_statement, statements_in

    try:
        statements = statements_in(text)
    except duckdb.Error as error:
        raise plain_error(error) from error
    # A single one keeps its own text, comments and places of errors included.
    if len(statements) == 1:
        return [text]
    queries = [statement.query.strip() for statement in statements]
    # A script that must not be run to its end is not begun.
    with duckdb.connect() as connection:
        for query in queries:
            check_statement(connection, query)
    return queries


def answer(
    lake: Lake, text: str, format_: Format | None = None, output: Path | None = None, limit: int | None = None
) -> None:
    """Run a query or a dot command and print its rows.

    A terminal is given at most 1000 rows unless more are asked for.
    """
    word, rest = command_of(text)
    if word == ".help":
        typer.echo(HELP)
        return
    if word == ".quit":
        return
    most = limit
    if limit is None and output is None and format_ in {None, Format.TABLE} and sys.stdout.isatty():
        most = _AT_A_TERMINAL
    if most is None and not word:
        print_parts(lambda take: lake.each_answer(take, text), format_, output)
        return
    table = _listing(word, rest, lake) if word else lake.sql(text).arrow()
    left_out = 0 if most is None else max(table.num_rows - most, 0)
    print_table(table.slice(0, most) if left_out else table, format_, output)
    if left_out:
        hint = f"--limit {table.num_rows} shows all, -o FILE keeps them"
        say(f"{left_out:,} more rows; {hint}")


def _listing(word: str, name: str, lake: Lake) -> pa.Table:
    if word == ".tables":
        return listed_views()
    if not name:
        raise UsageError(".schema wants the name of a view, such as .schema cte")
    return listed_columns(name, lake.settings().config)


def listed_views() -> pa.Table:
    """Return a row for each view: its name, and what one row of it is."""
    import pyarrow as pa

    from cte_lake.views import published_views, sql_objects

    grains = {each.name: each.grain for each in sql_objects()}
    rows = [{"view": view, "one row is": grains[view].split(". ")[0]} for view in published_views()]
    return pa.Table.from_pylist(rows)


def listed_columns(view: str, config: Config) -> pa.Table:
    """Return a row for each column of a view: its name, unit and description."""
    import pyarrow as pa

    from cte_lake.views.phot_columns import columns_in

    rows = [
        {"column": each.name, "unit": each.unit, "description": each.description}
        for each in columns_in(view, config)
    ]
    return pa.Table.from_pylist(rows)
