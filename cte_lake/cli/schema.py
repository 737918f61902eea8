"""The command group ``schema``: what the datasets' columns are, and how a lake's files differ."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from cte_lake.cli.app import LAKE, App, app, say
from cte_lake.cli.options import (
    JsonOption,
    LakeOption,
    ProgressOption,
    SetOption,
    WorkersOption,
    lake_or_none,
    option,
    settings_of,
)

schema_app = App(help="Columns of the lake's datasets: show, check, upgrade, fill, diff.")
app.add_typer(schema_app, name="schema", rich_help_panel=LAKE)


@schema_app.command("show")
def schema_show(
    name: Annotated[
        str | None, typer.Argument(metavar="DATASET", help="Dataset, such as phot; default: all.")
    ] = None,
    lake: LakeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Print a dataset's columns: type, unit, meaning; of a lake also those that its configuration adds."""
    from cte_lake.lake.added_columns import added_columns, header_columns
    from cte_lake.lake.schemas import dataset, dataset_names

    config = settings_of(lake_or_none(lake)).config
    added = {
        "phot": tuple(column.stated for column in added_columns(config)),
        "exposures": tuple(column.stated for column in header_columns(config)),
    }
    datasets = [dataset(each) for each in ([name] if name else dataset_names())]
    if as_json:
        columns = {
            each.name: [
                {
                    "name": c.name,
                    "type": c.type,
                    "unit": c.unit,
                    "description": c.description,
                    "since": c.since,
                }
                for c in (*each.expanded(), *added.get(each.name, ()))
            ]
            for each in datasets
        }
        typer.echo(json.dumps(columns, indent=2))
        return
    for each in datasets:
        typer.echo(f"{each.name}: one row is {each.grain}")
        for column in (*each.columns, *added.get(each.name, ())):
            unit = f" [{column.unit}]" if column.unit else ""
            typer.echo(f"  {column.name:<20} {column.type:<9} {column.description}{unit}")


@schema_app.command("check")
def schema_check() -> None:
    """Check that the schema files are consistent."""
    from cte_lake.lake.upgrade import check_schemas

    for line in check_schemas():
        typer.echo(line)


@schema_app.command("upgrade")
def schema_upgrade(lake: LakeOption = None, as_json: JsonOption = False) -> None:
    """Record in each exposure row the file and content of its photometry; readers and ingests may run.

    Rows from before 2026 name neither. Their photometry is read once and new revisions of the rows are
    written; nothing else changes. A second run does nothing.
    """
    from cte_lake.lake.stored import find_lake
    from cte_lake.lake.upgrade import upgrade

    rows = upgrade(find_lake(lake))
    if as_json:
        typer.echo(json.dumps({"rows": rows}))
    say(f"schema: {rows} exposure rows upgraded" if rows else "schema: nothing to upgrade")


@schema_app.command("fill")
def schema_fill(
    columns: Annotated[
        list[str] | None,
        typer.Argument(metavar="COLUMN...", help="Columns; default: all that a keyword or a function fills."),
    ] = None,
    lake: LakeOption = None,
    workers: WorkersOption = None,
    as_json: JsonOption = False,
    progress: ProgressOption = True,
    assignments: SetOption = None,
) -> None:
    """Fill columns that were added later, for exposures measured before; no photometry is measured again.

    A column of `exposures` ([exposures.added.NAME] of the configuration) is filled from the frames' headers,
    by new revisions of the rows; one of `phot` ([photometry.added.NAME]) is measured by its function. Ingest
    fills both for new exposures. A second run does nothing. Exit code 3 if a frame is gone or is not the
    one that was measured, or a function fails.

    [bold]Example[/bold]

      cte-lake schema fill gyros
    """
    from cte_lake.cli.terminal import progress_bar
    from cte_lake.errors import ExitCode
    from cte_lake.lake.added_columns import header_columns
    from cte_lake.lake.stored import find_lake
    from cte_lake.pipeline.dask import WorkerSettings
    from cte_lake.pipeline.fill_columns import Filled, fill_columns, fillable

    root = find_lake(lake)
    settings = settings_of(root, assignments, workers__count=workers)
    config = settings.config
    keywords, added = fillable(columns or (), tuple(config.photometry.added), tuple(config.exposures.added))
    headers = header_columns(config)
    done = fill_columns(root, keywords, headers) if keywords else Filled()
    if added:
        # Photometry's libraries are not needed for headers.
        from cte_lake.pipeline.fill_columns import fill_added

        where = WorkerSettings.of(config.workers)
        with progress_bar("fill", progress) as report_progress:
            done += fill_added(root, settings, added, where, report_progress)
    if as_json:
        typer.echo(json.dumps(vars(done)))
    for reason in done.left.values():
        say(f"left as it was: {reason}")
    counts = f"{done.rows} exposures filled, {done.without} without the keyword, {len(done.left)} left"
    say(f"schema: {counts}")
    if done.left:
        raise typer.Exit(ExitCode.DONE_IN_PART)


@schema_app.command("diff")
def schema_diff(
    lake: LakeOption = None,
    apply: Annotated[
        bool, option("--apply", "Record new columns in the lake now; no row is rewritten.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Print how the lake's files differ from today's schemas; old and new files are read together.

    A lake learns new columns with its next ingest, or at once with --apply.
    """
    from cte_lake.lake.stored import find_lake
    from cte_lake.lake.upgrade import record_schemas, schema_changes

    root = find_lake(lake)
    changes = schema_changes(root)
    if as_json:
        typer.echo(json.dumps([vars(change) for change in changes]))
    else:
        for change in changes:
            typer.echo(f"{change.dataset}.{change.column}: {change.kind} ({change.detail})")
    if apply and changes:
        record_schemas(root)
    outcome = "known to the lake now" if apply and changes else "read together with today's"
    say(f"schema: {len(changes)} differences; {outcome}" if changes else "schema: no difference")
