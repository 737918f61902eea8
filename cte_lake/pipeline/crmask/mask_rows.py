"""Cosmic-ray masks in the lake: one row and one tile-compressed FITS file an exposure.

The file's extensions CRMASK,1 (chip 2) and CRMASK,2 (chip 1) are 1 where a cosmic ray was found, packed by
run length (PLIO: some 1% of the image's size), so that any FITS tool can lay them over the frame. The row
(dataset ``crmasks``) is written after it and is what makes it count. Light on purpose: ingest's workers
import this module, and only this one.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from astropy.io import fits

from cte_lake.arrays import BoolArray
from cte_lake.digests import digest
from cte_lake.errors import LakeError
from cte_lake.lake.seals import changed_files, read_beside
from cte_lake.lake.store import Place
from cte_lake.lake.stored import StoredLake
from cte_lake.lake.versions import (
    Version,
    current,
    current_of_all,
    next_version,
    without_file,
    write_row,
)
from cte_lake.lake.write import write_bytes

MASKED = "masked"

_MASK = ".fits"
_EXTVER_OF_CHIP = {2: 1, 1: 2}


@dataclass(frozen=True)
class CRMask:
    """The cosmic rays of an exposure; they hold for its FLC and its FLT.

    Attributes
    ----------
    rootname : str
        Root name of the exposure.
    method : str
        'drizzle': by comparison with the visit's other exposures of the field; 'single': on the image alone;
        'mixed': on the image alone where no other exposure looked.
    sky : dict of int to float
        Sky level in e-/px that was found on each chip (MDRIZSKY); empty where the method finds none.
    hash : str
        Hash of mask and sky levels.
    arrays : dict of int to ndarray of bool
        The mask of each chip, True on a cosmic ray.
    """

    rootname: str
    method: str
    arrays: Mapping[int, BoolArray]
    sky: Mapping[int, float] = field(default_factory=dict)
    hash: str = ""

    def array(self, chip: int) -> BoolArray:
        """Return the mask of a chip, shape (ny, nx), True on a cosmic ray.

        Raises
        ------
        LakeError
            If the mask has no such chip.
        """
        if chip not in self.arrays:
            raise LakeError(
                f"the cosmic-ray mask of {self.rootname} has no chip {chip}; "
                "run 'cte-lake crmask --overwrite' on it"
            )
        return self.arrays[chip]


def crmask_dir(lake_root: StoredLake) -> Place:
    """Return the folder of the dataset ``crmasks``."""
    return lake_root / "crmasks"


def mask_hash(arrays: Mapping[int, BoolArray], sky: Mapping[int, float]) -> str:
    """Return the hash of masks and sky levels."""
    parts = [f"{chip}:{arrays[chip].shape}:{sky.get(chip)!r}:".encode() + np.packbits(arrays[chip]).tobytes()
             for chip in sorted(arrays)]  # fmt: skip
    return digest(b"|".join(parts))


def mask_for(lake_root: StoredLake, rootname: str) -> CRMask | None:
    """Return the current mask of an exposure, or None where there is none.

    Raises
    ------
    LakeError
        If the file cannot be read.
    """
    version = current(crmask_dir(lake_root), rootname.lower())
    return None if version is None else _load(version)


def crmask_states(lake_root: StoredLake) -> dict[str, Version]:
    """Return root name -> current version (key, hash) of every exposure that has a mask, from one listing."""
    return current_of_all(crmask_dir(lake_root))


def without_mask(lake_root: StoredLake, versions: Iterable[Version]) -> set[str]:
    """Return the rows' names of those whose mask is lost."""
    return without_file(crmask_dir(lake_root), versions, _MASK)


def write_mask(lake_root: StoredLake, key: str, mask: CRMask, row: Mapping[str, Any]) -> Version:
    """Keep a mask: the FITS file first, the row, which makes it count, last.

    Parameters
    ----------
    lake_root : StoredLake
        The lake.
    key : str
        Hash of what the mask was made from: the visit's input files, their WCS, the settings.
    mask : CRMask
        The mask; its `hash` is made here.
    row : mapping
        The numbers, by column of the dataset ``crmasks``; what the mask itself holds is filled in here.

    Returns
    -------
    Version
        Where it lies; the current one where key and content are the same.
    """
    content_hash = mask_hash(mask.arrays, mask.sky)
    version = next_version(crmask_dir(lake_root), mask.rootname, key, MASKED, content_hash)
    if version.path.exists() and version.beside(_MASK).exists() and not changed_files(version.path):
        return version
    write_bytes(version.beside(_MASK), _as_fits(mask))
    filled = dict(row) | {
        "method": mask.method,
        "sky_chip1": mask.sky.get(1),
        "sky_chip2": mask.sky.get(2),
        "fraction_chip1": float(mask.arrays[1].mean()) if 1 in mask.arrays else None,
        "fraction_chip2": float(mask.arrays[2].mean()) if 2 in mask.arrays else None,
        "mask_hash": content_hash,
        "mask_file": version.beside(_MASK).name,
    }
    write_row(version, "crmasks", filled)
    return version


def _as_fits(mask: CRMask) -> bytes:
    primary = fits.PrimaryHDU()
    primary.header["ROOTNAME"] = (mask.rootname, "exposure")
    primary.header["CRMETHOD"] = (mask.method, "how the cosmic rays were found")
    hdus = [primary]
    for chip in sorted(mask.arrays, reverse=True):
        image = fits.CompImageHDU(
            mask.arrays[chip].astype(np.uint8), compression_type="PLIO_1", name="CRMASK"
        )
        image.ver = _EXTVER_OF_CHIP[chip]
        image.header["CCDCHIP"] = (chip, "CCD chip (1 or 2)")
        if chip in mask.sky:
            image.header["MDRIZSKY"] = (mask.sky[chip], "sky level, electrons per pixel")
        hdus.append(image)
    stream = io.BytesIO()
    fits.HDUList(hdus).writeto(stream)
    return stream.getvalue()


def _load(version: Version) -> CRMask:
    path = version.beside(_MASK)
    arrays: dict[int, BoolArray] = {}
    sky: dict[int, float] = {}
    try:
        with fits.open(io.BytesIO(read_beside(version.path, _MASK))) as hdus:
            method = str(hdus[0].header["CRMETHOD"])
            for hdu in hdus[1:]:
                chip = int(hdu.header["CCDCHIP"])
                arrays[chip] = np.asarray(hdu.data).astype(np.bool_)
                if "MDRIZSKY" in hdu.header:
                    sky[chip] = float(hdu.header["MDRIZSKY"])
    except (OSError, KeyError, LakeError) as error:
        raise LakeError(
            f"the cosmic-ray mask {path} cannot be read ({error}); run 'cte-lake crmask --overwrite' on it"
        ) from error
    if mask_hash(arrays, sky) != version.hash:
        raise LakeError(
            f"the cosmic-ray mask {path} was changed since it was written; "
            "run 'cte-lake crmask --overwrite' on it"
        )
    return CRMask(version.rootname, method, arrays, sky, version.hash)
