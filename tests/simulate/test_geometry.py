"""The simulated coordinates against headers and behaviour that are published."""

import numpy as np
import pytest
from astropy.io import fits

from cte_lake.simulate.geometry import CHIPS, Attitude, chip_wcs, pixel_area, wcs_header

NGC104 = (5.655, -72.0723, 110.0)
NGC6583 = (273.9583, -22.14)


@pytest.mark.parametrize(
    ("name", "attitude"),
    [
        ("ngc104/data/ic7802aaq", Attitude(*NGC104)),
        ("ngc104/data/ic7802abq", Attitude(*NGC104, postarg2=82.0)),
        ("ngc6583/data/ib9210aaq", Attitude(*NGC6583, 110.0, postarg2=-41.0)),
        ("ngc6583/data/ib9210bbq", Attitude(*NGC6583, 110.0, postarg2=41.0)),
        ("ngc6583/data/ib9211aaq", Attitude(*NGC6583, 290.0, postarg2=-41.0)),
    ],
)
@pytest.mark.parametrize("chip", [1, 2])
def test_coordinates_are_those_of_the_reference_frames(shared, name, attitude, chip):
    header = fits.getheader(shared / "frames" / f"{name}_flt.fits.fz", ("SCI", CHIPS[chip].extver))
    made = wcs_header(CHIPS[chip], attitude, first_column=1728)
    for key in ("CRVAL1", "CRVAL2"):
        assert made[key] == pytest.approx(header[key], abs=1e-9)
    for key in ("CD1_1", "CD1_2", "CD2_1", "CD2_2"):
        assert made[key] == pytest.approx(header[key], rel=1e-7)
    for key in ("CRPIX1", "CRPIX2", "A_2_0", "B_1_3", "A_ORDER"):
        assert made[key] == header[key]
    assert made["ORIENTAT"] == pytest.approx(header["ORIENTAT"], abs=1e-6)


def test_a_chip_dither_moves_the_centre_of_chip_2_to_chip_1():
    before = chip_wcs(CHIPS[2], Attitude(*NGC104))
    after = chip_wcs(CHIPS[1], Attitude(*NGC104, postarg2=82.0))
    sky = before.all_pix2world(2047.0, 1025.0, 0)
    x, y = after.all_world2pix(*sky, 0)
    # 82 arcsec are about 11 px less than the chips are apart.
    assert x == pytest.approx(2049.0, abs=2.0)
    assert y == pytest.approx(1014.0, abs=2.0)


def test_half_a_turn_mirrors_the_rows_of_a_chip():
    first = chip_wcs(CHIPS[2], Attitude(*NGC6583, 110.0, postarg2=-41.0))
    second = chip_wcs(CHIPS[2], Attitude(*NGC6583, 290.0, postarg2=-41.0))
    rows = np.array([100.0, 1000.0, 1900.0])
    sky = first.all_pix2world(np.full(3, 2047.0), rows, 0)
    _, turned = second.all_world2pix(*sky, 0)
    np.testing.assert_allclose(turned + rows, 2050.0, atol=45.0)


@pytest.mark.slow
def test_pixel_areas_follow_the_published_range():
    chip2, chip1 = pixel_area(2, 4096), pixel_area(1, 4096)
    assert chip2[1025, 2047] == pytest.approx(1.0, abs=1e-6)
    assert (chip2.min(), chip2.max()) == pytest.approx((0.974, 1.027), abs=0.001)
    assert (chip1.min(), chip1.max()) == pytest.approx((0.957, 1.009), abs=0.001)


def test_pixel_areas_of_a_cutout_are_those_of_its_columns():
    np.testing.assert_array_equal(pixel_area(1, 640), pixel_area(1, 4096)[:, 1728:2368])


def test_pixel_areas_agree_with_the_area_of_a_pixel_on_the_sky():
    wcs = chip_wcs(CHIPS[1], Attitude(*NGC104))
    x, y = np.array([10.0, 2000.0, 4000.0]), np.array([2000.0, 1000.0, 30.0])
    corners = [wcs.all_pix2world(x + dx, y + dy, 0) for dx, dy in ((-0.5, -0.5), (0.5, -0.5), (-0.5, 0.5))]
    cos = np.cos(np.deg2rad(corners[0][1]))
    u = ((corners[1][0] - corners[0][0]) * cos, corners[1][1] - corners[0][1])
    v = ((corners[2][0] - corners[0][0]) * cos, corners[2][1] - corners[0][1])
    area = np.abs(u[0] * v[1] - u[1] * v[0]) * 3600.0**2 / (CHIPS[2].x_scale * CHIPS[2].y_scale)
    np.testing.assert_allclose(area, pixel_area(1, 4096)[y.astype(int), x.astype(int)], rtol=2e-5)


def test_perturbing_the_pointing_moves_the_stars_by_so_many_pixels():
    true = chip_wcs(CHIPS[2], Attitude(*NGC104))
    wrong = chip_wcs(CHIPS[2], Attitude(*NGC104).perturbed(1.5, -0.7, 0.0))
    x, y = wrong.all_world2pix(*true.all_pix2world(2047.0, 1025.0, 0), 0)
    assert x - 2047.0 == pytest.approx(1.5, abs=0.03)
    assert y - 1025.0 == pytest.approx(-0.7, abs=0.1)
