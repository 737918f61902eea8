"""The interactive SQL prompt, with a history that is kept between sessions."""

from __future__ import annotations

import atexit
import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from cte_lake.cli.output import Format, print_table
from cte_lake.errors import UsageError

if TYPE_CHECKING:
    from cte_lake.api import Lake

_HELP = "End a query with a semicolon; \\v lists the views, \\d VIEW its columns, \\q leaves."
_LEAVE = frozenset({"\\q", "exit", "quit"})


def ask(lake: Lake, format_: Format | None) -> None:
    """Read queries from the terminal until it ends; an error is printed and the next query is read."""
    _remember()
    typer.echo(f"{lake.stored}, read-only. {_HELP}", err=True)
    for text in _queries():
        try:
            print_table(lake.sql(_expanded(text)).arrow(), format_)
        except UsageError as error:
            typer.echo(str(error), err=True)
        except KeyboardInterrupt:
            typer.echo("interrupted", err=True)


def _queries() -> Iterator[str]:
    """Yield each query as it is completed; Ctrl-C drops the one that is being typed."""
    lines: list[str] = []
    while True:
        try:
            line = input("... " if lines else "cte> ")
        except EOFError:
            typer.echo("", err=True)
            return
        except KeyboardInterrupt:
            typer.echo("", err=True)
            lines.clear()
            continue
        if not lines and line.strip() in _LEAVE:
            return
        lines.append(line)
        text = "\n".join(lines).strip()
        if text.endswith(";") or text.startswith("\\"):
            yield text
        if text.endswith(";") or text.startswith("\\") or not text:
            lines.clear()


def _expanded(text: str) -> str:
    """Turn a backslash command into its query."""
    word, _, rest = text.partition(" ")
    if word == "\\v":
        from cte_lake.views import published_views

        names = ", ".join(f"('{name}')" for name in published_views())
        return f"SELECT * FROM (VALUES {names}) AS listed (view)"
    if word == "\\d":
        name = rest.strip().rstrip(";")
        if not name.isidentifier():
            raise UsageError("\\d wants the name of a view, such as \\d cte")
        return f"DESCRIBE {name}"
    if word.startswith("\\"):
        raise UsageError(f"{word} is no command. {_HELP}")
    return text


def _remember() -> None:
    """Keep the history of queries in the user's state folder, as the XDG standard has it."""
    try:
        import readline
    except ImportError:
        # Not every Python is built with it; the prompt works without history.
        return
    folder = Path(os.environ.get("XDG_STATE_HOME", Path.home() / ".local" / "state")) / "cte-lake"
    history = folder / "sql_history"
    with contextlib.suppress(OSError):
        folder.mkdir(parents=True, exist_ok=True)
        readline.read_history_file(history)
    readline.set_history_length(1000)
    atexit.register(_save, history)


def _save(history: Path) -> None:
    import readline

    with contextlib.suppress(OSError):
        readline.write_history_file(history)
