"""Where the data folders that travel with the package are, a lake's settings file, and the free memory."""

from __future__ import annotations

import re
from pathlib import Path

#: A lake's settings file; the mark by which a lake is found.
LAKE_FILE = "cte_lake.toml"
#: Environment variable that names the lake.
LAKE_ENV = "CTE_LAKE_LAKE"
_PACKAGE = Path(__file__).resolve().parent


def data_dir(name: str) -> Path:
    """Return the folder ``sql``, ``catalog_schemas`` or ``jobs``.

    In a wheel they lie inside the package; in a checkout beside it.

    Raises
    ------
    FileNotFoundError
        If the installation carries no such folder.
    """
    for folder in (_PACKAGE / "_data" / name, _PACKAGE.parent / name):
        if folder.is_dir():
            return folder
    raise FileNotFoundError(f"the installation of cte-lake lacks its folder {name!r}; install it again")


def free_memory() -> int | None:
    """Return the bytes of memory that are free for programs; None where the system does not say."""
    try:
        text = Path("/proc/meminfo").read_text(encoding="ascii")
    except OSError:
        return None
    found = re.search(r"MemAvailable:\s+(\d+) kB", text)
    return None if found is None else int(found[1]) * 1024
