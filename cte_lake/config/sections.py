"""Sections of the configuration: steps from the archive to the photometry, report and refresh."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Annotated, Any, ClassVar, Literal

from msgspec import Meta, Struct, field

#: Refuses a value by a ValueError.
Check = Callable[[Any], None]


def about(description: str, **limits: Any) -> Meta:
    """Return what is said of a key, and its limits."""
    return Meta(description=description, **limits)


def matching(pattern: str, what: str) -> Check:
    """Return what refuses other texts, saying that they are not `what`."""

    def check(text: str) -> None:
        if not re.fullmatch(pattern, text):
            raise ValueError(f"{text!r} is not {what}")

    return check


def each(check: Check) -> Check:
    """Return what refuses lists, or tables by their keys, that hold what another check refuses."""

    def checked(values: Iterable[Any]) -> None:
        for value in values:
            check(value)

    return checked


def _known_unit(text: str) -> None:
    """Refuse a unit that astropy does not know."""
    if text:
        # astropy takes a quarter of a second to load.
        from astropy.units import Unit

        try:
            Unit(text)
        except (ValueError, TypeError):
            raise ValueError(f"astropy knows no unit {text!r}; leave it empty for none") from None


def _rises(limits: tuple[float, float]) -> None:
    if not limits[0] < limits[1]:
        raise ValueError("the range must rise")


Positive = Annotated[float, Meta(gt=0)]


class Section(Struct, frozen=True, forbid_unknown_fields=True):
    """Base of all sections: unknown keys are errors, values do not change."""

    #: What values must fulfil beside their type and limits, by key.
    checks: ClassVar[Mapping[str, Check]] = {}

    def __post_init__(self) -> None:
        """Refuse values by a ValueError."""
        for name, check in self.checks.items():
            check(getattr(self, name))


class Threshold(Section, frozen=True):
    """Detection thresholds of a filter, in standard deviations of the sky."""

    s: Annotated[Positive, about("for short exposures")]
    l: Annotated[Positive, about("for long exposures")]  # noqa: E741 - the field's word for 'long'


class Gate(Section, frozen=True):
    """What a fitted WCS must fulfil to be used."""

    min_matches: Annotated[int, about("fewest stars in the fit", ge=4)]
    min_fraction: Annotated[
        float, about("least share of the brightest sources that must have a star", gt=0, le=1)
    ]
    min_chance_ratio: Annotated[
        float, about("how many times the share of false matches that share must be", ge=1)
    ]
    max_rms: Annotated[Positive, about("largest residual in x or y, root mean square, px")]
    max_shift: Annotated[Positive, about("largest shift against the header's WCS, px")]
    max_rotation: Annotated[Positive, about("largest rotation against the header's WCS, degrees")]
    max_scale: Annotated[Positive, about("largest deviation of the scale from 1")]
    max_elongation: Annotated[float, about("largest ratio of the axes of the mean star image", gt=1)]
    max_unevenness: Annotated[Positive, about("largest mean residual in any eighth of the detector, px")]


class Align(Section, frozen=True):
    """How the WCS is fitted to the master catalog."""

    fwhm: Annotated[float, about("width of a star image for the detection, px", gt=0.5)]
    thresholds: Annotated[dict[str, Threshold], about("by filter, or by target, which goes first")]
    enough_sources: Annotated[int, about("with fewer per chip the threshold is lowered, down to 5", ge=10)]
    max_sources: Annotated[int, about("brightest sources per chip that are used", ge=20)]
    peak_max: Annotated[Positive, about("brightest pixel of a star that is not saturated, electrons")]
    sharpness: Annotated[tuple[float, float], about("range of the sharpness; cosmic rays are sharper")]
    roundness: Annotated[tuple[float, float], about("range of the roundness")]
    search_radius: Annotated[float, about("largest shift that is searched first, px", gt=0, le=100)]
    search_rotation: Annotated[float, about("largest rotation that is searched first, degrees", ge=0, le=1)]
    wide_radius: Annotated[
        float, about("largest shift that is searched where the first search fails, arcsec", ge=0, le=10)
    ]
    wide_rotation: Annotated[
        float, about("largest rotation that is searched where the others fail, degrees", ge=0, le=2)
    ]
    tolerance: Annotated[Positive, about("largest distance of a match in the last step, px")]
    fit: Annotated[Literal["shift", "rshift", "rscale", "general"], about("geometry of the fit")]
    tweakreg_conv_width: Annotated[Positive, about("conv_width of the cross-check by TweakReg, px")]
    gate: Annotated[Gate, about("what the result must fulfil")]

    checks: ClassVar[Mapping[str, Check]] = {"sharpness": _rises, "roundness": _rises}

    def threshold(self, target: str, filter_: str, length: str) -> float:
        """Return the threshold for an exposure, in standard deviations of the sky."""
        for key in (target, filter_, "default"):
            if key in self.thresholds:
                return float(getattr(self.thresholds[key], length))
        return 25.0


class SingleImage(Section, frozen=True):
    """How cosmic rays are found on one image alone."""

    sigclip: Annotated[Positive, about("limit of the Laplacian, standard deviations")]
    sigfrac: Annotated[float, about("share of the limit for the neighbours of a hit", gt=0, le=1)]
    objlim: Annotated[Positive, about("contrast against the fine structure; higher spares stars")]
    protect_radius: Annotated[
        float, about("pixels closer to a catalogued star are never masked, px; 0 protects nothing", ge=0)
    ]


class Crmask(Section, frozen=True):
    """How cosmic rays are found."""

    engine: Annotated[
        Literal["drizzle", "drizzlepac"],
        about("what compares a visit's exposures: cte-lake itself, or AstroDrizzle"),
    ]
    combine_type: Annotated[
        Literal["minmed", "median", "imedian", "iminmed"],
        about("how the visit's exposures are combined into a clean image"),
    ]
    snr: Annotated[tuple[Positive, Positive], about("limits in standard deviations, of a hit and beside it")]
    scale: Annotated[tuple[Positive, Positive], about("tolerance for the slope of a star, of both steps")]
    grow: Annotated[int, about("side of the box by which a hit grows, px; 1: not at all", ge=0, le=50)]
    blot_interp: Annotated[
        Literal["nearest", "linear", "poly3", "poly5", "sinc"], about("interpolation back to the exposure")
    ]
    good_bits: Annotated[
        str,
        about("bits of DQ that do no harm, added up or after commas"),
    ]
    min_overlap: Annotated[
        float, about("share of its field that an exposure must have in common with another", gt=0, le=1)
    ]
    max_exposures: Annotated[int, about("most exposures in one run; more are taken in turns", ge=2)]
    single: Annotated[SingleImage, about("for exposures that share their field with no other")]
    checks: ClassVar[Mapping[str, Check]] = {
        "good_bits": matching(
            r"\d{1,5}([,+]\s*\d{1,5})*", "a sum of bits of DQ such as '80', or several: '16,64'"
        )
    }


class MasterBuild(Section, frozen=True):
    """How a master catalog is made from drizzled exposures."""

    pixel_scale: Annotated[Positive, about("pixel of the drizzled image, arcsec")]
    pixfrac: Annotated[float, about("share of an input pixel that is dropped", gt=0, le=1)]
    fwhm: Annotated[Positive, about("width of a star on the drizzled image, px")]
    threshold: Annotated[Positive, about("detection limit, standard deviations of the sky")]
    peak_max: Annotated[Positive, about("brightest pixel of one exposure that is not saturated, electrons")]
    sharpness: Annotated[tuple[float, float], about("range of the sharpness")]
    roundness: Annotated[tuple[float, float], about("range of the roundness")]
    crowding_radius: Annotated[
        float, about("a star with a brighter one closer than this is left out, arcsec", ge=0)
    ]
    crowding_ratio: Annotated[
        Positive, about("flux of a neighbour, in units of the star's own, that makes it crowded")
    ]
    glare_radius: Annotated[
        float, about("within so much of a far brighter star a detection is taken for its wings, arcsec", ge=0)
    ]
    glare_ratio: Annotated[Positive, about("how many times brighter that star is")]
    min_snr: Annotated[float, about("least flux, standard deviations of the noise in the aperture", ge=0)]
    aperture: Annotated[Positive, about("radius of the flux, px of the drizzled image")]
    merge_radius: Annotated[Positive, about("stars closer than this are one, arcsec")]


class Fetch(Section, frozen=True):
    """Where the archive is and what is taken from it."""

    url: Annotated[str, about("base address of the archive (MAST)", pattern=r"https?://.+")]
    title: Annotated[
        str, about("title by which programs that are not configured are found", pattern=r".*[A-Za-z0-9].*")
    ]
    filetypes: Annotated[list[Literal["FLT", "FLC"]], about("product types", min_length=1)]
    retries: Annotated[int, about("how often a broken download is taken up again", ge=0, le=20)]
    timeout: Annotated[
        float, about("seconds without a byte after which a download is broken", gt=0, le=86400)
    ]


class Admission(Section, frozen=True):
    """What the positions of an exposure's stars must fulfil to be measured."""

    enabled: Annotated[bool, about("whether exposures off their positions are rejected")]
    min_stars: Annotated[int, about("fewest bright stars on which a position can be judged", ge=3)]
    min_found: Annotated[
        float, about("least share of the brightest catalog places with a star within 2 px", ge=0, le=1)
    ]
    max_shift: Annotated[Positive, about("largest median offset of stars from their places, px")]
    max_uneven: Annotated[
        Positive, about("largest growth of the squared offset along the chip by rotation and scale, px2")
    ]
    max_rms: Annotated[Positive, about("largest scatter of bright stars about their places, px")]
    search_radius: Annotated[
        float, about("how far the stars of a rejected exposure are looked for, arcsec", gt=0, le=10)
    ]


class Report(Section, frozen=True):
    """What the report shows, and at what cost."""

    stars_per_bin: Annotated[
        int, about("most stars of a flux bin that a pair's page draws; of more, a sample", ge=10, le=5000)
    ]
    frame_seconds: Annotated[
        float, about("time for drawing frames that no older report has; the newest go first, s", ge=0)
    ]
    show_paths: Annotated[
        bool,
        about("show full paths of lake and frames on the pages; false: names alone, fit to be published"),
    ]
    circles: Annotated[int, about("brightest matched stars that are circled on a frame", ge=0, le=2000)]
    keep: Annotated[int, about("newest reports that are kept in the lake; older ones are removed", ge=1)]


class AskedSet(Section, frozen=True, kw_only=True):
    """A coefficient set that the night is to make and keep up."""

    target: Annotated[str, about("target", min_length=1)]
    filter: Annotated[str, about("filter", min_length=1)]
    length: Annotated[Literal["s", "l"], about("short or long exposures")] = "l"
    filetype: Annotated[Literal["flt", "flc"], about("file type")]
    flash: Annotated[list[int], about("post-flash levels, e-/px; empty: all")] = field(default_factory=list)


class Refresh(Section, frozen=True):
    """What the night does, and when it sends mail."""

    frames: Annotated[str, about("folder of the frames, for `refresh` without --frames; empty: none")]
    publish: Annotated[str, about("folder that a web server shows, for the report; empty: none")]
    fetch: Annotated[bool, about("whether `refresh` asks the archive; false for a site without network")]
    fit: Annotated[bool, about("whether `refresh` fits new versions of sets whose slopes changed")]
    sets: Annotated[
        list[AskedSet],
        about("sets that `refresh` makes as soon as their visits carry one, and keeps up from then on"),
    ]
    mail_news: Annotated[bool, about("whether a night with new data sends mail though all went well")]
    remind_days: Annotated[Positive, about("days after which trouble that lasts is mailed again in full")]


#: What an added column may be called.
ADDED_NAMES = each(
    matching(
        r"[a-z][a-z0-9_]{0,39}",
        "a column's name: at most 40 lower-case letters, digits or '_', a letter first",
    )
)


class Added(Section, frozen=True, kw_only=True):
    """A column that a function fills, one value a star; the view `phot` shows it."""

    function: Annotated[
        str,
        about(
            "what measures it: MODULE:NAME, or FILE.py:NAME with a path from the lake's folder",
            pattern=r"^[^:]+:[A-Za-z_]\w*$",
        ),
    ]
    unit: Annotated[str, about("unit as astropy reads it; empty for none")] = ""
    description: Annotated[str, about("what the column holds", min_length=1)]
    ucd: Annotated[str, about("IVOA's Unified Content Descriptor")] = ""
    version: Annotated[
        int, about("raise it when the function changes: older values no longer show", ge=1)
    ] = 1
    checks: ClassVar[Mapping[str, Check]] = {"unit": _known_unit}


class AddedHeader(Section, frozen=True, kw_only=True):
    """A column that a keyword of the frames' headers fills; the view `exposures` shows it."""

    keyword: Annotated[
        str,
        about("the header's keyword, in capitals"),
    ]
    extension: Annotated[
        str,
        about("header that has it: PRIMARY, CHIP (SCI of the measured chip), or one such as 'SCI,1'"),
    ] = "PRIMARY"
    type: Annotated[Literal["string", "bool", "int64", "float64"], about("type of the column")]
    unit: Annotated[str, about("unit as astropy reads it; empty for none")] = ""
    description: Annotated[str, about("what the column holds", min_length=1)]
    ucd: Annotated[str, about("IVOA's Unified Content Descriptor")] = ""
    checks: ClassVar[Mapping[str, Check]] = {
        "keyword": matching(
            r"(?!(COMMENT|HISTORY|END)$)[A-Z0-9_-]{1,8}",
            "a keyword with a value: up to 8 capitals, digits, '-' or '_'",
        ),
        "extension": matching(
            r"PRIMARY|CHIP|[A-Z][A-Z0-9_]*,[1-9]\d?", "PRIMARY, CHIP or a name and number such as 'SCI,1'"
        ),
        "unit": _known_unit,
    }


class Exposures(Section, frozen=True):
    """What the view `exposures` has in this lake alone."""

    added: Annotated[
        dict[str, AddedHeader], about("columns of exposures that header keywords fill, by name")
    ] = field(default_factory=dict)
    checks: ClassVar[Mapping[str, Check]] = {"added": ADDED_NAMES}
