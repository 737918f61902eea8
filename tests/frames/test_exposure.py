import gzip
import shutil
from dataclasses import replace

import numpy as np
import pytest

from cte_lake.errors import Rejected
from cte_lake.frames import opening
from cte_lake.frames.exposure import read_exposure
from cte_lake.frames.fitsfile import read_chip
from cte_lake.frames.regular import cannot_open


def refusal(path, **options):
    with pytest.raises(Rejected) as caught:
        read_exposure(path, **options)
    return caught.value


@pytest.mark.parametrize("suffix", [".fits", ".fits.gz", ".fits.fz"])
def test_every_compression_gives_the_same_facts(make_frame, suffix):
    exposure = read_exposure(make_frame(f"ic7802baq_flt{suffix}"))
    assert exposure.imagename == "ic7802baq_flt.fits"
    assert (exposure.rootname, exposure.filetype, exposure.visit) == ("ic7802baq", "flt", "02")
    assert (exposure.targname, exposure.proposal, exposure.filter) == ("NGC104", 14378, "F502N")
    assert (exposure.exptime, exposure.length, exposure.mjd) == (348.0, "l", 57601.324)
    assert (exposure.flash, exposure.flashsta) == (12, "SUCCESSFUL")
    assert (exposure.flashdur, exposure.flashcur, exposure.shutter) == (1.2, "LOW", "A")
    assert (exposure.chinject, exposure.expflag) == ("NONE", "NORMAL")
    assert (exposure.binaxis1, exposure.binaxis2, exposure.subarray) == (1, 1, False)
    assert (exposure.naxis1, exposure.naxis2) == (48, 60)
    assert (exposure.postarg1, exposure.postarg2, exposure.pa_v3) == (0.0, 0.0, 110.0)
    assert exposure.wcsname == "IDC_2731450pi"
    assert (exposure.mdrizsky_1, exposure.mdrizsky_2) == (None, None)


def test_reference_frames_are_read(shared):
    paths = sorted((shared / "frames").glob("*/data/*.fits.fz"))
    exposures = [read_exposure(path) for path in paths]
    assert [exposure.imagename for exposure in exposures] == [p.name.removesuffix(".fz") for p in paths]
    flash = {exposure.rootname: exposure.flash for exposure in exposures}
    assert {root for root, level in flash.items() if level == 12} == {"ic7802baq", "ic7802bbq"}
    assert all((e.naxis1, e.naxis2, e.subarray) == (640, 2051, False) for e in exposures)


def test_path_is_absolute_and_names_come_from_the_header(make_frame, monkeypatch):
    path = make_frame("renamed_flt.fits")
    monkeypatch.chdir(path.parent)
    exposure = read_exposure("renamed_flt.fits")
    assert exposure.path == str(path)
    assert exposure.imagename == "ic7802baq_flt.fits"


@pytest.mark.parametrize(("exptime", "limit", "length"), [(60.0, 60, "s"), (60.5, 60, "l"), (60.5, 61, "s")])
def test_short_up_to_the_limit(make_frame, exptime, limit, length):
    cards = {"EXPTIME": exptime, "EXPEND": 57601.324 + exptime / 86400.0}
    assert read_exposure(make_frame(primary=cards), short_limit=limit).length == length


def test_an_interrupted_exposure_may_take_minutes_more(make_frame):
    cards = {"EXPTIME": 100.0, "EXPFLAG": "INTERRUPTED"}
    assert read_exposure(make_frame(primary=cards)).exptime == 100.0


@pytest.mark.parametrize(
    ("raw", "normal"),
    [
        ("NONE", "NONE"),
        (" none ", "NONE"),
        ("CONT", "CONT"),
        ("CONTINUOUS", "CONT"),
        ("LINE10", "LINE10"),
        ("10-LINE", "LINE10"),
        ("LINE 25", "LINE25"),
        ("N/A", "NONE"),
    ],
)
def test_charge_injection_is_spelled_one_way(make_frame, raw, normal):
    assert read_exposure(make_frame(primary={"CHINJECT": raw})).chinject == normal


def test_sky_is_told_per_chip(make_frame):
    exposure = read_exposure(make_frame(sci1={"MDRIZSKY": 2.5}, sci2={"MDRIZSKY": 1.5}))
    assert (exposure.mdrizsky_1, exposure.mdrizsky_2) == (1.5, 2.5)


class TestFiletype:
    def test_flc_by_name_and_header(self, make_frame):
        exposure = read_exposure(make_frame("ic7802baq_flc.fits", primary={"PCTECORR": "COMPLETE"}))
        assert (exposure.filetype, exposure.imagename) == ("flc", "ic7802baq_flc.fits")

    def test_header_alone_where_the_name_does_not_tell(self, make_frame):
        assert read_exposure(make_frame("a.fits", primary={"PCTECORR": "COMPLETE"})).filetype == "flc"
        assert read_exposure(make_frame("b.fits")).filetype == "flt"

    def test_flt_from_before_the_correction_existed(self, make_frame):
        assert read_exposure(make_frame(primary={"PCTECORR": None})).filetype == "flt"

    @pytest.mark.parametrize(
        ("name", "correction", "reason"),
        [
            ("ic7802baq_flc.fits", "OMIT", "filetype_mismatch"),
            ("ic7802baq_flt.fits", "COMPLETE", "filetype_mismatch"),
            ("ic7802baq_flc.fits", None, "filetype_mismatch"),
            ("ic7802baq_raw.fits", "PERFORM", "wrong_product"),
            ("ic7802baq_drz.fits", "OMIT", "wrong_product"),
            ("some.fits", "PERFORM", "unknown_filetype"),
        ],
    )
    def test_disagreement_is_refused(self, make_frame, name, correction, reason):
        error = refusal(make_frame(name, primary={"PCTECORR": correction}))
        assert error.reason == reason
        assert name in error.detail


UNFLASHED = {
    "FLASHSTA": "NOT PERFORMED", "FLASHLVL": 0, "FLASHDUR": 0.0, "FLASHCUR": "ZERO", "FLSHCORR": "OMIT",
}  # fmt: skip


class TestFlash:
    """The frame at hand was flashed: SUCCESSFUL, level 12, 1.2 s at LOW, corrected."""

    @pytest.mark.parametrize(
        "cards",
        [
            UNFLASHED,
            UNFLASHED | {"FLSHCORR": "COMPLETE"},  # nothing to subtract, and that was done
            UNFLASHED | {"FLASHLVL": None},
            UNFLASHED | {"FLASHLVL": "N/A", "FLASHDUR": "INDEF"},
            UNFLASHED | {"FLASHSTA": "", "FLASHLVL": ""},
            UNFLASHED | dict.fromkeys(("FLASHSTA", "FLASHLVL", "FLASHDUR", "FLASHCUR", "FLSHCORR")),
        ],
    )
    @pytest.mark.parametrize("mean", [0.0, None])
    def test_no_flash_is_level_zero(self, make_frame, cards, mean):
        chips = {"MEANFLSH": mean}
        assert read_exposure(make_frame(primary=cards, sci1=chips, sci2=chips)).flash == 0

    @pytest.mark.parametrize(
        ("cards", "mean", "reason"),
        [
            (UNFLASHED | {"FLASHDUR": 13.0}, 91.0, "flash_contradiction"),
            (UNFLASHED, 91.0, "flash_contradiction"),
            (UNFLASHED | {"FLASHLVL": 12}, 0.0, "flash_contradiction"),
            (UNFLASHED | {"FLASHSTA": "SUCCESSFUL"}, 0.0, "flash_contradiction"),
            (UNFLASHED | {"FLASHSTA": "", "FLASHDUR": 13.0}, 0.0, "flash_unclear"),
            (UNFLASHED | {"FLASHSTA": "PERHAPS"}, 91.0, "flash_unclear"),
            ({"FLASHSTA": None}, 12.0, "flash_unclear"),
            ({"FLASHSTA": "UNKNOWN"}, 12.0, "flash_unclear"),
            ({"FLASHSTA": "ABORTED"}, 12.0, "flash_aborted"),
            ({"FLASHDUR": 0.0}, 12.0, "flash_contradiction"),
            ({"FLASHCUR": "ZERO"}, 12.0, "flash_contradiction"),
            ({"FLASHDUR": 400.0}, 12.0, "flash_contradiction"),
            ({}, 91.0, "flash_contradiction"),
            ({"FLSHCORR": "OMIT"}, 91.0, "flash_contradiction"),
            ({"FLSHCORR": "OMIT"}, 0.0, "flash_not_subtracted"),
            ({"FLASHLVL": 116, "FLASHDUR": 11.6}, 12.0, "flash_contradiction"),
            (UNFLASHED | {"FLASHCUR": "MED"}, 0.0, "flash_contradiction"),
            (UNFLASHED | {"FLASHSTA": " ", "FLASHCUR": "high"}, 0.0, "flash_unclear"),
            ({"FLSHCORR": " "}, 0.0, "flash_not_subtracted"),
            ({"FLSHCORR": "N/A"}, 12.0, "flash_not_subtracted"),
            ({}, 0.0, "flash_contradiction"),  # said to be subtracted, and nothing was
        ],
    )
    def test_contradictions_are_refused_with_the_figures(self, make_frame, cards, mean, reason):
        error = refusal(make_frame(primary=cards, sci1={"MEANFLSH": mean}, sci2={"MEANFLSH": mean}))
        assert error.reason == reason
        assert f"MEANFLSH {mean:g}" in error.detail
        assert "FLASHSTA" in error.detail

    @pytest.mark.parametrize("correction", ["COMPLETE", None])
    def test_each_chip_has_its_say(self, make_frame, correction):
        cards = {"FLSHCORR": correction}
        error = refusal(make_frame(primary=cards, sci1={"MEANFLSH": 12.0}, sci2={"MEANFLSH": 0.0}))
        assert error.reason == "flash_contradiction"
        assert "MEANFLSH 12 and 0" in error.detail

    @pytest.mark.parametrize(("level", "mean"), [(12, 12.0), (12, 9.1), (6, 3.5), (116, 125.0), (6, None)])
    def test_what_agrees_is_the_level(self, make_frame, level, mean):
        cards = {"FLASHLVL": level, "FLASHDUR": level / 10}
        exposure = read_exposure(make_frame(primary=cards, sci1={"MEANFLSH": mean}, sci2={"MEANFLSH": mean}))
        assert (exposure.flash, exposure.meanflsh) == (level, mean)

    @pytest.mark.parametrize("blank", [None, "", " "])
    def test_flc_without_level_takes_it_from_its_flt(self, make_frame, blank):
        make_frame("ic7802baq_flt.fits.gz")
        path = make_frame("ic7802baq_flc.fits", primary={"PCTECORR": "COMPLETE", "FLASHLVL": blank})
        exposure = read_exposure(path)
        assert exposure.flash == 12

    def test_no_sibling_no_level(self, make_frame):
        path = make_frame("ic7802baq_flc.fits", primary={"PCTECORR": "COMPLETE", "FLASHLVL": None})
        error = refusal(path)
        assert error.reason == "missing_keyword"
        assert "FLASHLVL" in error.detail

    def test_a_sibling_of_another_exposure_or_a_broken_one_is_not_believed(self, make_frame):
        make_frame("ic7802baq_flt.fits", primary={"ROOTNAME": "ic7802bzq"})
        (make_frame("x_flt.fits").parent / "ic7802baq_flt.fits.gz").write_bytes(b"no gzip")
        path = make_frame("ic7802baq_flc.fits", primary={"PCTECORR": "COMPLETE", "FLASHLVL": None})
        assert refusal(path).reason == "missing_keyword"

    @pytest.mark.parametrize("level", [-12, 12.4, 99999])
    def test_impossible_levels_are_refused(self, make_frame, level):
        assert refusal(make_frame(primary={"FLASHLVL": level})).reason == "bad_keyword"


REQUIRED = [
    "ROOTNAME",
    "TARGNAME",
    "PROPOSID",
    "EXPSTART",
    "EXPTIME",
    "FILTER",
    "CHINJECT",
    "POSTARG1",
    "POSTARG2",
    "INSTRUME",
    "DETECTOR",
    "EXPFLAG",
    "SUBARRAY",
    "BINAXIS1",
    "BINAXIS2",
]


@pytest.mark.parametrize("key", REQUIRED)
def test_missing_keyword_is_named(make_frame, key):
    error = refusal(make_frame(primary={key: None}, sci1={key: None}, sci2={key: None}))
    assert (error.reason, error.stage) == ("missing_keyword", "read")
    assert f"keyword {key}" in error.detail


@pytest.mark.parametrize(
    ("cards", "reason"),
    [
        ({"PROPOSID": "fourteen"}, "bad_keyword"),
        ({"PROPOSID": -5}, "bad_keyword"),
        ({"PROPOSID": 0}, "bad_keyword"),
        ({"PROPOSID": True}, "bad_keyword"),
        ({"PROPOSID": 1.5}, "bad_keyword"),
        ({"EXPTIME": -1.0}, "bad_keyword"),
        ({"EXPTIME": 0.0}, "bad_keyword"),
        ({"EXPTIME": "NaN"}, "bad_keyword"),
        ({"EXPTIME": "long"}, "bad_keyword"),
        ({"EXPTIME": "34_8"}, "bad_keyword"),
        ({"EXPTIME": "348,0"}, "bad_keyword"),
        ({"EXPTIME": 348 + 1j}, "bad_keyword"),
        ({"EXPSTART": "2016-08-01"}, "bad_keyword"),
        ({"POSTARG2": False}, "bad_keyword"),
        ({"EXPTIME": True}, "bad_keyword"),
        ({"EXPSTART": "nan"}, "bad_keyword"),
        ({"BINAXIS1": 1.5}, "bad_keyword"),
        ({"SUBARRAY": "maybe"}, "missing_keyword"),
        ({"ROOTNAME": "../../etc"}, "bad_rootname"),
        ({"ROOTNAME": "ic7802ba"}, "bad_rootname"),
        ({"ROOTNAME": "ic78/2baq"}, "bad_rootname"),
        ({"FILTER": "../../x"}, "bad_keyword"),
        ({"FILTER": 502}, "bad_keyword"),
        ({"FILTER": "F502N;F606W"}, "bad_keyword"),
        ({"FILTER": "F999W"}, "bad_keyword"),
        ({"FILTER": "F160W"}, "bad_keyword"),
        ({"FLATCORR": "OMIT"}, "not_calibrated"),
        ({"DARKCORR": "SKIPPED"}, "not_calibrated"),
        ({"BIASCORR": "PERFORM"}, "not_calibrated"),
        ({"CHINJECT": "SOME"}, "bad_keyword"),
        ({"POSTARG2": -1e9}, "bad_keyword"),
        ({"EXPTIME": 1e9}, "bad_keyword"),
        ({"EXPSTART": 0.0}, "bad_keyword"),
        ({"EXPSTART": 2457601.8}, "bad_keyword"),
        ({"EXPSTART": 2457601.8 - 2400000.5 + 400}, "dates_contradict"),
        ({"DATE-OBS": "2019-08-01"}, "dates_contradict"),
        ({"TIME-OBS": "23:00:00"}, "dates_contradict"),
        ({"EXPTIME": 3600.0}, "dates_contradict"),
        ({"EXPTIME": 34.8}, "dates_contradict"),
        ({"EXPTIME": 174.0}, "dates_contradict"),
        ({"EXPTIME": 100.0, "EXPFLAG": ""}, "dates_contradict"),
        ({"EXPTIME": 20.0, "EXPFLAG": "INTERRUPTED"}, "dates_contradict"),
        ({"EXPEND": 57602.9}, "dates_contradict"),
        ({"EXPEND": 57601.3}, "dates_contradict"),
        ({"DETECTOR": "IR"}, "not_uvis"),
        ({"INSTRUME": "ACS", "DETECTOR": "WFC"}, "not_uvis"),
        ({"INSTRUME": "WFPC2", "DETECTOR": None}, "not_uvis"),
    ],
)
def test_bad_values_are_refused_with_their_reason(make_frame, cards, reason):
    error = refusal(make_frame(primary=cards))
    assert error.reason == reason
    assert "ic7802baq_flt.fits" in error.detail


def test_unparsable_card_is_refused(make_frame):
    path = make_frame()
    raw = path.read_bytes()
    at = raw.index(b"EXPTIME =")
    path.write_bytes(raw[:at] + b"EXPTIME = 3#8.0 $$ %%".ljust(80) + raw[at + 80 :])
    assert refusal(path).reason == "bad_keyword"


@pytest.mark.parametrize("extension", [("SCI", 1), ("ERR", 1), ("DQ", 2), ("SCI", 2)])
@pytest.mark.parametrize("suffix", [".fits", ".fits.fz"])
def test_missing_extension_is_named(make_frame, extension, suffix):
    error = refusal(
        make_frame(f"ic7802baq_flt{suffix}", edit=lambda hdus: hdus.pop(hdus.index_of(extension)))
    )
    assert error.reason == "missing_extension"
    assert "{},{}".format(*extension) in error.detail


@pytest.mark.parametrize(
    "cards",
    [{"CTYPE1": None}, {"CRVAL1": None}, {"CD1_1": "x"}, {"CTYPE1": "LINEAR"}, {"CD1_1": 0.0, "CD1_2": 0.0}],
)
@pytest.mark.parametrize("which", ["sci1", "sci2"])
def test_no_wcs(make_frame, which, cards):
    error = refusal(make_frame(**{which: cards}))
    assert error.reason == "no_wcs"
    assert f"SCI,{which[-1]}" in error.detail


@pytest.mark.parametrize(
    ("cards", "said"),
    [
        ({"CUNIT2": "rad"}, "CUNIT2='rad', not deg"),
        ({"CTYPE1": "RA---TPV"}, "CTYPE1='RA---TPV', not RA---TAN-SIP"),
        ({"CTYPE2": None}, "no CTYPE2"),
        ({"CRPIX2": None}, "no keyword CRPIX2"),
        ({"WCSAXES": 3}, "WCSAXES=3, not 2"),
        ({"B_ORDER": None}, "only one of A_ORDER and B_ORDER"),
        ({"A_0_2": 1.0}, "A_0_2=1 moves the corner by over 1000 px"),
        ({"CD1_1": 1.0, "CD2_2": 1.0}, "a CD matrix with CD1_1=1 gives pixels of"),
    ],
)
def test_a_wcs_that_is_none_is_told_by_its_keyword(make_frame, cards, said):
    error = refusal(make_frame(sci1=cards))
    assert error.reason == "no_wcs"
    assert said in error.detail
    assert error.detail.endswith("fetch it again")


@pytest.mark.parametrize("exptime", [-348.0, 0.0, 1e5])
def test_an_impossible_exposure_time_is_told_with_what_is_possible(make_frame, exptime):
    detail = refusal(make_frame(primary={"EXPTIME": exptime})).detail
    assert f"EXPTIME={exptime:g} of ic7802baq_flt.fits is outside 0.1 to 10000 s" in detail
    assert "fetch it again" in detail


def test_names_of_extensions_may_be_in_lower_case(make_frame):
    def lower(hdus):
        for hdu in hdus[1:7]:
            hdu.header["EXTNAME"] = hdu.header["EXTNAME"].lower()

    path = make_frame(edit=lower)
    assert read_exposure(path).flash == 12
    assert read_chip(path, 1).data.shape == read_chip(make_frame("b_flt.fits"), 1).data.shape


@pytest.mark.parametrize(("unit", "rate"), [(None, False), ("COUNTS", False), ("ELECTRONS/S", True)])
def test_other_units_are_refused(make_frame, unit, rate):
    error = refusal(make_frame(sci2={"BUNIT": unit}))
    assert error.reason == "wrong_unit"
    assert "ELECTRONS" in error.detail
    assert ("multiply by EXPTIME" in error.detail) is rate


@pytest.mark.parametrize("name", ["ic7802baq_drz.fits", "IC7802BAQ_RAW.FITS.GZ", "u2no0101t_c0m.fits"])
def test_another_product_is_told_as_such_whatever_it_holds(make_frame, name):
    path = make_frame("a.fits", primary={"INSTRUME": "WFPC2"}, edit=lambda hdus: hdus.pop(2))
    assert refusal(path.rename(path.with_name(name))).reason == "wrong_product"


def test_swapped_chips_are_refused(make_frame):
    assert refusal(make_frame(sci1={"CCDCHIP": 1}, sci2={"CCDCHIP": 2})).reason == "wrong_chip"


class TestBrokenFiles:
    def test_text(self, tmp_path):
        path = tmp_path / "ic7802baq_flt.fits"
        path.write_text("not an image\n" * 1000)
        assert refusal(path).reason == "not_fits"

    @pytest.mark.parametrize("suffix", [".fits", ".fits.gz", ".fits.fz"])
    def test_empty(self, tmp_path, suffix):
        path = tmp_path / f"ic7802baq_flt{suffix}"
        path.touch()
        error = refusal(path)
        assert error.reason == "truncated"
        assert "0 bytes" in error.detail

    def test_absent_and_folder(self, tmp_path):
        assert refusal(tmp_path / "ic7802baq_flt.fits").reason == "unreadable"
        assert refusal(tmp_path).reason == "unreadable"

    def test_no_permission(self, make_frame):
        # Root may read everything, so the system's error is given instead of provoked.
        path = make_frame()
        error = cannot_open(path, PermissionError(13, "Permission denied"))
        assert error.reason == "unreadable"
        assert str(path) in error.detail

    @pytest.mark.parametrize("suffix", [".fits", ".fits.gz", ".fits.fz"])
    def test_cut_anywhere_is_never_accepted(self, make_frame, suffix):
        whole = make_frame(f"ic7802baq_flt{suffix}")
        raw = whole.read_bytes()
        cut = whole.with_name(f"cut_flt{suffix}")
        for end in [*np.linspace(0, len(raw) - 1, 40, dtype=int), len(raw) - 9]:
            cut.write_bytes(raw[:end])
            assert refusal(cut).reason in {"truncated", "missing_extension", "not_fits"}, end

    def test_zeros_from_some_byte_on(self, make_frame):
        path = make_frame()
        raw = path.read_bytes()
        path.write_bytes(raw[: len(raw) // 2] + bytes(len(raw) - len(raw) // 2))
        assert refusal(path).reason in {"truncated", "missing_extension"}

    def test_damaged_gzip(self, make_frame):
        path = make_frame("ic7802baq_flt.fits.gz")
        raw = bytearray(path.read_bytes())
        raw[len(raw) // 3 : len(raw) // 3 + 50] = bytes(50)
        path.write_bytes(bytes(raw))
        assert refusal(path).reason in {"truncated", "missing_extension", "not_fits", "missing_keyword"}


def test_a_gzip_that_unpacks_to_more_than_a_frame_is_refused(make_frame, monkeypatch):
    path = make_frame("ic7802baq_flt.fits.gz")
    monkeypatch.setattr(opening, "MAX_UNPACKED", 2**20)
    path.write_bytes(gzip.compress(gzip.decompress(path.read_bytes()) + bytes(2**21)))
    with pytest.raises(Rejected, match="no frame does") as refused:
        read_exposure(path)
    assert refused.value.reason == "bad_header"


def test_gzip_of_the_same_bytes_is_the_same_exposure(make_frame):
    plain = make_frame()
    packed = plain.with_name("ic7802baq_flt.fits.gz")
    with plain.open("rb") as source, gzip.open(packed, "wb") as target:
        shutil.copyfileobj(source, target)
    first, second = vars(read_exposure(plain)), vars(read_exposure(packed))
    assert {k: v for k, v in first.items() if k != "path"} == {k: v for k, v in second.items() if k != "path"}


def test_subarray_on_one_chip_is_told_as_such(make_frame):
    def one_chip(hdus):
        del hdus[4:]

    exposure = read_exposure(make_frame(primary={"SUBARRAY": "T"}, edit=one_chip))
    assert exposure.subarray is True
    assert exposure.mdrizsky_1 is None


@pytest.mark.parametrize("raw", ["F502N", "f502n", "F502N   ", " f502n "])
def test_filters_are_spelled_one_way(make_frame, raw):
    assert read_exposure(make_frame(primary={"FILTER": raw})).filter == "F502N"


def test_binning_may_stand_in_sci_alone(make_frame):
    bare, binned = {"BINAXIS1": None, "BINAXIS2": None}, {"BINAXIS1": 2, "BINAXIS2": 3}
    exposure = read_exposure(make_frame(primary=bare, sci1=binned, sci2=binned))
    assert (exposure.binaxis1, exposure.binaxis2) == (2, 3)


@pytest.mark.parametrize("sci", [{"BINAXIS1": 2, "BINAXIS2": 2}, {"BINAXIS1": 1, "BINAXIS2": 2}])
def test_binning_of_any_header_counts(make_frame, sci):
    exposure = read_exposure(make_frame(primary={"BINAXIS1": 1, "BINAXIS2": 1}, sci2=sci))
    assert (exposure.binaxis1, exposure.binaxis2) == (sci["BINAXIS1"], 2)


@pytest.mark.parametrize("raw", [14378, "14378", " 014378 ", 14378.0, "14378.0"])
def test_a_proposal_is_a_number_in_any_spelling(make_frame, raw):
    assert read_exposure(make_frame(primary={"PROPOSID": raw})).proposal == 14378


@pytest.mark.parametrize("line", ["CTE_VER = '2.0     ' / version", "CTE_VER: 2.0", "CTE_VER=2.0"])
@pytest.mark.parametrize("card", [None, "", "N/A"])
def test_the_cte_correction_may_stand_in_history_alone(make_frame, line, card):
    def edit(hdus):
        hdus[0].header["HISTORY"] = "PCTECORR complete ..."
        hdus[0].header["HISTORY"] = line
        hdus[0].header["HISTORY"] = "CTE_NAME pixelCTE 2019"

    exposure = read_exposure(make_frame(primary={"CTE_VER": card, "CTE_NAME": card}, edit=edit))
    assert (exposure.cte_ver, exposure.cte_name) == ("2.0", "pixelCTE 2019")


@pytest.mark.parametrize(("raw", "flag"), [(True, "T"), ("T", "T"), ("yes", "T"), (False, "F"), (" ", "")])
def test_flags_are_spelled_one_way(make_frame, raw, flag):
    assert read_exposure(make_frame(primary={"MTFLAG": raw})).mtflag == flag


@pytest.mark.parametrize("key", ["EXPTIME", "FLASHLVL", "POSTARG2", "ROOTNAME"])
def test_a_keyword_that_stands_twice_must_say_the_same(make_frame, key):
    def again(hdus, value):
        hdus[0].header.append((key, value), end=True)

    whole = read_exposure(make_frame())
    same = make_frame("ic7802baq_flt.fits.gz", edit=lambda hdus: again(hdus, hdus[0].header[key]))
    assert replace(read_exposure(same), path=whole.path) == whole
    other = make_frame("ic7802baq_flt.fits.fz", edit=lambda hdus: again(hdus, 30.0))
    assert (refusal(other).reason, key in refusal(other).detail) == ("bad_keyword", True)


@pytest.mark.parametrize("cards", [{"BSCALE": 2.0}, {"BZERO": 1e4}, {"BSCALE": 0.0}])
def test_scaled_electrons_are_refused(make_frame, cards):
    error = refusal(make_frame(sci2=cards))
    assert (error.reason, "SCI,2" in error.detail) == ("bad_keyword", True)


def test_comments_on_the_quality_are_joined(make_frame):
    cards = {"QUALITY": "GSFAIL", "QUALCOM1": "", "QUALCOM2": " lost lock ", "FGSLOCK": "gyros"}
    exposure = read_exposure(make_frame(primary=cards))
    assert (exposure.quality, exposure.fgslock) == ("GSFAIL; lost lock", "GYROS")
