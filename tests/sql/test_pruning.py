"""What a question about one pair reads of the photometry: files, and columns."""

from __future__ import annotations

import itertools
import re

import numpy as np
import pytest

from cte_lake import Lake, open_lake
from cte_lake.lake.create import create_lake
from cte_lake.lake.stored import stored
from tests.sql.writing import add_pair

#: Photometry files of the lake, and the empty one that bears the schema.
FILES, SEED = 32, 1


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    root = tmp_path_factory.mktemp("pruning") / "lake"
    create_lake(stored(root))
    rng = np.random.default_rng(4)
    n = 400
    folders = itertools.product(("ngc104", "ngc6791"), (14378, 14541), (0, 12))
    for number, (target, proposal, flash) in enumerate(folders):
        for filetype in ("flt", "flc"):
            flux = rng.uniform(300, 20000, n)
            stars = {
                "master_id": np.arange(n),
                "y": rng.uniform(0, 2050, n),
                "flux_r03": flux,
                "sky": np.ones(n),
            }
            add_pair(
                root, f"i{number:03d}", first=stars, second=stars, target=target, proposal=proposal,
                flash=flash, filetype=filetype,
            )  # fmt: skip
    return open_lake(root, threads=1)


def files_read(lake: Lake, query: str) -> list[int]:
    """Photometry files that each scan of a query read."""
    (plan,) = (row["explain_value"] for row in lake.sql(f"EXPLAIN ANALYZE {query}").rows())
    return [int(number) for number in re.findall(r"Total Files Read:\s*(\d+)", plan)]


def test_all_pairs_read_all_files(opened):
    # Each side of the star match reads the files that its exposure rows name.
    assert sum(files_read(opened, "FROM slopes")) >= FILES
    assert sum(files_read(opened, "FROM log_slopes")) >= FILES


def test_named_files_are_not_taken_for_empty(opened):
    phot = opened.stored.dataset("phot")
    files = [opened.stored / listed.path for listed in phot.listing() if "seed" not in listed.path]
    with phot.connection() as connection:
        plan = connection.sql(f"EXPLAIN (FORMAT json) FROM {phot.scan_of(files)}").fetchall()[0][1]
    # By the first file; the empty one makes joins hold the photometry, and read it to the last row.
    assert int(re.findall(r'"Estimated Cardinality": "(\d+)"', plan)[0]) >= FILES * 400


@pytest.mark.parametrize("view", ["matched_stars", "ratios", "slopes", "log_slopes", "cte", "cte_vs_flux"])
def test_one_pair_reads_its_two_files(opened, view):
    pair = opened.pairs(target="ngc104", proposal=14541, flash=12, filetype="flc").rows()[0]
    found = files_read(opened, f"FROM {view} WHERE pair_id = {pair['pair_id']}")
    # One for each side of a pair; where all estimators are asked for, slopes and log_slopes each have theirs.
    assert len(found) == (4 if view.startswith("cte") else 2)
    assert max(found) <= 2
    rows = opened.view(view, pair_id=pair["pair_id"]).rows()
    assert rows
    assert {row["pair_id"] for row in rows} == {pair["pair_id"]}


@pytest.mark.slow
@pytest.mark.parametrize("view", ["cte", "cte_vs_flux", "cte_vs_time", "cte_vs_flash", "binned_ratios"])
def test_who_names_an_estimator_does_not_pay_for_the_others(opened, view):
    pair = opened.pairs(target="ngc104", proposal=14541, flash=12, filetype="flc").rows()[0]
    query = f"FROM {view} WHERE pair_id = {pair['pair_id']}"
    # Each slope reads both sides of the pairs; so do the stars of binned_ratios beside it.
    stars = 2 if view == "binned_ratios" else 0
    assert len(files_read(opened, query)) == 4 + stars
    for chosen in ("= 'mean_flux'", "= 'log_ratio'", "IN ('both_in_bin', 'mean_flux')"):
        assert len(files_read(opened, f"{query} AND estimator {chosen}")) == 2 + stars


@pytest.mark.slow
@pytest.mark.parametrize(
    ("condition", "most"),
    [
        ("target = 'ngc104'", FILES // 2),
        ("proposal = 14541", FILES // 2),
        ("target = 'ngc104' AND proposal = 14541", FILES // 4),
        ("target = 'ngc104' AND proposal = 14541 AND flash = 0 AND filetype = 'flt'", FILES // 4),
    ],
)
def test_a_partition_reads_its_files(opened, condition, most):
    for view in ("slopes", "log_slopes", "cte", "cte_vs_flux"):
        found = files_read(opened, f"FROM {view} WHERE {condition}")
        assert max(found) <= most, (view, found)


def test_stars_are_looked_for_in_the_files_of_the_selection(opened):
    chosen = "target = 'ngc104' AND proposal = 14541 AND flash = 0"
    # FLC and FLT of four exposures, each of them once.
    assert sum(files_read(opened, f"FROM recovery WHERE {chosen}")) <= FILES // 8


def test_only_the_columns_of_the_radius_are_read(opened):
    for aperture, suffix in ((3, "r03"), (10, "r10")):
        (plan,) = (
            row["explain_value"] for row in opened.sql(f"EXPLAIN FROM slopes(aperture := {aperture})").rows()
        )
        radii = set(re.findall(r"(?:flux|area|flux_err|bkg)_(r\d\d)", plan))
        assert radii == {suffix}


def test_filters_of_the_python_face_choose_rows(opened):
    assert len(opened.slopes(target=["ngc104"], proposal=[14541, 14542])) == 4 * 8 * 2
    assert len(opened.slopes(target="ngc104", proposal=14541, bin_lo=500, bin_hi=1000, flash=[0])) == 2 * 2
    assert len(opened.slopes(target=[])) == 0
    assert len(opened.slopes(chip=None)) == 8 * 2 * 8 * 2
