"""The command ``fetch``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cte_lake.cli.app import FRAMES, app, say
from cte_lake.cli.options import (
    DryRunOption,
    JsonOption,
    LakeOption,
    ProgressOption,
    SetOption,
    lake_or_none,
    option,
    settings_of,
)

if TYPE_CHECKING:
    from cte_lake.pipeline.fetch.fetch_programs import FetchPlan


@app.command(rich_help_panel=FRAMES)
def fetch(
    proposal: Annotated[list[int] | None, option("--proposal", "Fetch this proposal; repeatable.")] = None,
    missing: Annotated[
        bool,
        option(
            "--missing",
            "Fetch what is missing of all configured proposals, and of those that the archive has under "
            "the monitor's title (fetch.title) for a configured target.",
        ),
    ] = False,
    to: Annotated[Path, option("--to", "Folder of the files; each proposal gets a folder in it.")] = Path(
        "data"
    ),
    verify: Annotated[
        bool, option("--verify", "Compare the files with their recorded checksums; fetch nothing.")
    ] = False,
    lake: LakeOption = None,
    dry_run: DryRunOption = False,
    as_json: JsonOption = False,
    progress: ProgressOption = True,
    assignments: SetOption = None,
) -> None:
    """Fetch the FLT and FLC files of proposals from the archive (MAST).

    Files already in the folder, at any depth, compressed or not, are kept, even if put there by hand. An
    interrupted download is resumed. Checksums are recorded beside the files.
    """
    from cte_lake.cli.terminal import progress_bar
    from cte_lake.pipeline.fetch.fetch_programs import (
        FetchArguments,
        make_plan,
        proposals_to_fetch,
        summary_line,
    )
    from cte_lake.pipeline.fetch.fetch_programs import fetch as run_fetch

    if verify:
        _verify(to, as_json)
        return
    settings = settings_of(lake_or_none(lake), assignments)
    arguments = FetchArguments(proposals_to_fetch(proposal or [], missing, settings), to, settings, missing)
    plan = make_plan(arguments)
    if dry_run:
        _print_plan(plan, as_json)
        return
    with progress_bar("fetch", progress) as report_progress:
        report = run_fetch(arguments, plan, report_progress)
    if as_json:
        typer.echo(json.dumps(report.as_dict()))
    for problem in report.failed.values():
        say(f"failed {problem}")
    say(summary_line(report))
    raise typer.Exit(report.exit_code)


def _verify(folder: Path, as_json: bool) -> None:
    from cte_lake.errors import ExitCode
    from cte_lake.pipeline.fetch.download import verify_checksums

    states = verify_checksums(folder)
    bad = {str(path): state for path, state in states.items() if state != "ok"}
    if as_json:
        typer.echo(json.dumps({"verified": len(states), "bad": bad}))
    for path, state in bad.items():
        say(f"{state}: {path}")
    say(f"fetch --verify: {len(states) - len(bad)} of {len(states)} files as fetched")
    raise typer.Exit(ExitCode.AUDIT_FAILED if bad else ExitCode.DONE)


def _print_plan(plan: FetchPlan, as_json: bool) -> None:
    if as_json:
        rows = [{"name": p.name, "proposal": p.proposal, "bytes": p.size} for p in plan.todo]
        typer.echo(json.dumps(rows, indent=2))
    else:
        for product in plan.todo:
            typer.echo(f"{product.name}  {product.proposal}  {product.size}")
    for number, title in plan.found.items():
        say(f"found in the archive: proposal {number}, {title!r}")
    withheld = f", {len(plan.withheld)} under exclusive access" if plan.withheld else ""
    say(
        f"plan: {len(plan.todo)} files to fetch ({plan.size / 1e6:.1f} MB), {len(plan.present)} there "
        f"already{withheld}; nothing was done"
    )
