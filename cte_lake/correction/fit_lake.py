"""From a lake's slopes to a coefficient set: choose the rows, fit, keep with provenance."""

from __future__ import annotations

import platform
from dataclasses import dataclass, replace
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from cte_lake import clock
from cte_lake.correction.followed import KINDS, FitRequest, provenance_of
from cte_lake.errors import FitRefused, NothingToDo, UsageError
from cte_lake.lake.selection import Selection, where
from cte_lake.model import consistency
from cte_lake.model.coefficients import CoefficientSet, from_fit
from cte_lake.model.family import FamilyFit
from cte_lake.model.fit import EpochQuadratic, SurfaceFit, fit_epoch
from cte_lake.model.points import EPOCH_WIDTH, MIXED, FitPoints, from_table
from cte_lake.model.selection import Bootstrap, Candidate, bootstrap, try_time_degrees
from cte_lake.model.shift import ShiftLaw, fit_shift
from cte_lake.model.tables import column
from cte_lake.model.with_surface import with_surface

if TYPE_CHECKING:
    from cte_lake.api import Lake
    from cte_lake.model.chips.losses import ChipLosses

#: Packages whose versions a set records.
_SOFTWARE = ("cte-lake", "numpy", "duckdb", "pyarrow")


@dataclass(frozen=True)
class FitOutcome:
    """A fitted set with how it was chosen.

    Attributes
    ----------
    coefficients : CoefficientSet
        To be kept.
    candidates : list of Candidate
        The time dependences on trial.
    bootstrap : Bootstrap or None
        Where one was asked for and the visits allow it.
    no_bootstrap : str
        Why they do not, else ''.
    family : FamilyFit or None
        The surface that the data chose, with what was tried.
    no_surface : str
        Why there is none, else ''.
    of_chips : tuple of str
        What is to be known of each chip's own losses, where they were asked for.
    """

    coefficients: CoefficientSet
    candidates: list[Candidate]
    bootstrap: Bootstrap | None
    no_bootstrap: str = ""
    family: FamilyFit | None = None
    no_surface: str = ""
    of_chips: tuple[str, ...] = ()


def slopes_of(lake: Lake, request: FitRequest) -> Any:
    """Return the rows of ``cte`` that a request selects and that were measured, as an Arrow table.

    Raises
    ------
    NothingToDo
        If there is none.
    UsageError
        If they are of several kinds; of several targets, filters or lengths only where these are named.
    """
    selection = lake.select(request.selection).of_losses()
    chosen, values = selection.where()
    kind, more = where({"pairing": "chips", "estimator": request.estimator})
    query = (
        f"FROM cte(aperture := {int(request.aperture)}) "
        f"WHERE cte_loss IS NOT NULL AND {chosen} AND {kind} ORDER BY pair_id, bin_lo, bin_hi"
    )
    rows = lake.sql(query, **values, **more).arrow()
    if rows.num_rows == 0:
        raise NothingToDo(_no_slope(lake, selection, request))
    for name in (*KINDS, *(("flash",) if request.background_degree == 0 else ())):
        found = sorted({str(value) for value in column(rows, name)})
        named = len(getattr(selection, name)) > 1
        if len(found) > 1 and not (named and name in MIXED):
            raise UsageError(f"the slopes are of {name} {', '.join(found)}; choose one with --{name}")
    return rows


def _no_slope(lake: Lake, selection: Selection, request: FitRequest) -> str:
    pairs = lake.pairs().rows()
    if not any(selection.matches(pair) for pair in pairs):
        return f"nothing to fit: {selection.nothing_among(pairs, 'pair')}"
    return (
        f"no selected pair has a slope at radius {request.aperture} px by estimator {request.estimator}; "
        "`cte-lake measure` shows what there is"
    )


def _provenance(config_hash: str) -> dict[str, str]:
    return {
        "date": clock.now().isoformat(timespec="seconds"),
        "config_hash": config_hash,
        "software": ", ".join(f"{name} {version(name)}" for name in _SOFTWARE),
        "python": platform.python_version(),
    }


def fit_lake(lake: Lake, request: FitRequest, config_hash: str, name: str | None = None) -> FitOutcome:
    """Fit the surface to a lake's slopes.

    Parameters
    ----------
    lake : Lake
        The open lake.
    request : FitRequest
        What is fitted, and how.
    config_hash : str
        Hash of the settings that the slopes were measured with, kept in the set.
    name : str, optional
        Name of the set; by default made of what was fitted.

    Raises
    ------
    FitRefused
        If the data cannot support the fit, with the reason.
    NothingToDo, UsageError
        As `slopes_of`.
    """
    follows = provenance_of(lake, request, lake.settings())
    rows = slopes_of(lake, request)
    losses = None
    if request.chips:
        # Few fits are of single chips, whose solution is a room of its own.
        from cte_lake.correction.chip_lake import ChipRequest, solve_chips

        asked = ChipRequest(request.selection, request.aperture, min_stars=request.min_stars)
        losses = solve_chips(lake, asked)
    outcome = fit_rows(rows, request, config_hash, name, losses)
    found = outcome.coefficients
    if request.shift:
        found = replace(found, shift=shift_of(lake, request))
    return replace(
        outcome,
        coefficients=replace(found, provenance={**found.provenance, **follows}),
        of_chips=() if losses is None else tuple(losses.sentences()),
    )


def shift_of(lake: Lake, request: FitRequest) -> ShiftLaw:
    """Fit the shift of centroids to the displacements of a request's pairs.

    Raises
    ------
    FitRefused
        If they cannot support the fit, with the reason.
    """
    chosen, values = lake.select(request.selection).of_losses().where()
    query = (
        f"SELECT * FROM displacement WHERE against = 'bright' AND pairing = 'chips' AND {chosen} "
        "ORDER BY mjd, pair_id, bin_lo"
    )
    return fit_shift(lake.sql(query, **values).arrow(), request.robust)


def fit_rows(
    rows: Any,
    request: FitRequest,
    config_hash: str,
    name: str | None = None,
    chip_losses: ChipLosses | None = None,
) -> FitOutcome:
    """Fit the surface to rows that `slopes_of` selected; parameters and errors as `fit_lake`."""
    points = from_table(rows, request.min_stars)
    degrees = (1, 2) if request.time_degree is None else (request.time_degree,)
    flashes = {str(level) for level in column(rows, "flash")}
    background = request.background_degree
    if background is None:
        background = int(len(flashes) > 1)
    candidates = try_time_degrees(points, degrees, background, request.robust)
    fit = next(c.fit for c in candidates if c.chosen and c.fit is not None)
    drawn, no_bootstrap = _bootstrap(fit, request)
    chosen = {
        kind: ",".join(np.unique(column(rows, kind).astype(str))) for kind in KINDS if kind != "filetype"
    }
    chosen["flash"] = ",".join(sorted(flashes, key=int))
    chosen |= {"estimator": request.estimator, "robust": request.robust, "time": _time_words(candidates)}
    if chip_losses is not None:
        chosen["chips"] = "from each chip's own losses"
    filetype = str(column(rows, "filetype")[0])
    label = name or _label(chosen, filetype, background > 0, request.aperture, points)
    coefficients = from_fit(fit, label, request.aperture, filetype, chosen, _provenance(config_hash))
    if drawn is not None:
        checked = {"bootstrap_min": float(drawn.ratio.min()), "bootstrap_max": float(drawn.ratio.max())}
        coefficients = replace(coefficients, quality={**coefficients.quality, **checked})
    coefficients, family, no_surface = with_surface(
        coefficients, points, request.form, request.robust, fit.time_degree, background > 0, chip_losses
    )
    return FitOutcome(coefficients, candidates, drawn, no_bootstrap, family, no_surface)


def _label(chosen: dict[str, str], filetype: str, background: bool, aperture: int, points: FitPoints) -> str:
    """Return the name of a set that was given none: what it was fitted to, the usual left unsaid."""
    parts = [
        *(chosen[kind].replace(",", "+") for kind in MIXED),
        "background" if background else f"pf{chosen['flash']}",
        *([] if chosen["chinject"] == "NONE" else [chosen["chinject"].lower()]),
        filetype,
        *([] if chosen["generation"] in {filetype, "cte-unknown"} else [chosen["generation"]]),
        f"r{aperture}",
        f"mjd{int(points.mjd.max())}",
    ]
    return "_".join(parts)


def _bootstrap(fit: SurfaceFit, request: FitRequest) -> tuple[Bootstrap | None, str]:
    """Check a fit's covariance; a check that needs more visits does not cost the fit."""
    if not request.samples:
        return None, ""
    try:
        return bootstrap(fit, request.samples, loss=request.robust), ""
    except FitRefused as refusal:
        return None, str(refusal)


def _time_words(candidates: list[Candidate]) -> str:
    words = {0: "constant", 1: "linear", 2: "quadratic"}
    chosen = next(c for c in candidates if c.chosen)
    how = "chosen by leave-one-visit-out cross-validation" if len(candidates) > 1 else "as asked for"
    return f"{words[chosen.time_degree]}, {how}"


def fit_epoch_of(lake: Lake, request: FitRequest, mjd: float) -> tuple[EpochQuadratic, FitPoints]:
    """Fit the quadratic of the epoch at a date.

    Raises
    ------
    FitRefused
        If there is no epoch within `EPOCH_WIDTH` days of the date, or it has too few bins.
    """
    points = from_table(slopes_of(lake, request), request.min_stars)
    near = points.take(np.abs(points.mjd - mjd) <= EPOCH_WIDTH)
    if not len(near):
        dates = ", ".join(f"{date:.0f}" for date in np.unique(np.round(points.mjd)))
        raise FitRefused(f"no slope within {EPOCH_WIDTH:g} days of MJD {mjd:g}; there are some at {dates}")
    fit = fit_epoch(
        near.log_flux, near.loss, near.loss_err, float(near.mjd.mean()), near.log_flux_sq, request.robust
    )
    return fit, near


def consistency_of(
    lake: Lake, estimator: str, aperture: int, selection: Selection | None = None
) -> list[consistency.Comparison]:
    """Compare the losses of a lake's nominal pairs with the published ones, a row for each of these.

    Of each target and file type the newest calibration generation is compared, unless one is named.
    """
    chosen, values = lake.select(selection or Selection()).of_losses().where()
    query = f"SELECT * FROM cte(aperture := {int(aperture)}) WHERE estimator = $estimator AND {chosen}"
    return consistency_of_losses(lake.sql(query, estimator=estimator, **values).arrow())


def consistency_of_losses(losses: pa.Table) -> list[consistency.Comparison]:
    """Compare rows of ``cte`` of one estimator with the published losses: page and command both ask here."""
    return consistency.compare(losses.filter(pc.equal(losses["pairing"], "chips")))
