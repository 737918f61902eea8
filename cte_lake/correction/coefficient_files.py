"""Coefficient sets as files: a path, a name in the lake's ``coefficients`` folder, or a built-in set."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

from cte_lake.errors import CatalogError, NothingToDo, UsageError
from cte_lake.lake.seals import seal_broken, sealed
from cte_lake.lake.store import Place
from cte_lake.lake.stored import StoredLake
from cte_lake.lake.write import write_bytes
from cte_lake.model.coefficient_text import from_2017, from_toml, to_toml
from cte_lake.model.coefficients import CoefficientSet
from cte_lake.names import suggestion
from cte_lake.resources import data_dir

FOLDER = "coefficients"
#: Folder of the sets that travel with the package.
BUILT_IN = "coefficient_sets"
SUFFIX = ".toml"
_KIND = re.compile(r"(.+)\[([^\[\]]+)\]")
_FORBIDDEN = frozenset("/\\\0")


def read_coefficients(path: Path | Place) -> CoefficientSet:
    """Read a coefficient set: TOML of ``cte-lake fit``, or a ``*_coeffs.txt`` file of the 2017 monitor.

    Raises
    ------
    CatalogError
        If the file is missing or no coefficient set.
    """
    try:
        content = path.read_bytes()
        text = content.decode()
    except (OSError, UnicodeDecodeError) as error:
        raise CatalogError(f"coefficient file {path} cannot be read: {error}") from None
    if seal_broken(content):
        raise CatalogError(
            f"coefficient file {path} was changed since it was written: the checksum in its last line is "
            "another's; if you edited it, delete that line"
        )
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


def read_sets(lake: StoredLake) -> tuple[list[CoefficientSet], list[str]]:
    """Read a lake's sets, by name; with a sentence for each file that cannot be read.

    One file that somebody edited must not hide the others.
    """
    sets, problems = [], []
    for path in sets_in_lake(lake):
        try:
            sets.append(read_coefficients(path))
        except CatalogError as error:
            problems.append(str(error))
    return sets, problems


def built_in_sets() -> list[Path]:
    """Return the files of the sets that travel with the package, by name."""
    return sorted(data_dir(BUILT_IN).glob(f"*{SUFFIX}"))


def listed_sets(lake: StoredLake | None) -> tuple[list[dict[str, Any]], list[str]]:
    """Return a row for each set of a lake and each built-in one, and what cannot be read."""
    sets, problems = ([], []) if lake is None else read_sets(lake)
    rows = [_listed(one, "lake") for one in sets]
    return [*rows, *(_listed(read_coefficients(path), "built in") for path in built_in_sets())], problems


def _listed(entry: CoefficientSet, where: str) -> dict[str, Any]:
    validity = entry.validity
    return {
        "name": entry.name,
        "where": where,
        "filetype": validity.filetype,
        "radius": validity.radius,
        "flux_min": validity.flux[0],
        "flux_max": validity.flux[1],
        "mjd_min": validity.mjd[0],
        "mjd_max": validity.mjd[1],
        "terms": len(entry.terms),
        "points": entry.quality.get("points", float("nan")),
        "made": entry.provenance.get("date", ""),
        "source": entry.provenance.get("source", ""),
    }


def find_coefficients(name: str, lake: StoredLake | None) -> CoefficientSet:
    """Read the set of a path, of a name in the lake, or of a built-in one, in this order.

    ``NAME[KIND]`` is the set NAME for one of the targets, filters or lengths that it was fitted to together.

    Raises
    ------
    NothingToDo
        If there is no such file and no such set.
    CatalogError
        If it is no coefficient set.
    UsageError
        If the set has no such kind.
    """
    path = Path(name).expanduser()
    if path.is_file():
        return read_coefficients(path)
    if lake is not None and path.name == name and (kept := path_in_lake(lake, name)).is_file():
        return read_coefficients(kept)
    built_in = {entry.stem: entry for entry in built_in_sets()}
    if name in built_in:
        return read_coefficients(built_in[name])
    if asked := _KIND.fullmatch(name):
        return find_coefficients(asked[1], lake).of_kind(asked[2])
    names = [entry.stem for entry in sets_in_lake(lake)] if lake is not None else []
    known = ", ".join(names)
    where = (
        f"the lake has {known or 'no sets yet'}" if lake is not None else "there is no lake here to look in"
    )
    others = ", ".join(built_in) or "none"
    hint = suggestion(name, [*names, *built_in])
    raise NothingToDo(f"no coefficient set {name!r}: no such file, {where}, and built in are {others}{hint}")


def as_coefficients(
    given: str | os.PathLike[str] | CoefficientSet, lake: StoredLake | None
) -> CoefficientSet:
    """Return a set as it is, or the one of a name or path.

    Raises
    ------
    UsageError
        If it is neither; and the errors of `find_coefficients`.
    """
    if isinstance(given, CoefficientSet):
        return given
    if not isinstance(given, str | os.PathLike):
        said = type(given).__name__
        raise UsageError(f"a {said} is no coefficient set; give a set, or the name or file of one")
    return find_coefficients(os.fspath(given), lake)


def write_coefficients(path: Path | Place, coefficients: CoefficientSet, replace: bool = False) -> None:
    """Write a set as TOML, in one step.

    Raises
    ------
    UsageError
        If the file is there with another content and may not be replaced.
    """
    content = sealed(to_toml(coefficients).encode())
    if path.exists() and not replace and path.read_bytes() != content:
        raise UsageError(f"{path} exists; use --overwrite to replace it, or --name for another name")
    write_bytes(path, content)
