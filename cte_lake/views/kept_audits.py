"""Audits of single images: one in which they found nothing is not asked again while it is as it was.

The answer is always that of the queries over all images. An image that is known to be well has no row in it,
so the queries, word for word, are asked of the other images alone. An image is as it was while the queries
and what they are built on are the same, and its exposure row, name, size and time of its photometry file, and
its target's catalogs.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

import duckdb
import pyarrow as pa

from cte_lake.digests import digest
from cte_lake.lake.kept_files import KeptFiles, as_table
from cte_lake.lake.store import Listed
from cte_lake.lake.stored import StoredLake
from cte_lake.views.kept_sql import placed, recipe_digest
from cte_lake.views.source import built_from, named_in

_IMAGES = """
CREATE OR REPLACE TABLE audited.images AS
WITH keyed AS (
    -- A NULL, as of a photometry file that is not there: the image is asked every time.
    SELECT
        e.imagename, e.phot_file,
        md5(e::VARCHAR || '|' || f.size || '|' || f.mtime_ns || '|' || coalesce(c.state, '')) AS key
    FROM main.exposures AS e
    LEFT JOIN listed_phot AS f ON f.path = e.phot_file
    LEFT JOIN audited.catalogs AS c ON c.target = e.target
),
well AS (
    -- What a clock that was ahead has written comes first: it would never be asked again.
    SELECT key, max(CASE WHEN asked_at <= epoch(now()) THEN asked_at ELSE 0 END) AS asked_at
    FROM known_well GROUP BY key
)
SELECT k.imagename, k.phot_file, k.key, w.asked_at FROM keyed AS k LEFT JOIN well AS w ON w.key = k.key
"""
_CATALOGS = """
CREATE OR REPLACE TABLE audited.catalogs AS
SELECT unnest($targets::VARCHAR[]) AS target, unnest($states::VARCHAR[]) AS state
"""
#: Those of which nothing is known, and of the others those that were not asked for longest.
_ASKED = """
CREATE OR REPLACE TABLE audited.asked AS
SELECT imagename, phot_file FROM audited.images WHERE asked_at IS NULL
UNION ALL
(
    SELECT imagename, phot_file FROM audited.images WHERE asked_at IS NOT NULL
    ORDER BY asked_at, imagename LIMIT {again}
)
"""
_WELL = """
SELECT i.key, CASE WHEN a.imagename IS NULL THEN i.asked_at ELSE $now END AS asked_at
FROM audited.images AS i LEFT JOIN audited.asked AS a ON a.imagename = i.imagename
WHERE i.key IS NOT NULL AND NOT list_contains($ailing::VARCHAR[], i.imagename)
ORDER BY i.key
"""
#: Images that a worker elsewhere is asked about in one go: it opens the lake for them.
_SHARE = 500
_NOTHING = pa.schema([("key", pa.string()), ("asked_at", pa.float64())])


@dataclass(frozen=True)
class ImageAudits:
    """Queries of which each row says what is wrong with one image, asked of those not known to be well.

    Attributes
    ----------
    connection : duckdb.DuckDBPyConnection
        Of the lake; it has the views that the queries name.
    lake : StoredLake
        The lake; it keeps which images are well, if it can be written.
    mode : str
        The connection's photometry mode.
    queries : mapping
        Queries over `exposures`, `phot` and `master`. Their rows have the column ``imagename`` and follow
        from that image and its target's catalog.
    """

    connection: duckdb.DuckDBPyConnection
    lake: StoredLake
    mode: str
    queries: Mapping[str, str]

    def rows(
        self,
        share: float,
        elsewhere: Callable[[list[list[str]]], Iterator[dict[str, pa.Table]]] | None = None,
    ) -> dict[str, pa.Table]:
        """Return the rows of each query.

        Parameters
        ----------
        share : float
            Share of the images known to be well that are asked all the same, the longest unasked first.
        elsewhere : callable, optional
            Asks lists of images with `rows_of` in other processes.
        """
        files = KeptFiles(self.lake.place, "audits", self._recipe())
        kept = files.listing().get(self.mode, [])
        known = files.read(kept)
        listed = {found.path: found for found in self.lake.dataset("phot").listing()}
        self._find_images(listed, _NOTHING.empty_table() if known is None else known)
        asks_all = self._choose(share)
        if elsewhere is None:
            found = self._answers(listed, asks_all)
        else:
            answers = list(elsewhere(self._shares()))
            # A share of none has the columns.
            found = self._answers(listed, False) if not answers else _together(answers)
        ailing = {name for table in found.values() for name in table.column("imagename").to_pylist()}
        values = {"now": time.time(), "ailing": sorted(ailing)}
        well = self.connection.sql(_WELL, params=values).to_arrow_table()
        if known is None or not well.equals(known):
            files.write(self.mode, well, kept)
        return found

    def _find_images(self, listed: Mapping[str, Listed], known: pa.Table) -> None:
        tables = {"listed_phot": as_table(listed.values()), "known_well": known}
        self.connection.execute("CREATE SCHEMA IF NOT EXISTS audited")
        states = self._catalogs()
        self.connection.execute(_CATALOGS, {"targets": list(states), "states": list(states.values())})
        for name, table in tables.items():
            self.connection.register(name, table)
        self.connection.execute(_IMAGES)
        for name in tables:
            self.connection.unregister(name)

    def _catalogs(self) -> dict[str, str]:
        """Return the state of each target's catalogs: a digest of names, sizes and times of their files."""
        files = defaultdict(list)
        for found in sorted(self.lake.dataset("master").listing()):
            target = found.path.split("/")[1].removeprefix("target=")
            files[target].append(tuple(found))
        return {target: digest(repr(each).encode(), 16) for target, each in files.items()}

    def _choose(self, share: float) -> bool:
        """Choose the images that are to be asked; return whether they are all."""
        ((count, known),) = self.connection.execute(
            "SELECT count(*), count(asked_at) FROM audited.images"
        ).fetchall()
        again = min(known, int(share * count) + 1) if share else 0
        self.connection.execute(_ASKED.format(again=again))
        return bool(again == known)

    def _shares(self) -> list[list[str]]:
        """Return the images that are asked in lists, those of a partition together."""
        query = "SELECT imagename FROM audited.asked ORDER BY phot_file, imagename"
        asked = [name for (name,) in self.connection.execute(query).fetchall()]
        return [asked[start : start + _SHARE] for start in range(0, len(asked), _SHARE)]

    def rows_of(self, images: Sequence[str]) -> dict[str, pa.Table]:
        """Return the rows that each query has of some images."""
        self.connection.execute("CREATE SCHEMA IF NOT EXISTS audited")
        self.connection.execute(
            "CREATE OR REPLACE TABLE audited.asked AS SELECT imagename, phot_file FROM main.exposures "
            "WHERE list_contains($images::VARCHAR[], imagename)",
            {"images": list(images)},
        )
        return self._answers({found.path for found in self.lake.dataset("phot").listing()}, False)

    def _answers(self, listed: Collection[str], of_all: bool) -> dict[str, pa.Table]:
        """Return the rows of each query; it sees the images of the table ``asked`` alone."""
        dataset = self.lake.dataset("phot")
        source = "main.stored_phot"
        if not of_all:
            named = self.connection.execute("SELECT phot_file FROM audited.asked ORDER BY ALL").fetchall()
            files = [self.lake / name for (name,) in named if name in listed]
            source = dataset.scan_of(files)
        self.connection.execute(f"CREATE OR REPLACE VIEW audited.stored_phot AS FROM {source}")
        self.connection.execute(
            "CREATE OR REPLACE VIEW audited.exposures AS "
            "FROM main.exposures SEMI JOIN audited.asked USING (imagename)"
        )
        for each in built_from(["phot"]):
            if each.name in {"measured_stars", "phot"}:
                text = placed(each.text, ("exposures", "stored_phot", "measured_stars"), "audited")
                self.connection.execute(text.replace(f"VIEW {each.name}", f"VIEW audited.{each.name}", 1))
        return {
            name: self.connection.sql(placed(query, ("exposures", "phot"), "audited")).to_arrow_table()
            for name, query in self.queries.items()
        }

    def _recipe(self) -> str:
        """Return the digest of the queries and of what they are built on, exposure rows aside."""
        words = frozenset().union(*(named_in(query) or () for query in self.queries.values()))
        made_of = {each.name for each in built_from(["exposures"])}
        built = sorted(built_from(words), key=lambda each: each.name)
        texts = [each.text for each in built if each.name not in made_of]
        return recipe_digest([*self.queries.values(), *texts], {})


def _together(answers: Sequence[Mapping[str, pa.Table]]) -> dict[str, pa.Table]:
    return {name: pa.concat_tables([each[name] for each in answers]) for name in answers[0]}
