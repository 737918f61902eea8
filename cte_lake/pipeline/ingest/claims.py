"""What a file, or a row of the lake, says of its exposure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from cte_lake.errors import UnknownName
from cte_lake.filenames import path_text
from cte_lake.frames.calibration import PIPELINE, Calibration
from cte_lake.names import Names, folded

if TYPE_CHECKING:
    from cte_lake.frames.exposure import Exposure

#: Starts agree to a second; days.
TIME_STEP: Final = 1.0 / 86400.0


@dataclass(frozen=True)
class Claim:
    """What a file, or a row of the lake, says of its exposure.

    Attributes
    ----------
    imagename : str
    path : str
        As the lake stores paths.
    identity : tuple
        Proposal, target, filter, start (s) and exposure time (0.1 s): what no calibration changes.
    calibration : Calibration
    """

    imagename: str
    path: str
    identity: tuple[int, str, str, int, int]
    calibration: Calibration

    @property
    def rootname(self) -> str:
        """Root name of the exposure."""
        return self.imagename[:9]

    def same_exposure(self, other: Claim) -> bool:
        """Return whether both speak of one exposure; starts and lengths may be rounded differently."""
        *fixed, start, length = self.identity
        *others, other_start, other_length = other.identity
        return fixed == others and abs(start - other_start) <= 1 and abs(length - other_length) <= 1


def claims_of_rows(rows: Iterable[Mapping[str, Any]], names: Names) -> dict[str, Claim]:
    """Return what rows of ``exposures`` that are not withdrawn say, by image name."""
    stated = [row for row in rows if not row["withdrawn"]]
    targets = {name: _target(name, names) for name in {row["targname"] for row in stated}}
    return {row["imagename"]: _claim_of_row(row, targets[row["targname"]]) for row in stated}


def _target(targname: str, names: Names) -> str:
    """Return the target that TARGNAME spells: today's, for the files are read by today's spellings."""
    try:
        return names.target(targname)
    except UnknownName:
        return folded(targname)


def _claim_of_row(row: Mapping[str, Any], target: str) -> Claim:
    calibration = Calibration(
        row["product"] or PIPELINE, row["cal_ver"] or "", row["cte_ver"] or "", row["cal_date"] or ""
    )
    return Claim(row["imagename"], row["path"], _identity(row, target), calibration)


def claim_of_file(exposure: Exposure, target: str) -> Claim:
    """Return what a file's header says; `target` is the one that its TARGNAME spells."""
    identity = _identity(vars(exposure), target)
    return Claim(exposure.imagename, path_text(exposure.path), identity, exposure.calibration)


def _identity(facts: Mapping[str, Any], target: str) -> tuple[int, str, str, int, int]:
    start, length = round(facts["mjd"] / TIME_STEP), round(10.0 * facts["exptime"])
    return facts["proposal"], target, facts["filter"], start, length
