"""Laws outside the family on lakes of stars: measured by the lake's own views, fitted, and corrected.

As benchmarks/laws.py, but nothing is drawn as a slope: stars have fluxes, rows and noise, chips lose 5% to
either side of their mean, visits scatter by 2%; the views pair, match, bin, clip and fit lines; `fit` gets
no option.

    python benchmarks/law_lakes.py [--law power] [--epochs 28] [--stars 4000] [--seed 1]
"""

from __future__ import annotations

import argparse
import time

import numpy as np
import pyarrow as pa

from cte_lake.config import load_settings
from cte_lake.correction.closure import exposure_row, photometry_table
from cte_lake.correction.fit_lake import fit_lake
from cte_lake.correction.followed import FitRequest
from cte_lake.correction.memory_lake import MemoryLake
from cte_lake.model.law_trial import judge_stars
from cte_lake.model.laws import LAWS
from cte_lake.model.slope_lake import SlopeLake


def tables(lake: SlopeLake, seed: int) -> tuple[pa.Table, pa.Table, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    exposures, parts, dates, skies = [], [], [], []
    for epoch, mjd in enumerate(np.linspace(lake.first, lake.last, lake.epochs)):
        for level, flash in enumerate(lake.flash):
            visit = epoch * lake.visits_per_epoch + level % lake.visits_per_epoch
            factor = 1.0 + lake.visit_scatter * np.random.default_rng([seed, visit]).normal()
            date = mjd + 0.2 * level
            flux = (80.0**-0.3 + rng.uniform(size=lake.stars) * (6e4**-0.3 - 80.0**-0.3)) ** (-1.0 / 0.3)
            y = rng.uniform(10.0, 2050.0, lake.stars)
            sky = lake.sky + flash
            for chip, letter, rows, at in ((2, "a", y, y), (1, "b", 2060.0 - y, y - 10.0)):
                left = lake.law_of(chip).left(flux, rows, date, sky, factor)
                noise = left + 9 * np.pi * (sky + lake.read_noise**2) + (lake.flat_error * left) ** 2
                measured = left + rng.normal(size=flux.size) * np.sqrt(noise)
                name = f"i{level}{epoch:02d}{visit % 90 + 10:02d}{letter}cq"
                row = exposure_row(name, chip, date + (0.006 if chip == 1 else -0.006), flux.size)
                row |= {"flash": int(flash), "visit": f"{visit % 90 + 10:02d}", "proposal": 11000 + epoch}
                exposures.append(row)
                parts.append(photometry_table(row, lake.sky, at, measured))
            dates.append(date)
            skies.append(sky)
    return pa.Table.from_pylist(exposures), pa.concat_tables(parts), np.array(dates), np.array(skies)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--law", action="append", choices=[*LAWS])
    parser.add_argument("--epochs", type=int, default=28)
    parser.add_argument("--stars", type=int, default=4000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    settings = load_settings(environment={})
    for name in options.law or ["power", "saturating", "over-corrected", "polynomial"]:
        lake = SlopeLake(LAWS[name], epochs=options.epochs, stars=options.stars)
        exposures, phot, dates, skies = tables(lake, options.seed)
        start = time.process_time()
        with MemoryLake(settings.config, views=("cte", "pairs"), threads=1) as opened:
            opened.fill(exposures, phot)
            found = fit_lake(opened, FitRequest(samples=200), settings.hash()).coefficients
        trial = judge_stars(lake, found, dates, skies)
        quality = found.quality
        print(
            f"{name:<15} pull {trial.pull.round(2).tolist()} worst % {(100 * trial.worst).round(2).tolist()} "
            f"unflagged {trial.unflagged.round(2).tolist()} {trial.form}, chips {quality['chips']:.4f} +- "
            f"{quality['chips_err']:.4f}, visits {quality['visit_scatter']:.3f}, "
            f"{quality['points']:.0f} slopes, {time.process_time() - start:.0f} CPU s",
            flush=True,
        )


if __name__ == "__main__":
    main()
