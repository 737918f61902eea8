"""Keeps a run from depending on settings that others have left in the environment."""

from __future__ import annotations

import os
import sys


def depend_on_nobody() -> None:
    """Set the environment of this process and its workers before any library reads it.

    matplotlib draws into files with Agg, whatever MPLBACKEND a notebook has left behind: a backend that is
    not installed here ends a run at its import. `plot --show` opens a window with the user's own backend.
    """
    if "--show" not in sys.argv:
        os.environ["MPLBACKEND"] = "agg"
