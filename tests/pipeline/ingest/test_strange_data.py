"""Data sets left out by default: measured when wanted, recorded as what they are, kept apart in pairs."""

from __future__ import annotations

import pytest
from astropy.io import fits

from cte_lake.api import open_lake
from tests.lakes import current, rejects

CHIP1 = "ic7801abq"


def edit(frames, cards, rootname=""):
    for path in frames.glob(f"{rootname}*.fits"):
        with fits.open(path, mode="update") as hdus:
            hdus[0].header.update(cards)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("cards", "rule", "column", "value"),
    [
        ({"CHINJECT": "LINE10"}, "charge_injection", "chinject", "LINE10"),
        ({"SCAN_TYP": "C", "SCAN_RAT": 0.5}, "scan", "scan_typ", "C"),
        ({"SCAN_TYP": "N", "SCAN_RAT": 0.5}, "scan", "scan_typ", "RATE"),
        ({"FGSLOCK": "GYROS"}, "guiding", "n_stars", None),
        ({"QUALITY": "GSFAIL"}, "quality", "n_stars", None),
    ],
)
def test_left_out_by_default_measured_when_wanted_and_kept_apart(
    run, lake, frames, cards, rule, column, value
):
    edit(frames, cards, CHIP1)
    report = run(frames)
    assert (report.measured, report.excluded) == (2, 2)
    assert {row["reason"] for row in rejects(lake)} == {rule}
    report = run(frames, flags={f"exclusions.{rule}.enabled": False})
    assert report.excluded == 0
    rows = current(lake)
    assert len(rows) == 4
    if value is None:
        return
    assert {row[column] for name, row in rows.items() if name.startswith(CHIP1)} == {value}
    assert open_lake(lake).sql("SELECT count(*) AS n FROM pairs").rows() == [{"n": 0}]


def test_flux_ratio_is_taken_from_the_chip_where_the_primary_lacks_it(run, lake, frames):
    for path in frames.glob("*.fits"):
        with fits.open(path, mode="update") as hdus:
            hdus[0].header.remove("PHTRATIO", ignore_missing=True)
            hdus[0].header["FLUXCORR"] = "COMPLETE  "
            hdus["SCI", 1].header["PHTRATIO"] = 1.0105
    run(frames)
    assert {(row["phtratio"], row["fluxcorr"]) for row in current(lake).values()} == {(1.0105, "COMPLETE")}


def test_an_aperture_on_chip_1_is_believed_only_with_the_wcs(run, lake, frames):
    """POSTARG2 0 at UVIS1 is chip 1; where no star of the catalog is there, that is said."""
    edit(frames, {"APERTURE": "UVIS1", "POSTARG2": 0.0}, CHIP1)
    run(frames)
    assert {row["chip"] for name, row in current(lake).items() if name.startswith(CHIP1)} == {1}


@pytest.mark.slow
@pytest.mark.parametrize("place", [("UVIS1", 0.0), ("UVIS1-C512A-SUB", 0.0), ("IR-FIX", 82.0)])
def test_keywords_and_wcs_that_contradict_are_refused_with_the_counts(run, lake, frames, place):
    edit(frames, dict(zip(("APERTURE", "POSTARG2"), place, strict=True)), CHIP1)
    for path in frames.glob(f"{CHIP1}*.fits"):
        with fits.open(path, mode="update") as hdus:
            hdus["SCI", 2].header["CRVAL1"] += 3.0
    run(frames)
    refused = [row for row in rejects(lake) if row["imagename"].startswith(CHIP1)]
    assert {row["reason"] for row in refused} == {"chip_unclear"}
    assert "chip 1 holds 0" in refused[0]["detail"]
