"""Commands that ask the lake: ``sql``, ``views``, ``audit``."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cte_lake.cli.app import RESULTS, app
from cte_lake.cli.options import (
    HelpersOptions,
    JsonOption,
    LakeOption,
    LakeOptions,
    ModeOption,
    SetOption,
    lake_or_none,
    settings_of,
    share_of,
)
from cte_lake.cli.output import ALLOWED, FormatOption, OutputOption, print_table, refuse_replacing
from cte_lake.errors import UsageError

if TYPE_CHECKING:
    from cte_lake.api import Lake


@app.command(rich_help_panel=RESULTS)
def sql(
    query: Annotated[
        str | None,
        typer.Argument(
            help="Query to run, or a dot command such as '.schema cte'; - reads from standard input; "
            "without one a prompt starts.",
            show_default=False,
        ),
    ] = None,
    file: Annotated[
        Path | None, typer.Option("-f", "--file", help="Run the queries of a file, one after the other.")
    ] = None,
    table: Annotated[
        list[str] | None,
        typer.Option(
            "--table",
            metavar="NAME=FILE",
            help="Let queries read your own table under a name; any format of `correct`; repeatable.",
        ),
    ] = None,
    lake: LakeOption = None,
    format_: FormatOption = None,
    output: OutputOption = None,
    limit: Annotated[
        int | None, typer.Option("--limit", min=0, help="Print at most this many rows; at a terminal 1000.")
    ] = None,
    mode: ModeOption = None,
    coefficients: Annotated[
        str | None,
        typer.Option(
            "--coefficients", help="Coefficient set that cte_corrected(...) uses: a name or a file."
        ),
    ] = None,
    timeout: Annotated[
        float | None, typer.Option("--timeout", min=0, help="End the query after this many seconds.")
    ] = None,
    memory: Annotated[
        str | None, typer.Option("--memory", help="Use at most this much memory, such as 2GB.")
    ] = None,
    paged: Annotated[
        bool,
        typer.Option(
            "--pager/--no-pager",
            help="At a terminal, show long answers in $PAGER, or less.",
            show_default=False,
        ),
    ] = True,
    assignments: SetOption = None,
) -> None:
    """Ask the lake in SQL, read-only.

    Views: exposures, phot, pairs, slopes, cte, epochs and more; `cte-lake views` or .tables lists them all,
    .schema VIEW their columns. Radii are parameters: SELECT * FROM cte(aperture := 5).
    """
    from cte_lake.api import open_lake
    from cte_lake.cli.scripts import answer, statements_of
    from cte_lake.lake.stored import find_lake

    if file is not None and query is not None:
        raise UsageError("give a query or a file of queries (-f), not both")
    root = find_lake(lake)
    settings = settings_of(root, assignments)
    with open_lake(root, mode, memory_limit=memory, settings=settings, timeout=timeout) as opened:
        if coefficients is not None:
            from cte_lake.correction.coefficient_files import find_coefficients

            opened.use_coefficients(find_coefficients(coefficients, root))
        for text in table or ():
            _register(opened, text)
        if query is None and file is None and sys.stdin.isatty():
            from cte_lake.cli.prompt import ask

            ask(opened, format_, limit)
            return
        # Not at the prompt: what was typed ahead would go to the pager.
        ALLOWED.pager = paged
        statements = statements_of(_text(query, file))
        if output is not None and len(statements) > 1:
            raise UsageError(f"-o takes the answer of one query, and there are {len(statements)}")
        for statement in statements:
            answer(opened, statement, format_, output, limit)


def _text(query: str | None, file: Path | None) -> str:
    if file is not None:
        try:
            return file.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise UsageError(f"{file} cannot be read: {error}") from None
    return sys.stdin.read() if query in {None, "-"} else str(query)


def _register(lake: Lake, text: str) -> None:
    from cte_lake.notebook import read_table

    name, equals, path = text.partition("=")
    if not (equals and name and path):
        raise UsageError(f"--table {text!r} must be NAME=FILE, such as mine=stars.ecsv")
    lake.register(name.strip(), read_table(Path(path.strip())))


@app.command(rich_help_panel=RESULTS)
def views(
    lake: LakeOption = None,
    to: Annotated[
        Path | None, typer.Option("--to", help="Write a DuckDB database with the views, for other tools.")
    ] = None,
    keep_pairs: Annotated[
        bool,
        typer.Option(
            "--keep-pairs", help="With --to: store the current pairs as rows, for DuckDB 1.2 and 1.3."
        ),
    ] = False,
    columns: Annotated[
        str | None, typer.Option("--columns", metavar="VIEW", help="List the columns of one view.")
    ] = None,
    format_: FormatOption = None,
    output: OutputOption = None,
    mode: ModeOption = None,
    assignments: SetOption = None,
) -> None:
    """List the views, or write them as a DuckDB database that works from any folder."""
    import pyarrow as pa

    from cte_lake.views import published_views, sql_objects
    from cte_lake.views.phot_columns import columns_in

    if keep_pairs and to is None:
        raise UsageError("--keep-pairs goes with --to FILE")
    if to is not None:
        refuse_replacing(to)
        from cte_lake.lake.stored import find_lake
        from cte_lake.views.database import write_database
        from cte_lake.views.functions import IN_PROCESS

        root = find_lake(lake)
        write_database(root, to.absolute(), mode, settings_of(root, assignments), keep_pairs)
        typer.echo(f"wrote {to}: it reads the lake at {root}", err=True)
        oldest = (
            "every view runs in DuckDB 1.2 and later, with the pairs of now; write it anew as the lake grows"
            if keep_pairs
            else "every view runs in DuckDB 1.4 and later; for 1.2 and 1.3 write it with --keep-pairs"
        )
        typer.echo(oldest, err=True)
        left_out = ", ".join(sorted(IN_PROCESS))
        typer.echo(f"left out, because it runs in cte-lake alone: {left_out}", err=True)
        return
    if columns is not None:
        config = settings_of(lake_or_none(lake), assignments).config
        rows = [
            {"column": c.name, "unit": c.unit, "description": c.description}
            for c in columns_in(columns, config)
        ]
    else:
        grains = {each.name: each.grain for each in sql_objects()}
        rows = [{"view": name, "one row is": grains[name].split(". ")[0]} for name in published_views()]
    print_table(pa.Table.from_pylist(rows), format_, output)


@app.command(rich_help_panel=RESULTS)
def audit(
    *,
    asked: LakeOptions,
    full: Annotated[
        bool, typer.Option("--full", help="Check all images again, including those known to be good.")
    ] = False,
    share: Annotated[
        str | None,
        typer.Option("--share", help="Also check this share of the images known to be good, such as 1/30."),
    ] = None,
    helpers: HelpersOptions,
    as_json: JsonOption = False,
) -> None:
    """Run the audits, queries that must return no row. Exit code 5 if one returns rows.

    Audits of single images are asked of those that are new or have changed: the lake keeps which are well.
    """
    from cte_lake.errors import AuditFailed
    from cte_lake.views.audits import record_audits, run_audits

    if full and share is not None:
        raise UsageError("give --full or --share, not both")
    with asked.opened() as opened:
        config = opened.settings().config
        workers = helpers.of(config.workers)
        # The alarm of the newest epoch reads them, and the audits of imitated losses.
        measure = config.measure
        estimators = {measure.estimator, "log_ratio", "growth_loss"}
        opened.keep_slopes(measure.aperture, estimators, workers=workers)
        again = 1.0 if full else share_of(share) if share is not None else 0.0
        results = run_audits(opened, again, workers)
    record_audits(opened.stored, results)
    if as_json:
        typer.echo(json.dumps([result.as_dict() for result in results], indent=1, default=str))
    else:
        for result in results:
            typer.echo(f"{'ok' if result.passed else 'FAILED':<8}{result.name}")
            if not result.passed:
                typer.echo(f"        {result.n_rows} rows: {result.meaning}")
            for row in result.sample:
                typer.echo(f"        {json.dumps(row, default=str)}")
    failed = [result.name for result in results if not result.passed]
    if failed:
        raise AuditFailed(f"{len(failed)} of {len(results)} audits failed: {', '.join(failed)}")
