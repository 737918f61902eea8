"""SCI, ERR and DQ of one chip: what their headers must say, and what their pixels show, to be believed."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import numpy as np
from astropy.io import fits
from numpy.typing import NDArray

from cte_lake.detector import DETECTOR, SIGMA_PER_MAD
from cte_lake.errors import Rejected
from cte_lake.frames.cards import HeaderCards
from cte_lake.frames.checks import PLANES
from cte_lake.frames.opening import EXTVER_OF_CHIP

FloatImage = NDArray[np.float32]

_ELECTRONS: Final = frozenset({"ELECTRONS", "ELECTRON", "E-", "E"})
"""Spellings of BUNIT, in capitals: calwf3's, that of FITS, and what people write."""

_CHIPS_APART: Final = 500.0
"""Rows by which chip 1 must lie below chip 2 on the sky to be in its place; 2070 above it are usual."""

_SUB_POISSON: Final = 0.8
"""Squared ERR over SCI of bright pixels, median: 1.03 in electrons; below this, less than their own noise."""

_MOST_GAIN: Final = 8.0
"""Electrons a count, generously; the camera offers 1, 1.5, 2 and 4."""

_FULL_WELL: Final = 50_000.0
"""Electrons up to which no pixel is saturated; those that are may be alike."""

_MOST_ALIKE: Final = 50
"""Pixels of one value among the brightest, generously."""

_OWN_NOISE: Final = 1.25
"""Noise between neighbours over ERR: 1 where both are of one unit; more where SCI alone was multiplied."""
_ROWS_SAMPLED: Final = 64
_ALIKE: Final = 4.0
"""Pixels a value in the middle half of a row from which the values are steps: chance gives 1."""


def check_planes(hdus: fits.HDUList, path: Path, chip: int) -> None:
    """Refuse a chip whose headers say that it is another's, of another unit, or no image of a chip.

    Tile-compressed planes may be left as tables.

    Raises
    ------
    Rejected
        ``wrong_chip``, ``wrong_unit``, ``bad_shape`` or ``bad_keyword``.
    """
    version = EXTVER_OF_CHIP[chip]
    shapes = {}
    for plane in PLANES:
        header, name = hdus[plane, version].header, f"{plane},{version} of {path.name}"
        _check_scale(header, name)
        if plane != "DQ":
            _check_unit(header, name, required=plane == "SCI")
        shapes[plane] = _shape(header, name)
    header, name = hdus["SCI", version].header, f"SCI,{version} of {path.name}"
    _check_chip(header, name, chip)
    if len(shapes["SCI"]) != 2 or 0 in shapes["SCI"] or len(set(shapes.values())) > 1:
        said = ", ".join(
            f"{plane} {' x '.join(map(str, shape)) or 'without pixels'}" for plane, shape in shapes.items()
        )
        raise Rejected(
            "bad_shape",
            f"SCI, ERR, DQ of chip {chip} in {path.name} are not images of one shape ({said})",
        )
    _check_place(header, name)


def _check_chip(header: fits.Header, name: str, chip: int) -> None:
    said = HeaderCards(name, [header]).optional_number("CCDCHIP")
    if said is not None and said != chip:
        raise Rejected("wrong_chip", f"{name} says CCDCHIP={said:g}, not {chip}")


def check_order(chips: dict[int, fits.Header], name: str) -> None:
    """Refuse chips that the WCS shows in each other's place, where CCDCHIP does not tell them apart."""
    of = {chip: HeaderCards(name, [header]) for chip, header in chips.items()}
    if all(cards.optional_number("CCDCHIP") is not None for cards in of.values()):
        return
    ra, dec = (of[1].number(key) - of[2].number(key) for key in ("CRVAL1", "CRVAL2"))
    cd = [[of[2].optional_number(f"CD{i}_{j}") or 0.0 for j in (1, 2)] for i in (1, 2)]
    east = ((ra + 180.0) % 360.0 - 180.0) * np.cos(np.radians(of[2].number("CRVAL2")))
    rows = float(np.linalg.solve(np.array(cd), np.array([east, dec]))[1])
    if rows < -_CHIPS_APART:
        raise Rejected(
            "wrong_chip",
            f"{name} has no CCDCHIP, and its WCS puts SCI,2 {-rows:.0f} rows below SCI,1; its chips are "
            "exchanged, fetch it again",
        )


def _check_unit(header: fits.Header, name: str, *, required: bool) -> None:
    """Refuse other units than electrons.

    Rates are not multiplied back: which exposure time a file was divided by is not in its header for sure.
    """
    unit = HeaderCards(name, [header]).optional_text("BUNIT")
    if unit.upper() not in _ELECTRONS and (unit or required):
        said = f"BUNIT={unit!r:.40}" if unit else "no BUNIT"
        rate = ", or multiply by EXPTIME and set BUNIT" if "/S" in unit.upper() else ""
        raise Rejected("wrong_unit", f"{name} has {said}, not ELECTRONS; give calwf3's FLT or FLC{rate}")


def check_electrons(data: FloatImage, err: FloatImage, exptime: float, name: str) -> None:
    """Refuse another unit that is called electrons: its ERR is smaller than the noise of as many electrons.

    The squared error of a bright pixel is its electrons. Of a rate it is the rate over the exposure time, and
    of counts the counts over the gain; then the noise between neighbours is that of ERR all the same.
    """
    data, err = data[::2, ::2], err[::2, ::2]
    bright = (err > 0) & (data > 20.0 * err)
    if not bright.any():
        return
    low, middle, high = np.percentile(err[bright] ** 2 / data[bright], (10, 50, 90))
    if middle > _SUB_POISSON or high > 6.0 * low:
        return
    # Infinite pixels beside each other have no difference.
    with np.errstate(invalid="ignore"):
        usable = (err[:, 1:] > 0) & np.isfinite(err[:, 1:]) & np.isfinite(data[:, 1:] - data[:, :-1])
        steps = np.abs(data[:, 1:] - data[:, :-1])[usable] / err[:, 1:][usable]
    noise = SIGMA_PER_MAD * float(np.median(steps)) / np.sqrt(2.0) if steps.size else 1.0
    per_second = exptime >= 10.0 and exptime * low > 0.4 and exptime * high < 2.5
    if per_second and noise > exptime**0.25:
        what = (
            f"by the noise of its pixels ERR is {exptime**0.5:.3g} times too small, the root of "
            f"EXPTIME={exptime:g}; multiply ERR by it, or fetch it again"
        )
    elif per_second:
        what = (
            f"by its ERR it holds electrons per second; multiply SCI and ERR by EXPTIME={exptime:g}, or "
            "fetch it again"
        )
    elif middle > 1.0 / _MOST_GAIN and noise < _OWN_NOISE:
        what = (
            f"by its ERR each unit is {1.0 / middle:.3g} electrons (counts of a gain?); multiply SCI and ERR "
            "by the gain, or fetch it again"
        )
    else:
        return
    raise Rejected("wrong_unit", f"BUNIT of {name} says ELECTRONS, but {what}")


def check_uncut(data: FloatImage, name: str) -> None:
    """Refuse pixels that were cut off at a highest value, or at 0: fluxes of what is there are wrong.

    Of noise and stars hardly two pixels are alike, and some of the sky's are negative. Where the sky is so
    bright that none is, 0 is no pixel's value.
    """
    lowest, highest = np.fmin.reduce(data, axis=None), np.fmax.reduce(data, axis=None)
    top, zeros = np.count_nonzero(data == highest), np.count_nonzero(data == 0)
    if highest < _FULL_WELL and _MOST_ALIKE < top < data.size / 2:
        raise Rejected(
            "cut_off",
            f"{top:,} pixels of {name} have the same highest value, {highest:g} electrons: brighter ones "
            "were cut off there; fetch it again",
        )
    if lowest == 0 and zeros > 0.01 * data.size and highest > 0:
        raise Rejected(
            "cut_off",
            f"{zeros / data.size:.0%} of the pixels of {name} are 0 and none is negative: those below 0 were "
            "cut off there; fetch it again",
        )


def _check_scale(header: fits.Header, name: str) -> None:
    """Refuse a plane whose floating-point values are scaled, or all are made one.

    BSCALE and BZERO are for whole numbers; on calwf3's electrons they are the mark of a damaged header.
    """
    cards = HeaderCards(name, [header])
    scale, zero = cards.optional_number("BSCALE"), cards.optional_number("BZERO")
    floating = (cards.optional_number("ZBITPIX") or cards.optional_number("BITPIX") or 0) < 0
    if scale == 0 or (floating and (scale, zero) not in {(s, z) for s in (None, 1) for z in (None, 0)}):
        said = ", ".join(
            f"{key}={value:g}" for key, value in (("BSCALE", scale), ("BZERO", zero)) if value is not None
        )
        raise Rejected("bad_keyword", f"{name} has {said}, which would change its electrons; fetch it again")


def _check_place(header: fits.Header, name: str) -> None:
    """Refuse an image that reaches beyond a chip."""
    origin, size = cutout_origin(header, name), image_size(header, name)
    for axis, (what, most) in enumerate((("columns", DETECTOR.columns), ("rows", DETECTOR.rows))):
        first, end = origin[axis], origin[axis] + size[axis]
        if first < 0 or end > most:
            said = f"NAXIS{axis + 1}={size[axis]} and LTV{axis + 1}={-first}"
            raise Rejected(
                "bad_shape", f"{name} has {said}: {what} {first} to {end - 1} of a chip that has {most}"
            )


def cutout_origin(header: fits.Header, name: str) -> tuple[int, int]:
    """Return the full-frame column and row of pixel (0, 0), from LTV1 and LTV2 (a whole chip's: 0).

    Raises
    ------
    Rejected
        ``bad_keyword`` if one is no number, or is blank or missing though the image is a part of a chip.
    """
    cards = HeaderCards(name, [header])
    origins = []
    for axis, size in enumerate((DETECTOR.columns, DETECTOR.rows), start=1):
        key = f"LTV{axis}"
        shift = cards.optional_number(key)
        found = image_size(header, name)[axis - 1]
        if shift is None and found not in {0, size}:
            raise Rejected(
                "bad_keyword",
                f"{name} has no {key}, or it is blank, and the image is part of a chip (NAXIS{axis}={found})",
            )
        origins.append(round(-(shift or 0.0)))
    return origins[0], origins[1]


def require_first_row(row: int, chip: int, name: str) -> None:
    """Refuse a cut-out along the rows: readout distances of its stars would be counted from a wrong row."""
    if row:
        raise Rejected(
            "bad_shape",
            f"LTV2={-row} of {name}: the rows below {row} of chip {chip} are cut off, and distances to the "
            "amplifiers count from row 0; give the whole frame, or cut columns alone",
        )


def image_size(header: fits.Header, name: str) -> tuple[int, int]:
    """Return the columns and rows of an image, tile-compressed or not; 0 where it has none."""
    shape = _shape(header, name)
    return shape if len(shape) == 2 else (0, 0)


def _shape(header: fits.Header, name: str) -> tuple[int, ...]:
    """Return NAXIS1, NAXIS2, ... of an image, tile-compressed or not; () of a table."""
    cards = HeaderCards(name, [header])
    packed = "Z" if cards.raw("ZIMAGE") else ""
    if not packed and cards.optional_text("XTENSION") == "BINTABLE":
        return ()
    axes = int(cards.optional_number(f"{packed}NAXIS") or 0)
    return tuple(int(cards.optional_number(f"{packed}NAXIS{axis}") or 0) for axis in range(1, axes + 1))


def undithered_step(data: NDArray[np.floating]) -> float | None:
    """Return the step to which the pixels of an image were rounded; None for none, or one with dither.

    Compression of floating-point images rounds them to steps. With subtractive dither means stay right;
    without one the sky of all stars is rounded alike, which moves the loss of a faint bin by up to 2.5 points
    at a step of 0.85 electrons. Unpacking leaves no word of it in the header, so the pixels are asked.

    Parameters
    ----------
    data : ndarray, shape (ny, nx)
        SCI of a chip.

    Returns
    -------
    float or None
        Median step over rows, in the unit of the pixels.
    """
    steps = []
    for row in data[:: max(1, data.shape[0] // _ROWS_SAMPLED)]:
        values = np.sort(row[np.isfinite(row)])
        middle = values[values.size // 4 : values.size - values.size // 4]
        distinct = np.unique(middle)
        if distinct.size > 1 and middle.size >= _ALIKE * distinct.size:
            steps.append(float(np.median(np.diff(distinct))))
    return float(np.median(steps)) if 2 * len(steps) > min(_ROWS_SAMPLED, data.shape[0]) else None
