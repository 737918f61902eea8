"""What a terminal alone shows: a progress bar, and long answers in $PAGER, else less, as git has it."""

from __future__ import annotations

import contextlib
import os
import shlex
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator


@contextlib.contextmanager
def progress_bar(label: str, wanted: bool) -> Iterator[Callable[[int, int], None] | None]:
    """Yield a function to call with (done, total), or None where no bar is to be shown."""
    if not wanted or not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        ProgressColumn,
        Task,
        TextColumn,
        TimeRemainingColumn,
    )
    from rich.text import Text

    class Rate(ProgressColumn):
        def render(self, task: Task) -> Text:
            speed = task.finished_speed or task.speed
            return Text(f"{speed * 60:.1f}/min" if speed else "-/min")

    columns = (TextColumn(label), BarColumn(), MofNCompleteColumn(), Rate(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task(label, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


def show(content: bytes) -> bool:
    """Show text in the pager where it is longer than the terminal; return whether it was shown.

    An empty PAGER, `cat`, or a program that is not there leave the text to the caller, and so does a terminal
    that cannot move its cursor or at which nobody can type.
    """
    words = shlex.split(os.environ.get("PAGER", "less"))
    if os.environ.get("TERM", "dumb") == "dumb" or not (sys.stdin.isatty() and sys.stdout.isatty()):
        return False
    if not words or words[0] == "cat" or shutil.which(words[0]) is None:
        return False
    if content.count(b"\n") < shutil.get_terminal_size().lines:
        return False
    sys.stdout.flush()
    # Of less: leave a screen that holds all, pass colours, keep the text on the screen; long lines are cut.
    environment = {"LESS": "FRXS", **os.environ}
    with subprocess.Popen(words, stdin=subprocess.PIPE, env=environment) as process:
        # Ctrl-C belongs to the pager while it shows.
        before = signal.signal(signal.SIGINT, signal.SIG_IGN)
        try:
            process.communicate(content)
        finally:
            signal.signal(signal.SIGINT, before)
    return True
