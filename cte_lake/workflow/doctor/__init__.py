"""Whether this machine can run the monitor: one line a check, each with what to do.

`machine` looks at versions, programs, disk, network, clock and scheduler, `stored_lake` at the lake itself.
"""

from __future__ import annotations

from collections.abc import Iterator

from cte_lake.lake.stored import StoredLake
from cte_lake.workflow.doctor.machine import (
    Check,
    clock,
    disk,
    extras,
    memory,
    network,
    packages,
    programs,
    python,
    scheduler,
)
from cte_lake.workflow.doctor.stored_lake import configuration, folders, lake_is_written, last_job

__all__ = ["Check", "examine"]


def examine(lake: StoredLake | None) -> Iterator[Check]:
    """Yield the checks of this machine, and of a lake if there is one."""
    yield python()
    yield packages()
    yield from extras(needs_s3=lake is not None and str(lake).startswith("s3://"))
    settings = None
    if lake is not None:
        yield lake_is_written(lake)
        settings, found = configuration(lake)
        yield found
    config = None if settings is None else settings.config
    yield from disk(lake, config)
    yield memory(config)
    answer, found = network(config)
    yield found
    yield clock(lake, answer)
    yield from programs()
    if lake is not None and config is not None:
        yield from folders(config)
        yield scheduler(lake)
        yield last_job(lake)
