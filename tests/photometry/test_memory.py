"""What a measurement holds in memory beside its frame."""

from __future__ import annotations

import pytest

from benchmarks.photometry_speed import make_frame, peak_megabytes


@pytest.mark.slow
def test_a_full_chip_takes_little_memory() -> None:
    frame, x, y = make_frame(2000)
    assert peak_megabytes(frame, x, y) < 300.0
