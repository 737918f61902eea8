"""What a demo found, measured beside injected losses: as rows, and as a table of 80 columns."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cte_lake.lake.stored import StoredLake

#: Bins that are printed and drawn, e-.
BINS = ((500, 2000), (2000, 8000), (8000, 32000))


@dataclass(frozen=True)
class Recovered:
    """One measured loss beside the injected one.

    Attributes
    ----------
    target : str
    date : float
        MJD.
    flash : int
        e-/px.
    filetype : str
    chip : int or None
        For the 180-degree set.
    bin_lo, bin_hi : float
        e-.
    n : int
        Stars.
    loss, loss_err : float
        Measured, fraction per 2048 rows.
    injected : float
        What a measurement without noise finds.
    """

    target: str
    date: float
    flash: int
    filetype: str
    chip: int | None
    bin_lo: float
    bin_hi: float
    n: int
    loss: float
    loss_err: float
    injected: float

    @property
    def pull(self) -> float:
        """Difference from the injected loss in units of the error."""
        return (self.loss - self.injected) / self.loss_err


@dataclass(frozen=True)
class DemoResult:
    """What a demo left behind: folder of frames, lake, figures, and the comparison."""

    frames: Path
    lake: StoredLake
    figures: tuple[Path, ...]
    rows: tuple[Recovered, ...]
    seconds: float


def result_lines(result: DemoResult) -> list[str]:
    """Return the comparison and what to try next; lines fit 80 columns but for long paths."""
    rows = result.rows
    lines = [
        "",
        "CTE loss in % of the flux per 2048 rows, r = 3 px:",
        "recovered ± error, injected, pull",
        "",
    ]
    lines.append("date    fl file" + "".join(f"  {f'{low}-{high} e-':<19}" for low, high in BINS).rstrip())
    for title, group in _groups(rows):
        lines.append(title)
        lines += [_table_line(label, values) for label, values in group]
    return lines + _summary(rows) + _next_steps(result)


def _groups(rows: tuple[Recovered, ...]) -> Iterator[tuple[str, list[tuple[str, list[Recovered]]]]]:
    titles = {
        None: "NGC 104: chip 1 against chip 2",
        2: "NGC 6583: chip 2 turned",
        1: "NGC 6583: chip 1 turned",
    }
    for chip, title in titles.items():
        lines: dict[tuple[float, int, str], list[Recovered]] = {}
        for row in rows:
            if row.chip == chip:
                lines.setdefault((round(row.date, 1), row.flash, row.filetype), []).append(row)
        ordered = sorted(lines, key=lambda key: (key[2] != "flt", key[1], key[0]))
        if ordered:
            yield title, [(f"{_month(key[0])} {key[1]:2d} {key[2]}", lines[key]) for key in ordered]


def _month(mjd: float) -> str:
    from astropy.time import Time

    return str(Time(mjd, format="mjd").strftime("%Y-%m"))


def _table_line(label: str, rows: list[Recovered]) -> str:
    cells = []
    for low, high in BINS:
        row = next((each for each in rows if (each.bin_lo, each.bin_hi) == (low, high)), None)
        cells.append("-".rjust(19) if row is None else _cell(row))
    return f"{label:<14}" + "".join(f"  {cell}" for cell in cells)


def _cell(row: Recovered) -> str:
    loss, err, injected = 100.0 * row.loss, 100.0 * row.loss_err, 100.0 * row.injected
    return f"{loss:5.1f}±{err:3.1f} {injected:4.1f} {row.pull:+4.1f}"


def _summary(rows: tuple[Recovered, ...]) -> list[str]:
    from cte_lake.simulate.detector import Detector

    pulls = np.array([row.pull for row in rows])
    if not pulls.size:
        return ["", "No loss could be compared."]
    lines = [
        "",
        f"{pulls.size} losses in all {len({(row.bin_lo, row.bin_hi) for row in rows})} flux bins: "
        f"mean pull {pulls.mean():+.2f}, RMS pull {np.sqrt(np.mean(pulls**2)):.2f}",
        "(0 and 1 if the losses are right and their errors too)",
    ]
    kept = _kept_by_flc(rows)
    if kept is not None:
        lines.append(f"the FLC keeps {kept:.2f} of the FLT's loss, {Detector.flc_fraction} was injected")
    return lines


def _kept_by_flc(rows: tuple[Recovered, ...]) -> float | None:
    """Ratio of the FLC's to the FLT's losses, each weighted by its error and by how large it should be."""
    sums = {"flt": 0.0, "flc": 0.0}
    by_pair: dict[tuple[object, ...], dict[str, Recovered]] = {}
    for row in rows:
        key = (row.target, row.date, row.flash, row.chip, row.bin_lo, row.bin_hi)
        by_pair.setdefault(key, {})[row.filetype] = row
    for both in by_pair.values():
        if len(both) == 2:
            weight = both["flt"].injected / (both["flt"].loss_err ** 2 + both["flc"].loss_err ** 2)
            for filetype, row in both.items():
                sums[filetype] += weight * row.loss
    return sums["flc"] / sums["flt"] if sums["flt"] else None


def _next_steps(result: DemoResult) -> list[str]:
    lake = result.lake
    return [
        "",
        f"done in {result.seconds:.0f} s; figures to look at:",
        *(f"  {path}" for path in result.figures),
        "try next:",
        f"  export CTE_LAKE_LAKE={lake}",
        "  cte-lake measure --target ngc104 --filetype flt",
        '  cte-lake sql "SELECT * FROM cte_vs_time"',
        f"  cte-lake ingest {result.frames}    # nothing changed: does nothing",
    ]
