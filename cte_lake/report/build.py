"""Making the report: gather, draw, render, put in place."""

from __future__ import annotations

import json
import shlex
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from cte_lake import __version__, clock
from cte_lake.correction.coefficient_files import read_sets
from cte_lake.correction.renewal import set_states
from cte_lake.digests import digest
from cte_lake.lake.maintenance.nightly import last_verification
from cte_lake.lake.selection import Selection
from cte_lake.lake.store import Place
from cte_lake.lake.stored import StoredLake
from cte_lake.pipeline.night import last_night
from cte_lake.report import charts, content, morning, tables
from cte_lake.report.away import name_of, prune, reports_here
from cte_lake.report.coefficients import coefficient_cells
from cte_lake.report.coverage import coverage_gaps
from cte_lake.report.curves import flux_curves, other_estimator, time_curves
from cte_lake.report.frames import FOLDER, drawing_frames
from cte_lake.report.gather import FITTED, Gathered, bookkeeping, gather
from cte_lake.report.news import FORMAT, last_report, news
from cte_lake.report.pair_pages import pair_pages
from cte_lake.report.provenance import commands, consistency_cells, provenance, set_again
from cte_lake.report.publish import LATEST, MARK, check_place, copy_report, new_folder, point_latest
from cte_lake.report.quality import quality
from cte_lake.report.site import render
from cte_lake.report.states import lake_state
from cte_lake.report.static import figures_of_last, printed_figures, write_figures
from cte_lake.report.status import last_tally, state
from cte_lake.views.audits import last_audits

if TYPE_CHECKING:
    from cte_lake.api import Lake
    from cte_lake.config import Settings
    from cte_lake.config.models import Measure
    from cte_lake.model.coefficients import CoefficientSet

Cells = dict[str, Any]
#: Figures that stand behind an interactive chart; the others have a place of their own.
_BEHIND = ("cte-time", "cte-flux", "cte-flash")
#: Those of the page of quality.
_OF_QUALITY = ("focus", "growth")


@dataclass(frozen=True)
class Made:
    """A finished report.

    Attributes
    ----------
    folder : Path
        Where it is in the lake.
    published : Path or None
        Where its copy is.
    pages, size : int
        Number of pages; bytes of all files.
    seconds : float
        Time it took.
    state : dict
        Counts and the latest epoch.
    """

    folder: Path | Place
    published: Path | None
    pages: int
    size: int
    seconds: float
    state: Cells


def make_report(
    lake: Lake, settings: Settings, mode: str, publish: Path | None = None, now: datetime | None = None
) -> Made:
    """Make the report of a lake in its ``reports`` folder, point ``latest`` at it, and publish a copy.

    Parameters
    ----------
    lake : Lake
        The lake, opened in the mode to report on.
    settings : Settings
        Its configuration.
    mode : str
        Name of the photometry mode.
    publish : Path, optional
        Folder that is to hold a copy; an older report there is replaced in one step.
    now : datetime, optional
        Time of the report.

    Raises
    ------
    UsageError
        If `publish` holds something else than a report.
    """
    if publish is not None:
        check_place(publish)
    moment = (now or clock.now()).astimezone(UTC)
    place = lake.stored / "reports"
    with lake.steady(), reports_here(place) as reports:
        made = _make(lake, settings, mode, reports, publish, moment)
    prune(place, settings.config.report.keep, made.folder.name)
    return replace(made, folder=place / made.folder.name)


def _make(
    lake: Lake, settings: Settings, mode: str, reports: Path, publish: Path | None, moment: datetime
) -> Made:
    start = time.monotonic()
    last = last_report(reports)
    known, shown = bookkeeping(lake), settings.config.report
    with (
        new_folder(reports / name_of(moment)) as work,
        drawing_frames(
            known["exposures"],
            work / FOLDER,
            last,
            reports / LATEST / FOLDER,
            shown.frame_seconds,
            settings.config.workers.count,
        ) as frames,
    ):
        measure = settings.config.measure
        lake.keep_slopes(measure.aperture, {measure.estimator, FITTED})
        gathered = gather(lake, settings.config, known)
        report, pages = _content(lake, settings, mode, gathered, last, moment, work, frames)
        for name, text in render(report, pages):
            (work / name).write_text(text, encoding="utf-8")
        (work / MARK).write_text(json.dumps(report, separators=(",", ":"), default=str), encoding="utf-8")
    folder = reports / name_of(moment)
    point_latest(folder)
    if publish is not None:
        copy_report(folder, publish)
    files = [path for path in folder.rglob("*") if path.is_file()]
    count, size = sum(path.suffix == ".html" for path in files), sum(path.stat().st_size for path in files)
    return Made(folder, publish, count, size, time.monotonic() - start, report["state"])


def _content(
    lake: Lake,
    settings: Settings,
    mode: str,
    gathered: Gathered,
    last: Mapping[str, Any] | None,
    moment: datetime,
    work: Path,
    frames_drawn: Callable[[], dict[str, Cells]],
) -> tuple[Cells, list[Cells]]:
    place, options = _place_and_options(lake, settings, mode)
    (work / "data").mkdir()
    measure = settings.config.measure
    read, unread = read_sets(lake.stored)
    states = set_states(lake.stored, settings, read)
    sets = tuple(one.coefficients for one in states)
    figures_state = digest([lake_state(lake, settings), options])
    figures = figures_of_last(last, figures_state, work.parent / LATEST, work)
    figures = figures or _new_figures(lake, measure, gathered, sets, work, options)
    frames, losses_of = frames_drawn(), gathered.losses_of
    # Nothing of the time of the report stands on these pages but the line at the foot.
    pages = pair_pages(lake, settings, gathered, frames, last, work, (place, mode, options))
    fresh = news({row["imagename"]: row["phot_key"] for row in gathered.exposures}, last)
    pair_columns, pairs = tables.pair_table(gathered.pairs, losses_of, gathered.time_bins)
    report: Cells = {
        **_heading(moment, place, mode, measure),
        "state": state(
            gathered.exposures, gathered.pairs, gathered.epochs, gathered.rejects, gathered.alignment
        ),
        "files": last_tally(lake.stored),
        "coverage": coverage_gaps(lake),
        "news": fresh | content.news_table(fresh, gathered) | {"since_text": _time_text(fresh["since"])},
        "images": {row["imagename"]: row["phot_key"] for row in gathered.exposures},
        "frames": frames,
        "pages": pages.states,
        "figures_state": figures_state,
        **_by_place({one["name"]: one for one in figures}),
        "pair_columns": pair_columns,
        "pairs": pairs,
        "coefficients": coefficient_cells(states, work / "data"),
        "commands": commands(options, {one["name"]: one["command"] for one in figures}),
        **_results(sets, gathered, measure.estimator),
        **quality(gathered, settings.config.report.show_paths),
        **consistency_cells(gathered.compared),
        **provenance(gathered.exposures, settings),
    }
    of_sets = morning.coefficient_line(states, unread)
    report["lines"] = _lines(
        lake.stored, gathered, of_sets, report, moment, settings.config.report.show_paths
    )
    return report, pages.due


def _heading(moment: datetime, place: str, mode: str, measure: Measure) -> Cells:
    return {
        "format": FORMAT,
        "version": __version__,
        "made": moment.isoformat(timespec="seconds"),
        "made_text": f"{moment:%Y-%m-%d %H:%M} UTC",
        "lake": place,
        "mode": mode,
        "aperture": measure.aperture,
        "estimator": measure.estimator,
    }


def _new_figures(
    lake: Lake,
    measure: Measure,
    gathered: Gathered,
    sets: tuple[CoefficientSet, ...],
    work: Path,
    options: str,
) -> list[Cells]:
    # What draws is loaded where something is drawn: a report without news takes its figures over.
    from cte_lake.report.figures.request import Request

    asked = Request(
        selection=Selection().of_losses(),
        aperture=measure.aperture,
        estimator=measure.estimator,
        time_bins=tuple(gathered.time_bins),
        coefficients=sets,
    )
    return list(write_figures(printed_figures(lake, gathered, asked), work, options))


def _place_and_options(lake: Lake, settings: Settings, mode: str) -> tuple[str, str]:
    """Return the lake's name, and what the commands on the pages need to find the same rows again."""
    place = str(lake.stored) if settings.config.report.show_paths else lake.stored.name
    options = f"--lake {shlex.quote(place)}"
    options += f" --mode {mode}" if mode != settings.config.photometry.mode else ""
    return place, options + set_again(settings)


def _by_place(figures: Mapping[str, Cells]) -> Cells:
    """Sort the figures by where on the page they stand."""
    return {
        "figures": {name: one for name, one in figures.items() if name in _BEHIND},
        "more_figures": [one for name, one in figures.items() if name not in {*_BEHIND, *_OF_QUALITY}],
        "quality_figures": [figures[name] for name in _OF_QUALITY if name in figures],
    }


def _lines(
    stored: StoredLake,
    gathered: Gathered,
    of_sets: Cells,
    report: Cells,
    moment: datetime,
    show_paths: bool,
) -> list[Cells]:
    """Return the lines that say in a glance how the monitor is."""
    alarms, audits = morning.alarms_of(gathered.fitted), last_audits(stored)
    lines = [
        morning.night_line(last_night(stored), moment),
        morning.alarm_line(alarms, gathered.fitted, audits, last_verification(stored)),
        morning.coverage_line(report["coverage"]),
        morning.files_line(report["state"], report["files"]),
        of_sets,
        morning.news_line(report["news"]),
    ]
    # What failed in the night says where, which a published page shows only if asked to.
    if show_paths:
        return lines
    return [
        one | {kind: [tables.names_alone(text) for text in one[kind]] for kind in ("sentences", "more")}
        for one in lines
    ]


def _time_text(stamp: str | None) -> str:
    return "" if stamp is None else f"{datetime.fromisoformat(stamp):%Y-%m-%d %H:%M} UTC"


def _results(sets: Sequence[CoefficientSet], gathered: Gathered, estimator: str) -> Cells:
    """Latest losses and charts, with the curves of the coefficient sets and a sentence on them."""
    rows = [row for row in gathered.compared if row["pairing"] == "chips" and row["cte_loss"] is not None]
    if not sets or not rows:
        return content.results(gathered, {}, sets) | {"curves_note": ""}
    timed = [row for row in rows if (row["bin_lo"], row["bin_hi"]) in set(gathered.time_bins)]
    over_flux = flux_curves(sets, pa.Table.from_pylist(rows))
    found = {"flux": charts.chart_curves(over_flux, "flux")}
    if timed:
        found["time"] = charts.chart_curves(time_curves(sets, pa.Table.from_pylist(timed)), "mjd")
    note = other_estimator(sets, over_flux, estimator)
    return content.results(gathered, found, sets) | {"curves_note": note}
