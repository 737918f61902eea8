"""The structure of a file from the archive about the six planes of an exposure.

Headerlets, the table of WCS corrections, lookup tables of the distortion, alternate WCS: what the pipeline of
the archive adds, so that what reads frames meets it. The lookup tables are of the size of the real ones (0.05
px) and compensated by the SIP polynomial and the reference pixel: the sky stays where it is.
It pads strings with blanks to a width of the keyword, and writes the cards of an exposure whether they apply
or not. Names and widths are those of calwf3's and OPUS's files.
"""

from __future__ import annotations

import io
from typing import Any

import numpy as np
from astropy.io import fits

from cte_lake.simulate.geometry import CHIP_COLUMNS, CHIP_ROWS, REFERENCE_PIXEL

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


#: Largest shift by the tables of the filter (x and y) and by those of the detector, px.
NPOL, D2IM = 0.05, 0.03
_STEP = 64
#: WCS that the archive keeps beside the one in use, with what each is.
_ALTERNATES = {
    "O": ("OPUS", "pipeline default not aligned"),
    "A": ("IDC_2731450pi", "undistorted not aligned"),
    "B": ("IDC_2731450pi-HSC30", "undistorted a priori solution based on HSC30"),
}
_IN_USE = "IDC_2731450pi-FIT_REL_GAIAeDR3"
_WCS_KEYS = ("CRPIX1", "CRPIX2", "CRVAL1", "CRVAL2", "CD1_1", "CD1_2", "CD2_1", "CD2_2")


def dress(hdus: fits.HDUList, column: int) -> None:
    """Give the primary and six planes of an exposure, in place, the structure of a file from the archive.

    Parameters
    ----------
    hdus : HDUList
        Primary; SCI, ERR, DQ of chip 2; SCI, ERR, DQ of chip 1.
    column : int
        First column of the cut-out.
    """
    dress_primary(hdus[0].header)
    headerlets = []
    for version in (1, 2):
        header = hdus["SCI", version].header
        _add_alternates(header)
        _add_tables(header, version)
        _dress_sci(header)
    for number, (name, _) in enumerate([*_ALTERNATES.values(), (_IN_USE, "")], start=1):
        headerlets.append(_headerlet(hdus, name, number))
    tables = [table for version in (1, 2) for table in _tables(version, column)]
    # The order differs from file to file; the archive's own is no rule.
    hdus.extend([*headerlets[:2], _wcscorr(hdus), *headerlets[2:3], *tables, *headerlets[3:]])
    hdus[0].header["NEXTEND"] = len(hdus) - 1


def _add_alternates(header: fits.Header) -> None:
    for key, (name, kind) in _ALTERNATES.items():
        header[f"WCSNAME{key}"], header[f"WCSTYPE{key}"] = name, kind
        header[f"WCSAXES{key}"], header[f"RADESYS{key}"] = 2, "ICRS"
        suffix = "" if key == "O" else "-SIP"
        header[f"CTYPE1{key}"], header[f"CTYPE2{key}"] = f"RA---TAN{suffix}", f"DEC--TAN{suffix}"
        header[f"CUNIT1{key}"] = header[f"CUNIT2{key}"] = "deg"
        for card in _WCS_KEYS:
            header[f"{card}{key}"] = header[card]
        # What the pointing of before GAIA was off by.
        header[f"CRVAL2{key}"] = header["CRVAL2"] + (0.0 if key == "B" else 1.4e-4)
    header["WCSNAME"] = _IN_USE
    header["WCSTYPE"] = "undistorted a posteriori solution relatively aligned to GAIAEDR3"
    header["RMS_RA"], header["RMS_DEC"], header["NMATCHES"], header["FITGEOM"] = 5.76, 5.29, 573, "rscale"
    header["CRDER1"], header["CRDER2"] = 1.6e-06, 1.5e-06


def _add_tables(header: fits.Header, version: int) -> None:
    """Name the lookup tables in a SCI header, and take back what they do by SIP and reference pixel."""
    for axis, sign in ((1, 1.0), (2, -1.0)):
        number = 2 * (version - 1) + axis
        header[f"CPDIS{axis}"] = header[f"D2IMDIS{axis}"] = "LOOKUP"
        for record in (f"DP{axis}", f"D2IM{axis}"):
            for field, value in (("EXTVER", number), ("NAXES", 2), ("AXIS.1", 1), ("AXIS.2", 2)):
                header.append((record, f"{field}: {value}"), end=True)
        header[f"CPERR{axis}"], header[f"D2IMERR{axis}"] = NPOL, D2IM
        header[f"CRPIX{axis}"] += sign * D2IM
    header["A_1_0"], header["B_0_1"] = -NPOL / REFERENCE_PIXEL[0], -NPOL / REFERENCE_PIXEL[1]
    header["D2IMEXT"], header["NPOLEXT"] = "iref$sim0001i_d2i.fits", "iref$sim0001i_npl.fits"


def _dress_sci(header: fits.Header) -> None:
    header["VAFACTOR"] = 1.000028770785
    header["PHOTMODE"] = f"{header['PHOTMODE']} MJD#57601.3000"
    header["MDRIZSKY"], header["PHTRATIO"], header["SOFTERRS"] = 0.0, 1.0, 0
    corner = f"{header['CRVAL1']:.13f} {header['CRVAL2']:.14f}"
    # Longer than a card: it goes over CONTINUE cards.
    header["S_REGION"] = f"POLYGON ICRS {corner} {corner} {corner} {corner} "
    header["BINAXIS1"] = header["BINAXIS2"] = 1
    header["CENTERA1"], header["CENTERA2"] = 2104, 1036
    header["SIZAXIS1"], header["SIZAXIS2"] = CHIP_COLUMNS, CHIP_ROWS


def _tables(version: int, column: int) -> list[fits.ImageHDU]:
    """Return the four lookup tables of a chip."""
    # With CRPIX 0 the first node, the array's element 1, is a step away from CRVAL.
    x, y = (np.arange(1, size // _STEP + 3) * float(_STEP) for size in (CHIP_COLUMNS, CHIP_ROWS))
    across, along = np.meshgrid(x, y)
    middle_x, middle_y = REFERENCE_PIXEL[0] + D2IM, REFERENCE_PIXEL[1] - D2IM
    content = (
        ("WCSDVARR", NPOL * (across - middle_x) / REFERENCE_PIXEL[0]),
        ("WCSDVARR", NPOL * (along - middle_y) / REFERENCE_PIXEL[1]),
        ("D2IMARR", np.full_like(across, D2IM)),
        ("D2IMARR", np.full_like(across, -D2IM)),
    )
    hdus = []
    for place, (name, values) in enumerate(content):
        hdu = fits.ImageHDU(values.astype(np.float32), name=name, ver=2 * (version - 1) + place % 2 + 1)
        hdu.header.update({"CRPIX1": 0.0, "CRPIX2": 0.0, "CRVAL1": -float(column), "CRVAL2": 0.0})
        hdu.header.update({"CDELT1": float(_STEP), "CDELT2": float(_STEP)})
        hdus.append(hdu)
    return hdus


def _headerlet(hdus: fits.HDUList, name: str, number: int) -> Any:
    """Return a headerlet extension: a FITS file in the bytes of an extension of its own kind."""
    inner = fits.HDUList([fits.PrimaryHDU()])
    inner[0].header["WCSNAME"] = inner[0].header["HDRNAME"] = name
    for version in (1, 2):
        header = hdus["SCI", version].header
        wcs = fits.Header({key: header[key] for key in _WCS_KEYS} | {"WCSNAME": name})
        inner.append(fits.ImageHDU(header=wcs, name="SIPWCS", ver=version))
    stream = io.BytesIO()
    inner.writeto(stream)
    content = stream.getvalue()
    header = fits.Header()
    header["XTENSION"], header["BITPIX"], header["NAXIS"] = "HDRLET", 8, 1
    header["NAXIS1"], header["PCOUNT"], header["GCOUNT"] = len(content), 0, 1
    header["EXTNAME"], header["EXTVER"] = "HDRLET", number
    header["HDRNAME"], header["WCSNAME"] = f"{str(hdus[0].header['ROOTNAME']).strip()}_{name}", name
    # Extensions of an unknown kind are read, not made: so it is read from the bytes of a file.
    primary = fits.PrimaryHDU().header.tostring()
    return fits.HDUList.fromstring((primary + header.tostring()).encode() + content)[1]


def _wcscorr(hdus: fits.HDUList) -> fits.BinTableHDU:
    """Return the archive's table of all WCS that an exposure had."""
    names = [*(name for name, _ in _ALTERNATES.values()), _IN_USE]
    rows = [(name, version) for version in (1, 2) for name in names]
    columns = [
        fits.Column("WCS_ID", "40A", array=[name for name, _ in rows]),
        fits.Column("EXTVER", "I", array=[version for _, version in rows]),
    ]
    columns += [
        fits.Column(key, "D", array=[hdus["SCI", version].header[key] for _, version in rows])
        for key in _WCS_KEYS
    ]
    return fits.BinTableHDU.from_columns(columns, name="WCSCORR", ver=1)
