"""Making the report: gather, draw, render, put in place."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from cte_lake import clock
from cte_lake.digests import digest
from cte_lake.lake.selection import Selection
from cte_lake.lake.store import Place
from cte_lake.report import charts, content, morning, tables
from cte_lake.report.curves import flux_curves, other_estimator, time_curves
from cte_lake.report.daily import Daily, place_and_options
from cte_lake.report.frames import FOLDER, drawing_frames
from cte_lake.report.gather import FITTED, Gathered, bookkeeping, gather
from cte_lake.report.pair_pages import pair_pages
from cte_lake.report.provenance import commands, consistency_cells, provenance
from cte_lake.report.publish import (
    LATEST,
    MARK,
    check_place,
    copy_report,
    name_of,
    new_folder,
    point_latest,
    prune,
    reports_here,
)
from cte_lake.report.quality import quality
from cte_lake.report.site import PAGES, render
from cte_lake.report.states import lake_state
from cte_lake.report.static import figures_of_last, printed_figures, write_figures
from cte_lake.report.status import last_report, news, state
from cte_lake.report.unchanged import file_count, is_as_last, report_state, take_rest

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
#: Pages that are made anew in a lake in which nothing changed.
_DAILY = ("index.html", "coefficients.html")


@dataclass(frozen=True)
class Made:
    """A finished report."""

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
    last, folder = last_report(reports), reports / name_of(moment)
    state = report_state(lake, settings, mode)
    with new_folder(folder) as work:
        same = last if last is not None and is_as_last(lake, last, state, reports / LATEST) else None
        if same is not None:
            report, due = _again(lake, settings, mode, same, moment, work), list[Cells]()
        else:
            report, due = _anew(lake, settings, mode, last, moment, work)
        for name, text in render(report, due, PAGES if same is None else _DAILY):
            (work / name).write_text(text, encoding="utf-8")
        if same is not None:
            take_rest(reports / LATEST, work)
        report |= {"follows_from": state, "made_of": file_count(work)}
        (work / MARK).write_text(json.dumps(report, separators=(",", ":"), default=str), encoding="utf-8")
    point_latest(folder)
    if publish is not None:
        copy_report(folder, publish)
    files = [path for path in folder.rglob("*") if path.is_file()]
    count, size = sum(path.suffix == ".html" for path in files), sum(path.stat().st_size for path in files)
    return Made(folder, publish, count, size, time.monotonic() - start, report["state"])


def _again(
    lake: Lake, settings: Settings, mode: str, last: Mapping[str, Any], moment: datetime, work: Path
) -> Cells:
    """Return the content of a report of a lake in which nothing changed since the last one."""
    daily = Daily(lake, settings, mode, moment, work)
    fresh = news(last["images"], last)
    return {**last, **daily.cells(fresh, last, (), ())}


def _anew(
    lake: Lake, settings: Settings, mode: str, last: Mapping[str, Any] | None, moment: datetime, work: Path
) -> tuple[Cells, list[Cells]]:
    known, shown, measure = bookkeeping(lake), settings.config.report, settings.config.measure
    latest = work.parent / LATEST / FOLDER
    workers = settings.config.workers.count
    with drawing_frames(
        known["exposures"], work / FOLDER, last, latest, shown.frame_seconds, workers
    ) as frames:
        lake.keep_slopes(measure.aperture, {measure.estimator, FITTED})
        gathered = gather(lake, settings.config, known)
        return _content(lake, settings, mode, gathered, last, moment, work, frames)


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
    place, options = place_and_options(lake, settings, mode)
    daily = Daily(lake, settings, mode, moment, work)
    measure = settings.config.measure
    sets = tuple(one.coefficients for one in daily.states)
    figures_state = digest([lake_state(lake, settings), options])
    figures = figures_of_last(last, figures_state, work.parent / LATEST, work)
    figures = figures or _new_figures(lake, measure, gathered, sets, work, options)
    frames, losses_of = frames_drawn(), gathered.losses_of
    # Nothing of the time of the report stands on these pages but the line at the foot.
    pages = pair_pages(lake, settings, gathered, frames, last, work, (place, mode, options))
    fresh = news({row["imagename"]: row["phot_key"] for row in gathered.exposures}, last)
    pair_columns, pairs = tables.pair_table(gathered.pairs, losses_of, gathered.time_bins)
    report: Cells = {
        "state": state(
            gathered.exposures, gathered.pairs, gathered.epochs, gathered.rejects, gathered.alignment
        ),
        "alarms": {"rows": morning.alarms_of(gathered.fitted), "seen": bool(gathered.fitted)},
        "images": {row["imagename"]: row["phot_key"] for row in gathered.exposures},
        "frames": frames,
        "pages": pages.states,
        "figures_state": figures_state,
        **_by_place({one["name"]: one for one in figures}),
        "pair_columns": pair_columns,
        "pairs": pairs,
        "commands": commands(options, {one["name"]: one["command"] for one in figures}),
        **_results(sets, gathered, measure.estimator),
        **quality(gathered, settings.config.report.show_paths),
        **consistency_cells(gathered.compared),
        **provenance(gathered.exposures, settings),
    }
    return {**report, **daily.cells(fresh, report, gathered.exposures, gathered.pairs)}, pages.due


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


def _by_place(figures: Mapping[str, Cells]) -> Cells:
    """Sort the figures by where on the page they stand."""
    return {
        "figures": {name: one for name, one in figures.items() if name in _BEHIND},
        "more_figures": [one for name, one in figures.items() if name not in {*_BEHIND, *_OF_QUALITY}],
        "quality_figures": [figures[name] for name in _OF_QUALITY if name in figures],
    }


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
