"""One simulated exposure, pixel by pixel: fluxes, noise, losses, flags, anomalies."""

from dataclasses import replace

import numpy as np
import pytest
from photutils.aperture import CircularAperture

from cte_lake.simulate import NO_LOSS, TARGETS, Detector, Settings, StarField, make_field, nominal_visit
from cte_lake.simulate.exposure import LAW_RADIUS, simulate_exposure
from cte_lake.simulate.geometry import CHIPS, Attitude, chip_wcs, first_column, pixel_area

WIDTH = 256
CLEAN = Detector(cosmic_ray_rate=0.0, hot_fraction=0.0, bad_columns=False, read_noise=0.1, sky_rate=0.0)
QUIET = Settings(width=WIDTH, detector=CLEAN, law=NO_LOSS)
PLAN = nominal_visit(TARGETS["ngc104"], 57601.3).exposures[0]
DITHERED = nominal_visit(TARGETS["ngc104"], 57601.3).exposures[1]


def column_of_stars(flux, chip=2, plan=PLAN, width=WIDTH):
    """Twenty stars of one flux (e- within 3 px) from row 30 to row 2020, and their pixels."""
    y = np.linspace(30.3, 2020.7, 20)
    x = np.full(20, width / 2 + 0.2)
    wcs = chip_wcs(CHIPS[chip], plan.attitude, first_column(width))
    ra, dec = wcs.all_pix2world(x, y, 0)
    rate = np.full(20, flux / plan.exptime / 0.883)
    return StarField(plan.target, np.arange(1, 21), ra, dec, rate)


def flux_at(image, x, y):
    total, _ = CircularAperture(np.column_stack([x, y]), LAW_RADIUS).do_photometry(image.astype(float))
    return total


@pytest.mark.parametrize("chip", [1, 2])
def test_star_fluxes_are_the_true_ones_once_the_pixel_areas_are_corrected(chip):
    made = simulate_exposure(PLAN, column_of_stars(4.0e4, chip), QUIET, chips=(chip,))
    truth = made.stars[chip]
    sci = made.chips["flt", chip].sci
    corrected = flux_at(sci * pixel_area(chip, WIDTH), truth.x, truth.y)
    np.testing.assert_allclose(corrected, truth.flux, rtol=0.02)
    assert np.mean(corrected / truth.flux) == pytest.approx(1.0, abs=0.003)
    areas = pixel_area(chip, WIDTH)[truth.y.astype(int), truth.x.astype(int)]
    raw = flux_at(sci, truth.x, truth.y) / truth.flux
    assert np.corrcoef(raw, 1.0 / areas)[0, 1] > 0.6


def test_loss_of_every_star_is_the_injected_one():
    settings = replace(QUIET, law=Settings().law)
    with_loss = simulate_exposure(PLAN, column_of_stars(4000.0), settings, chips=(2,))
    without = simulate_exposure(PLAN, column_of_stars(4000.0), QUIET, chips=(2,))
    truth = with_loss.stars[2]
    kept = flux_at(with_loss.chips["flt", 2].sci, truth.x, truth.y)
    whole = flux_at(without.chips["flt", 2].sci, truth.x, truth.y)
    np.testing.assert_allclose(1.0 - kept / whole, truth.lost, atol=0.06)
    assert np.mean(1.0 - kept / whole - truth.lost) == pytest.approx(0.0, abs=0.012)
    assert np.all(np.diff(truth.lost[np.argsort(truth.y)]) > 0)


def test_the_flc_is_the_same_exposure_with_part_of_the_loss():
    settings = replace(QUIET, law=Settings().law, detector=replace(CLEAN, flc_fraction=0.35))
    made = simulate_exposure(PLAN, column_of_stars(4000.0), settings, chips=(2,))
    truth = made.stars[2]
    flt, flc = made.chips["flt", 2], made.chips["flc", 2]
    gained = flux_at((flc.sci - flt.sci) * pixel_area(2, WIDTH), truth.x, truth.y)
    np.testing.assert_allclose(gained / truth.flux, 0.65 * truth.lost, rtol=0.01, atol=1e-4)
    far = np.abs(np.arange(WIDTH) - WIDTH / 2) > 60
    np.testing.assert_array_equal(flc.sci[:, far], flt.sci[:, far])


def test_chip_1_loses_most_far_from_the_top():
    made = simulate_exposure(PLAN, column_of_stars(2000.0, 1), Settings(width=WIDTH), chips=(1,))
    truth = made.stars[1]
    assert np.all(np.diff(truth.lost[np.argsort(truth.y)]) < 0)


@pytest.mark.parametrize("flash", [0, 12])
def test_noise_and_its_error_array(flash):
    plan = replace(PLAN, flash=flash)
    settings = Settings(width=WIDTH, detector=Detector(cosmic_ray_rate=0.0, hot_fraction=0.0), law=NO_LOSS)
    field = column_of_stars(1.0)
    made = simulate_exposure(plan, field, settings, chips=(2,))
    chip = made.chips["flt", 2]
    good = chip.dq == 0
    sky = settings.detector.sky_rate * plan.exptime
    assert np.mean(chip.sci[good]) == pytest.approx(sky, abs=0.05)
    variance = made.background + settings.detector.read_noise**2
    assert np.var(chip.sci[good]) == pytest.approx(variance, rel=0.03)
    assert np.mean(chip.err[good] ** 2) == pytest.approx(variance, rel=0.06)
    assert made.background == pytest.approx(sky + settings.detector.dark_rate * plan.exptime + flash)


def test_same_seed_same_frames_and_another_seed_others():
    field = column_of_stars(1000.0)
    settings = Settings(width=WIDTH, seed=5)
    first, again = (simulate_exposure(PLAN, field, settings, chips=(2,)) for _ in range(2))
    other = simulate_exposure(PLAN, field, replace(settings, seed=6), chips=(2,))
    np.testing.assert_array_equal(first.chips["flt", 2].sci, again.chips["flt", 2].sci)
    assert not np.array_equal(first.chips["flt", 2].sci, other.chips["flt", 2].sci)


def test_hot_pixels_stay_and_grow_while_cosmic_rays_do_not_stay():
    field, settings = column_of_stars(1000.0), Settings(width=WIDTH)
    first = simulate_exposure(PLAN, field, settings, chips=(2,))
    second = simulate_exposure(DITHERED, field, settings, chips=(2,))
    early = simulate_exposure(replace(PLAN, mjd=55500.0), field, settings, chips=(2,))
    hot = [(made.chips["flt", 2].dq & 16) > 0 for made in (first, second, early)]
    np.testing.assert_array_equal(hot[0], hot[1])
    assert 0.3 * hot[0].sum() > hot[2].sum() > 0
    assert not np.any(hot[2] & ~hot[0])
    rays = [made.cosmic_rays[2] > 50 for made in (first, second)]
    assert 0.0005 < rays[0].mean() < 0.01
    assert (rays[0] & rays[1]).sum() < 0.1 * rays[0].sum()
    assert simulate_exposure(replace(PLAN, exptime=30.0), field, settings, chips=(2,)).cosmic_rays[
        2
    ].sum() < (0.3 * first.cosmic_rays[2].sum())


def test_a_saturated_star_is_flagged_and_bleeds_along_its_column():
    field = column_of_stars(8.0e5)
    chip = simulate_exposure(PLAN, field, replace(QUIET, detector=CLEAN), chips=(2,)).chips["flt", 2]
    saturated = (chip.dq & 256) > 0
    assert saturated.any()
    rows, columns = np.nonzero(saturated)
    near = np.abs(rows - 30) < 100
    assert np.ptp(rows[near]) > np.ptp(columns[near])
    assert (chip.sci * pixel_area(2, WIDTH)).max() <= CLEAN.full_well * 1.001


def test_trails_lie_behind_the_stars_as_seen_from_the_amplifiers():
    settings = replace(QUIET, law=Settings().law, detector=replace(CLEAN, trails=True))
    bare = replace(settings, detector=CLEAN)
    for chip, direction in ((2, 1), (1, -1)):
        field = column_of_stars(8000.0, chip)
        trailed = simulate_exposure(PLAN, field, settings, chips=(chip,))
        plain = simulate_exposure(PLAN, field, bare, chips=(chip,))
        extra = trailed.chips["flt", chip].sci - plain.chips["flt", chip].sci
        x, y = trailed.stars[chip].x, trailed.stars[chip].y
        behind = flux_at(extra, x, y + direction * 8.0).sum()
        before = flux_at(extra, x, y - direction * 8.0).sum()
        assert behind > 10.0 * abs(before)
        assert np.all(trailed.stars[chip].lost < plain.stars[chip].lost)


@pytest.mark.parametrize("chip", [1, 2])
def test_header_error_moves_the_header_and_not_the_stars(chip):
    from cte_lake.simulate import WCSError
    from cte_lake.simulate.stars import sky_to_pixel

    plan = replace(PLAN, wcs_error=WCSError(dx=2.0, dy=-1.0))
    field = column_of_stars(3000.0, chip)
    truth = simulate_exposure(plan, field, QUIET, chips=(chip,)).stars[chip]
    x, y = sky_to_pixel(chip, plan.header_attitude, WIDTH, field.ra, field.dec)
    np.testing.assert_allclose(x - truth.x, 2.0, atol=0.2)
    np.testing.assert_allclose(y - truth.y, -1.0, atol=0.2)


def test_anomalies():
    field = make_field([PLAN], width=WIDTH, stars=200, seed=1)
    normal = simulate_exposure(PLAN, field, QUIET, chips=(2,))
    empty = simulate_exposure(replace(PLAN, anomaly="empty"), field, QUIET, chips=(2,))
    assert empty.stars[2].id.size == 0
    assert empty.chips["flt", 2].sci.max() < 50.0 < normal.chips["flt", 2].sci.max()
    wrong = simulate_exposure(replace(PLAN, anomaly="wrong_field"), field, QUIET, chips=(2,))
    bright = np.argmax(normal.stars[2].flux)
    x, y = normal.stars[2].x[[bright]], normal.stars[2].y[[bright]]
    area = pixel_area(2, WIDTH)
    assert flux_at(normal.chips["flt", 2].sci * area, x, y)[0] > 0.9 * normal.stars[2].flux[bright]
    assert flux_at(wrong.chips["flt", 2].sci * area, x, y)[0] < 0.5 * normal.stars[2].flux[bright]
    assert wrong.stars[2].id.size == normal.stars[2].id.size
    smear = simulate_exposure(replace(PLAN, anomaly="guide_star_smear"), field, QUIET, chips=(2,))
    assert smear.chips["flt", 2].sci.max() < 0.5 * normal.chips["flt", 2].sci.max()
    assert smear.chips["flt", 2].sci.sum() == pytest.approx(normal.chips["flt", 2].sci.sum(), rel=0.05)


def test_injected_lines_are_noisier():
    plan = replace(PLAN, chinject="LINE17")
    chip = simulate_exposure(plan, column_of_stars(1.0), QUIET, chips=(2,)).chips["flt", 2]
    deviation = chip.sci.std(axis=1)
    assert deviation[::17].min() > 4 * deviation[1::17].max()


def test_the_sky_is_even_and_stars_are_where_the_coordinates_say():
    attitude = Attitude(5.655, -72.0723, 110.0)
    assert PLAN.attitude == attitude
    settings = replace(QUIET, detector=replace(CLEAN, sky_rate=1.0))
    sci = simulate_exposure(PLAN, column_of_stars(1.0), settings, chips=(1,)).chips["flt", 1].sci
    thirds = [np.median(part) for part in np.array_split(sci, 3, axis=0)]
    np.testing.assert_allclose(thirds, 348.0, rtol=0.002)
