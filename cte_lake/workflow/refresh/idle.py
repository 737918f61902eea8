"""Which steps of a night are left out: those that had nothing to do when all was as it is now."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from cte_lake.config import load_settings
from cte_lake.digests import digest
from cte_lake.errors import CteLakeError
from cte_lake.lake.stored import StoredLake
from cte_lake.pipeline.night import Night, NightStep
from cte_lake.resources import code_digest
from cte_lake.workflow.refresh.command import planned

AUDIT: Final = "audit"
#: What a run makes beside the datasets; where it is gone it is made again.
_MADE = ("losses.parquet", "plots")
_FINE = frozenset({"done", "skipped"})


def state_of(lake: StoredLake, command: str, files: Callable[[], object] | None = None) -> str:
    """Return a digest of all that a step follows from, '' for one that is taken every night.

    `files` returns what `StoredLake.state` does, for whoever knows that already.

    It is made of names, sizes and times: of the lake's files, of the frames that a run looks through, and of
    the pixel area maps. What changes on a disk and leaves these as they are is found by `verify`, whose share
    is read every night.
    """
    words = shlex.split(_with_steps(command, ()))
    if words[0] not in {"run", AUDIT}:
        return ""
    try:
        settings = load_settings(lake)
        facts: list[Any] = [code_digest(), settings.hash(), words, (files or lake.state)()]
        if words[0] == "run":
            # Imported where it is used: a night of other steps goes without it.
            from cte_lake.pipeline.discover import find_frames

            facts.append([(lake / "reports" / name).exists() for name in _MADE])
            maps = settings.config.photometry.pam_dir
            for path in (*find_frames(words[1:2]), *(sorted(Path(maps).iterdir()) if maps else ())):
                stat = path.stat()
                facts.append([str(path), stat.st_size, stat.st_mtime_ns])
    except (CteLakeError, OSError):
        return ""
    return digest(facts)


def parts_of(
    lake: StoredLake, command: str, before: Night | None, files: Callable[[], object] | None = None
) -> Iterator[tuple[str, str]]:
    """Yield the parts of a command that are taken one after the other, each with its state; see `state_of`.

    Whether the rest of a run is left out is known when the archive was asked.
    """
    names = planned(command)
    if names[0] == "fetch" and names[1:]:
        rest = _with_steps(command, names[1:])
        if idle_steps(rest, state_of(lake, rest, files), before):
            yield _with_steps(command, names[:1]), ""
            command = rest
    yield command, state_of(lake, command, files)


def _with_steps(command: str, names: Sequence[str]) -> str:
    words = shlex.split(command)
    if "--steps" in words[:-1]:
        words[words.index("--steps") + 1] = ",".join(names)
    return shlex.join(words)


def idle_steps(command: str, state: str, before: Night | None) -> tuple[NightStep, ...]:
    """Return what stands in the record for a command that is left out; none where it is due."""
    names = planned(command)
    if "fetch" in names or not state or before is None:
        return ()
    last = [before.step(name) for name in names]
    if not all(step and step.outcome in _FINE and step.follows_from == state for step in last):
        return ()
    reason = f"nothing changed since the last {shlex.split(command)[0]}"
    return tuple(replace(step, outcome="skipped", reason=reason, seconds=0.0) for step in last if step)
