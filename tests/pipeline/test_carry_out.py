"""Whose fault a failure is: of the frame, or of what surrounds it."""

from __future__ import annotations

import errno
import os

import pytest

from cte_lake.pipeline.carry_out import WORKER_FAILURES, refusal_of


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EFBIG, errno.EDQUOT, errno.EROFS])
def test_what_could_not_be_written_is_not_the_frame_s_fault_and_is_tried_again(tmp_path, number):
    # As when the compiled photometry cannot be kept on a full disk.
    refusal = refusal_of(tmp_path / "a_flt.fits", OSError(number, os.strerror(number)), "measure")
    assert refusal.reason in WORKER_FAILURES
    assert refusal.detail.startswith("no room to work on a_flt.fits: ")


def test_what_cannot_be_read_is(tmp_path):
    refusal = refusal_of(tmp_path / "a_flt.fits", OSError(errno.EIO, os.strerror(errno.EIO)), "measure")
    assert refusal.reason == "unreadable"
