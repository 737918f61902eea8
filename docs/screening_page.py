"""The page docs/screening.md, from the tables that the code goes by."""

from __future__ import annotations

from collections.abc import Sequence

from cte_lake.config import load_settings
from cte_lake.detector import DETECTOR
from cte_lake.frames.cards import LIMITS
from cte_lake.frames.flash import FLASH_RULES
from cte_lake.frames.keywords import CALIBRATION_STEPS
from cte_lake.frames.screening import POINTING_SCREENS, SCREENS

#: Case, what the monitor of 2017 did, what is done here and why.
DIFFERENCES_FROM_2017 = (
    (
        "POSTARG2 of -80 or below at an aperture of the whole detector",
        "measured on chip 1",
        "left out (sub_dither): the dither moves the field of chip 2 off the detector, so chip 1 shows other "
        "stars; abs(POSTARG2) made it chip 1",
    ),
    (
        "POSTARG1 below -0.1",
        "measured",
        "left out (x_dither): a dither along x is one in either direction; `POSTARG1 <= 0.1` let it through",
    ),
    (
        "APERTURE UVIS1, UVIS1-FIX, ...",
        "not looked at: chip 2 at POSTARG2 0",
        "chip 1 at POSTARG2 0, chip 2 at POSTARG2 -82: the aperture puts the field there",
    ),
    ("FLASHSTA other than SUCCESSFUL", "no flash", "refused where any other keyword says that there was one"),
    ("CHINJECT N/A", "not measured", "no charge injection, as the archive means it"),
    ("charge injection by its first two letters (LI)", "10-, 17- and 25-line are one", "kept apart"),
    ("NGC 6583", "chip by a list of root names", "chip by the stars that the opposite roll shows on it"),
    ("pairs by the integer part of EXPSTART", "a pair across midnight is lost", "paired"),
)

_HEAD = """# Screening

Written by `docs/generate.py` from `cte_lake/frames`; do not edit.

What of a file's headers decides whether it is measured. Whatever is refused or left out stands in `rejects` with its
reason: stage `screen` is a rule of the configuration, which the user can switch off; all other stages are faults of
the file.
"""
_FILES = """## Which file of an exposure

A pipeline product comes before one of HAP (file or FILENAME `hst_...`, HAPLEVEL, or a WCSNAME with FIT_SVM or FIT_MVM).
Then the newest calibration counts: CAL_VER as numbers (3.10 after 3.9, a release after its betas), then CTE_VER, then
DATE. Older files are `superseded`, equal ones `duplicate`; what the lake holds counts among them until `--overwrite`.
Two exposures under one root name (other PROPOSID, target, FILTER, EXPSTART or EXPTIME; spellings of a target are one) are kept apart: the second
one is rejected, and both are named.
"""
_CHIPS = """## Which chip

| APERTURE | chip 2 | chip 1 |
|---|---|---|
| UVIS-CENTER, UVIS, UVIS-FIX, UVIS2, UVIS2-FIX, blank; all others with the WCS | POSTARG2 within 0.1 arcsec of 0 | POSTARG2 of 80 to 120 arcsec |
| UVIS1, UVIS1-FIX, ... | POSTARG2 of -120 to -80 arcsec | POSTARG2 within 0.1 arcsec of 0 |

The limits 0.1 and 80 are those of `[chips]`. At an aperture of chip 1, of a subarray or of another channel, and for sub-dithers that are
measured on request, the WCS has its say: the chip must hold at least a quarter as many of the master catalog's stars as the other one, else
the file is refused (`chip_unclear`). In 180-degree sets the stars that both visits show on one chip choose it.
"""
_DATES = """## Dates

EXPSTART must lie between the camera's installation (MJD {installed:.0f}) and the end of next year, and agree with DATE-OBS and
TIME-OBS to half an hour where these are given. EXPEND less EXPSTART must lie between 0.9 EXPTIME - 5 s and
1.1 EXPTIME + 5 s (genuine files: within 0.03 s of EXPTIME); where EXPFLAG is not NORMAL up to 2 EXPTIME + 300 s: interrupted exposures wait for
minutes at most.
"""
_ZERO = """Where there was no flash the archive writes FLASHLVL 0, FLASHDUR 0, FLASHCUR ZERO, FLASHSTA NOT PERFORMED and FLSHCORR OMIT
(a genuine FLC of 2010 does, calibrated in 2023). A current in FLASHCUR beside NOT PERFORMED was not written by the archive,
so one of the keywords was changed, and which one the header cannot say: such a file is refused, even where FLASHDUR is 0.
"""
_SHAPES = f"""## Extensions and images

Each chip has one SCI, ERR and DQ, two-dimensional, of one shape, within {DETECTOR.columns} columns and {DETECTOR.rows} rows by NAXIS and LTV
(`bad_shape`, `missing_extension`, `bad_header`). LTV2 must be 0: distances to the amplifiers count from the first row. A part of a chip must have both.
SCI must be in ELECTRONS (or electron, e-), and ERR where it has a BUNIT (`wrong_unit`);
so are refused pixels that are called electrons, but whose ERR is that of a rate, of counts of a gain, or too small by the root of EXPTIME.
SCI in which 0 or a highest value under 50,000 electrons is that of many pixels was cut off there (`cut_off`).
Pixels of a plane that has a DATASUM must be those it was made of (`truncated`). CHECKSUM is not looked at: it changes with any card.
CCDCHIP must be the chip of the extension; where it is missing, chip 1 must lie above chip 2 by the WCS (`wrong_chip`).
Other extensions, their number (NEXTEND) and their order do not matter. ROOTNAME decides, not the file's name.
A combination of exposures (NCOMBINE above 1) is refused (`wrong_product`): each lost charge by its own, smaller fluxes.
"""
_NOT_ASKED = """## What is not asked

| keyword | why |
| --- | --- |
| CCDGAIN, ATODGN | frames are in electrons; saturation comes from DQ |
| SAA_EXIT, SAA_TIME | more cosmic rays, which the masks take; the archive's word on trouble is QUALITY |
| APERTURE, unknown names | the WCS decides, see above |
| DATE-OBS, TIME-OBS, unreadable | EXPSTART is held against launch, today and EXPEND all the same |
| TELESCOP, FILETYPE, NEXTEND, EXTEND | INSTRUME, DETECTOR and the extensions themselves decide |
"""


def screening() -> str:
    """Return the page."""
    exclusions = load_settings(None, environment={}).config.exclusions
    rules = [
        (line.rule, line.keywords, line.taken, line.left_out, getattr(exclusions, line.rule).reason)
        for line in (*SCREENS, *POINTING_SCREENS)
    ]
    limits = [
        (key, f"{found.low:g} to {found.high:g} {found.unit}".strip(), found.why)
        for key, found in LIMITS.items()
    ]
    flashes = [(rule.what, rule.reason, rule.why) for rule in FLASH_RULES]
    parts = [
        _HEAD,
        "## Rules of the configuration\n\nEach is a section `[exclusions.RULE]` with `enabled` and `reason`. 180-degree "
        "sets are free of the last two.\n",
        _table(("rule", "keywords", "taken", "left out", "why"), rules),
        "Left out too: the fields under `[exclusions.targets]` and the visits under `[exclusions.visits]`.\n",
        _FILES,
        _CHIPS,
        "## Post-flash\n\nThe level is FLASHLVL where FLASHSTA is SUCCESSFUL, else 0. These are refused, with what the "
        "header says:\n",
        _table(("header", "reason", "why"), flashes),
        _ZERO,
        _DATES.format(installed=DETECTOR.installed),
        "## Steps of calwf3\n\nWhere the header says of one of these anything but COMPLETE, the file is refused "
        "(`not_calibrated`).\n",
        _table(("keyword", "without it"), tuple(CALIBRATION_STEPS.items())),
        _SHAPES,
        "## Limits of numbers\n\nOutside these a keyword is damaged, and the file is refused.\n",
        _table(("keyword", "limits", "outside them"), limits),
        _NOT_ASKED,
        "## What 2017 did otherwise\n",
        _table(("case", "monitor of 2017", "here, and why"), DIFFERENCES_FROM_2017),
    ]
    return "\n".join(parts)


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"
