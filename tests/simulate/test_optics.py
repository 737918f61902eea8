"""Stars that widen over the field, and a sky that rises along the rows."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from cte_lake.simulate import (
    NO_LOSS,
    TARGETS,
    Detector,
    Optics,
    Settings,
    make_field,
    nominal_program,
    simulate_exposure,
)
from cte_lake.simulate.psf import paint_stars

MIDDLE = np.array([100.0])


def painted(width):
    image = np.zeros((201, 201), dtype=np.float32)
    paint_stars(image, MIDDLE, MIDDLE, np.array([1e5]), "F502N", None if width is None else np.array([width]))
    return image


def second_moment(image):
    rows, columns = np.mgrid[:201, :201] - 100.0
    core = image * (np.hypot(rows, columns) <= 4)
    return float((core * rows**2).sum() / core.sum())


def test_a_nominal_width_is_the_same_star_to_the_bit():
    np.testing.assert_array_equal(painted(None), painted(1.0))


@pytest.mark.parametrize("width", [0.94, 1.05, 1.1])
def test_a_wider_star_has_the_same_light(width):
    plain, wide = painted(None), painted(width)
    assert wide.sum() == pytest.approx(plain.sum(), rel=0.005)
    assert (second_moment(wide) > second_moment(plain)) == (width > 1)
    assert wide.max() == pytest.approx(plain.max() / width**2, rel=0.06)


def test_a_blurred_star_keeps_its_wings():
    plain, wide = np.zeros((201, 201), np.float32), np.zeros((201, 201), np.float32)
    paint_stars(plain, MIDDLE, MIDDLE, np.array([1e5]))
    paint_stars(wide, MIDDLE, MIDDLE, np.array([1e5]), "F502N", np.array([1.1]), True)
    rows, columns = np.mgrid[:201, :201] - 100.0
    outside = np.hypot(rows, columns) > 10
    assert wide[outside].sum() == pytest.approx(plain[outside].sum(), rel=0.01)
    assert 1.01 < second_moment(wide) / second_moment(plain) < 1.21
    assert wide.max() < 0.92 * plain.max()


def test_forms_have_their_widest_places():
    x, y = np.array([0.0, 2047.5, 4095.0]), np.array([0.0, 1025.0, 2050.0])
    edges = Optics(0.1, "edges")
    assert edges.width(2, np.full(3, 2047.5), y, 4096) == pytest.approx([1.1, 1.025, 1.0], abs=1e-3)
    assert edges.width(1, np.full(3, 2047.5), y, 4096) == pytest.approx([1.0, 1.025, 1.1], abs=1e-3)
    assert edges.width(1, x, np.zeros(3), 4096) == pytest.approx([1.1, 1.0, 1.1], abs=1e-3)
    tilt = Optics(0.1, "tilt")
    assert tilt.width(2, np.zeros(3), y, 4096) == pytest.approx([1.0, 1.025, 1.05], abs=1e-3)
    assert tilt.width(1, np.zeros(3), y, 4096) == pytest.approx([1.05, 1.075, 1.1], abs=1e-3)
    assert Optics(0.1, "bowl").width(2, np.zeros(3), y, 4096) == pytest.approx([1.1, 1.0, 1.1], abs=1e-3)
    assert Optics(0.1, "columns").width(2, x, y, 4096) == pytest.approx([1.0, 1.05, 1.1], abs=1e-3)
    # A cut-out is of the middle columns.
    assert Optics(0.1, "columns").width(2, np.array([0.0]), np.zeros(1), 512) == pytest.approx(
        [1.04375], abs=1e-3
    )


def test_the_sky_rises_from_chip_2_to_chip_1():
    (plan, _) = nominal_program(TARGETS["ngc104"], (57601.3,)).exposures
    detector = Detector(cosmic_ray_rate=0.0, hot_fraction=0.0, bad_columns=False, dark_rate=0.0, sky_rate=0.0)
    settings = Settings(width=128, law=NO_LOSS, detector=detector, optics=Optics(sky_gradient=40.0))
    plan = replace(plan, anomaly="empty")
    exposure = simulate_exposure(plan, make_field([plan], width=128, stars=20), settings)
    for chip, start in ((2, 0.0), (1, 40.0 * 2051 / 2048)):
        rows = np.median(exposure.chips["flt", chip].sci, axis=1)
        line = np.polyfit(np.arange(rows.size), rows, 1)
        assert line[0] * 2048 == pytest.approx(40.0, abs=1.0)
        assert line[1] == pytest.approx(start, abs=1.0)


def test_a_sky_may_rise_towards_the_gap_on_both_chips():
    optics = Optics(sky_gradient=20.0, sky_form="gap")
    below, above = optics.extra_sky(2)[:, 0], optics.extra_sky(1)[:, 0]
    assert np.all(above == below[::-1])
    assert (below[0], below[1024]) == (0.0, 10.0)
