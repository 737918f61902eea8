"""What of a report moves with the day and with the records of the night: its first screen."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cte_lake import __version__
from cte_lake.correction.coefficient_files import read_sets
from cte_lake.correction.renewal import set_states
from cte_lake.lake.maintenance.nightly import last_verification
from cte_lake.pipeline.night import last_night
from cte_lake.report import content, morning, tables
from cte_lake.report.coefficients import coefficient_cells
from cte_lake.report.coverage import coverage_gaps
from cte_lake.report.gather import Row
from cte_lake.report.provenance import set_again
from cte_lake.report.status import FORMAT, last_tally
from cte_lake.views.audits import last_audits

if TYPE_CHECKING:
    from cte_lake.api import Lake
    from cte_lake.config import Settings

Cells = dict[str, Any]


class Daily:
    """That content of a report; `states` are the lake's sets, which are written into the report's folder."""

    def __init__(self, lake: Lake, settings: Settings, mode: str, moment: datetime, work: Path) -> None:
        self._lake, self._settings, self._mode, self._moment = lake, settings, mode, moment
        self._data = work / "data"
        self._data.mkdir()
        read, self._unread = read_sets(lake.stored)
        self.states = set_states(lake.stored, settings, read)

    def cells(
        self, fresh: Cells, report: Mapping[str, Any], exposures: Sequence[Row], pairs: Sequence[Row]
    ) -> Cells:
        """Return the content, from what is new with its rows, and from the counts and alarms of a report."""
        stored, since = self._lake.stored, {"since_text": _time_text(fresh["since"])}
        cells = {
            **self._heading(),
            "files": last_tally(stored),
            "coverage": coverage_gaps(self._lake),
            "news": fresh | content.news_table(fresh, exposures, pairs) | since,
            "coefficients": coefficient_cells(self.states, self._data),
        }
        return cells | {"lines": self._lines({**report, **cells})}

    def _heading(self) -> Cells:
        measure, moment = self._settings.config.measure, self._moment
        place, _ = place_and_options(self._lake, self._settings, self._mode)
        return {
            "format": FORMAT,
            "version": __version__,
            "made": moment.isoformat(timespec="seconds"),
            "made_text": f"{moment:%Y-%m-%d %H:%M} UTC",
            "lake": place,
            "mode": self._mode,
            "aperture": measure.aperture,
            "estimator": measure.estimator,
        }

    def _lines(self, report: Mapping[str, Any]) -> list[Cells]:
        """Return the lines that say in a glance how the monitor is."""
        stored, alarms = self._lake.stored, report["alarms"]
        found = last_audits(stored), last_verification(stored)
        lines = [
            morning.night_line(last_night(stored), self._moment),
            morning.alarm_line(alarms["rows"], alarms["seen"], *found),
            morning.coverage_line(report["coverage"]),
            morning.files_line(report["state"], report["files"]),
            morning.coefficient_line(self.states, self._unread),
            morning.news_line(report["news"]),
        ]
        # What failed in the night says where, which a published page shows only if asked to.
        if self._settings.config.report.show_paths:
            return lines
        return [
            one | {kind: [tables.names_alone(text) for text in one[kind]] for kind in ("sentences", "more")}
            for one in lines
        ]


def place_and_options(lake: Lake, settings: Settings, mode: str) -> tuple[str, str]:
    """Return the lake's name, and what the commands on the pages need to find the same rows again."""
    place = str(lake.stored) if settings.config.report.show_paths else lake.stored.name
    options = f"--lake {shlex.quote(place)}"
    options += f" --mode {mode}" if mode != settings.config.photometry.mode else ""
    return place, options + set_again(settings)


def _time_text(stamp: str | None) -> str:
    return "" if stamp is None else f"{datetime.fromisoformat(stamp):%Y-%m-%d %H:%M} UTC"
