"""Configuration of the report."""

from __future__ import annotations

from pydantic import Field

from cte_lake.config.base import Section


class Report(Section):
    """What the report shows, and at what cost."""

    stars_per_bin: int = Field(
        ge=10, le=5000, description="most stars of a flux bin that a pair's page draws; of more, a sample"
    )
    frame_seconds: float = Field(
        ge=0, description="time for drawing frames that no older report has; the newest go first, s"
    )
    show_paths: bool = Field(
        description="show full paths of lake and frames on the pages; false: names alone, fit to be published"
    )
    circles: int = Field(ge=0, le=2000, description="brightest matched stars that are circled on a frame")
    keep: int = Field(ge=1, description="newest reports that are kept in the lake; older ones are removed")
