"""The command ``measure``."""

from __future__ import annotations

from cte_lake.cli.app import RESULTS, app, say
from cte_lake.cli.options import (
    EstimatorOption,
    HelpersOptions,
    LakeOption,
    LossesOptions,
    ModeOption,
    RadiusOption,
    SetOption,
    UnitOption,
    known_estimator,
    settings_of,
)
from cte_lake.cli.rows import RowsOutput

#: What is printed of a loss; a file gets every column of the view.
_PRINTED = ("image_1", "image_2", "file", "flash", "bin", "stars", "loss", "error")


@app.command(rich_help_panel=RESULTS)
def measure(
    lake: LakeOption = None,
    *,
    exposures: LossesOptions,
    helpers: HelpersOptions,
    radius: RadiusOption = None,
    estimator: EstimatorOption = None,
    unit: UnitOption = "percent",
    printed: RowsOutput,
    mode: ModeOption = None,
    assignments: SetOption = None,
) -> None:
    """Print the CTE loss per pair and flux bin: percent of the flux lost per 2048 rows.

    Pairs of both kinds are measured, chip 1 against chip 2 and the 180-degree sets. `--unit mag` prints
    magnitudes per 2051 rows. With -o every column of the view cte is written, both units among them.
    """
    from cte_lake.correction.measure import measure_losses, printable
    from cte_lake.lake.stored import find_lake
    from cte_lake.model.loss_unit import loss_unit

    loss_in = loss_unit(unit)
    root = find_lake(lake)
    chosen = None if estimator is None else known_estimator(estimator)
    settings = settings_of(root, assignments, measure__aperture=radius, measure__estimator=chosen)
    selection = exposures.selection()
    workers = helpers.of(settings.config.workers)
    losses = measure_losses(root, settings, selection, mode, say, workers)
    printed.table(printable(losses, loss_in).select(_PRINTED) if printed.readable else losses)
