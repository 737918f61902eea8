from __future__ import annotations

import subprocess
import sys

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cte_lake.photometry import MODES, PixelData, StarMeasurements, decode, measure, settings_for
from tests.photometry.fields import Field, make_field

SEEDS = st.integers(0, 2**32 - 1)
SMALL = (90, 100)
SHORT = (2.0, 3.0, 5.0, 12.0)
FLOATS = ("flux", "flux_err", "bkg", "area", "sky", "sky_err", "dx", "dy")


def _small(seed: int) -> Field:
    return make_field(seed, SMALL, spacing=22)


def _masked(seed: int, shape: tuple[int, int], part: float = 0.02) -> npt.NDArray[np.bool_]:
    return np.random.default_rng(seed).uniform(size=shape) < part


def _assert_same(a: StarMeasurements, b: StarMeasurements, rtol: float = 1e-12) -> None:
    for name in (*FLOATS, "n_sky", "flags"):
        np.testing.assert_allclose(getattr(a, name), getattr(b, name), rtol=rtol, atol=1e-9, err_msg=name)


@pytest.mark.parametrize("mode", MODES)
@settings(max_examples=15)
@given(seed=SEEDS, up=st.integers(0, 30), right=st.integers(0, 30))
def test_a_shift_by_whole_pixels_changes_nothing(mode: str, seed: int, up: int, right: int) -> None:
    # Exact: positions are multiples of 1/64 px, so that the shift costs no rounding.
    field = make_field(seed, (160, 160), spacing=80)
    chosen = settings_for(mode, radii=SHORT)
    x, y = np.round(field.x * 64) / 64, np.round(field.y * 64) / 64
    frame = PixelData(field.data, field.error, _masked(seed, field.data.shape))
    moved = PixelData(
        *(np.pad(a, ((up, 0), (right, 0)), mode="wrap") for a in (frame.data, frame.error, frame.mask))
    )
    first, second = measure(frame, x, y, chosen), measure(moved, x + right, y + up, chosen)
    _assert_same(first, second, rtol=1e-9)


@pytest.mark.parametrize("mode", ["standard", "photutils2017"])
@settings(max_examples=15)
@given(seed=SEEDS, scale=st.sampled_from([0.25, 2.0, 1024.0]))
def test_scaling_the_frame_scales_the_sums(mode: str, seed: int, scale: float) -> None:
    field = _small(seed)
    mask = _masked(seed, SMALL)
    one = measure(PixelData(field.data, field.error, mask), field.x, field.y, settings_for(mode))
    many = measure(
        PixelData(field.data * np.float32(scale), field.error * np.float32(scale), mask),
        field.x,
        field.y,
        settings_for(mode),
    )
    for name in ("flux", "flux_err", "bkg", "sky", "sky_err"):
        np.testing.assert_allclose(
            getattr(many, name), scale * getattr(one, name), rtol=1e-9, atol=1e-9 * scale
        )
    np.testing.assert_array_equal(many.area, one.area)
    np.testing.assert_allclose(many.dx, one.dx, atol=1e-9)


@settings(max_examples=15)
@given(seed=SEEDS)
def test_masking_far_pixels_changes_nothing(seed: int) -> None:
    field = make_field(seed, (120, 120), spacing=60)
    chosen = settings_for(radii=SHORT)
    star = 0
    rows, columns = np.mgrid[:120, :120]
    # The annulus' 20 px, and one more for the pixels it touches.
    far = np.hypot(columns - field.x[star], rows - field.y[star]) > 21.5
    whole = measure(PixelData(field.data, field.error), field.x[:1], field.y[:1], chosen)
    masked = measure(PixelData(field.data, field.error, far), field.x[:1], field.y[:1], chosen)
    _assert_same(whole, masked)


@pytest.mark.parametrize("mode", MODES)
@settings(max_examples=10)
@given(seed=SEEDS)
def test_permuting_stars_permutes_rows(mode: str, seed: int) -> None:
    field = _small(seed)
    order = np.random.default_rng(seed).permutation(field.x.size)
    frame = PixelData(field.data, field.error, _masked(seed, SMALL))
    straight = measure(frame, field.x, field.y, settings_for(mode))
    mixed = measure(frame, field.x[order], field.y[order], settings_for(mode))
    for name in (*FLOATS, "n_sky", "flags"):
        np.testing.assert_array_equal(getattr(straight, name)[order], getattr(mixed, name), err_msg=name)


@pytest.mark.parametrize("engine", ["kernel", "photutils"])
@settings(max_examples=10)
@given(seed=SEEDS, value=st.sampled_from([np.nan, np.inf, -np.inf]))
def test_nan_stays_within_the_apertures_that_touch_it(engine: str, seed: int, value: float) -> None:
    rng = np.random.default_rng(seed)
    field = _small(seed)
    hurt = field.data.copy()
    bad = rng.uniform(size=SMALL) < 0.01
    hurt[bad] = value
    chosen = settings_for(engine=engine)
    got = measure(PixelData(hurt, field.error), field.x, field.y, chosen)
    as_mask = measure(PixelData(field.data, field.error, bad), field.x, field.y, chosen)
    _assert_same(got, as_mask)
    assert np.isfinite(got.flux).all()


@pytest.mark.parametrize("mode", ["standard", "photutils2017"])
@settings(max_examples=10)
@given(seed=SEEDS)
def test_the_kernel_gives_photutils_fluxes(mode: str, seed: int) -> None:
    field = _small(seed)
    frame = PixelData(field.data, field.error, _masked(seed, SMALL))
    ours = measure(frame, field.x, field.y, settings_for(mode))
    judge = measure(frame, field.x, field.y, settings_for(mode, engine="photutils"))
    for name in ("flux_err", "bkg", "area"):
        np.testing.assert_allclose(getattr(ours, name), getattr(judge, name), rtol=1e-12)
    # The flux is a difference: it is held to the size of the sum it comes from.
    limit = 1e-12 * (np.abs(judge.flux) + 2 * np.abs(judge.bkg))
    assert (np.abs(ours.flux - judge.flux) <= limit).all()


def test_flux_is_the_raw_sum_of_good_pixels_less_sky_times_good_area() -> None:
    field = _small(1)
    mask = np.zeros(SMALL, bool)
    mask[round(field.y[5]), round(field.x[5])] = True
    chosen = settings_for(centring="off")
    got = measure(PixelData(field.data, field.error, mask), field.x, field.y, chosen)
    np.testing.assert_allclose(got.bkg, got.sky[:, None] * got.area, rtol=1e-12)
    assert got.area[5, 1] == pytest.approx(np.pi * 9.0 - 1.0, rel=1e-12)
    whole = measure(PixelData(field.data, field.error), field.x, field.y, chosen)
    raw, masked_raw = (m.flux[5, 1] + m.bkg[5, 1] for m in (whole, got))
    assert raw - masked_raw == pytest.approx(float(field.data[mask][0]), rel=1e-6)


def test_flags_of_each_condition() -> None:
    data = np.random.default_rng(3).normal(20.0, 4.0, (200, 200)).astype(np.float32)
    x = np.array([100.0, 60.0, 20.0, 1.0, -300.0, np.nan, 140.0, 142.0, 100.0, 150.0])
    y = np.array([100.0, 60.0, 100.0, 150.0, 50.0, 50.0, 60.0, 60.0, 150.0, 150.0])
    mask = np.zeros(data.shape, bool)
    mask[60, 60] = True
    mask[140:161, 90:111] = True
    data[150, 151] = 80_000.0
    data[60, 137] += 500.0
    got = measure(
        PixelData(data, mask=mask),
        x,
        y,
        settings_for(centring="off", saturation_level=70_000.0, min_sky_pixels=700),
    )
    names = [set(decode(int(value))) for value in got.flags]
    assert names[0] == set()
    assert names[1] == {"masked_core"}
    assert names[2] == {"off_chip"}
    assert names[3] == {"off_chip", "core_off_chip", "few_sky_pixels"}
    for lost in (4, 5):
        gone = {"off_chip", "core_off_chip", "masked_core", "few_sky_pixels", "no_sky", "not_measured"}
        assert names[lost] == gone
        assert np.isnan(got.flux[lost]).all()
    assert [names[6], names[7]] == [set(), {"neighbour"}]
    assert names[8] == {"masked_core", "masked_fraction", "not_measured"}
    assert np.isnan(got.flux[8, :4]).all()
    assert names[9] == {"saturated"}


def test_flags_of_a_given_saturation_map() -> None:
    data = np.full((100, 100), 10.0)
    saturated = np.zeros(data.shape, bool)
    saturated[50, 50] = True
    got = measure(
        PixelData(data, saturated=saturated), [50.0], [50.0], settings_for(centring="off", radii=(3.0,))
    )
    assert decode(int(got.flags[0])) == ["saturated"]


def test_no_errors_given_no_errors_told() -> None:
    field = _small(2)
    got = measure(PixelData(field.data), field.x, field.y, settings_for())
    assert np.isnan(got.flux_err).all()
    assert np.isfinite(got.flux).all()


def test_big_endian_pixels_and_no_stars() -> None:
    field = _small(2)
    swapped = PixelData(field.data.astype(">f4"), field.error.astype(">f4"))
    _assert_same(
        measure(swapped, field.x, field.y, settings_for()),
        measure(PixelData(field.data, field.error), field.x, field.y, settings_for()),
    )
    assert len(measure(swapped, [], [], settings_for())) == 0


def test_input_is_left_alone() -> None:
    field = _small(4)
    data = field.data.copy()
    data[3, 3] = np.nan
    kept = data.copy()
    measure(PixelData(data, field.error, _masked(1, SMALL)), field.x, field.y, settings_for())
    np.testing.assert_array_equal(data, kept)


def test_shapes_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ValueError, match=r"shape of mask is \(2, 2\)"):
        PixelData(np.zeros((3, 3)), mask=np.zeros((2, 2), bool))
    with pytest.raises(ValueError, match="a chip has 2"):
        PixelData(np.zeros(3))
    with pytest.raises(ValueError, match="positions have shapes"):
        measure(PixelData(np.zeros((3, 3))), [1.0, 2.0], [1.0], settings_for())


def test_importing_costs_no_compiler() -> None:
    code = "import sys, cte_lake.photometry; sys.exit('numba' in sys.modules or 'scipy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False, timeout=400).returncode == 0


def test_order_of_the_stars_does_not_touch_their_numbers():
    rng = np.random.default_rng(12)
    data = rng.normal(20.0, 4.0, (400, 120)).astype(np.float32)
    x, y = rng.uniform(-3, 123, 300), rng.uniform(-3, 403, 300)
    x[7] = np.nan
    settings = settings_for("standard", radii=[2, 3, 10])
    image = PixelData(data, np.full_like(data, 4.0), rng.random(data.shape) < 0.01)
    one = measure(image, x, y, settings)
    shuffled = rng.permutation(300)
    other = measure(image, x[shuffled], y[shuffled], settings)
    for name, values in vars(one).items():
        np.testing.assert_array_equal(values[shuffled], getattr(other, name), err_msg=name)
    np.testing.assert_array_equal(one.x, x)


@pytest.mark.parametrize(("distance", "hit"), [(3.9, True), (4.1, False)])
def test_star_near_a_cosmic_ray_is_flagged(distance, hit):
    data = np.full((41, 41), 10.0, np.float32)
    cosmic = np.zeros(data.shape, bool)
    cosmic[20, 24] = True
    image = PixelData(data, np.sqrt(data), cosmic, cosmic=cosmic)
    place = [24.0 - distance], [20.0]
    (flags,) = measure(image, *place, settings_for("standard", radii=[2, 3])).flags
    assert ("cosmic_ray" in decode(int(flags))) is hit
    (flags,) = measure(image, *place, settings_for("standard", radii=[2, 3], ray_radius=0.0)).flags
    assert "cosmic_ray" not in decode(int(flags))
