"""What a plan is made of: files and what is to be done with each."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING

from cte_lake.errors import Rejected
from cte_lake.lake.paths import Partition
from cte_lake.lake.read import MasterFile

if TYPE_CHECKING:
    from cte_lake.frames.exposure import Exposure
    from cte_lake.pipeline.ingest.claims import Claim


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
