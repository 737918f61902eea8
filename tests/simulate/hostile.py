"""Files that an ingest must refuse, made from a good simulated one."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from astropy.io import fits

from cte_lake.errors import UsageError

_Change = Callable[[fits.HDUList], fits.HDUList | None]


@dataclass(frozen=True)
class Hostility:
    """One way in which a file can be bad.

    Attributes
    ----------
    name : str
        Slug.
    meaning : str
        What is wrong with the file.
    """

    name: str
    meaning: str


_WCS_KEYS = ("CTYPE1", "CTYPE2", "CRVAL1", "CRVAL2", "CRPIX1", "CRPIX2", "CD1_1", "CD1_2", "CD2_1", "CD2_2")


def _card(key: str, value: str | float | int | bool | None) -> _Change:
    def change(hdus: fits.HDUList) -> None:
        if value is None:
            hdus[0].header.remove(key, ignore_missing=True)
        else:
            hdus[0].header[key] = value

    return change


def _cards(**values: str | float | int | bool) -> _Change:
    def change(hdus: fits.HDUList) -> None:
        hdus[0].header.update(values)

    return change


def _no_extension(hdus: fits.HDUList) -> fits.HDUList:
    return fits.HDUList([hdu for hdu in hdus if (hdu.name, hdu.ver) != ("DQ", 2)])


def _all_nan(hdus: fits.HDUList) -> None:
    for version in (1, 2):
        hdus["SCI", version].data[:] = np.nan


def _no_wcs(hdus: fits.HDUList) -> None:
    for version in (1, 2):
        for key in _WCS_KEYS:
            hdus["SCI", version].header.remove(key, ignore_missing=True)


def _elsewhere(hdus: fits.HDUList) -> None:
    for version in (1, 2):
        header = hdus["SCI", version].header
        header["CRVAL1"] = (header["CRVAL1"] + 90.0) % 360.0


def _count_rates(hdus: fits.HDUList) -> None:
    for version in (1, 2):
        hdus["SCI", version].header["BUNIT"] = "ELECTRONS/S"


#: Ways that change the content of the file, by slug.
_CHANGES: dict[str, tuple[str, _Change]] = {
    "missing_extension": ("it has no DQ,2", _no_extension),
    "missing_keyword": ("it has no EXPTIME", _card("EXPTIME", None)),
    "nan_filled": ("all its SCI pixels are NaN", _all_nan),
    "no_wcs": ("its SCI headers have no coordinates", _no_wcs),
    "no_star": ("its coordinates are 90 degrees away from the catalog", _elsewhere),
    "unknown_target": ("its TARGNAME is no configured target", _card("TARGNAME", "NGC9999")),
    "evil_target": ("its TARGNAME is '../../x'", _card("TARGNAME", "../../x")),
    "ir_frame": ("it is a WFC3/IR frame", _card("DETECTOR", "IR")),
    "acs_frame": ("it is an ACS/WFC frame", _cards(INSTRUME="ACS", DETECTOR="WFC")),
    "binned": ("it is binned 2 x 2", _cards(BINAXIS1=2, BINAXIS2=2)),
    "subarray": ("it is a subarray", _card("SUBARRAY", True)),
    "bad_proposal": ("its PROPOSID is no number", _card("PROPOSID", "14x78")),
    "no_flash_level": ("it was flashed and has no FLASHLVL", _card("FLASHLVL", None)),
    "bad_exposure": ("its EXPFLAG is not NORMAL", _card("EXPFLAG", "INTERRUPTED")),
    "count_rates": ("its SCI pixels are in e-/s", _count_rates),
}
#: Ways that damage the file as such.
_DAMAGES = {
    "truncated": "it ends in the middle of an array",
    "text": "it is a text file",
    "empty": "it has no byte",
    "half_gzip": "it is a gzip file that ends early",
}
#: Every way, in a fixed order.
HOSTILITIES: tuple[Hostility, ...] = tuple(
    Hostility(name, meaning)
    for name, meaning in ({name: why for name, (why, _) in _CHANGES.items()} | _DAMAGES).items()
)


def write_hostile(name: str, good: Path, path: Path) -> Path:
    """Write a bad copy of a good frame.

    Parameters
    ----------
    name : str
        A slug of `HOSTILITIES`.
    good : Path
        A simulated ``.fits`` file.
    path : Path
        Where to write; for 'half_gzip', ``.gz`` is put behind it.

    Returns
    -------
    Path
        What was written.

    Raises
    ------
    UsageError
        If there is no such way.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    if name in _CHANGES:
        with fits.open(good, mode="readonly", memmap=False) as hdus:
            for hdu in hdus[1:]:
                _ = hdu.data
            changed = _CHANGES[name][1](hdus)
            (hdus if changed is None else changed).writeto(path, overwrite=True)
        return path
    if name not in _DAMAGES:
        raise UsageError(f"No hostile file {name!r}; there are {', '.join(h.name for h in HOSTILITIES)}.")
    content = good.read_bytes()
    if name == "half_gzip":
        path = path.with_name(path.name + ".gz")
        content = gzip.compress(content, compresslevel=1)
    kept = {"text": b"this is no FITS file\n", "empty": b""}.get(name, content[: len(content) // 3])
    path.write_bytes(kept)
    return path
