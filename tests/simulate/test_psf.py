"""The painted stars: flux, position and width do not depend on where in a pixel a star lies."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cte_lake.simulate.psf import STAMPS, encircled_energy, oversampled_psf, paint_stars

subpixel = st.floats(-0.5, 0.5)


def painted(x, y, flux, size=161):
    image = np.zeros((size, size), dtype=np.float32)
    paint_stars(image, np.array([x]), np.array([y]), np.array([flux]))
    return image.astype(float)


@given(dx=subpixel, dy=subpixel)
@settings(max_examples=40)
def test_flux_and_centroid_do_not_depend_on_the_subpixel_position(dx, dy):
    image = painted(80.0 + dx, 80.0 + dy, 1.0e5)
    rows, columns = np.indices(image.shape)
    assert image.sum() == pytest.approx(painted(80.0, 80.0, 1.0e5).sum(), rel=1e-4)
    core = image * (np.hypot(columns - 80 - dx, rows - 80 - dy) < 30)
    assert (core * columns).sum() / core.sum() - 80.0 == pytest.approx(dx, abs=0.02)
    assert (core * rows).sum() / core.sum() - 80.0 == pytest.approx(dy, abs=0.02)


def test_the_profile_is_that_of_the_telescope():
    psf = oversampled_psf()
    profile = psf[640, 640:]
    half_width = np.interp(-profile[0] / 2, -profile[:40], np.arange(40)) / 10.0
    assert 2 * half_width == pytest.approx(1.8, abs=0.1)
    assert psf.sum() / 100.0 == pytest.approx(1.0)
    energies = [encircled_energy(r) for r in (1.0, 3.0, 5.0, 10.0, 40.0)]
    assert energies == sorted(energies)
    assert 0.80 < energies[1] < 0.90
    assert 0.95 < energies[3] < 0.98
    assert energies[-1] < 1.0


def test_stamps_of_different_size_agree_in_the_core():
    faint, bright = STAMPS[0][1] * 0.5, STAMPS[1][1] * 2.0
    small = painted(80.3, 79.6, faint) / faint
    large = painted(80.3, 79.6, bright) / bright
    np.testing.assert_allclose(small[78:83, 78:83], large[78:83, 78:83], atol=0.003 * large.max())
    assert small[78:83, 78:83].sum() == pytest.approx(large[78:83, 78:83].sum(), rel=2e-3)


def test_a_star_off_the_edge_leaves_its_wing_only():
    image = painted(-3.0, 80.0, 1.0e5)
    assert 0.0 < image.sum() < 0.1 * 1.0e5
    assert painted(-300.0, 80.0, 1.0e5).sum() == 0.0


def test_painting_adds_to_what_is_there():
    image = np.full((40, 40), 7.0, dtype=np.float32)
    paint_stars(image, np.array([20.0, 20.0]), np.array([20.0, 20.0]), np.array([100.0, -100.0]))
    np.testing.assert_allclose(image, 7.0, atol=1e-5)
