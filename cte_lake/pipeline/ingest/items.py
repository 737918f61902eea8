"""What a plan is made of: files, what each says of its exposure, and what is to be done with it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from cte_lake.errors import Rejected, UnknownName
from cte_lake.filenames import path_text
from cte_lake.frames.calibration import PIPELINE, Calibration
from cte_lake.lake.paths import Partition
from cte_lake.lake.read import MasterFile
from cte_lake.names import Names, folded

if TYPE_CHECKING:
    from cte_lake.frames.exposure import Exposure


#: Starts agree to a second; days.
TIME_STEP: Final = 1.0 / 86400.0


class Action(Enum):
    """What happens to a file."""

    MEASURE = "measure"
    UP_TO_DATE = "up to date"
    EXCLUDED = "excluded"
    REJECTED = "rejected"
    DUPLICATE = "duplicate"
    SUPERSEDED = "superseded"
    NOT_SELECTED = "not selected"
    DEFERRED = "over the limit"


@dataclass(frozen=True)
class Previous:
    """The current exposure row of an image: where it lies, and what of it decides what is to be done."""

    partition: Partition
    imagename: str
    path: str
    revision: int
    phot_key: str
    withdrawn: bool


@dataclass
class Item:
    """A file and what is to be done with it.

    `known` marks a refusal that is on record already; it is counted and not written again. `position_state`
    stands for the WCS and catalog by which its position is judged.
    `claim` is what the file says of its exposure, where that is known.
    """

    path: Path
    action: Action
    why: str = ""
    reason: str = ""
    stage: str = ""
    imagename: str | None = None
    target: str | None = None
    proposal: int | None = None
    previous: Previous | None = None
    known: bool = False
    position_state: str = ""
    claim: Claim | None = None

    def leave(self, action: Action, why: str) -> None:
        """Leave the file alone, as `action`, for the reason given."""
        self.action, self.why = action, why

    def refuse(self, refusal: Rejected) -> Item:
        """Turn the item into a refusal."""
        self.action = Action.EXCLUDED if refusal.stage == "screen" else Action.REJECTED
        self.why, self.reason, self.stage = refusal.detail, refusal.reason, refusal.stage
        return self


@dataclass(frozen=True)
class Candidate:
    """An exposure that may be measured: its file has passed all rules and its target has a catalog."""

    item: Item
    exposure: Exposure
    target: str
    master: MasterFile


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
