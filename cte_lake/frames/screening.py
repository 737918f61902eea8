"""Which exposures are left out by rule, and whose target they are: docs/field.md#exclusions as functions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from cte_lake.errors import Rejected
from cte_lake.frames.chips import chip_of_postarg
from cte_lake.frames.exposure import Exposure
from cte_lake.names import folded


@dataclass(frozen=True)
class ScreeningRules:
    """The configured exclusions; a rule whose reason is None is off.

    Attributes
    ----------
    charge_injection, x_dither, sub_dither, binned, subarray, expflag : str or None
        Why such exposures are not measured, in words for the user; None: they are.
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

    charge_injection: str | None
    x_dither: str | None
    sub_dither: str | None
    binned: str | None
    subarray: str | None
    expflag: str | None
    x_dither_limit: float
    chip2_limit: float
    chip1_limit: float
    same_chip_targets: frozenset[str]
    fields: Mapping[str, str]
    visits: Mapping[tuple[int, str], str]
    spellings: Mapping[str, Sequence[str]]


@dataclass(frozen=True)
class Screening:
    """Why an exposure is left out: the rule's slug and a sentence with the configured reason."""

    reason: str
    detail: str

    def as_rejected(self) -> Rejected:
        """Return it as the ``screen`` row it becomes in ``rejects``."""
        return Rejected(self.reason, self.detail, stage="screen")


def resolve_target(targname: str, spellings: Mapping[str, Sequence[str]]) -> str:
    """Return the slug of the configured target that TARGNAME spells.

    Raises
    ------
    Rejected
        ``unknown_target``.
    """
    wanted = folded(targname)
    for slug, names in spellings.items():
        if wanted in {folded(name) for name in (slug, *names)}:
            return slug
    known = ", ".join(spellings) or "none"
    raise Rejected(
        "unknown_target",
        f"TARGNAME {targname!r} is no configured target (known: {known}); add its spelling under [targets]",
    )


def screen(exposure: Exposure, rules: ScreeningRules) -> Screening | None:
    """Return the first rule that leaves the exposure out, or None if it is to be measured."""
    return (
        _screen_identity(exposure, rules)
        or _screen_readout(exposure, rules)
        or _screen_pointing(exposure, rules)
    )


def _screen_identity(exposure: Exposure, rules: ScreeningRules) -> Screening | None:
    fields = {folded(name): reason for name, reason in rules.fields.items()}
    if (reason := fields.get(folded(exposure.targname))) is not None:
        return Screening("excluded_field", f"field {exposure.targname}: {reason}")
    visits = {(proposal, visit.lower()): why for (proposal, visit), why in rules.visits.items()}
    if (reason := visits.get((exposure.proposal, exposure.visit.lower()))) is not None:
        return Screening("excluded_visit", f"visit {exposure.proposal}/{exposure.visit}: {reason}")
    return None


def _screen_readout(exposure: Exposure, rules: ScreeningRules) -> Screening | None:
    if rules.binned is not None and (exposure.binaxis1, exposure.binaxis2) != (1, 1):
        return Screening("binned", f"binned {exposure.binaxis1}x{exposure.binaxis2}: {rules.binned}")
    if rules.subarray is not None and exposure.subarray:
        return Screening("subarray", f"SUBARRAY=T: {rules.subarray}")
    if rules.expflag is not None and exposure.expflag.upper() != "NORMAL":
        return Screening("expflag", f"EXPFLAG={exposure.expflag}: {rules.expflag}")
    if rules.charge_injection is not None and exposure.chinject != "NONE":
        return Screening("charge_injection", f"CHINJECT={exposure.chinject}: {rules.charge_injection}")
    return None


def _screen_pointing(exposure: Exposure, rules: ScreeningRules) -> Screening | None:
    name = folded(exposure.targname)
    for slug in rules.same_chip_targets:
        if name in {folded(spelling) for spelling in (slug, *rules.spellings.get(slug, ()))}:
            return None
    if rules.x_dither is not None and abs(exposure.postarg1) > rules.x_dither_limit:
        return Screening("x_dither", f"POSTARG1={exposure.postarg1:g}: {rules.x_dither}")
    chip = chip_of_postarg(exposure.postarg2, rules.chip2_limit, rules.chip1_limit)
    if rules.sub_dither is not None and chip is None:
        return Screening("sub_dither", f"POSTARG2={exposure.postarg2:g}: {rules.sub_dither}")
    return None
