"""The views as a set: the contract of names, comments and units, and what a reader sees of the files."""

from __future__ import annotations

import functools
import re
from pathlib import Path

import duckdb
import numpy as np
import pytest
from astropy.units import Unit

from cte_lake import open_lake
from cte_lake.errors import LakeError, UsageError
from cte_lake.lake.schemas import dataset
from cte_lake.lake.stored import stored
from cte_lake.radii import RADII
from cte_lake.resources import LAKE_FILE
from cte_lake.starflags import FLAGS, decode
from cte_lake.views import bind, published_views, sql_objects, view_columns
from tests.sql.writing import add_exposure, add_pair

_PAIR = "pair_id image_1 image_2 target proposal visit filter exptime length flash filetype mjd"
_SLOPE = (
    "pair_id image_1 image_2 aperture bin_lo bin_hi estimator n_in_bin n slope slope_err intercept mean_flux"
)
CONTRACT = {
    "exposures": "imagename rootname filetype target targname proposal visit filter exptime length mjd"
    " chinject flash chip postarg1 postarg2 sky n_stars mode cal_ver path",
    "phot": "imagename master_id x y ra dec sky sky_err flags "
    + " ".join(f"{name}_r{r:02d}" for r in RADII for name in ("flux", "flux_err", "bkg", "area")),
    "rejects": "path imagename stage reason detail at",
    "pairs": _PAIR,
    "pairs_180": f"{_PAIR} chip",
    "slopes": _SLOPE,
    "cte": f"{_PAIR} {_SLOPE} cte_loss cte_loss_err cte_dmag background",
    "epochs": "target epoch mjd n_pairs",
    "losses": f"{_PAIR} bin_lo bin_hi loss loss_err loss_percent loss_mag background generation",
    "unpaired": "imagename reason detail",
}
#: Views that state their columns; `measured_stars` passes on all that is stored.
RELATIONS = [each for each in sql_objects() if each.kind != "macro" and each.name != "measured_stars"]


@pytest.fixture(scope="module")
def con(tmp_path_factory: pytest.TempPathFactory) -> duckdb.DuckDBPyConnection:
    from cte_lake.lake.create import create_lake

    root = tmp_path_factory.mktemp("views") / "lake"
    create_lake(stored(root))
    with duckdb.connect() as connection:
        bind(connection, stored(root))
        yield connection


@functools.cache
def described(con: duckdb.DuckDBPyConnection, relation: str) -> dict[str, str]:
    return {row[0]: row[1] for row in con.execute(f"DESCRIBE SELECT * FROM {relation}").fetchall()}


@pytest.mark.parametrize("name", CONTRACT)
def test_the_contract_s_columns_are_there(con, name):
    assert set(CONTRACT[name].split()) <= set(described(con, name))


@pytest.mark.parametrize("each", RELATIONS, ids=lambda each: each.name)
def test_every_column_has_a_unit_and_a_description(con, each):
    columns = view_columns(each.name)
    found = described(con, each.name)
    assert [column.name for column in columns] == list(found)
    for column in columns:
        assert Unit(column.unit) is not None
        assert len(column.description) > 3, column.name


@pytest.mark.parametrize("each", RELATIONS, ids=lambda each: each.name)
def test_every_file_says_its_grain_and_casts_what_it_publishes(con, each):
    assert each.grain
    published = each.text[each.text.rindex("\nSELECT") :]
    assert not re.search(r"SELECT\s+(\w+\.)?\*", published)
    types = described(con, each.name)
    for column in view_columns(each.name):
        (line,) = re.findall(rf"^.*\bAS {column.name},?(?:  --.*)?$", published, re.MULTILINE)
        cast = re.search(r"::([A-Z]+(?:\[\])?) AS \w+,?(?:  --.*)?$", line)
        assert cast, line
        assert types[column.name].replace(" WITH TIME ZONE", "TZ") == cast[1]


@pytest.mark.parametrize(
    "name", ["exposures", "exposures_all_modes", "phot", "master", "rejects", "alignment"]
)
def test_what_a_view_passes_on_has_the_words_of_the_schema(name):
    stated = {c.name: c for c in dataset(name.removesuffix("_all_modes")).expanded()}
    for column in view_columns(name):
        if column.name in stated:
            assert (column.unit, column.description) == (
                stated[column.name].unit,
                stated[column.name].description,
            )


def test_a_radius_that_was_not_measured_is_an_error(lake):
    stars = {"master_id": np.arange(3), "flux_r03": np.full(3, 100.0)}
    add_pair(lake, first=stars, second=stars)
    with open_lake(lake) as opened:
        with pytest.raises(UsageError, match="aperture radius 4 px was not measured"):
            opened.sql("SELECT * FROM slopes(aperture := 4)")
        with pytest.raises(UsageError, match="aperture radius 4 px was not measured"):
            opened.slopes(aperture=4)


def test_flags_are_decoded_as_by_the_registry(con):
    values = [flag.value for flag in FLAGS] + [0, 5, sum(flag.value for flag in FLAGS)]
    for value in values:
        assert con.execute("SELECT flags_decode(?::INTEGER)", [value]).fetchone()[0] == decode(value)


def test_a_folder_that_is_no_lake_is_refused(tmp_path):
    with pytest.raises(LakeError, match="is not a lake"):
        open_lake(tmp_path)


def test_an_unknown_mode_is_refused(lake):
    with pytest.raises(UsageError, match="photometry mode 'nonsense' is not known"):
        open_lake(lake, mode="nonsense")


@pytest.mark.parametrize("name", ["plain", "it's", "with blank", "br[a]cket", "st*r", "qu?ry", "ütf"])
def test_a_lake_may_be_called_anything(tmp_path: Path, name):
    from cte_lake.lake.create import create_lake

    root = tmp_path / name / "lake"
    create_lake(stored(root))
    add_pair(root)
    with open_lake(root) as lake:
        assert len(lake.pairs()) == 1


@pytest.mark.slow
def test_every_view_can_be_read_while_the_lake_is_empty(con):
    for name in published_views():
        assert con.execute(f"FROM {name}").fetchall() == [], name


@pytest.mark.slow
@pytest.mark.parametrize("threads", [1, 2])
def test_every_view_of_a_lake_with_both_kinds_of_pairs_can_be_read(lake, threads):
    # DuckDB 2.0.0 stops with "dict-surviving cache ... changed identity" where a CASE hands on one of two
    # columns of a small join; see readout_distance.
    rng = np.random.default_rng(6)
    count = 500
    for number, target in enumerate(("ngc104", "ngc104", "ngc6583", "ngc6583")):
        for chip, letter in ((1, "b"), (2, "a")):
            flux = rng.uniform(300, 20000, count)
            stars = {
                "master_id": np.arange(count),
                "y": rng.uniform(0, 2050, count),
                "flux_r03": flux,
                "sky": flux,
            }
            for filetype in ("flt", "flc"):
                add_exposure(
                    lake, f"ic78{10 + number}a{letter}q", stars, target=target, chip=chip, filetype=filetype,
                    mjd=56103 + number,
                )  # fmt: skip
    with open_lake(lake, threads=threads) as opened:
        for name in published_views():
            opened.view(name)
        assert len(opened.pairs()) == len(opened.pairs_180()) == 4
        assert {row["n"] > 0 for row in opened.slopes(bin_lo=8000).rows()} == {True}


def test_readers_see_the_newest_revision_with_its_own_photometry(lake):
    stars = {"master_id": np.arange(3), "flux_r03": np.full(3, 100.0)}
    add_exposure(lake, "ic7802aaq", stars)
    add_exposure(lake, "ic7802aaq", stars | {"flux_r03": np.full(3, 200.0)}, revision=2)
    with open_lake(lake) as opened:
        assert opened.exposures().arrow()["revision"].to_pylist() == [2]
        assert opened.phot().arrow()["flux_r03"].to_pylist() == [200.0] * 3
        add_exposure(lake, "ic7802aaq", stars, revision=3, withdrawn=True)
        assert len(opened.exposures()) == len(opened.phot()) == 0


def test_the_queries_of_a_steady_block_see_the_same_exposures(lake):
    stars = {"master_id": np.arange(3)}
    with open_lake(lake) as opened:
        with opened.steady():
            add_exposure(lake, "ic7802aaq", stars)
            assert len(opened.exposures()) == 0
            with opened.steady():
                assert len(opened.exposures()) == 0
            assert opened.own("exposures").rows() == []
        assert len(opened.exposures()) == 1


def test_photometry_without_its_exposure_row_does_not_exist(lake):
    add_exposure(lake, "ic7802aaq", {"master_id": np.arange(3)})
    (row,) = (lake / "exposures").rglob("ic7802aaq*.parquet")
    row.unlink()
    with open_lake(lake) as opened:
        assert len(opened.phot()) == 0


def test_a_reject_is_over_when_the_file_is_measured(lake):
    from cte_lake.pipeline.ingest.exposure_rows import write_reject

    path = lake.parent / "ic7802aaq_flt.fits"
    path.write_bytes(b"not yet whole")
    stated = {"stage": "read", "reason": "truncated", "settings_hash": "0" * 16}
    write_reject(stored(lake), path, detail="It ends too soon.", **stated)
    with open_lake(lake) as opened:
        assert [row["reason"] for row in opened.rejects().rows()] == ["truncated"]
        stat = path.stat()
        add_exposure(
            lake, "ic7802aaq", path=str(path), file_size=stat.st_size, file_mtime_ns=stat.st_mtime_ns
        )
        assert len(opened.rejects()) == 0


def test_epochs_count_pairs_of_both_kinds(lake):
    add_pair(lake, mjd=57601.3)
    for visit, mjd in (("10", 56103.2), ("11", 56103.6)):
        add_exposure(lake, f"ib92{visit}abq", target="ngc6583", proposal=12692, chip=2, mjd=mjd)
    with open_lake(lake) as opened:
        found = {row["target"]: (row["mjd"], row["n_pairs"]) for row in opened.epochs().rows()}
    assert found == {"ngc104": (57601.0, 1), "ngc6583": (56103.0, 1)}


def test_the_settings_file_decides_bins_and_clip(lake):
    (lake / LAKE_FILE).write_text(
        "lake_version = 1\n[measure]\nflux_bins = [[100, 200]]\ntime_bins = [[100, 200]]\naperture = 5\n"
    )
    add_pair(lake)
    with open_lake(lake) as opened:
        rows = opened.slopes().rows()
    assert {(row["bin_lo"], row["bin_hi"], row["aperture"]) for row in rows} == {(100.0, 200.0, 5)}
    assert {row["n"] for row in rows} == {0}
