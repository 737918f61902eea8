"""The demo's two figures: flux ratio against row, and loss against time."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from cte_lake.demo.results import BINS

if TYPE_CHECKING:
    from cte_lake.api import Lake

_TARGET = "ngc104"
_LIMITS = " OR ".join(f"(s.bin_lo = {low} AND s.bin_hi = {high})" for low, high in BINS)
#: Stars of one pair in the bins, with the limits of the sigma clip.
_STARS = f"""
SELECT s.bin_lo, s.bin_hi, r.y, r.distance, r.ratio, r.ratio BETWEEN s.clip_lo AND s.clip_hi AS kept
FROM ratios AS r
INNER JOIN slopes AS s ON s.pair_id = r.pair_id
WHERE r.pair_id = $pair AND s.pair_id = $pair AND s.estimator = 'mean_flux' AND ({_LIMITS})
    AND r.mean_flux > s.bin_lo AND r.mean_flux < s.bin_hi
"""
#: Their lines, with the mean and spread of the distances that the band about a line needs.
_FITS = f"""
WITH spread AS (
    SELECT bin_lo, bin_hi, avg(distance) AS distance_mean, stddev_pop(distance) AS distance_std
    FROM ({_STARS})
    WHERE kept
    GROUP BY bin_lo, bin_hi
)
SELECT c.bin_lo, c.bin_hi, c.slope, c.slope_err, c.intercept, d.distance_mean, d.distance_std,
    c.cte_loss, c.cte_loss_err, c.n
FROM cte AS c
INNER JOIN spread AS d ON d.bin_lo = c.bin_lo AND d.bin_hi = c.bin_hi
WHERE c.pair_id = $pair AND c.estimator = 'mean_flux' AND c.slope_err IS NOT NULL
"""


def draw_figures(lake: Lake, folder: Path) -> tuple[Path, ...]:
    """Draw the figures of a demo's lake.

    Parameters
    ----------
    lake : Lake
        With pairs of NGC 104.
    folder : Path
        Made if it is not there.

    Returns
    -------
    tuple of Path
        ``ratio_vs_y.png``, ``loss_vs_time.png``.
    """
    from cte_lake.plots.ratio import ratio_plot
    from cte_lake.plots.style import save
    from cte_lake.plots.time import time_plot

    folder.mkdir(parents=True, exist_ok=True)
    latest = max(
        lake.cte(target=_TARGET, flash=0, filetype="flt", estimator="mean_flux").rows(),
        key=lambda row: (row["mjd"], row["pair_id"]),
    )
    stars = lake.sql(_STARS, pair=latest["pair_id"]).arrow()
    title = f"NGC 104, {latest['image_1'][:9]} over {latest['image_2'][:9]}, no post-flash"
    caption = "Simulated. Line: least squares after the sigma clip, band: 1 sigma, crosses: clipped stars."
    ratio = ratio_plot(stars, lake.sql(_FITS, pair=latest["pair_id"]).arrow(), title=title, caption=caption)
    series = lake.cte_vs_time(target=_TARGET, estimator="mean_flux").arrow()
    time = time_plot(series, title="CTE loss against time, NGC 104 (simulated)")
    paths = folder / "ratio_vs_y.png", folder / "loss_vs_time.png"
    for figure, path in zip((ratio, time), paths, strict=True):
        save(figure, path)
    return paths
