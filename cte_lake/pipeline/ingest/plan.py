"""What is to be done with each file, and why: the plan that `--dry-run` prints and `ingest` carries out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from cte_lake.filenames import path_text
from cte_lake.pipeline.ingest.arguments import IngestArguments
from cte_lake.pipeline.ingest.discover import find_frames
from cte_lake.pipeline.ingest.items import Action, Candidate, Item
from cte_lake.pipeline.ingest.keys import refusal_hash
from cte_lake.pipeline.ingest.planner import Planner


@dataclass(frozen=True)
class Plan:
    """One item a file, in the order of the files; of those to be measured also what a task needs.

    `ready` maps an image's name to its candidate and the chip that is to be measured.
    """

    items: list[Item]
    ready: dict[str, tuple[Candidate, int]]
    settings_hash: str
    rules_hash: str

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
    paths = find_frames(arguments.paths)
    planner = Planner(arguments)
    items = [planner.first_look(path) for path in paths]
    _mark_duplicates(items, planner.paths_in_lake)
    ready = planner.settle(items)
    _apply_limit(items, arguments.limit)
    ready = {name: found for name, found in ready.items() if found[0].item.action is Action.MEASURE}
    return Plan(items, ready, planner.settings_hash, planner.rules_hash)


def _mark_duplicates(items: list[Item], paths_in_lake: Mapping[str, str]) -> None:
    """Keep one file an image: the one that the lake knows, else the first."""
    groups: dict[str, list[Item]] = {}
    for item in items:
        if item.imagename and item.action in {Action.MEASURE, Action.UP_TO_DATE}:
            groups.setdefault(item.imagename, []).append(item)
    for imagename, group in groups.items():
        kept = next(
            (item for item in group if paths_in_lake.get(imagename) == path_text(item.path)), group[0]
        )
        for item in group:
            if item is not kept:
                item.action = Action.DUPLICATE
                item.why = f"the same image as {path_text(kept.path)}"


def _apply_limit(items: list[Item], limit: int | None) -> None:
    if limit is None:
        return
    for item in [item for item in items if item.action is Action.MEASURE][limit:]:
        item.action = Action.DEFERRED
