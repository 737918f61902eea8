"""Where the data folders that travel with the package are, and the name of a lake's settings file."""

from __future__ import annotations

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
