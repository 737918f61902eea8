"""Closure: lakes of simulated photometry, measured by the lake's own views and fitted by its own fit."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from cte_lake.config import Settings, load_settings
from cte_lake.correction.fit_lake import fit_rows, slopes_of
from cte_lake.correction.followed import FitRequest
from cte_lake.correction.memory_lake import MemoryLake
from cte_lake.errors import FitRefused, UsageError
from cte_lake.model.bins import non_overlapping
from cte_lake.model.closure import ClosureOptions, ClosureResult, Realisation, collect, judge
from cte_lake.model.injection import Injection, SimulatedPair, simulate_pair
from cte_lake.model.points import from_table

#: What the pairs are said to be of; the views keep apart what differs in it.
_PARTITION: dict[str, Any] = {"target": "ngc104", "proposal": 14378, "flash": 0, "filetype": "flt"}
#: Days between the two exposures of a pair.
_SPACING = 0.012


def run_closure(
    realisations: int,
    setup: Injection | None = None,
    options: ClosureOptions | None = None,
    seed: int = 1,
    progress: Callable[[int], None] | None = None,
    settings: Settings | None = None,
) -> ClosureResult:
    """Simulate, measure, fit and correct many times.

    Each realisation is a lake in memory: the files of ``sql/`` pair its exposures, match its stars and
    measure the slopes, and what `cte_lake.correction.fit_lake` makes of these is compared with what was
    injected.

    Parameters
    ----------
    realisations : int
        How many; the mean of a pull is known to 1 / sqrt(realisations).
    setup : Injection, optional
        What is simulated; by default the polynomial law.
    options : ClosureOptions, optional
        How it is measured and fitted.
    seed : int, optional
        Of the first realisation; each has its own generator, so that a part of a run repeats exactly.
    progress : callable, optional
        Called with the number of realisations done.
    settings : Settings, optional
        Flux bins, clip, aperture and the rest of ``measure``; by default those of the package.

    Raises
    ------
    UsageError
        If fewer than 2 realisations are asked for.
    FitRefused
        If fewer than 2 realisations could be fitted; with the last reason.
    """
    if realisations < 2:
        raise UsageError(f"{realisations} realisations have no scatter; ask for 2 or more")
    setup, options = setup or Injection(), options or ClosureOptions()
    settings = settings or load_settings(environment={})
    bins = non_overlapping(settings.config.measure.flux_bins)
    judged: list[Realisation] = []
    reason = ""
    # One thread repeats every digit, and a lake of this size gains nothing from a second.
    lake = MemoryLake(settings.config, views=("cte",), threads=1)
    with lake:
        for number in range(realisations):
            generator = np.random.default_rng([seed, number])
            pairs = [simulate_pair(setup, mjd, generator) for mjd in setup.mjd]
            try:
                judged.append(_realise(lake, pairs, setup, options, settings, bins))
            except FitRefused as refusal:
                reason = str(refusal)
            if progress:
                progress(number + 1)
    if len(judged) < 2:
        raise FitRefused(
            f"{realisations - len(judged)} of {realisations} realisations could not be fitted: {reason}"
        )
    return collect(setup, options, bins, judged, realisations - len(judged))


def _realise(
    lake: MemoryLake,
    pairs: Sequence[SimulatedPair],
    setup: Injection,
    options: ClosureOptions,
    settings: Settings,
    bins: Sequence[tuple[float, float]],
) -> Realisation:
    measure = settings.config.measure
    request = FitRequest(
        aperture=measure.aperture, estimator=options.estimator, robust=options.robust, time_degree=2
    )
    lake.fill(*lake_tables(pairs, setup, measure.aperture))
    rows = slopes_of(lake, request)
    fitted = fit_rows(rows, request, settings.hash(), "closure").coefficients
    return judge(setup, pairs, from_table(rows, request.min_stars), fitted, bins)


def lake_tables(
    pairs: Sequence[SimulatedPair], setup: Injection, radius: int = 3
) -> tuple[pa.Table, pa.Table]:
    """Return simulated pairs as rows of the datasets ``exposures`` and ``phot``, a visit each.

    Parameters
    ----------
    pairs : sequence of SimulatedPair
        The pairs.
    setup : Injection
        What they were simulated with.
    radius : int, optional
        Aperture radius (px) under which the fluxes stand.

    Returns
    -------
    exposures, phot : pyarrow.Table
        Two exposures a pair, chip 2 first; with the columns that measuring needs, and the lake's partitions.
    """
    exposures, parts = [], []
    for number, pair in enumerate(pairs):
        sides = ((2, "a", -0.5, pair.y_2, pair.flux_2), (1, "b", 0.5, pair.y_1, pair.flux_1))
        for chip, letter, side, y, flux in sides:
            row = exposure_row(f"icte{number:02d}a{letter}q", chip, pair.mjd + side * _SPACING, flux.size)
            exposures.append(row)
            parts.append(photometry_table(row, setup.background, y, flux, radius))
    return pa.Table.from_pylist(exposures), pa.concat_tables(parts)


def exposure_row(rootname: str, chip: int, mjd: float, stars: int) -> dict[str, Any]:
    """Return a row of the dataset ``exposures`` for a simulated exposure."""
    imagename = f"{rootname}_{_PARTITION['filetype']}.fits"
    return _PARTITION | {
        "imagename": imagename, "rootname": rootname, "targname": "NGC104", "visit": rootname[4:-3],
        "filter": "F502N", "exptime": 348.0, "length": "l", "mjd": mjd, "chinject": "NONE", "chip": chip,
        "postarg1": 0.0, "postarg2": 82.0 if chip == 1 else 0.0, "n_stars": stars, "n_measured": stars,
        "mode": "standard", "engine": "simulated", "settings": "{}", "settings_hash": "closure",
        "rules_hash": "closure", "cal_ver": "sim", "pctecorr": "OMIT", "pam": "distortion",
        "master_hash": "closure", "path": f"/simulated/{imagename}", "checksum": "closure", "file_size": 0,
        "file_mtime_ns": 0, "phot_key": f"{chip:08x}", "revision": 1, "withdrawn": False,
        "software": "cte-lake",
    }  # fmt: skip


def photometry_table(row: dict[str, Any], sky: float, y: Any, flux: Any, radius: int = 3) -> pa.Table:
    """Return the rows of ``phot`` of a simulated exposure."""
    n = flux.size
    area = math.pi * radius**2
    columns = {name: pa.repeat(pa.scalar(row[name]), n) for name in _PARTITION}
    return pa.table(
        columns
        | {
            "imagename": pa.repeat(row["imagename"], n), "phot_key": pa.repeat(row["phot_key"], n),
            "master_id": np.arange(1, n + 1), "x": np.full(n, 2048.0), "y": y, "ra": np.zeros(n),
            "dec": np.zeros(n), f"flux_r{radius:02d}": flux, f"bkg_r{radius:02d}": np.full(n, sky * area),
            f"area_r{radius:02d}": np.full(n, area), "sky": np.full(n, sky),
            "flags": np.zeros(n, dtype=np.int32),
        }
    )  # fmt: skip
