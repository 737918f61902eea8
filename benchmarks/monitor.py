"""A simulated monitor of 2009 to 2026: what the commands say of it, and its losses against the truth.

python benchmarks/monitor.py            every step with its output, about two minutes
python benchmarks/monitor.py --stars 400

Two clusters, six post-flash levels, a calibration change in the middle, three missing partners, one visit
that never came; then everything is recalibrated.
"""

from __future__ import annotations

import argparse
import contextlib
import re
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cte_lake import open_lake
from cte_lake.config import load_settings
from cte_lake.lake.create import create_lake
from cte_lake.lake.stored import stored
from cte_lake.model.readout import CHIP_HEIGHT
from cte_lake.simulate import fill_lake
from cte_lake.simulate.law import readout_distance
from cte_lake.simulate.monitor import FIRST, FLASHES, RECALIBRATED, SECOND, Monitor

sys.path.insert(0, str(Path(__file__).parent))
from visits import scratch

FloatArray = NDArray[np.float64]
#: Bins whose losses are held against the truth, electrons.
BINS = ((500.0, 1000.0), (1000.0, 2000.0), (2000.0, 4000.0), (4000.0, 8000.0))


@dataclass(frozen=True)
class Closure:
    """Losses of one file type and generation against the truth.

    Attributes
    ----------
    filetype, generation : str
        What is compared.
    n : int
        Losses of pairs and bins.
    bias, bias_err : float
        Weighted mean of measured less true, in percent of the flux.
    pull_rms : float
        Root mean square of (measured - true) / error.
    """

    filetype: str
    generation: str
    n: int
    bias: float
    bias_err: float
    pull_rms: float


def fill(root: Path, monitor: Monitor, recalibrated: bool) -> int:
    """Put the monitor's images into a lake; returns their number."""
    lake = stored(root)
    return sum(
        fill_lake(
            lake, monitor.images(target, recalibrated), None if recalibrated else monitor.star_field(target)
        )
        for target in FLASHES
    )


def truth(monitor: Monitor, recalibrated: bool) -> dict[str, tuple[FloatArray, FloatArray, FloatArray]]:
    """Return row, measured flux and flux without noise (electrons) of the stars of each image."""
    parts = {state.cte_ver: state.flc_fraction for state in (FIRST, SECOND, RECALIBRATED)}
    law, found = monitor.settings.law, {}
    for target in FLASHES:
        for image in monitor.images(target, recalibrated):
            record, y = image.record, image.columns["y"]
            part = parts[record["cte_ver"]] if record["filetype"] == "flc" else 1.0
            distance = readout_distance(record["chip"], y)
            kept = image.true_flux * (1 - part * (1 - law.survival(image.true_loss / part, distance)))
            found[record["imagename"]] = (y, image.columns["flux_r03"], kept)
    return found


def closures(root: Path, monitor: Monitor, recalibrated: bool) -> list[Closure]:
    """Hold the losses of a lake's newest generations against the truth."""
    true = truth(monitor, recalibrated)
    with open_lake(root) as lake:
        rows = lake.view("cte_vs_flux", estimator="log_ratio", generation="all").rows()
    result = []
    for filetype, generation in sorted({(row["filetype"], row["generation"]) for row in rows}):
        pulls, offsets, errors = [], [], []
        for row in rows:
            if (row["filetype"], row["generation"]) == (filetype, generation) and (
                (row["bin_lo"], row["bin_hi"]) in BINS
            ):
                (_, flux_1, kept_1), (y, flux_2, kept_2) = true[row["image_1"]], true[row["image_2"]]
                mean = (flux_1 + flux_2) / 2
                inside = (mean > row["bin_lo"]) & (mean < row["bin_hi"])
                # The same stars without noise: the line through their ratios is the paired truth.
                slope = np.polyfit(y[inside], np.log(kept_1[inside] / kept_2[inside]), 1)[0]
                offsets.append(row["cte_loss"] - slope / 2 * CHIP_HEIGHT)
                errors.append(row["cte_loss_err"])
                pulls.append(offsets[-1] / errors[-1])
        weight = np.array(errors) ** -2
        bias = float(np.sum(weight * offsets) / weight.sum())
        result.append(
            Closure(filetype, generation, len(pulls), 100 * bias, 100 * float(weight.sum() ** -0.5),
                    float(np.sqrt(np.mean(np.square(pulls)))))
        )  # fmt: skip
    return result


def say(root: Path, *command: str) -> str:
    """Run a command of cte-lake on the lake and print what it says; exit codes of findings are no error."""
    line = [sys.executable, "-m", "cte_lake.cli.main", *command, "--lake", str(root)]
    done = subprocess.run(line, capture_output=True, text=True, check=False)
    told = (done.stdout + done.stderr).replace(str(root), "LAKE").rstrip()
    shown = " ".join(command).replace(str(root), "LAKE")
    print(f"\n$ cte-lake {shown}   (exit code {done.returncode})\n{told}", flush=True)
    return told


def page(root: Path) -> str:
    """Return the page's section on coverage as text."""
    html = (root / "reports" / "latest" / "index.html").read_text(encoding="utf-8")
    section = re.search(r'<h2 id="coverage">.*?(?=<h2)', html, re.DOTALL)
    return re.sub(r"\s*\n\s*", "\n", re.sub(r"<[^>]+>", "", section[0] if section else "")).strip()


def show(root: Path, monitor: Monitor, recalibrated: bool) -> None:
    """Print what the commands say of the lake, and the closure."""
    count = fill(root, monitor, recalibrated)
    print(
        f"\n=== {'After a recalibration of all' if recalibrated else 'As observed'}: {count} images",
        flush=True,
    )
    say(root, "coverage")
    say(root, "sql", "SELECT reason, count(*) AS n, min(detail) AS example FROM unpaired GROUP BY reason")
    say(root, "audit")
    say(root, "fit", "--target", "ngc104", "--flash", "0", "--filetype", "flc", "--bootstrap", "0")
    say(root, "run", str(root), "--steps", "measure,report")
    say(root, "status")
    print(f"\npage, section coverage:\n{page(root)}")
    for one in closures(root, monitor, recalibrated):
        print(
            f"{one.filetype} {one.generation}: {one.n} losses, measured less true "
            f"{one.bias:+.3f} +- {one.bias_err:.3f} %, rms pull {one.pull_rms:.2f}"
        )


def main(arguments: Sequence[str] | None = None) -> None:
    """Build the monitor, show it, recalibrate all, show it again."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--stars", type=int, default=1500, help="stars a chip")
    monitor = Monitor(stars=parser.parse_args(arguments).stars)
    with scratch() as folder, contextlib.suppress(KeyboardInterrupt):
        root = folder / "lake"
        create_lake(stored(root))
        load_settings(root, environment={})
        show(root, monitor, recalibrated=False)
        show(root, monitor, recalibrated=True)
        say(root, "compare", "--generation", "cte2", "cte3")


if __name__ == "__main__":
    main()
