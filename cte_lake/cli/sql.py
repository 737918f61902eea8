"""The command ``sql``: ask the lake in SQL."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cte_lake.cli.app import RESULTS, app
from cte_lake.cli.options import LakeOption, ModeOption, SetOption, option, settings_of
from cte_lake.cli.output import ALLOWED
from cte_lake.cli.rows import RowsOutput
from cte_lake.errors import UsageError

if TYPE_CHECKING:
    from cte_lake.api import Lake


@app.command(rich_help_panel=RESULTS)
def sql(
    query: Annotated[
        str | None,
        typer.Argument(
            metavar="QUERY",
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
        option(
            "--table",
            "Let queries read your own table under a name; any format of `correct`; repeatable.",
            metavar="NAME=FILE",
        ),
    ] = None,
    lake: LakeOption = None,
    *,
    printed: RowsOutput,
    limit: Annotated[
        int | None, option("--limit", "Print at most this many rows; at a terminal 1000.", min=0)
    ] = None,
    mode: ModeOption = None,
    coefficients: Annotated[
        str | None,
        option("--coefficients", "Coefficient set that cte_corrected(...) uses: a name or a file."),
    ] = None,
    timeout: Annotated[
        float | None, option("--timeout", "End the query after this many seconds.", min=0)
    ] = None,
    memory: Annotated[str | None, option("--memory", "Use at most this much memory, such as 2GB.")] = None,
    paged: Annotated[
        bool,
        option(
            "--pager/--no-pager", "At a terminal, show long answers in $PAGER, or less.", show_default=False
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
        names = [text.partition("=")[0].strip().lower() for text in table or ()]
        if len(set(names)) < len(names):
            raise UsageError(f"--table gives two tables one name: {', '.join(names)}")
        if query is None and file is None and sys.stdin.isatty():
            from cte_lake.cli.prompt import ask

            ask(opened, printed.format, limit)
            return
        # Not at the prompt: what was typed ahead would go to the pager.
        ALLOWED.pager = paged
        statements = statements_of(_text(query, file))
        if printed.output is not None and len(statements) > 1:
            raise UsageError(f"-o takes the answer of one query, and there are {len(statements)}")
        # The lake has just been opened.
        with opened.steady():
            for statement in statements:
                answer(opened, statement, printed.format, printed.output, limit)


def _text(query: str | None, file: Path | None) -> str:
    if file is not None:
        try:
            return file.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise UsageError(f"{file} cannot be read: {error}") from None
    return sys.stdin.read() if query in {None, "-"} else str(query)


def _register(lake: Lake, text: str) -> None:
    from cte_lake.correction.table_files import read_table

    name, equals, path = text.partition("=")
    if not (equals and name and path):
        raise UsageError(f"--table {text!r} must be NAME=FILE, such as mine=stars.ecsv")
    lake.register(name.strip(), read_table(Path(path.strip())))
