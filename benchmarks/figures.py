"""Draw the figures of docs/figures.md from simulated photometry of the monitor, 2009 to 2026.

    python benchmarks/figures.py [--folder docs/images/figures] [KIND ...]

Two clusters with a visit a year, short and long, FLT and FLC, post-flash levels up to 116 e-/px from 2012
on, and the 180-degree set; 1,500 stars a chip. Takes a CPU minute.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from matplotlib.figure import Figure
from PIL import Image

from cte_lake import clock
from cte_lake.config import Settings, load_settings
from cte_lake.correction.chip_lake import ChipRequest, kept_rows, solve_chips
from cte_lake.correction.fit_lake import fit_lake
from cte_lake.correction.followed import FitRequest
from cte_lake.correction.memory_lake import MemoryLake
from cte_lake.lake.selection import Selection
from cte_lake.model.coefficients import CoefficientSet
from cte_lake.model.loss_unit import MAGNITUDES
from cte_lake.plots.field import field_plot
from cte_lake.plots.style import save
from cte_lake.report.figures import KINDS, Request, draw
from cte_lake.report.thumbnails import picture
from cte_lake.simulate.detector import Detector
from cte_lake.simulate.exposure import Settings as Simulated
from cte_lake.simulate.program import TARGETS, Program, nominal_program, program_180
from cte_lake.simulate.simulate_program import simulate_program

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from benchmarks.simulated_photometry import draw_stars, simulate_program_photometry

SEED = 16
STARS = 1500
FIRST, LAST, FLASHED, YEAR = 55110.0, 61200.0, 56260.0, 365.25
FLASHES = {"ngc104": (0, 6, 12, 33, 55, 116), "ngc6791": (0, 12)}
#: Width of the pictures, px, and colours: small, and still legible.
WIDTH, COLOURS = 760, 256
#: How the figures of the page differ from what `plot KIND` draws by itself.
PLAIN = Selection(target=("ngc104",), flash=(0,), length=("l",))
ASKED: dict[str, Request] = {
    "ratio-y": Request(selection=replace(PLAIN, filetype=("flt",))),
    "recovery": Request(selection=replace(PLAIN, target=tuple(FLASHES))),
    "cte-time": Request(unit=MAGNITUDES),
    "cte-flux": Request(selection=Selection(filetype=("flt",), flash=(0,))),
    "star": Request(selection=PLAIN, star=17),
}


def programs() -> Iterator[Program]:
    """All that was observed."""
    for number, (name, flashes) in enumerate(FLASHES.items()):
        target, epochs = (
            TARGETS[name],
            [FIRST + 20 * number + YEAR * k for k in range(int((LAST - FIRST) / YEAR))],
        )
        yield nominal_program(target, tuple(epoch for epoch in epochs if epoch < FLASHED))
        yield nominal_program(target, tuple(epoch for epoch in epochs if epoch >= FLASHED), flashes=flashes)
        # Short exposures are visits of their own, a day later.
        apart = replace(target, first_visit=70 + 15 * number)
        yield nominal_program(apart, tuple(epoch + 1 for epoch in epochs), exptime=30.0)
    yield program_180(exptimes=(348.0, 30.0))


def filled(settings: Settings, noise: int = 0) -> MemoryLake:
    """A lake of their photometry; another `noise` is the same stars measured otherwise."""
    lake = MemoryLake(settings.config)
    measured = Simulated(seed=SEED + noise, detector=Detector(trails=True))
    images = [
        image
        for program in programs()
        for image in simulate_program_photometry(
            program, draw_stars(program.target, STARS, seed=SEED), measured, scatter=0.01
        )
    ]
    keys = ("target", "proposal", "flash", "filetype")
    exposures = pa.Table.from_pylist([image.record for image in images])
    phot = [
        pa.table(image.columns | {key: [image.record[key]] * len(image.true_flux) for key in keys})
        for image in images
    ]
    lake.fill(exposures, pa.concat_tables(phot))
    return lake


def fitted(lake: MemoryLake, settings: Settings) -> tuple[CoefficientSet, ...]:
    """A coefficient set a cluster and length of exposures."""
    chosen = [
        Selection(target=(target,), length=(length,), flash=(0,), filetype=("flt",))
        for target in FLASHES
        for length in ("l", "s")
    ]
    return tuple(
        fit_lake(lake, FitRequest(each), settings.hash(), f"set-{number}").coefficients
        for number, each in enumerate(chosen)
    )


def frame() -> Figure:
    """A frame of 640 columns with its stars."""
    with TemporaryDirectory() as folder:
        simulated = simulate_program(
            nominal_program(TARGETS["ngc104"], (57601.3,)), Path(folder), Simulated(seed=SEED, width=640),
            filetypes=("flt",), star_truth=True,
        )  # fmt: skip
        path = simulated.frames[0]
        shown = picture(path, 2, 1200)
        stars = pq.read_table(Path(folder) / "stars" / f"{path.name[:9]}.parquet")
    stars = stars.filter(pc.equal(stars["chip"], 2))
    return field_plot(shown.pixels, stars, 2, shown.step, path.name, "NGC 104, simulated, 640 columns.")


def shrink(path: Path, place: Path) -> None:
    """Make a picture small: as wide as a page's text, few colours."""
    with Image.open(path) as picture_:
        width = WIDTH if picture_.width > picture_.height else WIDTH * picture_.width // picture_.height
        height = round(picture_.height * width / picture_.width)
        small = picture_.convert("RGB").resize((width, height), Image.Resampling.LANCZOS)
    small.quantize(COLOURS, dither=Image.Dither.NONE).save(place, optimize=True)


def main() -> None:
    """Draw them."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--folder", type=Path, default=Path("docs/images/figures"))
    parser.add_argument("kinds", nargs="*", metavar="KIND", default=list(KINDS))
    arguments = parser.parse_args()
    arguments.folder.mkdir(parents=True, exist_ok=True)
    settings = load_settings(environment={})
    measure = settings.config.measure
    with filled(settings) as lake, TemporaryDirectory() as scratch:
        sets = fitted(lake, settings) if {*arguments.kinds} - {"chips"} else ()
        if "chips" in arguments.kinds:
            flt = Selection(target=("ngc104",), length=("l",), filetype=("flt",))
            lake.keep(kept_rows(solve_chips(lake, ChipRequest(flt)), clock.now()))
        for kind in arguments.kinds:
            asked = replace(
                ASKED.get(kind, Request()), aperture=measure.aperture, estimator=measure.estimator,
                time_bins=tuple(measure.time_bins), coefficients=sets,
            )  # fmt: skip
            if kind == "compare":
                asked = replace(asked.beside(filled(settings, noise=1)), names=("first", "second"))
            figure = frame() if kind == "field" else draw(kind, lake, asked).figure
            save(figure, Path(scratch, f"{kind}.png"))
            shrink(Path(scratch, f"{kind}.png"), arguments.folder / f"{kind}.png")
            print(kind, f"{(arguments.folder / f'{kind}.png').stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
