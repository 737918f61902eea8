"""The command ``fit``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cte_lake.cli.app import RESULTS, app
from cte_lake.cli.options import JsonOption, LakeOption, ModeOption, SetOption, settings_of
from cte_lake.errors import UsageError

if TYPE_CHECKING:
    from cte_lake.api import Lake
    from cte_lake.stages.fit_lake import FitOutcome, FitRequest

_WHAT, _HOW = "What is fitted", "How"


@app.command(rich_help_panel=RESULTS)
def fit(
    lake: LakeOption = None,
    target: Annotated[
        str | None, typer.Option("--target", help="Such as ngc104.", rich_help_panel=_WHAT)
    ] = None,
    filter_: Annotated[
        str | None, typer.Option("--filter", help="Such as F502N.", rich_help_panel=_WHAT)
    ] = None,
    length: Annotated[
        str | None, typer.Option("--length", help="s (up to 60 s) or l.", rich_help_panel=_WHAT)
    ] = None,
    flash: Annotated[
        list[int] | None,
        typer.Option("--flash", help="Post-flash level, e-/px; repeatable.", rich_help_panel=_WHAT),
    ] = None,
    filetype: Annotated[
        str | None, typer.Option("--filetype", help="flt or flc.", rich_help_panel=_WHAT)
    ] = None,
    aperture: Annotated[
        int | None,
        typer.Option("--aperture", help="Radius, px; default: measure.aperture.", rich_help_panel=_WHAT),
    ] = None,
    until: Annotated[
        str | None, typer.Option("--until", help="Last date, 2016-12-31 or MJD.", rich_help_panel=_WHAT)
    ] = None,
    epoch: Annotated[
        str | None,
        typer.Option(
            "--epoch",
            help="One epoch alone: its quadratic in log flux, printed and not kept.",
            rich_help_panel=_WHAT,
        ),
    ] = None,
    time: Annotated[
        str,
        typer.Option("--time", help="auto (cross-validation), linear or quadratic.", rich_help_panel=_HOW),
    ] = "auto",
    background: Annotated[
        int,
        typer.Option(
            "--background",
            min=0,
            max=2,
            help="Degree in the background as third variable, 1 or 2; takes all flash levels together.",
            rich_help_panel=_HOW,
        ),
    ] = 0,
    estimator: Annotated[
        str,
        typer.Option(
            "--estimator",
            help="How slopes are measured: log_ratio (least biased), mean_flux, both_in_bin (2017).",
            rich_help_panel=_HOW,
        ),
    ] = "log_ratio",
    robust: Annotated[
        str, typer.Option("--robust", help="Against wild slopes: huber, tukey or none.", rich_help_panel=_HOW)
    ] = "huber",
    min_stars: Annotated[
        int, typer.Option("--min-stars", min=3, help="Fewest stars of a slope.", rich_help_panel=_HOW)
    ] = 10,
    bootstrap: Annotated[
        int,
        typer.Option(
            "--bootstrap", min=0, help="Check the errors by so many drawings of visits.", rich_help_panel=_HOW
        ),
    ] = 0,
    pivot: Annotated[
        float | None,
        typer.Option(
            "--pivot",
            help="No surface: the row where each pair's ratio is 1, its error, and the loss with the ratio "
            "held to 1 at this row (1024).",
            rich_help_panel=_HOW,
        ),
    ] = None,
    pairs: Annotated[
        str,
        typer.Option(
            "--pairs",
            help="With --pivot: chips, or 180 for the losses of each chip alone.",
            rich_help_panel=_HOW,
        ),
    ] = "chips",
    name: Annotated[
        str | None, typer.Option("--name", help="Name of the set; default: made of what is fitted.")
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", help="Write the set here; default: the lake's coefficients/."),
    ] = None,
    replace: Annotated[bool, typer.Option("--replace", help="Overwrite a set of the same name.")] = False,
    mode: ModeOption = None,
    as_json: JsonOption = False,
    assignments: SetOption = None,
) -> None:
    """Fit the loss as a function of date and flux to all epochs, and keep the coefficients.

    The surface is S(d, f) = sum of c_ij d^i f^j with d = MJD - 55400 and f = log10(electrons). Bins that
    overlap are not counted twice. Prints the trials on standard error and the written file on standard
    output. Exit code 4 if the data cannot support the fit; the reason is printed.

    [bold]Examples[/bold]

      cte-lake fit --target ngc104 --filter F502N --length l --flash 0 --filetype flt

      cte-lake fit --target ngc104 --filetype flt --length l --background 1 --bootstrap 200

      cte-lake fit --pairs 180 --pivot 1024
    """
    from cte_lake import open_lake
    from cte_lake.cli.dates import parse_date
    from cte_lake.lake.paths import find_lake
    from cte_lake.stages.coefficient_files import path_in_lake, write_coefficients
    from cte_lake.stages.fit_lake import FitRequest, fit_lake

    root = find_lake(lake)
    settings = settings_of(root, assignments)
    request = FitRequest(
        target=target,
        filter=filter_,
        length=_one_of("--length", length, ("s", "l")),
        filetype=_one_of("--filetype", filetype, ("flt", "flc")),
        flash=tuple(flash or ()),
        aperture=settings.config.measure.aperture if aperture is None else aperture,
        until=None if until is None else parse_date(until),
        estimator=str(_one_of("--estimator", estimator, ("log_ratio", "mean_flux", "both_in_bin"))),
        time_degree={"auto": None, "linear": 1, "quadratic": 2}[
            str(_one_of("--time", time, ("auto", "linear", "quadratic")))
        ],
        background_degree=background,
        robust=_one_of("--robust", robust, ("huber", "tukey", "none")),  # type: ignore[arg-type]
        min_stars=min_stars,
        samples=bootstrap,
    )
    with open_lake(root, mode=mode) as opened:
        if pivot is not None:
            _pivots(opened, request, pivot, pairs, settings.config.measure.flux_bins, as_json)
            return
        if epoch is not None:
            _epoch(opened, request, parse_date(epoch), as_json)
            return
        outcome = fit_lake(opened, request, settings.hash(), name)
    path = output or path_in_lake(root, outcome.coefficients.name)
    write_coefficients(path, outcome.coefficients, replace)
    _tell(outcome)
    typer.echo(json.dumps(_as_dict(outcome, path), indent=2) if as_json else str(path))


def _one_of(option: str, value: str | None, allowed: tuple[str, ...]) -> str | None:
    if value is not None and value.lower() not in allowed:
        raise UsageError(f"{option} {value!r} is not known; it is {', '.join(allowed)}")
    return None if value is None else value.lower()


def _tell(outcome: FitOutcome) -> None:
    coefficients, words = outcome.coefficients, {0: "constant", 1: "linear", 2: "quadratic"}
    for trial in outcome.candidates:
        if trial.fit is None:
            typer.echo(f"{words[trial.time_degree]} in time: refused, {trial.refusal}", err=True)
            continue
        mark = "  <- chosen" if trial.chosen else ""
        typer.echo(
            f"{words[trial.time_degree]} in time: cross-validation {trial.score:.4f}, "
            f"AIC {trial.fit.aic:.1f}, BIC {trial.fit.bic:.1f}"
            f"{mark}{'; ' + trial.refusal if trial.refusal else ''}",
            err=True,
        )
    quality = coefficients.quality
    typer.echo(
        f"{quality['points']:.0f} slopes of {quality['visits']:.0f} visits, chi2 {quality['chi2']:.1f}, "
        f"scatter {quality['scale']:.2f} of the errors, condition {quality['condition']:.0f}, "
        f"{quality['outliers']:.0f} slopes weighted under a half",
        err=True,
    )
    for term, value, error in zip(
        coefficients.term_names, coefficients.coefficients, coefficients.errors, strict=True
    ):
        typer.echo(f"  {term} = {value: .6e} +- {error:.2e}", err=True)
    if outcome.bootstrap is not None:
        ratio = outcome.bootstrap.ratio
        typer.echo(
            f"bootstrap over visits: errors {ratio.min():.2f} to {ratio.max():.2f} of the fit's, "
            f"{outcome.bootstrap.refused} drawings refused",
            err=True,
        )


def _as_dict(outcome: FitOutcome, path: Path) -> dict[str, Any]:
    from cte_lake.model.coefficient_text import to_json

    return {
        "path": str(path),
        "coefficients": json.loads(to_json(outcome.coefficients)),
        "trials": [
            {
                "time_degree": trial.time_degree,
                "chosen": trial.chosen,
                "cross_validation": None if trial.fit is None or not trial.score_of else trial.score,
                "aic": None if trial.fit is None else trial.fit.aic,
                "bic": None if trial.fit is None else trial.fit.bic,
                "refusal": trial.refusal or None,
            }
            for trial in outcome.candidates
        ],
        "bootstrap_ratio": None if outcome.bootstrap is None else outcome.bootstrap.ratio.tolist(),
    }


def _epoch(opened: Lake, request: FitRequest, mjd: float, as_json: bool) -> None:
    from cte_lake.cli.rows import print_rows
    from cte_lake.stages.fit_lake import fit_epoch_of

    quadratic, points = fit_epoch_of(opened, request, mjd)
    errors = quadratic.covariance.diagonal() ** 0.5
    print_rows(
        [
            {"coefficient": f"a{j}", "value": float(value), "error": float(error)}
            for j, (value, error) in enumerate(zip(quadratic.coefficients, errors, strict=True))
        ],
        as_json,
        digits=6,
    )
    typer.echo(
        f"epoch MJD {quadratic.mjd:.1f}, {len(points)} slopes of {len(points.visits)} visits", err=True
    )


def _pivots(
    opened: Lake, request: FitRequest, row: float, pairs: str, bins: list[tuple[float, float]], as_json: bool
) -> None:
    from cte_lake.cli.rows import print_rows
    from cte_lake.model.points import non_overlapping
    from cte_lake.stages.pivots import pivots, pooled_pivot

    conditions, values = ["true"], {}
    for name in ("target", "filter", "length", "filetype"):
        if (wanted := getattr(request, name)) is not None:
            conditions.append(f"lower(p.{name}) = lower(${name})")
            values[name] = wanted
    if request.flash:
        conditions.append(f"p.flash IN ({', '.join(map(str, request.flash))})")
    kind = str(_one_of("--pairs", pairs, ("chips", "180")))
    rows = pivots(
        opened, kind, non_overlapping(bins), request.aperture, row, " AND ".join(conditions), values
    )
    print_rows(rows, as_json)
    for chip in sorted({entry["chip"] for entry in rows}):
        own = [entry for entry in rows if entry["chip"] == chip]
        mean, error, count = pooled_pivot(own)
        what = f"chip {chip} alone" if kind == "180" else "chip 1 over chip 2"
        typer.echo(f"{what}: pivot {mean:.1f} +- {error:.1f} px from {count} fits of {len(own)}", err=True)
