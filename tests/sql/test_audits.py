"""Every audit is silent on a sound lake and speaks on one that is broken in its way."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from cte_lake import open_lake
from cte_lake.lake.paths import master_file
from cte_lake.lake.stored import stored
from cte_lake.lake.write import conform, write_table
from cte_lake.views import bind
from cte_lake.views.audits import audits, run_audits
from cte_lake.views.source import named_in
from tests.sql.writing import ROW, add_exposure, add_pair

STARS = {"master_id": np.arange(1, 6), "flux_r03": np.full(5, 700.0), "area_r03": np.full(5, 28.27)}


def write_master(lake: Path, ids: list[int], revision: int = 1) -> None:
    count = len(ids)
    table = pa.table(
        {
            "master_id": ids, "ra": np.zeros(count), "dec": np.zeros(count),
            "master_hash": [ROW["master_hash"]] * count,
            "revision": pa.array([revision] * count, pa.int32()), "origin": ["test"] * count,
        }
    )  # fmt: skip
    write_table(lake / master_file("ngc104", ROW["master_hash"], revision), conform(table, "master"))


@pytest.fixture
def sound(lake: Path) -> Path:
    write_master(lake, [1, 2, 3, 4, 5])
    for filetype in ("flt", "flc"):
        add_pair(lake, first=STARS, second=STARS, filetype=filetype)
    return lake


def failed(lake: Path) -> set[str]:
    with open_lake(lake) as opened:
        return {result.name for result in run_audits(opened) if not result.passed}


def test_a_sound_lake_passes_all(sound):
    assert failed(sound) == set()


@pytest.mark.slow
def test_photometry_that_waits_for_its_row_alarms_nobody(sound):
    """What a killed ingest leaves, and a running one has at any moment, is for verify and vacuum."""
    (path,) = (sound / "exposures").rglob("ic7802abq_flt.*.parquet")
    path.unlink()
    assert failed(sound) == set()


def test_every_audit_says_what_a_row_means():
    for audit in audits():
        assert audit.meaning.endswith("."), audit.name
        # The lakes of stars that are too wide and of wrong skies are in test_growth.py.
        elsewhere = {"shapes_imitate_loss", "sky_imitates_loss", "pair_without_common_stars"}
        assert audit.name in {*BREAKS, *BROKEN_PAIRS, *elsewhere}, f"no test breaks a lake for {audit.name}"


def lose_photometry(lake: Path) -> None:
    (path,) = (lake / "phot").rglob("ic7802abq_flt.*.parquet")
    path.unlink()


def changed_phot(**columns: object) -> Callable[[Path], None]:
    """Rewrite a photometry file with other values, past the lake's own writer."""

    def change(lake: Path) -> None:
        (path,) = (lake / "phot").rglob("ic7802abq_flt.*.parquet")
        table = pq.read_table(path, partitioning=None)
        for name, values in columns.items():
            index = table.column_names.index(name)
            table = table.set_column(
                index, table.schema.field(name), pa.array(values, table.schema.field(name).type)
            )
        pq.write_table(table, path)

    return change


def adds(rootname: str, **columns: object) -> Callable[[Path], None]:
    def add(lake: Path) -> None:
        add_exposure(lake, rootname, STARS, **columns)

    return add


def same_name_elsewhere(lake: Path) -> None:
    add_exposure(lake, "ic7803aaq", STARS, imagename="ic7899aaq_flt.fits")


def stars_that_widen(lake: Path) -> None:
    """A pair whose bright stars have less of their light within 3 px the farther they are read from."""
    y, count = np.linspace(0, 2050, 200), 200
    for name, chip in (("ic7803aaq", 2), ("ic7803abq", 1)):
        distance = y if chip == 2 else 2050 - y
        inside = 0.9 * np.exp(-0.02 * distance / 2048) * (1 + 0.001 * chip * (-1) ** np.arange(count))
        stars = {"master_id": np.arange(1, count + 1), "y": y, "flux_r03": 10000 * inside}
        add_exposure(lake, name, stars | {"flux_r10": np.full(count, 10000.0)}, chip=chip)


BREAKS: dict[str, Callable[[Path], None]] = {
    "exposure_without_photometry": lose_photometry,
    "duplicate_star": changed_phot(master_id=[1, 1, 3, 4, 5]),
    "unknown_star": changed_phot(master_id=[1, 2, 3, 4, 99]),
    "impossible_value": changed_phot(area_r03=[-1.0, 28.0, 28.0, 28.0, 28.0]),
    "unknown_flag": changed_phot(flags=[1 << 30, 0, 0, 0, 0]),
    "outdated_catalog": adds("ic7803aaq", master_hash="1" * 16),
    "duplicate_master_star": lambda lake: write_master(lake, [1, 2, 3, 4, 5, 5], revision=2),
    "misplaced_exposure": same_name_elsewhere,
    "impossible_exposure": adds("ic7803aaq", mjd=1.0),
    "file_types_disagree": adds("ic7802aaq", chip=2, revision=2, mjd=57777.0),
    "calibration_splits_pair": adds("ic7802aaq", chip=2, revision=2, filetype="flc", cte_ver="3.0"),
    "measuring_splits_pair": adds("ic7802aaq", chip=2, revision=2, settings_hash="1" * 16),
    "shapes_imitate_loss": stars_that_widen,
    "rolled_pair_not_turned": lambda lake: [
        add_exposure(lake, f"ib92{visit}aaq", target="ngc6583", pa_v3=30.0) for visit in ("10", "11")
    ],
}


@pytest.mark.parametrize("name", BREAKS)
def test_an_audit_speaks_on_a_lake_that_is_broken_in_its_way(sound, name):
    BREAKS[name](sound)
    (query,) = (audit.query for audit in audits() if audit.name == name)
    with open_lake(sound) as opened:
        assert opened.sql(query).rows()


def test_a_pair_of_different_fields_is_found_and_one_that_shares_half_a_field_is_not(sound):
    """Few of these stars are in a flux bin, so that all are counted."""
    values = {"flux_r03": np.full(100, 7.0), "area_r03": np.full(100, 28.27)}
    for visit, first in (("04", 99), ("05", 50)):
        one, two = ({"master_id": start + np.arange(100)} | values for start in (0, first))
        add_pair(sound, first=one, second=two, visit=visit)
    with open_lake(sound) as opened:
        (row,) = opened.own("pair_without_common_stars").rows()
    assert (row["image_1"], row["n_common"], row["n_stars"]) == ("ic7804abq_flt.fits", 1, 100)


#: Pairing does not make such pairs; the audits would tell if it did. One row: pair_id, images, kind, chips.
BROKEN_PAIRS = {
    "image_in_two_pairs": [(1, "a", "b", "chips", 1, 2), (2, "a", "c", "chips", 1, 2)],
    "duplicate_pair_number": [(1, "a", "b", "chips", 1, 2), (1, "c", "d", "chips", 1, 2)],
    "wrong_chips": [(1, "a", "b", "chips", 2, 2)],
    "duplicate_exposure": [],
    "duplicate_chip_exposure": [],
}


@pytest.mark.parametrize("name", BROKEN_PAIRS)
def test_an_audit_of_pairs_speaks_on_pairs_that_must_not_be(sound, name):
    (query,) = (audit.query for audit in audits() if audit.name == name)
    with duckdb.connect() as connection:
        bind(connection, stored(sound), views=named_in(query))
        assert connection.execute(query).fetchall() == []
        if name.startswith("duplicate_") and name != "duplicate_pair_number":
            # The view keeps the newest row of a name; without that step there would be two.
            connection.execute(
                "CREATE OR REPLACE VIEW exposures AS"
                " FROM exposures_all_modes UNION ALL FROM exposures_all_modes"
            )
        else:
            rows = ", ".join(str(row) for row in BROKEN_PAIRS[name])
            connection.execute(
                "CREATE OR REPLACE VIEW pairings AS SELECT * FROM (VALUES "
                f"{rows}) AS v (pair_id, image_1, image_2, pairing, chip_1, chip_2)"
            )
        assert connection.execute(query).fetchall() != []
