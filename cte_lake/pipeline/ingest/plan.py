"""What is to be done with each file, and why: the plan that `--dry-run` prints and `ingest` carries out."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from cte_lake.filenames import printable
from cte_lake.pipeline.carry_out import IngestArguments
from cte_lake.pipeline.discover import find_fits
from cte_lake.pipeline.ingest.contest import settle_contests
from cte_lake.pipeline.ingest.items import Action, Candidate, Item
from cte_lake.pipeline.ingest.keys import refusal_hash
from cte_lake.pipeline.ingest.planner import Planner


@dataclass(frozen=True)
class Lacking:
    """How many of so many images are measured without a fitted WCS, and without a cosmic-ray mask."""

    images: int
    unaligned: int
    unmasked: int

    def __str__(self) -> str:
        """Say what is lacking and what mends it; empty where nothing is."""
        parts = []
        if self.unmasked:
            parts.append(
                f"{self.unmasked} of {self.images} images have no cosmic-ray mask: losses of faint stars "
                "come out wrong"
            )
        if self.unaligned:
            parts.append(f"{self.unaligned} of {self.images} have the header's WCS, fitted to no catalog")
        return f"{'; '.join(parts)}; `cte-lake run FOLDER` aligns, masks and ingests" if parts else ""


@dataclass(frozen=True)
class Plan:
    """One item a file, in the order of the files; of those to be measured also what a task needs.

    `ready` maps an image's name to its candidate and the chip that is to be measured. `unaligned` and
    `unmasked` are the names of images without a fitted WCS, and without a cosmic-ray mask; `left_alone` are
    the FITS files of the folders whose names say neither FLT nor FLC.
    """

    items: list[Item]
    ready: dict[str, tuple[Candidate, int]]
    settings_hash: str
    rules_hash: str
    unaligned: frozenset[str] = frozenset()
    unmasked: frozenset[str] = frozenset()
    left_alone: tuple[Path, ...] = ()

    @property
    def names_left_alone(self) -> str:
        """How many files were left alone, which, and what to do about it; empty for none."""
        if not self.left_alone:
            return ""
        n = len(self.left_alone)
        named = ", ".join(printable(path.name) for path in self.left_alone[:3])
        return (
            f"{n:,} FITS file{'s are' if n > 1 else ' is'} neither FLT nor FLC by name and left alone "
            f"({named}{', ...' if n > 3 else ''}); a file that is given itself is looked at whatever its name"
        )

    @property
    def found(self) -> int:
        """How many files were found, whatever is done with them."""
        return len(self.items)

    @property
    def lacking(self) -> Lacking:
        """What the images lack that are to be measured, or were, or are up to date."""
        taken = {Action.MEASURE, Action.UP_TO_DATE}
        names = [item.imagename for item in self.items if item.imagename and item.action in taken]
        return Lacking(
            len(names),
            sum(name in self.unaligned for name in names),
            sum(name in self.unmasked for name in names),
        )

    def of(self, action: Action) -> list[Item]:
        """Items with this action."""
        return [item for item in self.items if item.action is action]

    @property
    def refusal_hash(self) -> str:
        """Hash of what a refusal rests on."""
        return refusal_hash(self.rules_hash, self.settings_hash)

    @property
    def counts(self) -> dict[Action, int]:
        """Number of files an action; actions without a file are left out."""
        counted = Counter(item.action for item in self.items)
        return {action: counted[action] for action in Action if counted[action]}


def make_plan(arguments: IngestArguments) -> Plan:
    """Decide for each file what is to be done; nothing is written and no pixel is read.

    Raises
    ------
    UsageError
        If a path does not exist.
    ConfigError
        If the photometry's settings do not hold together.
    """
    found = find_fits(arguments.paths)
    planner = Planner(arguments)
    items = [planner.first_look(path) for path in found.frames]
    settle_contests(items, planner.claims, arguments.overwrite)
    ready = planner.settle(items)
    _apply_limit(items, arguments.limit)
    ready = {name: found for name, found in ready.items() if found[0].item.action is Action.MEASURE}
    names = [item.imagename for item in items if item.imagename]
    return Plan(
        items,
        ready,
        planner.settings_hash,
        planner.rules_hash,
        frozenset(name for name in names if planner.alignment_hash(name[:9]) is None),
        frozenset(name for name in names if planner.crmask_hash(name[:9]) is None),
        # A lake's own headerlets and masks are no frames that someone forgot.
        tuple(path for path in found.left_alone if not path.is_relative_to(str(arguments.lake))),
    )


def _apply_limit(items: list[Item], limit: int | None) -> None:
    if limit is None:
        return
    for item in [item for item in items if item.action is Action.MEASURE][limit:]:
        item.action = Action.DEFERRED
