"""What an ingest is asked to do."""

from __future__ import annotations

from dataclasses import dataclass

from cte_lake.pipeline.carry_out import StageArguments


@dataclass(frozen=True)
class IngestArguments(StageArguments):
    """Arguments of an ingest.

    Attributes
    ----------
    limit : int or None
        Largest number of exposures measured in this run.
    """

    limit: int | None = None
