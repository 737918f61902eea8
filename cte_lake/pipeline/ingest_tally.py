"""What became of each file of the last ingest, kept in the lake for `status`, the page and the mail."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from cte_lake import clock
from cte_lake.filenames import path_text
from cte_lake.lake.stored import StoredLake

OUTCOMES: Final = (
    "measured", "renewed", "up to date", "duplicate", "superseded", "excluded", "rejected", "not selected",
    "over the limit",
)  # fmt: skip
"""Each file found ends in exactly one of these; the last two occur with a selection or a limit only."""

_FILE: Final = "ingest.json"


@dataclass(frozen=True)
class Tally:
    """The sums of an ingest: when, what was searched, files found, files an outcome."""

    at: str
    paths: tuple[str, ...]
    files: int
    sums: Mapping[str, int]

    @property
    def text(self) -> str:
        """The sums as a sentence's part: '32 files: 16 measured, 16 superseded'."""
        return f"{self.files:,} file{'s' if self.files != 1 else ''}: {sums_text(self.sums)}"


def sums_text(sums: Mapping[str, int]) -> str:
    """Return the outcomes that occurred, in their order."""
    return ", ".join(f"{sums[name]:,} {name}" for name in OUTCOMES if sums.get(name)) or "none found"


def record(lake: StoredLake, paths: Sequence[str], files: int, sums: Mapping[str, int]) -> None:
    """Keep the sums of an ingest in place of the last one's; nothing if all is as it was."""
    found, idle = last(lake), not any(sums.get(name) for name in ("measured", "renewed"))
    if idle and found is not None and (_settled(found.sums), found.files) == (_settled(sums), files):
        return
    kept = {
        "at": clock.now().isoformat(timespec="seconds"),
        "paths": [path_text(path) for path in paths],
        "files": files,
        "sums": dict(sums),
    }
    (lake / "logs" / _FILE).write_bytes(json.dumps(kept, indent=1).encode())


def _settled(sums: Mapping[str, int]) -> dict[str, int]:
    """Return the sums as the next ingest of the same files finds them: what was measured is up to date."""
    in_lake = sum(sums.get(name, 0) for name in ("measured", "renewed", "up to date"))
    return {name: n for name, n in sums.items() if n} | {"measured": 0, "renewed": 0, "up to date": in_lake}


def last(lake: StoredLake) -> Tally | None:
    """Return the sums of the last ingest, None where there was none or its record cannot be read."""
    try:
        kept = json.loads((lake / "logs" / _FILE).read_bytes())
        return Tally(kept["at"], tuple(kept["paths"]), kept["files"], kept["sums"])
    except (OSError, ValueError, KeyError, TypeError):
        return None
