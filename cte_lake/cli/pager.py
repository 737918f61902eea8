"""A pager for long answers, at a terminal only: $PAGER, else less, as git has it."""

from __future__ import annotations

import os
import shlex
import shutil
import signal
import subprocess
import sys


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
