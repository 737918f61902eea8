"""The configuration's sections: what each key means and what it may be."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal

from msgspec import field

from cte_lake.config.sections import (
    ADDED_NAMES,
    Added,
    Admission,
    Align,
    Check,
    Crmask,
    Exposures,
    Fetch,
    MasterBuild,
    Positive,
    Refresh,
    Report,
    Section,
    about,
    each,
    matching,
)
from cte_lake.errors import ConfigError, UnknownName
from cte_lake.names import Estimator, Names
from cte_lake.radii import RADII
from cte_lake.starflags import mask_of

#: What a target may be called: it becomes a folder of the lake and part of a page.
TARGET_PATTERN = r"[a-z0-9][a-z0-9_-]{0,63}"
_HIGHEST_BIT = 16384
_VISIT_PATTERN = re.compile(r"\d+/[A-Za-z0-9]{2}")


def _target_name(name: str) -> None:
    if not re.fullmatch(TARGET_PATTERN, name):
        raise ValueError(f"target name {name!r} must be lower-case letters, digits, '-' or '_'")


FluxBin = tuple[float, float]


def _bins(bins: list[FluxBin]) -> None:
    if not bins:
        raise ValueError("at least one flux bin is needed")
    for low, high in bins:
        if not 0 <= low < high:
            raise ValueError(f"flux bin [{low:g}, {high:g}] must rise from 0 or more")
    if len(set(bins)) != len(bins):
        raise ValueError("a flux bin is given twice")


def _visits(visits: dict[str, str | bool]) -> None:
    for key, reason in visits.items():
        if not _VISIT_PATTERN.fullmatch(key):
            raise ValueError(f"visit {key!r} must look like '12379/07' (proposal, slash, two characters)")
        if reason in {"", True}:
            raise ValueError(f"visit {key!r} needs a reason, or false to take a default exclusion back")


def _single_bits(bits: list[int]) -> None:
    for bit in bits:
        if not 0 < bit <= _HIGHEST_BIT or bit & (bit - 1):
            raise ValueError(f"{bit} is not a bit of DQ; name single ones such as 16, 32 or 64")
    if len(set(bits)) != len(bits):
        raise ValueError("a bit is named twice")


def _known_radii(radii: list[int]) -> None:
    if set(radii) - set(RADII) or radii != sorted(set(radii)):
        raise ValueError(f"radii must rise and be among {', '.join(map(str, RADII))} px")


def _known_aperture(aperture: int) -> None:
    if aperture not in RADII:
        raise ValueError(f"aperture must be one of {', '.join(map(str, RADII))} px")


def _known_flags(names: list[str]) -> None:
    mask_of(names)


class Target(Section, frozen=True):
    """A star field of the monitor."""

    names: Annotated[
        list[str], about("spellings of TARGNAME (case, blanks, '-' do not matter)", min_length=1)
    ]
    pairing: Annotated[
        Literal["chips", "180"],
        about("'chips': chip 1 against chip 2; '180': a chip against itself, rolled by 180 degrees"),
    ]


class Proposal(Section, frozen=True):
    """An observing proposal of the monitor."""

    cycle: Annotated[int, about("HST cycle", ge=0)]
    targets: Annotated[list[str], about("targets observed")] = field(default_factory=list)
    filters: Annotated[list[str], about("filters used")] = field(default_factory=list)
    dates: Annotated[
        list[str], about("first and last month or year; what is unknown is left out", max_length=2)
    ] = field(default_factory=list)
    flash: Annotated[
        dict[str, list[int]],
        about("planned post-flash levels by target, e-/px; a target that is unknown here is left out"),
    ] = field(default_factory=dict)
    note: Annotated[str, about("what is particular about it")] = ""


class Rule(Section, frozen=True):
    """A rule that keeps exposures from being measured."""

    enabled: Annotated[bool, about("whether the rule applies")]
    reason: Annotated[str, about("why, as recorded in rejects", min_length=1)]


class XDither(Rule, frozen=True):
    """Exposures dithered along x."""

    limit: Annotated[Positive, about("largest |POSTARG1| that is no dither, arcsec")]
    except_targets: Annotated[list[str], about("targets whose x-dithers are measured")]


class ExcludedTargets(Rule, frozen=True):
    """Whole targets that are known but not measured."""

    targets: Annotated[list[str], about("targets left out")]


class Exclusions(Section, frozen=True):
    """What is not measured by default, and why."""

    charge_injection: Annotated[Rule, about("CHINJECT is not NONE")]
    x_dither: Annotated[XDither, about("|POSTARG1| over the limit")]
    sub_dither: Annotated[Rule, about("POSTARG2 between the two chips' ranges")]
    targets: Annotated[ExcludedTargets, about("targets left out")]
    binned: Annotated[Rule, about("BINAXIS1 or BINAXIS2 is not 1")]
    subarray: Annotated[Rule, about("SUBARRAY is true")]
    expflag: Annotated[Rule, about("EXPFLAG is not NORMAL")]
    amplifiers: Annotated[Rule, about("CCDAMP is not ABCD")]
    quality: Annotated[Rule, about("QUALITY or QUALCOM1 to 3 reports a problem")]
    guiding: Annotated[Rule, about("FGSLOCK is not FINE")]
    scan: Annotated[Rule, about("SCAN_TYP or SCAN_RAT shows a spatial scan")]
    grism: Annotated[Rule, about("a grism is in the beam")]
    quad_filter: Annotated[Rule, about("FILTER is one of four that share the field")]
    no_star_field: Annotated[Rule, about("IMAGETYP, SCLAMP or MTFLAG shows that the field is not of stars")]
    visits: Annotated[
        dict[str, str | bool],
        about("'PROPOSAL/VISIT' = reason; false takes a default exclusion back"),
    ]
    checks: ClassVar[Mapping[str, Check]] = {"visits": _visits}


class Chips(Section, frozen=True):
    """Which chip holds the measured field, and what a short exposure is."""

    chip2_max_postarg2: Annotated[float, about("|POSTARG2| up to this is chip 2, arcsec", ge=0)]
    chip1_min_postarg2: Annotated[Positive, about("POSTARG2 from this on is chip 1, arcsec")]
    short_limit: Annotated[Positive, about("longest exposure time that counts as short, s")]

    def __post_init__(self) -> None:
        """Refuse ranges that overlap."""
        if self.chip1_min_postarg2 <= self.chip2_max_postarg2:
            raise ValueError("chip1_min_postarg2 must exceed chip2_max_postarg2")


class Photometry(Section, frozen=True):
    """How stars are measured."""

    mode: Annotated[Literal["standard", "photutils2017", "iraf"], about("named set of photometry settings")]
    engine: Annotated[Literal["kernel", "photutils"], about("what sums the apertures")]
    radii: Annotated[list[int], about("aperture radii, px; a subset of the schema's", min_length=1)]
    overrides: Annotated[dict[str, Any], about("single settings of the mode, by name")]
    pam_dir: Annotated[str, about("folder of the official pixel area maps; empty: from the distortion")]
    use_alignment: Annotated[bool, about("whether a fitted WCS in the lake replaces the header's")]
    use_crmask: Annotated[bool, about("whether cosmic-ray masks in the lake are applied")]
    edge_margin: Annotated[float, about("stars closer to the chip's edge are not taken, px", ge=0)]
    good_bits: Annotated[list[int], about("bits of DQ that leave a pixel to be measured")]
    added: Annotated[dict[str, Added], about("columns of phot that functions fill, by name")] = field(
        default_factory=dict
    )
    checks: ClassVar[Mapping[str, Check]] = {
        "good_bits": _single_bits,
        "radii": _known_radii,
        "added": ADDED_NAMES,
    }


class Measure(Section, frozen=True):
    """How losses are computed from photometry."""

    aperture: Annotated[int, about("aperture radius that is analysed by default, px")]
    estimator: Annotated[
        Estimator,
        about("how slopes are measured where no estimator is named: in tables, figures, page and fit"),
    ]
    shape_correction: Annotated[
        Literal["none", "growth", "sky", "both"],
        about("what is taken off losses: nothing, growth_loss, sky_loss at the bin's flux, or both"),
    ]
    clip_sigma: Annotated[Positive, about("limit of the sigma clip on ratios, standard deviations")]
    epoch_width: Annotated[Positive, about("visits closer than this belong to one epoch, days")]
    flux_bins: Annotated[list[FluxBin], about("electrons")]
    time_bins: Annotated[
        list[FluxBin],
        about("flux bins of the loss-against-time figure, electrons"),
    ]
    recovery_bins: Annotated[
        list[FluxBin],
        about("flux bins, by the FLC, of the stars that are looked for in the FLT, electrons"),
    ]
    drop_flags: Annotated[list[str], about("stars with one of these photometry flags are not used")]
    min_area: Annotated[
        float, about("least good part of an aperture's area for a star to be used at that radius", ge=0, le=1)
    ]
    pair_same_postarg1: Annotated[
        bool, about("whether both exposures of a pair must have the same POSTARG1 (to the arcsecond)")
    ]
    checks: ClassVar[Mapping[str, Check]] = {
        "aperture": _known_aperture,
        "drop_flags": _known_flags,
        "flux_bins": _bins,
        "time_bins": _bins,
        "recovery_bins": _bins,
    }


class Workers(Section, frozen=True):
    """How work is spread."""

    count: Annotated[int, about("worker processes; 0 works in the calling process", ge=0, le=1024)]
    memory_limit: Annotated[
        str,
        about("memory limit of a worker, such as '4GB' or '900 MiB'; 'auto': its share; '0': none"),
    ]
    retries: Annotated[int, about("how often a task is tried again after its worker died", ge=0, le=20)]
    # As dask.utils.parse_bytes, which takes long to import, but with a unit: 4 is four bytes.
    checks: ClassVar[Mapping[str, Check]] = {
        "memory_limit": matching(
            r"(?i)0|auto|\d+(\.\d+)? *[kmgt]i?b", "an amount of memory with its unit, such as '4GB'"
        )
    }


class Config(Section, frozen=True, kw_only=True):
    """All settings of a lake; frozen."""

    targets: dict[str, Target]
    proposals: dict[int, Proposal]
    exclusions: Exclusions
    chips: Chips
    exposures: Exposures = field(default_factory=Exposures)
    photometry: Photometry
    admission: Admission
    measure: Measure
    workers: Workers
    align: Align
    crmask: Crmask
    master_build: MasterBuild
    fetch: Fetch
    report: Report
    refresh: Refresh
    checks: ClassVar[Mapping[str, Check]] = {"targets": each(_target_name)}

    def names(self) -> Names:
        """Return the configured targets with their spellings."""
        return Names({name: tuple(target.names) for name, target in self.targets.items()})

    def target_named(self, text: str) -> str:
        """Return the configured target of a spelling, 'NGC 104' or '47 Tuc'.

        Raises
        ------
        ConfigError
            If no target of this name is configured.
        """
        try:
            return self.names().target(text)
        except UnknownName as unknown:
            raise ConfigError(
                f"target {text!r} is not configured: {unknown}; add a table [targets.NAME] to the lake's "
                "cte_lake.toml"
            ) from None

    def __post_init__(self) -> None:
        """Refuse targets that are unknown."""
        super().__post_init__()
        named = {f"proposals.{number}": each.targets for number, each in self.proposals.items()}
        named |= {f"proposals.{number}.flash": [*each.flash] for number, each in self.proposals.items()}
        named["exclusions.targets"] = self.exclusions.targets.targets
        named["exclusions.x_dither"] = self.exclusions.x_dither.except_targets
        for place, names in named.items():
            for name in names:
                if name not in self.targets:
                    raise ValueError(f"{place} names target {name!r}, unknown to [targets]")
        for asked in self.refresh.sets:
            try:
                self.names().target(asked.target)
            except UnknownName as unknown:
                raise ValueError(f"refresh.sets: {unknown}") from None
