"""What the lake says after the steps of a night: what is missing, alarms, losses, troubles."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

from cte_lake.errors import CteLakeError, ExitCode
from cte_lake.lake.maintenance.nightly import last_verification
from cte_lake.lake.stored import StoredLake
from cte_lake.lake.versions import current_of_all, newest_rows
from cte_lake.pipeline.night import Alarm, Night, NightStep, Trouble
from cte_lake.report.morning import alarm_text
from cte_lake.report.states import photometry_state
from cte_lake.views.audits import ALARM, SAMPLE, last_audits
from cte_lake.wording import count_text
from cte_lake.workflow.refresh.idle import AUDIT

if TYPE_CHECKING:
    from cte_lake.api import Lake

#: Files of a kind of trouble that are kept by name.
_NAMED = 200
#: Steps whose failures with `ExitCode.DONE_IN_PART` are listed file by file.
_OF_FILES = frozenset({"align", "crmask", "ingest"})


@dataclass(frozen=True)
class Said:
    """What a lake says by now: values of the record, refused files, late visits; or why it says nothing."""

    values: Mapping[str, Any] = field(default_factory=dict)
    files: list[Trouble] = field(default_factory=list)
    late: list[Trouble] = field(default_factory=list)
    why: str = ""


def lake_says(night: Night, lake: StoredLake, before: Night | None) -> Said:
    """Ask a lake what is missing, how the losses moved, and which files were refused."""
    from cte_lake.api import open_lake
    from cte_lake.report.coverage import coverage_gaps, lines

    try:
        with open_lake(lake) as opened, opened.steady():
            gaps = coverage_gaps(opened)
            values = {"missing": tuple(lines(gaps)), "missing_text": gaps["text"]}
            files = list(_of_files(opened, night.started))
            late = [Trouble(_of_overdue(text), text, night.started, remind=False) for text in gaps["overdue"]]
            return Said(values | _losses(night, opened, before), files, late)
    except CteLakeError as error:
        return Said(why=str(error))


def with_findings(night: Night, lake: StoredLake, before: Night | None, said: Said) -> Night:
    """Add what the lake says, and what should be looked at."""
    night, files = replace(night, **said.values), said.files
    # A step that failed for the same has said so.
    if said.why and not any(said.why in step.reason for step in night.failed):
        files = [Trouble("lake", f"the lake cannot be asked: {said.why}", night.started)]
    found = [
        *_of_steps(night, lake, bool(files)),
        *files,
        *_of_alarms(night),
        *said.late,
        *_unended(night, before),
    ]
    since = {} if before is None else {trouble.key: trouble.since for trouble in before.troubles}
    dated = [replace(trouble, since=since.get(trouble.key, trouble.since)) for trouble in found]
    return replace(night, troubles=tuple(dated))


def _of_overdue(text: str) -> str:
    """Return the key of an overdue visit: the same when others come after it and it never came."""
    return f"overdue {text.replace('never came', 'overdue')}"


def _unended(night: Night, before: Night | None) -> Iterator[Trouble]:
    if before is not None and not before.ended:
        at = next((f" in the step {step.name}" for step in before.steps if step.outcome == "running"), "")
        text = (
            f"the job of {before.started[:16]} did not end{at}: it was killed, or the machine restarted; "
            "look at its log and the machine's"
        )
        yield Trouble(f"unended {before.started}", text, night.started, remind=False)


def _losses(night: Night, lake: Lake, before: Night | None) -> dict[str, Any]:
    """Return how the losses moved; what follows from the same photometry and sets is taken over."""
    from cte_lake.report.moves import moves_of

    settings = lake.settings()
    state = photometry_state(lake, settings)
    if state == night.follows_from:
        return {}
    if before is not None and before.follows_from == state:
        losses = tuple(replace(move, loss_last_night=move.loss) for move in before.losses)
    else:
        # Only nights with something new need what fits.
        from cte_lake.correction.renewal import set_states

        used = [one.coefficients for one in set_states(lake.stored, settings) if one.use]
        losses = moves_of(lake, settings.config.measure, used, () if before is None else before.losses)
    return {"losses": losses, "follows_from": state}


def _of_steps(night: Night, lake: StoredLake, files: bool) -> Iterator[Trouble]:
    """Yield the steps that failed; where audits, findings or files say more, these in their place."""
    for step in night.failed:
        record = list(_of_audits(lake, night)) if step.name == AUDIT else []
        record += _of_verification(lake, night) if step.name == "verify" else []
        yield from record
        of_files = step.name in _OF_FILES and step.exit_code == ExitCode.DONE_IN_PART and files
        only_alarms = step.name == AUDIT and step.exit_code == ExitCode.AUDIT_FAILED and night.alarms
        if not (record or of_files or only_alarms):
            text = step.reason or f"ended with code {step.exit_code}"
            yield Trouble(f"step {step.name} {step.exit_code}", f"{step.name}: {text}", night.started)


def _of_audits(lake: StoredLake, night: Night) -> Iterator[Trouble]:
    record = last_audits(lake)
    if record is None or record["at"] < night.started:
        return
    for name, rows in record["rows"].items():
        if name != ALARM:
            found = f"{count_text(len(rows), 'row')}{' or more' if len(rows) >= SAMPLE else ''}"
            # The first sentence says what a row is; the rest stands in the audit's own answer.
            meaning = record["meanings"].get(name, "").partition(". ")[0].removesuffix(".")
            text = (
                f"audit {name} found {found}; `cte-lake audit` lists them. {meaning}{'.' if meaning else ''}"
            )
            yield Trouble(f"audit {name}", text.strip(), night.started)


def _of_verification(lake: StoredLake, night: Night) -> list[Trouble]:
    record = last_verification(lake)
    if record is None or record["at"] < night.started:
        return []
    return [
        Trouble(f"verify {row['path']}", f"{row['path']}: {row['detail']}", night.started)
        for row in record["findings"]
    ]


def _of_files(lake: Lake, started: str) -> Iterator[Trouble]:
    """Yield the files that were refused, rules aside, and the exposures whose alignment is quarantined."""
    refused = list(islice(lake.own("failures").rows(), _NAMED))
    for row in refused:
        name = PurePath(row["path"]).name
        text = str(row["detail"]) if name in str(row["detail"]) else f"{name}: {row['detail']}"
        yield Trouble(f"reject {row['path']} {row['reason']}", text, started)
    # Their names say how they went: mostly no row need be read.
    if all(one.status != "quarantined" for one in current_of_all(lake.stored / "alignment").values()):
        return
    paths = {row["path"] for row in refused}
    for row in newest_rows(lake.stored, "alignment"):
        if row["status"] == "quarantined" and row["path"] not in paths:
            text = f"{row['imagename']} is not aligned and not measured: {row['detail']}"
            yield Trouble(f"quarantine {row['path']}", text, started)


def _of_alarms(night: Night) -> Iterator[Trouble]:
    for alarm in night.alarms:
        mode = f"{alarm.target} {alarm.filter} {alarm.length} {alarm.filetype} {alarm.mjd:.0f}"
        yield Trouble(f"alarm {mode}", alarm.text, night.started)


def with_alarms(night: Night, lake: StoredLake, before: Night | None, step: NightStep) -> Night:
    """Add the alarms of the audit that was just made; where it was skipped, those of the night before."""
    if step.outcome == "skipped":
        return replace(night, alarms=before.alarms if before is not None else ())
    record = last_audits(lake)
    if record is None or record["at"] < night.started:
        return night
    return replace(night, alarms=tuple(_alarm(row) for row in record["rows"].get(ALARM, ())))


def _alarm(row: dict[str, Any]) -> Alarm:
    mode: Any = {key: str(row[key]) for key in ("target", "filter", "length", "filetype")}
    numbers: Any = {key: float(row[key]) for key in ("mjd", "departure", "departure_err")}
    text = f"{alarm_text(row)} than the earlier epochs predict"
    return Alarm(**mode, **numbers, text=text)
