"""The command ``fit``."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cte_lake.cli.app import RESULTS, Options, app, say
from cte_lake.cli.fit_options import FitOutputOption, HistoryOptions, HowOptions, NameOption
from cte_lake.cli.options import HelpersOptions, JsonOption, LakeOptions, option, overwriting, parse_date
from cte_lake.cli.output import Format
from cte_lake.cli.rows import RowsOutput
from cte_lake.errors import UsageError

if TYPE_CHECKING:
    from cte_lake.api import Lake
    from cte_lake.correction.fit_lake import FitOutcome
    from cte_lake.correction.followed import FitRequest
    from cte_lake.lake.stored import StoredLake
    from cte_lake.model.family import FamilyFit

#: How the chips' difference may go, and over how many errors it is said.
_CHANGES = {
    "by_date": "from the first epoch to the last; each row is corrected by its date's",
    "by_flux": "from the faintest bin to the brightest; each star is corrected by its flux's",
}
_BEYOND_CHANCE = 2.5
#: Of 1 + the mean: where it was a tenth, pulls went up to 2 without a line in the sky.
_SCATTERED = 0.03
#: Probability of a jump from which on it is told that it is none of the surface.
_LIKELY = 0.5
#: Places where a fit misses its data that are printed.
_MISSES = 5


@dataclass(frozen=True)
class OldOptions(Options):
    """Options of ``fit`` that are commands of their own by now; they go in the next version."""

    epoch: Annotated[
        str | None, option("--epoch", "Run the command epoch; the earlier word for it.", hidden=True)
    ] = None
    pivot: Annotated[
        float | None, option("--pivot", "Run the command pivot; the earlier word for it.", hidden=True)
    ] = None
    pairs: Annotated[str, option("--pairs", "Kind of pairs for the command pivot.", hidden=True)] = "chips"
    format_: Annotated[
        Format | None, option("--format", "Format of the rows of epoch and pivot.", hidden=True)
    ] = None

    def run(self, opened: Lake, request: FitRequest, printed: RowsOutput) -> bool:
        """Run the command in place of ``fit``; returns whether one was asked for."""
        from cte_lake.cli.epoch import print_epoch
        from cte_lake.cli.pivot import print_pivots

        if self.pivot is None and self.epoch is None:
            if self.format_ is not None:
                raise UsageError("`fit` writes a coefficient set; `coeffs export` writes it in other formats")
            return False
        word = "epoch DATE" if self.pivot is None else "pivot ROW"
        say(f"cte-lake: this is now `cte-lake {word}`; the option goes in the next version")
        if self.pivot is None:
            print_epoch(opened, request, parse_date(str(self.epoch)), printed)
        else:
            print_pivots(opened, request, self.pivot, self.pairs, printed)
        return True


@app.command(rich_help_panel=RESULTS)
def fit(
    *,
    asked: LakeOptions,
    exposures: HistoryOptions,
    helpers: HelpersOptions,
    how: HowOptions,
    name: NameOption = None,
    output: FitOutputOption = None,
    overwrite: Annotated[bool, overwriting("Overwrite a set of the same name.")] = False,
    as_json: JsonOption = False,
    old: OldOptions,
) -> None:
    """Fit the loss as a function of date, flux and background to all epochs, and keep the set.

    The set holds a smooth surface, whose form the visits left out choose, and the published coefficients:
    S(d, f) = sum of c_ij d^i f^j with d = MJD - 55400 and f = log10(electrons). Bins that overlap are not
    counted twice. Prints the trials, and where the fit misses the data, on standard error and the path of
    the written set on standard output. Exit code 4 if the data cannot support the fit, or the fit does not
    follow the data; the reason is printed.

    [bold]Examples[/bold]

      cte-lake fit --target ngc104 --filter F502N --length l --flash 0 --filetype flt

      cte-lake fit --target ngc104 --filter F502N --length l --filetype flt
    """
    from cte_lake.correction.cautions import cautions
    from cte_lake.correction.fit_lake import fit_lake

    with asked.opened() as opened:
        settings = opened.settings()
        request = how.request(settings, exposures.selection())
        for line in cautions(opened, opened.select(request.selection).of_losses()):
            say(line)
        opened.keep_slopes(
            request.aperture,
            [request.estimator],
            request.selection.of_losses(),
            helpers.of(settings.config.workers),
        )
        if old.run(opened, request, RowsOutput(old.format_, output, as_json)):
            return
        _keep(fit_lake(opened, request, settings.hash(), name), opened.stored, output, overwrite, as_json)


def _keep(outcome: FitOutcome, root: StoredLake, output: Path | None, overwrite: bool, as_json: bool) -> None:
    from cte_lake.correction.coefficient_files import path_in_lake, write_coefficients

    path = output or path_in_lake(root, outcome.coefficients.name)
    write_coefficients(path, outcome.coefficients, overwrite)
    _print_trials(outcome)
    typer.echo(json.dumps(_as_dict(outcome, path), indent=2) if as_json else str(path))


def _print_trials(outcome: FitOutcome) -> None:
    coefficients, words = outcome.coefficients, {0: "constant", 1: "linear", 2: "quadratic"}
    for trial in outcome.candidates:
        if trial.fit is None:
            say(f"{words[trial.time_degree]} in time: refused, {trial.refusal}")
            continue
        mark = "  <- chosen" if trial.chosen else ""
        say(
            f"{words[trial.time_degree]} in time: cross-validation {trial.score:.4f}, "
            f"AIC {trial.fit.aic:.1f}, BIC {trial.fit.bic:.1f}"
            f"{mark}{'; ' + trial.refusal if trial.refusal else ''}"
        )
    quality = coefficients.quality
    say(
        f"{quality['points']:.0f} slopes of {quality['visits']:.0f} visits, chi2 {quality['chi2']:.1f}, "
        f"scatter {quality['scale']:.2f} of the errors, condition {quality['condition']:.0f}, "
        f"{quality['outliers']:.0f} slopes weighted under a half"
    )
    for term, value, error in zip(
        coefficients.term_names, coefficients.coefficients, coefficients.errors, strict=True
    ):
        say(f"  {term} = {value: .6e} +- {error:.2e}")
    if outcome.bootstrap is not None:
        ratio = outcome.bootstrap.ratio
        say(
            f"bootstrap over visits: errors {ratio.min():.2f} to {ratio.max():.2f} of the fit's, "
            f"{outcome.bootstrap.refused} of {outcome.bootstrap.drawn} resamples refused"
        )
    elif outcome.no_bootstrap:
        say(f"errors not checked: {outcome.no_bootstrap}")
    mean, scatter = (quality.get(name, 0.0) for name in ("background", "background_scatter"))
    if scatter > _SCATTERED * (1.0 + mean):
        say(
            f"backgrounds scatter by {scatter:.2g} e-/px about {mean:.3g}, for which the coefficients are; "
            "the surface has a line in them, and a wider error for stars whose background is not given"
        )
    _print_surface(outcome)


def _print_surface(outcome: FitOutcome) -> None:
    family, quality = outcome.family, outcome.coefficients.quality
    if family is None:
        say(f"no surface beside the coefficients: {outcome.no_surface}")
        return
    _print_forms(family)
    lost = quality["coefficients_lose"]
    say(
        f"the coefficients predict them {'worse' if lost > 0 else 'better'} by {abs(lost):.4f} a slope and "
        f"are {quality['coefficients_off']:.4f} off the surface (rms loss); correct and predict use that"
    )
    chips = (
        f"chips {100 * quality['chips']:+.1f} +- {100 * quality['chips_err']:.1f}% from their mean"
        if quality["chips_pairs"]
        else f"chips not distinguished, {100 * quality['chips_err']:.0f}% of the loss in the error"
    )
    say(
        f"visits scatter by {100 * quality['visit_scatter']:.1f}%, {chips}, "
        f"residuals left out {quality['left_out_pull']:.2f} of their errors"
    )
    for name, words in _CHANGES.items():
        change, error = quality.get(f"chips_{name}", 0.0), quality.get(f"chips_{name}_err", 0.0)
        if abs(change) > _BEYOND_CHANCE * error:
            say(f"  chips' distance: {100 * change:+.1f} +- {100 * error:.1f}% {words}")
    for kind, (value, error) in family.chosen.kinds.items():
        say(f"  {kind}: {100 * value:+.1f} +- {100 * error:.1f}% off the surface")
    for gap, size, error in family.chosen.jump_sizes:
        dates = f"between MJD {gap.start:.0f} and {gap.end:.0f}"
        say(f"losses jump by {100 * size:+.1f} +- {100 * error:.1f}% {dates}")
    for doubt in (one for one in family.doubts.jumps if one.probability > _LIKELY):
        say(f"{doubt}: no part of the surface, and in the errors")
    if family.misfit.epochs:
        say(
            f"epochs scatter by {100 * family.misfit.epochs:.1f}% beyond their visits, which no smooth form "
            "follows; it is in the errors"
        )
    cells = family.misfit.cells
    for sentence in outcome.of_chips:
        say(sentence)
    if cells:
        say(f"the fit misses the data in {len(cells)} places; the errors there are widened:")
        for cell in cells[:_MISSES]:
            say(f"  {cell}")


def _print_forms(family: FamilyFit) -> None:
    from cte_lake.model.family import MEMBERS

    say("surface, by the visits left out (log predictive density a slope; more is better):")
    for member in family.members:
        mark = "  <- chosen" if member.chosen else ""
        score = member.refusal if member.fit is None else f"{member.score:.4f}"
        say(f"  {member.name}: {score}{mark}; {MEMBERS[member.name]}")
    scores = {member.name: member.score for member in family.members if member.fit is not None}
    if max(scores.values()) > scores[family.name]:
        say("  (a later form is taken only where it is better by more than chance)")


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
        "forms": [
            {
                "form": member.name,
                "chosen": member.chosen,
                "score": None if member.fit is None else member.score,
                "refusal": member.refusal or None,
            }
            for member in (outcome.family.members if outcome.family else [])
        ],
        "misses": [asdict(cell) for cell in (outcome.family.misfit.cells if outcome.family else [])],
        "jumps": [
            {"mjd": [gap.start, gap.end], "size": size, "error": error}
            for gap, size, error in (outcome.family.chosen.jump_sizes if outcome.family else [])
        ],
        "bootstrap_ratio": None if outcome.bootstrap is None else outcome.bootstrap.ratio.tolist(),
    }
