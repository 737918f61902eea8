"""A simulated monitor of 2009 to 2026: what the commands say of it, and its losses against the truth.

python benchmarks/monitor.py            as photometry: every step with its output, about two minutes
python benchmarks/monitor.py --stars 400
python benchmarks/monitor.py --frames [--width COLUMNS] [--cadence DAYS] [--no-rays]     as frames that `run`
                                        aligns, masks and measures, every four years: seven CPU minutes
python benchmarks/monitor.py --short    as frames of 64 columns, seven visits, two levels: four CPU minutes

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
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cte_lake import open_lake
from cte_lake.config import load_settings
from cte_lake.lake.create import create_lake
from cte_lake.lake.stored import stored
from cte_lake.model.loss_unit import CHIP_HEIGHT
from cte_lake.simulate import TARGETS, Program, Settings, make_field, simulate_program
from cte_lake.simulate.law import readout_distance
from cte_lake.simulate.program import Visit, without

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from visits import scratch

from benchmarks.monitor_lake import FIRST, RECALIBRATED, SECOND, Calibration, Monitor
from benchmarks.simulated_photometry import fill_lake

FloatArray = NDArray[np.float64]
#: Bins whose losses are held against the truth, electrons.
BINS = ((500.0, 1000.0), (1000.0, 2000.0), (2000.0, 4000.0), (4000.0, 8000.0))

#: Steps of `run` on frames: all but fits and figures.
STEPS = "align,crmask,ingest,measure,report"


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
        for target in monitor.flashes
    )


def truth(monitor: Monitor, recalibrated: bool) -> dict[str, tuple[FloatArray, FloatArray, FloatArray]]:
    """Return row, measured flux and flux without noise (electrons) of the stars of each image."""
    parts = {state.cte_ver: state.flc_fraction for state in (FIRST, SECOND, RECALIBRATED)}
    law, found = monitor.settings.law, {}
    for target in monitor.flashes:
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
        offsets, errors = [], []
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
        result.append(closure(filetype, generation, offsets, errors))
    return result


def say(root: Path, *command: str) -> str:
    """Run a command of cte-lake on the lake and print what it says; exit codes of findings are no error."""
    line = [sys.executable, "-m", "cte_lake.cli.main", *command, "--lake", str(root)]
    done = subprocess.run(line, capture_output=True, text=True, check=False, timeout=7200)
    told = (done.stdout + done.stderr).replace(str(root), "LAKE").rstrip()
    shown = " ".join(command).replace(str(root), "LAKE")
    print(f"\n$ cte-lake {shown}   (exit code {done.returncode})\n{told}", flush=True)
    return told


def page(root: Path) -> str:
    """Return the page's section on coverage as text."""
    html = (root / "reports" / "latest" / "index.html").read_text(encoding="utf-8")
    section = re.search(r'<h2 id="coverage">.*?(?=<h2|</main|</body)', html, re.DOTALL)
    return re.sub(r"\s*\n\s*", "\n", re.sub(r"<[^>]+>", "", section[0] if section else "")).strip()


def programs(monitor: Monitor, target: str) -> dict[Calibration, Program]:
    """Return the visits of a target that came, without the exposures that are missing, by calibration."""
    found: dict[Calibration, list[Visit]] = {FIRST: [], SECOND: []}
    lacking = set()
    for name, number, visit in monitor.visits():
        if name == target:
            found[FIRST if visit.exposures[0].mjd < monitor.change else SECOND].append(visit)
            flashes = {plan.rootname: plan.flash for plan in visit.exposures}
            lacking |= {
                pair.second
                for pair in visit.pairs
                if (target, number, flashes[pair.second]) in monitor.missing
            }
    return {state: without(Program(TARGETS[target], tuple(of)), lacking) for state, of in found.items()}


def calibrated(program: Program, state: Calibration) -> Program:
    """Return a program whose headers are those of a calibration; CTE keywords count in FLCs alone."""
    cards = (("CTE_VER", state.cte_ver), ("PCTETAB", state.pctetab))
    stated = tuple(("PRIMARY", key, value) for key, value in cards)
    visits = tuple(
        replace(
            visit,
            exposures=tuple(
                replace(plan, cal_ver=state.cal_ver, overrides=stated) for plan in visit.exposures
            ),
        )
        for visit in program.visits
    )
    return replace(program, visits=visits)


def write_frames(folder: Path, monitor: Monitor, recalibrated: bool) -> tuple[int, list[dict[str, Any]]]:
    """Write the monitor's frames and master catalogs below a folder; returns their number and the truths."""
    count = 0
    truths: list[dict[str, Any]] = []
    for target in monitor.flashes:
        plan = programs(monitor, target)
        exposures = [exposure for program in plan.values() for exposure in program.exposures]
        field = make_field(
            exposures, width=monitor.settings.width, stars=monitor.stars, seed=monitor.settings.seed
        )
        for state, program in plan.items():
            now = RECALIBRATED if recalibrated else state
            detector = replace(monitor.settings.detector, flc_fraction=now.flc_fraction)
            done = simulate_program(
                calibrated(program, now), folder / target, replace(monitor.settings, detector=detector),
                field=field,
            )  # fmt: skip
            count, truths = count + len(done.frames), truths + done.pairs
    return count, truths


def frame_closures(root: Path, truths: list[dict[str, Any]]) -> list[Closure]:
    """Hold the losses of a lake's frames against the truth of their pairs."""
    stated = {
        (pair["chip2"], each["lo"], each["hi"]): each for pair in truths for each in pair["cte_per_2048"]
    }
    with open_lake(root) as lake:
        rows = lake.view("cte_vs_flux", estimator="mean_flux", generation="all").rows()
    result = []
    for filetype, generation in sorted({(row["filetype"], row["generation"]) for row in rows}):
        offsets, errors = [], []
        for row in rows:
            limits = (row["bin_lo"], row["bin_hi"])
            true = stated.get((row["image_2"][:9], *limits), {})
            true_loss = true.get("loss" if filetype == "flt" else "loss_flc")
            of = (row["filetype"], row["generation"]) == (filetype, generation) and limits in BINS
            if of and true_loss is not None and row["cte_loss_err"]:
                offsets.append(row["cte_loss"] - true_loss)
                errors.append(row["cte_loss_err"])
        result.append(closure(filetype, generation, offsets, errors))
    return result


def closure(filetype: str, generation: str, offsets: list[float], errors: list[float]) -> Closure:
    """Return the weighted mean and the pulls of losses less the truth."""
    weight = np.array(errors) ** -2
    bias = float(np.sum(weight * offsets) / weight.sum())
    pulls = np.array(offsets) / errors
    return Closure(
        filetype, generation, len(pulls), 100 * bias, 100 * float(weight.sum() ** -0.5),
        float(np.sqrt(np.mean(np.square(pulls)))),
    )  # fmt: skip


def show(
    root: Path, monitor: Monitor, recalibrated: bool, frames: Path | None = None, steps: str = STEPS
) -> None:
    """Print what the commands say of the lake, and the closure."""
    truths: list[dict[str, Any]] = []
    if frames is None:
        count, steps = fill(root, monitor, recalibrated), "measure,report"
    else:
        count, truths = write_frames(frames, monitor, recalibrated)
    print(
        f"\n=== {'After a recalibration of all' if recalibrated else 'As observed'}: {count} images",
        flush=True,
    )
    if frames is not None:
        for target in () if recalibrated else monitor.flashes:
            say(root, "master", "import", str(frames / target / f"{target}_master.cat"), "--target", target)
        say(root, "run", str(frames), "--steps", steps, "--workers", "0")
    say(root, "coverage")
    say(root, "sql", "SELECT reason, count(*) AS n, min(detail) AS example FROM unpaired GROUP BY reason")
    say(root, "audit")
    say(root, "fit", "--target", "ngc104", "--flash", "0", "--filetype", "flc", "--bootstrap", "0")
    say(root, "run", str(frames or root), "--steps", steps, "--workers", "0")
    say(root, "status")
    print(f"\npage, section coverage:\n{page(root)}")
    for one in frame_closures(root, truths) if frames else closures(root, monitor, recalibrated):
        print(
            f"{one.filetype} {one.generation}: {one.n} losses, measured less true "
            f"{one.bias:+.3f} +- {one.bias_err:.3f} %, rms pull {one.pull_rms:.2f}"
        )


def main(arguments: Sequence[str] | None = None) -> None:
    """Build the monitor, show it, recalibrate all, show it again."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--stars", type=int, help="stars a chip; default: 1500, of frames 400")
    parser.add_argument("--frames", action="store_true", help="frames instead of photometry")
    parser.add_argument("--short", action="store_true", help="frames of a few visits and two flash levels")
    parser.add_argument("--no-rays", action="store_true", help="frames without cosmic rays")
    parser.add_argument("--width", type=int, default=128, help="columns of the frames")
    parser.add_argument("--cadence", type=float, default=4 * 365.25, help="days between visits of frames")
    parser.add_argument("--steps", default=STEPS, help="steps of `run` on frames")
    given = parser.parse_args(arguments)
    monitor = Monitor(stars=given.stars or 1500)
    if given.short:
        monitor = short_monitor()
    elif given.frames:
        monitor = small_monitor(given.width, given.cadence, given.stars or 400)
    if given.no_rays:
        monitor = without_rays(monitor)
    with scratch() as folder, contextlib.suppress(KeyboardInterrupt):
        root = folder / "lake"
        create_lake(stored(root))
        load_settings(root, environment={})
        for recalibrated in (False, True):
            frames = folder / "frames" if given.frames or given.short else None
            show(root, monitor, recalibrated, frames, given.steps)
        say(root, "compare", "--generation", "cte2", "cte3")


def small_monitor(width: int, cadence: float, stars: int) -> Monitor:
    """Return a monitor of few visits for frames: the fourth visit of NGC 104 never came."""
    return Monitor(
        cadence=cadence, stars=stars, settings=Settings(width=width), never_came=(("ngc104", 3),),
        missing=(("ngc104", 1, 12), ("ngc104", 4, 0), ("ngc6791", 2, 0)),
    )  # fmt: skip


def short_monitor() -> Monitor:
    """Return a monitor of seven visits of two targets for frames: another calibration from 2015 on."""
    return Monitor(
        start=55800.0, stop=57900.0, cadence=500.0, change=57200.0, stars=300,
        never_came=(("ngc104", 3), ("ngc6791", 3), ("ngc6791", 4)),
        missing=(("ngc104", 1, 12), ("ngc104", 2, 0), ("ngc6791", 1, 0)),
        flashes={"ngc104": (0, 12), "ngc6791": (0,)}, settings=Settings(width=64, seed=1),
    )  # fmt: skip


def without_rays(monitor: Monitor) -> Monitor:
    """Return the monitor without cosmic rays."""
    detector = replace(monitor.settings.detector, cosmic_ray_rate=0.0)
    return replace(monitor, settings=replace(monitor.settings, detector=detector))


if __name__ == "__main__":
    main()
