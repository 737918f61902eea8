"""Small pictures of frames for the pairs' pages."""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cte_lake.arrays import FloatArray
from cte_lake.errors import Rejected
from cte_lake.plots.stretch import stretch

#: Pixels that are read at once.
_STRIP = 1 << 18


@dataclass(frozen=True)
class Format:
    """How pictures are stored; sizes are such that a file of a crowded field stays under 20 kB."""

    name: str
    suffix: str
    long_side: int
    options: tuple[tuple[str, int | bool], ...]


#: A field of stars takes half the bytes of a JPEG as AVIF, but not every Pillow can write it.
AVIF = Format("AVIF", ".avif", 512, (("quality", 40), ("speed", 10)))
JPEG = Format("JPEG", ".jpg", 360, (("quality", 55), ("optimize", True)))


#: The same at twice the size, for the newest exposures; coarser, as faults of a sharp picture are seen less.
_SHARP = {
    "AVIF": Format("AVIF", ".avif", 2 * AVIF.long_side, (("quality", 25), ("speed", 10))),
    "JPEG": Format("JPEG", ".jpg", 2 * JPEG.long_side, (("quality", 40), ("optimize", True))),
}


def best_format(sharp: bool = False) -> Format:
    """The smaller of the formats that this Pillow writes, at twice the size if `sharp`."""
    from PIL import features

    form = AVIF if features.check("avif") else JPEG
    return _SHARP[form.name] if sharp else form


def halved(stored: bytes) -> bytes:
    """Return a sharp picture at the usual size; the frame need not be there any more."""
    from PIL import Image

    form, target = best_format(), io.BytesIO()
    with Image.open(io.BytesIO(stored)) as opened:
        opened.reduce(2).save(target, form.name, **dict(form.options))
    return target.getvalue()


@dataclass(frozen=True)
class Picture:
    """A chip averaged over blocks of pixels.

    Attributes
    ----------
    pixels : ndarray, shape (ny, nx)
        Mean signal, electrons; row 0 is the bottom row.
    step : int
        Pixels of the chip per pixel here, along both axes.
    """

    pixels: FloatArray
    step: int

    def encoded(self, form: Format) -> bytes:
        """The picture as a file: dark stars on white, top row first."""
        from PIL import Image

        shades = (255.0 * (1.0 - stretch(self.pixels)[0])).astype(np.uint8)
        target = io.BytesIO()
        Image.fromarray(shades[::-1]).save(target, form.name, **dict(form.options))
        return target.getvalue()


def picture(path: Path, chip: int, long_side: int) -> Picture:
    """Read a chip and average it so that its long side has about `long_side` pixels.

    Raises
    ------
    Rejected
        If the file is not there any more, or is damaged.
    """
    # What reads frames is loaded where there is one to read.
    from cte_lake.frames.opening import EXTVER_OF_CHIP, open_frame
    from cte_lake.frames.regular import damaged

    if not path.is_file():
        raise Rejected("missing_file", f"{path} is not there any more", stage="report")
    with open_frame(path) as hdus:
        try:
            hdu = hdus["SCI", EXTVER_OF_CHIP[chip]]
            step = max(1, -(-max(hdu.shape) // long_side))
            return Picture(_averaged(hdu, step), step)
        except (OSError, ValueError, KeyError) as error:
            raise damaged(path, error) from error


def _averaged(hdu: Any, step: int) -> FloatArray:
    """Average an image strip by strip: whole chips cost more in fetching memory than in sums."""
    ny, nx = (size // step for size in hdu.shape)
    means = np.empty((ny, nx))
    at_once = max(1, _STRIP // (step * hdu.shape[1]))
    for first in range(0, ny, at_once):
        last = min(first + at_once, ny)
        means[first:last] = _blocks(hdu.section[first * step : last * step, :], step)
    return means


def _blocks(data: NDArray[np.float32], step: int) -> FloatArray:
    """Means over step x step pixels without those that are not finite; NaN where none is."""
    ny, nx = (size // step for size in data.shape)
    # The native order of bytes first: sums over swapped pixels take ten times as long.
    cut = np.ascontiguousarray(data[: ny * step, : nx * step], dtype=np.float32)
    rows = cut.reshape(ny, step, nx * step).sum(axis=1)
    if np.isfinite(rows).all():
        whole: FloatArray = rows.reshape(ny, nx, step).sum(axis=2, dtype=np.float64) / step**2
        return whole
    good = np.isfinite(cut)
    shape = (ny, step, nx, step)
    total = np.where(good, cut, np.float32(0)).reshape(shape).sum(axis=(1, 3), dtype=np.float64)
    count = good.reshape(shape).sum(axis=(1, 3))
    mean: FloatArray = np.divide(total, count, out=np.full(total.shape, np.nan), where=count > 0)
    return mean
