"""Mode ``iraf`` against the real ``noao.digiphot.apphot.phot``."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from benchmarks.iraf_phot import IRAFCL, IrafTable, run_phot
from cte_lake.photometry import PixelData, StarMeasurements, measure, settings_for
from cte_lake.radii import RADII
from cte_lake.starflags import CENTRE_FAR
from tests.photometry.fields import make_field

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        IRAFCL is None, reason="irafcl is missing; install iraf and iraf-noao to hold mode iraf to IRAF"
    ),
]

Run = tuple[StarMeasurements, IrafTable]


@pytest.fixture(scope="module")
def stars() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """1,600 stars of 300 to 30,000 e-, positions 0.2 px off, cosmic rays and close pairs among them."""
    field = make_field(31, shape=(800, 800), spacing=20)
    rng = np.random.default_rng(32)
    data = field.data.copy()
    data[rng.integers(0, 800, 300), rng.integers(0, 800, 300)] += rng.lognormal(6.0, 1.0, 300).astype(
        np.float32
    )
    x = field.x + rng.normal(0.0, 0.2, field.x.size)
    y = field.y + rng.normal(0.0, 0.2, field.y.size)
    return data, x, y


@pytest.fixture(scope="module", params=["centroid", "mode"])
def run(
    stars: tuple[np.ndarray, np.ndarray, np.ndarray],
    tmp_path_factory: pytest.TempPathFactory,
    request: pytest.FixtureRequest,
) -> Run:
    """Ours and IRAF's, with each of its two skies."""
    folder: Path = tmp_path_factory.mktemp("iraf")
    iraf = run_phot(*stars, RADII, folder, sky=request.param)
    data, x, y = stars
    return measure(PixelData(data), x, y, settings_for("iraf", sky_method=f"iraf_{request.param}")), iraf


def test_centres(run: Run) -> None:
    ours, iraf = run
    off = np.hypot(ours.x - iraf.x, ours.y - iraf.y)
    # IRAF prints three decimals.
    assert (off < 0.01).mean() == 1.0
    assert np.median(off) < 0.0008


def test_a_far_centre_is_told_where_iraf_tells_it(run: Run) -> None:
    ours, iraf = run
    told = (ours.flags & CENTRE_FAR.value) != 0
    assert told.any()
    np.testing.assert_array_equal(told, iraf.center_error == 107)


def test_skies(run: Run) -> None:
    ours, iraf = run
    assert (np.abs(ours.sky - iraf.sky) < 1e-3).mean() >= 0.99
    assert (ours.n_sky == iraf.n_sky).mean() >= 0.99


@pytest.mark.parametrize("k", [k for k, radius in enumerate(RADII) if radius >= 3])
def test_fluxes(run: Run, k: int) -> None:
    ours, iraf = run
    # IRAF measures no aperture that the edge of the image cuts.
    whole = iraf.area[:, k] > 0
    assert whole.sum() > 1000
    np.testing.assert_allclose(ours.area[whole, k], iraf.area[whole, k], rtol=1e-4)
    agreement = np.abs(ours.flux[whole, k] / iraf.flux[whole, k] - 1.0)
    assert (agreement < 1e-3).mean() >= 0.99
