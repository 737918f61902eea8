"""What columns mean: ``sql/columns.toml``, the one dictionary of units, UCDs and descriptions.

Datasets and views share it: a column is described once, and again only where it holds something else.
"""

from __future__ import annotations

import functools
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from cte_lake.errors import LakeError
from cte_lake.resources import data_dir

#: Columns that stand for one column a radius, `flux_r03` for `flux_{radius}`.
_PER_RADIUS = re.compile(r"_r(?P<radius>\d\d)$")


@dataclass(frozen=True)
class Meaning:
    """What a column holds.

    Attributes
    ----------
    unit : str
        Unit as astropy reads it; empty for none.
    description : str
        In words.
    ucd : str
        IVOA's Unified Content Descriptor (UCD1+).
    """

    unit: str
    description: str
    ucd: str = ""


def meaning(name: str, where: str) -> Meaning | None:
    """Return what a column holds in a view or dataset; None where the dictionary does not have it."""
    dictionary = _dictionary()
    if (entry := dictionary.get(name)) is not None:
        return _in(entry, where)
    found = _PER_RADIUS.search(name)
    entry = dictionary.get(_PER_RADIUS.sub("_{radius}", name))
    if found is None or entry is None:
        return None
    stated, radius = _in(entry, where), found["radius"]
    return replace(stated, description=stated.description.format(R=int(radius), radius=f"r{radius}"))


def undescribed(name: str, where: str) -> LakeError:
    """Return the error of a column that nothing describes."""
    return LakeError(f"sql/columns.toml does not describe column {name!r} of {where}: add its entry there")


def _in(entry: Mapping[str, Any], where: str) -> Meaning:
    for other in entry.get("else", ()):
        if where in other["in"]:
            entry = {**entry, **other}
    return Meaning(entry.get("unit", ""), entry["description"], entry.get("ucd", ""))


@functools.cache
def _dictionary() -> Mapping[str, Mapping[str, Any]]:
    path = data_dir("sql") / "columns.toml"
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise LakeError(f"{path} cannot be read: {error}") from error
