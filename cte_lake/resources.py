"""Where the data folders that travel with the package are, which code this is, and the free memory."""

from __future__ import annotations

import functools
import hashlib
import re
from pathlib import Path

#: A lake's settings file; the mark by which a lake is found.
LAKE_FILE = "cte_lake.toml"
#: Environment variable that names the lake.
LAKE_ENV = "CTE_LAKE_LAKE"
_PACKAGE = Path(__file__).resolve().parent
#: What travels with the package and may decide what an answer is or looks like.
_SOURCES = frozenset({".py", ".sql", ".toml", ".html", ".css", ".js"})


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


@functools.cache
def code_digest() -> str:
    """Return a digest of the code, the SQL and the schemas: what is remembered may hold for this code alone.

    The version does not tell two states of a checkout apart.
    """
    found = hashlib.blake2b(digest_size=8)
    for folder in (_PACKAGE, data_dir("sql"), data_dir("catalog_schemas")):
        for path in sorted(folder.rglob("*")):
            if path.suffix in _SOURCES:
                found.update(f"{path.relative_to(folder)}\0".encode())
                found.update(path.read_bytes())
    return found.hexdigest()


def free_memory() -> int | None:
    """Return the bytes of memory that are free for programs; None where the system does not say."""
    try:
        text = Path("/proc/meminfo").read_text(encoding="ascii")
    except OSError:
        return None
    found = re.search(r"MemAvailable:\s+(\d+) kB", text)
    return None if found is None else int(found[1]) * 1024
