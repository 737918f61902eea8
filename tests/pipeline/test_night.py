"""The record of a night: what is kept is what is read."""

from __future__ import annotations

import json
import string

from hypothesis import given
from hypothesis import strategies as st

from cte_lake.lake.stored import stored
from cte_lake.pipeline.night import Alarm, LossMove, Night, NightStep, Trouble, keep_night, last_night

words = st.text(max_size=20)
reals = st.floats(-1e6, 1e6)
maybe = st.none() | reals
moves = st.builds(
    LossMove,
    words, words, words, words, st.integers(0, 200), reals, reals, reals, reals, reals,
    maybe, maybe, maybe, maybe, maybe, maybe,
)  # fmt: skip
steps = st.builds(
    NightStep,
    words,
    st.sampled_from(["running", "done", "skipped", "failed"]),
    words,
    reals,
    st.integers(-9, 200),
)
nights = st.builds(
    Night,
    started=st.just("2026-01-02T02:17:00+00:00"),
    ended=st.sampled_from(["", "2026-01-02T02:18:00+00:00"]),
    steps=st.lists(steps, max_size=3).map(tuple),
    new=st.dictionaries(st.text(string.ascii_letters, min_size=1), st.integers(0, 99), max_size=2),
    missing=st.lists(words, max_size=2).map(tuple),
    alarms=st.lists(st.builds(Alarm, words, words, words, words, reals, reals, reals, words)).map(tuple),
    losses=st.lists(moves, max_size=2).map(tuple),
    troubles=st.lists(st.builds(Trouble, words, words, words, st.booleans()), max_size=2).map(tuple),
)


@given(night=nights)
def test_what_is_kept_is_what_is_read(tmp_path_factory, night):
    lake = stored(tmp_path_factory.getbasetemp() / "night")
    (tmp_path_factory.getbasetemp() / "night" / "logs").mkdir(parents=True, exist_ok=True)
    assert keep_night(lake, night)
    assert last_night(lake) == night
    assert night.text


def test_a_record_that_cannot_be_read_is_none(tmp_path):
    lake, place = stored(tmp_path), tmp_path / "logs" / "refresh.json"
    assert last_night(lake) is None
    place.parent.mkdir()
    keep_night(lake, Night("2026-01-02T02:17:00+00:00"))
    kept = json.loads(place.read_text())
    for broken in ("", "[]", "{", json.dumps(kept | {"format": 99}), json.dumps(kept | {"steps": 3})):
        place.write_text(broken)
        assert last_night(lake) is None, broken


def test_a_lake_that_cannot_be_written_keeps_no_record_and_goes_on(tmp_path):
    (tmp_path / "logs").write_text("a file where a folder should be")
    assert not keep_night(stored(tmp_path), Night("2026-01-02T02:17:00+00:00"))


def test_a_night_in_one_sentence():
    started = "2026-01-02T02:17:00+00:00"
    well = Night(
        started, ended=started, steps=(NightStep("ingest", "done", seconds=41.2),), new={"measured": 4}
    )
    assert well.text == "2026-01-02 02:17 UTC: well in 41 s, 4 measured"
    idle = Night(
        started, ended=started, steps=(NightStep("ingest", "skipped", seconds=9),), new={"measured": 0}
    )
    assert idle.text == "2026-01-02 02:17 UTC: well in 9 s, nothing new"
    bad = Night(started, ended=started, steps=(NightStep("fetch", "failed", "no route"),))
    assert bad.text == "2026-01-02 02:17 UTC: fetch failed"
    killed = Night(started, steps=(NightStep("ingest", "running"),))
    assert killed.text == "2026-01-02 02:17 UTC: not ended, last at ingest"
