"""The command ``align``: fit the WCS of exposures to the master catalogs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from cte_lake.cli.app import FRAMES, app, say
from cte_lake.cli.options import FramesOptions, PathsArgument, option
from cte_lake.cli.stage import StageOptions, print_rows
from cte_lake.filenames import path_text

if TYPE_CHECKING:
    from cte_lake.pipeline.align.align_exposures import AlignPlan
    from cte_lake.pipeline.carry_out import StageArguments


Engine = Annotated[
    Literal["tweakwcs", "tweakreg"],
    option(
        "--engine",
        "tweakwcs fits and keeps the solutions; tweakreg compares those kept with TweakReg's and "
        "keeps nothing.",
    ),
]


@app.command(rich_help_panel=FRAMES)
def align(
    paths: PathsArgument,
    *,
    frames: FramesOptions,
    engine: Engine = "tweakwcs",
    write_fits: Annotated[
        Path | None, option("--write-fits", "Also write copies of FLC and FLT with the WCS applied into DIR.")
    ] = None,
    plots: Annotated[
        Path | None, option("--plots", "Draw the diagnostic figures of the exposures into DIR.")
    ] = None,
    stage: StageOptions,
) -> None:
    """Fit the WCS of exposures to the master catalogs and keep it in the lake.

    The FLC of an exposure is fitted and its FLT gets the same solution. The files are not changed: the
    solution is kept as a headerlet and used by ingest. An exposure that fails the quality gate is
    quarantined rather than measured with a wrong WCS; the reason is in rejects and the exit code is 3.
    """
    from cte_lake.pipeline.align.align_exposures import align as run_align
    from cte_lake.pipeline.align.align_exposures import make_plan, summary_line

    arguments = stage.arguments(paths, frames.selection())
    if engine == "tweakreg":
        _cross_check(arguments, stage.as_json)
        return
    report = stage.carry_out("align", arguments, make_plan(arguments), _print_plan, run_align)
    _export(arguments, write_fits, plots)
    for visit_offset in report.visits:
        say(str(visit_offset))
    for explanation in report.quarantined:
        say(f"quarantined {explanation['rootname']}: {explanation['detail']}")
    say(summary_line(report))
    raise typer.Exit(report.exit_code)


def _export(arguments: StageArguments, write_fits: Path | None, plots: Path | None) -> None:
    if write_fits is not None:
        from cte_lake.pipeline.align.export import write_aligned

        written = write_aligned(arguments, write_fits)
        say(f"wrote {len(written)} aligned copies into {write_fits}")
    if plots is not None:
        from cte_lake.pipeline.align.export import draw_diagnostics

        drawn = draw_diagnostics(arguments, plots)
        say(f"drew {len(drawn)} figures into {plots}")


def _cross_check(arguments: StageArguments, as_json: bool) -> None:
    from cte_lake.errors import ExitCode
    from cte_lake.pipeline.align.crosscheck import cross_check

    rows = cross_check(arguments)
    if as_json:
        typer.echo(json.dumps(rows))
    for row in rows:
        explanation = row["problem"] or f"differs by {row['difference_px']:.3f} px at most"
        typer.echo(f"{row['rootname']}: TweakReg {explanation}", err=as_json)
    apart = [row for row in rows if not row["agrees"]]
    say(f"cross-check: {len(rows) - len(apart)} of {len(rows)} solutions agree")
    raise typer.Exit(ExitCode.AUDIT_FAILED if apart else ExitCode.DONE)


def _print_plan(plan: AlignPlan, as_json: bool) -> None:
    rows = [{"path": path_text(e.path), "action": "align", "why": None} for e, _, _ in plan.todo]
    rows += [{"path": rootname, "action": "up to date", "why": None} for rootname in plan.up_to_date]
    rows += [
        {"path": path_text(path), "action": "reject", "why": str(why)} for path, why in plan.refused.items()
    ]
    summary = (
        f"{len(plan.todo)} to align, {len(plan.up_to_date)} up to date, {len(plan.refused)} to reject, "
        f"{plan.excluded} excluded"
    )
    print_rows(rows, summary, as_json)
