"""Plans and carries out the search for cosmic rays: visits that are new or changed go to the workers."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

from cte_lake.config import Settings
from cte_lake.config.sections import Crmask
from cte_lake.detector import exposure_length
from cte_lake.digests import digest
from cte_lake.errors import ConfigError
from cte_lake.lake.read import current_master
from cte_lake.lake.selection import Selection
from cte_lake.lake.versions import Version, newest_rows
from cte_lake.pipeline.align.alignment_rows import ALIGNED, QUARANTINED, alignment_states, current_rows
from cte_lake.pipeline.carry_out import (
    Preparing,
    PreparingReport,
    Progress,
    Refuse,
    StageArguments,
    prepare,
    refusal_of,
)
from cte_lake.pipeline.crmask.mask_rows import crmask_states, without_mask
from cte_lake.pipeline.dask import Done
from cte_lake.pipeline.survey import ExposureFile, survey

#: Raised when the way from frames to masks changes the masks though no setting did.
CRMASK_ALGORITHM = 1


@dataclass(frozen=True)
class Visit:
    """The exposures of a visit that can be compared: of one target, filter and length."""

    exposures: tuple[ExposureFile, ...]
    apart: frozenset[str]
    key: str


@dataclass
class CrmaskPlan(Preparing):
    """What is to be done: whole visits, since each mask rests on the others; who gets no mask, and why."""

    todo: list[Visit] = field(default_factory=list)
    left_out: dict[str, str] = field(default_factory=dict)

    @property
    def selected(self) -> int:
        """How many exposures and files the selection and the rules left."""
        return sum(len(visit.exposures) for visit in self.todo) + len(self.left_out) + super().selected


@dataclass
class CrmaskReport(PreparingReport):
    """What was done: counts, exposures by method, refused files, and what AstroDrizzle took, if it ran."""

    masked: list[dict[str, Any]] = field(default_factory=list)
    left_out: dict[str, str] = field(default_factory=dict)
    drizzlepac_seconds: float = 0.0
    drizzlepac_peak_mb: float = 0.0


def make_plan(arguments: StageArguments) -> CrmaskPlan:
    """Decide which visits are to be masked; nothing is written and no pixel is read.

    A selection chooses visits; each is masked as a whole, since a mask rests on all exposures of the field.

    Raises
    ------
    UsageError
        If a path does not exist or a pattern matches nothing.
    ConfigError
        If the settings ask the engine for what it does not know.
    """
    _require_known(arguments.settings.config.crmask)
    known = {row["path"]: row for row in current_rows(arguments.lake)}
    known |= {row["path"]: row for row in newest_rows(arguments.lake, "crmasks")}
    found = survey(arguments.paths, arguments.settings, Selection(), known)
    wanted = replace(arguments.selection.resolved(arguments.settings.config.names()), filetype=())
    selected = {e.rootname for e in found.exposures if wanted.matches(e.identity())}
    n_unselected = len(found.exposures) - len(selected)
    plan = CrmaskPlan(refused=found.refused, excluded=found.excluded, unselected=n_unselected)
    alignments = alignment_states(arguments.lake)
    masks = crmask_states(arguments.lake)
    lost = without_mask(arguments.lake, masks.values())
    usable = []
    for exposure in found.exposures:
        why = _why_left_out(exposure, alignments.get(exposure.rootname))
        if not why:
            usable.append(exposure)
        elif exposure.rootname in selected:
            plan.left_out[exposure.rootname] = why
    for together in _by_visit(usable, arguments.settings.config.chips.short_limit):
        exposures = exposures_to_compare(together, selected, alignments)
        if not exposures:
            continue
        visit = _visit(arguments, exposures, alignments)
        current = [masks.get(exposure.rootname) for exposure in exposures]
        if not arguments.overwrite and all(
            state is not None and state.key == visit.key and state.path.name not in lost for state in current
        ):
            plan.up_to_date += [exposure.rootname for exposure in exposures]
        else:
            plan.todo.append(visit)
    return plan


def _require_known(settings: Crmask) -> None:
    stated = settings.combine_type, settings.blot_interp
    if settings.engine == "drizzle" and stated != ("minmed", "poly5"):
        raise ConfigError(
            "crmask.engine 'drizzle' combines by 'minmed' and goes back by 'poly5', not by "
            f"{stated[0]!r} and {stated[1]!r}; set crmask.engine to 'drizzlepac', or take both settings out"
        )


def exposures_to_compare(
    together: tuple[ExposureFile, ...], selected: set[str], alignments: dict[str, Version]
) -> tuple[ExposureFile, ...]:
    """Return a visit's exposures if one is selected; of the others those that align has seen, or all."""
    if not any(exposure.rootname in selected for exposure in together):
        return ()
    seen = {exposure.rootname for exposure in together if exposure.rootname in alignments}
    return tuple(e for e in together if e.rootname in selected or e.rootname in seen or not seen)


def _why_left_out(exposure: ExposureFile, alignment: Version | None) -> str:
    if exposure.chinject != "NONE":
        return f"charge injection (CHINJECT={exposure.chinject})"
    if alignment is not None and alignment.status == QUARANTINED:
        return "its alignment is quarantined"
    return ""


def _by_visit(exposures: list[ExposureFile], short_limit: float) -> list[tuple[ExposureFile, ...]]:
    visits: dict[tuple[Any, ...], list[ExposureFile]] = {}
    for exposure in exposures:
        # A short exposure next to long ones has too little signal to find their cosmic rays.
        group = (
            exposure.proposal,
            exposure.visit,
            exposure.target,
            exposure.filter,
            exposure_length(exposure.exptime, short_limit),
        )
        visits.setdefault(group, []).append(exposure)
    return [tuple(members) for _, members in sorted(visits.items())]


def _visit(
    arguments: StageArguments, exposures: tuple[ExposureFile, ...], alignments: dict[str, Version]
) -> Visit:
    aligned = {
        exposure.rootname: state.hash
        for exposure in exposures
        if (state := alignments.get(exposure.rootname)) is not None and state.status == ALIGNED
    }
    # An aligned WCS next to one of the header's would turn the stars of both into cosmic rays.
    apart = frozenset({e.rootname for e in exposures} - set(aligned)) if aligned else frozenset()
    master = current_master(arguments.lake, exposures[0].target)
    content = [[e.rootname, e.fingerprint, aligned.get(e.rootname)] for e in exposures]
    key = digest(
        [content, None if master is None else master.master_hash, _settings_hash(arguments.settings)]
    )
    return Visit(exposures, apart, key)


def find_cosmic_rays(
    arguments: StageArguments, plan: CrmaskPlan | None = None, progress: Progress | None = None
) -> CrmaskReport:
    """Mask the cosmic rays of what is new or out of date among the given files.

    Raises
    ------
    NothingToDo
        If the selection names exposures and none is found.
    UsageError
        If a path does not exist.
    """
    from cte_lake.pipeline.crmask.mask_task import mask_visit

    arguments.lake.write_seeds()
    plan = plan or make_plan(arguments)
    report = CrmaskReport(left_out=dict(plan.left_out))
    record, settings_hash = partial(_record, report), _settings_hash(arguments.settings)
    prepare(arguments, plan, report, settings_hash, mask_visit, _tasks(arguments, plan), record, progress)
    report.masked.sort(key=lambda entry: str(entry["rootname"]))
    return report


def _tasks(arguments: StageArguments, plan: CrmaskPlan) -> list[Any]:
    from cte_lake.pipeline.crmask.mask_task import CrmaskTask

    settings = arguments.settings.config.crmask
    return [
        CrmaskTask(
            arguments.lake,
            visit.exposures,
            visit.apart,
            current_master(arguments.lake, visit.exposures[0].target),
            settings,
            _settings_hash(arguments.settings),
            visit.key,
        )
        for visit in plan.todo
    ]


def _record(report: CrmaskReport, refuse: Refuse, done: Done[Any, Any]) -> None:
    exposures: dict[str, ExposureFile] = {e.path: e for e in done.task.exposures}
    if done.result is None:
        for path, exposure in exposures.items():
            refuse(Path(path), refusal_of(Path(path), done.error, "crmask"), exposure)
        return
    report.masked += done.result.masked
    report.drizzlepac_seconds += sum(done.result.seconds)
    report.drizzlepac_peak_mb = max([report.drizzlepac_peak_mb, *done.result.peak_mb])
    for path, refusal in done.result.refused.items():
        refuse(Path(path), refusal, exposures[path])


def _settings_hash(settings: Settings) -> str:
    return digest([CRMASK_ALGORITHM, settings.hash("crmask", "chips")])


def summary_line(report: CrmaskReport) -> str:
    """Return the report in one sentence; exposures masked on one image alone are counted separately."""
    methods = Counter(str(entry["method"]) for entry in report.masked)
    parts = [f"{len(report.masked)} masked"]
    if report.masked:
        names = {
            "drizzle": "against others",
            "mixed": "partly on one image alone",
            "single": "on one image alone",
        }
        parts[0] += " (" + ", ".join(f"{n} {names[method]}" for method, n in sorted(methods.items())) + ")"
    parts.append(f"{report.up_to_date} up to date")
    parts += [f"{len(report.left_out)} left out"] if report.left_out else []
    parts += [f"{len(report.rejected)} rejected"] if report.rejected else []
    return f"crmask: {', '.join(parts)} in {report.seconds:.1f} s"
