from pathlib import Path

import numpy as np
import pytest
from astropy.coordinates import SkyCoord
from astropy.io import fits
from hypothesis import given, settings
from hypothesis import strategies as st

from cte_lake.frames.fitsfile import read_chip, wcs_of
from cte_lake.masters.project import project
from cte_lake.masters.read import read_master

DATA = Path(__file__).resolve().parents[1] / "data"
FULL = (2051, 4096)


def chip_wcs(chip=2, **cards):
    return wcs_of(fits.Header.fromtextfile(DATA / f"sci_chip{chip}.hdr"), chip, cards)


WCS_OF = {chip: chip_wcs(chip) for chip in (1, 2)}


@given(st.sampled_from([1, 2]), st.floats(-0.5, 4095.49), st.floats(-0.5, 2050.49), st.floats(0, 359.9),
       st.floats(-89, 89))  # fmt: skip
@settings(max_examples=80)
def test_a_star_put_on_a_pixel_is_found_there(chip, x, y, ra, dec):
    wcs = chip_wcs(chip, CRVAL1=ra, CRVAL2=dec)
    star = wcs.all_pix2world([[x, y]], 0)[0]
    index, found_x, found_y = project(wcs, star[:1], star[1:], FULL, margin=1)
    assert index.tolist() == [0]
    assert (found_x[0], found_y[0]) == pytest.approx((x, y), abs=1e-4)


def test_edges_are_at_half_a_pixel():
    wcs = WCS_OF[2]
    x = np.array([-0.51, -0.49, 4095.49, 4095.51, 100.0, 100.0, 100.0, 100.0])
    y = np.array([100.0, 100.0, 100.0, 100.0, -0.51, -0.49, 2050.49, 2050.51])
    ra, dec = wcs.all_pix2world(x, y, 0)
    assert project(wcs, ra, dec, FULL)[0].tolist() == [1, 2, 5, 6]
    assert project(wcs, ra, dec, FULL, margin=0.1)[0].tolist() == list(range(8))
    assert project(wcs, ra, dec, FULL, margin=-0.1)[0].size == 0


@pytest.mark.parametrize("chip", [1, 2])
def test_the_whole_sky_finds_only_what_is_there(chip):
    """Far from the chip the distortion polynomial leads anywhere, back onto the chip too."""
    rng = np.random.default_rng(3)
    near = 0.02 * 10 ** rng.uniform(0, 3.3, 40_000)
    angle = rng.uniform(0, 2 * np.pi, near.size)
    centre = SkyCoord(*WCS_OF[chip].wcs.crval, unit="deg")
    sky = centre.directional_offset_by(
        np.degrees(angle) * centre.ra.unit, np.clip(near, 0, 179) * centre.ra.unit
    )
    index, x, y = project(WCS_OF[chip], sky.ra.deg, sky.dec.deg, FULL)
    ra, dec = WCS_OF[chip].all_pix2world(x, y, 0)
    apart = SkyCoord(ra, dec, unit="deg").separation(sky[index])
    assert np.isfinite(x + y).all()
    assert apart.arcsec.max(initial=0) < 1e-4
    # Half the diagonal of a chip is 91 arcsec.
    assert centre.separation(sky[index]).arcsec.max(initial=0) < 95
    assert (np.diff(index) > 0).all()


def test_a_distortion_that_cannot_be_inverted_makes_no_ghosts():
    """With a polynomial fifty times as strong the inversion ends anywhere; what is given must be true."""
    header = fits.Header.fromtextfile(DATA / "sci_chip2.hdr")
    strong = {key: header[key] * 50 for key in header if key.startswith(("A_", "B_")) and key[2] != "O"}
    wcs = chip_wcs(2, **strong)
    rng = np.random.default_rng(4)
    ra = wcs.wcs.crval[0] + rng.uniform(-1, 1, 30_000)
    dec = wcs.wcs.crval[1] + rng.uniform(-0.3, 0.3, 30_000)
    index, x, y = project(wcs, ra, dec, FULL)
    back_ra, back_dec = wcs.all_pix2world(x, y, 0)
    apart = SkyCoord(back_ra, back_dec, unit="deg").separation(SkyCoord(ra[index], dec[index], unit="deg"))
    assert index.size > 0
    assert apart.arcsec.max() < 1e-3


def test_nan_and_infinite_positions_are_left_out():
    wcs = WCS_OF[2]
    ra, dec = wcs.all_pix2world([10.0, 20.0, 30.0, 40.0], [5.0, 5.0, 5.0, 5.0], 0)
    ra[1], dec[2] = np.nan, np.inf
    index, x, _ = project(wcs, ra, dec, FULL)
    assert index.tolist() == [0, 3]
    assert x == pytest.approx([10.0, 40.0], abs=1e-5)


@pytest.mark.parametrize("n", [0, 5])
def test_no_star_on_the_chip(n):
    index, x, y = project(WCS_OF[2], np.full(n, 200.0), np.full(n, 40.0), FULL)
    assert (index.shape, x.shape, y.shape) == ((0,), (0,), (0,))
    assert index.dtype == np.int64


def test_stars_of_the_reference_frames_are_where_their_light_is(shared):
    """Brightest pixels lie on projected stars: neither a pixel off nor mirrored."""
    folder = shared / "frames" / "ngc104"
    master = read_master(folder / "ngc104_master.cat")
    image = read_chip(folder / "data" / "ic7802aaq_flt.fits.fz", 2)
    _, x, y = project(image.wcs, master.ra, master.dec, image.data.shape, margin=-8)
    column, row = np.rint(x).astype(int), np.rint(y).astype(int)
    window = np.arange(-5, 6)
    stamps = image.data[row[:, None, None] + window[:, None], column[:, None, None] + window]
    stamps = np.where(np.isfinite(stamps), stamps, 0.0)
    bright = np.argsort(stamps[:, 4:7, 4:7].sum(axis=(1, 2)))[-300:]
    core = np.median(stamps[bright], axis=0)
    assert np.unravel_index(core.argmax(), core.shape) == (5, 5)
    light = core[3:8, 3:8] - np.median(core[0])
    offsets = np.arange(-2, 3)
    assert (light.sum(axis=0) * offsets).sum() / light.sum() == pytest.approx(0, abs=0.1)
    assert (light.sum(axis=1) * offsets).sum() / light.sum() == pytest.approx(0, abs=0.1)
