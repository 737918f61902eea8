"""The camera's profile: what Python and SQL know of it is one thing, and it stands in one place."""

from __future__ import annotations

import ast
import re
import tomllib
from dataclasses import replace
from pathlib import Path

import duckdb
import numpy as np
import pytest

from cte_lake.detector import DETECTOR, SIGMA_PER_MAD, Chip, Detector, exposure_length
from cte_lake.resources import data_dir
from cte_lake.simulate.law import readout_distance

ROOT = Path(__file__).parent.parent
#: Numbers that only a profile may state, wherever code is.
ONLY_HERE = {
    DETECTOR.rows, DETECTOR.top, DETECTOR.columns, DETECTOR.date_zero, DETECTOR.installed, SIGMA_PER_MAD
}  # fmt: skip


def asked(detector: Detector, query: str) -> list[tuple[object, ...]]:
    with duckdb.connect() as connection:
        for head, body in detector.sql_macros().items():
            connection.execute(f"CREATE MACRO {head} AS {body}")
        connection.execute((data_dir("sql") / "readout_distance.sql").read_text(encoding="utf-8"))
        return connection.execute(query).fetchall()


def test_sql_and_python_count_the_same_rows_to_the_amplifiers():
    rows = np.array([-0.5, 0.0, 17.25, 1024.0, 2050.0])
    for chip in (1, 2):
        listed = ", ".join(f"({row})" for row in rows)
        found = asked(DETECTOR, f"SELECT readout_distance({chip}, y) FROM (VALUES {listed}) AS t(y)")
        assert [row[0] for row in found] == pytest.approx(readout_distance(chip, rows), abs=0)
    assert asked(DETECTOR, "SELECT readout_distance(3, 7)") == [(None,)]


def test_another_camera_is_one_more_profile():
    acs = replace(
        DETECTOR,
        name="ACS/WFC",
        rows=2048,
        chips=(Chip(2, extension=1, reads_up=False), Chip(1, extension=2, reads_up=True)),
        installed=52334.0,
    )
    assert asked(acs, "SELECT readout_distance(1, 0), readout_distance(2, 5), chip_rows(), installed()") == [
        (2047, 5, 2048, 52334.0)
    ]
    turned = replace(DETECTOR, chips=(Chip(4, 1, reads_up=True),))
    assert turned.extension_of_chip == {4: 1}
    assert asked(turned, "SELECT readout_distance(4, 50), is_chip(4), is_chip(2)") == [(2000, True, False)]


@pytest.mark.parametrize(("exptime", "length"), [(0.5, "s"), (60.0, "s"), (60.01, "l"), (360.0, "l")])
def test_sixty_seconds_are_short(exptime, length):
    assert exposure_length(exptime) == length
    assert exposure_length(exptime, short_limit=1000.0) == "s"


def test_the_default_limit_of_short_exposures_is_the_profiles():
    defaults = tomllib.loads((ROOT / "cte_lake" / "config" / "defaults.toml").read_text(encoding="utf-8"))
    assert defaults["chips"]["short_limit"] == DETECTOR.short_limit


def test_no_code_states_a_number_of_the_camera_but_its_profile():
    stated = []
    for path in sorted((ROOT / "cte_lake").rglob("*.py")):
        if path.name == "detector.py" and path.parent.name == "cte_lake":
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if (
                isinstance(node, ast.Constant)
                and type(node.value) in (int, float)
                and node.value in ONLY_HERE
            ):
                stated.append(f"{path.relative_to(ROOT)}:{node.lineno}: {node.value}")
    for path in sorted((ROOT / "sql").rglob("*.sql")):
        code = re.sub(r"--[^\n]*", "", path.read_text(encoding="utf-8"))
        numbers = {float(number) for number in re.findall(r"(?<![\w.])\d+(?:\.\d+)?(?![\w.])", code)}
        stated += [f"{path.relative_to(ROOT)}: {number:g}" for number in numbers & (ONLY_HERE | {2048.0})]
    assert stated == []
