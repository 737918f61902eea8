"""The configuration's sections: what each key means and what it may be."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, field_validator, model_validator

from cte_lake.config.sections import (
    Added,
    AddedName,
    Admission,
    Align,
    Crmask,
    Exposures,
    Fetch,
    MasterBuild,
    Refresh,
    Report,
    Section,
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


def _target_name(name: str) -> str:
    if not re.fullmatch(TARGET_PATTERN, name):
        raise ValueError(f"target name {name!r} must be lower-case letters, digits, '-' or '_'")
    return name


TargetName = Annotated[str, AfterValidator(_target_name)]
FluxBin = tuple[float, float]


def _check_bins(bins: list[FluxBin]) -> list[FluxBin]:
    if not bins:
        raise ValueError("at least one flux bin is needed")
    for low, high in bins:
        if not 0 <= low < high:
            raise ValueError(f"flux bin [{low:g}, {high:g}] must rise from 0 or more")
    if len(set(bins)) != len(bins):
        raise ValueError("a flux bin is given twice")
    return bins


class Target(Section):
    """A star field of the monitor."""

    names: list[str] = Field(
        min_length=1, description="spellings of TARGNAME (case, blanks, '-' do not matter)"
    )
    pairing: Literal["chips", "180"] = Field(
        description="'chips': chip 1 against chip 2; '180': a chip against itself, rolled by 180 degrees"
    )


class Proposal(Section):
    """An observing proposal of the monitor."""

    cycle: int = Field(ge=0, description="HST cycle")
    targets: list[TargetName] = Field(default_factory=list, description="targets observed")
    filters: list[str] = Field(default_factory=list, description="filters used")
    dates: list[str] = Field(
        default_factory=list,
        max_length=2,
        description="first and last month or year; what is unknown is left out",
    )
    flash: dict[TargetName, list[int]] = Field(
        default_factory=dict,
        description="planned post-flash levels by target, e-/px; a target that is unknown here is left out",
    )
    note: str = Field(default="", description="what is particular about it")


class Rule(Section):
    """A rule that keeps exposures from being measured."""

    enabled: bool = Field(description="whether the rule applies")
    reason: str = Field(min_length=1, description="why, as recorded in rejects")


class XDither(Rule):
    """Exposures dithered along x."""

    limit: float = Field(gt=0, description="largest |POSTARG1| that is no dither, arcsec")
    except_targets: list[TargetName] = Field(description="targets whose x-dithers are measured")


class ExcludedTargets(Rule):
    """Whole targets that are known but not measured."""

    targets: list[TargetName] = Field(description="targets left out")


class Exclusions(Section):
    """What is not measured by default, and why."""

    charge_injection: Rule = Field(description="CHINJECT is not NONE")
    x_dither: XDither = Field(description="|POSTARG1| over the limit")
    sub_dither: Rule = Field(description="POSTARG2 between the two chips' ranges")
    targets: ExcludedTargets = Field(description="targets left out")
    binned: Rule = Field(description="BINAXIS1 or BINAXIS2 is not 1")
    subarray: Rule = Field(description="SUBARRAY is true")
    expflag: Rule = Field(description="EXPFLAG is not NORMAL")
    amplifiers: Rule = Field(description="CCDAMP is not ABCD")
    quality: Rule = Field(description="QUALITY or QUALCOM1 to 3 reports a problem")
    guiding: Rule = Field(description="FGSLOCK is not FINE")
    scan: Rule = Field(description="SCAN_TYP or SCAN_RAT shows a spatial scan")
    grism: Rule = Field(description="a grism is in the beam")
    quad_filter: Rule = Field(description="FILTER is one of four that share the field")
    no_star_field: Rule = Field(description="IMAGETYP, SCLAMP or MTFLAG shows that the field is not of stars")
    visits: dict[str, str | Literal[False]] = Field(
        description="'PROPOSAL/VISIT' = reason; false takes a default exclusion back"
    )

    @field_validator("visits")
    @classmethod
    def _check_visits(cls, visits: dict[str, str | Literal[False]]) -> dict[str, str | Literal[False]]:
        for key, reason in visits.items():
            if not _VISIT_PATTERN.fullmatch(key):
                raise ValueError(f"visit {key!r} must look like '12379/07' (proposal, slash, two characters)")
            if reason == "":
                raise ValueError(f"visit {key!r} needs a reason")
        return visits


class Chips(Section):
    """Which chip holds the measured field, and what a short exposure is."""

    chip2_max_postarg2: float = Field(ge=0, description="|POSTARG2| up to this is chip 2, arcsec")
    chip1_min_postarg2: float = Field(gt=0, description="POSTARG2 from this on is chip 1, arcsec")
    short_limit: float = Field(gt=0, description="longest exposure time that counts as short, s")

    @model_validator(mode="after")
    def _ordered(self) -> Chips:
        if self.chip1_min_postarg2 <= self.chip2_max_postarg2:
            raise ValueError("chip1_min_postarg2 must exceed chip2_max_postarg2")
        return self


class Photometry(Section):
    """How stars are measured."""

    mode: Literal["standard", "photutils2017", "iraf"] = Field(description="named set of photometry settings")
    engine: Literal["kernel", "photutils"] = Field(description="what sums the apertures")
    radii: list[int] = Field(min_length=1, description="aperture radii, px; a subset of the schema's")
    overrides: dict[str, Any] = Field(description="single settings of the mode, by name")
    pam_dir: str = Field(description="folder of the official pixel area maps; empty: from the distortion")
    use_alignment: bool = Field(description="whether a fitted WCS in the lake replaces the header's")
    use_crmask: bool = Field(description="whether cosmic-ray masks in the lake are applied")
    edge_margin: float = Field(ge=0, description="stars closer to the chip's edge are not taken, px")
    good_bits: list[int] = Field(description="bits of DQ that leave a pixel to be measured")
    added: dict[AddedName, Added] = Field(
        default_factory=dict, description="columns of phot that functions fill, by name"
    )

    @field_validator("good_bits")
    @classmethod
    def _single_bits(cls, bits: list[int]) -> list[int]:
        for bit in bits:
            if not 0 < bit <= _HIGHEST_BIT or bit & (bit - 1):
                raise ValueError(f"{bit} is not a bit of DQ; name single ones such as 16, 32 or 64")
        if len(set(bits)) != len(bits):
            raise ValueError("a bit is named twice")
        return bits

    @field_validator("radii")
    @classmethod
    def _known_radii(cls, radii: list[int]) -> list[int]:
        unknown = sorted(set(radii) - set(RADII))
        if unknown or radii != sorted(set(radii)):
            raise ValueError(f"radii must rise and be among {', '.join(map(str, RADII))} px")
        return radii


class Measure(Section):
    """How losses are computed from photometry."""

    aperture: int = Field(description="aperture radius that is analysed by default, px")
    estimator: Estimator = Field(
        description="how slopes are measured where no estimator is named: in tables, figures, page and fit"
    )
    shape_correction: Literal["none", "growth", "sky", "both"] = Field(
        description="what is taken off losses: nothing, growth_loss, sky_loss at the bin's flux, or both"
    )
    clip_sigma: float = Field(gt=0, description="limit of the sigma clip on ratios, standard deviations")
    epoch_width: float = Field(gt=0, description="visits closer than this belong to one epoch, days")
    flux_bins: Annotated[list[FluxBin], AfterValidator(_check_bins)] = Field(description="electrons")
    time_bins: Annotated[list[FluxBin], AfterValidator(_check_bins)] = Field(
        description="flux bins of the loss-against-time figure, electrons"
    )
    recovery_bins: Annotated[list[FluxBin], AfterValidator(_check_bins)] = Field(
        description="flux bins, by the FLC, of the stars that are looked for in the FLT, electrons"
    )
    drop_flags: list[str] = Field(description="stars with one of these photometry flags are not used")
    min_area: float = Field(
        ge=0, le=1, description="least good part of an aperture's area for a star to be used at that radius"
    )
    pair_same_postarg1: bool = Field(
        description="whether both exposures of a pair must have the same POSTARG1 (to the arcsecond)"
    )

    @field_validator("aperture")
    @classmethod
    def _known_aperture(cls, aperture: int) -> int:
        if aperture not in RADII:
            raise ValueError(f"aperture must be one of {', '.join(map(str, RADII))} px")
        return aperture

    @field_validator("drop_flags")
    @classmethod
    def _known_flags(cls, names: list[str]) -> list[str]:
        mask_of(names)
        return names


class Workers(Section):
    """How work is spread."""

    count: int = Field(ge=0, le=1024, description="worker processes; 0 works in the calling process")
    # As dask.utils.parse_bytes, which takes long to import, but with a unit: 4 is four bytes.
    memory_limit: Annotated[
        str,
        matching(r"(?i)0|auto|\d+(\.\d+)? *[kmgt]i?b", "an amount of memory with its unit, such as '4GB'"),
    ] = Field(
        description="memory limit of a worker, such as '4GB' or '900 MiB'; 'auto': its share; '0': none"
    )
    retries: int = Field(ge=0, le=20, description="how often a task is tried again after its worker died")


class Config(Section):
    """All settings of a lake; frozen."""

    targets: dict[TargetName, Target]
    proposals: dict[int, Proposal]
    exclusions: Exclusions
    chips: Chips
    exposures: Exposures = Field(default_factory=Exposures)
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

    @model_validator(mode="after")
    def _targets_are_known(self) -> Config:
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
        return self
