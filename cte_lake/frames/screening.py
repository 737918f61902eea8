"""Which exposures are excluded by rule, and whose target they are: docs/screening.md as functions.

`SCREENS` is the one table: what of the header each rule looks at, what it takes and what it leaves out. The
page docs/screening.md is written from it, and `screen` goes through it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from cte_lake.errors import Rejected, UnknownName
from cte_lake.frames.chips import chip_of_field, names_chip1
from cte_lake.frames.exposure import Exposure
from cte_lake.names import target_name


@dataclass(frozen=True)
class ScreeningRules:
    """The configured exclusions; a rule that is not among the reasons is off.

    Attributes
    ----------
    reasons : mapping of str to str
        Name of a rule of `SCREENS` to the reason why such exposures are not measured, in words for the user.
    x_dither_limit : float
        Largest abs(POSTARG1), arcsec, that is no dither in x.
    chip2_limit, chip1_limit : float
        abs(POSTARG2) up to the first is chip 2, POSTARG2 from the second on is chip 1, arcsec.
    same_chip_targets : frozenset of str
        Targets of a 180-degree set: neither x-dithers nor sub-dithers are left out.
    fields : mapping of str to str
        TARGNAME spelling to the reason why that field is not measured.
    visits : mapping of (int, str) to str
        (proposal, visit) to the reason.
    spellings : mapping of str to sequence of str
        Target slug to the spellings of TARGNAME.
    """

    reasons: Mapping[str, str]
    x_dither_limit: float
    chip2_limit: float
    chip1_limit: float
    same_chip_targets: frozenset[str]
    fields: Mapping[str, str]
    visits: Mapping[tuple[int, str], str]
    spellings: Mapping[str, Sequence[str]]

    def without(self, *names: str) -> ScreeningRules:
        """Return the rules with some of them off."""
        reasons = {name: reason for name, reason in self.reasons.items() if name not in names}
        return ScreeningRules(**vars(self) | {"reasons": reasons})


@dataclass(frozen=True)
class Screening:
    """Why an exposure is left out: the rule's slug and a sentence with the configured reason."""

    reason: str
    detail: str

    def as_rejected(self) -> Rejected:
        """Return it as the ``screen`` row it becomes in ``rejects``."""
        return Rejected(self.reason, self.detail, stage="screen")


@dataclass(frozen=True)
class Screen:
    """A line of the table.

    Attributes
    ----------
    rule : str
        Name of the rule under ``[exclusions]``; the reason stands there.
    keywords, taken, left_out : str
        What of the header is looked at, what is measured, and what is not.
    figure : callable
        What to say of an exposure that the rule leaves out; '' for one that it lets through.
    """

    rule: str
    keywords: str
    taken: str
    left_out: str
    figure: Callable[[Exposure, ScreeningRules], str]


def _binned(exposure: Exposure, _: ScreeningRules) -> str:
    binning = f"{exposure.binaxis1}x{exposure.binaxis2}"
    return "" if binning == "1x1" else f"binned {binning}"


def _scanned(exposure: Exposure, _: ScreeningRules) -> str:
    rate = exposure.scan_rat or 0.0
    return "" if exposure.scan == "N" else f"SCAN_TYP={exposure.scan_typ or 'N'}, SCAN_RAT={rate:g} arcsec/s"


def _dispersed(exposure: Exposure, _: ScreeningRules) -> str:
    if exposure.filter.startswith("G") or exposure.obstype == "SPECTROSCOPIC":
        return f"FILTER={exposure.filter}, OBSTYPE={exposure.obstype or 'missing'}"
    return ""


def _badly_guided(exposure: Exposure, _: ScreeningRules) -> str:
    return "" if exposure.fgslock in {"", "FINE", "UNKNOWN", "N/A"} else f"FGSLOCK={exposure.fgslock}"


def _lit_or_moving(exposure: Exposure, _: ScreeningRules) -> str:
    if exposure.imagetyp not in {"", "EXT"}:
        return f"IMAGETYP={exposure.imagetyp}"
    if exposure.sclamp not in {"", "NONE", "N/A"}:
        return f"SCLAMP={exposure.sclamp}"
    return "" if exposure.mtflag in {"", "F", "N/A"} else f"MTFLAG={exposure.mtflag}"


def _x_dithered(exposure: Exposure, rules: ScreeningRules) -> str:
    return f"POSTARG1={exposure.postarg1:g}" if abs(exposure.postarg1) > rules.x_dither_limit else ""


def _sub_dithered(exposure: Exposure, rules: ScreeningRules) -> str:
    aperture = exposure.aperture
    if chip_of_field(exposure.postarg2, aperture, rules.chip2_limit, rules.chip1_limit) is not None:
        return ""
    return f"POSTARG2={exposure.postarg2:g}" + (f" of {aperture}" if names_chip1(aperture) else "")


SCREENS: Final = (
    Screen("binned", "BINAXIS1, BINAXIS2", "1 and 1", "2 or 3", _binned),
    Screen("subarray", "SUBARRAY", "F", "T", lambda exposure, _: "SUBARRAY=T" if exposure.subarray else ""),
    Screen(
        "amplifiers",
        "CCDAMP",
        "ABCD, blank",
        "readout over fewer amplifiers",
        lambda exposure, _: "" if exposure.ccdamp in {"", "ABCD"} else f"CCDAMP={exposure.ccdamp}",
    ),
    Screen(
        "expflag",
        "EXPFLAG",
        "NORMAL",
        "INTERRUPTED, TDF-DOWN AT EXPSTART, and all else",
        lambda exposure, _: "" if exposure.expflag.upper() == "NORMAL" else f"EXPFLAG={exposure.expflag}",
    ),
    Screen(
        "quality",
        "QUALITY, QUALCOM1 to 3",
        "blank, OK, N/A",
        "any other text: the archive's word on what went wrong",
        lambda exposure, _: (
            "" if exposure.quality.upper() in {"", "OK", "N/A"} else f"QUALITY={exposure.quality}"
        ),
    ),
    Screen("guiding", "FGSLOCK", "FINE, UNKNOWN, blank", "GYROS, COARSE, LOST, and all else", _badly_guided),
    Screen("scan", "SCAN_TYP, SCAN_RAT", "N, blank; 0", "C, D; a rate above 0", _scanned),
    Screen("grism", "FILTER, OBSTYPE", "filters; IMAGING", "G280; SPECTROSCOPIC", _dispersed),
    Screen(
        "quad_filter",
        "FILTER",
        "filters of the whole field",
        "FQ...",
        lambda exposure, _: f"FILTER={exposure.filter}" if exposure.filter.startswith("FQ") else "",
    ),
    Screen(
        "no_star_field",
        "IMAGETYP, SCLAMP, MTFLAG",
        "EXT; NONE; F, blank",
        "BIAS, DARK, FLAT, ...; a lamp that is on; T, and all else",
        _lit_or_moving,
    ),
    Screen(
        "charge_injection",
        "CHINJECT",
        "NONE, N/A",
        "CONT, LINE10, LINE17, LINE25",
        lambda exposure, _: "" if exposure.chinject == "NONE" else f"CHINJECT={exposure.chinject}",
    ),
)
"""Rules on the readout and on what was observed, in their order."""

POINTING_SCREENS: Final = (
    Screen("x_dither", "POSTARG1", "up to the limit, either way", "beyond the limit", _x_dithered),
    Screen(
        "sub_dither",
        "POSTARG2, APERTURE",
        "a place that puts the field on one chip",
        "all others",
        _sub_dithered,
    ),
)
"""Rules on the pointing; 180-degree sets are free of them."""


def resolve_target(targname: str, spellings: Mapping[str, Sequence[str]]) -> str:
    """Return the slug of the configured target that TARGNAME spells.

    Raises
    ------
    Rejected
        ``unknown_target``.
    """
    slug = _spelled(targname, spellings)
    if slug is not None:
        return slug
    known = ", ".join(spellings) or "none"
    raise Rejected(
        "unknown_target",
        f"TARGNAME {targname!r} is not a configured target (known: {known}); add the spelling to [targets]",
    )


def _spelled(targname: str, targets: Mapping[str, Sequence[str]]) -> str | None:
    try:
        return target_name(targname, targets)
    except UnknownName:
        return None


def screen(exposure: Exposure, rules: ScreeningRules) -> Screening | None:
    """Return the first rule that leaves the exposure out, or None if it is to be measured."""
    identity = _screen_identity(exposure, rules)
    if identity is not None:
        return identity
    screens = SCREENS if _same_chip(exposure, rules) else (*SCREENS, *POINTING_SCREENS)
    for line in screens:
        reason = rules.reasons.get(line.rule)
        if reason is not None and (figure := line.figure(exposure, rules)):
            return Screening(line.rule, f"{figure}: {reason}")
    return None


def _screen_identity(exposure: Exposure, rules: ScreeningRules) -> Screening | None:
    field = _spelled(exposure.targname, dict.fromkeys(rules.fields, ()))
    if field is not None:
        return Screening("excluded_field", f"field {exposure.targname}: {rules.fields[field]}")
    visits = {(proposal, visit.lower()): why for (proposal, visit), why in rules.visits.items()}
    if (reason := visits.get((exposure.proposal, exposure.visit.lower()))) is not None:
        return Screening("excluded_visit", f"visit {exposure.proposal}/{exposure.visit}: {reason}")
    return None


def _same_chip(exposure: Exposure, rules: ScreeningRules) -> bool:
    same = {slug: rules.spellings.get(slug, ()) for slug in rules.same_chip_targets}
    return _spelled(exposure.targname, same) is not None
