"""Units of results: an unchanged column keeps its unit, whatever else bears a column's name has none."""

from __future__ import annotations

import pyarrow as pa
import pytest
from astropy import units as u
from astropy.table import QTable

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
        ("SELECT sky::VARCHAR AS sky, x::BOOLEAN AS x FROM phot", {"sky": "", "x": ""}),
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
        ("SELECT CASE WHEN sky > x THEN sky ELSE x END AS sky FROM phot", {"sky": ""}),
        ("SELECT coalesce(sky, x) AS sky, nullif(x, 0) AS x FROM phot", {"sky": "", "x": ""}),
        ("SELECT lag(sky) OVER () AS sky, row_number() OVER () AS x FROM phot", {"sky": "", "x": ""}),
        ("SELECT sky AS x, x AS sky FROM phot", {"x": "", "sky": ""}),
        ("SELECT * EXCLUDE (y) FROM (SELECT sky, x, y FROM phot)", {"sky": "electron", "x": "pix"}),
        ("SELECT COLUMNS(['sky', 'x']) FROM phot", {"sky": "electron", "x": "pix"}),
        ("SELECT sqrt(COLUMNS(['sky', 'x'])) FROM phot", {"sky": "", "x": ""}),
        ("SELECT count(COLUMNS(['sky'])), count(*) AS n FROM phot", {"sky": "", "n": ""}),
        ("FROM (SELECT sky, x FROM phot) UNION ALL FROM (SELECT x, sky FROM phot)", {"sky": "", "x": ""}),
        ("SELECT sky FROM (FROM phot UNION ALL FROM phot)", {"sky": "electron"}),
        ("SELECT sky FROM phot JOIN (SELECT x / 2 AS sky FROM phot) USING (sky)", {"sky": ""}),
        ("SELECT l.sky FROM phot AS p, LATERAL (SELECT p.x AS sky) AS l", {"sky": ""}),
        ("SELECT sky FROM phot QUALIFY row_number() OVER (ORDER BY sky) = 1", {"sky": "electron"}),
        ("PIVOT (SELECT x, 'sky' AS k FROM phot) ON k IN ('sky') USING max(x)", {"sky": ""}),
        ("WITH RECURSIVE t(sky) AS (SELECT 1 UNION SELECT 2 * sky FROM t WHERE sky < 3) FROM t", {"sky": ""}),
        ("SELECT list(x) AS x, approx_quantile(sky, 0.5) AS s FROM phot", {"x": "", "s": ""}),
        ("SELECT s.sky FROM (SELECT {'sky': x} AS s FROM phot) AS t", {"sky": ""}),
        ("SELECT a.sky, b.sky FROM phot a, phot b", {"sky": "electron", "sky_1": "electron"}),
        ("FROM (PIVOT (FROM pairs) ON filetype IN ('flt' AS sky) USING count(*)) SELECT sky", {"sky": ""}),
    ],
)
def test_only_an_unchanged_column_has_its_unit(opened, query, expected):
    assert units(opened, query) == expected


def test_a_table_of_ones_own_brings_its_units_and_never_those_of_the_views(tmp_path):
    create_lake(stored(tmp_path / "lake"))
    fields = [pa.field(n, pa.float64(), metadata={"unit": unit}) for n, unit in (("x", "pix"), ("heat", "K"))]
    mine = pa.table([[1.0]] * 3, schema=pa.schema([*fields, pa.field("sky", pa.float64())]))
    with open_lake(tmp_path / "lake") as lake:
        lake.register("mine", mine)
        found = units(lake, "SELECT x, heat, sky, heat * 2 AS h FROM mine")
        assert found == {"x": "pix", "heat": "K", "sky": "", "h": ""}
        assert units(lake, "SELECT sky FROM phot") == {"sky": "electron"}
        lake.register("frame", QTable({"sky": [1.0] * u.Jy, "heat": [2.0] * u.mK}))
        assert units(lake, "SELECT sky, heat FROM frame") == {"sky": "", "heat": "mK"}
