"""Extensions and images that are not those of two chips: refused with what the header says."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest
from astropy.io import fits

from cte_lake.errors import Rejected
from cte_lake.frames.exposure import read_exposure
from cte_lake.frames.planes import check_electrons, check_uncut


def on(*planes, **cards):
    """Change cards of some extensions; None deletes."""

    def change(hdus):
        for plane in planes:
            for key, value in cards.items():
                if value is None:
                    hdus[plane].header.remove(key)
                else:
                    hdus[plane].header[key] = value

    return change


def pixels(change, *planes):
    """Change the pixels of some extensions."""

    def edit(hdus):
        for plane in planes:
            hdus[plane].data = change(hdus[plane].data)

    return edit


def doubled(hdus):
    other = hdus["SCI", 1].copy()
    other.data = 2 * other.data
    hdus.append(other)


def chips_exchanged(hdus):
    """Each chip under the other's extension version, and no CCDCHIP to tell."""
    for number, hdu in enumerate(hdus[1:]):
        hdu.ver = 2 if number < 3 else 1
    on(1, 4, CCDCHIP=None)(hdus)


def table_of_errors(hdus):
    column = fits.Column("error", "E", array=np.zeros(3))
    hdus["ERR", 2] = fits.BinTableHDU.from_columns([column], name="ERR", ver=2)


def rows(n):
    return lambda data: np.zeros((n, 48), data.dtype)


REFUSED = {
    "an extension twice": (doubled, "bad_header", "SCI,1 more than once"),
    "chips exchanged": (chips_exchanged, "wrong_chip", "no CCDCHIP"),
    "another chip": (on(("SCI", 1), CCDCHIP="1"), "wrong_chip", "SCI,1 of ic7802baq_flt.fits says CCDCHIP=1"),
    "no chip": (on(("SCI", 2), CCDCHIP="both"), "bad_keyword", "CCDCHIP='both'"),
    "no pixels": (pixels(lambda _: None, ("DQ", 2)), "bad_shape", "ERR 48 x 60, DQ without pixels"),
    "no rows": (pixels(rows(0), ("SCI", 1), ("ERR", 1), ("DQ", 1)), "bad_shape", "SCI 48 x 0"),
    "a cube": (pixels(lambda data: data[None], ("SCI", 1)), "bad_shape", "SCI 48 x 60 x 1"),
    "a table": (table_of_errors, "bad_shape", "ERR without pixels"),
    "axes exchanged": (pixels(lambda data: data.T.copy(), ("ERR", 1)), "bad_shape", "ERR 60 x 48"),
    "too many rows": (pixels(rows(2052), 1, 2, 3), "bad_shape", "NAXIS2=2052 and LTV2=0: rows 0 to 2051"),
    "beyond the chip": (on(("SCI", 2), LTV1=-4090.0), "bad_shape", "LTV1=-4090: columns 4090 to 4137"),
    "before the chip": (on(("SCI", 2), LTV2=25), "bad_shape", "LTV2=25: rows -25 to 34"),
    "no place": (on(("SCI", 1), LTV1="left"), "bad_keyword", "LTV1='left' of SCI,1 of ic7802baq_flt.fits"),
    "no first row": (on(("SCI", 2), LTV2=None), "bad_keyword", "SCI,2 of ic7802baq_flt.fits has no LTV2"),
    "a sum": (on(("SCI", 1), ("SCI", 2), NCOMBINE=2), "wrong_product", "NCOMBINE=2 of ic7802baq_flt.fits"),
    "counts": (on(("SCI", 2), BUNIT="COUNTS"), "wrong_unit", "SCI,2 of ic7802baq_flt.fits has BUNIT"),
    "error in counts": (on(("ERR", 1), BUNIT="COUNTS"), "wrong_unit", "ERR,1 of ic7802baq_flt.fits has"),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_no_exposure_of_two_chips_is_refused(make_frame, case):
    change, reason, words = REFUSED[case]
    with pytest.raises(Rejected) as caught:
        read_exposure(make_frame(edit=change))
    assert caught.value.reason == reason
    assert words in caught.value.detail


def reordered(hdus):
    for _ in range(3):
        hdus.append(hdus.pop(1))


@pytest.mark.parametrize("suffix", [".fits", ".fits.gz", ".fits.fz"])
@pytest.mark.parametrize(
    "change",
    [
        on(("SCI", 1), ("SCI", 2), CCDCHIP=None),
        on(("SCI", 1), CCDCHIP="2"),
        on(("SCI", 2), CCDCHIP=1.0),
        on(("ERR", 1), ("ERR", 2), BUNIT="electrons"),
        on(("SCI", 1), ("SCI", 2), BUNIT="e-"),
        reordered,
        lambda hdus: hdus.append(fits.ImageHDU(np.zeros((5, 5)), name="SCI", ver=3)),
    ],
)
def test_what_does_not_matter_is_read(make_frame, change, suffix):
    plain = read_exposure(make_frame("ic7802aaq_flt.fits"))
    changed = read_exposure(make_frame(f"ic7802baq_flt{suffix}", edit=change))
    assert vars(changed) | {"path": plain.path} == vars(plain)


@pytest.mark.parametrize("ra", [0.0005, 359.9995])
def test_chips_either_side_of_the_meridian_are_in_order(make_frame, ra):
    """At right ascension 0 the chips' CRVAL1 differ by 360 degrees."""

    def edit(hdus):
        on(1, 4, CCDCHIP=None)(hdus)
        apart = hdus[4].header["CRVAL1"] - hdus[1].header["CRVAL1"]
        hdus[1].header["CRVAL1"], hdus[4].header["CRVAL1"] = ra, (ra + apart) % 360.0

    assert read_exposure(make_frame(edit=edit)).rootname == "ic7802baq"


def stars_on_a_sky():
    """SCI and ERR in electrons: noise of 3 on a dark sky, and few of the pixels bright."""
    rng = np.random.default_rng(3)
    light = np.where(rng.random((60, 60)) < 0.03, 10 ** rng.uniform(2.7, 4.5, (60, 60)), 0.0)
    err = np.sqrt(light + 9)
    return (light + err * rng.normal(size=light.shape)).astype(np.float32), err.astype(np.float32)


@pytest.mark.parametrize(
    ("exptime", "of_data", "of_err", "words"),
    [
        (348.0, 348.0, 348.0, "electrons per second; multiply SCI and ERR by EXPTIME=348"),
        (30.0, 30.0, 30.0, "electrons per second; multiply SCI and ERR by EXPTIME=30"),
        (348.0, 1.0, 348.0**0.5, "ERR is 18.* times too small, the root of EXPTIME=348"),
        (348.0, 1.55, 1.55, "each unit is 1.5.* electrons"),
        (348.0, 1.0, 1.0, ""),
        (348.0, 1 / 1.5, 1.0, ""),
        (348.0, 1.0, 2.0, ""),
        (348.0, 1.0, 0.7, ""),
    ],
)
def test_another_unit_that_is_called_electrons_is_told_by_its_error(exptime, of_data, of_err, words):
    data, err = stars_on_a_sky()
    check = partial(check_electrons, data / of_data, err / of_err, exptime, "SCI,1 of a.fits")
    if words:
        with pytest.raises(Rejected, match=f"BUNIT of SCI,1 of a.fits says ELECTRONS, but .*{words}"):
            check()
    else:
        check()


def test_pixels_that_were_cut_off_are_told():
    data, _ = stars_on_a_sky()
    data[3, :5] = np.nan, np.inf, -np.inf, 0.0, 70_000.0
    check_uncut(data, "SCI,1 of a.fits")
    check_uncut(np.round(data), "SCI,1 of a.fits")
    check_uncut(np.minimum(data, 65_000), "SCI,1 of a.fits")
    with pytest.raises(Rejected, match=r"SCI,1 of a.fits have the same highest value, 200 electrons"):
        check_uncut(np.minimum(data, 200), "SCI,1 of a.fits")
    with pytest.raises(Rejected, match=r"% of the pixels of SCI,1 of a.fits are 0 and none is negative"):
        check_uncut(np.maximum(data - 1, 0), "SCI,1 of a.fits")


@pytest.mark.parametrize("err", [0.0, np.nan, 0.1, 1.0, 3.0])
def test_an_error_that_says_nothing_of_the_unit_is_let_pass(err):
    data = np.random.default_rng(4).exponential(60.0, (60, 60)).astype(np.float32)
    data[:8] = np.inf
    check_electrons(data, np.full_like(data, err), 348.0, "SCI,1 of a.fits")
