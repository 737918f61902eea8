"""What an ingest is asked to do."""

from __future__ import annotations

from dataclasses import dataclass, field

from cte_lake.config import Settings
from cte_lake.lake.selection import Selection
from cte_lake.lake.stored import StoredLake
from cte_lake.pipeline.dask import WorkerSettings


@dataclass(frozen=True)
class IngestArguments:
    """Arguments of an ingest.

    Attributes
    ----------
    lake : StoredLake
        Root of the lake.
    paths : tuple of str
        Files, folders and glob patterns.
    settings : Settings
        The configuration.
    selection : Selection
        Which exposures; an empty one takes all.
    workers : WorkerSettings
        Where to measure.
    overwrite : bool
        Measure again what is up to date.
    limit : int or None
        Largest number of exposures measured in this run.
    """

    lake: StoredLake
    paths: tuple[str, ...]
    settings: Settings
    selection: Selection = field(default_factory=Selection)
    workers: WorkerSettings = field(default_factory=WorkerSettings)
    overwrite: bool = False
    limit: int | None = None
