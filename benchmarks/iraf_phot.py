"""Run the real IRAF's ``noao.digiphot.apphot.phot`` on an array and read its table back."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from astropy.io import fits

IRAFCL = shutil.which("irafcl")

_SCRIPT = """\
noao
digiphot
apphot
unlearn phot
unlearn datapars
unlearn centerpars
unlearn fitskypars
unlearn photpars
centerpars.calgorithm = "{centring}"
fitskypars.salgorithm = "{sky}"
fitskypars.annulus = {inner}
fitskypars.dannulus = {width}
photpars.apertures = "{apertures}"
phot ("frame.fits", coords="stars.coo", output="stars.mag", interactive=no, verify=no, verbose=no, cache=yes)
logout
"""


class IrafError(RuntimeError):
    """IRAF ended without a table; its own words are in the message."""


@dataclass(frozen=True)
class IrafTable:
    """What ``phot`` wrote, in the order of the stars given; NaN where it wrote INDEF.

    Positions are 0-based. Arrays are of shape (n,) or (n, n_apertures). `center_error` holds CIER.
    """

    x: npt.NDArray[np.float64]
    y: npt.NDArray[np.float64]
    center_error: npt.NDArray[np.int64]
    sky: npt.NDArray[np.float64]
    n_sky: npt.NDArray[np.int64]
    total: npt.NDArray[np.float64]
    area: npt.NDArray[np.float64]
    flux: npt.NDArray[np.float64]
    seconds: float


def run_phot(
    data: npt.NDArray[np.float32],
    x: npt.NDArray[np.float64],
    y: npt.NDArray[np.float64],
    radii: tuple[float, ...],
    folder: Path,
    *,
    centring: str = "centroid",
    sky: str = "centroid",
    inner: float = 12.0,
    width: float = 10.0,
) -> IrafTable:
    """Measure stars with IRAF.

    Parameters
    ----------
    data : array of float32, shape (ny, nx)
        The frame.
    x, y : array, shape (n,)
        Positions, 0-based pixels.
    radii : tuple of float
        Aperture radii, pixels.
    folder : Path
        A private, empty folder.
    centring, sky : str
        ``calgorithm`` and ``salgorithm``.
    inner, width : float
        ``annulus`` and ``dannulus``, pixels.

    Raises
    ------
    IrafError
        If IRAF is missing or wrote no table.
    """
    if IRAFCL is None:
        raise IrafError("irafcl is not installed (Debian: apt-get install iraf iraf-noao)")
    fits.PrimaryHDU(np.asarray(data, dtype=np.float32)).writeto(folder / "frame.fits")
    np.savetxt(folder / "stars.coo", np.column_stack([x + 1.0, y + 1.0]), fmt="%.6f")
    (folder / "uparm").mkdir()
    apertures = ",".join(f"{radius:g}" for radius in radii)
    (folder / "phot.cl").write_text(
        _SCRIPT.format(centring=centring, sky=sky, inner=inner, width=width, apertures=apertures)
    )
    before = os.times()
    begin = time.perf_counter()
    done = subprocess.run(
        [IRAFCL, "-f", "phot.cl"],
        cwd=folder,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        env=os.environ | {"HOME": str(folder), "uparm": f"{folder}/uparm/", "imdir": f"{folder}/"},
        check=False,
        timeout=7200,
    )
    elapsed = time.perf_counter() - begin
    after = os.times()
    table = folder / "stars.mag"
    if not table.is_file():
        raise IrafError(f"IRAF phot wrote no table: {(done.stdout + done.stderr)[-2000:]}")
    used = after.children_user - before.children_user + after.children_system - before.children_system
    return _read_table(table, len(radii), used if used > 0 else elapsed)


def _number(text: str) -> float:
    text = text.strip()
    return float("nan") if text.startswith("INDEF") else float(text)


def _read_table(path: Path, n_radii: int, seconds: float) -> IrafTable:
    """Read by columns: MAG and MERR run together, so that the words of a line cannot be counted."""
    lines = [line for line in path.read_text().splitlines() if not line.startswith("#")]
    per_star = 4 + n_radii
    if len(lines) % per_star:
        raise IrafError(
            f"{path.name} has {len(lines)} lines, which is no multiple of {per_star} lines a star"
        )
    n = len(lines) // per_star
    centre = np.array(
        [[_number(line[a:b]) for a, b in ((0, 14), (14, 25))] for line in lines[1::per_star]]
    ).reshape(n, 2)
    errors = [int(re.split(r"\s+", line[64:].strip())[0]) for line in lines[1::per_star]]
    sky = [_number(line[:18]) for line in lines[2::per_star]]
    n_sky = [int(line[48:55]) for line in lines[2::per_star]]
    spans = ((12, 26), (26, 37), (37, 51))
    sums = np.array(
        [
            [_number(line[a:b]) for a, b in spans]
            for star in range(n)
            for line in lines[star * per_star + 4 : (star + 1) * per_star]
        ]
    ).reshape(n, n_radii, 3)
    return IrafTable(
        x=centre[:, 0] - 1.0,
        y=centre[:, 1] - 1.0,
        center_error=np.array(errors),
        sky=np.array(sky),
        n_sky=np.array(n_sky),
        total=sums[:, :, 0],
        area=sums[:, :, 1],
        flux=sums[:, :, 2],
        seconds=seconds,
    )
