"""The interactive SQL prompt, with a history that is kept between sessions."""

from __future__ import annotations

import atexit
import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from cte_lake.cli.app import say
from cte_lake.cli.output import Format
from cte_lake.cli.scripts import answer, command_of
from cte_lake.cli.signals import go_on
from cte_lake.errors import CteLakeError

if TYPE_CHECKING:
    from cte_lake.api import Lake

_HINT = (
    "Begin with FROM losses; a semicolon ends a query; .tables lists the views, .schema VIEW the columns of "
    "one; .quit leaves."
)


def ask(lake: Lake, format_: Format | None, limit: int | None = None) -> None:
    """Read queries from the terminal until it ends; an error is printed and the next query is read."""
    _remember()
    say(f"{lake.stored}, read-only. {_HINT}")
    for text in _queries():
        try:
            answer(lake, text, format_, limit=limit)
        except CteLakeError as error:
            say("\n".join([str(error), *getattr(error, "__notes__", ())]))
        except KeyboardInterrupt:
            go_on()
            say("interrupted")


def _queries() -> Iterator[str]:
    """Yield each query as it is completed; Ctrl-C drops the one that is being typed."""
    lines: list[str] = []
    while True:
        try:
            line = input("... " if lines else "cte> ")
        except EOFError:
            say("")
            return
        except KeyboardInterrupt:
            go_on()
            say("")
            lines.clear()
            continue
        is_command = not lines and _is_command(line)
        if is_command and command_of(line)[0] == ".quit":
            return
        lines.append(line)
        text = "\n".join(lines).strip()
        if text.endswith(";") or is_command:
            yield text
        if text.endswith(";") or is_command or not text:
            lines.clear()


def _is_command(line: str) -> bool:
    try:
        return bool(command_of(line)[0])
    except CteLakeError:
        # Reported when it is run.
        return True


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
