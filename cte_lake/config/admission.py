"""Configuration of the admission by position."""

from __future__ import annotations

from pydantic import Field

from cte_lake.config.base import Section


class Admission(Section):
    """What the positions of an exposure's stars must fulfil to be measured."""

    enabled: bool = Field(description="whether exposures off their positions are rejected")
    min_stars: int = Field(ge=3, description="fewest bright stars on which a position can be judged")
    min_found: float = Field(
        ge=0, le=1, description="least share of the brightest catalog places with a star within 2 px"
    )
    max_shift: float = Field(gt=0, description="largest median offset of stars from their places, px")
    max_uneven: float = Field(
        gt=0, description="largest growth of the squared offset along the chip by rotation and scale, px2"
    )
    max_rms: float = Field(gt=0, description="largest scatter of bright stars about their places, px")
    search_radius: float = Field(
        gt=0, le=10, description="how far the stars of a rejected exposure are looked for, arcsec"
    )
