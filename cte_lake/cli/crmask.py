"""The command ``crmask``: find cosmic rays, visit by visit."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from cte_lake.cli.app import FRAMES, app, say
from cte_lake.cli.options import FramesOptions, PathsArgument
from cte_lake.cli.stage import StageOptions, print_rows

if TYPE_CHECKING:
    from cte_lake.pipeline.crmask.mask_exposures import CrmaskPlan


@app.command(rich_help_panel=FRAMES)
def crmask(paths: PathsArgument, *, frames: FramesOptions, stage: StageOptions) -> None:
    """Mask the cosmic rays of exposures, visit by visit, and keep masks and sky levels in the lake.

    The FLCs of a visit are compared as AstroDrizzle does it; FLC and FLT share the mask. Where no other
    exposure of the visit shows the field, cosmic rays are searched for on the single image, away from
    catalogued stars. Run `align` first: quarantined exposures are left out.
    """
    from cte_lake.pipeline.crmask.mask_exposures import find_cosmic_rays, make_plan, summary_line

    arguments = stage.arguments(paths, frames.selection())
    report = stage.carry_out("crmask", arguments, make_plan(arguments), _print_mask_plan, find_cosmic_rays)
    for rootname, why in report.left_out.items():
        say(f"left out {rootname}: {why}")
    say(summary_line(report))
    raise typer.Exit(report.exit_code)


def _print_mask_plan(plan: CrmaskPlan, as_json: bool) -> None:
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
    print_rows(rows, f"{len(plan.todo)} visit{'' if len(plan.todo) == 1 else 's'} to mask", as_json)
