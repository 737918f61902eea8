"""The commands ``master import``, ``build``, ``merge`` and ``show``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from cte_lake.cli.app import LAKE, App, app, say
from cte_lake.cli.options import (
    FilterOption,
    JsonOption,
    LakeOption,
    OneTargetOption,
    ProposalOption,
    SetOption,
    TargetOption,
    VisitOption,
    option,
    overwriting,
    settings_of,
)

master_app = App(help="Master catalogs: import, build, merge, show.")
app.add_typer(master_app, name="master", rich_help_panel=LAKE)


@master_app.command("import")
def master_import(
    file: Annotated[
        Path,
        typer.Argument(metavar="FILE", help="Catalog: .cat (2017), ECSV, FITS, VOTable, CSV or Parquet."),
    ],
    target: OneTargetOption,
    lake: LakeOption = None,
    epoch: Annotated[
        float | None, option("--epoch", "Date of the positions, Julian year (2016.0) or MJD.")
    ] = None,
    assignments: SetOption = None,
) -> None:
    """Import a file as the master catalog of a target.

    Importing the same content again does nothing; another catalog replaces the target's, and the
    next ingest measures what depends on it.
    """
    from cte_lake.lake.stored import find_lake
    from cte_lake.pipeline.master_import import import_master

    root = find_lake(lake)
    done = import_master(root, file, target, settings_of(root, assignments).config, epoch)
    verb = "imported" if done.new else "nothing to do: the lake has these"
    say(f"{verb} {done.n_stars} stars for {done.target} (revision {done.revision})")
    if done.left_out:
        say(f"columns without a place in the lake, left out: {', '.join(done.left_out)}")


@master_app.command("build")
def master_build(
    paths: Annotated[list[str], typer.Argument(help="Files, folders and globs.", metavar="PATH...")],
    target: OneTargetOption,
    lake: LakeOption = None,
    proposal: ProposalOption = None,
    visit: VisitOption = None,
    filter_: FilterOption = None,
    image: Annotated[Path | None, option("--image", "Keep the drizzled image in this FITS file.")] = None,
    overwrite: Annotated[bool, overwriting("Renumber the stars even if the target has a catalog.")] = False,
    as_json: JsonOption = False,
    assignments: SetOption = None,
) -> None:
    """Make a master catalog from the long exposures of a target.

    The exposures of one visit and filter are aligned with each other, or as `align` left them, and drizzled;
    clean stars are detected and numbered. If the target has a catalog, its stars keep their numbers and the
    new ones are added.
    """
    from dataclasses import asdict

    from cte_lake.lake.selection import Selection
    from cte_lake.lake.stored import find_lake
    from cte_lake.pipeline.master_build.build_catalog import BuildArguments, build_master

    root = find_lake(lake)
    settings = settings_of(root, assignments)
    arguments = BuildArguments(
        lake=root,
        paths=tuple(paths),
        target=settings.config.target_named(target),
        settings=settings,
        selection=Selection(tuple(proposal or ()), tuple(visit or ()), filter=tuple(filter_ or ())),
        image=image,
        replace=overwrite,
    )
    report = build_master(arguments)
    if as_json:
        typer.echo(json.dumps(asdict(report)))
    for rootname, why in report.refused.items():
        say(f"not used {rootname}: {why}")
    left_out = ", ".join(f"{n} {reason}" for reason, n in sorted(report.left_out.items()))
    say(
        f"master build: {report.n_found} clean stars in {report.filter} from {len(report.exposures)} "
        f"exposures ({report.depth:g} s), {report.n_added} of them new; left out: {left_out or 'none'}; "
        f"{report.imported.n_stars} stars for {report.imported.target} (revision {report.imported.revision}) "
        f"in {report.seconds:.1f} s"
    )


@master_app.command("merge")
def master_merge(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="Catalog, in any format that `master import` takes.")
    ],
    target: OneTargetOption,
    lake: LakeOption = None,
    found_in: Annotated[
        str | None, option("--found-in", "Filter in which the catalog's stars were found.")
    ] = None,
    assignments: SetOption = None,
) -> None:
    """Add a catalog's new stars to the target's catalog; known stars keep their numbers."""
    from cte_lake.lake.stored import find_lake
    from cte_lake.pipeline.master_import import merge_master

    root = find_lake(lake)
    done, merged = merge_master(root, file, target, settings_of(root, assignments).config, found_in)
    say(
        f"master merge: {merged.n_common} stars common, {int(merged.added.sum())} added, "
        f"{done.n_stars} stars for {done.target} (revision {done.revision}); the new catalog was off by "
        f"{merged.shift[0]:+.1f} mas in RA, {merged.shift[1]:+.1f} mas in Dec and "
        f"{merged.rotation:+.4f} degrees"
    )


@master_app.command("show")
def master_show(
    target: TargetOption = None,
    lake: LakeOption = None,
    plot: Annotated[
        Path | None, option("--plot", "Draw the stars of the target into this file (PNG, PDF, SVG).")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """List the lake's master catalogs: stars, filters, origins and position on the sky."""
    from cte_lake.errors import NothingToDo, UsageError
    from cte_lake.lake.stored import find_lake
    from cte_lake.pipeline.master_show import describe_masters, draw_master

    root = find_lake(lake)
    rows = describe_masters(root, target)
    if not rows:
        raise NothingToDo("the lake has no such master catalog; `cte-lake master import` brings one in")
    if as_json:
        typer.echo(json.dumps(rows))
    else:
        for row in rows:
            typer.echo(
                f"{row['target']}: {row['n_stars']} stars, revision {row['revision']}, hash "
                f"{row['master_hash'][:12]}\n"
                f"  RA {row['ra_min']:.5f} to {row['ra_max']:.5f}, Dec {row['dec_min']:.5f} to "
                f"{row['dec_max']:.5f} degrees, ids {row['id_min']} to {row['id_max']}"
            )
            for part in row["parts"]:
                found_in = f" first found in {part['filter']}" if part["filter"] else ""
                typer.echo(f"  {part['n_stars']} stars{found_in}, from {part['origin']}")
    if plot is not None:
        if len(rows) != 1:
            raise UsageError(f"--plot draws one target; name it with --target ({len(rows)} were found)")
        draw_master(root, rows[0]["target"], plot)
        say(f"drew {plot}")
