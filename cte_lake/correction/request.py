"""What a fit is asked for."""

from __future__ import annotations

from dataclasses import dataclass, field

from cte_lake.lake.selection import Selection
from cte_lake.model.family import FormChoice
from cte_lake.model.points import MIN_STARS
from cte_lake.model.robust import Loss

#: What one surface is fitted for: rows that differ in one of these are not mixed.
KINDS = ("target", "filter", "length", "filetype", "chinject", "generation")


@dataclass(frozen=True)
class FitRequest:
    """What to fit.

    Attributes
    ----------
    selection : Selection
        Which pairs; one surface is of one target, filter, length and file type.
    aperture : int
        Radius, px.
    estimator : str
        Of the view ``cte_vs_flux``: 'log_ratio', 'mean_flux' or 'both_in_bin'.
    time_degree : int or None
        1 or 2; None lets cross-validation choose.
    background_degree : int or None
        0 without background as a variable, else 1 or 2; None: 1 where there are several levels of post-flash.
    form : str
        Of the surface: 'auto', which lets the visits left out choose, or a member of
        `cte_lake.model.family.MEMBERS`; 'none': the coefficients alone.
    robust : {'huber', 'tukey', 'none'}
        Loss of the fit.
    min_stars : int
        Fewest stars of a slope.
    samples : int
        Drawings of the bootstrap; 0 for none.
    chips : bool
        Whether each chip's own losses distinguish the chips, instead of the levels of the pairs.
    shift : bool
        Whether the shift of centroids is fitted too, from the view ``displacement``.
    """

    selection: Selection = field(default_factory=Selection)
    aperture: int = 3
    estimator: str = "log_ratio"
    time_degree: int | None = None
    background_degree: int | None = None
    form: FormChoice = "auto"
    robust: Loss = "huber"
    min_stars: int = MIN_STARS
    samples: int = 0
    chips: bool = False
    shift: bool = False
