"""The files of ``sql/``: what object each makes, and in which order they can be made."""

from __future__ import annotations

import functools
import re
from collections.abc import Collection, Container
from dataclasses import dataclass
from graphlib import TopologicalSorter

from cte_lake.errors import LakeError
from cte_lake.resources import data_dir

_HEAD = re.compile(r"CREATE\s+OR\s+REPLACE\s+(?P<kind>VIEW|MACRO)\s+(?P<name>\w+)")
_TABLE_MACRO = re.compile(r"\)\s*AS\s+TABLE\b")
_COMMENT = re.compile(r"--[^\n]*")
_LITERAL = re.compile(r"'(?:[^']|'')*'")
#: A comment that begins in no quotes, or what is in quotes.
_PASSED_OVER = re.compile(r"(--[^\n]*|/\*.*?\*/)|'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"", re.DOTALL)
_WORD = re.compile(r"\b[a-z_][a-z0-9_]*\b")
#: What is read or called; a column may have the name of a view.
_USED = re.compile(r"\b(?:FROM|JOIN)\s+([a-z_][a-z0-9_]*)\b|\b([a-z_][a-z0-9_]*)\s*\(")

#: Each dataset of the lake is a view of this name and the dataset's.
STORED_PREFIX = "stored_"
#: Words of queries that list what there is.
_CATALOG = frozenset({"show", "describe", "information_schema", "sqlite_master", "sqlite_schema"})
#: The short form of DESCRIBE begins a statement; behind a column it only says how rows are sorted.
_DESC = re.compile(r"(?:^|[(;]|\bexplain|\banalyze)\s*desc\b")
#: Views that others are built on and that are no part of the published set.
INTERNAL = frozenset(
    {"bright_stars", "chip_exposures", "file_pairs", "measured_stars", "pairable", "pairings", "shape_loss"}
)
#: Views of one generation at a time, the newest unless another is asked for.
ONE_GENERATION = frozenset(
    {"cte_vs_flash", "cte_vs_flux", "cte_vs_time", "flux_background", "flux_background_means", "losses"}
)


@dataclass(frozen=True)
class Key:
    """The key of a view's rows, and the audit that checks it."""

    columns: tuple[str, ...]
    audit: str


@dataclass(frozen=True)
class SqlObject:
    """One file of ``sql/``: a view, a table macro or a scalar macro.

    Attributes
    ----------
    name : str
        The object's and the file's name.
    kind : str
        ``view``, ``table macro`` or ``macro``.
    text : str
        The statement with its comments.
    needs : frozenset of str
        Other objects that the statement reads or calls.
    reads : frozenset of str
        Datasets of the lake that the statement reads itself.
    """

    name: str
    kind: str
    text: str
    needs: frozenset[str]
    reads: frozenset[str]

    @property
    def grain(self) -> str:
        """What one row is, from the head comment; empty for a scalar macro."""
        found = re.search(r"^-- Grain: (.*?)(?=\n(?!-- )|\n-- [A-Z])", self.text, re.MULTILINE | re.DOTALL)
        return re.sub(r"\s*\n-- ", " ", found[1]) if found else ""

    @property
    def key(self) -> Key | None:
        """The key, from the head comment ``-- Key: columns (audit: name)``; None where none is stated."""
        found = re.search(
            r"^-- Key: (?P<columns>[\w, ]+) \(audit: (?P<audit>\w+)\)$", self.text, re.MULTILINE
        )
        return Key(tuple(found["columns"].split(", ")), found["audit"]) if found else None

    @property
    def order(self) -> str:
        """What gives the rows one order: the key's columns, else all."""
        return "ALL" if self.key is None else ", ".join(self.key.columns)


@functools.cache
def sql_objects() -> tuple[SqlObject, ...]:
    """Return the objects of ``sql/``, each after those that it is built on.

    Raises
    ------
    LakeError
        If a file does not make the object that it is named after.
    """
    folder = data_dir("sql")
    texts = {path.stem: path.read_text(encoding="utf-8") for path in sorted(folder.glob("*.sql"))}
    objects = {}
    for name, text in texts.items():
        code = _COMMENT.sub("", text)
        head = _HEAD.search(code)
        if head is None or head["name"] != name:
            raise LakeError(f"sql/{name}.sql does not create an object called {name}; one object a file")
        kind = "view" if head["kind"] == "VIEW" else "table macro" if _TABLE_MACRO.search(code) else "macro"
        code = _LITERAL.sub("", code)
        used = frozenset(read or called for read, called in _USED.findall(code))
        words = frozenset(_WORD.findall(code))
        objects[name] = SqlObject(name, kind, text, used & texts.keys() - {name}, stored_in(words))
    order = TopologicalSorter({each.name: each.needs for each in objects.values()}).static_order()
    return tuple(objects[name] for name in order)


def built_from(names: Collection[str], empty: Container[str] = ()) -> tuple[SqlObject, ...]:
    """Return the named objects with all that they are built on (`empty`: on nothing), as in `sql_objects`."""
    wanted = set(names)
    for each in reversed(sql_objects()):
        if each.name in wanted and each.name not in empty:
            wanted |= each.needs
    return tuple(each for each in sql_objects() if each.name in wanted)


def named_in(query: str) -> frozenset[str] | None:
    """Return the words of a query that may name views, macros and datasets; None if it may mean any of them.

    A word in a comment or in quotes counts as a name: too many are harmless, one too few is an error. A query
    lists what there is by its code alone: to make all views costs a second.
    """
    lower = query.lower()
    code = _PASSED_OVER.sub(lambda found: " " if found[1] else found[0], lower)
    asked = frozenset(_WORD.findall(code))
    if (
        asked & _CATALOG
        or _DESC.search(code)
        or any(word.startswith(("duckdb_", "pg_", "pragma_")) for word in asked)
    ):
        return None
    return frozenset(_WORD.findall(lower))


def stored_in(words: Collection[str]) -> frozenset[str]:
    """Return the datasets whose views ``stored_<dataset>`` are among some words."""
    return frozenset(word.removeprefix(STORED_PREFIX) for word in words if word.startswith(STORED_PREFIX))


@functools.cache
def published_views() -> tuple[str, ...]:
    """Names that can be read as a table: views, and table macros with the view of their default radius."""
    return tuple(
        sorted(each.name for each in sql_objects() if each.kind != "macro" and each.name not in INTERNAL)
    )
