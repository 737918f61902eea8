from __future__ import annotations

import numpy as np
import pytest

from cte_lake.photometry import PixelData, decode, measure, settings_for
from tests.photometry.fields import make_field

sep = pytest.importorskip("sep", reason="sep, the judge of the windowed centroid, is not installed")


def test_windowed_centroid_is_seps() -> None:
    field = make_field(21)
    sky = measure(PixelData(field.data), field.x, field.y, settings_for(centring="off")).sky
    got = measure(PixelData(field.data), field.x, field.y, settings_for(centring="window", max_shift=3.0))
    for star in range(field.x.size):
        flat = field.data.astype(np.float64) - sky[star]
        x, y, _ = sep.winpos(flat, field.x[star], field.y[star], 0.85, subpix=1)
        # sep stops at steps of 1e-4 in the square, 0.01 px.
        assert np.hypot(got.x[star] - x, got.y[star] - y) < 0.02


@pytest.mark.parametrize("mode", ["standard", "iraf"])
def test_bright_stars_are_found_back(mode: str) -> None:
    field = make_field(22, flux_range=(10_000.0, 30_000.0))
    rng = np.random.default_rng(2)
    off = rng.uniform(-0.5, 0.5, (2, field.x.size))
    got = measure(
        PixelData(field.data), field.x + off[0], field.y + off[1], settings_for(mode, centring="on")
    )
    assert np.median(np.hypot(got.x - field.x, got.y - field.y)) < (0.02 if mode == "standard" else 0.1)
    np.testing.assert_allclose(got.dx, got.x - field.x - off[0], atol=1e-12)


def test_a_cosmic_ray_does_not_carry_a_star_away() -> None:
    field = make_field(23, flux_range=(300.0, 400.0), noise=False)
    data = field.data.copy()
    star = 40
    column, row = round(field.x[star]) + 2, round(field.y[star])
    data[row, column] += 20_000.0
    got = measure(PixelData(data), field.x, field.y, settings_for(centring="on"))
    assert "centre_far" in decode(int(got.flags[star]))
    assert np.isnan([got.dx[star], got.dy[star]]).all()
    assert (got.x[star], got.y[star]) == (field.x[star], field.y[star])
    mask = np.zeros(data.shape, bool)
    mask[row, column] = True
    masked = measure(PixelData(data, mask=mask), field.x, field.y, settings_for(centring="on"))
    assert "centre_far" not in decode(int(masked.flags[star]))
    assert np.hypot(masked.dx[star], masked.dy[star]) < 0.2


def test_iraf_keeps_a_far_centre_and_tells() -> None:
    field = make_field(24, flux_range=(20_000.0, 30_000.0))
    got = measure(PixelData(field.data), field.x + 1.8, field.y, settings_for("iraf"))
    assert all("centre_far" in decode(int(value)) for value in got.flags)
    assert np.median(np.abs(got.x - field.x)) < 0.1


def test_empty_sky_has_no_centroid() -> None:
    data = np.full((80, 80), 7.0)
    got = measure(PixelData(data), [40.0], [40.0], settings_for(centring="window"))
    assert "centring_failed" in decode(int(got.flags[0]))
    assert got.x[0] == 40.0
    assert np.isnan([got.dx[0], got.dy[0]]).all()
    assert np.isfinite(got.flux).all()


def test_off_means_the_catalog_position() -> None:
    field = make_field(25)
    got = measure(PixelData(field.data), field.x, field.y, settings_for(centring=False))
    assert np.array_equal(got.x, field.x)
    assert np.isnan([got.dx, got.dy]).all()


def test_watching_tells_the_shift_and_leaves_the_apertures() -> None:
    field = make_field(26)
    x = field.x + 0.3
    watched, moved, still = (
        measure(PixelData(field.data), x, field.y, settings_for(centring=how))
        for how in ("watch", "window", "off")
    )
    np.testing.assert_array_equal(watched.dx, moved.dx)
    assert np.median(watched.dx) == pytest.approx(-0.3, abs=0.02)
    np.testing.assert_array_equal(watched.x, x)
    np.testing.assert_array_equal(watched.flux, still.flux)
