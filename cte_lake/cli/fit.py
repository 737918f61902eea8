"""The command ``fit``."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from cte_lake.cli.app import RESULTS, app
from cte_lake.cli.fit_options import (
    ApertureOption,
    BackgroundOption,
    BootstrapOption,
    EpochOption,
    FitEstimatorOption,
    FitOutputOption,
    MinStarsOption,
    NameOption,
    PairsOption,
    PivotOption,
    ReplaceOption,
    RobustOption,
    TimeOption,
    UntilOption,
)
from cte_lake.cli.options import (
    FiletypeOption,
    FilterOption,
    FlashOption,
    JsonOption,
    LakeOption,
    LengthOption,
    ModeOption,
    SetOption,
    TargetOption,
    known_estimator,
    one_of,
    select,
    settings_of,
)
from cte_lake.cli.output import Format, FormatOption
from cte_lake.errors import UsageError

if TYPE_CHECKING:
    from cte_lake.api import Lake
    from cte_lake.correction.fit_lake import FitOutcome, FitRequest
    from cte_lake.lake.stored import StoredLake

#: Highest power of time by the word for it; None lets cross-validation choose.
_TIME_DEGREES = {"auto": None, "linear": 1, "quadratic": 2}


@app.command(rich_help_panel=RESULTS)
def fit(
    lake: LakeOption = None,
    target: TargetOption = None,
    filter_: FilterOption = None,
    length: LengthOption = None,
    flash: FlashOption = None,
    filetype: FiletypeOption = None,
    aperture: ApertureOption = None,
    until: UntilOption = None,
    time: TimeOption = "auto",
    background: BackgroundOption = 0,
    estimator: FitEstimatorOption = "log_ratio",
    robust: RobustOption = "huber",
    min_stars: MinStarsOption = 10,
    bootstrap: BootstrapOption = 200,
    epoch: EpochOption = None,
    pivot: PivotOption = None,
    pairs: PairsOption = "chips",
    name: NameOption = None,
    format_: FormatOption = None,
    output: FitOutputOption = None,
    replace: ReplaceOption = False,
    mode: ModeOption = None,
    as_json: JsonOption = False,
    assignments: SetOption = None,
) -> None:
    """Fit the loss as a function of date and flux to all epochs, and keep the coefficients.

    The surface is S(d, f) = sum of c_ij d^i f^j with d = MJD - 55400 and f = log10(electrons). Bins that
    overlap are not counted twice. Prints the trials on standard error and the written file on standard
    output. Exit code 4 if the data cannot support the fit; the reason is printed. --format is of the rows
    that --epoch and --pivot print instead.

    [bold]Examples[/bold]

      cte-lake fit --target ngc104 --filter F502N --length l --flash 0 --filetype flt

      cte-lake fit --target ngc104 --filetype flt --length l --background 1

      cte-lake fit --pairs 180 --pivot 1024
    """
    from cte_lake import open_lake
    from cte_lake.cli.dates import parse_date
    from cte_lake.correction.fit_lake import FitRequest, fit_lake
    from cte_lake.lake.stored import find_lake

    if format_ is not None and pivot is None and epoch is None:
        raise UsageError("--format is of the rows of --epoch and --pivot; `coeffs export` writes a set")
    root = find_lake(lake)
    settings = settings_of(root, assignments)
    request = FitRequest(
        selection=select(
            target=target,
            flash=flash,
            filetype=filetype,
            filter_=filter_,
            length=length,
            until=None if until is None else parse_date(until),
        ),
        aperture=settings.config.measure.aperture if aperture is None else aperture,
        estimator=known_estimator(estimator),
        time_degree=_TIME_DEGREES[one_of("--time", time, tuple(_TIME_DEGREES))],
        background_degree=background,
        robust=one_of("--robust", robust, ("huber", "tukey", "none")),  # type: ignore[arg-type]
        min_stars=min_stars,
        samples=bootstrap,
    )
    printed = _Printed(as_json, format_, output)
    with open_lake(root, mode=mode, settings=settings) as opened:
        if pivot is not None:
            _pivots(opened, request, pivot, pairs, settings.config.measure.flux_bins, printed)
        elif epoch is not None:
            _epoch(opened, request, parse_date(epoch), printed)
        else:
            _keep(fit_lake(opened, request, settings.hash(), name), root, output, replace, as_json)


@dataclass(frozen=True)
class _Printed:
    """Where rows go and in which format."""

    as_json: bool
    format_: Format | None
    output: Path | None

    @property
    def readable(self) -> bool:
        """Whether people read the rows, who need fewer columns and digits."""
        from cte_lake.cli.rows import chosen_format, for_people

        return for_people(chosen_format(self.as_json, self.format_), self.output)

    def rows(self, rows: Sequence[Mapping[str, Any]], digits: int = 4) -> None:
        from cte_lake.cli.rows import print_rows

        print_rows(rows, self.as_json, digits, self.format_, self.output)


def _keep(outcome: FitOutcome, root: StoredLake, output: Path | None, replace: bool, as_json: bool) -> None:
    from cte_lake.correction.coefficient_files import path_in_lake, write_coefficients

    path = output or path_in_lake(root, outcome.coefficients.name)
    write_coefficients(path, outcome.coefficients, replace)
    _tell(outcome)
    typer.echo(json.dumps(_as_dict(outcome, path), indent=2) if as_json else str(path))


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
            f"{outcome.bootstrap.refused} of {outcome.bootstrap.drawn} drawings refused",
            err=True,
        )
    elif outcome.no_bootstrap:
        typer.echo(f"errors not checked: {outcome.no_bootstrap}", err=True)


def _as_dict(outcome: FitOutcome, path: object) -> dict[str, Any]:
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


def _epoch(opened: Lake, request: FitRequest, mjd: float, printed: _Printed) -> None:
    from cte_lake.correction.fit_lake import fit_epoch_of

    quadratic, points = fit_epoch_of(opened, request, mjd)
    errors = quadratic.covariance.diagonal() ** 0.5
    printed.rows(
        [
            {"coefficient": f"a{j}", "value": float(value), "error": float(error)}
            for j, (value, error) in enumerate(zip(quadratic.coefficients, errors, strict=True))
        ],
        digits=6,
    )
    typer.echo(
        f"epoch MJD {quadratic.mjd:.1f}, {len(points)} slopes of visit {', '.join(points.visits)}", err=True
    )


def _pivots(
    opened: Lake,
    request: FitRequest,
    row: float,
    pairs: str,
    bins: list[tuple[float, float]],
    printed: _Printed,
) -> None:
    from cte_lake.correction.pivots import pivots, pooled_pivot
    from cte_lake.model.points import non_overlapping

    kind = one_of("--pairs", pairs, ("chips", "180"))
    rows = pivots(opened, kind, non_overlapping(bins), request.aperture, row, request.selection)
    printed.rows([_pivot_shown(entry) for entry in rows] if printed.readable else rows)
    for chip in sorted({entry["chip"] for entry in rows}):
        own = [entry for entry in rows if entry["chip"] == chip]
        mean, error, count = pooled_pivot(own)
        what = f"chip {chip} alone" if kind == "180" else "chip 1 over chip 2"
        typer.echo(f"{what}: pivot {mean:.1f} +- {error:.1f} px from {count} fits of {len(own)}", err=True)


def _pivot_shown(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return a pair's pivot in columns that fit a terminal of 80."""
    return {
        "target": row["target"],
        "MJD": f"{row['mjd']:.0f}",
        "chip": row["chip"],
        "file": row["filetype"],
        "fl": row["flash"],
        "bin (e-)": f"{row['bin_lo']:g}-{row['bin_hi']:g}",
        "loss %": f"{100 * row['cte_loss']:.1f}±{100 * row['cte_loss_err']:.1f}",
        "pivot px": f"{row['pivot']:.0f}±{row['pivot_err']:.0f}",
        "held %": f"{100 * row['forced_loss']:.1f}",
        "p": f"{row['forced_p_value']:.2f}",
    }
