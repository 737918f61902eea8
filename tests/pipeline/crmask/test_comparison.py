"""Comparison of exposures, on images made here; against drizzlepac's masks: test_crmask.py."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
from astropy.wcs import WCS, Sip
from msgspec.structs import replace

from cte_lake.config import load_settings
from cte_lake.pipeline.crmask import comparison
from cte_lake.pipeline.crmask.comparison import Exposure, _grid, common_plane, hits_of
from cte_lake.pipeline.crmask.plane_pixels import blot, choose, combine, compare, spread

SETTINGS = load_settings(None, environment={}).config.crmask
PIXEL = 0.04 / 3600
SHAPE = (110, 90)


def _wcs(dx=0.0, dy=0.0, angle=0.0, shape=SHAPE):
    """A chip with some distortion that looks `dx`, `dy` px beside the field's centre."""
    wcs = WCS(naxis=2)
    wcs.wcs.ctype = ["RA---TAN-SIP", "DEC--TAN-SIP"]
    turn = np.deg2rad(angle)
    wcs.wcs.cd = PIXEL * np.array([[-np.cos(turn), np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    wcs.wcs.crval, wcs.wcs.crpix = [5.6, -72.0], [45.5 + dx, 55.5 + dy]
    a, b = np.zeros((3, 3)), np.zeros((3, 3))
    a[2, 0], a[1, 1], b[0, 2] = 9e-6, 3e-6, -5e-6
    wcs.sip = Sip(a, b, None, None, wcs.wcs.crpix)
    wcs.pixel_shape, wcs.idcscale = shape[::-1], 0.04
    wcs.wcs.set()
    return wcs


#: Stars: x and y on an exposure that is not shifted, e-/s.
STARS = ((30.3, 40.8, 90.0), (60.9, 75.2, 20.0), (50.1, 20.4, 300.0))


def _image(rng, wcs, exptime=300.0, sky=2.0, shape=SHAPE):
    y, x = np.mgrid[: shape[0], : shape[1]]
    expected = np.full(shape, sky)
    for at_x, at_y, rate in STARS:
        ra, dec = _wcs().all_pix2world(at_x, at_y, 0)
        here_x, here_y = wcs.all_world2pix(ra, dec, 0)
        expected += exptime * rate * np.exp(-((x - here_x) ** 2 + (y - here_y) ** 2) / (2 * 0.9**2)) / 5.1
    return (rng.poisson(expected) + rng.normal(0, 3.0, shape)).astype(np.float32)


def _exposure(folder, name, data, wcs, exptime=300.0, sky=2.0, good=None):
    good = np.ones(data.shape, bool) if good is None else good
    path = folder / f"{name}_2.npy"
    np.save(path, data)
    np.save(path.with_suffix(".good.npy"), good)
    return Exposure(exptime, {2: sky}, 9.0, float(good.mean()), {2: path}, {2: wcs})


def _visit(folder, shifts, exptimes=None, skies=None, shapes=None):
    """Exposures of one field with a hit on each, and where it is."""
    rng = np.random.default_rng(5)
    exposures, hits = {}, {}
    for k, (dx, dy) in enumerate(shifts):
        exptime = 300.0 if exptimes is None else exptimes[k]
        sky = 2.0 if skies is None else skies[k]
        shape = SHAPE if shapes is None else shapes[k]
        wcs = _wcs(dx, dy, 0.02 * k, shape)
        data = _image(rng, wcs, exptime, sky, shape)
        hits[str(k)] = (15 + 7 * k, 20 + 5 * k)
        data[hits[str(k)]] += 400.0
        exposures[str(k)] = _exposure(folder, k, data, wcs, exptime, sky)
    return exposures, hits


def _only_hits_are_marked(found, hits, wrong=2):
    for name, (masks, _) in found.items():
        mask = masks[2]
        y, x = hits[name]
        assert mask[y, x], name
        assert mask.sum() - mask[y - 1 : y + 2, x - 1 : x + 2].sum() <= wrong, name


@pytest.mark.parametrize(
    "visit",
    [
        {"shifts": ((0, 0), (1.4, -0.7))},
        {"shifts": ((0, 0), (0.5, 0.5), (-2.3, 4.1))},
        {"shifts": ((0, 0), (20.5, -31.2), (-2.3, 4.1), (7.7, 11.4))},
        {"shifts": ((0, 0), (1.4, -0.7), (3.2, 0.4)), "exptimes": (300.0, 200.0, 410.0)},
        {"shifts": ((0, 0), (1.4, -0.7), (3.2, 0.4)), "skies": (2.0, 40.0, 12.0)},
        {"shifts": ((0, 0), (-12.0, -9.0), (1.1, 0.3)), "shapes": (SHAPE, (70, 61), SHAPE)},
    ],
    ids=("pair", "three", "dithered", "times", "skies", "subarray"),
)
def test_hits_are_found_and_stars_are_not(tmp_path, visit):
    exposures, hits = _visit(tmp_path, **visit)
    found = hits_of(SETTINGS, exposures)
    _only_hits_are_marked(found, hits)
    for name, (masks, sky) in found.items():
        assert masks[2].shape == exposures[name].wcs[2].pixel_shape[::-1]
        assert sky == exposures[name].sky


def test_a_bad_pixel_of_one_exposure_is_no_hit_on_the_others(tmp_path):
    exposures, hits = _visit(tmp_path, ((0, 0), (0.0, 0.0), (1.0, 0.0)))
    first = exposures["0"]
    data = np.load(first.chips[2])
    data[80:84, 20:24] = -300.0
    good = np.ones(SHAPE, bool)
    good[80:84, 20:24] = False
    exposures["0"] = _exposure(tmp_path, 0, data, first.wcs[2], good=good)
    found = hits_of(SETTINGS, exposures)
    del hits["0"], found["0"]
    _only_hits_are_marked(found, hits)


def test_a_hit_grows_by_the_box_that_is_set(tmp_path):
    exposures, hits = _visit(tmp_path, ((0, 0), (1.4, -0.7), (3.2, 0.4)))
    one, grown = (hits_of(replace(SETTINGS, grow=grow), exposures) for grow in (1, 3))
    y, x = hits["1"]
    assert one["1"][0][2].sum() < 9
    assert grown["1"][0][2][y - 1 : y + 2, x - 1 : x + 2].all()


def _place(*shapes):
    """A turned chip of each shape, where it lies on the plane, and the plane's shape."""
    chips = {2: _wcs(0.0, 0.0, 0.3, shapes[0])}
    shape, (place,) = common_plane([Exposure(1.0, {2: 0.0}, 9.0, 1.0, {}, chips)])
    return chips[2], place[2], shape


def test_positions_between_the_grids_are_exact_to_a_hundredth_of_a_pixel(monkeypatch):
    """The plane's own columns, brought back to the chip, are the positions of its pixels."""
    planes = []
    monkeypatch.setattr(comparison, "_grid", lambda wcs, plane: planes.append(plane) or _grid(wcs, plane))
    wcs, place, shape = _place((400, 300))
    columns, rows = np.meshgrid(np.arange(shape[1]), np.arange(shape[0]))
    x, y = np.meshgrid(np.arange(300), np.arange(400))
    wanted = planes[0].wcs_world2pix(*wcs.all_pix2world(x.ravel(), y.ravel(), 0), 0)
    for axis, want in zip((columns, rows), wanted, strict=True):
        got = np.empty((400, 300), np.float32)
        blot(axis.astype(np.float32), place.grid, 1.0, 0.0, got)
        inside = (slice(5, -5), slice(5, -5))
        assert np.abs(got - want.reshape(got.shape))[inside].max() < 0.01


def test_signal_is_kept_on_the_plane():
    _, place, shape = _place((110, 90))
    data = np.random.default_rng(1).uniform(0, 9, (110, 90)).astype(np.float32)
    good = np.zeros(data.shape, bool)
    good[5:-5, 5:-5] = True
    signal, weight = np.zeros((2, *shape), np.float32)
    spread(data, good, place.grid, 0, 0, signal, weight)
    assert weight.sum() == pytest.approx(good.sum(), rel=1e-5)
    assert signal.sum() == pytest.approx(data[good].sum(), rel=1e-5)
    strips = np.zeros((2, *shape), np.float32)
    for top in range(0, shape[0], 40):
        for rows in (slice(0, 64), slice(64, 110)):
            strip = slice(top, top + 40)
            spread(data[rows], good[rows], place.grid, rows.start, top, strips[0][strip], strips[1][strip])
    np.testing.assert_allclose(strips, [signal, weight], atol=1e-4)


def _combined(values, weight=None, exptime=None):
    """Median and what is chosen at one pixel; values in e-/s at 100 s."""
    n = len(values)
    exptime = np.full(n, 100.0) if exptime is None else np.array(exptime)
    weight = np.ones((n, 1, 1), np.float32) if weight is None else np.array(weight, np.float32)[:, None, None]
    signal = (np.array(values)[:, None, None] * weight * exptime[:, None, None]).astype(np.float32)
    median, lowest, excess, clean = np.empty((4, 1, 1), np.float32)
    combine(
        signal, weight, exptime, np.full(n, 2.0), np.full(n, 0.3), np.full(n, 9.0), median, lowest, excess
    )
    choose(median, lowest, excess, 0, clean)
    return float(median[0, 0]), float(clean[0, 0])


def test_the_median_leaves_the_highest_out_and_gives_way_to_the_lowest():
    assert _combined((1.0, 1.1)) == pytest.approx((1.05, 1.05))
    assert _combined((1.0, 5.0)) == pytest.approx((3.0, 1.0))
    assert _combined((1.2, 1.0, 1.1)) == pytest.approx((1.05, 1.05))
    assert _combined((1.2, 1.0, 9.0, 1.1)) == pytest.approx((1.1, 1.1))
    assert _combined((1.0, 9.0, 8.0)) == pytest.approx((4.5, 1.0))
    # Where two have good pixels the lower of both counts, where one has it is all there is, then none.
    assert _combined((1.0, 1.1, 7.0), weight=(1, 1, 0.2)) == pytest.approx((1.0, 1.0))
    assert _combined((5.0, 1.1, 7.0), weight=(1, 0, 0.2)) == pytest.approx((5.0, 5.0))
    assert _combined((5.0, 1.1, 7.0), weight=(0.1, 0, 0.2)) == (0.0, 0.0)
    # A rate is a rate whatever the exposure time.
    assert _combined((1.2, 1.0, 1.1), exptime=(50.0, 100.0, 200.0)) == pytest.approx((1.05, 1.05))


def test_beside_a_hit_the_lower_limit_holds():
    data, clean = np.full((7, 7), 2.0, np.float32), np.full((7, 7), 2.0, np.float32)
    sigma = np.sqrt(2.0 + 2.0 + 9.0)
    data[3, 3] += 5.1 * sigma
    data[3, 4] += 4.1 * sigma
    data[3, 5] += 4.1 * sigma
    data[0, 0] += 4.9 * sigma
    hit = np.empty(data.shape, bool)
    compare(data, clean, 2.0, 9.0, (5.0, 4.0), (2.0, 1.5), hit)
    assert np.argwhere(hit).tolist() == [[3, 3], [3, 4]]
    clean[3, 2] = clean[3, 5] = 300.0
    compare(data, clean, 2.0, 9.0, (5.0, 4.0), (2.0, 1.5), hit)
    assert not hit[3, 3]
    # Below zero the noise is that of as many electrons, and the read noise beside it.
    clean[:] = -9.0
    data[:] = -9.0 + 4.9 * 4.0
    compare(data, clean, 2.0, 9.0, (5.0, 4.0), (2.0, 1.5), hit)
    assert not hit.any()


def test_only_a_strip_of_the_plane_is_held_for_all_exposures(tmp_path, monkeypatch):
    shape = (700, 120)
    exposures, _ = _visit(tmp_path, ((0.0, 0.3 * k) for k in range(8)), shapes=[shape] * 8)
    hits_of(SETTINGS, {name: exposures[name] for name in "01"})
    monkeypatch.setattr(comparison, "_STRIP", 32)
    tracemalloc.start()
    hits_of(SETTINGS, exposures)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    # The masks of eight chips are 2 planes of float32; the plane, a chip, its model and marks are 3.5.
    assert peak < 7 * 4 * shape[0] * shape[1]
