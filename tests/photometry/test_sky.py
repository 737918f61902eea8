from __future__ import annotations

import numpy as np
import pytest
from astropy.stats import SigmaClip
from photutils.aperture import ApertureStats, CircularAnnulus

from cte_lake.photometry import PixelData, measure, settings_for
from cte_lake.photometry.sky import clip_factors
from tests.photometry.fields import make_field


def _annuli(data: np.ndarray, x: np.ndarray, y: np.ndarray, inner: float, outer: float) -> list[np.ndarray]:
    rows, columns = np.mgrid[: data.shape[0], : data.shape[1]]
    picked = []
    for cx, cy in zip(x, y, strict=True):
        d2 = (columns - cx) ** 2 + (rows - cy) ** 2
        picked.append(data[(d2 > inner**2) & (d2 <= outer**2)].astype(np.float64))
    return picked


@pytest.mark.parametrize("method", ["median", "mean", "mode"])
@pytest.mark.parametrize(("clip", "steps"), [(0.0, 5), (2.0, 1), (2.0, 5), (3.0, 20)])
def test_clipped_sky_is_astropys(method: str, clip: float, steps: int) -> None:
    field = make_field(5)
    settings = settings_for(sky_method=method, clip_sigma=clip, clip_steps=steps, centring="off")
    ours = measure(PixelData(field.data), field.x, field.y, settings)
    clipper = SigmaClip(sigma=clip, maxiters=steps) if clip else None
    for star, pixels in enumerate(_annuli(field.data, field.x, field.y, 10.0, 20.0)):
        kept = clipper(pixels, masked=False) if clipper else pixels
        median, mean = np.median(kept), kept.mean()
        expected = {"median": median, "mean": mean, "mode": 2.5 * median - 1.5 * mean}[method]
        assert ours.sky[star] == pytest.approx(expected, rel=1e-10)
        assert ours.n_sky[star] == kept.size


def test_median_sky_is_photutils_with_its_centre_weights() -> None:
    field = make_field(6)
    ours = measure(PixelData(field.data), field.x, field.y, settings_for(centring="off"))
    judge = ApertureStats(
        field.data.astype(np.float64),
        CircularAnnulus(np.column_stack([field.x, field.y]), 10.0, 20.0),
        sigma_clip=SigmaClip(sigma=2.0, maxiters=5),
        sum_method="center",
    )
    np.testing.assert_allclose(ours.sky, judge.median, rtol=1e-6)


def test_sky_of_2017_is_the_plain_exact_mean_over_the_whole_annulus() -> None:
    field = make_field(7)
    mask = np.random.default_rng(1).uniform(size=field.data.shape) < 0.1
    ours = measure(PixelData(field.data, mask=mask), field.x, field.y, settings_for("photutils2017"))
    annulus = CircularAnnulus(np.column_stack([field.x + 1, field.y + 1]), 10.0, 20.0)
    sums, _ = annulus.do_photometry(field.data.astype(np.float64), mask=mask, method="exact")
    np.testing.assert_allclose(ours.sky, sums / annulus.area, rtol=1e-10)
    np.testing.assert_allclose(ours.bkg[:, 1], sums / annulus.area * np.pi * 9.0, rtol=1e-10)


@pytest.mark.parametrize("method", ["median", "mean", "mode", "iraf_centroid", "iraf_mode"])
def test_sky_error_is_the_scatter_of_the_sky(method: str) -> None:
    rng = np.random.default_rng(11)
    data = rng.normal(50.0, 4.0, (45 * 24, 45 * 24)).astype(np.float32)
    y, x = np.mgrid[22 : data.shape[0] : 45, 22 : data.shape[1] : 45].reshape(2, -1).astype(float)
    mode = "iraf" if method.startswith("iraf") else "standard"
    got = measure(PixelData(data), x, y, settings_for(mode, radii=(2.0,), centring="off", sky_method=method))
    # 576 independent skies give their scatter to 3%; IRAF's bins add what the influence function leaves out.
    assert got.sky.std() == pytest.approx(got.sky_err.mean(), rel=0.10)


def test_a_clip_that_takes_nothing_changes_no_error() -> None:
    assert clip_factors("mean", 0.0, 5) == pytest.approx((1.0, 1.0, 1.0), rel=1e-6)
    assert clip_factors("median", 0.0, 5)[2] == pytest.approx(np.sqrt(np.pi / 2), rel=1e-4)
    assert clip_factors("mean", 7.0, 3) == pytest.approx((1.0, 1.0, 1.0), rel=1e-6)


def test_equal_pixels_have_their_value_as_sky() -> None:
    data = np.full((60, 60), 0.1, dtype=np.float32)
    for mode in ("standard", "photutils2017", "iraf"):
        got = measure(PixelData(data), [30.0], [30.0], settings_for(mode))
        assert got.sky[0] == pytest.approx(0.1, rel=1e-6)
        assert got.n_sky[0] > 900
