"""The demo itself: a small simulated program through init, import, align, crmask, ingest and measure."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any

from cte_lake.demo.result_lines import BINS, DemoResult, Recovered
from cte_lake.errors import UsageError

if TYPE_CHECKING:
    from cte_lake.api import Lake
    from cte_lake.lake.stored import StoredLake


#: Free space asked for, bytes; the demo uses about half of it.
SPACE = 2_000_000_000
MARK = "demo.json"

Say = Callable[[str], None]


@dataclass(frozen=True)
class DemoScale:
    """How large a demo's program is.

    Attributes
    ----------
    epochs : tuple of float
        Dates (MJD) of the visits to NGC 104.
    flashes : tuple of int
        Post-flash levels, e-/px; 0 must be one of them.
    width : int
        Columns of the frames.
    stars : int
        Stars over 250 e- on a chip.
    """

    epochs: tuple[float, ...] = (55500.0, 56200.0, 56900.0, 57601.3)
    flashes: tuple[int, ...] = (0, 12)
    width: int = 512
    stars: int = 1200


def run_demo(
    folder: Path,
    *,
    seed: int = 1,
    workers: int = 2,
    say: Say = lambda _: None,
    scale: DemoScale | None = None,
) -> DemoResult:
    """Simulate a program, take it through init, import, ingest and measure, and compare.

    Parameters
    ----------
    folder : Path
        New, empty, or the folder of an earlier demo.
    seed : int
        Seed of the simulation; same seed, same frames.
    workers : int
        Worker processes of the ingest.
    say : callable
        Takes one line of talk.
    scale : DemoScale, optional
        How large the program is.

    Raises
    ------
    UsageError
        If the folder holds something else, or the disk is too full.
    """
    from cte_lake import open_lake

    started = perf_counter()
    _claim(folder)
    truth = _simulate(folder / "frames", scale or DemoScale(), seed, say)
    lake = _ingest(folder, workers, say)
    with open_lake(lake) as opened:
        rows = _compare(opened, truth)
        figures = draw_figures(opened, folder / "figures")
    say(f"[5/5] measure {len(rows)} losses of {len(truth)} pairs, FLT and FLC; {len(figures)} figures drawn")
    return DemoResult(folder / "frames", lake, figures, rows, perf_counter() - started)


def _claim(folder: Path) -> None:
    """Make the folder, or make sure that it is an earlier demo's."""
    if folder.exists() and not folder.is_dir():
        raise UsageError(f"{folder} is a file; name a new folder for the demo.")
    if folder.is_dir() and any(folder.iterdir()) and not (folder / MARK).is_file():
        raise UsageError(f"{folder} is not empty and no demo's; name a new folder for the demo.")
    folder.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(folder).free
    if free < SPACE:
        raise UsageError(f"{folder} has {free / 1e9:.1f} GB left; the demo asks for {SPACE / 1e9:.0f} GB.")
    if not (folder / MARK).is_file():
        _mark(folder)


def _mark(folder: Path, **frames: Any) -> None:
    """Say in a file that a folder is a demo's, and which frames are whole in it."""
    text = json.dumps({"made_by": "cte-lake demo"} | frames)
    (folder / MARK).write_text(f"{text}\n", encoding="utf-8")


def _there(folder: Path, stated: dict[str, Any]) -> list[dict[str, Any]] | None:
    """Return the true pairs of an earlier demo's frames; None if there is none by this scale and seed."""
    try:
        mark = json.loads((folder / MARK).read_text(encoding="utf-8"))
    except ValueError:
        return None
    if not isinstance(mark, dict) or mark.get("stated") != stated:
        return None
    if not all((folder / name).is_file() for name in mark["frames"]):
        return None
    pairs: list[dict[str, Any]] = mark["pairs"]
    return pairs


def _simulate(frames: Path, scale: DemoScale, seed: int, say: Say) -> list[dict[str, Any]]:
    """Make the frames, unless an earlier demo left them: files that are new are aligned and masked again."""
    from cte_lake import __version__
    from cte_lake.simulate import TARGETS, Settings, nominal_program, program_180, simulate_programs

    stated = json.loads(json.dumps({"version": __version__, "seed": seed, "scale": asdict(scale)}))
    if (pairs := _there(frames.parent, stated)) is not None:
        say("[1/5] frames  are there, of an earlier demo")
        return pairs
    started = perf_counter()
    programs = [nominal_program(TARGETS["ngc104"], scale.epochs, flashes=scale.flashes), program_180()]
    done = simulate_programs(programs, frames, Settings(width=scale.width, seed=seed), stars=scale.stars)
    files = [path for each in done for path in each.frames]
    size = sum(path.stat().st_size for path in files) / 1e9
    say(f"[1/5] made    {len(files)} frames (FLT, FLC; {size:.1f} GB) in {perf_counter() - started:.0f} s:")
    flashes = " and ".join(map(str, scale.flashes))
    say(f"              NGC 104 ({len(scale.epochs)} epochs, flash {flashes}) and NGC 6583 (180 degrees)")
    pairs = [pair for each in done for pair in each.pairs]
    names = [str(path.relative_to(frames.parent)) for path in files]
    _mark(frames.parent, stated=stated, frames=names, pairs=pairs)
    return pairs


def _ingest(folder: Path, workers: int, say: Say) -> StoredLake:
    from cte_lake.config import load_settings
    from cte_lake.lake.create import create_lake
    from cte_lake.lake.stored import stored
    from cte_lake.pipeline.dask import WorkerSettings
    from cte_lake.pipeline.ingest import IngestArguments, ingest
    from cte_lake.pipeline.master_import import import_master

    lake = stored(folder / "lake")
    create_lake(lake)
    settings = load_settings(lake, {})
    imported = 0
    for target in ("ngc104", "ngc6583"):
        catalog = folder / "frames" / target / f"{target}_master.cat"
        imported += import_master(lake, catalog, target, settings.config).n_stars
    say(f"[2/5] lake    made, {imported:,} stars of 2 master catalogs imported")
    common: dict[str, Any] = {
        "lake": lake, "paths": (str(folder / "frames"),), "settings": settings,
        "workers": WorkerSettings.of(settings.config.workers, workers),
    }  # fmt: skip
    _prepare(common, say)
    report = ingest(IngestArguments(**common))
    if report.rejected:
        first = report.rejected[0]
        raise RuntimeError(f"the ingest refused a simulated frame: {first['path']}: {first['detail']}")
    say(f"[4/5] ingest  {report.measured} frames, {report.stars:,} star rows in {report.seconds:.0f} s")
    return lake


def _prepare(common: dict[str, Any], say: Say) -> None:
    """Align the frames and mask their cosmic rays, as `run` does."""
    from cte_lake.pipeline.align.align_exposures import align
    from cte_lake.pipeline.carry_out import StageArguments
    from cte_lake.pipeline.crmask.mask_exposures import find_cosmic_rays

    started = perf_counter()
    aligned = align(StageArguments(**common))
    masked = find_cosmic_rays(StageArguments(**common))
    failed = [*aligned.quarantined, *aligned.rejected, *masked.rejected]
    if failed:
        raise RuntimeError(f"a simulated frame could not be prepared: {failed[0]['detail']}")
    seconds = perf_counter() - started
    say(f"[3/5] prepare {aligned.aligned} exposures aligned, {len(masked.masked)} masked in {seconds:.0f} s")


def _compare(lake: Lake, truth: list[dict[str, Any]]) -> tuple[Recovered, ...]:
    """Put each measured loss beside the injected one of the same pair and bin."""
    injected = {}
    for pair in truth:
        second = pair.get("chip2") or pair["second"]
        first = pair.get("chip1") or pair["first"]
        for entry in pair["cte_per_2048"]:
            for filetype, key in (("flt", "loss"), ("flc", "loss_flc")):
                names = (f"{first}_{filetype}.fits", f"{second}_{filetype}.fits")
                injected[*names, float(entry["lo"]), float(entry["hi"])] = entry[key], pair.get("chip")
    rows = []
    estimator = lake.settings().config.measure.estimator
    for row in lake.cte(estimator=estimator).rows():
        known = injected.get((row["image_1"], row["image_2"], row["bin_lo"], row["bin_hi"]))
        if known is None or known[0] is None or row["cte_loss"] is None or not row["cte_loss_err"]:
            continue
        rows.append(
            Recovered(
                target=row["target"], date=row["mjd"], flash=row["flash"], filetype=row["filetype"],
                chip=known[1], bin_lo=row["bin_lo"], bin_hi=row["bin_hi"], n=row["n"],
                loss=row["cte_loss"], loss_err=row["cte_loss_err"], injected=known[0],
            )
        )  # fmt: skip
    return tuple(rows)


_FILES = {"ratio-y": "ratio_vs_y.png", "cte-time": "loss_vs_time.png"}


def draw_figures(lake: Lake, folder: Path) -> tuple[Path, ...]:
    """Draw ``ratio_vs_y.png`` and ``loss_vs_time.png`` of a demo's lake."""
    from cte_lake.lake.selection import Selection
    from cte_lake.plots.style import save
    from cte_lake.report.figures import draw
    from cte_lake.report.figures.request import Request

    folder.mkdir(parents=True, exist_ok=True)
    measure = lake.settings().config.measure
    selection = Selection(target=("ngc104",), flash=(0,), filetype=("flt",))
    asked = Request(selection, measure.aperture, measure.estimator, bins=BINS)
    for kind, name in _FILES.items():
        figure = draw(kind, lake, asked).figure
        figure.text(0.995, 0.005, "simulated", ha="right", va="bottom", fontsize="small", color="gray")
        save(figure, folder / name)
    return tuple(folder / name for name in _FILES.values())
