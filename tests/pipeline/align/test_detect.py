from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from cte_lake.pipeline.align.detect import DetectionSettings, detect_sources, second_moments, sky_of

SETTINGS = DetectionSettings(
    fwhm=1.9,
    threshold=100.0,
    enough_sources=150,
    max_sources=1500,
    peak_max=50000.0,
    sharpness=(0.55, 0.9),
    roundness=(-1.0, 1.0),
)


def _image(x, y, flux, shape=(300, 260), sigma=0.8, sky=5.0, noise=3.1, seed=2):
    rng = np.random.default_rng(seed)
    rows, columns = np.mgrid[: shape[0], : shape[1]]
    image = sky + rng.normal(0, noise, shape)
    for x0, y0, f in zip(x, y, flux, strict=True):
        image += f / (2 * np.pi * sigma**2) * np.exp(-((columns - x0) ** 2 + (rows - y0) ** 2) / 2 / sigma**2)
    return image.astype(np.float32)


@pytest.fixture(scope="module")
def stars():
    rng = np.random.default_rng(5)
    grid = np.stack(np.meshgrid(np.arange(20, 250, 24), np.arange(20, 290, 24)), -1).reshape(-1, 2)
    xy = grid + rng.uniform(-3, 3, grid.shape)
    return xy[:, 0], xy[:, 1], rng.uniform(2000, 20000, len(xy))


def test_stars_are_found_where_they_are(stars):
    x, y, flux = stars
    image = _image(x, y, flux)
    found = detect_sources(image, np.zeros(image.shape, bool), SETTINGS)
    distance = np.hypot(found.x[:, None] - x, found.y[:, None] - y).min(axis=0)
    assert (distance < 0.15).mean() > 0.97
    assert len(found) <= len(x) * 1.02
    assert (np.diff(found.flux) <= 0).all()


def test_saturated_and_masked_stars_and_single_pixels_are_left_out(stars):
    x, y, _ = stars
    image = _image(x[:2], y[:2], [5000.0, 400_000.0])
    bad = np.zeros(image.shape, bool)
    image[100, 100] = 4000.0
    found = detect_sources(image, bad, SETTINGS)
    assert len(found) == 1
    assert np.hypot(found.x[0] - x[0], found.y[0] - y[0]) < 0.1
    bad[round(y[0]), round(x[0]) + 1] = True
    assert len(detect_sources(image, bad, SETTINGS)) == 0


def test_threshold_is_lowered_until_there_are_enough(stars):
    x, y, flux = stars
    image = _image(x, y, flux / 10)
    none = np.zeros(image.shape, bool)
    few = detect_sources(image, none, replace(SETTINGS, enough_sources=0))
    enough = detect_sources(image, none, SETTINGS)
    assert len(few) < len(enough) / 2


def test_only_the_brightest_are_kept(stars):
    x, y, flux = stars
    image = _image(x, y, flux)
    found = detect_sources(image, np.zeros(image.shape, bool), replace(SETTINGS, max_sources=20))
    assert len(found) == 20
    brightest = np.sort(flux)[-25:]
    nearest = np.hypot(found.x[:, None] - x, found.y[:, None] - y).argmin(axis=1)
    assert np.isin(flux[nearest], brightest).mean() > 0.9


@pytest.mark.parametrize("image", [np.zeros((50, 40)), np.full((50, 40), np.nan), np.full((50, 40), 7.0)])
def test_empty_image_has_no_source(image):
    bad = ~np.isfinite(image)
    assert len(detect_sources(image.astype(np.float32), bad, SETTINGS)) == 0


def test_sky_is_that_between_the_stars(stars):
    image = _image(*stars)
    sky, sigma = sky_of(image, np.zeros(image.shape, bool))
    assert sky == pytest.approx(5.0, abs=0.2)
    assert sigma == pytest.approx(3.1, rel=0.06)


def test_moments_tell_a_trailed_star():
    image = _image([50.0], [60.0], [1e5], noise=0.0, sky=0.0).astype(float)
    xx, yy, xy = second_moments(image, np.array([50.0]), np.array([60.0]))[0]
    assert xx == pytest.approx(0.64, rel=0.02)
    assert yy == pytest.approx(0.64, rel=0.02)
    assert xy == pytest.approx(0, abs=1e-3)
    trailed = image + np.roll(image, 2, axis=1)
    xx, yy, _ = second_moments(trailed, np.array([51.0]), np.array([60.0]))[0]
    assert xx == pytest.approx(1.64, rel=0.03)
    assert np.isnan(second_moments(image, np.array([1.0]), np.array([60.0]))).all()
