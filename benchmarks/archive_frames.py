"""Frames with the archive's structure: losses against the truth, as they come and aligned.

    python benchmarks/archive_frames.py SHARED [--kinds real comp none] [--shifts 0 0.01 ...] [--turn DEGREES]
        [--apart] [--chip ARCSEC]

SHARED is the folder with the reference frames (`frames`) and the genuine files (`real`). Each kind of lookup
tables goes with each shift of the headers' pointing, arcsec, along a direction of its own; every second case
is scaled by FLUXCORR (PHTRATIO 1.05), every third has half of its exposures calibrated again. A row says what
`ingest` made of the frames as they come (refused, or how many of 32 losses are within two errors of the
truth), how `align` found its way, and the losses afterwards. About 20 CPU seconds a case. With `--turn` the
headers are rolled too, with `--apart` each exposure by an angle, and shifted in a direction, of its own; with
`--chip` chip 1 lies so far from its place beside chip 2.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import tempfile
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
from astropy.io import fits

import cte_lake
from cte_lake.config import load_settings
from cte_lake.lake.create import create_lake
from cte_lake.lake.stored import stored
from cte_lake.pipeline.align.align_exposures import AlignReport, align
from cte_lake.pipeline.carry_out import StageArguments
from cte_lake.pipeline.dask import WorkerSettings
from cte_lake.pipeline.ingest import IngestArguments, IngestReport, ingest
from cte_lake.pipeline.master_import import import_master

#: Loss that the frames' simulator left in the FLC, as a part of the FLT's.
LEFT_IN_FLC = 0.35
KINDS = ("real", "comp", "none")
SHIFTS = (0.0, 0.01, 0.05, 0.3, 1.0, 2.5)
NEWER, RATIO = "3.7.2 (Apr-15-2024)", 1.05


@dataclass(frozen=True)
class Case:
    """What is done to the frames.

    Tables, shift in RA and declination (arcsec), PHTRATIO, CAL_VER of half; roll (degrees), whether each
    exposure goes its own way, and what chip 1 is off by beside chip 2 (arcsec along right ascension).
    """

    kind: str
    shift: tuple[float, float] = (0.0, 0.0)
    ratio: float = 1.0
    half: str | None = None
    turn: float = 0.0
    apart: bool = False
    chip: float = 0.0


@dataclass(frozen=True)
class Outcome:
    """Reports of `ingest` and `align`; whether each loss is within two errors, before and after `align`."""

    first: IngestReport
    before: list[bool]
    aligned: AlignReport
    after: list[bool]


def realizer(shared: Path) -> Callable[..., None]:
    """Return the function that gives a reference frame the structure of a file from the archive."""
    spec = importlib.util.spec_from_file_location("realize", shared / "real" / "realize.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    # It silences the warnings of whoever imports it.
    with warnings.catch_warnings():
        spec.loader.exec_module(module)
    found: Callable[..., None] = module.realize
    return found


def run_case(shared: Path, folder: Path, case: Case) -> Outcome:
    """Make the frames of a case, ingest, align and ingest them again."""
    data, realize = folder / "data", realizer(shared)
    data.mkdir(parents=True)
    for number, path in enumerate(sorted((shared / "frames/ngc104/data").glob("*.fz"))):
        newer = case.half if number % 4 < 2 else None
        name = path.name.removesuffix(".fz")
        realize(path, data / name, case.kind, ratio=case.ratio, cal_ver=newer)
        way = np.exp(2.4j * number) if case.apart else 1.0
        point_beside(data / name, complex(*case.shift) * way, case.turn * np.real(way), case.chip)
    root, catalog = folder / "lake", shared / "frames/ngc104/ngc104_master.cat"
    lake = stored(root)
    create_lake(lake)
    settings = load_settings(root, environment={})
    import_master(lake, catalog, "ngc104", settings.config)
    common: dict[str, Any] = {"paths": (str(data),), "settings": settings}
    common["workers"] = WorkerSettings(0)
    first = ingest(IngestArguments(lake, **common))
    before = within_two_errors(root, shared)
    aligned = align(StageArguments(lake, **common))
    ingest(IngestArguments(lake, **common))
    return Outcome(first, before, aligned, within_two_errors(root, shared))


def point_beside(path: Path, shift: complex, turn: float, chip: float) -> None:
    """Move a frame's pointing (arcsec: east and north), roll it about chip 2, and move chip 1 beside it."""
    with fits.open(path, mode="update", output_verify="silentfix") as hdus:
        middle = [hdus["SCI", 1].header[key] for key in ("CRVAL1", "CRVAL2")]
        angle = np.radians(turn)
        roll = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
        stretch = np.array([np.cos(np.radians(middle[1])), 1.0])
        for version, aside in ((1, 0.0), (2, chip)):
            header = hdus["SCI", version].header
            away = roll @ (([header["CRVAL1"], header["CRVAL2"]] - np.array(middle)) * stretch)
            away += np.array([shift.real + aside, shift.imag]) / 3600.0
            header["CRVAL1"], header["CRVAL2"] = middle + away / stretch
            cd = roll @ [[header[f"CD{i}_{j}"] for j in (1, 2)] for i in (1, 2)]
            for i, j in product((1, 2), (1, 2)):
                header[f"CD{i}_{j}"] = cd[i - 1, j - 1]


def within_two_errors(root: Path, shared: Path) -> list[bool]:
    """Whether each measured loss is within two errors of the truth."""
    truth = json.loads((shared / "frames/ngc104/truth.json").read_text())
    stated = {
        (pair["chip2"][:9], each["lo"], each["hi"]): each["loss"]
        for pair in truth
        for each in pair["cte_per_2048"]
    }
    with cte_lake.open_lake(root) as lake:
        rows = lake.cte(estimator="mean_flux").rows()
    found = []
    for row in rows:
        true = stated[row["image_2"][:9], row["bin_lo"], row["bin_hi"]]
        true *= 1.0 if row["filetype"] == "flt" else LEFT_IN_FLC
        found.append(bool(abs(row["cte_loss"] - true) < 2 * row["cte_loss_err"]))
    return found


def cases(kinds: Sequence[str], shifts: Sequence[float]) -> list[Case]:
    """Return every kind with every shift, scaled and calibrated again in turn."""
    found = []
    for number, (kind, shift) in enumerate(product(kinds, shifts)):
        angle = np.radians(50.0 * number)
        towards = (float(shift * np.cos(angle)), float(shift * np.sin(angle)))
        found.append(Case(kind, towards, RATIO if number % 2 else 1.0, None if number % 3 else NEWER))
    return found


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("shared", type=Path)
    parser.add_argument("--kinds", nargs="+", choices=KINDS, default=KINDS)
    parser.add_argument("--shifts", nargs="+", type=float, default=SHIFTS)
    parser.add_argument("--turn", type=float, default=0.0, help="roll of the headers, degrees")
    parser.add_argument("--apart", action="store_true", help="each exposure in a direction of its own")
    parser.add_argument("--chip", type=float, default=0.0, help="arcsec that chip 1 is off beside chip 2")
    given = parser.parse_args()
    print("| tables | shift, arcsec | PHTRATIO | half newer | ingest | search | aligned |")
    print("|---|---|---|---|---|---|---|")
    for case in cases(given.kinds, given.shifts):
        case = replace(case, turn=given.turn, apart=given.apart, chip=given.chip)
        with tempfile.TemporaryDirectory() as folder:
            done = run_case(given.shared, Path(folder), case)
        refused = {row["stage"] for row in done.first.rejected}
        right = f"{sum(done.before)} of {len(done.before)}"
        told = right if done.before else f"refused ({', '.join(refused)})"
        search = ", ".join(sorted({str(row["search"]) for row in done.aligned.exposures}))
        print(
            f"| {case.kind} | {np.hypot(*case.shift):g} | {case.ratio:g} | {'yes' if case.half else 'no'} "
            f"| {told} | {search} | {sum(done.after)} of {len(done.after)} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
