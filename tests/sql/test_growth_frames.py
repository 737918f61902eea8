"""Frames whose stars widen towards the detector's edges: a loss that is none, before and after correction."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from cte_lake import Lake, open_lake
from cte_lake.config import load_settings
from cte_lake.simulate import NO_LOSS, CTELaw, Optics
from tests.sql.test_displacement_frames import made
from tests.sql.test_growth import failing

pytestmark = pytest.mark.slow


def losses(root: Path, correction: str, *apertures: int) -> list[tuple[np.ndarray, np.ndarray]]:
    settings = load_settings(root, {"measure.shape_correction": correction})
    with open_lake(root, settings=settings) as lake:
        # The rows of a view have no order of their own.
        found = [
            sorted(lake.losses(aperture=aperture, filetype="flt"), key=lambda row: row["bin_lo"])
            for aperture in apertures
        ]
    return [
        (np.array([row["loss"] for row in rows]), np.array([row["loss_err"] for row in rows]))
        for rows in found
    ]


def imitated(lake: Lake) -> tuple[float, float]:
    row = lake.growth_loss(filetype="flt").rows()[0]
    return row["growth_loss"], row["growth_loss_err"]


@pytest.mark.parametrize(("form", "blurred"), [("edges", False), ("edges", True), ("bowl", False)])
def test_a_field_of_widths_imitates_a_loss_that_the_growth_curves_tell(tmp_path, form, blurred):
    root = made(tmp_path, 41, law=NO_LOSS, optics=Optics(0.1, form, blurred))
    ((before, error),) = losses(root, "none", 3)
    (after, corrected_error), *wider = losses(root, "growth", 3, 5, 7)
    with open_lake(root) as lake:
        loss, loss_err = imitated(lake)
    if form == "edges":
        # Wider at the amplifiers: a gain at every flux.
        assert loss < -5 * loss_err
        assert np.average(before, weights=error**-2) < (-0.004 if blurred else -0.012)
        assert failing(root)
    else:
        # Wider at both ends of a chip: nothing along a line.
        assert abs(loss) < 3 * loss_err
        assert not failing(root)
    # Light beyond 10 px is not in the growth curve: what wings that widen take out there stays.
    assert np.abs(after / corrected_error).max() < 3.5
    left = abs(np.average(after, weights=corrected_error**-2))
    assert left < (0.01 if form == "edges" and not blurred else 0.005)
    for wide, wide_error in wider:
        assert np.abs((wide - after) / np.hypot(wide_error, corrected_error)).max() < 3


def test_no_harm_where_charge_is_lost_and_stars_are_alike(tmp_path):
    root = made(tmp_path, 42, law=CTELaw())
    ((before, _),) = losses(root, "none", 3)
    ((after, _),) = losses(root, "growth", 3)
    with open_lake(root) as lake:
        loss, loss_err = imitated(lake)
    assert abs(loss) < 3 * loss_err
    assert np.abs(after - before).max() < 0.005 < 0.5 * before.min()
    assert not failing(root)


def test_trails_have_a_growth_curve_of_their_own(tmp_path):
    """Why the correction is off by default: it takes a part of a loss that is real."""
    root = made(tmp_path, 43, trails=True)
    ((before, _),) = losses(root, "none", 3)
    with open_lake(root) as lake:
        loss, loss_err = imitated(lake)
    assert loss > 8 * loss_err
    assert 0.25 < loss / before.min() < 0.75
    assert not failing(root)
