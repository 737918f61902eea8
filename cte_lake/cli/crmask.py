"""The command ``crmask``."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated

import typer

from cte_lake.cli.app import FRAMES, app
from cte_lake.cli.options import (
    DryRunOption,
    FramesOptions,
    JsonOption,
    LakeOption,
    PathsArgument,
    ProgressOption,
    SetOption,
    WorkersOptions,
    given_paths,
    overwriting,
    require_frames,
    settings_of,
)

if TYPE_CHECKING:
    from cte_lake.pipeline.crmask.mask_exposures import CrmaskPlan


@app.command(rich_help_panel=FRAMES)
def crmask(
    paths: PathsArgument,
    lake: LakeOption = None,
    *,
    frames: FramesOptions,
    pool: WorkersOptions,
    overwrite: Annotated[bool, overwriting("Mask again what is up to date.")] = False,
    dry_run: DryRunOption = False,
    as_json: JsonOption = False,
    progress: ProgressOption = True,
    assignments: SetOption = None,
) -> None:
    """Mask the cosmic rays of exposures, visit by visit, and keep masks and sky levels in the lake.

    The FLCs of a visit are compared by AstroDrizzle; FLC and FLT share the mask. Where no other exposure
    of the visit shows the field, they are looked for on the one image, away from catalogued stars. Run
    `align` first: exposures that are quarantined are left out.
    """
    from cte_lake.cli.progress import progress_bar
    from cte_lake.lake.stored import find_lake
    from cte_lake.pipeline.crmask.mask_exposures import (
        CrmaskArguments,
        find_cosmic_rays,
        make_plan,
        summary_line,
    )

    root = find_lake(lake)
    settings = settings_of(root, assignments, workers__count=pool.workers)
    arguments = CrmaskArguments(
        lake=root,
        paths=given_paths(paths),
        settings=settings,
        selection=frames.selection(),
        workers=pool.of(settings),
        overwrite=overwrite,
    )
    plan = make_plan(arguments)
    require_frames(plan.found, arguments.paths)
    if dry_run:
        _print_plan(plan, as_json)
        return
    with progress_bar("crmask", progress) as report_progress:
        report = find_cosmic_rays(arguments, plan, report_progress)
    if as_json:
        typer.echo(json.dumps(report.as_dict()))
    for explanation in report.rejected:
        typer.echo(f"rejected {explanation['path']}: {explanation['detail']}", err=True)
    for rootname, why in report.left_out.items():
        typer.echo(f"left out {rootname}: {why}", err=True)
    typer.echo(summary_line(report), err=True)
    raise typer.Exit(report.exit_code)


def _print_plan(plan: CrmaskPlan, as_json: bool) -> None:
    rows = [
        {"rootname": exposure.rootname, "action": "mask", "why": f"visit of {len(visit.exposures)}"}
        for visit in plan.todo
        for exposure in visit.exposures
    ]
    rows += [{"rootname": rootname, "action": "up to date", "why": ""} for rootname in plan.up_to_date]
    rows += [{"rootname": name, "action": "left out", "why": why} for name, why in plan.left_out.items()]
    rows += [
        {"rootname": path.name, "action": "reject", "why": str(why)} for path, why in plan.refused.items()
    ]
    if as_json:
        typer.echo(json.dumps(rows, indent=2))
        return
    for row in rows:
        typer.echo(f"{row['action']:<12} {row['rootname']}" + (f": {row['why']}" if row["why"] else ""))
    typer.echo(f"plan: {len(plan.todo)} visits to mask; nothing was done", err=True)
