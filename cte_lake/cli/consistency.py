"""The command ``consistency``: the lake's losses against published ones."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cte_lake.cli.app import RESULTS, app, say
from cte_lake.cli.options import EstimatorOption, GenerationOption, LakeOptions, RadiusOption, known_estimator
from cte_lake.cli.rows import RowsOutput

if TYPE_CHECKING:
    from cte_lake.model.consistency import Comparison


@app.command(rich_help_panel=RESULTS)
def consistency(
    *,
    asked: LakeOptions,
    radius: RadiusOption = None,
    estimator: EstimatorOption = None,
    generation: GenerationOption = None,
    printed: RowsOutput,
) -> None:
    """Compare the lake's losses with published ones (radius 3 px); 'no data' where the lake has no such pair.

    Every format but the readable table has all columns: the tolerance that "about" is read as, standard
    errors, the source.
    """
    from cte_lake.correction.cautions import cautions
    from cte_lake.correction.fit_lake import consistency_of
    from cte_lake.lake.selection import Selection
    from cte_lake.model.consistency import published

    with asked.opened() as opened:
        selection = opened.select(Selection(generation=tuple(generation or ()))).of_losses()
        left = cautions(opened, selection)
        measure = opened.settings().config.measure
        chosen_estimator = measure.estimator if estimator is None else known_estimator(estimator)
        rows = consistency_of(opened, chosen_estimator, radius or measure.aperture, selection)
    printed.rows([_shown(row) if printed.readable else row.as_dict() for row in rows])
    for line in left:
        say(line)
    say(f"published: {published()['source']}")


def _shown(row: Comparison) -> dict[str, Any]:
    """Return a row in four narrow columns and one of prose, to fit a terminal of 80 columns."""
    scale, unit = (100.0, "%") if row.unit == "fraction" else (1.0, row.unit)
    digits = 1 if scale > 1.0 or row.published > 1.0 else 3
    measured = "-"
    if row.measured is not None and row.measured_err is not None:
        measured = f"{scale * row.measured:.{digits}f} ± {scale * row.measured_err:.{digits}f}"
    return {
        "verdict": row.verdict,
        "published": f"{scale * row.published:g} {unit}",
        "measured": measured,
        "pairs": row.pairs,
        "what": f"{row.what}: {row.note}",
    }
