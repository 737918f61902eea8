"""The steps of a run, one after the other; a note says what the products of some rest on."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from time import perf_counter
from typing import TYPE_CHECKING, Any

from cte_lake.digests import digest
from cte_lake.errors import ArchiveError, ExitCode, NothingToDo
from cte_lake.lake.stored import StoredLake
from cte_lake.lake.write import replacing, write_bytes
from cte_lake.report.states import lake_state, losses_state, photometry_state
from cte_lake.workflow.run.arguments import RunArguments, RunReport, StepReport

if TYPE_CHECKING:
    from cte_lake.api import Lake


def fetch_frames(arguments: RunArguments) -> StepReport:
    """Fetch what the archive has of the selected proposals, or of all configured ones."""
    from cte_lake.pipeline.fetch.fetch_programs import FetchArguments, fetch, summary_line

    proposals = arguments.selection.proposal or tuple(sorted(arguments.settings.config.proposals))
    done = fetch(
        FetchArguments(proposals, arguments.folder, arguments.settings, not arguments.selection.proposal)
    )
    return StepReport("fetch", len(done.fetched), len(done.failed), summary_line(done), done.exit_code)


def align_frames(arguments: RunArguments) -> StepReport:
    """Align what is new or out of date."""
    from cte_lake.pipeline.align.align_exposures import align, summary_line
    from cte_lake.pipeline.carry_out import StageArguments

    done = align(StageArguments(**_common(arguments)))
    failed = len(done.quarantined) + len(done.rejected)
    return StepReport("align", done.aligned, failed, summary_line(done), done.exit_code)


def mask_cosmic_rays(arguments: RunArguments) -> StepReport:
    """Mask the cosmic rays of visits that are new or out of date."""
    from cte_lake.pipeline.carry_out import StageArguments
    from cte_lake.pipeline.crmask.mask_exposures import find_cosmic_rays, summary_line

    done = find_cosmic_rays(StageArguments(**_common(arguments)))
    return StepReport("crmask", len(done.masked), len(done.rejected), summary_line(done), done.exit_code)


def ingest_frames(arguments: RunArguments) -> StepReport:
    """Measure what is new or out of date."""
    from cte_lake.pipeline.ingest import IngestArguments, ingest
    from cte_lake.pipeline.ingest_tally import sums_text

    done = ingest(IngestArguments(**_common(arguments)))
    summary = f"ingest: {done.files} files, {sums_text(done.sums)} in {done.seconds:.1f} s"
    summary += f" ({'; '.join(done.notes)})" if done.notes else ""
    return StepReport("ingest", done.measured + done.renewed, len(done.rejected), summary, done.exit_code)


def _common(arguments: RunArguments) -> dict[str, Any]:
    return {
        "lake": arguments.lake,
        "paths": (str(arguments.folder),),
        "settings": arguments.settings,
        "selection": arguments.selection,
        "workers": arguments.workers,
    }


def write_losses(arguments: RunArguments) -> StepReport:
    """Write all losses, at every radius that was asked for, into the lake's `reports/losses.parquet`."""
    with _opened(arguments) as lake:
        radii = arguments.radii or (arguments.settings.config.measure.aperture,)
        state = digest([losses_state(lake, arguments.settings), radii])
        place = arguments.lake / "reports" / "losses.parquet"
        if _is_current(arguments.lake, "measure", state) and place.is_file():
            return StepReport("measure", 0, 0, "measure: up to date")
        import pyarrow as pa
        import pyarrow.parquet as pq

        # Workers of this machine would share the cores that DuckDB uses anyway.
        workers = arguments.workers if arguments.workers.scheduler else None
        for radius in radii:
            lake.keep_slopes(radius, workers=workers)
        table = pa.concat_tables([lake.view("cte", aperture=radius).arrow() for radius in radii])
        with replacing(place) as temporary:
            pq.write_table(table, temporary, compression="zstd")
        pairs = len(set(table.column("pair_id").to_pylist()))
    _mark(arguments.lake, "measure", state)
    return StepReport("measure", pairs, 0, f"measure: {table.num_rows} losses of {pairs} pairs in {place}")


def renew_sets(arguments: RunArguments) -> StepReport:
    """Fit sets again whose slopes changed, each into a new version, and make those that are asked for."""
    from cte_lake.correction.coefficient_files import read_sets
    from cte_lake.correction.first_sets import make_first_sets
    from cte_lake.correction.renewal import renew

    # First what is there: a first set is current when it is made.
    kept, unread = read_sets(arguments.lake)
    renewals = renew(arguments.lake, arguments.settings, kept) if kept else []
    # A new version is asked for as the set is that it stands beside.
    firsts = make_first_sets(arguments.lake, arguments.settings, kept)
    advice = [one.advice for one in renewals] + [one.advice for one in firsts] + unread
    if not advice:
        none = "the lake has no set to keep up; `cte-lake fit` or refresh.sets makes the first"
        return StepReport("fit", 0, 0, f"fit: {'no set is stale' if kept else none}")
    failed = sum(one.new is None for one in renewals) + len(unread)
    made = sum(one.new is not None for one in renewals) + sum(one.new is not None for one in firsts)
    code = ExitCode.DONE_IN_PART if failed else ExitCode.DONE
    return StepReport("fit", made, failed, "fit: " + "; ".join(advice), code)


def draw_plots(arguments: RunArguments) -> StepReport:
    """Draw a dated set of figures into the lake's `reports/plots`; ``latest`` points at it."""
    from cte_lake.correction.coefficient_files import read_sets
    from cte_lake.correction.renewal import set_states
    from cte_lake.report.figures import Request
    from cte_lake.report.figures.collection import PLOTS, draw_set

    folder, config = arguments.lake / PLOTS, arguments.settings.config
    kinds = arguments.plots or _FIGURES
    read, unread = read_sets(arguments.lake)

    def done(files: int, summary: str) -> StepReport:
        code = ExitCode.DONE_IN_PART if unread else ExitCode.DONE
        return StepReport("plots", files, len(unread), "; ".join([f"plots: {summary}", *unread]), code)

    with _opened(arguments) as lake:
        state = digest([photometry_state(lake, arguments.settings), kinds, arguments.radii])
        if _is_current(arguments.lake, "plots", state) and folder.is_dir():
            return done(0, "up to date")
        states = set_states(arguments.lake, arguments.settings, read)
        asked = Request(
            aperture=config.measure.aperture,
            estimator=config.measure.estimator,
            time_bins=tuple(config.measure.time_bins),
            coefficients=tuple(state.coefficients for state in states),
        )
        try:
            drawn = draw_set(lake, asked, folder, kinds, arguments.radii, keep=config.report.keep)
        except NothingToDo:
            return done(0, "nothing to draw")
    _mark(arguments.lake, "plots", state)
    return done(len(drawn.files), str(drawn))


def write_report(arguments: RunArguments) -> StepReport:
    """Write the report."""
    from cte_lake.report.build import make_report

    with _opened(arguments) as lake:
        state = lake_state(lake, arguments.settings)
        if _is_current(arguments.lake, "report", state):
            return StepReport("report", 0, 0, "report: up to date")
        made = make_report(lake, arguments.settings, arguments.settings.config.photometry.mode)
    _mark(arguments.lake, "report", state)
    return StepReport("report", made.pages, 0, f"report: {made.pages} pages in {made.folder}")


def _opened(arguments: RunArguments) -> Lake:
    from cte_lake import open_lake

    return open_lake(arguments.lake, settings=arguments.settings)


def _states(lake: StoredLake) -> dict[str, str]:
    try:
        states = json.loads((lake / "reports" / _STATE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return states if isinstance(states, dict) else {}


def _is_current(lake: StoredLake, step: str, state: str) -> bool:
    return _states(lake).get(step) == state


def _mark(lake: StoredLake, step: str, state: str) -> None:
    content = json.dumps(_states(lake) | {step: state}, indent=1, sort_keys=True)
    write_bytes(lake / "reports" / _STATE, content.encode())


_STEPS: dict[str, Callable[[RunArguments], StepReport]] = {
    "fetch": fetch_frames,
    "align": align_frames,
    "crmask": mask_cosmic_rays,
    "ingest": ingest_frames,
    "measure": write_losses,
    "fit": renew_sets,
    "plots": draw_plots,
    "report": write_report,
}


def run(arguments: RunArguments, notify: Callable[[StepReport], None] | None = None) -> RunReport:
    """Do the steps, each only where something is missing or out of date.

    A step that fails in part does not stop the next; what is kept after a kill is kept, and the next run goes
    on from there.

    Raises
    ------
    CteLakeError
        If the configuration or an argument is wrong.
    """
    report = RunReport()
    for step in arguments.steps:
        started = perf_counter()
        try:
            done = _STEPS[step](arguments)
        except (NothingToDo, ArchiveError) as error:
            done = StepReport(step, 0, 0, f"{step}: {error}", error.exit_code)
        done.seconds = perf_counter() - started
        report.steps.append(done)
        if notify is not None:
            notify(done)
    return report


log = logging.getLogger(__name__)

_FIGURES = ("overview", "cte-time", "cte-flux", "cte-flash", "cte-180", "cte-180-overlay", "recovery")
_STATE = "run_state.json"
