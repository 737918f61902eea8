"""The engine must stay well ahead of photutils; the full comparison is benchmarks/photometry_speed.py."""

from __future__ import annotations

import pytest

from benchmarks.photometry_speed import cpu_seconds, make_frame, peak_megabytes, photutils_plain
from cte_lake.photometry import measure, settings_for


@pytest.mark.slow
def test_at_least_five_times_faster_than_photutils() -> None:
    frame, x, y = make_frame(600, (1000, 1200))
    measure(frame, x[:5], y[:5], settings_for())
    ours = min(cpu_seconds(lambda: measure(frame, x, y, settings_for())) for _ in range(3))
    theirs = min(cpu_seconds(lambda: photutils_plain(frame, x, y)) for _ in range(2))
    assert theirs > 5.0 * ours


@pytest.mark.slow
def test_a_full_chip_takes_little_memory() -> None:
    frame, x, y = make_frame(2000)
    assert peak_megabytes(frame, x, y) < 300.0
