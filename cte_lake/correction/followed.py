"""What a coefficient set follows from: what was asked for, and the photometry that answered.

Both stand in the set's provenance, so that the same can be asked again and a change be seen without measuring
a slope. The hash is of the photometry that slopes are computed from, not of the slopes: these differ in their
last digits from run to run.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final

from cte_lake.digests import digest
from cte_lake.lake.selection import Selection
from cte_lake.model.coefficients import CoefficientSet
from cte_lake.model.family import FormChoice
from cte_lake.model.points import MIN_STARS
from cte_lake.model.robust import Loss
from cte_lake.names import ESTIMATORS, Estimator, one_of

if TYPE_CHECKING:
    from cte_lake.api import Lake
    from cte_lake.config import Settings

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
    estimator: Estimator = "log_ratio"
    time_degree: int | None = None
    background_degree: int | None = None
    form: FormChoice = "auto"
    robust: Loss = "huber"
    min_stars: int = MIN_STARS
    samples: int = 0
    chips: bool = False
    shift: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "estimator", one_of("estimator", self.estimator, ESTIMATORS))


#: Keys of a set's provenance.
REQUEST: Final = "request"
HASH: Final = "lake_hash"
PAIRS: Final = "pairs"
SUPERSEDES: Final = "supersedes"
ADVICE: Final = "advice"
HELD: Final = "held"
#: Keys of the section ``measure`` that slopes follow from, besides photometry and radius.
_MEASURE: Final = ("flux_bins", "time_bins", "clip_sigma", "drop_flags", "min_area", "shape_correction")


@dataclass(frozen=True)
class Followed:
    """What a set follows from: the pairs' number and newest date (MJD), and the hash of all of it."""

    pairs: int
    newest: float
    hash: str


def followed_by(lake: Lake, request: FitRequest, settings: Settings) -> Followed:
    """Return what a fit of the request would follow from now; no photometry is read."""
    chosen, values = lake.select(request.selection).of_losses().where()
    rows = lake.sql(
        "SELECT p.image_1, e1.phot_key AS key_1, p.image_2, e2.phot_key AS key_2, p.mjd "
        f"FROM (SELECT * FROM pairs WHERE {chosen}) AS p "
        "INNER JOIN exposures AS e1 ON e1.imagename = p.image_1 "
        "INNER JOIN exposures AS e2 ON e2.imagename = p.image_2 ORDER BY ALL",
        **values,
    ).rows()
    pairs = [[row[name] for name in ("image_1", "key_1", "image_2", "key_2")] for row in rows]
    measure = [getattr(settings.config.measure, name) for name in _MEASURE]
    if request.chips:
        alone = lake.sql(f"SELECT phot_key FROM chip_exposures WHERE {chosen} ORDER BY phot_key", **values)
        pairs.append([row["phot_key"] for row in alone.rows()])
    newest = max((float(row["mjd"]) for row in rows), default=0.0)
    return Followed(len(rows), newest, digest([pairs, measure]))


def provenance_of(lake: Lake, request: FitRequest, settings: Settings) -> dict[str, str]:
    """Return what a set keeps of all this."""
    found = followed_by(lake, request, settings)
    return {HASH: found.hash, PAIRS: str(found.pairs), REQUEST: to_text(request, _mode(lake, settings))}


def _mode(lake: Lake, settings: Settings) -> str:
    for row in lake.sql("SELECT DISTINCT mode FROM exposures WHERE mode IS NOT NULL").rows():
        return str(row["mode"])
    return settings.config.photometry.mode


def to_text(request: FitRequest, mode: str) -> str:
    """Return a request, with the photometry mode of the lake that was asked, as text."""
    asked = {key: value for key, value in asdict(request).items() if key != "selection"}
    selection = {key: value for key, value in asdict(request.selection).items() if value not in ((), None)}
    return json.dumps({**asked, "mode": mode, "selection": selection}, sort_keys=True)


def request_of(coefficients: CoefficientSet) -> tuple[FitRequest, str] | None:
    """Return what a set was asked for and in which photometry mode; None where it does not say."""
    try:
        asked = json.loads(coefficients.provenance[REQUEST])
        mode = str(asked.pop("mode"))
        chosen: dict[str, Any] = asked.pop("selection")
        lists: dict[str, Any] = {
            key: tuple(value) if isinstance(value, list) else value for key, value in chosen.items()
        }
        return replace(FitRequest(**asked), selection=Selection(**lists)), mode
    except (KeyError, ValueError, TypeError, AttributeError):
        return None
