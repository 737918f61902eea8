"""The commands ``closure`` and ``consistency``."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from cte_lake.cli.app import RESULTS, app
from cte_lake.cli.options import JsonOption, LakeOption, ModeOption, ProgressOption
from cte_lake.errors import AuditFailed, UsageError


@app.command(rich_help_panel=RESULTS)
def closure(
    realisations: Annotated[int, typer.Option("--realisations", "-n", min=2, help="Simulated lakes.")] = 300,
    seed: Annotated[int, typer.Option("--seed", help="Same seed, same lakes.")] = 1,
    estimator: Annotated[
        str, typer.Option("--estimator", help="log_ratio, mean_flux or both_in_bin (2017).")
    ] = "log_ratio",
    form: Annotated[
        str,
        typer.Option(
            "--form",
            help="Injected physics: local (the correction's own), or initial and linear, which it does not "
            "assume; with these the corrected fluxes are the test.",
        ),
    ] = "local",
    stars: Annotated[int, typer.Option("--stars", min=100, help="Stars of a pair.")] = 4000,
    background: Annotated[float, typer.Option("--background", min=0.0, help="Electrons per pixel.")] = 3.0,
    scale: Annotated[float, typer.Option("--scale", help="Multiplies the injected loss.")] = 1.0,
    as_json: JsonOption = False,
    progress: ProgressOption = True,
) -> None:
    """Inject a known loss, measure, fit and correct it hundreds of times, and see whether it comes back.

    Photometry is simulated, no pixels. Prints bias and pull of the slopes, of the coefficients and of the
    corrected fluxes. Exit code 5 if a pull's mean is over 0.15, its width outside 0.85 to 1.15, or a
    corrected flux off by more than 0.3%; runs of under 300 realisations are allowed the chance of their size.
    """
    from cte_lake.cli.progress import progress_bar
    from cte_lake.cli.rows import print_rows
    from cte_lake.model.closure import ClosureOptions, run_closure
    from cte_lake.model.closure_report import summarise
    from cte_lake.model.estimators import ESTIMATORS
    from cte_lake.model.injection import DEFAULT_LAW, Injection

    if estimator not in ESTIMATORS:
        raise UsageError(f"--estimator {estimator!r} is not known; it is {', '.join(ESTIMATORS)}")
    if form not in {"local", "initial", "linear"}:
        raise UsageError(f"--form {form!r} is not known; it is local, initial or linear")
    first, second, third = ((scale * a, scale * b, scale * c) for a, b, c in DEFAULT_LAW)
    setup = Injection(law=(first, second, third), form=form, stars=stars, background=background)  # type: ignore[arg-type]
    options = ClosureOptions(estimator=estimator)
    with progress_bar("closure", progress) as report:
        result = run_closure(
            realisations, setup, options, seed, None if report is None else lambda n: report(n, realisations)
        )
    summary = summarise(result)
    if as_json:
        typer.echo(json.dumps(summary.as_dict(), indent=2))
    else:
        for title, table in (
            ("slopes (loss per 2048 rows)", summary.slopes),
            ("coefficients", summary.coefficients),
            ("corrected fluxes (relative)", summary.fluxes),
        ):
            typer.echo(f"\n{title}")
            print_rows(table, as_json=False, digits=3)
    if summary.failures:
        raise AuditFailed(f"closure of {summary.realisations} realisations: {'; '.join(summary.failures)}")
    typer.echo(f"closure of {summary.realisations} realisations: within the limits", err=True)


@app.command(rich_help_panel=RESULTS)
def consistency(
    lake: LakeOption = None,
    aperture: Annotated[int, typer.Option("--aperture", help="Radius, px.")] = 3,
    estimator: Annotated[str, typer.Option("--estimator", help="Estimator of the slopes.")] = "log_ratio",
    mode: ModeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Compare the lake's losses with the published ones; 'no data' where the lake cannot say."""
    from cte_lake import open_lake
    from cte_lake.cli.rows import print_rows
    from cte_lake.lake.paths import find_lake
    from cte_lake.model.consistency import compare, published
    from cte_lake.stages.fit_lake import TOTAL_BACKGROUND

    with open_lake(find_lake(lake), mode=mode) as opened:
        view = "log_slopes" if estimator == "log_ratio" else "cte"
        query = (
            f"SELECT * REPLACE ({TOTAL_BACKGROUND}) FROM {view}(aperture := {int(aperture)}) "
            "WHERE pairing = 'chips' AND estimator = $estimator"
        )
        rows = compare(opened.sql(query, estimator=estimator).arrow())
    if as_json:
        print_rows([row.as_dict() for row in rows], as_json=True)
        return
    shown = ("what", "published", "measured", "measured_err", "unit", "pairs", "verdict", "note")
    print_rows([{name: getattr(row, name) for name in shown} for row in rows], as_json=False)
    typer.echo(f"published: {published()['source']}", err=True)
