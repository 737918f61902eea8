"""The record of the last night: what `cte-lake refresh` did, kept in the lake for `status`, page and mail.

It is written after each step, so that a report that is made in a night shows that night.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Final, Literal, TypeAlias

import msgspec

from cte_lake.errors import LakeError
from cte_lake.lake.stored import StoredLake

Outcome: TypeAlias = Literal["running", "done", "skipped", "failed"]

#: Names of the records: of the night, and of a job of other steps, such as the monthly one.
NIGHT: Final = "refresh"
HOUSEKEEPING: Final = "housekeeping"
#: Version of the record; one of another version is as none.
_FORMAT: Final = 1


@dataclass(frozen=True)
class NightStep:
    """A step of the night.

    Attributes
    ----------
    name : str
        'fetch', 'align', 'crmask', 'ingest', 'fit', 'audit', 'verify', 'report', or another command.
    outcome : {'running', 'done', 'skipped', 'failed'}
        'skipped': nothing was to be done; 'running': under way, or killed with the job.
    reason : str
        Why it was skipped or what failed and what to do, one sentence; else what it did, or ''.
    seconds : float
        Wall time.
    exit_code : int
        Of its command; negative: the signal that killed it.
    follows_from : str
        Hash of what its result follows from, '' where none is kept.
    """

    name: str
    outcome: Outcome
    reason: str = ""
    seconds: float = 0.0
    exit_code: int = 0
    follows_from: str = ""


@dataclass(frozen=True)
class Alarm:
    """A mode whose newest epoch departs from what the earlier ones predict (audit ``departing_epoch``).

    Attributes
    ----------
    target, filter, length, filetype : str
        The mode; flash levels are judged together.
    mjd : float
        Mean date of the epoch (UTC).
    departure, departure_err : float
        Its losses over those predicted, less 1, as a fraction; and the error of that.
    text : str
        The alarm in one sentence.
    """

    target: str
    filter: str
    length: str
    filetype: str
    mjd: float
    departure: float
    departure_err: float
    text: str


@dataclass(frozen=True)
class LossMove:
    """The loss of a mode in a flux bin: in its newest epoch, in the epoch before, and by the coefficients.

    Losses are fractions per 2048 rows with their standard errors; None where there is none.

    Attributes
    ----------
    target, filter, length, filetype : str
        The mode.
    flash : int
        Post-flash level, e-/px.
    bin_lo, bin_hi : float
        Flux bin, electrons.
    mjd, loss, loss_err : float
        The newest epoch: mean date (UTC) and loss.
    mjd_before, loss_before, loss_before_err : float or None
        The epoch before it.
    model, model_err : float or None
        What the coefficients that observers should use predict for the newest epoch.
    loss_last_night : float or None
        The loss that the record of the night before had for this mode and bin.
    """

    target: str
    filter: str
    length: str
    filetype: str
    flash: int
    bin_lo: float
    bin_hi: float
    mjd: float
    loss: float
    loss_err: float
    mjd_before: float | None = None
    loss_before: float | None = None
    loss_before_err: float | None = None
    model: float | None = None
    model_err: float | None = None
    loss_last_night: float | None = None


@dataclass(frozen=True)
class Trouble:
    """Something that a person should look at.

    Attributes
    ----------
    key : str
        What it is; the same from night to night.
    text : str
        What is wrong and what to do, one or two sentences.
    since : str
        Time of the night that found it first (ISO, UTC).
    remind : bool
        Whether it is mailed again every week while it lasts; an overdue visit is mailed once.
    """

    key: str
    text: str
    since: str
    remind: bool = True


@dataclass(frozen=True)
class Night:
    """A night.

    Attributes
    ----------
    started, ended : str
        Times (ISO, UTC); `ended` is '' while it runs, and for good where it was killed.
    host, lake : str
        Machine and lake.
    exit_code : int
        The first step's code that is a failure, else 0.
    steps : tuple of NightStep
        In their order.
    new : mapping of str to int
        What came in: fetched, aligned, masked, measured (files or exposures), fitted (sets).
    missing : tuple of str
        A sentence for each visit that is overdue or incomplete.
    missing_text : str
        The numbers of these in one line, '' where they were not looked up.
    alarms : tuple of Alarm
        What the newest epochs show.
    losses : tuple of LossMove
        Losses of the newest epochs in the bins of the loss-against-time figure.
    troubles : tuple of Trouble
        What a person should look at.
    mailed : str
        Time of the last mail that listed all troubles, '' before the first.
    follows_from : str
        Hash of the photometry, sets and settings that `losses` follow from.
    """

    started: str
    host: str = ""
    lake: str = ""
    ended: str = ""
    exit_code: int = 0
    steps: tuple[NightStep, ...] = ()
    new: Mapping[str, int] = field(default_factory=dict)
    missing: tuple[str, ...] = ()
    missing_text: str = ""
    alarms: tuple[Alarm, ...] = ()
    losses: tuple[LossMove, ...] = ()
    troubles: tuple[Trouble, ...] = ()
    mailed: str = ""
    follows_from: str = ""

    @property
    def failed(self) -> tuple[NightStep, ...]:
        """The steps that failed."""
        return tuple(step for step in self.steps if step.outcome == "failed")

    @property
    def seconds(self) -> float:
        """Time of all steps."""
        return sum(step.seconds for step in self.steps)

    @property
    def text(self) -> str:
        """The night in one sentence, as `status` says it."""
        when = f"{datetime.fromisoformat(self.started):%Y-%m-%d %H:%M} UTC"
        names = ", ".join(step.name for step in self.failed)
        if names:
            return f"{when}: {names} failed"
        if not self.ended:
            running = next((step.name for step in self.steps if step.outcome == "running"), "")
            return f"{when}: not ended" + (f", last at {running}" if running else "")
        came = ", ".join(f"{count:,} {what}" for what, count in self.new.items() if count)
        return f"{when}: well in {self.seconds:.0f} s, {came or 'nothing new'}"

    def step(self, name: str) -> NightStep | None:
        """Return the step of a name, None if the night had none."""
        return next((step for step in self.steps if step.name == name), None)


def last_night(lake: StoredLake, job: str = NIGHT) -> Night | None:
    """Return the record of the last or running night; None before the first, or where it cannot be read.

    `job` is `HOUSEKEEPING` for the last job of other steps than the night's.
    """
    try:
        kept = json.loads((lake / f"logs/{job}.json").read_bytes())
        if not isinstance(kept, dict) or kept.pop("format", None) != _FORMAT:
            return None
        return msgspec.convert(kept, Night)
    except (OSError, ValueError, LakeError):
        return None


def keep_night(lake: StoredLake, night: Night, job: str = NIGHT) -> bool:
    """Keep the record in place of the last one's; False where the lake cannot be written."""
    content = json.dumps({"format": _FORMAT, **asdict(night)}, indent=1)
    with contextlib.suppress(OSError, LakeError):
        (lake / f"logs/{job}.json").write_bytes(content.encode())
        return True
    return False
