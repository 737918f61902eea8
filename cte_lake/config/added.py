"""Configuration of photometric quantities that a lake measures beside those of every lake."""

from __future__ import annotations

from pydantic import Field

from cte_lake.config.sections import Section

#: What such a column may be called.
ADDED_PATTERN = r"[a-z][a-z0-9_]{0,39}"


class Added(Section):
    """A column that a function fills, one value a star; the view `phot` shows it."""

    function: str = Field(
        pattern=r"^[^:]+:[A-Za-z_]\w*$",
        description="what measures it: MODULE:NAME, or FILE.py:NAME with a path from the lake's folder",
    )
    unit: str = Field(default="", description="unit as astropy reads it; empty for none")
    description: str = Field(min_length=1, description="what the column holds")
    ucd: str = Field(default="", description="IVOA's Unified Content Descriptor")
    version: int = Field(
        default=1, ge=1, description="raise it when the function changes: older values no longer show"
    )
