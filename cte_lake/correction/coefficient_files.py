"""Coefficient sets as files: a path, or a name in the lake's ``coefficients`` folder."""

from __future__ import annotations

from pathlib import Path

from cte_lake.errors import CatalogError, NothingToDo, UsageError
from cte_lake.lake.store import Place
from cte_lake.lake.stored import StoredLake
from cte_lake.lake.write import write_bytes
from cte_lake.model.coefficient_text import from_2017, from_toml, to_toml
from cte_lake.model.coefficients import CoefficientSet

FOLDER = "coefficients"
SUFFIX = ".toml"
_FORBIDDEN = frozenset("/\\\0")


def read_coefficients(path: Path | Place) -> CoefficientSet:
    """Read a coefficient set: TOML of ``cte-lake fit``, or a ``*_coeffs.txt`` file of the 2017 monitor.

    Raises
    ------
    CatalogError
        If the file is missing or no coefficient set.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise CatalogError(f"coefficient file {path} cannot be read: {error}") from None
    if path.name.endswith("_coeffs.txt"):
        return from_2017(text, path.name)
    return from_toml(text, str(path))


def path_in_lake(lake: StoredLake, name: str) -> Place:
    """Return where a lake keeps the set of a name.

    Raises
    ------
    UsageError
        If the name cannot be a file's.
    """
    if not name or name.startswith(".") or _FORBIDDEN & set(name):
        raise UsageError(f"coefficient set name {name!r} cannot be a file name")
    return lake / FOLDER / f"{name}{SUFFIX}"


def sets_in_lake(lake: StoredLake) -> list[Place]:
    """Return the files of a lake's coefficient sets, by name."""
    return sorted(path for path in (lake / FOLDER).files() if path.name.endswith(SUFFIX))


def find_coefficients(name: str, lake: StoredLake | None) -> CoefficientSet:
    """Read the set of a path, or of a name in the lake.

    Raises
    ------
    NothingToDo
        If there is no such file and no such set.
    CatalogError
        If it is no coefficient set.
    """
    path = Path(name).expanduser()
    if path.is_file():
        return read_coefficients(path)
    if lake is not None and (kept := path_in_lake(lake, path.name)).is_file() and path.name == name:
        return read_coefficients(kept)
    known = ", ".join(entry.stem for entry in sets_in_lake(lake)) if lake is not None else ""
    where = (
        f"the lake has {known or 'no sets yet'}" if lake is not None else "there is no lake here to look in"
    )
    raise NothingToDo(f"no coefficient set {name!r}: no such file, and {where}")


def write_coefficients(path: Path | Place, coefficients: CoefficientSet, replace: bool = False) -> None:
    """Write a set as TOML, in one step.

    Raises
    ------
    UsageError
        If the file is there with another content and may not be replaced.
    """
    content = to_toml(coefficients).encode()
    if path.exists() and not replace and path.read_bytes() != content:
        raise UsageError(f"{path} exists; use --overwrite to replace it, or --name for another name")
    write_bytes(path, content)
