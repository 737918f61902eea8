"""Pairs: who may pair with whom, and the assignment against brute force."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pytest
from scipy.sparse import csr_array
from scipy.sparse.csgraph import maximum_bipartite_matching

from cte_lake import open_lake
from cte_lake.config import load_settings
from cte_lake.resources import data_dir
from cte_lake.views.functions import bind_detector
from tests.sql.writing import ROW, add_exposure, add_pair

DAY_MS = 86_400_000


def pairs_of(lake: Path, view: str = "pairs", **flags: Any) -> set[tuple[str, str]]:
    with open_lake(lake, settings=load_settings(lake, flags)) as opened:
        return {(row["image_1"], row["image_2"]) for row in opened.view(view).rows()}


@pytest.fixture
def exposures(assignment) -> Iterator[duckdb.DuckDBPyConnection]:
    """`pairings` and `unpaired` over plain tables that are empty again after the test."""
    assignment.begin()
    yield assignment
    assignment.rollback()


@pytest.fixture(scope="module")
def assignment() -> Iterator[duckdb.DuckDBPyConnection]:
    """What the assignment needs, without files."""
    with duckdb.connect() as con:
        con.execute(
            "CREATE TABLE facts (imagename VARCHAR, target VARCHAR, proposal INTEGER, visit VARCHAR,"
            " filter VARCHAR, exptime DOUBLE, length VARCHAR, mjd DOUBLE, chinject VARCHAR, flash INTEGER,"
            " filetype VARCHAR, chip INTEGER, postarg1 DOUBLE, sky DOUBLE, mode VARCHAR,"
            " settings_hash VARCHAR, cal_ver VARCHAR, pctecorr VARCHAR, pctetab VARCHAR, cte_name VARCHAR,"
            " cte_ver VARCHAR, flux_scaled BOOLEAN DEFAULT false, scan_typ VARCHAR, pa_v3 DOUBLE,"
            " orientation DOUBLE, pam VARCHAR, crmask_hash VARCHAR, phot_key VARCHAR,"
            " phot_file VARCHAR)"
        )
        bind_detector(con)
        con.execute("CREATE TABLE targets (target VARCHAR, pairing VARCHAR)")
        con.execute("INSERT INTO targets VALUES ('ngc104', 'chips'), ('ngc6583', '180')")
        con.execute("CREATE TABLE settings AS SELECT true AS pair_same_postarg1, 5.0 AS roll_tolerance")
        con.execute(
            "CREATE TABLE rejects (path VARCHAR, imagename VARCHAR, stage VARCHAR, reason VARCHAR,"
            " detail VARCHAR)"
        )
        for name in ("version_numbers", "generation_of", "exposures", "pairable", "pairings", "unpaired"):
            text = (data_dir("sql") / f"{name}.sql").read_text(encoding="utf-8")
            if name == "exposures":
                text = (
                    "CREATE VIEW exposures AS SELECT *, substr(imagename, 1, 9) AS rootname,"
                    " generation_of(filetype, cal_ver, cte_name, cte_ver, pctetab) AS generation FROM facts"
                )
            con.execute(text)
        yield con


def insert(con: duckdb.DuckDBPyConnection, **columns: Any) -> None:
    row = {
        "target": "ngc104", "proposal": 14378, "visit": "01", "filter": "F502N", "exptime": 348.0,
        "length": "l", "chinject": "NONE",
        "flash": 0, "filetype": "flt", "postarg1": 0.0, "sky": 1.0, "mode": "standard",
        "settings_hash": "0", "pam": "distortion", "phot_key": "0",
    } | columns  # fmt: skip
    names = ", ".join(row)
    con.execute(f"INSERT INTO facts ({names}) VALUES ({', '.join('?' * len(row))})", list(row.values()))


def least_total(ones: list[int], twos: list[int]) -> int:
    """Least sum of time differences over all ways to give each of the fewer side a partner."""
    few, many = sorted((ones, twos), key=len)
    return min(
        (
            sum(abs(a - b) for a, b in zip(few, chosen, strict=True))
            for chosen in itertools.permutations(many, len(few))
        ),
        default=0,
    )


def test_the_assignment_is_as_good_as_brute_force_can_find(exposures):
    rng = np.random.default_rng(11)
    expected = {}
    for group in range(150):
        # Minutes within a day, so that ties happen.
        sides = {chip: sorted(rng.integers(0, 60, rng.integers(0, 6)).tolist()) for chip in (1, 2)}
        expected[group] = sides
        for chip, times in sides.items():
            for number, minute in enumerate(times):
                insert(
                    exposures,
                    imagename=f"{group}-{chip}-{number}",
                    proposal=group,
                    chip=chip,
                    mjd=57000 + minute / 1440,
                )
    found: dict[int, list[tuple[str, str, float, float]]] = {}
    query = """
        SELECT q.proposal, q.image_1, q.image_2, a.mjd, b.mjd FROM pairings AS q
        JOIN exposures AS a ON a.imagename = q.image_1
        JOIN exposures AS b ON b.imagename = q.image_2
    """
    for proposal, *pair in exposures.execute(query).fetchall():
        found.setdefault(proposal, []).append(tuple(pair))
    for group, sides in expected.items():
        pairs = found.get(group, [])
        assert len(pairs) == min(map(len, sides.values()))
        assert len({name for one, two, _, _ in pairs for name in (one, two)}) == 2 * len(pairs)
        total = sum(round(abs(t1 - t2) * 1440) for _, _, t1, t2 in pairs)
        assert total == least_total(*sides.values()), group
        ordered = sorted(pairs, key=lambda pair: (pair[2], pair[0]))
        assert [pair[3] for pair in ordered] == sorted(pair[3] for pair in pairs)


def test_the_pairs_of_one_day_do_not_depend_on_the_order_of_the_files(exposures):
    names = [(f"{chip}-{n}", chip, 57000.0) for chip in (1, 2) for n in range(4)]
    found = []
    for order in (names, names[::-1]):
        exposures.execute("DELETE FROM facts")
        for name, chip, mjd in order:
            insert(exposures, imagename=name, chip=chip, mjd=mjd)
        found.append(sorted(exposures.execute("SELECT pair_id, image_1, image_2 FROM pairings").fetchall()))
    assert found[0] == found[1]
    assert [(one[2:], two[2:]) for _, one, two in sorted(found[0], key=lambda row: row[1])] == [
        (str(n), str(n)) for n in range(4)
    ]


def test_the_number_of_a_pair_stays_when_others_arrive(exposures):
    insert(exposures, imagename="b-1", chip=1, mjd=57000.2)
    insert(exposures, imagename="b-2", chip=2, mjd=57000.1)
    before = exposures.execute("SELECT pair_id FROM pairings WHERE image_1 = 'b-1'").fetchall()
    insert(exposures, imagename="a-1", chip=1, mjd=57000.0, flash=12)
    insert(exposures, imagename="a-2", chip=2, mjd=57000.0, flash=12)
    assert exposures.execute("SELECT pair_id FROM pairings WHERE image_1 = 'b-1'").fetchall() == before
    assert 0 <= before[0][0] < 2**53


def test_an_exposure_that_differs_in_two_things_is_no_candidate(exposures):
    insert(exposures, imagename="a-1", chip=1, mjd=57000.0)
    insert(exposures, imagename="a-2", chip=2, mjd=57000.0, filter="F606W", exptime=30.0)
    asked = "SELECT reason, candidate FROM unpaired WHERE imagename = 'a-1'"
    assert exposures.execute(asked).fetchall() == [("partner_missing", None)]
    insert(exposures, imagename="a-3", chip=2, mjd=57000.1, exptime=30.0)
    assert exposures.execute(asked).fetchall() == [("other_exptime", "a-3")]


#: Another value of each fact that must agree, with the word that `unpaired` has for it.
DIFFERENCES: dict[str, tuple[Any, str]] = {
    "target": ("ngc6791", "partner_missing"), "proposal": (14541, "partner_missing"),
    "visit": ("09", "partner_missing"), "filetype": ("flt", "partner_missing"),
    "filter": ("F606W", "other_filter"), "exptime": (60.0, "other_exptime"), "flash": (12, "other_flash"),
    "chinject": ("CONT", "other_chinject"), "postarg1": (10.0, "other_postarg1"),
    "settings_hash": ("1", "other_settings"), "pam": ("official", "other_area_map"),
    "crmask_hash": ("1", "other_mask"), "flux_scaled": (True, "other_fluxcorr"),
    "pctetab": ("iref$zcv2057mi_cte.fits", "other_generation"), "cte_ver": ("3.0", "other_generation"),
    "cal_ver": ("3.8.0 (Sep-01-2026)", "other_generation"), "scan_typ": ("C", "spatial_scan"),
}  # fmt: skip
#: What an FLC of calwf3 3.7.1 says.
FLC: dict[str, Any] = {
    "filetype": "flc", "cal_ver": "3.7.1 (Oct-18-2023)", "cte_name": "pixelCTE 2019", "cte_ver": "2.0",
    "pctetab": "iref$54l1347ei_cte.fits",
}  # fmt: skip


def reasons(con: duckdb.DuckDBPyConnection) -> dict[str, str]:
    return dict(con.execute("SELECT imagename, reason FROM unpaired").fetchall())


@pytest.mark.parametrize("column", DIFFERENCES)
def test_images_that_differ_are_no_pair_and_the_reason_is_told(exposures, column):
    value, reason = DIFFERENCES[column]
    insert(exposures, imagename="one", chip=1, mjd=57000.0, **FLC)
    insert(exposures, imagename="two", chip=2, mjd=57000.0, **FLC | {column: value})
    assert exposures.execute("SELECT count(*) FROM pairings").fetchone() == (0,)
    assert reasons(exposures)["two"] == reason
    assert exposures.execute("SELECT count(*) FROM unpaired WHERE detail IS NULL").fetchone() == (0,)
    exposures.execute(f"UPDATE facts SET {column} = (SELECT {column} FROM facts WHERE chip = 1)")
    assert exposures.execute("SELECT count(*) FROM pairings").fetchone() == (1,)
    assert reasons(exposures) == {}


@pytest.mark.parametrize(
    ("filetype", "column", "value"),
    [
        ("flc", "cal_ver", "3.7.2"), ("flc", "cte_ver", "2.1"), ("flc", "cte_name", "PixelCTE 2019b"),
        ("flc", "pctetab", "/crds/54L1347EI_cte.fits"), ("flc", "pctecorr", "PERFORM"),
        ("flc", "scan_typ", "N"), ("flt", "cal_ver", "3.8.0"), ("flt", "cte_ver", "3.0"),
        ("flt", "pctetab", "other.fits"), ("flt", "pctecorr", "PERFORM"), ("flt", "cte_name", "x"),
    ],
)  # fmt: skip
def test_what_does_not_change_the_pixels_of_a_file_type_may_differ(exposures, filetype, column, value):
    insert(exposures, imagename="one", chip=1, mjd=57000.0, **FLC | {"filetype": filetype})
    insert(exposures, imagename="two", chip=2, mjd=57000.0, **FLC | {"filetype": filetype, column: value})
    assert exposures.execute("SELECT count(*) FROM pairings").fetchone() == (1,)


@pytest.mark.parametrize(
    ("facts", "generation"),
    [
        ({}, "cte2_54l1347ei"),
        ({"cte_ver": "3.0", "cal_ver": "3.8.0"}, "cte3_54l1347ei_serial"),
        ({"cal_ver": "3.10"}, "cte2_54l1347ei_serial"),
        ({"cal_ver": "4.0"}, "cte2_54l1347ei_serial"),
        ({"cte_ver": ""}, "pixelcte2019_54l1347ei"),
        ({"cte_ver": None, "cte_name": None, "pctetab": "N/A", "cal_ver": "sim"}, "cte-unknown"),
        ({"filetype": "flt", "cal_ver": "3.8.0"}, "flt"),
        ({"cte_ver": "02.0", "pctetab": "54l1347ei_cte"}, "cte2_54l1347ei"),
        ({"cte_ver": "v2.0 (2020)", "pctetab": r"C:\iref\54L1347EI_CTE.FITS"}, "cte2_54l1347ei"),
        ({"cte_ver": "N/A", "pctetab": "NONE"}, "pixelcte2019"),
        ({"cal_ver": "calwf3 3.8.0 (Sep-15-2026)"}, "cte2_54l1347ei_serial"),
        ({"cal_ver": "(Sep-15-2026)"}, "cte2_54l1347ei"),
        ({"cal_ver": "HSTDP 2024.1"}, "cte2_54l1347ei"),
        ({"cte_ver": "2,0", "cal_ver": "3,7,2"}, "cte2_54l1347ei"),
    ],
)
def test_a_generation_has_a_name(exposures, facts, generation):
    insert(exposures, imagename="one", chip=1, mjd=57000.0, **FLC | facts)
    assert exposures.execute("SELECT generation FROM exposures").fetchone() == (generation,)


def test_an_exposure_too_many_names_the_nearer_one(exposures):
    insert(exposures, imagename="one", chip=1, mjd=57000.0)
    insert(exposures, imagename="two", chip=2, mjd=57000.01)
    insert(exposures, imagename="three", chip=2, mjd=57000.5)
    ((reason, detail),) = exposures.execute("SELECT reason, detail FROM unpaired").fetchall()
    assert reason == "used_up"
    assert detail == "one agrees with it in all and is paired with two, which is nearer in time"


def test_a_partner_that_was_refused_is_named_and_one_of_another_level_is_none(exposures):
    insert(exposures, imagename="ic7802abq_flt.fits", chip=1, mjd=57000.0, visit="02")
    insert(exposures, imagename="ic7802aaq_flt.fits", chip=2, mjd=57000.0, visit="02")
    insert(exposures, imagename="ic7802acq_flt.fits", chip=2, mjd=57000.1, flash=12, visit="02")
    assert reasons(exposures) == {"ic7802acq_flt.fits": "partner_missing"}
    exposures.execute(
        "INSERT INTO rejects VALUES ('/d/a.fits', 'ic7802adq_flt.fits', 'screen', 'x_dither', 'dithered.'),"
        " ('/d/b.fits', 'ic7803adq_flt.fits', 'align', 'no_match', 'another visit.')"
    )
    assert reasons(exposures) == {"ic7802acq_flt.fits": "partner_excluded"}
    exposures.execute("INSERT INTO rejects VALUES ('/d/c', 'ic7802aeq_flc.fits', 'align', 'rms', 'Blurred.')")
    assert reasons(exposures) == {"ic7802acq_flt.fits": "partner_quarantined"}
    ((detail,),) = exposures.execute("SELECT detail FROM unpaired").fetchall()
    assert detail == "ic7802aeq_flc.fits was not measured (align, rms): Blurred."


def rolled(con: duckdb.DuckDBPyConnection, visits: dict[str, float], column: str = "orientation") -> set[str]:
    """Insert an exposure a visit at these rolls, a day apart; returns the pairs as 'first second'."""
    for number, (visit, roll) in enumerate(visits.items()):
        place = {"imagename": visit, "visit": visit, "target": "ngc6583", "chip": 2}
        insert(con, mjd=57000.0 + number, **place, **{column: roll})
    return {f"{a} {b}" for a, b in con.execute("SELECT image_1, image_2 FROM pairings").fetchall()}


@pytest.mark.parametrize("column", ["orientation", "pa_v3"])
@pytest.mark.parametrize(
    ("visits", "pairs"),
    [
        ({"10": 30.0, "11": 210.0}, {"10 11"}),
        ({"10": 359.0, "11": 181.0}, {"10 11"}),
        ({"10": 0.0, "11": 180.0}, {"10 11"}),
        ({"09": 30.0, "10": 30.1, "11": 210.0}, {"10 11"}),
        ({"10": 30.0, "11": 30.0, "12": 210.0, "13": 210.0}, {"10 12", "11 13"}),
        ({"11": 210.0, "10": 30.0, "12": 30.0}, {"11 10"}),
        ({"10": 30.0, "11": 120.0, "12": 300.0, "13": 210.0}, {"10 13", "11 12"}),
        ({"10": 30.0, "11": 30.0}, set()),
        ({"10": 30.0, "11": 200.0}, set()),
        # Rolls that spread over more than 5 degrees: by time 10 and 11 would go together, 12 and 13.
        (
            {"10": 30.0, "12": 34.0, "14": 38.0, "11": 218.0, "13": 214.0, "15": 210.0},
            {"10 15", "12 13", "14 11"},
        ),
    ],
)
def test_rolled_pairs_are_turned_whatever_visits_are_missing_or_out_of_order(
    exposures, visits, pairs, column
):
    assert rolled(exposures, visits, column) == pairs
    turns = exposures.execute("SELECT turn FROM pairings").fetchall()
    assert all(turn == pytest.approx(180, abs=5) for (turn,) in turns)


def test_of_any_rolls_as_many_pairs_as_there_can_be_are_turned(exposures):
    rng = np.random.default_rng(5)
    rows, expected = [], {}
    for proposal in range(120):
        base = rng.choice([0.0, 89.0, 178.5, 180.0, 359.99, rng.uniform(0, 360)])
        # Three axes 40 degrees apart, on each rolls that spread over up to 16 degrees.
        size, spread = rng.integers(2, 12), rng.integers(0, 23)
        axis, turned = rng.integers(0, rng.integers(1, 4), size), rng.integers(0, 2, size)
        rolls = (base + 40 * axis + 180 * turned + 0.7 * rng.integers(0, spread + 1, size)) % 360
        opposite = np.abs((rolls[turned == 0][:, None] - rolls[turned == 1] + 720) % 360 - 180) <= 5
        partners = maximum_bipartite_matching(csr_array(opposite), perm_type="column")
        expected[proposal] = int((partners >= 0).sum()) if opposite.size else 0
        rows += [(proposal, f"{n:02d}", 57000.0 + n, roll) for n, roll in enumerate(rolls)]
    exposures.executemany(
        "INSERT INTO facts (imagename, target, proposal, visit, filter, exptime, mjd, chinject, flash,"
        " filetype, chip, mode, settings_hash, orientation)"
        " SELECT $1 || ' ' || $2, 'ngc6583', $1, $2, 'F502N', 348, $3, 'NONE', 0, 'flt', 2, 'standard', '0',"
        " $4",
        rows,
    )
    found = exposures.execute(
        "SELECT proposal, count(*), min(turn), max(turn) FROM pairings GROUP BY proposal"
    )
    pairs = {proposal: (count, least, most) for proposal, count, least, most in found.fetchall()}
    assert {proposal: pairs.get(proposal, (0,))[0] for proposal in expected} == expected
    assert all(175 <= least <= most <= 185 for _, least, most in pairs.values())
    used = exposures.execute("SELECT unnest([image_1, image_2]) FROM pairings").fetchall()
    assert len(used) == len(set(used))


def test_a_visit_without_an_opposite_roll_says_so(exposures):
    rolled(exposures, {"09": 30.0, "10": 30.0})
    assert reasons(exposures) == {"09": "not_turned", "10": "not_turned"}
    rolled(exposures, {"11": 210.0})
    assert set(reasons(exposures).values()) == {"used_up"}


def test_different_masks_of_one_visit_are_one_masked_state(exposures):
    # Each exposure has a mask of its own; what may not mix is masked with unmasked.
    insert(exposures, imagename="one", chip=1, mjd=57000.0, crmask_hash="a")
    insert(exposures, imagename="two", chip=2, mjd=57000.0, crmask_hash="b")
    assert exposures.execute("SELECT count(*) FROM pairings").fetchone() == (1,)


def test_a_pair_across_midnight_is_found(lake):
    add_exposure(lake, "ic7802abq", chip=1, mjd=57601.999)
    add_exposure(lake, "ic7802aaq", chip=2, mjd=57602.001)
    assert pairs_of(lake) == {("ic7802abq_flt.fits", "ic7802aaq_flt.fits")}


def test_postarg1_may_be_ignored(lake):
    add_exposure(lake, "ic7802abq", chip=1, postarg1=2.5)
    add_exposure(lake, "ic7802aaq", chip=2, postarg1=0.0)
    assert pairs_of(lake) == set()
    assert len(pairs_of(lake, **{"measure.pair_same_postarg1": False})) == 1


def test_flt_and_flc_pair_each_with_its_own(lake):
    for filetype in ("flt", "flc"):
        add_pair(lake, filetype=filetype)
    assert pairs_of(lake) == {(f"ic7802abq_{f}.fits", f"ic7802aaq_{f}.fits") for f in ("flt", "flc")}


def test_the_180_degree_set_pairs_a_chip_with_itself_in_the_order_of_time(lake):
    for visit, mjd in (("10", 56103.2), ("11", 56103.6)):
        for root, chip in (("a", 2), ("b", 1)):
            add_exposure(
                lake,
                f"ib92{visit}{root}bq",
                target="ngc6583",
                proposal=12692,
                chip=chip,
                mjd=mjd,
                postarg2=0.0,
            )
    assert pairs_of(lake) == set()
    assert pairs_of(lake, "pairs_180") == {
        ("ib9210abq_flt.fits", "ib9211abq_flt.fits"),
        ("ib9210bbq_flt.fits", "ib9211bbq_flt.fits"),
    }
    with open_lake(lake) as opened:
        assert {(r["visit"], r["visit_2"], r["chip"]) for r in opened.pairs_180().rows()} == {
            ("10", "11", 1), ("10", "11", 2),
        }  # fmt: skip


def test_withdrawn_and_older_rows_do_not_pair(lake):
    add_pair(lake)
    add_exposure(lake, "ic7802abq", chip=1, revision=2, withdrawn=True)
    assert pairs_of(lake) == set()
    add_exposure(lake, "ic7802abq", chip=1, revision=3)
    assert len(pairs_of(lake)) == 1


def test_a_connection_sees_one_mode(lake):
    add_pair(lake)
    add_pair(lake, mode="iraf", settings_hash="2" * 16)
    with open_lake(lake) as standard, open_lake(lake, mode="iraf") as iraf:
        assert {row["mode"] for row in standard.pairs().rows()} == {ROW["mode"]}
        assert {row["mode"] for row in iraf.exposures().rows()} == {"iraf"}
        assert len(standard.exposures_all_modes()) == 4
