"""The SQL of kept rows: a view as the union of kept rows and of its definition over what is missing.

Each kind has a schema ``kept_<view>`` in the connection, where the definition of ``sql/`` stands once more,
over sources of its own: ``pairings``, ``stored_phot`` and ``flux_bins`` are all of the lake's, or those of
the table ``anew`` alone. ``held`` has kept rows as they were read, ``shown`` those that hold.
"""

from __future__ import annotations

import platform
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

import duckdb

from cte_lake.detector import DETECTOR
from cte_lake.digests import digest
from cte_lake.views.columns import view_columns
from cte_lake.views.source import SqlObject, sql_objects

#: What a definition stands on, and what stands in its place where only what is missing is measured.
_SOURCES = ("pairings", "stored_phot", "flux_bins")
#: Where the views of ``sql/`` are, and what they read.
OWN_SCHEMA = "main"
#: Settings that stand in tables of their own.
_BINS = ("loss_bins",)
#: Views of the exposures alone, which a connection holds too: their rows are found once, and what is built on
#: them plans a table. To plan `overdue` down to the exposures takes longer than all else of its answer.
DERIVED = ("pairable", "pairings", "visits", "epochs", "coverage")


#: Views whose rows are kept, with their estimators; one without flux bins has a row a pair, kept by its name.
KINDS: Mapping[str, tuple[str, ...]] = {
    "slopes": ("both_in_bin", "mean_flux"),
    "log_slopes": ("log_ratio",),
    "growth_loss": ("growth_loss",),
}
ESTIMATORS = tuple(name for names in KINDS.values() for name in names)
_KEY = {
    "source": "VARCHAR", "aperture": "INTEGER", "bin_lo": "DOUBLE", "bin_hi": "DOUBLE",
    "estimator": "VARCHAR",
}  # fmt: skip
_NO_BIN = "0::DOUBLE AS bin_lo, 0::DOUBLE AS bin_hi"
#: What a pair's rows follow from: what the match of its stars asks for, and the state of both files.
_FOLLOWS = (
    *(f"q.{name}" for name in ("target", "proposal", "flash", "filetype")),
    *(f"q.{name}_{side}" for side in (1, 2) for name in ("image", "phot_key", "phot_file", "chip")),
    *(f"f{side}.{name}" for side in (1, 2) for name in ("size", "mtime_ns")),
)

_STATE_OF_PAIR = " || '|' || ".join(f"{name}::VARCHAR" for name in _FOLLOWS)
#: A NULL, as of a photometry file that is not there, makes the source NULL: nothing of the pair is kept.
SOURCES = (
    "CREATE OR REPLACE TABLE kept.sources AS "
    f"SELECT q.pair_id, md5({_STATE_OF_PAIR}) AS source "
    "FROM kept.pairings AS q "
    "LEFT JOIN listed_phot AS f1 ON f1.path = q.phot_file_1 "
    "LEFT JOIN listed_phot AS f2 ON f2.path = q.phot_file_2"
)


def schema_of(view: str) -> str:
    """Return the schema of a view's kept rows."""
    return f"kept_{view}"


def held_columns(view: str) -> dict[str, str]:
    """Return the columns of a view's kept rows with their types: key, and what is measured of each pair."""
    others = {column.name for column in view_columns("pairings")} | {"chip"} | _KEY.keys()
    measured = [column.name for column in view_columns(view) if column.name not in others]
    return _KEY | {name: "BIGINT" if re.match(r"n(_|$)", name) else "DOUBLE" for name in measured}


def has_bins(view: str) -> bool:
    """Whether a view has rows by flux bin and estimator."""
    return "bin_lo" in {column.name for column in view_columns(view)}


def statements(each: SqlObject) -> Iterator[str]:
    """Yield what makes an object of ``sql/`` in a connection that has kept slopes."""
    if each.name in DERIVED:
        yield each.text.replace(f" VIEW {each.name} ", f" TABLE kept.{each.name} ", 1)
        yield derived_view(each.name)
    elif each.name in KINDS:
        yield from _kept(each.name)
    else:
        yield each.text


def derived_view(name: str) -> str:
    """Return what makes the view of a table of `DERIVED`."""
    return f"CREATE OR REPLACE VIEW {name} AS FROM kept.{name}"


def _kept(view: str) -> Iterator[str]:
    columns = held_columns(view)
    schema, held = schema_of(view), ", ".join(f"{name} {kind}" for name, kind in columns.items())
    yield f"CREATE SCHEMA IF NOT EXISTS {schema}"
    yield f"CREATE OR REPLACE TABLE {schema}.held ({held})"
    yield f"CREATE OR REPLACE TABLE {schema}.shown (pair_id BIGINT, {held})"
    yield rows_shown(view, measured=False)


def definition(view: str) -> Iterator[str]:
    """Yield what makes the definition of a view, seeing everything; it needs `defined_by`."""
    yield from _sources_of_all(view)
    chain = [each for each in _definition(view) if each.kind == "table macro"]
    for each in chain:
        yield placed(each.text, [*_SOURCES, *(one.name for one in chain)], schema_of(view))


def defined_by(view: str) -> frozenset[str]:
    """Return the objects of ``sql/`` that `definition` stands on, besides the lake's photometry."""
    chain = {each.name for each in _definition(view) if each.kind == "table macro"}
    return frozenset(name for each in _definition(view) for name in {each.name, *each.needs}) - chain


def rows_shown(view: str, measured: bool) -> str:
    """Return what makes a view that of kept rows, and of those that its definition measures if `measured`.

    To plan a definition takes longer than to read all kept rows, so it is left out where it measures nothing.
    """
    columns, schema = held_columns(view), schema_of(view)
    # DuckDB puts the macro's argument in the place of the column of its name.
    listed = [f'"{column.name}"' for column in view_columns(view)]
    of_pair = {'"chip"': "q.chip_1 + CASE WHEN q.pairing = '180' THEN 0 END AS chip"}
    kept = [f"k.{name}" if name.strip('"') in columns else of_pair.get(name, f"q.{name}") for name in listed]
    named = ", ".join(f"{name} AS {name}" for name in listed)
    anew = f"SELECT {named} FROM {schema}.{view}(aperture := aperture) UNION ALL " if measured else ""
    return (
        f"CREATE OR REPLACE MACRO {OWN_SCHEMA}.{view}(aperture := default_aperture()) AS TABLE "
        f"{anew}SELECT {', '.join(kept)} "
        f"FROM {schema}.shown AS k INNER JOIN kept.pairings AS q ON q.pair_id = k.pair_id "
        "WHERE k.aperture = aperture"
    )


def placed(text: str, names: Collection[str], schema: str) -> str:
    """Return SQL whose tables and macros of some names are those of a schema."""
    return re.sub(rf"\b(FROM|JOIN|MACRO)(\s+)({'|'.join(names)})\b", rf"\1\2{schema}.\3", text)


def _definition(view: str) -> tuple[SqlObject, ...]:
    """Return the objects by which a view measures: all that it is built on, down to `_SOURCES`.

    The pairs of FLT and FLC, which the star match knows too, are none of its pairs.
    """
    known = {each.name: each for each in sql_objects()}
    wanted, waiting = set(), [view]
    while waiting:
        at = waiting.pop()
        if at not in wanted and at not in {*_SOURCES, "file_pairs"}:
            wanted.add(at)
            waiting.extend(known[at].needs)
    return tuple(each for each in sql_objects() if each.name in wanted)


def definition_texts(view: str) -> list[str]:
    """Return the SQL by which a view measures, of what makes its pairs nothing.

    By name: the order in which objects are made may change with others, and nothing kept follows from it.
    """
    return [each.text for each in sorted(_definition(view), key=lambda each: each.name)]


def recipe(connection: duckdb.DuckDBPyConnection, view: str) -> str:
    """Return the digest of all that a view's rows follow from besides their pair, radius and flux bin."""
    texts = definition_texts(view)
    tables = [
        connection.execute(f"FROM {name} ORDER BY ALL").fetchall()
        for name in _BINS
        if name in " ".join(texts)
    ]
    (values,) = connection.execute("FROM settings").fetchall()
    columns = [column for column, *_ in connection.execute("DESCRIBE settings").fetchall()]
    named = set(re.findall(r"\bs\.(\w+)", " ".join(texts)))
    settings = {name: value for name, value in zip(columns, values, strict=True) if name in named}
    return recipe_digest(texts, settings | ({"bins": tables} if tables else {}))


def recipe_digest(texts: Sequence[str], settings: Mapping[str, Any]) -> str:
    """Return a digest of SQL with what enters it.

    These are the settings that it names, the camera's facts, and DuckDB, whose sums may change in the last
    digits from version to version.
    """
    facts = {
        "sql": texts,
        "settings": settings,
        "detector": DETECTOR.sql_macros(),
        "duckdb": [duckdb.__version__, platform.machine()],
    }
    return digest(facts)


def all_anew(view: str) -> Iterator[str]:
    """Yield what lets a definition see everything, and no kept row be shown."""
    yield from _sources_of_all(view)
    yield f"DELETE FROM {schema_of(view)}.shown"


def _sources_of_all(view: str) -> Iterator[str]:
    for name in _SOURCES:
        yield f"CREATE OR REPLACE VIEW {schema_of(view)}.{name} AS FROM main.{name}"


def missing(view: str, radii: Collection[int]) -> Iterator[str]:
    """Yield what finds the pairs and bins without a kept row, and shows the kept rows of all others."""
    schema, bins = schema_of(view), "main.flux_bins" if has_bins(view) else f"(SELECT {_NO_BIN})"
    asked = ", ".join(f"({int(radius)}, '{name}')" for radius in sorted(radii) for name in KINDS[view])
    # All bins that some pair lacks, of all pairs that lack some bin: more than need be, where both differ.
    yield f"""
        CREATE OR REPLACE TABLE {schema}.anew AS
        WITH missing AS (
            SELECT s.pair_id, b.bin_lo, b.bin_hi
            FROM kept.sources AS s
            CROSS JOIN {bins} AS b
            CROSS JOIN (VALUES {asked}) AS v (aperture, estimator)
            ANTI JOIN {schema}.held AS k
                ON k.source = s.source AND k.aperture = v.aperture AND k.estimator = v.estimator
                AND k.bin_lo = b.bin_lo AND k.bin_hi = b.bin_hi
        )
        SELECT p.pair_id, b.bin_lo, b.bin_hi
        FROM (SELECT DISTINCT pair_id FROM missing) AS p
        CROSS JOIN (SELECT DISTINCT bin_lo, bin_hi FROM missing) AS b"""
    yield f"""
        CREATE OR REPLACE TABLE {schema}.shown AS
        SELECT s.pair_id, k.*
        FROM kept.sources AS s
        INNER JOIN {schema}.held AS k ON k.source = s.source
        SEMI JOIN {bins} AS b ON b.bin_lo = k.bin_lo AND b.bin_hi = k.bin_hi
        ANTI JOIN {schema}.anew AS a
            ON a.pair_id = s.pair_id AND a.bin_lo = k.bin_lo AND a.bin_hi = k.bin_hi"""


def only(view: str, pairs: Collection[int]) -> Iterator[str]:
    """Yield what lets a definition see some pairs alone, in the bins of the table ``anew``."""
    schema = schema_of(view)
    yield f"""
        CREATE OR REPLACE TABLE {schema}.anew AS
        SELECT p.pair_id, b.bin_lo, b.bin_hi
        FROM (SELECT unnest([{", ".join(map(str, pairs))}]::BIGINT[]) AS pair_id) AS p
        CROSS JOIN (SELECT DISTINCT bin_lo, bin_hi FROM {schema}.anew) AS b"""
    yield from seen(view)


def seen(view: str) -> Iterator[str]:
    """Yield what lets a definition see the pairs and bins of the table ``anew``."""
    schema = schema_of(view)
    for name, key in (("pairings", "pair_id"), ("flux_bins", "bin_lo, bin_hi")):
        yield (
            f"CREATE OR REPLACE VIEW {schema}.{name} AS "
            f"FROM main.{name} SEMI JOIN {schema}.anew USING ({key})"
        )


def is_missing(view: str) -> str:
    """Return the query whether the table ``anew`` has pairs."""
    return f"SELECT count(*) > 0 FROM {schema_of(view)}.anew"


def files_anew(view: str) -> str:
    """Return the query for the photometry files of the pairs of the table ``anew``."""
    return (
        "SELECT DISTINCT unnest([phot_file_1, phot_file_2]) AS file "
        f"FROM kept.pairings SEMI JOIN {schema_of(view)}.anew USING (pair_id) ORDER BY file"
    )


def pairs_to_keep(view: str, condition: str) -> str:
    """Return the query for the pairs of ``anew`` whose rows can be kept and that meet a condition.

    Its columns are the pair, what it follows from, and its two photometry files.
    """
    return (
        "SELECT q.pair_id, s.source, q.phot_file_1, q.phot_file_2 "
        f"FROM (FROM kept.pairings WHERE {condition}) AS q "
        f"SEMI JOIN {schema_of(view)}.anew AS a ON a.pair_id = q.pair_id "
        "INNER JOIN kept.sources AS s ON s.pair_id = q.pair_id AND s.source IS NOT NULL "
        "ORDER BY q.target, q.proposal, q.flash, q.filetype, q.mjd, q.pair_id"
    )


def rows_to_keep(view: str, radius: int) -> str:
    """Return the query for the rows that a definition measures, with what each follows from."""
    columns = ", ".join(f"m.{name}" for name in held_columns(view) if name != "source")
    key = "*" if has_bins(view) else f"*, {_NO_BIN}, '{KINDS[view][0]}' AS estimator"
    measured = f"SELECT {key} FROM {schema_of(view)}.{view}(aperture := {int(radius)})"
    return (
        f"SELECT m.pair_id, m.image_1, m.image_2, q.phot_file_1, q.phot_file_2, s.source, {columns} "
        f"FROM ({measured}) AS m "
        "INNER JOIN kept.sources AS s ON s.pair_id = m.pair_id "
        "INNER JOIN kept.pairings AS q ON q.pair_id = m.pair_id "
        f"ANTI JOIN {schema_of(view)}.held AS k ON k.source = s.source AND k.aperture = m.aperture "
        "AND k.bin_lo = m.bin_lo AND k.bin_hi = m.bin_hi AND k.estimator = m.estimator "
        "ORDER BY s.source, m.bin_lo, m.bin_hi, m.estimator"
    )
