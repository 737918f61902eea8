"""The first screen: how losses moved, the night, alarms, coefficients; and that commands say the same."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from cte_lake import open_lake
from cte_lake.correction.fit_lake import consistency_of
from cte_lake.correction.renewal import SetState
from cte_lake.lake.selection import Selection
from cte_lake.pipeline.night import Night, NightStep, Trouble
from cte_lake.report.curves import time_curves, with_model
from cte_lake.report.figures.request import Request
from cte_lake.report.morning import (
    alarm_line,
    alarms_of,
    coefficient_line,
    coverage_line,
    newest_table,
    night_line,
    signed_text,
)
from cte_lake.report.moves import loss_moves
from cte_lake.report.pair_pages import neighbours
from cte_lake.views.audits import departing_epoch
from tests.model.sets import make_set

BIN = (500.0, 2000.0)


def _row(**changed: Any) -> dict[str, Any]:
    return {
        "target": "ngc104", "filter": "F502N", "length": "l", "flash": 0, "filetype": "flt", "chip": None,
        "pairing": "chips", "bin_lo": BIN[0], "bin_hi": BIN[1], "aperture": 3, "estimator": "log_ratio",
        "epoch": 1, "epoch_mjd": 55500.0, "mjd": 55500.0, "n": 100, "cte_loss": 0.1, "cte_loss_err": 0.01,
        "mean_flux": 1000.0, "readout_background": 1.5, "chinject": "NONE", "generation": "flt",
        "newest": True, "pair_id": 7,
    } | changed  # fmt: skip


def _blocks(*rows: dict[str, Any], sets: Any = ()) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = newest_table(loss_moves(rows, [BIN], sets))["blocks"]
    return found


def test_the_change_since_the_epoch_before_has_the_error_of_both() -> None:
    (block,) = _blocks(
        _row(epoch=1, cte_loss=0.1),
        _row(epoch=2, epoch_mjd=55900.0, cte_loss=0.2, cte_loss_err=0.03),
        _row(epoch=4, epoch_mjd=56700.0, cte_loss=0.3, cte_loss_err=0.04),
    )
    assert block["title"] == "NGC 104, F502N, long, no flash, FLT"
    assert block["rows"][0]["loss"] == "30.00 ±\u00a04.00"
    # 0.3 in ln over 2048 rows, in magnitudes over 2051.
    assert block["rows"][0]["loss_mag"] == "0.3262 ±\u00a00.0435"
    assert block["rows"][0]["change"] == "+10.00 ±\u00a05.00"
    assert block["rows"][0]["change_marked"] is False


def test_an_only_epoch_has_no_change() -> None:
    (block,) = _blocks(_row())
    assert (block["rows"][0]["change"], block["rows"][0]["excess"]) == (None, None)
    assert block["dates"] == "2010-10-31; before: none"


def test_a_change_beyond_three_errors_is_marked() -> None:
    (block,) = _blocks(_row(), _row(epoch=2, epoch_mjd=55900.0, cte_loss=0.2))
    assert block["rows"][0]["change_marked"] is True


def test_the_model_of_a_bin_is_that_of_its_stars() -> None:
    one, rng = make_set(), np.random.default_rng(4)
    stars = 10.0 ** (np.log10(500.0) + rng.exponential(0.25, 4000).clip(max=0.6))
    logs = np.log10(stars)
    row = _row(
        cte_loss=float(one.loss(55500.0, stars, 1.5).mean()),
        mean_flux=float(stars.mean()),
        mean_log_flux=float(logs.mean()),
        mean_log_flux_sq=float((logs**2).mean()),
    )
    (move,) = loss_moves([row], [BIN], [one])
    # The coefficients are a quadratic in the logarithm of flux; the star of the mean flux is far off.
    assert move.model == pytest.approx(row["cte_loss"], rel=1e-6)
    assert abs(float(one.loss(55500.0, stars.mean(), 1.5)) / row["cte_loss"] - 1) > 0.01
    table = with_model([one], pa.Table.from_pylist([row]))
    assert table["model_loss"].to_pylist() == [move.model]
    drawn = time_curves([one], pa.Table.from_pylist([row]))
    assert drawn is not None
    assert drawn["loss"][0].as_py() == pytest.approx(move.model, rel=1e-12)


def test_what_the_model_leaves_is_told() -> None:
    one = make_set()
    (block,) = _blocks(_row(cte_loss=0.2), sets=[one])
    expected = 0.2 - float(one.loss(55500.0, 1000.0, 1.5))
    assert float(block["rows"][0]["excess"].split()[0].replace("\u2212", "-")) == pytest.approx(
        100 * expected, abs=0.006
    )


def test_modes_of_older_epochs_are_not_on_the_first_screen() -> None:
    found = _blocks(_row(flash=12), _row(epoch=2, epoch_mjd=55900.0))
    assert [block["title"] for block in found] == ["NGC 104, F502N, long, no flash, FLT"]


def test_the_target_that_was_observed_last_comes_first() -> None:
    found = _blocks(_row(), _row(target="ngc6791", epoch_mjd=56000.0), _row(filetype="flc"))
    assert [block["title"][:8] for block in found] == ["NGC 6791", "NGC 104,", "NGC 104,"]


def test_signed_text() -> None:
    assert signed_text(-0.0123, 0.004) == "\u22121.23 ±\u00a00.40"
    assert signed_text(-0.00001, 0.004) == "+0.00 ±\u00a00.40"
    assert signed_text(None, None) is None


NIGHT = Night("2026-05-01T03:43:00+00:00", ended="2026-05-01T03:50:00+00:00", new={"measured": 4})
MORNING = datetime(2026, 5, 1, 9, 0, tzinfo=UTC)


def test_a_night_that_went_well() -> None:
    line = night_line(NIGHT, MORNING)
    assert (line["style"], line["tag"]) == ("good", "well")
    assert "4 measured" in line["text"]
    # The page is made in the night: what came before it is what it tells.
    running = replace(NIGHT, ended="", steps=(NightStep("ingest", "done"), NightStep("report", "running")))
    line = night_line(running, MORNING)
    assert (line["style"], line["text"]) == (
        "good",
        "2026-05-01 03:43 UTC: well up to this page, 4 measured.",
    )


def test_a_night_to_look_at() -> None:
    step = NightStep("align", "failed", "the disk is full; make room", exit_code=5)
    line = night_line(replace(NIGHT, steps=(step,), exit_code=5), MORNING)
    assert (line["style"], line["sentences"]) == ("warn", ["align failed: the disk is full; make room"])
    trouble = Trouble("a", "look here", NIGHT.started)
    assert night_line(replace(NIGHT, troubles=(trouble,)), MORNING)["sentences"] == ["look here"]
    killed = replace(NIGHT, ended="", steps=(NightStep("ingest", "running"),))
    assert night_line(killed, MORNING)["tag"] == "not ended"
    assert night_line(None, MORNING)["style"] == "none"


def test_a_trouble_is_told_once_on_the_screen() -> None:
    keys = ("alarm x", "overdue y", "step align 5", "reject /a", "reject /b", "unended z")
    since = {"reject /a": "2026-04-01T03:43:00+00:00"}
    troubles = tuple(Trouble(key, key, since.get(key, NIGHT.started)) for key in keys)
    assert night_line(replace(NIGHT, troubles=troubles), MORNING)["sentences"] == ["reject /b", "unended z"]


def test_audits_and_verification_raise_alarms() -> None:
    audits = {"at": NIGHT.started, "rows": {"unknown_star": [{}], "departing_epoch": [{}]}}
    verified = {"at": NIGHT.started, "harmful": 2, "findings": []}
    line = alarm_line([], True, audits, verified)
    assert (line["tag"], line["style"]) == ("2 alarms", "warn")
    assert line["sentences"][0].startswith("audit unknown_star found rows")
    assert line["sentences"][1].startswith("verify found 2 damaged or missing files on 2026-05-01")
    assert alarm_line([], True, {"at": "", "rows": {}}, verified | {"harmful": 0})["style"] == "good"


def test_a_night_that_did_not_come_is_told() -> None:
    assert night_line(NIGHT, MORNING + timedelta(days=1))["tag"] == "well"
    late = night_line(NIGHT, MORNING + timedelta(days=2))
    assert (late["style"], late["tag"]) == ("warn", "none")
    assert late["text"].startswith("No refresh has run since; look at cron or the timer.")


def test_alarms_are_told_with_their_error() -> None:
    row = {"target": "ngc104", "filter": "F502N", "length": "l", "filetype": "flt", "mjd": 56700.0,
           "departure": 0.103, "departure_err": 0.012, "errors": 8.6}  # fmt: skip
    line = alarm_line([row], True)
    assert line["style"] == "warn"
    assert line["sentences"] == [
        "NGC 104, F502N, long exposures, FLT, 2014-02-12: 10.3% ± 1.2% higher (8.6 errors)"
    ]
    assert alarm_line([], True)["style"] == "good"
    assert alarm_line([], False)["style"] == "none"


def test_many_overdue_visits_do_not_fill_the_screen() -> None:
    line = coverage_line({"overdue": [f"visit {k}" for k in range(9)], "text": "9 epochs overdue"})
    assert len(line["sentences"]) == 4
    assert line["more"] == [f"visit {k}" for k in range(4, 9)]


def test_a_stale_set_is_named_with_its_reason_and_age() -> None:
    made = (datetime.now(UTC) - timedelta(days=34, hours=1)).isoformat()
    one = replace(make_set(), provenance={"date": made})
    line = coefficient_line([SetState(one, "current")])
    assert (line["tag"], line["sentences"]) == ("current", [])
    assert "34 days ago" in line["text"]
    line = coefficient_line([SetState(one, "stale", "fitted to 4 pairs, there are 6 now")])
    assert (line["tag"], line["style"]) == ("1 stale", "warn")
    assert line["sentences"] == [f"{one.name} is stale: fitted to 4 pairs, there are 6 now"]
    assert coefficient_line([SetState(one, "unknown", "it does not say")])["style"] == "none"
    # What a newer one has taken the place of is no concern of the morning.
    older = SetState(replace(one, name="older"), "superseded", "by another", use=False)
    assert coefficient_line([SetState(one, "current"), older])["sentences"] == []
    assert coefficient_line([])["tag"] == "none"
    line = coefficient_line([SetState(one, "current")], ["coefficient file x.toml was changed"])
    assert (line["tag"], line["style"]) == ("1 not readable", "warn")
    assert line["sentences"] == ["coefficient file x.toml was changed"]


def test_pairs_lead_to_each_other() -> None:
    def pair(mjd: float, filetype: str, **changed: Any) -> dict[str, Any]:
        names = {f"image_{side}": f"i{int(mjd)}{side}_{filetype}.fits" for side in (1, 2)}
        return _row(mjd=mjd, filetype=filetype) | names | changed

    pairs = [
        pair(55000, "flt"),
        pair(55400, "flt"),
        pair(55800, "flt"),
        pair(55400, "flc"),
        pair(55401, "flt", flash=12),
    ]
    found = neighbours(pairs)
    links = {link["rel"]: link["href"] for link in found["i554001_flt-i554002_flt"]}
    assert links == {
        "prev": "i550001_flt-i550002_flt.html",
        "next": "i558001_flt-i558002_flt.html",
        "": "i554001_flc-i554002_flc.html",
    }
    assert [link["text"] for link in found["i554001_flc-i554002_flc"]] == ["The same as FLT"]
    assert found["i554011_flt-i554012_flt"] == []


def test_the_page_compares_with_published_values_as_the_command_does(
    report: Path, hostile_lake: Path
) -> None:
    shown = json.loads((report / "report.json").read_text())["consistency"]
    with open_lake(hostile_lake) as lake:
        rows = consistency_of(lake, "log_ratio", 3, Selection())
    assert [(row["pairs"], row["verdict"], row["note"]) for row in shown] == [
        (row.pairs, row.verdict, row.note) for row in rows
    ]
    assert any(row["pairs"] for row in shown)


def test_the_pages_alarms_are_those_of_the_audit(hostile_lake: Path) -> None:
    with open_lake(hostile_lake) as lake:
        rows = lake.sql(
            "FROM cte WHERE pairing = 'chips' AND estimator = 'log_ratio' AND cte_loss IS NOT NULL"
        )
        found = alarms_of(rows.rows())
        assert len(found) == departing_epoch(lake).n_rows


def test_a_figure_shows_what_is_there_where_the_usual_is_not() -> None:
    rows = pa.Table.from_pylist([_row(flash=flash, filetype="flc") for flash in (33, 12)])
    usual = {"length": ("l",), "flash": (0,), "filetype": ("flt",)}
    chosen = Request().defaulting(rows, **usual).selection
    assert (chosen.length, chosen.flash, chosen.filetype) == (("l",), (12,), ("flc",))
    asked = Request(Selection(flash=(33,), filetype=("flt",))).defaulting(rows, **usual).selection
    assert (asked.length, asked.flash, asked.filetype) == (("l",), (33,), ("flt",))
    both = pa.Table.from_pylist([_row(), _row(flash=12, filetype="flc")])
    assert Request().defaulting(both, **usual).selection.flash == (0,)
