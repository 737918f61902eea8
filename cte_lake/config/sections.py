"""Sections of the configuration: steps from the archive to the photometry, report and refresh."""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, field_validator


def matching(pattern: str, what: str) -> AfterValidator:
    """Return what refuses other texts, saying that they are not `what`."""

    def check(text: str) -> str:
        if not re.fullmatch(pattern, text):
            raise ValueError(f"{text!r} is not {what}")
        return text

    return AfterValidator(check)


def _known_unit(text: str) -> str:
    """Refuse a unit that astropy does not know."""
    if text:
        # astropy takes a quarter of a second to load.
        from astropy.units import Unit

        try:
            Unit(text)
        except (ValueError, TypeError):
            raise ValueError(f"astropy knows no unit {text!r}; leave it empty for none") from None
    return text


Positive = Annotated[float, Field(gt=0)]
UnitText = Annotated[str, AfterValidator(_known_unit)]


class Section(BaseModel):
    """Base of all sections: unknown keys are errors, values do not change."""

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)


class Threshold(Section):
    """Detection thresholds of a filter, in standard deviations of the sky."""

    s: float = Field(gt=0, description="for short exposures")
    l: float = Field(gt=0, description="for long exposures")  # noqa: E741 - the field's word for 'long'


class Gate(Section):
    """What a fitted WCS must fulfil to be used."""

    min_matches: int = Field(ge=4, description="fewest stars in the fit")
    min_fraction: float = Field(
        gt=0, le=1, description="least share of the brightest sources that must have a star"
    )
    min_chance_ratio: float = Field(
        ge=1, description="how many times the share of false matches that share must be"
    )
    max_rms: float = Field(gt=0, description="largest residual in x or y, root mean square, px")
    max_shift: float = Field(gt=0, description="largest shift against the header's WCS, px")
    max_rotation: float = Field(gt=0, description="largest rotation against the header's WCS, degrees")
    max_scale: float = Field(gt=0, description="largest deviation of the scale from 1")
    max_elongation: float = Field(gt=1, description="largest ratio of the axes of the mean star image")
    max_unevenness: float = Field(gt=0, description="largest mean residual in any eighth of the detector, px")


class Align(Section):
    """How the WCS is fitted to the master catalog."""

    fwhm: float = Field(gt=0.5, description="width of a star image for the detection, px")
    thresholds: dict[str, Threshold] = Field(description="by filter, or by target, which goes first")
    enough_sources: int = Field(ge=10, description="with fewer per chip the threshold is lowered, down to 5")
    max_sources: int = Field(ge=20, description="brightest sources per chip that are used")
    peak_max: float = Field(gt=0, description="brightest pixel of a star that is not saturated, electrons")
    sharpness: tuple[float, float] = Field(description="range of the sharpness; cosmic rays are sharper")
    roundness: tuple[float, float] = Field(description="range of the roundness")
    search_radius: float = Field(gt=0, le=100, description="largest shift that is searched first, px")
    search_rotation: float = Field(ge=0, le=1, description="largest rotation that is searched first, degrees")
    wide_radius: float = Field(
        ge=0, le=10, description="largest shift that is searched where the first search fails, arcsec"
    )
    wide_rotation: float = Field(
        ge=0, le=2, description="largest rotation that is searched where the others fail, degrees"
    )
    tolerance: float = Field(gt=0, description="largest distance of a match in the last step, px")
    fit: Literal["shift", "rshift", "rscale", "general"] = Field(description="geometry of the fit")
    tweakreg_conv_width: float = Field(gt=0, description="conv_width of the cross-check by TweakReg, px")
    gate: Gate = Field(description="what the result must fulfil")

    @field_validator("sharpness", "roundness")
    @classmethod
    def _rises(cls, limits: tuple[float, float]) -> tuple[float, float]:
        if not limits[0] < limits[1]:
            raise ValueError("the range must rise")
        return limits

    def threshold(self, target: str, filter_: str, length: str) -> float:
        """Return the threshold for an exposure, in standard deviations of the sky."""
        for key in (target, filter_, "default"):
            if key in self.thresholds:
                return float(getattr(self.thresholds[key], length))
        return 25.0


class SingleImage(Section):
    """How cosmic rays are found on one image alone."""

    sigclip: float = Field(gt=0, description="limit of the Laplacian, standard deviations")
    sigfrac: float = Field(gt=0, le=1, description="share of the limit for the neighbours of a hit")
    objlim: float = Field(gt=0, description="contrast against the fine structure; higher spares stars")
    protect_radius: float = Field(
        ge=0, description="pixels closer to a catalogued star are never masked, px; 0 protects nothing"
    )


class Crmask(Section):
    """How cosmic rays are found."""

    engine: Literal["drizzle", "drizzlepac"] = Field(
        description="what compares a visit's exposures: cte-lake itself, or AstroDrizzle"
    )
    combine_type: Literal["minmed", "median", "imedian", "iminmed"] = Field(
        description="how the visit's exposures are combined into a clean image"
    )
    snr: tuple[Positive, Positive] = Field(
        description="limits in standard deviations, of a hit and beside it"
    )
    scale: tuple[Positive, Positive] = Field(description="tolerance for the slope of a star, of both steps")
    grow: int = Field(ge=0, le=50, description="side of the box by which a hit grows, px; 1: not at all")
    blot_interp: Literal["nearest", "linear", "poly3", "poly5", "sinc"] = Field(
        description="interpolation back to the exposure"
    )
    good_bits: Annotated[
        str, matching(r"\d{1,5}([,+]\s*\d{1,5})*", "a sum of bits of DQ such as '80', or several: '16,64'")
    ] = Field(description="bits of DQ that do no harm, added up or after commas")
    min_overlap: float = Field(
        gt=0, le=1, description="share of its field that an exposure must have in common with another"
    )
    max_exposures: int = Field(ge=2, description="most exposures in one run; more are taken in turns")
    single: SingleImage = Field(description="for exposures that share their field with no other")


class MasterBuild(Section):
    """How a master catalog is made from drizzled exposures."""

    pixel_scale: float = Field(gt=0, description="pixel of the drizzled image, arcsec")
    pixfrac: float = Field(gt=0, le=1, description="share of an input pixel that is dropped")
    fwhm: float = Field(gt=0, description="width of a star on the drizzled image, px")
    threshold: float = Field(gt=0, description="detection limit, standard deviations of the sky")
    peak_max: float = Field(
        gt=0, description="brightest pixel of one exposure that is not saturated, electrons"
    )
    sharpness: tuple[float, float] = Field(description="range of the sharpness")
    roundness: tuple[float, float] = Field(description="range of the roundness")
    crowding_radius: float = Field(
        ge=0, description="a star with a brighter one closer than this is left out, arcsec"
    )
    crowding_ratio: float = Field(
        gt=0, description="flux of a neighbour, in units of the star's own, that makes it crowded"
    )
    glare_radius: float = Field(
        ge=0, description="within so much of a far brighter star a detection is taken for its wings, arcsec"
    )
    glare_ratio: float = Field(gt=0, description="how many times brighter that star is")
    min_snr: float = Field(ge=0, description="least flux, standard deviations of the noise in the aperture")
    aperture: float = Field(gt=0, description="radius of the flux, px of the drizzled image")
    merge_radius: float = Field(gt=0, description="stars closer than this are one, arcsec")


class Fetch(Section):
    """Where the archive is and what is taken from it."""

    url: str = Field(pattern=r"https?://.+", description="base address of the archive (MAST)")
    title: str = Field(
        pattern=r".*[A-Za-z0-9].*", description="title by which programs that are not configured are found"
    )
    filetypes: list[Literal["FLT", "FLC"]] = Field(min_length=1, description="product types")
    retries: int = Field(ge=0, le=20, description="how often a broken download is taken up again")
    timeout: float = Field(
        gt=0, le=86400, description="seconds without a byte after which a download is broken"
    )


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


class AskedSet(Section):
    """A coefficient set that the night is to make and keep up."""

    target: str = Field(min_length=1, description="target")
    filter: str = Field(min_length=1, description="filter")
    length: Literal["s", "l"] = Field(default="l", description="short or long exposures")
    filetype: Literal["flt", "flc"] = Field(description="file type")
    flash: list[int] = Field(default_factory=list, description="post-flash levels, e-/px; empty: all")


class Refresh(Section):
    """What the night does, and when it sends mail."""

    frames: str = Field(description="folder of the frames, for `refresh` without --frames; empty: none")
    publish: str = Field(description="folder that a web server shows, for the report; empty: none")
    fetch: bool = Field(description="whether `refresh` asks the archive; false for a site without network")
    fit: bool = Field(description="whether `refresh` fits new versions of sets whose slopes changed")
    sets: list[AskedSet] = Field(
        description="sets that `refresh` makes as soon as their visits carry one, and keeps up from then on"
    )
    mail_news: bool = Field(description="whether a night with new data sends mail though all went well")
    remind_days: float = Field(
        gt=0,
        description="days after which trouble that lasts is mailed again in full",
    )


#: What an added column may be called.
AddedName = Annotated[
    str,
    matching(
        r"[a-z][a-z0-9_]{0,39}",
        "a column's name: at most 40 lower-case letters, digits or '_', a letter first",
    ),
]


class Added(Section):
    """A column that a function fills, one value a star; the view `phot` shows it."""

    function: str = Field(
        pattern=r"^[^:]+:[A-Za-z_]\w*$",
        description="what measures it: MODULE:NAME, or FILE.py:NAME with a path from the lake's folder",
    )
    unit: UnitText = Field(default="", description="unit as astropy reads it; empty for none")
    description: str = Field(min_length=1, description="what the column holds")
    ucd: str = Field(default="", description="IVOA's Unified Content Descriptor")
    version: int = Field(
        default=1, ge=1, description="raise it when the function changes: older values no longer show"
    )


class AddedHeader(Section):
    """A column that a keyword of the frames' headers fills; the view `exposures` shows it."""

    keyword: Annotated[
        str,
        matching(
            r"(?!(COMMENT|HISTORY|END)$)[A-Z0-9_-]{1,8}",
            "a keyword with a value: up to 8 capitals, digits, '-' or '_'",
        ),
    ] = Field(description="the header's keyword, in capitals")
    extension: Annotated[
        str,
        matching(
            r"PRIMARY|CHIP|[A-Z][A-Z0-9_]*,[1-9]\d?", "PRIMARY, CHIP or a name and number such as 'SCI,1'"
        ),
    ] = Field(
        default="PRIMARY",
        description="header that has it: PRIMARY, CHIP (SCI of the measured chip), or one such as 'SCI,1'",
    )
    type: Literal["string", "bool", "int64", "float64"] = Field(description="type of the column")
    unit: UnitText = Field(default="", description="unit as astropy reads it; empty for none")
    description: str = Field(min_length=1, description="what the column holds")
    ucd: str = Field(default="", description="IVOA's Unified Content Descriptor")


class Exposures(Section):
    """What the view `exposures` has in this lake alone."""

    added: dict[AddedName, AddedHeader] = Field(
        default_factory=dict, description="columns of exposures that header keywords fill, by name"
    )
