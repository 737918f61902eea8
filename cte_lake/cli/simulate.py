"""The command ``simulate``: frames with a known loss."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cte_lake.cli.app import FRAMES, Options, app, say
from cte_lake.cli.options import JsonOption, ProgressOption, option
from cte_lake.names import one_of

if TYPE_CHECKING:
    from cte_lake.simulate.exposure import Settings
    from cte_lake.simulate.request import Request
    from cte_lake.simulate.simulate_program import SimulatedProgram


#: Options of a program that its request has by the same names.
_AS_THEY_ARE = (
    "proposal", "epochs", "exptime", "repeats",
    "wcs_shift", "wcs_rotation", "pointing", "recalibrated", "missing",
)  # fmt: skip


@dataclass(frozen=True)
class ProgramOptions(Options):
    """What is observed."""

    target: Annotated[
        list[str] | None,
        option(
            "--target",
            "Target: ngc104 (default), ngc6791, or ngc6583 (the 180-degree set); repeatable.",
            show_default=False,
        ),
    ] = None
    proposal: Annotated[int | None, option("--proposal", "Proposal number; default: that of each date.")] = (
        None
    )
    epochs: Annotated[int, option("--epochs", "Number of visits, spread over 2010 to 2016.", min=1)] = 1
    mjd: Annotated[
        list[float] | None, option("--mjd", "Date of a visit (MJD), instead of --epochs; repeatable.")
    ] = None
    flash: Annotated[list[int] | None, option("--flash", "Post-flash level, e-/px (0); repeatable.")] = None
    exptime: Annotated[float, option("--exptime", "Exposure time, s.")] = 348.0
    filter_: Annotated[str, option("--filter", "Filter: F502N or F606W.")] = "F502N"
    repeats: Annotated[int, option("--repeats", "Pairs per flash level in each visit.", min=1)] = 1
    wcs_shift: Annotated[
        float, option("--wcs-shift", "Largest error of the header's pointing, px.", min=0.0)
    ] = 0.0
    wcs_rotation: Annotated[
        float, option("--wcs-rotation", "Largest error of the header's roll, degrees.", min=0.0)
    ] = 0.0
    pointing: Annotated[
        str,
        option(
            "--pointing", "Headers: exact; gaia (the field moves against its frame); old (1 to 2 arcsec off)."
        ),
    ] = "exact"
    recalibrated: Annotated[
        float, option("--recalibrated", "Fraction of exposures with a newer calibration.", min=0.0, max=1.0)
    ] = 0.0
    missing: Annotated[
        int, option("--missing", "Number of missing exposures, each from a different pair.", min=0)
    ] = 0

    def request(self, seed: int) -> Request:
        """Return the observations to plan."""
        from cte_lake.simulate.request import Request

        return Request(
            targets=tuple(self.target or ("ngc104",)),
            dates=tuple(self.mjd or ()),
            flashes=tuple(self.flash or (0,)),
            filter=self.filter_,
            seed=seed,
            **{name: getattr(self, name) for name in _AS_THEY_ARE},
        )


@dataclass(frozen=True)
class FrameOptions(Options):
    """What the frames hold, and how they are written."""

    width: Annotated[int, option("--width", "Columns of the frames, centred; the height is always full.")] = (
        512
    )
    full_frame: Annotated[bool, option("--full-frame", "Simulate all 4096 columns.")] = False
    stars: Annotated[
        int | None, option("--stars", "Stars over 250 e- on a chip; default: as dense as the target.", min=1)
    ] = None
    structure: Annotated[
        str, option("--structure", "mast: all that files from the archive hold; plain: six planes.")
    ] = "mast"
    cosmic_rays: Annotated[
        bool, option("--cosmic-rays/--no-cosmic-rays", "Add cosmic rays to the frames.")
    ] = True
    trails: Annotated[bool, option("--trails", "Release the lost charge in trails behind the stars.")] = False
    compression: Annotated[str, option("--compression", "Compression: none, gz or fz (tiles).")] = "none"
    catalog: Annotated[
        str, option("--catalog", "File ending of the master catalog: cat, ecsv, csv, fits, vot or parquet.")
    ] = "cat"

    def settings(self, seed: int) -> Settings:
        """Return how the frames are made."""
        from cte_lake.simulate.detector import Detector
        from cte_lake.simulate.exposure import Settings
        from cte_lake.simulate.geometry import CHIP_COLUMNS
        from cte_lake.simulate.request import check_width

        rate = Detector.cosmic_ray_rate if self.cosmic_rays else 0.0
        columns = CHIP_COLUMNS if self.full_frame else check_width(self.width)
        return Settings(detector=Detector(cosmic_ray_rate=rate, trails=self.trails), width=columns, seed=seed)


@app.command(rich_help_panel=FRAMES)
def simulate(
    folder: Annotated[Path, typer.Argument(help="Folder to write to; created if missing.", metavar="DIR")],
    *,
    program: ProgramOptions,
    frames: FrameOptions,
    seed: Annotated[
        int, option("--seed", "Seed of the simulation; the same seed gives the same frames.", min=0)
    ] = 0,
    as_json: JsonOption = False,
    progress: ProgressOption = True,
) -> None:
    """Write frames with a known CTE loss: FLT and FLC, a master catalog, the truth.

    Below DIR, each target has a folder with data/ (the frames), TARGET_master.cat, truth.json
    (loss per pair and flux bin), pointings.json (true pointings) and law.json (what was injected).
    """
    from cte_lake.cli.terminal import progress_bar
    from cte_lake.simulate.request import plan_programs
    from cte_lake.simulate.simulate_program import simulate_programs
    from cte_lake.simulate.stars import catalog_suffix
    from cte_lake.simulate.write import ENDINGS, STRUCTURES

    suffix = catalog_suffix(frames.catalog)
    settings = frames.settings(seed)
    with progress_bar("simulate", progress) as report:
        done = simulate_programs(
            plan_programs(program.request(seed)),
            folder,
            settings,
            stars=frames.stars,
            compression=one_of("--compression", frames.compression, tuple(ENDINGS)),
            catalog_suffix=suffix,
            structure=one_of("--structure", frames.structure, STRUCTURES),
            progress=report,
        )
    if as_json:
        typer.echo(json.dumps([_as_dict(each) for each in done], indent=1))
    _print_summary(folder, done)


def _as_dict(done: SimulatedProgram) -> dict[str, object]:
    return {
        "frames": [str(path) for path in done.frames],
        "master": str(done.master),
        "truth": str(done.truth),
        "stars": done.stars,
    }


def _print_summary(folder: Path, done: list[SimulatedProgram]) -> None:
    size = sum(path.stat().st_size for each in done for path in each.frames) / 1e6
    count = sum(len(each.frames) for each in done)
    say(f"{count} files ({size:,.0f} MB) of {sum(len(each.pairs) for each in done)} pairs")
    for each in done:
        say(f"master catalog  {each.master} ({each.stars:,} stars)")
        say(f"truth           {each.truth}")
    name = done[0].master.name.partition("_")[0]
    say("try next:")
    say("  cte-lake init LAKE")
    say(f"  cte-lake master import {done[0].master} --target {name} --lake LAKE")
    say(f"  cte-lake run {folder} --lake LAKE")
