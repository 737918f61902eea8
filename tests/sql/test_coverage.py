"""What should be in a lake and is not: chips, file types, levels, visits that never came."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from cte_lake import open_lake
from cte_lake.cli.main import app
from cte_lake.config import load_settings
from cte_lake.report.coverage import coverage_gaps
from tests.sql.writing import add_exposure, add_pair


@pytest.fixture
def monitor(lake: Path) -> Path:
    """Five visits, one more never came; visit 03 lost a partner, 04 its FLCs, 02 a level."""
    for number, day in enumerate((0, 100, 200, 400, 500), start=1):
        visit, mjd = f"{number:02d}", 57000.0 + day
        for flash in (0, 12):
            for filetype in ("flt", "flc"):
                if (number, filetype, flash) == (4, "flc", 0) or (number, flash) == (2, 12):
                    continue
                common = {"filetype": filetype, "mjd": mjd, "flash": flash}
                letter = "a" if flash == 0 else "b"
                add_exposure(lake, f"ic78{visit}{letter}aq", chip=2, **common)
                if (number, flash) != (3, 0):
                    add_exposure(lake, f"ic78{visit}{letter}bq", chip=1, **common)
    return lake


def test_a_visit_is_held_against_its_siblings(monitor):
    with open_lake(monitor) as lake:
        rows = lake.sql("FROM coverage WHERE missing IS NOT NULL AND visit IS NOT NULL ORDER BY visit").rows()
        assert [(row["visit"], row["flash"], row["missing"], row["n_exposures"]) for row in rows] == [
            ("02", 12, "all exposures", 0),
            ("03", 0, "FLT of chip 1, FLC of chip 1", 2),
            ("04", 0, "FLC", 2),
        ]
        assert {row["n_pairs"] for row in lake.coverage(visit="01").rows()} == {2}


def test_the_plan_names_levels_that_no_visit_has(monitor):
    flash = {"proposals.14378.flash": {"ngc104": [0, 12, 55], "ngc6791": [0, 6]}}
    with open_lake(monitor, settings=load_settings(monitor, flash, {})) as lake:
        rows = lake.sql("FROM coverage WHERE visit IS NULL").rows()
        # No visit of NGC 6791 is in the lake: nothing is said of its levels.
        assert [(row["target"], row["flash"]) for row in rows] == [("ngc104", 55)]


def test_a_visit_that_never_came_is_overdue_by_the_cadence_of_those_before(monitor):
    with open_lake(monitor) as lake:
        gap, late = lake.sql("FROM overdue ORDER BY since").rows()
    assert (gap["state"], gap["since"], gap["expected"], gap["n_missing"]) == (
        "never came",
        57200.0,
        57300.0,
        1,
    )
    assert (late["state"], late["since"], late["cadence"]) == ("late", 57500.0, 100.0)


def test_two_visits_have_no_cadence(lake):
    for visit, mjd in (("01", 57000.0), ("02", 57100.0)):
        add_pair(lake, visit=visit, mjd=mjd)
    with open_lake(lake) as opened:
        assert opened.overdue().rows() == []


@pytest.mark.slow
def test_the_command_lists_what_is_missing_and_tells_the_rest(monitor):
    run = CliRunner().invoke(app, ["coverage", "--lake", str(monitor), "--format", "csv"])
    assert run.exit_code == 0
    assert "FLC of chip 1" in run.stdout
    assert "1 epoch never came" in run.stderr
    assert (
        "without a partner: NGC 104 14378/03 ic7803aaq, FLT and FLC: no exposure on chip 1 of visit 03"
        in run.stderr
    )
    with open_lake(monitor) as lake:
        told = coverage_gaps(lake)
    assert any("14378/03: F502N l flash 0: FLT of chip 1" in line for line in told["incomplete"])
    assert told["unpaired"] == {"partner_missing": 2}
    status = CliRunner().invoke(app, ["status", "--lake", str(monitor)])
    assert "Coverage" in status.stdout
