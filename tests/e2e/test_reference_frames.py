"""Frames with known loss go in, and the loss comes out: the nominal and the 180-degree set."""

import json

import numpy as np
import pytest

import cte_lake

#: Loss that the frames' simulator left in the FLC, as a part of the FLT's.
LEFT_IN_FLC = 0.35


@pytest.fixture(scope="module")
def lake(shared, tmp_path_factory, cte_lake_command):
    """A lake with both targets, made by the installed command."""
    root = tmp_path_factory.mktemp("reference") / "lake"
    steps = [
        ("init", root),
        *(
            ("master", "import", shared / "frames" / t / f"{t}_master.cat", "--target", t, "--lake", root)
            for t in ("ngc104", "ngc6583")
        ),
        ("ingest", shared / "frames", "--lake", root, "--workers", 2),
        ("audit", "--lake", root),
    ]
    for step in steps:
        done = cte_lake_command(*step)
        assert done.returncode == 0, f"{step}: {done.stderr}"
    return cte_lake.open_lake(root)


@pytest.fixture(scope="module")
def measured(lake, shared):
    """One row a pair, bin and file type: measured loss, its error, and the truth."""
    found = lake.sql(
        """
        SELECT image_1[:9] AS root_1, image_2[:9] AS root_2, filetype, bin_lo, bin_hi, cte_loss, cte_loss_err
        FROM cte WHERE estimator = 'mean_flux'
        """
    ).arrow()
    by_key = {}
    for row in found.to_pylist():
        key = (frozenset((row["root_1"], row["root_2"])), row["filetype"], row["bin_lo"], row["bin_hi"])
        assert key not in by_key
        by_key[key] = row
    rows = []
    for target in ("ngc104", "ngc6583"):
        for pair in json.loads((shared / "frames" / target / "truth.json").read_text()):
            roots = frozenset(value for value in pair.values() if isinstance(value, str))
            for truth in pair["cte_per_2048"]:
                for filetype, left in (("flt", 1.0), ("flc", LEFT_IN_FLC)):
                    row = by_key[roots, filetype, truth["lo"], truth["hi"]]
                    rows.append({**row, "target": target, "truth": truth["loss"] * left})
    return rows


def columns(rows, *names):
    return [np.array([row[name] for row in rows]) for name in names]


@pytest.mark.slow
@pytest.mark.parametrize("filetype", ["flt", "flc"])
def test_the_truth_is_recovered_within_two_errors(measured, filetype):
    rows = [row for row in measured if row["filetype"] == filetype]
    loss, error, truth = columns(rows, "cte_loss", "cte_loss_err", "truth")
    assert len(rows) == 32
    within = np.abs(loss - truth) < 2 * error
    assert within.sum() >= 30, [row for row, good in zip(rows, within, strict=True) if not good]
    assert (loss[truth > 0.05] > 0).all()


@pytest.mark.slow
def test_flc_keep_a_third_of_the_loss(measured):
    flt, flc = ([row for row in measured if row["filetype"] == t] for t in ("flt", "flc"))
    (loss_flt, error_flt), (loss_flc, error_flc) = (
        columns(rows, "cte_loss", "cte_loss_err") for rows in (flt, flc)
    )
    weight = 1 / (error_flt**2 + error_flc**2)
    ratio = (weight * loss_flc * loss_flt).sum() / (weight * loss_flt**2).sum()
    assert ratio == pytest.approx(LEFT_IN_FLC, abs=0.05)


@pytest.mark.slow
def test_the_180_degree_set_is_paired_on_one_chip(lake):
    pairs = (
        lake.sql("SELECT image_1, image_2, chip, filetype FROM pairs_180 ORDER BY ALL").arrow().to_pylist()
    )
    assert {(p["image_1"][6:9], p["image_2"][6:9], p["chip"]) for p in pairs} == {
        ("aaq", "aaq", 2),
        ("bbq", "bbq", 1),
    }
    assert len(pairs) == 4
    assert {p["image_1"][:6] for p in pairs} == {"ib9210"}
    assert {p["image_2"][:6] for p in pairs} == {"ib9211"}


@pytest.mark.slow
def test_rows_are_conserved(lake):
    (row,) = (
        lake.sql(
            "SELECT (SELECT sum(n_stars) FROM exposures) AS matched, (SELECT count(*) FROM phot) AS found"
        )
        .arrow()
        .to_pylist()
    )
    assert row["matched"] == row["found"] > 10_000
