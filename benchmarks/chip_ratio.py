"""Frames of a detector that loses nothing, and of one whose chip 2 is brighter: is any flux bin off?

Pairs of frames at several dates are simulated, ingested (found, measured, masked by flags) and measured by
the lake's views, with and without loss; in every second case chip 2 is made brighter by 5%. Prints, for each
flux bin, the mean over the pairs of all seeds of measured less injected loss, and its error.

    python benchmarks/chip_ratio.py [--pairs 3] [--seeds 5] [--first 1] [--case WORDS] [--estimator log_ratio]
"""

from __future__ import annotations

import argparse
import json
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from astropy.io import fits

from benchmarks.shift import make_lake, measure
from cte_lake import open_lake
from cte_lake.simulate import NO_LOSS, TARGETS, CTELaw, Settings, nominal_program

CASES = {"no loss": (NO_LOSS, 1.0), "no loss, chip 2 brighter by 5%": (NO_LOSS, 1.05)}
CASES |= {"usual loss": (CTELaw(), 1.0), "usual loss, chip 2 brighter by 5%": (CTELaw(), 1.05)}


def brighten(folder: Path, factor: float) -> None:
    """Multiply the pixels of chip 2, and their errors."""
    for path in folder.glob("*_flt.fits"):
        with fits.open(path, mode="update") as frame:
            for hdu in frame:
                if hdu.name in ("SCI", "ERR") and frame["SCI", hdu.ver].header["CCDCHIP"] == 2:
                    hdu.data = hdu.data * np.float32(factor)


Losses = dict[tuple[float, float], list[tuple[float, float]]]


def fainter(law: CTELaw, factor: float, pair: dict[str, Any], one: dict[str, Any]) -> float:
    """Return by what the loss rises because a brighter chip lifts fainter stars into a bin."""
    flux = np.sqrt(one["lo"] * one["hi"]) * np.array([2.0 / (1.0 + factor), 1.0])
    there, whole = law.loss(pair["mjd"], flux, pair["background"])
    return float(there / whole) if whole > 0 else 1.0


def off(law: CTELaw, factor: float, pairs: int, seed: int, estimator: str) -> Losses:
    """Return for each flux bin, of each pair, measured less injected loss and its error."""
    dates = tuple(np.linspace(55500.0, 57700.0, pairs))
    with tempfile.TemporaryDirectory() as name:
        program = nominal_program(TARGETS["ngc104"], dates)
        root = make_lake(Path(name), Settings(law=law, width=640, seed=seed), program, stars=1500)
        frames = root.parent / "frames"
        brighten(frames / "data", factor)
        with open_lake(measure(root)) as lake:
            rows = lake.cte(filetype="flt", estimator=estimator).rows()
        known = {
            (entry["chip2"][:8], one["lo"], one["hi"]): one["injected"] * fainter(law, factor, entry, one)
            for entry in json.loads((frames / "truth.json").read_text())
            for one in entry["cte_per_2048"]
        }
    found: Losses = {}
    for row in rows:
        limits = (row["bin_lo"], row["bin_hi"])
        truth = known.get((row["image_1"][:8], *limits), known.get((row["image_2"][:8], *limits)))
        if truth is not None and row["cte_loss"] is not None:
            found.setdefault(limits, []).append((row["cte_loss"] - truth, row["cte_loss_err"]))
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--pairs", type=int, default=3)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--first", type=int, default=1, help="the first seed")
    parser.add_argument("--case", default="", help="only cases whose name begins with these words")
    parser.add_argument("--estimator", default="log_ratio")
    options = parser.parse_args()
    for name, (law, factor) in CASES.items():
        if not name.startswith(options.case):
            continue
        seeds = range(options.first, options.first + options.seeds)
        lakes = [off(law, factor, options.pairs, seed, options.estimator) for seed in seeds]
        means = {}
        for limits in lakes[0]:
            values, error = np.array([value for lake in lakes for value in lake[limits]]).T
            weight = error**-2.0
            means[limits] = (float(weight @ values / weight.sum()), float(weight.sum() ** -0.5))
        line = ", ".join(
            f"{lo:g}-{hi:g}: {mean:+.4f} +- {err:.4f}" for (lo, hi), (mean, err) in means.items()
        )
        worst = max(abs(mean / err) for mean, err in means.values())
        print(f"{name}: largest {worst:.1f} errors ({line})", flush=True)


if __name__ == "__main__":
    main()
