from dataclasses import replace

import pytest

from cte_lake.errors import Rejected
from cte_lake.frames.exposure import read_exposure
from cte_lake.frames.screening import ScreeningRules, resolve_target, screen

SPELLINGS = {"ngc104": ("NGC104", "NGC-104"), "ngc6583": ("NGC6583",), "ngc6791": ("NGC6791",)}

RULES = ScreeningRules(
    reasons={
        "charge_injection": "injected charge fills the traps",
        "x_dither": "only y dithers measure CTE along y",
        "sub_dither": "the field lies on neither chip as a whole",
        "binned": "binned pixels are read differently",
        "subarray": "readout distances differ",
        "expflag": "the exposure did not run as planned",
        "quality": "the archive tells of trouble",
        "guiding": "trailed",
        "scan": "stars are lines",
        "grism": "stars are spectra",
        "amplifiers": "other ways to the amplifiers",
        "quad_filter": "another filter in each quarter",
        "no_star_field": "no stars",
    },
    x_dither_limit=0.1,
    chip2_limit=0.1,
    chip1_limit=80.0,
    same_chip_targets=frozenset({"ngc6583"}),
    fields={"NGC-104-CAL2": "another field"},
    visits={(12379, "07"): "undithered", (12379, "13"): "lost guide stars"},
    spellings=SPELLINGS,
)


@pytest.fixture
def exposure(make_frame):
    """A nominal exposure; a changed copy of it is what another header would give."""
    return read_exposure(make_frame())


CASES = [
    ({"chinject": "LINE10"}, "charge_injection", "injected charge"),
    ({"chinject": "CONT"}, "charge_injection", "CONT"),
    ({"postarg1": 0.2}, "x_dither", "0.2"),
    ({"postarg1": -2.5}, "x_dither", "only y dithers"),
    ({"postarg2": 0.11}, "sub_dither", "neither chip"),
    ({"postarg2": -82.0}, "sub_dither", "-82"),
    ({"postarg2": 79.9}, "sub_dither", "79.9"),
    ({"targname": "NGC-104-CAL2"}, "excluded_field", "another field"),
    ({"targname": "ngc104 cal2"}, "excluded_field", "another field"),
    ({"proposal": 12379, "visit": "13"}, "excluded_visit", "lost guide stars"),
    ({"binaxis2": 2}, "binned", "1x2"),
    ({"subarray": True}, "subarray", "readout distances"),
    ({"expflag": "INTERRUPTED"}, "expflag", "INTERRUPTED"),
    ({"quality": "TDF-DOWN; guide star failure"}, "quality", "guide star failure"),
    ({"fgslock": "GYROS"}, "guiding", "GYROS"),
    ({"fgslock": "FINE/GYRO"}, "guiding", "FINE/GYRO"),
    ({"fgslock": "LOST"}, "guiding", "FGSLOCK=LOST"),
    ({"filter": "FQ508N"}, "quad_filter", "FILTER=FQ508N"),
    ({"scan_typ": "C"}, "scan", "SCAN_TYP=C"),
    ({"scan_typ": "D", "scan_rat": 0.5}, "scan", "0.5 arcsec/s"),
    ({"scan_typ": "N", "scan_rat": 0.5}, "scan", "0.5 arcsec/s"),
    ({"filter": "G280"}, "grism", "G280"),
    ({"obstype": "SPECTROSCOPIC"}, "grism", "SPECTROSCOPIC"),
    ({"ccdamp": "AC"}, "amplifiers", "AC"),
    ({"imagetyp": "DARK"}, "no_star_field", "DARK"),
    ({"sclamp": "TUNGSTEN-1"}, "no_star_field", "TUNGSTEN-1"),
    ({"mtflag": "T"}, "no_star_field", "MTFLAG=T"),
    ({"mtflag": "MAYBE"}, "no_star_field", "MTFLAG=MAYBE"),
    ({"aperture": "UVIS1", "postarg2": 82.0}, "sub_dither", "82 of UVIS1"),
    ({"postarg2": 160.0}, "sub_dither", "160"),
]


@pytest.mark.parametrize(("change", "reason", "words"), CASES)
def test_each_rule_gives_its_configured_reason(exposure, change, reason, words):
    found = screen(replace(exposure, **change), RULES)
    assert found is not None
    assert found.reason == reason
    assert words in found.detail
    row = found.as_rejected()
    assert (row.reason, row.detail, row.stage) == (reason, found.detail, "screen")


@pytest.mark.parametrize(
    "change",
    [
        {},
        {"postarg2": 82.0},
        {"postarg2": -0.1},
        {"postarg1": 0.1},
        {"visit": "13"},
        {"naxis1": 640},
        {"targname": "NGC6583", "postarg1": 30.0, "postarg2": -41.0},
        {"targname": "ngc 6583", "postarg2": 41.0},
        {"expflag": "normal"},
        {"quality": "ok"},
        {"quality": "N/A"},
        {"fgslock": ""},
        {"fgslock": "UNKNOWN"},
        {"scan_typ": "", "scan_rat": None},
        {"scan_typ": "N", "scan_rat": 0.0},
        {"obstype": "", "imagetyp": "", "sclamp": "", "ccdamp": "", "mtflag": ""},
        {"aperture": "UVIS1-FIX"},
        {"aperture": "UVIS1", "postarg2": -82.0},
        {"aperture": "UVIS2", "postarg2": 82.0},
    ],
)
def test_what_no_rule_names_is_measured(exposure, change):
    assert screen(replace(exposure, **change), RULES) is None


@pytest.mark.parametrize(
    ("change", "reason", "words"), [case for case in CASES if not case[1].startswith("excluded")]
)
def test_a_rule_that_is_off_leaves_nothing_out(exposure, change, reason, words):
    assert screen(replace(exposure, **change), RULES.without(reason)) is None


def test_reference_frames_pass(shared):
    for path in (shared / "frames").glob("*/data/*.fits.fz"):
        assert screen(read_exposure(path), RULES) is None


@pytest.mark.parametrize("name", ["NGC104", "ngc-104", " Ngc 104 ", "NGC_104", "ngc104", "NGC 0104"])
def test_spellings_are_folded(name):
    assert resolve_target(name, SPELLINGS) == "ngc104"


@pytest.mark.parametrize("name", ["../../x", "", "NGC1040", "NGC-104-CAL2"])
def test_unknown_targets_are_refused(name):
    with pytest.raises(Rejected) as caught:
        resolve_target(name, SPELLINGS)
    assert caught.value.reason == "unknown_target"
    assert repr(name) in caught.value.detail
