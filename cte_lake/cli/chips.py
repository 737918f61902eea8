"""The command ``chips``."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cte_lake.cli.app import RESULTS, Options, app, say
from cte_lake.cli.fit_options import HistoryOptions, MinStarsOption
from cte_lake.cli.options import HelpersOptions, LakeOptions, RadiusOption, SchedulerOption, option
from cte_lake.cli.rows import RowsOutput
from cte_lake.names import one_of

if TYPE_CHECKING:
    from cte_lake.config import Config
    from cte_lake.correction.chip_lake import ChipRequest
    from cte_lake.lake.selection import Selection


@dataclass(frozen=True)
class SolveOptions(Options):
    """How the losses are solved for."""

    radius: RadiusOption = None
    zero: Annotated[
        str,
        option(
            "--zero",
            "Zero points: one per exposure, or one for each flux bin of an exposure (bin), "
            "which uses slopes along the row alone; errors are then about twice as large.",
        ),
    ] = "exposure"
    rolled: Annotated[
        str | None,
        option(
            "--rolled",
            "Fix what the exposures leave undetermined by the 180-degree set of this target.",
            metavar="TARGET",
        ),
    ] = None
    min_stars: MinStarsOption = 10
    workers: Annotated[
        int | None,
        option(
            "--workers",
            "Number of worker processes; 0 works in this process. "
            "Default: workers.count where there are very many measurements.",
            min=0,
        ),
    ] = None
    scheduler: SchedulerOption = None

    def request(self, selection: Selection, config: Config) -> ChipRequest:
        """Return what is to be solved."""
        from cte_lake.correction.chip_lake import ChipRequest

        return ChipRequest(
            selection,
            config.measure.aperture if self.radius is None else self.radius,
            one_of("--zero", self.zero, ("exposure", "bin")) == "bin",
            self.rolled,
            self.min_stars,
            HelpersOptions(self.workers, self.scheduler).of(config.workers),
        )


@app.command(rich_help_panel=RESULTS)
def chips(
    *,
    asked: LakeOptions,
    exposures: HistoryOptions,
    how: SolveOptions,
    covariance: Annotated[
        Path | None, option("--covariance", "Write the covariance of all losses to this file (.npy).")
    ] = None,
    keep: Annotated[
        bool, option("--keep/--no-keep", "Keep the losses in the lake, for the view chips.")
    ] = True,
    printed: RowsOutput,
) -> None:
    """Print the loss of each chip by itself: per epoch, post-flash and flux bin, percent per 2048 rows.

    Every exposure counts, with or without a partner: each star has its own flux, each exposure its zero
    point. Prints what the exposures leave undetermined, what fixes it, and what was left out, on standard
    error. Bins are electrons before the loss; see docs/chips.md.

    [bold]Example[/bold]

      cte-lake chips --target ngc104 --filter F502N --length l --filetype flt
    """
    from cte_lake.correction.chip_lake import keep_chips, solve_chips

    with asked.opened() as opened:
        losses = solve_chips(opened, how.request(exposures.selection(), opened.settings().config))
        if keep:
            keep_chips(opened, losses)
    if covariance is not None:
        _write(covariance, losses.covariance)
    printed.rows(losses.table().to_pylist(), _shown)
    for sentence in losses.sentences():
        say(sentence)


def _write(path: Path, matrix: Any) -> None:
    import numpy as np

    from cte_lake.lake.write import replacing

    with replacing(path) as temporary, temporary.open("wb") as stream:
        np.save(stream, matrix)


def _shown(row: dict[str, Any]) -> dict[str, Any]:
    """Return a loss in columns that fit a terminal of 80."""
    return {
        "chip": row["chip"],
        "epoch": row["epoch"],
        "MJD": f"{row['mjd']:.0f}",
        "fl": row["flash"],
        "bg": f"{row['background']:.1f}",
        "bin (e-)": f"{row['bin_lo']:g}-{row['bin_hi']:g}",
        "flux (e-)": f"{10 ** row['mean_log_flux']:.0f}",
        "stars": row["n"],
        "loss %": None if row["loss"] is None else f"{100 * row['loss']:.2f}",
        "error %": None if row["loss"] is None else f"{100 * row['loss_err']:.2f}",
    }
