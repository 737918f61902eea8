"""What is to be done with each file, and why: the plan that `--dry-run` prints and `ingest` carries out."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from cte_lake.pipeline.ingest.arguments import IngestArguments
from cte_lake.pipeline.ingest.contest import settle_contests
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
    settle_contests(items, planner.claims, arguments.overwrite)
    ready = planner.settle(items)
    _apply_limit(items, arguments.limit)
    ready = {name: found for name, found in ready.items() if found[0].item.action is Action.MEASURE}
    return Plan(items, ready, planner.settings_hash, planner.rules_hash)


def _apply_limit(items: list[Item], limit: int | None) -> None:
    if limit is None:
        return
    for item in [item for item in items if item.action is Action.MEASURE][limit:]:
        item.action = Action.DEFERRED
