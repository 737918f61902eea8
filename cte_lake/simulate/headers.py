"""Headers of calibrated WFC3/UVIS frames, with every keyword that the pipeline and drizzlepac look at."""

from __future__ import annotations

from astropy.io import fits
from astropy.time import Time

from cte_lake.simulate.geometry import REFERENCE_PIXEL, ChipGeometry, first_column, wcs_header
from cte_lake.simulate.program import ExposurePlan

#: Photometric keywords by filter: PHOTFLAM, PHOTPLAM, PHOTBW.
_PHOTOMETRY = {"F502N": (5.1e-18, 5009.6, 26.9), "F606W": (1.15e-19, 5889.2, 656.0)}
_SECONDS_A_DAY = 86400.0
#: Rate (e-/s) of the post-flash lamp at its low setting.
_FLASH_RATE = 10.0


def primary_header(plan: ExposurePlan, filetype: str) -> fits.Header:
    """Primary header of an exposure."""
    start = Time(plan.mjd, format="mjd", scale="utc").isot
    header = fits.Header()
    header.update(_identity_cards(plan, filetype, start))
    header.update(_instrument_cards(plan))
    header.update(_calibration_cards(plan, filetype))
    return header


def _identity_cards(plan: ExposurePlan, filetype: str, start: str) -> dict[str, object]:
    return {
        "ORIGIN": "SIMULATED", "FILENAME": f"{plan.rootname}_{filetype}.fits", "FILETYPE": "SCI",
        "NEXTEND": 6,
        "TELESCOP": "HST", "INSTRUME": "WFC3", "EQUINOX": 2000.0, "ROOTNAME": plan.rootname,
        "IMAGETYP": "EXT",
        "PRIMESI": "WFC3", "TARGNAME": plan.target.targname, "RA_TARG": plan.target.ra,
        "DEC_TARG": plan.target.dec, "PROPOSID": plan.proposal, "LINENUM": f"{plan.rootname[4:6]}.001",
        "PR_INV_L": "SIM", "SUNANGLE": 100.0,
        "FGSLOCK": "GYROS" if plan.anomaly == "guide_star_smear" else "FINE",
        "GYROMODE": "T", "REFFRAME": "ICRS", "MTFLAG": "", "DATE-OBS": start[:10], "TIME-OBS": start[11:19],
        "EXPSTART": plan.mjd, "EXPEND": plan.mjd + plan.exptime / _SECONDS_A_DAY, "EXPTIME": plan.exptime,
        "EXPFLAG": "NORMAL", "PA_V3": plan.header_attitude.pa_v3, "POSTARG1": plan.postarg1,
        "POSTARG2": plan.postarg2, "OBSTYPE": "IMAGING", "OBSMODE": "ACCUM", "SCLAMP": "NONE", "NRPTEXP": 1,
        "SUBARRAY": False,
    }  # fmt: skip


def _instrument_cards(plan: ExposurePlan) -> dict[str, object]:
    cards: dict[str, object] = {
        "DETECTOR": "UVIS", "FILTER": plan.filter, "APERTURE": "UVIS-CENTER", "PROPAPER": "UVIS-CENTER",
        "DIRIMAGE": "NONE", "CTEDIR": "NONE", "CRSPLIT": 1, "BINAXIS1": 1, "BINAXIS2": 1, "CCDAMP": "ABCD",
        "CCDGAIN": 1.5,
    }  # fmt: skip
    cards |= {f"CCDOFST{amp}": 3 for amp in "ABCD"}
    cards |= dict(zip(("ATODGNA", "ATODGNB", "ATODGNC", "ATODGND"), (1.56, 1.56, 1.58, 1.57), strict=True))
    cards |= dict(
        zip(("READNSEA", "READNSEB", "READNSEC", "READNSED"), (2.97, 2.99, 2.92, 3.01), strict=True)
    )
    return cards | {
        "CHINJECT": plan.chinject, "FLASHDUR": plan.flash / _FLASH_RATE,
        "FLASHCUR": "LOW" if plan.flash else "ZERO",
        "FLASHSTA": "SUCCESSFUL" if plan.flash else "NOT PERFORMED",
        "SHUTRPOS": "A", "FLASHLVL": plan.flash, "MEANFLSH": float(plan.flash),
    }  # fmt: skip


def _calibration_cards(plan: ExposurePlan, filetype: str) -> dict[str, object]:
    flam, plam, width = _PHOTOMETRY.get(plan.filter, _PHOTOMETRY["F502N"])
    cards: dict[str, object] = {
        "PHOTMODE": f"WFC3 UVIS2 {plan.filter}", "PHOTFLAM": flam, "PHOTFNU": 4.3e-07, "PHOTZPT": -21.1,
        "PHOTPLAM": plam, "PHOTBW": width, "PHTFLAM1": flam, "PHTFLAM2": flam, "PHTRATIO": 1.0,
        "CALSTAT": "OK", "CAL_VER": plan.cal_ver, "DQICORR": "COMPLETE", "FLATCORR": "COMPLETE",
        "FLSHCORR": "COMPLETE", "PCTECORR": "COMPLETE" if filetype == "flc" else "OMIT",
        "DRIZCORR": "PERFORM", "CRCORR": "OMIT",
    }  # fmt: skip
    for name in (
        "BPIXTAB", "CCDTAB", "OSCNTAB", "CRREJTAB", "BIASFILE", "DARKFILE", "FLSHFILE", "PFLTFILE",
        "DFLTFILE",
        "LFLTFILE", "IMPHTTAB", "DRKCFILE", "PCTETAB", "IDCTAB", "D2IMFILE", "NPOLFILE", "DGEOFILE", "OFFTAB",
        "MDRIZTAB",
    ):  # fmt: skip
        cards[name] = "N/A"
    return cards | {
        "ASN_ID": "NONE", "ASN_TAB": "NONE", "ASN_MTYP": "", "UPWCSVER": "1.7.7", "PYWCSVER": "8.0",
    }  # fmt: skip


def extension_header(
    plan: ExposurePlan,
    chip: ChipGeometry,
    extname: str,
    width: int,
    *,
    statistics: dict[str, float] | None = None,
) -> fits.Header:
    """Header of one extension.

    The *header* attitude of the exposure is written; statistics are NGOODPIX, GOODMEAN, MEANDARK of a SCI
    header.
    """
    column = first_column(width)
    header = fits.Header()
    header["EXTNAME"], header["EXTVER"], header["INHERIT"] = extname, chip.extver, True
    header["ROOTNAME"] = header["EXPNAME"] = plan.rootname
    header["BUNIT"] = "UNITLESS" if extname == "DQ" else "ELECTRONS"
    wcs = wcs_header(chip, plan.header_attitude, column)
    if extname == "SCI":
        header.update(wcs)
        header.update(_distortion_cards(chip))
    else:
        for key in ("WCSAXES", "CRPIX1", "CRPIX2", "CRVAL1", "CRVAL2", "CD1_1", "CD1_2", "CD2_1", "CD2_2"):
            header[key] = wcs[key]
    header["LTV1"], header["LTV2"], header["LTM1_1"], header["LTM2_2"] = -float(column), 0.0, 1.0, 1.0
    if extname == "SCI":
        flam, plam, band = _PHOTOMETRY.get(plan.filter, _PHOTOMETRY["F502N"])
        header["RA_APER"], header["DEC_APER"], header["VAFACTOR"] = wcs["CRVAL1"], wcs["CRVAL2"], 1.0
        header["EQUINOX"], header["WCSNAME"] = 2000.0, "IDC_2731450pi"
        header["WCSTYPE"], header["IDCTAB"] = "undistorted not aligned", "N/A"
        header["CCDCHIP"], header["NCOMBINE"] = chip.chip, 1
        header.update(statistics or {})
        header["MEANFLSH"] = float(plan.flash)
        header["PHOTMODE"] = f"WFC3 UVIS{chip.chip} {plan.filter}"
        header["PHOTFLAM"], header["PHOTZPT"], header["PHOTPLAM"], header["PHOTBW"] = flam, -21.1, plam, band
    return header


def _distortion_cards(chip: ChipGeometry) -> dict[str, float]:
    return {
        "IDCSCALE": chip.y_scale, "IDCTHETA": chip.theta, "IDCXREF": REFERENCE_PIXEL[0],
        "IDCYREF": REFERENCE_PIXEL[1], "IDCV2REF": chip.v2, "IDCV3REF": chip.v3,
        "OCX10": chip.x_scale, "OCX11": 0.0, "OCY10": chip.skew, "OCY11": chip.y_scale,
    }  # fmt: skip
