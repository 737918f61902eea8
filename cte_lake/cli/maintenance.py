"""Housekeeping commands: ``compact``, ``vacuum``, ``verify``, ``snapshot``, ``restore``, ``rebuild``."""

from __future__ import annotations

import json
import re
import time
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cte_lake.cli.app import app
from cte_lake.cli.options import (
    DryRunOption,
    JsonOption,
    LakeOption,
    ModeOption,
    TargetOption,
    settings_of,
    share_of,
)
from cte_lake.errors import AuditFailed, NothingToDo, UsageError

if TYPE_CHECKING:
    from cte_lake.lake.maintenance.other_files import Finding
    from cte_lake.lake.stored import StoredLake

HOUSEKEEPING = "Housekeeping"
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}

YesOption = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask for confirmation.")]
CopyOption = Annotated[bool, typer.Option("--copy", help="Copy files even where a hard link would do.")]


def seconds_of(text: str) -> float:
    """Read a duration such as ``7d``, ``12h``, ``30m`` or ``0``.

    Raises
    ------
    UsageError
        If it is none.
    """
    found = re.fullmatch(r"(\d+(?:\.\d+)?)([smhd]?)", text.strip())
    if found is None or (not found[2] and float(found[1]) != 0):
        raise UsageError(f"{text!r} is not a duration; write 7d, 12h, 30m or 0")
    return float(found[1]) * _UNITS.get(found[2], 0)


def agreed(question: str, yes: bool) -> bool:
    """Ask on a terminal; elsewhere only ``--yes`` is agreement.

    Raises
    ------
    UsageError
        If nobody is there to ask.
    """
    if yes:
        return True
    if not _interactive():
        raise UsageError(
            f"{question} There is no terminal to ask on; use --yes to agree or --dry-run to see the plan"
        )
    return typer.confirm(question, err=True)


def _interactive() -> bool:
    import sys

    return sys.stdin.isatty()


def _report(text: str) -> None:
    typer.echo(text, err=True)


def _result(values: dict[str, Any], as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(values))


@app.command(rich_help_panel=HOUSEKEEPING)
def compact(
    lake: LakeOption = None,
    min_files: Annotated[
        int, typer.Option("--min-files", min=2, help="Merge only folders with at least N files.")
    ] = 8,
    phot_below: Annotated[
        float, typer.Option("--phot-below", min=0, help="Merge photometry files below this size too, MB.")
    ] = 0,
    dry_run: DryRunOption = False,
    as_json: JsonOption = False,
) -> None:
    """Merge many small files into few; readers and ingests go on meanwhile.

    The exposure rows of a partition become one file, and so do the values of added columns; with
    --phot-below its small photometry files do too. The old files stay until `vacuum` takes them.
    """
    from cte_lake.lake.maintenance.compact import compact as run
    from cte_lake.lake.maintenance.compact import plan_compact
    from cte_lake.lake.stored import find_lake

    root = find_lake(lake)
    plan = plan_compact(root, min_files, int(phot_below * 1e6))
    for merge in plan.merges:
        typer.echo(f"merge {len(merge.files)} files into one: {merge.folder}", err=not dry_run)
    merged = 0 if dry_run else run(root, plan, min_files)
    outcome = (
        "nothing was done" if dry_run else f"merged {merged} files; vacuum may take them after its grace time"
    )
    _report(f"compact: {len(plan.merges)} partitions; {outcome}")
    _result({"partitions": len(plan.merges), "files": merged}, as_json)


@app.command(rich_help_panel=HOUSEKEEPING)
def vacuum(
    lake: LakeOption = None,
    grace: Annotated[
        str,
        typer.Option("--grace", help="Keep what was superseded less than this long ago: 7d, 12h, 30m, 0."),
    ] = "7d",
    dry_run: DryRunOption = False,
    yes: YesOption = False,
    as_json: JsonOption = False,
) -> None:
    """Delete superseded files and the leftovers of interrupted runs.

    Readers and running ingests may still use recently superseded files, which the grace time protects.
    """
    from cte_lake.lake.maintenance.inventory import human_size
    from cte_lake.lake.maintenance.vacuum import plan_vacuum
    from cte_lake.lake.maintenance.vacuum import vacuum as run
    from cte_lake.lake.stored import find_lake

    root = find_lake(lake)
    plan = plan_vacuum(root, int(seconds_of(grace) * 1e9), time.time_ns())
    for removal in plan.removals:
        typer.echo(f"delete {removal.path}  {human_size(removal.size)}  {removal.reason}", err=not dry_run)
    text = f"{len(plan.removals)} files, {human_size(plan.size)}; {plan.waiting} more within their grace time"
    files, size = 0, 0
    if plan.removals and not dry_run:
        if not agreed(f"Delete {len(plan.removals)} files ({human_size(plan.size)})?", yes):
            raise NothingToDo("nothing was deleted")
        files, size = run(root, plan)
        text = f"deleted {files} files, {human_size(size)}; {plan.waiting} more within their grace time"
    _report(f"vacuum: {text}{'; nothing was done' if dry_run else ''}")
    _result({"files": files, "bytes": size, "planned": len(plan.removals), "waiting": plan.waiting}, as_json)


@app.command(rich_help_panel=HOUSEKEEPING)
def verify(
    lake: LakeOption = None,
    mode: ModeOption = None,
    quick: Annotated[bool, typer.Option("--quick", help="Read the files' footers only.")] = False,
    share: Annotated[
        str,
        typer.Option(
            "--share", help="Read this share of the files in full, such as 1/30, longest unread first."
        ),
    ] = "1",
    within: Annotated[
        str, typer.Option("--within", help="Read no further file in full after this time, such as 30m.")
    ] = "",
    inputs: Annotated[
        bool, typer.Option("--inputs", help="Also compare the measured frames with their recorded checksums.")
    ] = False,
    quarantine: Annotated[
        bool, typer.Option("--quarantine", help="Quarantine broken files: move them to LAKE/quarantine.")
    ] = False,
    dry_run: DryRunOption = False,
    yes: YesOption = False,
    as_json: JsonOption = False,
) -> None:
    """Check that every file is whole, lies in its place, and is what the exposure rows name.

    Reads every byte against the checksums in the files; with --share 1/30 each night, every file within
    30 nights. What is harmful is printed and the exit code is 5. A file that could not be read for want of
    permission, memory or open files is named and never quarantined. An exposure whose photometry was
    quarantined is measured again by the next ingest of its frame.
    """
    from cte_lake.lake.maintenance.nightly import record_verification
    from cte_lake.lake.maintenance.verify import changed_inputs
    from cte_lake.lake.maintenance.verify import verify as run
    from cte_lake.lake.stored import find_lake

    root = find_lake(lake)
    limit = seconds_of(within) if within else float("inf")
    found = run(root, quick, share_of(share), limit)
    findings = list(found.findings)
    if inputs:
        from cte_lake.frames.fitsfile import checksum

        settings = settings_of(root, photometry__mode=mode)
        findings += changed_inputs(root, settings.config.photometry.mode, checksum)
    for finding in findings:
        outcome = f"{finding.check}: {finding.path}: {finding.detail}"
        typer.echo(outcome if finding.harm else f"{outcome} (no harm)", err=as_json)
    harmful = [finding for finding in findings if finding.harm]
    _report(
        f"verify: {found.files} files ({found.in_full} in full), {found.exposures} exposures, "
        f"{found.stars} stars; "
        f"{len(harmful)} harmful, {len(findings) - len(harmful)} left over"
    )
    counts = {"files": found.files, "in_full": found.in_full, "harmful": len(harmful)}
    record_verification(root, {**counts, "findings": [vars(finding) for finding in harmful]})
    aside = _quarantine(root, findings, yes) if quarantine and not dry_run else {}
    _result({"passed": not harmful, "findings": [vars(finding) for finding in findings]} | aside, as_json)
    if harmful:
        raise AuditFailed(f"{len(harmful)} of the lake's files or rows are damaged or inconsistent")


def _quarantine(root: StoredLake, findings: list[Finding], yes: bool) -> dict[str, list[str]]:
    from cte_lake.lake.maintenance.quarantine import quarantine, to_put_aside

    broken = to_put_aside(findings)
    if not broken or not agreed(f"Quarantine {len(broken)} files?", yes):
        return {}
    done = quarantine(root, broken)
    again = ", ".join(done.withdrawn) or "none"
    _report(f"quarantined: {', '.join(done.files)}; withdrawn: {again}. Ingest the frames again.")
    return {"quarantined": list(done.files), "withdrawn": list(done.withdrawn)}


@app.command(rich_help_panel=HOUSEKEEPING)
def snapshot(
    destination: Annotated[str, typer.Argument(help="New folder, or s3://BUCKET/PREFIX.", metavar="DIR")],
    lake: LakeOption = None,
    copy: CopyOption = False,
    dry_run: DryRunOption = False,
    as_json: JsonOption = False,
) -> None:
    """Take a consistent copy of the lake, which is a lake itself; ingests may run meanwhile.

    On the same file system files are linked, not copied: a snapshot costs no space and guards against
    mistakes. --copy, or another disk, guards against the disk.
    """
    from cte_lake.lake.maintenance.inventory import human_size
    from cte_lake.lake.maintenance.snapshots import plan_snapshot
    from cte_lake.lake.maintenance.snapshots import snapshot as run
    from cte_lake.lake.stored import find_lake, stored

    root = find_lake(lake)
    plan = plan_snapshot(root)
    if not dry_run:
        run(root, stored(destination), plan, copy)
    outcome = f"{len(plan.files)} files, {plan.exposures} exposures, {human_size(plan.size)}"
    _report(f"snapshot: {outcome}{'; nothing was done' if dry_run else f' in {destination}'}")
    _result({"files": len(plan.files), "exposures": plan.exposures, "bytes": plan.size}, as_json)


@app.command(rich_help_panel=HOUSEKEEPING)
def restore(
    source: Annotated[str, typer.Argument(help="Snapshot to restore.", metavar="SNAPSHOT")],
    lake: LakeOption = None,
    target: TargetOption = None,
    exact: Annotated[
        bool, typer.Option("--exact", help="Withdraw exposures that the snapshot does not have.")
    ] = False,
    copy: CopyOption = False,
    dry_run: DryRunOption = False,
    yes: YesOption = False,
    as_json: JsonOption = False,
) -> None:
    """Restore a snapshot: exposure rows, photometry, master catalogs, WCS and masks.

    Restored rows are new revisions; nothing is overwritten, readers go on. A lake that is not there
    yet is made.
    """
    import os

    from cte_lake.lake.maintenance.snapshots import plan_restore
    from cte_lake.lake.maintenance.snapshots import restore as run
    from cte_lake.lake.stored import find_lake, stored
    from cte_lake.resources import LAKE_ENV

    given = lake or os.environ.get(LAKE_ENV)
    named = stored(given) if given else None
    # What a killed restore or init has begun is no lake yet and is completed; other content is refused.
    new = named is not None and not named.exists()
    root = named if named is not None and new else find_lake(lake)
    saved = stored(source)
    plan = plan_restore(saved, root, target or (), exact)
    for row in plan.back:
        typer.echo(f"restore {row.imagename} ({row.mode})", err=not dry_run)
    for row in plan.withdrawn:
        typer.echo(f"withdraw {row.imagename} ({row.mode}): not in the snapshot", err=not dry_run)
    for name in plan.targets:
        typer.echo(f"restore the master catalog of {name}", err=not dry_run)
    outcome = f"{len(plan.back)} restored, {plan.same} the same, {len(plan.withdrawn)} withdrawn"
    if plan and not dry_run:
        question = f"Restore {len(plan.back)} exposures and withdraw {len(plan.withdrawn)} in {root}?"
        if not new and not agreed(question, yes):
            raise NothingToDo("nothing was restored")
        run(saved, root, plan, copy)
    _report(f"restore: {outcome}{'; nothing was done' if dry_run else ''}")
    counts = {"restored": len(plan.back), "same": plan.same, "withdrawn": len(plan.withdrawn)}
    _result(counts, as_json)
