"""Losses that shapes and sky imitate, before and after the correction, on frames that lose and that do not.

    python benchmarks/growth_curve.py frames [--seeds N] [--case NAME]
    python benchmarks/growth_curve.py sky                 what the local sky's error is at each level of sky

`frames`: pairs of 640 columns of NGC 104 (FLT, r = 3 px unless said), flash 0, without cosmic rays and hot
pixels; mean over the seeds, in points of a percent. `loss` and `corrected` are weighted means over the flux
bins, `sky` and `both` the loss of 250 to 500 e- with these corrections. A bin holds fainter stars at a wider
radius, and counts otherwise; `same` is what the same stars lose at a radius less what they lose at 3 px, with
the correction `growth` (bins by their flux at 3 px).
`sky`: apertures on a sky without stars, of Poisson and read noise, measured as stars are.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from shift import CLEAN, make_lake, measure

from cte_lake import Lake, open_lake
from cte_lake.config import load_settings
from cte_lake.model.estimators import clip_about_line, fit_line
from cte_lake.model.loss_unit import CHIP_HEIGHT
from cte_lake.photometry.arrays import PixelData
from cte_lake.photometry.engine import measure as measure_stars
from cte_lake.photometry.modes import settings_for
from cte_lake.simulate import NO_LOSS, CTELaw, Detector, Optics, Settings
from cte_lake.views.audits import audits

_WITHOUT: dict[str, Any] = {"law": NO_LOSS}
CASES: dict[str, dict[str, Any]] = {
    "alike, no loss": _WITHOUT,
    "10% wider at the edges, no loss": {**_WITHOUT, "optics": Optics(0.1, "edges")},
    "the core alone, no loss": {**_WITHOUT, "optics": Optics(0.1, "edges", blurred=True)},
    "10% wider from bottom to top, no loss": {**_WITHOUT, "optics": Optics(0.1, "tilt")},
    "10% wider at both ends of a chip, no loss": {**_WITHOUT, "optics": Optics(0.1, "bowl")},
    "10% wider from left to right, no loss": {**_WITHOUT, "optics": Optics(0.1, "columns")},
    "sky rises by 20 e-/px, no loss": {**_WITHOUT, "optics": Optics(sky_gradient=20.0)},
    "sky rises by 20 e-/px to the gap, no loss": {
        **_WITHOUT,
        "optics": Optics(sky_gradient=20.0, sky_form="gap"),
    },
    "alike, charge lost for good": {"law": CTELaw()},
    "crowded, charge lost for good": {"law": CTELaw(), "stars": 6000},
    "alike, trails of 6 px": {"detector": Detector(**CLEAN, trails=True)},
    "alike, trails of 1.5 px": {"detector": Detector(**CLEAN, trails=True, trail_length=1.5)},
}


def _losses(root: Path, correction: str, aperture: int) -> tuple[np.ndarray, np.ndarray]:
    settings = load_settings(root, {"measure.shape_correction": correction}, environment={})
    with open_lake(root, settings=settings) as lake:
        rows = lake.losses(aperture=aperture, filetype="flt").rows()
    rows.sort(key=lambda row: row["bin_lo"])
    return np.array([row["loss"] for row in rows]), np.array([row["loss_err"] for row in rows])


def _same_stars(lake: Lake, aperture: int) -> tuple[float, float]:
    """Return by how much more the same stars lose at a radius than at 3 px, corrected; and its error."""
    stars = lake.sql(
        "SELECT one.y, ln(two.ratio / one.ratio) AS more, one.mean_flux FROM ratios(aperture := 3) AS one "
        f"JOIN ratios(aperture := {aperture}) AS two USING (pair_id, master_id) "
        "WHERE one.filetype = 'flt' AND two.filetype = 'flt' ORDER BY master_id"
    ).arrow()
    y, more, flux = (stars[name].to_numpy() for name in ("y", "more", "mean_flux"))
    found = []
    for row in lake.losses(aperture=3, filetype="flt").rows():
        inside = (flux > row["bin_lo"]) & (flux < row["bin_hi"])
        kept = clip_about_line(y[inside], more[inside], 4.0)
        found.append(fit_line(y[inside][kept], more[inside][kept])[:2])
    slope, error = np.array(found).T * CHIP_HEIGHT / 2
    three, wide = (
        lake.growth_loss(aperture=r, filetype="flt").rows()[0]["growth_loss"] for r in (3, aperture)
    )
    difference = float(np.average(slope, weights=error**-2)) - (wide - three)
    return difference, float(np.sum(error**-2.0) ** -0.5)


def _of_lake(root: Path) -> dict[str, Any]:
    names = ("shapes_imitate_loss", "sky_imitates_loss")
    queries = [each.query for each in audits() if each.name in names]
    with open_lake(root) as lake:
        found: dict[str, Any] = dict(lake.growth_loss(filetype="flt").rows()[0])
        found["told"] = any(lake.sql(query).rows() for query in queries)
        for aperture in (5, 7, 10):
            found[f"same{aperture}"], found[f"same_err{aperture}"] = _same_stars(lake, aperture)
    for aperture in (3, 5, 7, 10):
        for correction in ("none", "growth", "sky", "both") if aperture == 3 else ("none", "growth"):
            loss, error = _losses(root, correction, aperture)
            found[f"{correction}{aperture}"] = np.average(loss, weights=error**-2)
            found[f"faint_{correction}{aperture}"] = loss[0]
            found[f"{correction}_err{aperture}"] = float(np.sum(error**-2) ** -0.5)
            found[f"faint_{correction}_err{aperture}"] = error[0]
    return found


def sky() -> None:
    """Print what is left of a sky within 3 px, and the loss that it imitates if the sky rises to the gap."""
    rng, settings = np.random.default_rng(1), settings_for("standard")
    at, shape = settings.radii.index(3), (1024, 4096)
    left = {}
    print("| sky, e-/px | local sky less true sky, e-/px | left within 3 px, e- |\n|---|---|---|")
    for level in (1.7, 5.0, 12.0, 21.7, 42.0):
        noise = np.hypot(np.sqrt(level), 3.1)
        frame = rng.poisson(level, shape) + rng.normal(0.0, 3.1, shape) - level
        x, y = rng.uniform(20, 4075, 20_000), rng.uniform(20, 1003, 20_000)
        image = PixelData(frame.astype(np.float32), np.full(shape, noise, np.float32), None, None)
        stars = measure_stars(image, x, y, settings)
        light = stars.flux[:, at]
        left[level] = light.mean()
        error = light.std() / light.size**0.5
        print(f"| {level:g} | {stars.sky.mean():+.3f} | {left[level]:+.2f} +- {error:.2f} |", flush=True)
    rise = left[21.7] - left[1.7]
    imitated = ", ".join(f"{-100 * rise / flux:+.1f} at {flux} e-" for flux in (250, 375, 500))
    print(f"\nA sky that rises from 1.7 to 21.7 e-/px to the gap imitates {imitated} (points per 2048 rows).")


def main() -> None:
    """Print a part."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("part", choices=["frames", "sky"])
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--case", action="append", choices=[*CASES])
    asked = parser.parse_args()
    if asked.part == "frames":
        frames(asked.seeds, asked.case or [*CASES])
    else:
        sky()


def frames(count: int, cases: list[str]) -> None:
    """Print losses and what imitates them, for each kind of frames."""
    seeds = range(200, 200 + count)
    print(
        "| frames | growth_loss | loss | corrected | r = 5 | r = 7 | r = 10 | sky_loss | 250-500 e-, r = 3 "
        "| sky | both | audits | same, r = 5 | r = 7 | r = 10 |"
    )
    print("|---" * 15 + "|")
    for name in cases:
        case, found = CASES[name], []
        for seed in seeds:
            asked: dict[str, Any] = {"detector": Detector(**CLEAN), "width": 640, "seed": seed} | case
            stars = asked.pop("stars", 1500)
            settings = Settings(**asked)
            with tempfile.TemporaryDirectory() as folder:
                found.append(_of_lake(measure(make_lake(Path(folder), settings, stars=stars))))

        def text(key: str, error: str, found: list[dict[str, Any]] = found) -> str:
            value = 100 * np.mean([each[key] for each in found])
            return f"{value:+.2f} +- {100 * np.mean([each[error] for each in found]) / len(found) ** 0.5:.2f}"

        wide = " | ".join(text(f"growth{aperture}", f"growth_err{aperture}") for aperture in (5, 7, 10))
        faint = (text(f"faint_{kind}3", f"faint_{kind}_err3") for kind in ("none", "sky", "both"))
        told = sum(each["told"] for each in found)
        print(
            f"| {name} | {text('growth_loss', 'growth_loss_err')} | {text('none3', 'none_err3')} "
            f"| {text('growth3', 'growth_err3')} "
            f"| {wide} | {text('sky_loss', 'sky_loss_err')} | {' | '.join(faint)} "
            f"| {told} of {len(found)} "
            f"| {' | '.join(text(f'same{aperture}', f'same_err{aperture}') for aperture in (5, 7, 10))} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
