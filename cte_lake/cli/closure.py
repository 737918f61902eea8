"""The command ``closure``: losses measured in simulated lakes against the injected ones."""

from __future__ import annotations

import json
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from cte_lake.cli.app import RESULTS, app, say
from cte_lake.cli.options import (
    LogEstimatorOption,
    ProgressOption,
    SetOption,
    known_estimator,
    option,
    settings_of,
)
from cte_lake.cli.output import Format
from cte_lake.cli.rows import RowsOutput
from cte_lake.errors import AuditFailed, UsageError
from cte_lake.names import one_of

if TYPE_CHECKING:
    from cte_lake.model.closure import ClosureReport


class Per(StrEnum):
    """What one row of a closure's table is."""

    SLOPE = "slope"
    COEFFICIENT = "coefficient"
    FLUX = "flux"


_TITLES = {
    Per.SLOPE: "slopes (loss per 2048 rows), by flux bin",
    Per.COEFFICIENT: "coefficients",
    Per.FLUX: "corrected fluxes (relative), by dates and flux bin",
}


@app.command(rich_help_panel=RESULTS)
def closure(
    realisations: Annotated[int, typer.Option("--realisations", "-n", min=2, help="Simulate N lakes.")] = 300,
    seed: Annotated[int, option("--seed", "Seed of the simulation; the same seed gives the same lakes.")] = 1,
    estimator: LogEstimatorOption = "log_ratio",
    form: Annotated[
        str,
        option(
            "--form",
            "Injected physics: local (the correction's own), or initial and linear, which it does not "
            "assume; with these the corrected fluxes are the test.",
        ),
    ] = "local",
    stars: Annotated[int, option("--stars", "Number of stars in each pair.", min=100)] = 4000,
    background: Annotated[float, option("--background", "Background, e-/px.", min=0.0)] = 3.0,
    scale: Annotated[float, option("--scale", "Multiply the injected loss by this factor.")] = 1.0,
    law: Annotated[
        list[str] | None,
        option(
            "--law",
            "Test a law outside the family instead, or `all` of them; repeatable. Slopes are drawn, and "
            "noise-free stars corrected.",
        ),
    ] = None,
    per: Annotated[
        Per | None, option("--per", "Print one table only: a row per slope (flux bin), coefficient or flux.")
    ] = None,
    *,
    printed: RowsOutput,
    progress: ProgressOption = True,
    assignments: SetOption = None,
) -> None:
    """Inject a known loss into simulated lakes and test whether measuring, fitting and correcting recover it.

    Photometry is simulated, no pixels; the lakes are in memory, and the lake's own views measure them. Prints
    bias and pull of the slopes, of the coefficients and of the corrected fluxes; --json holds all three.
    Exit code 5 if a pull's mean is over 0.15, its width outside 0.85 to 1.15, or a corrected flux off by
    more than 0.3%; runs of under 300 realisations are allowed the chance of their size.

    With --law the losses follow no polynomial, chips lie 5% to either side of their mean and visits scatter
    by 2%. Prints the rms pull of cte_dmag and the largest error of a corrected flux by flux, and how far the
    halves of a history are apart, stars with a flag left out. Exit code 5 if a pull is outside 0.8 to 1.25 by
    more than two standard errors of that many lakes, a flux off by more than 1.5% at 350 e- or 1% above, or
    the halves of a history by more than two of their errors.
    """
    if law:
        _try_laws(law, realisations, seed, progress, printed)
        return
    from cte_lake.cli.terminal import progress_bar
    from cte_lake.correction.closure import run_closure
    from cte_lake.model.closure import ClosureOptions, summarise
    from cte_lake.model.injection import DEFAULT_LAW, FORMS, Injection

    if per is None and not (printed.readable or (printed.format is Format.JSON and printed.output is None)):
        raise UsageError(f"three tables do not fit into one; choose it with --per {', '.join(Per)}")
    first, second, third = ((scale * a, scale * b, scale * c) for a, b, c in DEFAULT_LAW)
    setup = Injection(
        law=(first, second, third), form=one_of("--form", form, FORMS), stars=stars, background=background
    )
    options = ClosureOptions(estimator=known_estimator(estimator))
    settings = settings_of(None, assignments)
    with progress_bar("closure", progress) as report:
        advance = None if report is None else lambda done: report(done, realisations)
        summary = summarise(run_closure(realisations, setup, options, seed, advance, settings))
    _print(summary, per, printed)
    if summary.failures:
        raise AuditFailed(f"closure of {summary.realisations} realisations: {'; '.join(summary.failures)}")
    say(f"closure of {summary.realisations} realisations: within the limits")


def _try_laws(names: list[str], realisations: int, seed: int, progress: bool, printed: RowsOutput) -> None:
    from cte_lake.cli.terminal import progress_bar
    from cte_lake.model.law_trial import try_laws
    from cte_lake.model.laws import LAWS

    chosen = [*LAWS] if "all" in names else [one_of("--law", name, (*LAWS, "all")) for name in names]
    with progress_bar("laws", progress) as report:
        found = try_laws(chosen, realisations, seed, report)
    printed.rows(found.rows, digits=3)
    if found.failures:
        raise AuditFailed(f"closure of {', '.join(chosen)}: {'; '.join(found.failures)}")


def _print(summary: ClosureReport, per: Per | None, printed: RowsOutput) -> None:

    tables = {Per.SLOPE: summary.slopes, Per.COEFFICIENT: summary.coefficients, Per.FLUX: summary.fluxes}
    if per is not None:
        printed.rows(tables[per], digits=3)
    elif printed.format is Format.JSON:
        typer.echo(json.dumps(summary.as_dict(), indent=2))
    else:
        for name, table in tables.items():
            typer.echo(f"\n{_TITLES[name]}")
            printed.rows(table, digits=3)
