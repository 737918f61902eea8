from __future__ import annotations

import numpy as np
import pytest
from astropy.io import fits

from cte_lake.frames.quantised import undithered_step


@pytest.mark.parametrize(
    ("options", "quantised"),
    [
        ({"quantize_level": 4.0, "quantize_method": -1}, True),
        ({"quantize_level": 4.0, "quantize_method": 1, "dither_seed": 1}, False),
        ({"quantize_level": 0.0, "compression_type": "GZIP_2"}, False),
        (None, False),
    ],
)
def test_steps_without_dither_are_seen(tmp_path, options, quantised):
    sky = np.random.default_rng(5).normal(3.0, 4.0, (200, 100)).astype(np.float32)
    hdus = fits.HDUList([fits.PrimaryHDU()])
    for version in (1, 2):
        if options is None:
            hdus.append(fits.ImageHDU(sky, name="SCI", ver=version))
        else:
            hdus.append(fits.CompImageHDU(sky, fits.Header({"EXTVER": version}), name="SCI", **options))
    path = tmp_path / "frame.fits.fz"
    hdus.writeto(path)
    for chip in (1, 2):
        step = undithered_step(path, chip)
        assert (step is not None) is quantised
        if quantised:
            # A quarter of the noise.
            assert step == pytest.approx(1.0, rel=0.2)


@pytest.mark.parametrize("target", ["ngc104"])
def test_reference_frames_are_seen_to_be_rounded(shared, target):
    path = sorted((shared / "frames" / target / "data").glob("*flt*"))[0]
    assert undithered_step(path, 2) == pytest.approx(0.85, abs=0.2)
