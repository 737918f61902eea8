from __future__ import annotations

import numpy as np
import pytest
from astropy.io import fits

from cte_lake.frames.fitsfile import read_chip
from cte_lake.frames.planes import undithered_step


@pytest.mark.parametrize("unpacked", [False, True])
@pytest.mark.parametrize(
    ("options", "quantised"),
    [
        ({"quantize_level": 4.0, "quantize_method": -1}, True),
        ({"quantize_level": 4.0, "quantize_method": 1, "dither_seed": 1}, False),
        ({"quantize_level": 4.0, "quantize_method": 2, "dither_seed": 1}, False),
        ({"quantize_level": 0.0, "compression_type": "GZIP_2"}, False),
        (None, False),
    ],
)
def test_steps_without_dither_are_seen(tmp_path, options, quantised, unpacked):
    sky = np.random.default_rng(5).normal(3.0, 4.0, (200, 400)).astype(np.float32)
    sky[::7, ::5] = np.nan
    hdu = fits.ImageHDU(sky) if options is None else fits.CompImageHDU(sky, **options)
    path = tmp_path / "frame.fits.fz"
    fits.HDUList([fits.PrimaryHDU(), hdu]).writeto(path)
    data = fits.getdata(path, 1)
    if unpacked:
        fits.PrimaryHDU(data).writeto(tmp_path / "unpacked.fits")
        data = fits.getdata(tmp_path / "unpacked.fits")
    step = undithered_step(data)
    assert (step is not None) is quantised
    if quantised:
        # A quarter of the noise.
        assert step == pytest.approx(1.0, rel=0.2)


def test_whole_numbers_are_steps_and_a_constant_is_none():
    sky = np.random.default_rng(5).normal(3.0, 4.0, (20, 400)).round()
    assert undithered_step(sky) == 1.0
    assert undithered_step(np.zeros((20, 400))) is None


@pytest.mark.parametrize("target", ["ngc104"])
def test_reference_frames_are_seen_to_be_rounded(shared, target):
    path = sorted((shared / "frames" / target / "data").glob("*flt*"))[0]
    assert undithered_step(read_chip(path, 2).data) == pytest.approx(0.85, abs=0.2)
