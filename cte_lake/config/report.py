"""Configuration of the report and of the night that makes it."""

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


class Refresh(Section):
    """What the night does, and when it sends mail."""

    frames: str = Field(description="folder of the frames, for `refresh` without --frames; empty: none")
    publish: str = Field(description="folder that a web server shows, for the report; empty: none")
    fetch: bool = Field(description="whether `refresh` asks the archive; false for a site without network")
    fit: bool = Field(description="whether `refresh` fits new versions of sets whose slopes changed")
    mail_news: bool = Field(description="whether a night with new data sends mail though all went well")
    remind_days: float = Field(
        gt=0,
        description="days after which trouble that lasts is told again in full; nothing new is not mailed",
    )
