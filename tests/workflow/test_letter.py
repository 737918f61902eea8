"""When a mail is sent, and that a person reads it in ten seconds."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from cte_lake.pipeline.night import Alarm, LossMove, Night, NightStep, Trouble
from cte_lake.workflow.refresh.letter import letter, with_mailed

FIRST = datetime(2026, 3, 1, 2, 17, tzinfo=UTC)
NO_NETWORK = "fetch: the archive cannot be reached"


def night(number, *texts, measured=0, **more):
    started = (FIRST + timedelta(days=number, minutes=number % 3)).isoformat()
    troubles = tuple(Trouble(text, text, started, not text.startswith("overdue")) for text in texts)
    return Night(
        started, "host", "/data/lake", started, troubles=troubles, new={"measured": measured}, **more
    )


def mails(*nights, news=True, days=7.0):
    """The mails of a row of nights, by number of the night; each knows the record of the one before."""
    sent, before = {}, None
    for number, now in enumerate(nights):
        if before is not None:
            since = {trouble.key: trouble.since for trouble in before.troubles}
            now = replace(
                now, troubles=tuple(replace(t, since=since.get(t.key, t.since)) for t in now.troubles)
            )
        told = letter(now, before, news, days, "/data/lake/logs/refresh.log")
        before = with_mailed(now, before, told)
        if told.why:
            sent[number] = (told.why, told.body)
    return sent


def test_a_night_with_nothing_new_is_silent():
    assert mails(night(0), night(1), night(2)) == {}


def test_trouble_that_lasts_is_told_once_and_then_every_week_and_its_end_too():
    nights = [night(k, NO_NETWORK) if k < 17 else night(k) for k in range(20)]
    sent = mails(*nights)
    assert {k: why for k, (why, _) in sent.items()} == {
        0: "trouble",
        7: "reminder",
        14: "reminder",
        17: "mended",
    }
    assert all(body.count(NO_NETWORK) == 1 for _, body in sent.values())
    assert "(since 2026-03-01)" in sent[7][1]


def test_an_overdue_visit_alone_is_told_once():
    late = "overdue NGC 104: 1 epoch overdue"
    assert {k: why for k, (why, _) in mails(*(night(k, late) for k in range(30))).items()} == {0: "trouble"}


def test_new_trouble_is_told_in_full_and_known_trouble_in_a_line():
    sent = mails(night(0, NO_NETWORK), night(1, NO_NETWORK, "reject x_flt.fits: no frame"))
    assert set(sent) == {0, 1}
    assert "reject x_flt.fits: no frame" in sent[1][1]
    assert NO_NETWORK not in sent[1][1]
    assert "unchanged: 1 known trouble, the first since 2026-03-01" in sent[1][1]


def test_new_data_are_told_unless_that_is_switched_off():
    nights = (night(0), night(1, measured=8))
    (body,) = [body for _, body in mails(*nights).values()]
    assert "8 measured" in body
    assert mails(*nights, news=False) == {}


def move(now, before, told, bin_lo=500.0):
    return LossMove(
        "ngc104", "F502N", "l", "flc", 12, bin_lo, 2000.0, 61100.0, now, 0.003,
        None if before is None else 60735.0, before, None if before is None else 0.004, 0.119, 0.001, told,
    )  # fmt: skip


def test_the_mail_says_what_is_new_missing_wrong_and_how_the_loss_moved_within_a_screen():
    alarm = Alarm(
        "ngc104", "F502N", "l", "flc", 61100.0, 0.1, 0.02, "NGC 104 F502N l FLC: the losses are higher"
    )
    steps = (NightStep("fetch", "failed", "the archive cannot be reached", 3.0, 3),)
    now = night(
        0, NO_NETWORK, *(f"reject {k}_flt.fits: no frame" for k in range(40)),
        measured=8, steps=steps, alarms=(alarm,), exit_code=3,
        missing=("NGC 104 17674/03: F502N l flash 12: FLT of chip 1",), missing_text="1 incomplete visit",
        losses=(*(move(0.12 + k / 1000, 0.115, None, k) for k in range(9)), move(0.1, None, 0.1)),
    )  # fmt: skip
    ((why, body),) = mails(now).values()
    assert why == "trouble"
    assert len(body.splitlines()) < 45
    assert max(map(len, body.splitlines()[1:])) <= 92
    head = body.splitlines()[0]
    assert "fetch failed" in head
    assert "41 new troubles" in head
    assert body.count(NO_NETWORK) == 1
    for text in ("8 measured", "and 31 more", alarm.text, "FLT of chip 1", "... and 3 more on the page"):
        assert text in body, text
    assert "12.80 ± 0.30 % on 2026-03-01, +1.30 ± 0.50 since 2025-03-01; model 11.90 %" in " ".join(
        body.split()
    )
    assert "10.00" not in body


def test_an_alarm_stands_first():
    alarm = Alarm("ngc104", "F502N", "l", "flc", 61100.0, 0.1, 0.02, "NGC 104: the losses are higher")
    now = night(0, "alarm ngc104 F502N l flc 61100", measured=4, alarms=(alarm,))
    ((_, body),) = mails(now).values()
    head, _, first, *_ = body.splitlines()
    assert head.startswith("ALARM, ")
    assert first.split(None, 1) == ["Alarms", alarm.text]
    assert body.count("Alarms") == 1
    assert "alarm ngc104" not in body


def test_a_reminder_does_not_drift_by_a_job_that_begins_some_minutes_early():
    first = replace(night(0, NO_NETWORK), mailed="")
    told = with_mailed(first, None, letter(first, None, True, 7.0, ""))
    early = replace(night(7, NO_NETWORK), started=(FIRST + timedelta(days=7, minutes=-20)).isoformat())
    assert letter(early, told, True, 7.0, "").why == "reminder"


def test_trouble_is_told_again_every_week_though_new_trouble_comes_in_between():
    nights = [night(k, NO_NETWORK, *([f"reject {k}"] if k % 2 else [])) for k in range(9)]
    sent = mails(*nights)
    assert NO_NETWORK in sent[7][1]
