"""Ingest with changing settings, compact, vacuum and readers at once, for a short while."""

import pytest

from benchmarks.mix import mix


@pytest.mark.slow
def test_no_reader_sees_what_no_quiet_lake_has(tmp_path):
    told = mix(tmp_path / "lake", seconds=3, readers=2)
    assert told["wrong"] == []
    assert (told["failed"], told["verified"]) == (0, True)
    assert told["answers"] > 0
    assert told["measured"] > 0
