import numpy as np
import pytest
from astropy.io import fits
from astropy.wcs import DistortionLookupTable

from cte_lake.errors import Rejected
from cte_lake.frames.fitsfile import read_chip, wcs_of
from cte_lake.frames.geometry import REFERENCE_PIXEL, pixel_areas, reference_pixel_area
from cte_lake.frames.pam import OFFICIAL_MAPS, area_map_for, largest_deviation, official_map, pixel_area_map

from .conftest import chip_header

FULL = (2051, 4096)
CENTRE = (1025, 2047)


@pytest.fixture(scope="module")
def wcs():
    return {chip: wcs_of(chip_header(chip), chip) for chip in (1, 2)}


@pytest.fixture(scope="module")
def maps(wcs):
    reference = reference_pixel_area(wcs[2])
    return {chip: pixel_area_map(wcs[chip], FULL, reference) for chip in (1, 2)}


class TestPublishedBehaviour:
    def test_one_at_the_reference_pixel_of_the_official_maps(self, maps):
        column, row = REFERENCE_PIXEL
        assert maps[2][row - 1, column - 1] == pytest.approx(1.0, abs=1e-6)

    def test_seven_percent_across_the_mosaic(self, maps):
        # WFC3's page on pixel area maps: a 7% effect across the diagonal of the mosaic.
        largest, smallest = (f([f(m) for m in maps.values()]) for f in (np.max, np.min))
        assert largest - smallest == pytest.approx(0.07, abs=0.005)

    def test_ranges_relative_to_the_centre_of_chip_2(self, maps):
        # From the published SIAF polynomial.
        centre = maps[2][CENTRE]
        assert np.array([maps[2].min(), maps[2].max()]) / centre == pytest.approx([0.974, 1.027], abs=1e-3)
        assert np.array([maps[1].min(), maps[1].max()]) / centre == pytest.approx([0.957, 1.009], abs=1e-3)

    def test_chip_2_has_the_larger_pixels(self, maps):
        assert maps[2][CENTRE] / maps[1][CENTRE] == pytest.approx(1.018, abs=0.002)

    def test_chips_meet_at_the_gap(self, maps):
        # 35 rows of gap and another tilt lie between them.
        assert np.abs(maps[2][-1] / maps[1][0] - 1.0).max() < 0.004


class TestAgainstFiniteDifferences:
    @pytest.mark.parametrize("chip", [1, 2])
    def test_areas_are_those_of_the_sky(self, wcs, chip):
        """Solid angle of pixels by the full pixel-to-sky transformation."""
        rng = np.random.default_rng(5)
        x, y = rng.integers(0, FULL[1], 200), rng.integers(0, FULL[0], 200)
        areas = pixel_areas(wcs[chip], FULL)[y, x]
        corners = [np.radians(wcs[chip].all_pix2world(x + dx, y + dy, 0)) for dx, dy in
                   ((-0.5, -0.5), (0.5, -0.5), (0.5, 0.5), (-0.5, 0.5))]  # fmt: skip
        ra, dec = np.array([c[0] for c in corners]), np.array([c[1] for c in corners])
        east, north = (ra - ra[0]) * np.cos(dec.mean(axis=0)), dec - dec[0]
        shoelace = 0.5 * np.abs(
            np.sum(east * np.roll(north, -1, axis=0) - north * np.roll(east, -1, axis=0), axis=0)
        )
        assert np.abs(areas / np.degrees(np.degrees(shoelace)) - 1).max() < 1e-6

    def test_without_sip_all_pixels_are_equal(self):
        header = chip_header(2)
        header["CTYPE1"], header["CTYPE2"] = "RA---TAN", "DEC--TAN"
        for key in [key for key in header if key.startswith(("A_", "B_"))]:
            del header[key]
        flat = pixel_areas(wcs_of(header, 2), (30, 20))
        assert np.ptp(flat) == 0
        determinant = header["CD1_1"] * header["CD2_2"] - header["CD1_2"] * header["CD2_1"]
        assert flat[0, 0] / abs(determinant) == pytest.approx(1.0)

    def test_lookup_tables_count(self, wcs):
        """A stretch of 1% along x, given as a table, makes every pixel 1% larger."""
        stretched = wcs_of(chip_header(2), 2)
        ramp = np.broadcast_to(0.01 * 64 * np.arange(65, dtype=np.float32), (33, 65)).copy()
        stretched.cpdis1 = DistortionLookupTable(ramp, (1.0, 1.0), (1.0, 1.0), (64.0, 64.0))
        stretched.cpdis2 = DistortionLookupTable(np.zeros_like(ramp), (1.0, 1.0), (1.0, 1.0), (64.0, 64.0))
        factor = pixel_areas(stretched, FULL) / pixel_areas(wcs[2], FULL)
        assert np.abs(factor[8:-8, 8:-8] - 1.01).max() < 3e-4
        assert reference_pixel_area(stretched) == reference_pixel_area(wcs[2])


@pytest.mark.parametrize("chip", [1, 2])
def test_a_cutout_has_its_part_of_the_full_map(make_frame, maps, chip):
    image = read_chip(make_frame(column0=1728, row0=300), chip)
    ny, nx = image.data.shape
    part = maps[chip][300 : 300 + ny, 1728 : 1728 + nx]
    assert np.abs(area_map_for(image) / part - 1).max() < 1e-6


class TestOfficialMaps:
    @pytest.fixture
    def folder(self, tmp_path, maps):
        folder = tmp_path / "pam"
        folder.mkdir()
        for chip, name in OFFICIAL_MAPS.items():
            fits.HDUList([fits.PrimaryHDU(), fits.ImageHDU(maps[chip] * np.float32(1.001))]).writeto(
                folder / name
            )
        return folder

    def test_is_cut_out_where_the_image_lies(self, make_frame, folder, maps):
        image = read_chip(make_frame(column0=1000, row0=7), 1)
        ny, nx = image.data.shape
        assert np.array_equal(
            area_map_for(image, folder), maps[1][7 : 7 + ny, 1000 : 1000 + nx] * np.float32(1.001)
        )

    def test_comparison_tells_the_difference(self, make_frame, folder):
        image = read_chip(make_frame(column0=1000), 2)
        deviation = largest_deviation(area_map_for(image), official_map(folder, image))
        assert deviation == pytest.approx(1 - 1 / 1.001, abs=1e-6)

    def test_absent_map_is_refused(self, make_frame, tmp_path):
        image = read_chip(make_frame(), 2)
        with pytest.raises(Rejected, match="UVIS2wfc3_map"):
            official_map(tmp_path, image)

    def test_shapes_must_agree(self):
        with pytest.raises(ValueError, match="shape"):
            largest_deviation(np.ones((2, 2), np.float32), np.ones((3, 2), np.float32))
