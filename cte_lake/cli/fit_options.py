"""The options of ``fit``, ``epoch`` and ``pivot``, and the request that they make."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cte_lake.cli.options import (
    ChinjectOption,
    FiletypeOption,
    FilterOption,
    FlashOption,
    GenerationOption,
    LengthOption,
    Selecting,
    TargetOption,
    UntilOption,
    known_estimator,
    panel,
)
from cte_lake.cli.output import Format

if TYPE_CHECKING:
    from cte_lake.config import Settings
    from cte_lake.correction.request import FitRequest
    from cte_lake.lake.selection import Selection

_how = panel("How")

TimeOption = Annotated[
    str,
    _how(
        "--time", "Powers of time of the coefficients: linear, quadratic, or auto (cross-validation chooses)."
    ),
]
BackgroundOption = Annotated[
    int | None,
    _how(
        "--background",
        "Degree in the background as third variable, 0 to 2; by default 1 with several flashes.",
        min=0,
        max=2,
    ),
]
FormOption = Annotated[
    str,
    _how(
        "--form",
        (
            "Of the surface: auto (visits left out choose), relative, shifted, absolute, polynomial; "
            "none: the published coefficients alone."
        ),
    ),
]
RobustOption = Annotated[str, _how("--robust", "Loss function against outliers: huber, tukey or none.")]
MinStarsOption = Annotated[int, _how("--min-stars", "Leave out slopes of fewer stars.", min=3)]
BootstrapOption = Annotated[
    int,
    _how(
        "--bootstrap", "Check the errors with this many bootstrap resamples over visits; 0: no check.", min=0
    ),
]
ChipsOption = Annotated[
    bool,
    _how(
        "--chips/--no-chips",
        "Distinguish the chips by each chip's own losses (command chips) instead of the pairs' levels.",
    ),
]
PairsOption = Annotated[
    str, _how("--pairs", "Kind of pairs: chips (chip 1 over chip 2), or 180 (each chip alone).")
]
ShiftOption = Annotated[
    bool, _how("--shift", "Fit the shift of centroids too; `correct` then adds y_corrected.")
]
NameOption = Annotated[
    str | None, typer.Option("--name", help="Name the set; default: made from what is fitted.")
]
FitOutputOption = Annotated[
    Path | None,
    typer.Option("-o", "--output", help="Write the set to this file instead of the lake's coefficients/."),
]
OldEpochOption = Annotated[
    str | None, typer.Option("--epoch", hidden=True, help="Run the command epoch; the earlier word for it.")
]
OldPivotOption = Annotated[
    float | None,
    typer.Option("--pivot", hidden=True, help="Run the command pivot; the earlier word for it."),
]
OldPairsOption = Annotated[
    str, typer.Option("--pairs", hidden=True, help="Kind of pairs for the command pivot.")
]
OldFormatOption = Annotated[
    Format | None, typer.Option("--format", hidden=True, help="Format of the rows of epoch and pivot.")
]


@dataclass(frozen=True)
class FittedOptions(Selecting):
    """Losses that one law describes."""

    target: TargetOption = None
    filter_: FilterOption = None
    length: LengthOption = None
    flash: FlashOption = None
    filetype: FiletypeOption = None
    generation: GenerationOption = None


@dataclass(frozen=True)
class HistoryOptions(FittedOptions):
    """The same over years."""

    chinject: ChinjectOption = None
    until: UntilOption = None


def fit_request(
    settings: Settings, selection: Selection, radius: int | None, estimator: str | None, **how: Any
) -> FitRequest:
    """Return what is to be fitted; radius and estimator are the configuration's unless given."""
    from cte_lake.correction.request import FitRequest

    measure = settings.config.measure
    return FitRequest(
        selection=selection,
        aperture=measure.aperture if radius is None else radius,
        estimator=measure.estimator if estimator is None else known_estimator(estimator),
        **how,
    )
