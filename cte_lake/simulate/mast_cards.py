"""Keywords that frames from the archive carry beside those that the pipeline looks at, with their widths.

The archive pads strings with blanks to a width of the keyword, and writes the cards of an exposure whether
they apply or not. Names and widths are those of calwf3's and OPUS's files.
"""

from __future__ import annotations

from astropy.io import fits

#: Widths to which strings of the primary header are padded.
PADDED: dict[str, int] = {
    "ROOTNAME": 34, "IMAGETYP": 18, "PRIMESI": 6, "TARGNAME": 31, "LINENUM": 15, "PR_INV_L": 30,
    "FGSLOCK": 18,
    "REFFRAME": 8, "EXPFLAG": 13, "OBSTYPE": 14, "OBSMODE": 10, "SCLAMP": 14, "FILTER": 7, "APERTURE": 16,
    "PROPAPER": 16, "DIRIMAGE": 9, "CTEDIR": 8, "FLASHCUR": 7, "FLASHSTA": 16, "SHUTRPOS": 5, "CHINJECT": 8,
    "CTE_VER": 8, "PCTECORR": 8, "FLSHCORR": 8, "CRCORR": 8, "DRIZCORR": 8, "FLUXCORR": 8, "INSTRUME": 6,
    "ASN_ID": 10, "ASN_TAB": 23, "ASN_MTYP": 12,
}  # fmt: skip

_BLANK = {
    "PR_INV_F": 20, "PR_INV_M": 20, "QUALCOM1": 68, "QUALCOM2": 68, "QUALCOM3": 68, "QUALITY": 68,
    "CTEIMAGE": 4,
    "T_SGSTAR": 18, "P1_SHAPE": 18, "P1_PURPS": 10, "P1_FRAME": 9, "P1_CENTR": 3, "INITGUES": 3, "SKYSUB": 4,
    "CRSIGMAS": 15,
}  # fmt: skip
_STRINGS = {
    "CSMID": "UVIS   ", "SCAN_TYP": "N                 ", "SCAN_COR": "C                 ",
    "PATTERN1": "NONE                    ", "OPUS_VER": "HSTDP 2023_3                ",
    "CSYS_VER": "caldp_20231201", "AWSYSVER": "v0.4.42 ", "AWSDPVER": "v0.2.24 ",
    "CRDS_CTX": "hst_1127.pmap", "CRDS_VER": "11.17.6, b11.4.0", "ATODCORR": "OMIT    ",
    "BLEVCORR": "COMPLETE", "BIASCORR": "COMPLETE", "EXPSCORR": "COMPLETE", "SHADCORR": "OMIT    ",
    "DARKCORR": "COMPLETE", "PHOTCORR": "COMPLETE", "ATODTAB": "N/A                    ",
    "SHADFILE": "N/A                    ", "GRAPHTAB": "N/A                    ",
    "COMPTAB": "N/A                    ", "NLINFILE": "N/A     ",
}  # fmt: skip
_FILES = {
    "BPIXTAB": "bpx", "CCDTAB": "ccd", "OSCNTAB": "osc", "BIASFILE": "bia", "CRREJTAB": "crr",
    "DARKFILE": "drk",
    "PFLTFILE": "pfl", "IMPHTTAB": "imp", "IDCTAB": "idc", "MDRIZTAB": "mdz", "D2IMFILE": "d2i",
    "NPOLFILE": "npl",
    "PCTETAB": "cte", "DRKCFILE": "dkc", "BIACFILE": "bic", "SNKCFILE": "snk", "SATUFILE": "sat",
}  # fmt: skip
_NUMBERS: dict[str, float | int | bool] = {
    "MOONANGL": 70.4, "SUN_ALT": 66.1, "SCAN_WID": 0.0, "ANG_SIDE": 0.0, "DWELL_LN": 0, "DWELL_TM": 0.0,
    "SCAN_ANG": 0.0, "SCAN_RAT": 0.0, "NO_LINES": 0, "SCAN_LEN": 0.0, "WRTERR": True, "MEANEXP": 0.0,
    "SCALENSE": 0.0, "SKYSUM": 0.0, "CRRADIUS": 0.0, "CRTHRESH": 0.0, "BADINPDQ": 0, "REJ_RATE": 0.0,
    "CRMASK": False, "P1_NPTS": 0, "P1_PSPAC": 0.0, "P1_LSPAC": 0.0, "P1_ANGLE": 0.0, "P1_ORINT": 0.0,
    "PATTSTEP": 0, "BIASLEVA": 2555.1, "BIASLEVB": 2542.8, "BIASLEVC": 2503.3, "BIASLEVD": 2604.9,
    "PROCTIME": 60293.78,
}  # fmt: skip
_CTE: dict[str, float | int] = {
    "CTEDATE0": 54962.0, "CTEDATE1": 57725.8, "PCTETLEN": 60, "PCTERNOI": 3.75, "PCTENFOR": 3, "PCTENPAR": 7,
    "PCTEFRAC": 0.98, "PCTENSMD": 0, "PCTETRSH": -10.0, "FIXROCR": 1,
}  # fmt: skip
_STEPS = (
    "PCTECORR", "DQICORR", "BLEVCORR", "BIASCORR", "CCD parameters table:", "DARKCORR", "FLATCORR",
    "PHOTCORR", "FLUXCORR", "EXPSCORR",
)  # fmt: skip
_SECTIONS = (
    "DATA DESCRIPTION KEYWORDS", "TARGET INFORMATION", "PROPOSAL INFORMATION", "EXPOSURE INFORMATION",
    "POINTING INFORMATION", "TARGET OFFSETS (POSTARGS)", "DIAGNOSTIC KEYWORDS",
    "SCIENCE INSTRUMENT CONFIGURATION", "CTE CORRECTION PARAMETERS", "SCAN KEYWORDS",
    "CALIBRATION SWITCHES: PERFORM, OMIT, COMPLETE, SKIPPED", "CALIBRATION REFERENCE FILES",
    "COSMIC RAY REJECTION ALGORITHM PARAMETERS", "POST FLASH PARAMETERS", "CHARGE INJECTION PARAMETERS",
    "OTFR KEYWORDS", "PATTERN KEYWORDS", "ENGINEERING PARAMETERS", "CALIBRATED ENGINEERING PARAMETERS",
    "ASSOCIATION KEYWORDS",
)  # fmt: skip


def dress_primary(header: fits.Header) -> None:
    """Give a primary header, in place, the cards and the padding of a file from the archive (300 cards)."""
    corrected = header["PCTECORR"] == "COMPLETE"
    for section in _SECTIONS:
        header.append(("", ""), end=True)
        header.append(("", f"              / {section}"), end=True)
    header.update(_STRINGS | _NUMBERS | _CTE)
    header.update({name: f"iref$sim0001i_{kind}.fits" for name, kind in _FILES.items()})
    header["CTE_NAME"] = "pixelCTE 2019" if corrected else " " * 13
    header["CTE_VER"] = "2.0" if corrected else ""
    header["FLUXCORR"] = "COMPLETE"
    header["FLSHCORR"] = "COMPLETE" if header["FLASHLVL"] else "OMIT"
    header["DARKTIME"] = float(header["EXPTIME"]) + 3.96
    for name, width in PADDED.items():
        if isinstance(header.get(name), str):
            _pad(header, name, str(header[name]), width)
    for name, width in _BLANK.items():
        _pad(header, name, "", width)
    for step in _STEPS:
        header["HISTORY"] = f"{step} complete ..."
        header["HISTORY"] = "  reference table iref$sim0001i_ref.fits"
        header["HISTORY"] = "    INFLIGHT 10/05/2009 05/12/2019"
        header["HISTORY"] = "    Simulated; no file of this name exists.------------------------------"


def _pad(header: fits.Header, name: str, value: str, width: int) -> None:
    """Set a card with trailing blanks: astropy takes them off a value, and leaves a card that it is given."""
    header.remove(name, ignore_missing=True)
    header.append(fits.Card.fromstring(f"{name:<8}= '{value:<{width}}'"), end=True)
