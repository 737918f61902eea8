"""Units of results: an unchanged column keeps its unit, whatever else bears a column's name has none."""

from __future__ import annotations

import pytest

from cte_lake import open_lake
from cte_lake.lake.create import create_lake
from cte_lake.lake.stored import stored


@pytest.fixture(scope="module")
def opened(tmp_path_factory):
    root = tmp_path_factory.mktemp("units") / "lake"
    create_lake(stored(root))
    with open_lake(root) as lake:
        yield lake


def units(lake, query):
    table = lake.sql(query).arrow()
    return {field.name: (field.metadata or {}).get(b"unit", b"").decode() for field in table.schema}


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("SELECT sky, flux_r03, x FROM phot", {"sky": "electron", "flux_r03": "electron", "x": "pix"}),
        ("SELECT p.sky, p.x AS x FROM phot AS p WHERE p.sky * 2 > 5", {"sky": "electron", "x": "pix"}),
        ("SELECT SKY FROM phot", {"sky": "electron"}),
        ("SELECT sky::FLOAT AS sky FROM phot", {"sky": "electron"}),
        ("SELECT flux_r03 AS f, x AS sky FROM phot", {"f": "electron", "sky": "pix"}),
        ("WITH p AS (SELECT sky, x FROM phot) SELECT sky FROM p", {"sky": "electron"}),
        ("SELECT sky FROM (FROM phot) ORDER BY sky LIMIT 1", {"sky": "electron"}),
        ("SELECT mjd, count(*) AS n_rows FROM exposures GROUP BY mjd", {"mjd": "d", "n_rows": ""}),
        ("SELECT sky FROM phot UNION ALL SELECT sky FROM phot", {"sky": "electron"}),
        ("SELECT avg(sky), MEDIAN(x) FROM phot", {"avg(sky)": "electron", "median(x)": "pix"}),
        ("SELECT sum(flux_r03), stddev(p.x) AS s FROM phot AS p", {"sum(flux_r03)": "electron", "s": "pix"}),
        ("SELECT avg(sky::FLOAT) AS level, sum(x) AS s FROM phot", {"level": "electron", "s": "pix"}),
        ("SELECT max(sky) OVER () AS top, x FROM phot", {"top": "electron", "x": "pix"}),
        ("SELECT quantile_cont(x, 0.5) AS middle FROM phot", {"middle": "pix"}),
        ("SELECT avg(mjd) AS m, sum(mjd) AS s FROM exposures", {"m": "d", "s": ""}),
        ("SELECT var_samp(sky) AS v, count(sky) AS c FROM phot", {"v": "", "c": ""}),
        ("SELECT avg(sky * 2) AS a, avg(sky) / 2 AS b FROM phot", {"a": "", "b": ""}),
        ("SELECT avg(sky) AS s FROM (SELECT sky / 2 AS sky FROM phot)", {"s": ""}),
        ("SELECT sky * 1000 AS sky FROM phot", {"sky": ""}),
        ("SELECT log10(flux_r03) AS flux_r03 FROM phot", {"flux_r03": ""}),
        ("SELECT * REPLACE (sky / 2 AS sky) FROM (SELECT sky, x FROM phot)", {"sky": "", "x": "pix"}),
        ("SELECT * RENAME (x AS sky) FROM (SELECT x, y FROM phot)", {"sky": "", "y": "pix"}),
        ("WITH p AS (SELECT sky * 2 AS sky FROM phot) SELECT sky FROM p", {"sky": ""}),
        ("WITH p AS (SELECT sky * 2 AS sky FROM phot) FROM p", {"sky": ""}),
        ("WITH p AS (SELECT x AS sky FROM phot) SELECT sky FROM p", {"sky": ""}),
        ("WITH p(sky) AS (SELECT x FROM phot) FROM p", {"sky": ""}),
        ("SELECT sky FROM (SELECT x FROM phot) AS p(sky)", {"sky": ""}),
        ("SELECT sky FROM (VALUES (1)) AS p(sky)", {"sky": ""}),
        ("SELECT sky FROM phot UNION ALL SELECT x FROM phot", {"sky": ""}),
        ("SELECT unnest({'sky': 5})", {"sky": ""}),
        ("SELECT sky FROM (SELECT unnest({'sky': x}) FROM phot)", {"sky": ""}),
        ("SELECT max(sky) AS sky, stddev(x) AS x FROM phot", {"sky": "", "x": ""}),
        ("UNPIVOT (SELECT x, y FROM phot) ON x, y INTO NAME name VALUE sky", {"name": "", "sky": ""}),
        ("FROM (PIVOT (FROM pairs) ON filetype IN ('flt' AS sky) USING count(*)) SELECT sky", {"sky": ""}),
    ],
)
def test_only_an_unchanged_column_has_its_unit(opened, query, expected):
    assert units(opened, query) == expected
