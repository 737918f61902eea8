"""What a demo found: each measured loss beside the injected one."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

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
