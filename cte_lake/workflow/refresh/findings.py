"""What the lake says after the steps of a night: what is missing, alarms, what should be looked at."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from cte_lake.errors import CteLakeError
from cte_lake.lake.stored import StoredLake
from cte_lake.pipeline.night import Alarm, Night, NightStep
from cte_lake.plots.words import target_text
from cte_lake.views.audits import ALARM, last_audits


def with_missing(night: Night, lake: StoredLake) -> Night:
    """Add what should be in the lake and is not; nothing if it cannot be read, which the steps say then."""
    from cte_lake.api import open_lake
    from cte_lake.report.coverage import coverage_told, lines

    try:
        with open_lake(lake) as opened:
            told = coverage_told(opened)
    except CteLakeError:
        return night
    return replace(night, missing=tuple(lines(told)), missing_text=told["text"])


def with_alarms(night: Night, lake: StoredLake, before: Night | None, step: NightStep) -> Night:
    """Add the alarms of the audit that was just made; where it was skipped, those of the night before."""
    if step.outcome == "skipped":
        return replace(night, alarms=before.alarms if before is not None else ())
    told = last_audits(lake)
    if told is None or told["at"] < night.started:
        return night
    return replace(night, alarms=tuple(_alarm(row) for row in told["rows"].get(ALARM, ())))


def _alarm(row: dict[str, Any]) -> Alarm:
    departure, error = float(row["departure"]), float(row["departure_err"])
    mode = {key: str(row[key]) for key in ("target", "filter", "length", "filetype")}
    how = "higher" if departure > 0 else "lower"
    name = f"{target_text(mode['target'])} {mode['filter']} {mode['length']} {mode['filetype'].upper()}"
    by = f"{100 * abs(departure):.1f} ± {100 * error:.1f} %"
    text = f"{name}: the losses of the newest epoch are {by} {how} than the earlier ones predict"
    return Alarm(**mode, mjd=float(row["mjd"]), departure=departure, departure_err=error, text=text)
