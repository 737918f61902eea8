"""Keeps a run from depending on other people's settings of matplotlib, Dask and Jupyter."""

from __future__ import annotations

import os

#: The backend that the user asked for; only `plot --show` opens a window with it.
_USERS_BACKEND = "CTE_LAKE_USERS_MPLBACKEND"


def depend_on_nobody() -> None:
    """Set the environment of this process and its workers before any library reads it.

    matplotlib draws into files with Agg, whatever MPLBACKEND a notebook has left behind: a backend that is
    not installed here would end the run at its import. Dask reads no configuration file.
    """
    backend = os.environ.get("MPLBACKEND")
    if backend and backend.lower() != "agg":
        os.environ.setdefault(_USERS_BACKEND, backend)
    os.environ["MPLBACKEND"] = "agg"


def users_backend() -> str | None:
    """Return the matplotlib backend that the user's environment names."""
    return os.environ.get(_USERS_BACKEND)
