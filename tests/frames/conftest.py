"""Small frames in the real file structure, to be broken in every way."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.io import fits

DATA = Path(__file__).resolve().parents[1] / "data"
SHAPE = (60, 48)

MakeFrame = Callable[..., Path]


def chip_header(chip: int) -> fits.Header:
    """The SCI header of a full-frame chip."""
    return fits.Header.fromtextfile(DATA / f"sci_chip{chip}.hdr")


def frame_hdus(shape: tuple[int, int] = SHAPE, column0: int = 2000, row0: int = 0) -> fits.HDUList:
    """An exposure of both chips, cut out from (column0, row0) on; pixels tell chip and place."""
    hdus = fits.HDUList([fits.PrimaryHDU(header=fits.Header.fromtextfile(DATA / "primary.hdr"))])
    ny, nx = shape
    ramp = np.add.outer(100.0 * np.arange(ny), np.arange(nx)).astype(np.float32)
    for version, chip in ((1, 2), (2, 1)):
        sci = fits.ImageHDU(ramp + 1e5 * chip, header=chip_header(chip), name="SCI", ver=version)
        for axis, origin in ((1, column0), (2, row0)):
            sci.header[f"LTV{axis}"] = -float(origin)
            sci.header[f"CRPIX{axis}"] -= origin
        hdus.append(sci)
        hdus.append(fits.ImageHDU(np.full(shape, 3.0, np.float32), name="ERR", ver=version))
        hdus.append(fits.ImageHDU(np.zeros(shape, np.int16), name="DQ", ver=version))
    return hdus


@pytest.fixture
def make_frame(tmp_path: Path) -> MakeFrame:
    """Write a frame; ``primary``, ``sci1``, ``sci2`` change cards (None deletes), ``edit`` the HDUs."""

    def make(
        name: str = "ic7802baq_flt.fits",
        *,
        primary: Mapping[str, Any] | None = None,
        sci1: Mapping[str, Any] | None = None,
        sci2: Mapping[str, Any] | None = None,
        edit: Callable[[fits.HDUList], Any] | None = None,
        **options: Any,
    ) -> Path:
        hdus = frame_hdus(**options)
        for header, cards in ((hdus[0].header, primary), (hdus[1].header, sci1), (hdus[4].header, sci2)):
            for key, value in (cards or {}).items():
                if value is None:
                    header.remove(key, ignore_missing=True)
                else:
                    header[key] = value
        if edit is not None:
            edit(hdus)
        path = tmp_path / name
        if name.endswith(".fz"):
            images = [fits.CompImageHDU(h.data, h.header, name=h.name) for h in hdus[1:]]
            for image, plain in zip(images, hdus[1:], strict=True):
                image.ver = plain.ver
            hdus = fits.HDUList([hdus[0], *images])
        hdus.writeto(path, output_verify="silentfix")
        return path

    return make
