"""Simulate whole programs into a folder: frames, master catalog, truth."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from cte_lake.simulate.exposure import FileType, Settings, SimulatedExposure, simulate_exposure
from cte_lake.simulate.program import Program
from cte_lake.simulate.stars import StarField, make_field, master_table, write_master
from cte_lake.simulate.truth import pair_truth, pointing_truth
from cte_lake.simulate.write import Compression, Structure, write_exposure

#: What is written of each star: fields of `StarTruth`.
_STAR_COLUMNS = ("x", "y", "flux", "loss", "lost", "shift", "shift_flc")


@dataclass(frozen=True)
class SimulatedProgram:
    """Files of a simulated program and its truth: frames in time order, ``truth.json`` and its content."""

    frames: tuple[Path, ...]
    master: Path
    truth: Path
    pairs: list[dict[str, Any]]
    stars: int


def simulate_program(
    program: Program,
    folder: Path,
    settings: Settings | None = None,
    *,
    stars: int | None = None,
    field: StarField | None = None,
    filetypes: tuple[FileType, ...] = ("flt", "flc"),
    compression: Compression = "none",
    catalog_suffix: str = ".cat",
    star_truth: bool = False,
    structure: Structure = "mast",
    progress: Callable[[int, int], None] | None = None,
) -> SimulatedProgram:
    """Simulate a program into a folder: frames, master catalog, truth, pointings and law.

    Parameters
    ----------
    program : Program
        The exposures, and their target.
    folder : Path
        Made if it is not there; files of the same names are replaced.
    settings : Settings, optional
        Law, detector, width and seed.
    stars : int, optional
        Stars over 250 e- (348 s) per chip of this width; default: the target's density.
    field : StarField, optional
        Stars to use instead of drawing them.
    filetypes : tuple of str
        Which of 'flt' and 'flc' to write.
    compression : {'none', 'gz', 'fz'}
        Of the frames.
    catalog_suffix : str
        Format of the master catalog, by its ending.
    star_truth : bool
        Also write ``stars/<rootname>.parquet``: the truth per star and chip.
    structure : {'mast', 'plain'}
        All that a file from the archive holds, or the six planes alone.
    progress : callable, optional
        Called with (done, total) after each exposure.
    """
    settings = settings or Settings()
    folder.mkdir(parents=True, exist_ok=True)
    plans = program.exposures
    if field is None:
        field = make_field(plans, width=settings.width, stars=stars, seed=settings.seed)
    master = folder / f"{program.target.name}_master{catalog_suffix}"
    write_master(master_table(field, seed=settings.seed), master)
    frames: list[Path] = []
    light: dict[str, SimulatedExposure] = {}
    for k, plan in enumerate(plans):
        exposure = simulate_exposure(plan, field, settings)
        frames += write_exposure(
            exposure, folder / "data", filetypes=filetypes, compression=compression,
            dark_rate=settings.detector.dark_rate, structure=structure,
        )  # fmt: skip
        if star_truth:
            _write_star_truth(exposure, folder / "stars")
        # The truth of all exposures is kept for the pairs, their pixels are not.
        light[plan.rootname] = replace(exposure, chips={}, cosmic_rays={})
        if progress is not None:
            progress(k + 1, len(plans))
    pairs = _write_truth(program, light, settings, folder)
    return SimulatedProgram(tuple(frames), master, folder / "truth.json", pairs, field.id.size)


def _write_truth(
    program: Program, light: dict[str, SimulatedExposure], settings: Settings, folder: Path
) -> list[dict[str, Any]]:
    """Write what was simulated, by exposures without their pixels; return the truth of the pairs."""
    kept = settings.detector.flc_fraction
    pairs = [
        pair_truth(pair, light[pair.first], light[pair.second], width=settings.width, flc_fraction=kept)
        for pair in program.pairs
    ]
    _write_json(folder / "truth.json", pairs)
    _write_json(folder / "pointings.json", [pointing_truth(exposure) for exposure in light.values()])
    _write_json(folder / "law.json", settings.law.as_dict() | {"flc_fraction": kept})
    return pairs


def simulate_programs(
    programs: Sequence[Program],
    folder: Path,
    settings: Settings | None = None,
    *,
    stars: int | None = None,
    compression: Compression = "none",
    catalog_suffix: str = ".cat",
    structure: Structure = "mast",
    progress: Callable[[int, int], None] | None = None,
) -> list[SimulatedProgram]:
    """Simulate programs, each into the folder of its target below ``folder``; see `simulate_program`."""
    total = sum(len(program.exposures) for program in programs)
    done: list[SimulatedProgram] = []
    before = 0
    for program in programs:

        def of_all(count: int, _: int, start: int = before) -> None:
            if progress is not None:
                progress(start + count, total)

        done.append(
            simulate_program(
                program, folder / program.target.name, settings, stars=stars, compression=compression,
                catalog_suffix=catalog_suffix, structure=structure, progress=of_all,
            )
        )  # fmt: skip
        before += len(program.exposures)
    return done


def _write_star_truth(exposure: SimulatedExposure, folder: Path) -> None:
    folder.mkdir(exist_ok=True)
    tables = []
    for chip, stars in exposure.stars.items():
        columns = {"chip": np.full(stars.id.size, chip, dtype=np.int8), "master_id": stars.id}
        columns |= {name: getattr(stars, name) for name in _STAR_COLUMNS}
        tables.append(pa.table(columns))
    pq.write_table(pa.concat_tables(tables), folder / f"{exposure.plan.rootname}.parquet")


def _write_json(path: Path, content: Iterable[Any] | dict[str, Any]) -> None:
    path.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
