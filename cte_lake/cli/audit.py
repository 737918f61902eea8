"""The command ``audit``: queries that must return no row."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from cte_lake.cli.app import RESULTS, app
from cte_lake.cli.options import HelpersOptions, JsonOption, LakeOptions, option, share_of
from cte_lake.errors import UsageError


@app.command(rich_help_panel=RESULTS)
def audit(
    *,
    asked: LakeOptions,
    full: Annotated[
        bool, option("--full", "Check all images again, including those known to be good.")
    ] = False,
    share: Annotated[
        str | None, option("--share", "Also check this share of the images known to be good, such as 1/30.")
    ] = None,
    helpers: HelpersOptions,
    as_json: JsonOption = False,
) -> None:
    """Run the audits, queries that must return no row. Exit code 5 if one returns rows.

    Audits of single images are run on new and changed images alone: the lake keeps which ones passed.
    """
    from cte_lake.errors import AuditFailed
    from cte_lake.views.audits import record_audits, run_audits

    if full and share is not None:
        raise UsageError("give --full or --share, not both")
    # All audits are of one state of the lake, whose files are listed once.
    with asked.opened() as opened, opened.steady():
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
