"""The command ``verify``: whether every file of the lake is whole."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated

import typer

from cte_lake.cli.app import app, say
from cte_lake.cli.housekeeping import HOUSEKEEPING, YesOption, agreed, seconds_of
from cte_lake.cli.options import (
    DryRunOption,
    JsonOption,
    LakeOption,
    ModeOption,
    option,
    settings_of,
    share_of,
)
from cte_lake.errors import AuditFailed

if TYPE_CHECKING:
    from cte_lake.lake.maintenance.other_files import Finding
    from cte_lake.lake.stored import StoredLake


@app.command(rich_help_panel=HOUSEKEEPING)
def verify(
    lake: LakeOption = None,
    mode: ModeOption = None,
    quick: Annotated[bool, option("--quick", "Read the files' footers only.")] = False,
    share: Annotated[
        str, option("--share", "Read this share of the files in full, such as 1/30, longest unread first.")
    ] = "1",
    within: Annotated[
        str, option("--within", "Read no further file in full after this time, such as 30m.")
    ] = "",
    inputs: Annotated[
        bool, option("--inputs", "Also compare the measured frames with their recorded checksums.")
    ] = False,
    quarantine: Annotated[
        bool, option("--quarantine", "Quarantine broken files: move them to LAKE/quarantine.")
    ] = False,
    dry_run: DryRunOption = False,
    yes: YesOption = False,
    as_json: JsonOption = False,
) -> None:
    """Check that every file is whole, is in its place, and is what the exposure rows name.

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
        from cte_lake.frames.opening import checksum

        settings = settings_of(root, photometry__mode=mode)
        findings += changed_inputs(root, settings.config.photometry.mode, checksum)
    for finding in findings:
        outcome = f"{finding.check}: {finding.path}: {finding.detail}"
        typer.echo(outcome if finding.harm else f"{outcome} (no harm)", err=as_json)
    harmful = [finding for finding in findings if finding.harm]
    say(
        f"verify: {found.files} files ({found.in_full} in full), {found.exposures} exposures, "
        f"{found.stars} stars; "
        f"{len(harmful)} harmful, {len(findings) - len(harmful)} left over"
    )
    counts = {"files": found.files, "in_full": found.in_full, "harmful": len(harmful)}
    record_verification(root, {**counts, "findings": [vars(finding) for finding in harmful]})
    aside = _quarantine(root, findings, yes) if quarantine and not dry_run else {}
    if as_json:
        named = [vars(finding) for finding in findings]
        typer.echo(json.dumps({"passed": not harmful, "findings": named, **aside}))
    if harmful:
        raise AuditFailed(f"{len(harmful)} of the lake's files or rows are damaged or inconsistent")


def _quarantine(root: StoredLake, findings: list[Finding], yes: bool) -> dict[str, list[str]]:
    from cte_lake.lake.maintenance.quarantine import quarantine, to_put_aside

    broken = to_put_aside(findings)
    if not broken or not agreed(f"Quarantine {len(broken)} files?", yes):
        return {}
    done = quarantine(root, broken)
    again = ", ".join(done.withdrawn) or "none"
    files = ", ".join(done.files)
    say(f"quarantined: {files}; withdrawn: {again}. Ingest the frames again.")
    return {"quarantined": list(done.files), "withdrawn": list(done.withdrawn)}
