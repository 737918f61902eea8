from __future__ import annotations

from itertools import pairwise

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cte_lake.frames.calibration import HAP, PIPELINE, Calibration, product_of, version_key
from cte_lake.frames.exposure import read_exposure
from cte_lake.resources import data_dir

RISING = ["", "sim", "2.0", "3.1.6 (DD-Nov-2015)", "3.5.0beta1", "CALWF3 3.5.0b2", "3.5.0 beta 10",
          "3.5.0-rc1", "3.5", "3.7.1 (Oct-18-2023)", "3.7.1post1", "3.7.2 (Apr-15-2024)",
          "3.7.10 (Jan-01-2024)", "calwf3_3.8.0.dev3", "CALWF3 3.8.0b1", "3.8", "3.10", "v4.0"]  # fmt: skip


def test_versions_are_compared_as_numbers():
    keys = [version_key(text) for text in RISING]
    assert keys == sorted(keys)
    assert version_key("3.7") == version_key("3.7.0 (x)")
    assert version_key("3.7.1(Oct-18-2023)") == version_key(" 3.7.1 ") == version_key("calwf3 3.7.1")
    assert version_key("(Oct-18-2023)") == version_key("HSTDP 2024.1") == version_key("")
    assert version_key("(3.7.1)") == version_key("WFC3 3.7.1") == version_key("3.7.1 Oct-18-2023")
    assert version_key("Oct 18 2023") == version_key("3.x (Jan-01-2026)") == version_key("git-12abc")
    assert version_key("3." + "9" * 5000) > version_key("3.9")


def test_the_views_find_the_same_numbers():
    with duckdb.connect() as connection:
        connection.execute((data_dir("sql") / "version_numbers.sql").read_text())
        texts = [
            *RISING,
            "(3.7.1)",
            "WFC3 3.7.1",
            "2 (x)",
            "HSTDP 2024.1",
            "Oct 18 2023",
            "3.x",
            "3.7.1 / 2.0",
        ]
        for text in texts:
            (numbers,) = connection.execute("SELECT version_numbers(?)", [text]).fetchone()
            known = version_key(text) > version_key("")
            assert numbers == (list(version_key(text).release) if known else []), text


@given(
    st.lists(st.integers(0, 99), min_size=1, max_size=4), st.lists(st.integers(0, 99), min_size=1, max_size=4)
)
def test_any_two_versions_are_in_the_order_of_their_numbers(one, two):
    width = max(len(one), len(two))
    padded = [numbers + [0] * (width - len(numbers)) for numbers in (one, two)]
    keys = [version_key(".".join(map(str, numbers)) + " (Oct-18-2023)") for numbers in (one, two)]
    assert (keys[0] < keys[1]) == (padded[0] < padded[1])


def test_pipeline_then_version_then_cte_then_day():
    rising = [
        Calibration(HAP, "3.9", "3.0", "2026-01-01"),
        Calibration(PIPELINE, "3.7.1", "2.0", ""),
        Calibration(PIPELINE, "3.7.1", "2.0", "2023-12-15"),
        Calibration(PIPELINE, "3.7.1", "3.0", "2020-01-01"),
        Calibration(PIPELINE, "3.10", "", "2019-01-01"),
    ]
    assert all(one < two for one, two in pairwise(rising))
    assert Calibration(PIPELINE, "3.7.0", "2.0", "") == Calibration(PIPELINE, "3.7 (x)", "2", "no date")


@pytest.mark.parametrize(
    ("facts", "product"),
    [
        (("ib4606c5q_flc.fits", "ib4606c5q_flc.fits", "IDC_2731450pi-FIT_REL_GAIAeDR3", None), PIPELINE),
        (("hst_11665_06_wfc3_uvis_f555w_ib4606c6_flc.fits", "", "", None), HAP),
        (("renamed_flc.fits", "hst_11665_06_wfc3_uvis_f555w_ib4606c6_flc.fits", "", None), HAP),
        (("renamed_flc.fits", "", "IDC_2731450pi-FIT_SVM_GAIAeDR3", None), HAP),
        (("renamed_flc.fits", "", "IDC_2731450pi-FIT_MVM_GAIAeDR3", None), HAP),
        (("renamed_flc.fits", "", "", 1), HAP),
    ],
)
def test_hap_products_are_told_apart(facts, product):
    assert product_of(*facts) == product


def test_genuine_files_say_what_they_are(shared):
    pipeline = read_exposure(shared / "real/sample_ipppssoot_flc.fits")
    hap = read_exposure(shared / "real/sample_svm_flc.fits")
    assert (pipeline.product, pipeline.cal_ver, pipeline.cal_date) == (
        PIPELINE,
        "3.7.1 (Oct-18-2023)",
        "2023-12-15",
    )
    assert hap.calibration < pipeline.calibration
    assert str(pipeline.calibration) == "CAL_VER 3.7.1 (Oct-18-2023), CTE_VER 2.0, written on 2023-12-15"
