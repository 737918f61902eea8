from __future__ import annotations

import numpy as np
import pytest
from photutils.aperture import CircularAperture

from cte_lake.photometry import PixelData, measure, settings_for
from cte_lake.photometry.starlight import aperture_share, masked_light
from cte_lake.simulate.psf import paint_stars


def _star(x: float, y: float, flux: float = 1e5) -> np.ndarray:
    image = np.zeros((61, 61), dtype=np.float32)
    paint_stars(image, np.array([x]), np.array([y]), np.array([flux]))
    return image


def test_the_profile_is_that_of_a_simulated_star() -> None:
    image = _star(30.3, 30.1).astype(float)
    whole = CircularAperture((30.3, 30.1), 3.0).do_photometry(image)[0][0]
    turns = np.linspace(0.0, 2.0 * np.pi, 16, endpoint=False)
    for distance in np.arange(0.0, 9.0, 0.6):
        around = np.column_stack([30.3 + distance * np.cos(turns), 30.1 + distance * np.sin(turns)])
        light, _ = CircularAperture(around, 3.0).do_photometry(image)
        assert light.mean() / whole == pytest.approx(aperture_share(distance), abs=0.02), distance


def test_light_of_masked_pixels_is_put_back_to_a_per_cent() -> None:
    rng = np.random.default_rng(6)
    for _ in range(30):
        x, y = rng.uniform(29.5, 30.5, 2)
        image = _star(x, y)
        mask = np.zeros(image.shape, bool)
        mask[rng.integers(28, 33), rng.integers(28, 33)] = True
        settings = settings_for("standard", radii=(3.0,), centring="off")
        whole = measure(PixelData(image), [x], [y], settings)
        cut = measure(PixelData(image, mask=mask), [x], [y], settings)
        restored = cut.flux[0, 0] / (1.0 - cut.masked_light[0])
        assert restored == pytest.approx(whole.flux[0, 0], rel=0.02)
        assert (cut.flags[0] & 4 != 0) == (cut.masked_light[0] > 0.15)


def test_nothing_masked_is_nothing_taken_and_all_masked_is_all() -> None:
    good = np.ones((40, 50), np.uint8)
    x, y = np.array([20.2, 3.0, -0.5, -30.0, np.nan]), np.array([20.7, 37.1, 20.0, 20.0, 20.0])
    taken = masked_light(good, x, y)
    assert taken[0] == 0.0
    assert 0.0 < taken[1] < 0.02
    assert taken[2] == pytest.approx(0.5, abs=0.02)
    assert taken[3:].tolist() == [1.0, 1.0]
    assert masked_light(np.zeros_like(good), x, y).tolist() == [1.0] * 5
