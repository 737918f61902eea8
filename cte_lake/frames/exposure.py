"""Header to :class:`Exposure`: what is known of an exposure before a pixel is read."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from astropy.io import fits

from cte_lake.detector import DETECTOR, exposure_length
from cte_lake.errors import Rejected
from cte_lake.frames import keywords
from cte_lake.frames.calibration import Calibration, product_of
from cte_lake.frames.cards import HeaderCards
from cte_lake.frames.checks import require_celestial_wcs, require_extensions
from cte_lake.frames.dates import start_of
from cte_lake.frames.flash import flash_level, mean_flash
from cte_lake.frames.opening import EXTVER_OF_CHIP, open_frame
from cte_lake.frames.planes import check_order, check_planes, image_size

log = logging.getLogger(__name__)

_QUALITY: Final = ("QUALITY", "QUALCOM1", "QUALCOM2", "QUALCOM3")


@dataclass(frozen=True)
class Exposure:
    """The header facts of one FLT or FLC file; strings are stripped, missing ones empty.

    Attributes
    ----------
    path : str
        Absolute path of the file.
    imagename : str
        ``{rootname}_{filetype}.fits``, whatever the file is called and however it is compressed.
    rootname, visit : str
        Nine lower-case letters and digits; characters 5 and 6 of them.
    filetype : str
        'flt' or 'flc' (pixel-based CTE correction done).
    targname : str
        TARGNAME as in the header; never to be used in a path.
    proposal : int
    filter : str
    exptime : float
        Seconds.
    length : str
        's' (up to the short limit) or 'l'.
    mjd : float
        EXPSTART, MJD UTC.
    chinject : str
        Charge injection: 'NONE', 'CONT', 'LINE10', 'LINE17', 'LINE25'.
    flash : int
        Post-flash level in e-/px; 0 if none was done.
    flashsta, flashcur, shutter : str
    flashdur : float or None
        Seconds.
    postarg1, postarg2 : float
        Arcsec.
    aperture : str
        Aperture of the pointing, 'UVIS-CENTER', 'UVIS1', ...
    cal_ver, pctecorr, pctetab, cte_name, cte_ver, wcsname : str
        Provenance of calibration, CTE correction and WCS.
    cal_date : str
        DATE, when the file was written, ISO.
    product : str
        'pipeline' or 'hap' (Hubble Advanced Products).
    meanflsh : float or None
        MEANFLSH: mean of the post-flash that was subtracted, electrons per pixel; the greater of both chips.
    meandark_1, meandark_2 : float or None
        MEANDARK of chip 1 and chip 2: mean of the dark that was subtracted, electrons per pixel.
    mdrizsky_1, mdrizsky_2 : float or None
        Sky by AstroDrizzle of chip 1 and chip 2, electrons per pixel; None before drizzling.
    ltv2_1, ltv2_2 : float or None
        LTV2 of chip 1 and chip 2: less the first row, where an image is part of a chip.
    expflag : str
    quality : str
        QUALITY and QUALCOM1 to 3, joined; '' where all are blank.
    fgslock, scan_typ, obstype, imagetyp, sclamp, ccdamp, mtflag : str
        In capitals.
    scan_rat : float or None
        Rate of a spatial scan, arcsec/s.
    binaxis1, binaxis2 : int
    subarray : bool
    pa_v3 : float or None
        Degrees.
    naxis1, naxis2 : int
        Columns and rows of a chip.
    """

    path: str
    imagename: str
    rootname: str
    filetype: str
    targname: str
    proposal: int
    visit: str
    filter: str
    exptime: float
    length: str
    mjd: float
    chinject: str
    flash: int
    flashsta: str
    flashdur: float | None
    flashcur: str
    shutter: str
    postarg1: float
    postarg2: float
    aperture: str
    cal_ver: str
    pctecorr: str
    pctetab: str
    cte_name: str
    cte_ver: str
    wcsname: str
    cal_date: str
    product: str
    meanflsh: float | None
    meandark_1: float | None
    meandark_2: float | None
    mdrizsky_1: float | None
    mdrizsky_2: float | None
    ltv2_1: float | None
    ltv2_2: float | None
    expflag: str
    quality: str
    fgslock: str
    scan_typ: str
    scan_rat: float | None
    obstype: str
    imagetyp: str
    sclamp: str
    ccdamp: str
    mtflag: str
    binaxis1: int
    binaxis2: int
    subarray: bool
    pa_v3: float | None
    naxis1: int
    naxis2: int

    @property
    def scan(self) -> str:
        """Kind of spatial scan: 'N' for none, else SCAN_TYP, or 'RATE' where only SCAN_RAT shows one."""
        if self.scan_typ not in {"", "N", "NONE", "N/A"}:
            return self.scan_typ
        return "RATE" if self.scan_rat else "N"

    @property
    def calibration(self) -> Calibration:
        """How new the file's calibration is."""
        return Calibration(self.product, self.cal_ver, self.cte_ver, self.cal_date)


def read_exposure(path: Path | str, short_limit: float = DETECTOR.short_limit) -> Exposure:
    """Read the header facts of an FLT or FLC file.

    Parameters
    ----------
    path : Path or str
        ``.fits``, ``.fits.gz`` or ``.fits.fz``.
    short_limit : float
        Longest exposure time, in seconds, that counts as short.

    Raises
    ------
    Rejected
        The file is no WFC3/UVIS FLT or FLC that can be measured; the reason is a slug, the detail a sentence.
    """
    file = Path(path).absolute()
    try:
        keywords.refuse_other_products(file)
        with open_frame(file, headers_only=True) as hdus:
            _require_uvis(HeaderCards(file.name, [hdus[0].header]))
            chips = _chip_headers(hdus, file)
            cards = HeaderCards(file.name, [hdus[0].header, *chips.values()])
            return _exposure(file, cards, chips, short_limit)
    except Rejected:
        raise
    except Exception as error:  # one file's header never ends a run over thousands
        log.debug("header of %s", file, exc_info=True)
        detail = f"the header of {file.name} cannot be understood; fetch it again"
        raise Rejected("bad_header", detail) from error


def _chip_headers(hdus: fits.HDUList, file: Path) -> dict[int, fits.Header]:
    """Return the checked SCI header of each chip, chip 2 first."""
    if ("SCI", 2) not in hdus and keywords.flag(HeaderCards(file.name, [hdus[0].header]), "SUBARRAY") == "T":
        # A subarray may be on one chip only; its facts are read so that screening can say why it is left out.
        require_extensions(hdus, file, versions=(1,))
        return {2: hdus["SCI", 1].header}
    require_extensions(hdus, file)
    chips = {chip: hdus["SCI", version].header for chip, version in EXTVER_OF_CHIP.items()}
    for chip, header in chips.items():
        check_planes(hdus, file, chip)
        require_celestial_wcs(header, f"SCI,{EXTVER_OF_CHIP[chip]} of {file.name}")
    check_order(chips, file.name)
    return chips


def _require_uvis(primary: HeaderCards) -> None:
    instrument = primary.text("INSTRUME")
    # Cameras of one detector have no such keyword.
    detector = primary.text("DETECTOR") if instrument.upper() == "WFC3" else primary.optional_text("DETECTOR")
    if (instrument.upper(), detector.upper()) != ("WFC3", "UVIS"):
        camera = f"{instrument}/{detector}".rstrip("/")
        raise Rejected("not_uvis", f"{primary.name} is a frame of {camera}, not of WFC3/UVIS")


def _exposure(file: Path, cards: HeaderCards, chips: dict[int, fits.Header], short_limit: float) -> Exposure:
    rootname = keywords.rootname(cards)
    filetype = keywords.filetype(file, cards)
    keywords.refuse_uncalibrated(cards)
    keywords.refuse_combined(cards)
    exptime = cards.number("EXPTIME")
    naxis1, naxis2 = image_size(chips[2], file.name)
    return Exposure(
        path=str(file),
        imagename=f"{rootname}_{filetype}.fits",
        rootname=rootname,
        filetype=filetype,
        targname=cards.text("TARGNAME"),
        proposal=keywords.proposal(cards),
        visit=rootname[4:6],
        filter=keywords.filter(cards),
        exptime=exptime,
        length=exposure_length(exptime, short_limit),
        mjd=start_of(cards, exptime),
        chinject=keywords.chinject(cards),
        flash=flash_level(file, cards, rootname),
        shutter=cards.optional_text("SHUTRPOS"),
        postarg1=cards.number("POSTARG1"),
        postarg2=cards.number("POSTARG2"),
        expflag=cards.text("EXPFLAG"),
        quality="; ".join(filter(None, map(cards.optional_text, _QUALITY))),
        mtflag=keywords.flag(cards, "MTFLAG"),
        binaxis1=keywords.binning(cards, "BINAXIS1"),
        binaxis2=keywords.binning(cards, "BINAXIS2"),
        subarray=keywords.subarray(cards),
        naxis1=naxis1,
        naxis2=naxis2,
        **_of_calibration(file, cards, chips),
        **_as_stated(cards),
    )


def _of_calibration(file: Path, cards: HeaderCards, chips: dict[int, fits.Header]) -> dict[str, Any]:
    """Return what calibration wrote: its CTE correction, date and product, both chips' backgrounds."""
    names = cards.optional_text("FILENAME"), cards.optional_text("WCSNAME")
    of_chip = {chip: HeaderCards(file.name, [header]) for chip, header in chips.items()}
    return {
        "cte_name": cards.text_or_history("CTE_NAME"),
        "cte_ver": cards.text_or_history("CTE_VER"),
        "cal_date": cards.optional_text("DATE"),
        "product": product_of(file.name, *names, cards.raw("HAPLEVEL")),
        "meanflsh": mean_flash(cards),
        **{
            f"{key.lower()}_{chip}": of_chip[chip].optional_number(key) if chip in of_chip else None
            for key in ("MEANDARK", "MDRIZSKY", "LTV2")
            for chip in (1, 2)
        },
    }


#: Keywords that a header may lack and whose facts bear their names: texts, texts in capitals, numbers.
_TEXTS = ("FLASHSTA", "FLASHCUR", "CAL_VER", "PCTECORR", "PCTETAB", "WCSNAME")
_CAPITALS = ("APERTURE", "FGSLOCK", "SCAN_TYP", "OBSTYPE", "IMAGETYP", "SCLAMP", "CCDAMP")
_NUMBERS = ("FLASHDUR", "SCAN_RAT", "PA_V3")


def _as_stated(cards: HeaderCards) -> dict[str, Any]:
    facts: dict[str, Any] = {key.lower(): cards.optional_text(key) for key in _TEXTS}
    facts |= {key.lower(): cards.optional_text(key).upper() for key in _CAPITALS}
    return facts | {key.lower(): cards.optional_number(key) for key in _NUMBERS}
