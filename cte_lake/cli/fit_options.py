"""The options of ``fit``, ``epoch`` and ``pivot``, and the request that they make."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cte_lake.cli.app import Options
from cte_lake.cli.options import (
    ChinjectOption,
    EstimatorOption,
    FiletypeOption,
    FilterOption,
    FlashOption,
    GenerationOption,
    LengthOption,
    RadiusOption,
    Selecting,
    TargetOption,
    UntilOption,
    known_estimator,
    option,
    panel,
)
from cte_lake.names import one_of

if TYPE_CHECKING:
    from cte_lake.config import Settings
    from cte_lake.correction.followed import FitRequest
    from cte_lake.lake.selection import Selection

_how = panel("How")
#: Highest power of time by the word for it; None lets cross-validation choose.
_TIME_DEGREES = {"auto": None, "linear": 1, "quadratic": 2}

RobustOption = Annotated[str, _how("--robust", "Loss function against outliers: huber, tukey or none.")]
MinStarsOption = Annotated[int, _how("--min-stars", "Leave out slopes of fewer stars.", min=3)]
PairsOption = Annotated[
    str, _how("--pairs", "Kind of pairs: chips (chip 1 over chip 2), or 180 (each chip alone).")
]
NameOption = Annotated[str | None, option("--name", "Name the set; default: made from what is fitted.")]
FitOutputOption = Annotated[
    Path | None,
    typer.Option("-o", "--output", help="Write the set to this file instead of the lake's coefficients/."),
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
    from cte_lake.correction.followed import FitRequest

    measure = settings.config.measure
    return FitRequest(
        selection=selection,
        aperture=measure.aperture if radius is None else radius,
        estimator=measure.estimator if estimator is None else known_estimator(estimator),
        **how,
    )


@dataclass(frozen=True)
class HowOptions(Options):
    """How a set is fitted."""

    radius: RadiusOption = None
    time: Annotated[
        str,
        _how(
            "--time",
            "Powers of time of the coefficients: linear, quadratic, or auto (cross-validation chooses).",
        ),
    ] = "auto"
    background: Annotated[
        int | None,
        _how(
            "--background",
            "Degree in the background as third variable, 0 to 2; by default 1 with several flashes.",
            min=0,
            max=2,
        ),
    ] = None
    form: Annotated[
        str,
        _how(
            "--form",
            "Form of the surface: auto (by cross-validation), relative, shifted, absolute, polynomial; "
            "none: the published coefficients alone.",
        ),
    ] = "auto"
    estimator: EstimatorOption = None
    robust: RobustOption = "huber"
    min_stars: MinStarsOption = 10
    bootstrap: Annotated[
        int,
        _how(
            "--bootstrap",
            "Check the errors with this many bootstrap resamples over visits; 0: no check.",
            min=0,
        ),
    ] = 200
    chips: Annotated[
        bool,
        _how(
            "--chips/--no-chips",
            "Distinguish the chips by each chip's own losses (command chips) instead of the pairs' levels.",
        ),
    ] = False
    shift: Annotated[
        bool, _how("--shift", "Fit the shift of centroids too; `correct` then adds y_corrected.")
    ] = False

    def request(self, settings: Settings, selection: Selection) -> FitRequest:
        """Return what is to be fitted."""
        from cte_lake.model.family import MEMBERS

        return fit_request(
            settings,
            selection,
            radius=self.radius,
            estimator=self.estimator,
            time_degree=_TIME_DEGREES[one_of("--time", self.time, tuple(_TIME_DEGREES))],
            background_degree=self.background,
            form=one_of("--form", self.form, ("auto", *MEMBERS, "none")),
            robust=one_of("--robust", self.robust, ("huber", "tukey", "none")),
            min_stars=self.min_stars,
            samples=self.bootstrap,
            chips=self.chips,
            shift=self.shift,
        )
