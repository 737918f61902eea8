"""Where the chips of WFC3/UVIS point: attitude, TAN-SIP coordinates and pixel areas.

The distortion coefficients, reference positions and angles are those of the published HST SIAF for
UVIS1 and UVIS2, as they stand in the headers of calibrated frames. This module shares no code with
`cte_lake.frames`, so that an error there cannot cancel itself in a simulated frame.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
from astropy.io import fits
from astropy.wcs import WCS
from numpy.typing import NDArray

from cte_lake.arrays import FloatArray
from cte_lake.detector import DETECTOR

#: Rows and columns of one chip.
CHIP_ROWS, CHIP_COLUMNS = DETECTOR.shape
#: FITS pixel (1-based) at which a chip's distortion is defined.
REFERENCE_PIXEL = (2048.0, 1026.0)
#: Mean side of a pixel on the sky, degrees.
PIXEL_DEGREES = 0.0398 / 3600.0
#: V2, V3 (arcsec) of the point between the chips at which a target without POSTARG is put.
APERTURE_V2V3 = (0.4314, -3.784)
#: Angle (degrees, V3 through V2) of the detector's y axis there.
APERTURE_THETA = 44.7597
#: POSTARG2 (arcsec) that moves a star by one chip height, from chip 2 to the same place on chip 1.
CHIP_DITHER = 82.0


@dataclass(frozen=True)
class ChipGeometry:
    """Published geometry of one chip.

    Attributes
    ----------
    chip : int
        1 (read towards the top) or 2 (read towards row 0).
    extver : int
        ``EXTVER`` of the chip's extensions: 1 for chip 2, 2 for chip 1.
    v2, v3 : float
        Reference position, arcsec.
    theta : float
        Angle of the y axis from V3 through V2, degrees.
    x_scale, skew, y_scale : float
        Linear terms, arcsec per px: X = x_scale x, Y = skew x + y_scale y.
    sip_a, sip_b : tuple of ((p, q), coefficient)
        SIP polynomial terms.
    """

    chip: int
    extver: int
    v2: float
    v3: float
    theta: float
    x_scale: float
    skew: float
    y_scale: float
    sip_a: tuple[tuple[tuple[int, int], float], ...]
    sip_b: tuple[tuple[tuple[int, int], float], ...]


_SIP_TERMS = ((2, 0), (1, 1), (0, 2), (3, 0), (2, 1), (1, 2), (0, 3), (4, 0), (3, 1), (2, 2), (1, 3), (0, 4))


def _terms(*values: float) -> tuple[tuple[tuple[int, int], float], ...]:
    return tuple(zip(_SIP_TERMS, values, strict=True))


CHIPS: dict[int, ChipGeometry] = {
    2: ChipGeometry(
        chip=2,
        extver=1,
        v2=-27.4596,
        v3=-33.2604,
        theta=44.7671,
        x_scale=0.039779,
        skew=0.002502,
        y_scale=0.039837,
        sip_a=_terms(
            2.87764901078458e-06,
            -2.9699087458206e-06,
            9.92106387792553e-08,
            2.07315417682696e-11,
            -1.0825309836848e-11,
            1.46046909173181e-11,
            2.22486739234269e-11,
            1.49837854144146e-15,
            1.29015309585459e-15,
            -2.1492244651700e-14,
            -7.4029010281806e-15,
            -1.6918223183086e-14,
        ),
        sip_b=_terms(
            -4.2828973692372e-08,
            2.81448682586648e-06,
            -3.0732290337682e-06,
            2.09151498596252e-12,
            1.55359320534125e-11,
            -1.2896325945104e-11,
            1.09672871411899e-11,
            8.12462205721150e-16,
            2.97341760057664e-15,
            1.43264702693113e-14,
            -5.0711133274968e-15,
            -3.6958256293374e-15,
        ),
    ),
    1: ChipGeometry(
        chip=1,
        extver=2,
        v2=30.6556,
        v3=25.2168,
        theta=44.8312,
        x_scale=0.039545,
        skew=0.0027,
        y_scale=0.039365,
        sip_a=_terms(
            2.83777974459476e-06,
            -2.9214818561132e-06,
            -4.9498040207358e-09,
            7.70818055379947e-12,
            7.08231129093437e-12,
            1.92358073081299e-11,
            7.62245543052219e-12,
            6.61373119231255e-15,
            8.24326716399039e-15,
            -5.8126185358452e-16,
            1.22490833227968e-14,
            1.44948792514856e-14,
        ),
        sip_b=_terms(
            -1.4840729338393e-08,
            2.82758798454225e-06,
            -2.9385656174049e-06,
            1.73526714722403e-11,
            -1.2713131077231e-12,
            -8.6593847258211e-12,
            4.80609518693659e-11,
            -1.2709024315824e-15,
            -2.0659423686720e-15,
            5.70632305359274e-15,
            -4.0732255803772e-15,
            -7.0930058168172e-15,
        ),
    ),
}


@dataclass(frozen=True)
class Attitude:
    """Pointing of the telescope during one exposure.

    Attributes
    ----------
    ra, dec : float
        Target, degrees (ICRS).
    pa_v3 : float
        Position angle of V3 at the target, degrees.
    postarg1, postarg2 : float
        Offset of the target on the detector from the point between the chips, arcsec.
    """

    ra: float
    dec: float
    pa_v3: float
    postarg1: float = 0.0
    postarg2: float = 0.0

    def matrix(self) -> FloatArray:
        """Rotation from (V1, V2, V3) to the equatorial frame, shape (3, 3)."""
        dv2, dv3 = _ideal_to_v(self.postarg1, self.postarg2, APERTURE_THETA)
        v2 = np.deg2rad((APERTURE_V2V3[0] + dv2) / 3600.0)
        v3 = np.deg2rad((APERTURE_V2V3[1] + dv3) / 3600.0)
        ra, dec, pa = np.deg2rad([self.ra, self.dec, self.pa_v3])
        return _turn(2, ra) @ _turn(1, -dec) @ _turn(0, -pa) @ _turn(1, v3) @ _turn(2, -v2)

    def perturbed(self, dx: float, dy: float, rotation: float) -> Attitude:
        """Return the pointing moved by ``dx``, ``dy`` px on the detector, turned by ``rotation`` degrees."""
        scale = CHIPS[2].y_scale
        return replace(
            self,
            postarg1=self.postarg1 + dx * scale,
            postarg2=self.postarg2 + dy * scale,
            pa_v3=self.pa_v3 + rotation,
        )


def _ideal_to_v(x: float, y: float, theta: float) -> tuple[float, float]:
    """Turn detector axes (arcsec) into V2, V3 (arcsec)."""
    cos, sin = np.cos(np.deg2rad(theta)), np.sin(np.deg2rad(theta))
    return -x * cos + y * sin, x * sin + y * cos


def _turn(axis: int, angle: float) -> FloatArray:
    """Rotation matrix about coordinate ``axis`` (0, 1, 2) by ``angle`` radians."""
    cos, sin = np.cos(angle), np.sin(angle)
    i, j = [k for k in range(3) if k != axis]
    matrix = np.eye(3)
    matrix[i, i] = matrix[j, j] = cos
    sign = -1.0 if axis == 1 else 1.0
    matrix[i, j], matrix[j, i] = -sign * sin, sign * sin
    return matrix


def chip_pointing(chip: ChipGeometry, attitude: Attitude) -> tuple[float, float, float]:
    """Right ascension and declination of a chip's reference pixel and the position angle of its y axis.

    Returns
    -------
    ra, dec, orientat : float
        Degrees.
    """
    v2, v3 = np.deg2rad([chip.v2 / 3600.0, chip.v3 / 3600.0])
    unit = np.array([np.cos(v3) * np.cos(v2), np.cos(v3) * np.sin(v2), np.sin(v3)])
    along_v3 = np.array([-np.sin(v3) * np.cos(v2), -np.sin(v3) * np.sin(v2), np.cos(v3)])
    matrix = attitude.matrix()
    sky, direction = matrix @ unit, matrix @ along_v3
    ra, dec = np.arctan2(sky[1], sky[0]), np.arcsin(sky[2])
    east = np.array([-np.sin(ra), np.cos(ra), 0.0])
    north = np.array([-np.sin(dec) * np.cos(ra), -np.sin(dec) * np.sin(ra), np.cos(dec)])
    angle = np.rad2deg(np.arctan2(direction @ east, direction @ north)) + chip.theta
    return float(np.rad2deg(ra) % 360.0), float(np.rad2deg(dec)), float((angle + 180.0) % 360.0 - 180.0)


def wcs_header(chip: ChipGeometry, attitude: Attitude, first_column: int = 0) -> fits.Header:
    """TAN-SIP keywords of one chip, ``CRPIX1`` shifted for a cut-out that begins at ``first_column``."""
    ra, dec, orientat = chip_pointing(chip, attitude)
    y_angle = np.deg2rad(orientat)
    y_axis = np.array([np.sin(y_angle), np.cos(y_angle)])
    x_axis = np.array([-np.cos(y_angle), np.sin(y_angle)])
    column_x = (chip.x_scale * x_axis + chip.skew * y_axis) / 3600.0
    column_y = chip.y_scale * y_axis / 3600.0
    header = fits.Header()
    header["WCSAXES"] = 2
    header["CRPIX1"] = REFERENCE_PIXEL[0] - first_column
    header["CRPIX2"] = REFERENCE_PIXEL[1]
    header["CRVAL1"], header["CRVAL2"] = ra, dec
    header["CTYPE1"], header["CTYPE2"] = "RA---TAN-SIP", "DEC--TAN-SIP"
    header["CUNIT1"] = header["CUNIT2"] = "deg"
    header["CD1_1"], header["CD1_2"] = column_x[0], column_y[0]
    header["CD2_1"], header["CD2_2"] = column_x[1], column_y[1]
    header["A_ORDER"] = header["B_ORDER"] = 4
    for ((p, q), a), (_, b) in zip(chip.sip_a, chip.sip_b, strict=True):
        header[f"A_{p}_{q}"], header[f"B_{p}_{q}"] = a, b
    header["ORIENTAT"] = header["PA_APER"] = orientat
    header["RADESYS"] = "ICRS"
    return header


def chip_wcs(chip: ChipGeometry, attitude: Attitude, first_column: int = 0) -> WCS:
    """Build the celestial coordinates of one chip."""
    return WCS(wcs_header(chip, attitude, first_column))


def first_column(width: int) -> int:
    """First column (0-based) of a centred cut-out of ``width`` columns."""
    return (CHIP_COLUMNS - width) // 2


@lru_cache(maxsize=4)
def pixel_area(chip: int, width: int) -> NDArray[np.float32]:
    """Area of each pixel relative to chip 2's reference pixel, from the SIP polynomials' derivatives.

    Parameters
    ----------
    chip : int
        1 or 2.
    width : int
        Columns of the centred cut-out.

    Returns
    -------
    ndarray, shape (2051, width)
        Dimensionless, about 0.96 to 1.03; read-only, since it is shared between calls.
    """
    geometry = CHIPS[chip]
    u = np.arange(width) + first_column(width) + 1.0 - REFERENCE_PIXEL[0]
    v = (np.arange(CHIP_ROWS) + 1.0 - REFERENCE_PIXEL[1])[:, np.newaxis]
    du = [np.ones((CHIP_ROWS, width)), np.zeros((CHIP_ROWS, width))]
    dv = [np.zeros((CHIP_ROWS, width)), np.ones((CHIP_ROWS, width))]
    for k, terms in enumerate((geometry.sip_a, geometry.sip_b)):
        for (p, q), value in terms:
            if p:
                du[k] += value * p * u ** (p - 1) * v**q
            if q:
                dv[k] += value * q * u**p * v ** (q - 1)
    jacobian = np.abs(du[0] * dv[1] - du[1] * dv[0])
    reference = CHIPS[2].x_scale * CHIPS[2].y_scale
    area = (jacobian * geometry.x_scale * geometry.y_scale / reference).astype(np.float32)
    area.setflags(write=False)
    return area
