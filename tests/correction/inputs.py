"""Tables as programs and people write them, of the same two stars, with what must come out of a correction.

`python tests/correction/inputs.py` writes docs/inputs.md from them.
"""

from __future__ import annotations

import bz2
import gzip
import lzma
import os
import re
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, time
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.feather as feather
import pyarrow.parquet as pq
from astropy import units as u
from astropy.io import fits
from astropy.io.votable import from_table
from astropy.table import MaskedColumn, QTable, Table
from astropy.time import Time
from pyarrow import orc

FLUX, Y, CHIP, MJD = [600.0, 5000.0], [1500.0, 300.0], [2, 1], [57601.3, 57601.3]
#: The dates as barycentric ones.
TDB = Time(MJD, format="mjd", scale="utc").tdb
PER_SECOND = [value / 400.0 for value in FLUX]
PLAIN = b"flux,y,chip,mjd\n600,1500,2,57601.3\n5000,300,1,57601.3\n"
MAGS = [25.0 - 2.5 * np.log10(value) for value in FLUX]


@dataclass(frozen=True)
class Input:
    """A table file, the options it is corrected with, and what must come out.

    `out` is "right" (the losses of the two stars), "right to a day" (dates without a time), "first missing" (the
    second star right, the first without a result), or the words of the refusal.
    """

    kind: str
    what: str
    file: str
    write: Callable[[Path], object]
    options: tuple[str, ...] = ()
    out: str = "right"


def stars(**columns):
    """The two stars with some columns replaced, None to leave one out."""
    own = {"flux": FLUX, "y": Y, "chip": CHIP, "mjd": MJD} | columns
    return {name: values for name, values in own.items() if values is not None}


def text(content: str, encoding: str = "utf-8"):
    return lambda path: path.write_bytes(content.encode(encoding))


def csv(**columns):
    table = stars(**columns)
    rows = [",".join(table), *(",".join(str(v) for v in row) for row in zip(*table.values(), strict=True))]
    return text("\n".join(rows) + "\n")


def astropy(kind: str | None = None, **columns):
    def write(path):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            QTable(stars(**columns)).write(path, format=kind)

    return write


def parquet(units: dict[str, str] | None = None, **columns):
    def write(path):
        table = pa.table(stars(**columns))
        for name, unit in (units or {}).items():
            place = table.column_names.index(name)
            field = table.schema.field(name).with_metadata({"unit": unit})
            table = table.set_column(place, field, table[name])
        pq.write_table(table, path)

    return write


def tunit(name: str, unit: str, **columns):
    """A FITS table with a TUNIT as HST's headers spell it."""

    def write(path):
        table = fits.table_to_hdu(Table(stars(**columns)))
        table.header[f"TUNIT{table.columns.names.index(name) + 1}"] = unit
        fits.HDUList([fits.PrimaryHDU(), table]).writeto(path)

    return write


def photutils(path, **meta):
    table = Table(stars(flux=None, aperture_sum_0=FLUX, aperture_sum_1=[1.0, 2.0]), meta=meta)
    table.write(path, format="ascii.ecsv")


def photutils_meta(path):
    photutils(path, aperture0="CircularAperture", aperture0_r=3.0, aperture1_r=5.0)


def with_keywords(flux=FLUX, mjd=MJD, **keywords):
    def write(path):
        primary = fits.PrimaryHDU()
        primary.header.update(keywords)
        fits.HDUList([primary, fits.table_to_hdu(Table(stars(flux=flux, mjd=mjd)))]).writeto(path)

    return write


def with_timesys(mjd, origin):
    """A VOTable whose dates refer to a TIMESYS."""
    rows = zip(FLUX, Y, CHIP, mjd, strict=True)
    cells = "".join(f"<TR>{''.join(f'<TD>{value!r}</TD>' for value in map(float, row))}</TR>" for row in rows)
    fields = "".join(f'<FIELD name="{name}" datatype="double"/>' for name in ("flux", "y", "chip"))
    return text(
        '<?xml version="1.0"?><VOTABLE version="1.4" xmlns="http://www.ivoa.net/xml/VOTable/v1.3"><RESOURCE>'
        f'<TIMESYS ID="ts" timescale="TDB" timeorigin="{origin}" refposition="BARYCENTER"/><TABLE>{fields}'
        f'<FIELD name="mjd" datatype="double" unit="d" ref="ts"/><DATA><TABLEDATA>{cells}</TABLEDATA></DATA>'
        "</TABLE></RESOURCE></VOTABLE>"
    )


RST = """
==== ==== ==== =======
flux y    chip mjd
==== ==== ==== =======
600  1500 2    57601.3
5000 300  1    57601.3
==== ==== ==== =======
"""


def arrow_stream(path):
    table = pa.table(stars())
    with pa.ipc.new_stream(str(path), table.schema) as writer:
        writer.write_table(table, max_chunksize=1)


def cut_stream(path):
    arrow_stream(path)
    path.write_bytes(path.read_bytes()[:-60])


def cut_votable(path):
    from_table(Table(stars())).to_xml(str(path), tabledata_format="binary2")
    whole = path.read_text().replace("<TABLE", '<TABLE nrows="9"')
    path.write_text(whole)


def two_tables(path):
    hdus = [fits.table_to_hdu(Table({"a": [1]})), fits.table_to_hdu(Table(stars()))]
    hdus[1].name = "STARS"
    fits.HDUList([fits.PrimaryHDU(), *hdus]).writeto(path)


def two_votables(path):
    document, other = from_table(Table(stars())), from_table(Table({"a": [1]}))
    document.resources.extend(other.resources)
    document.to_xml(str(path))


def scaled_fits(path):
    flux = fits.Column("flux", "E", bscale=0.5, bzero=100.0, array=np.array(FLUX, dtype=np.float32))
    y = fits.Column("y", "I", bzero=32768, array=np.array([1500, 300], dtype=np.uint16))
    rest = [fits.Column("chip", "B", array=np.array(CHIP)), fits.Column("mjd", "D", array=np.array(MJD))]
    fits.BinTableHDU.from_columns([flux, y, *rest]).writeto(path)


def ldac(path):
    hdus = [fits.table_to_hdu(Table({"header": ["SIMPLE"]})), fits.table_to_hdu(Table(stars()))]
    hdus[0].name, hdus[1].name = "LDAC_IMHEAD", "LDAC_OBJECTS"
    fits.HDUList([fits.PrimaryHDU(), *hdus]).writeto(path)


def ragged_fits(path):
    fluxes = np.empty(2, dtype=object)
    fluxes[:] = [np.array([600.0]), np.array([5000.0, 1.0])]
    columns = [fits.Column("flux", "PD()", array=fluxes)]
    columns += [
        fits.Column(name, "D", array=values) for name, values in (("y", Y), ("chip", CHIP), ("mjd", MJD))
    ]
    fits.BinTableHDU.from_columns(columns).writeto(path)


def twins_fits(path):
    fits.table_to_hdu(Table(stars(twin=FLUX))).writeto(path)
    path.write_bytes(path.read_bytes().replace(b"'twin    '", b"'flux    '"))


def votable(ucds: dict[str, str], units: dict[str, str] | None = None, **columns):
    def write(path):
        document = from_table(Table(stars(**columns)))
        for entry in document.get_first_table().fields:
            entry.ucd = ucds.get(entry.name)
            if units and entry.name in units:
                entry.unit = units[entry.name]
        document.to_xml(str(path))

    return write


def voparquet(path):
    document = from_table(Table({name: np.asarray(v)[:0] for name, v in stars(flux=PER_SECOND).items()}))
    document.get_first_table().fields[0].unit = "electron/s"
    head = path.with_suffix(".xml")
    document.to_xml(str(head))
    table = pa.table(stars(flux=PER_SECOND))
    table = table.replace_schema_metadata({"IVOA.VOTable-Parquet.content": head.read_bytes()})
    pq.write_table(table, path)


def dolphot(images: int):
    lines = ["1. Extension (zero for base image)", "2. Chip (for three-dimensional FITS image)",
             "3. Object X position on reference image (or first image, if no reference)",
             "4. Object Y position on reference image (or first image, if no reference)"]  # fmt: skip
    for number in range(images):
        name = f"j{number}_flc.chip1 (WFC3_F502N, 348.0 sec)"
        for what in ("Measured counts", "Measured sky level", "Normalized count rate"):
            lines.append(f"{len(lines) + 1}. {what}, {name}")

    def write(path):
        path.with_name(path.name + ".columns").write_text("\n".join(lines) + "\n")
        rows = [
            (0, 1, 9.5, 1500.5, *(600.0, 2.0, 1.0) * images),
            (0, 1, 9.5, 1750.5, *(5000.0, 2.0, 1.0) * images),
        ]
        path.write_text("\n".join(" ".join(str(v) for v in row) for row in rows) + "\n")

    return write


def scaled_null(path):
    columns = [fits.Column("flux", "J", null=-1, array=np.array([-1, 10000]))]
    columns += [fits.Column(name, "D", array=values) for name, values in stars(flux=None).items()]
    table = fits.BinTableHDU.from_columns(columns)
    table.header["TXXXX1"], table.header["TYYYY1"] = 0.5, 0.0
    table.writeto(path)
    # Written by astropy itself, the numbers would be scaled back.
    scaled = path.read_bytes().replace(b"TXXXX1  ", b"TSCAL1  ").replace(b"TYYYY1  ", b"TZERO1  ")
    path.write_bytes(scaled)


IPAC_NULL = """\
|  flux  |   y   |chip|   mjd   |
| double |double |int | double  |
|   e-   |  pix  |    |   d     |
| null   |       |    |         |
   null     1500    2   57601.3
   5000      300    1   57601.3
"""
ALLSTAR = """\
#K IRAF       = NOAO/IRAFV2.16          version    %-23s
#
#N ID    XCENTER   YCENTER   MAG         MERR          MSKY           NITER    \\
#U ##    pixels    pixels    magnitudes  magnitudes    counts         ##       \\
#F %-9d  %-10.3f   %-10.3f   %-12.3f     %-14.3f       %-15.7g        %-6d
#
#N         SHARPNESS   CHI         PIER  PERROR                                \\
#U         ##          ##          ##    perrors                               \\
#F         %-23.3f     %-12.3f     %-6d  %-13s
#
1        10.000    1501.000  18.05462187 0.010         2.5            3        \\
           0.100       1.000       0     No_error
2        10.000    1751.000  15.75257499 0.010         2.5            3        \\
           0.100       1.000       0     No_error
"""
SEXTRACTOR = """\
#   1 NUMBER                 Running object number
#   2 Y_IMAGE                Object position along y                                    [pixel]
#   3 FLUX_AUTO              Flux within a Kron-like elliptical aperture                [count]
#   4 FLUX_APER              Flux vector within fixed circular aperture(s)              [count]
#   6 CHIP                   Chip
         1  1501.0  700.0   600.0   650.0 2
         2   301.0 7000.0  5000.0  5500.0 1
"""
IRAF = """\
#K IRAF       = NOAO/IRAFV2.16          version    %-23s
#N ID    YCENTER   FLUX      CHIP    MJD
#U ##    pixels    counts    ##      ##
#F %-9d  %-10.3f   %-14.7g   %-9d   %-12.3f
#
1        1501.000  600           2        57601.300
2        301.000   5000          1        57601.300
"""
ISO = "2016-08-01T07:12:00"
DATE = ("--mjd", "2016-08-01T07:12:00")

UNITS = [
    Input("unit", "FITS TUNIT ELECTRONS", "a.fits", tunit("flux", "ELECTRONS")),
    Input("unit", "FITS TUNIT e-", "a.fits", tunit("flux", "e-")),
    Input("unit", "FITS TUNIT ELECTRONS/S", "a.fits", tunit("flux", "ELECTRONS/S", flux=PER_SECOND), ("--exptime", "400")),
    Input("unit", "FITS TUNIT ELECTRONS/S, no exposure time", "a.fits", tunit("flux", "ELECTRONS/S"), out="give --exptime"),
    Input("unit", "FITS TUNIT COUNTS", "a.fits", tunit("flux", "COUNTS"), out="is in COUNTS, .* in electrons; give --gain"),
    Input("unit", "FITS TUNIT COUNTS with --gain", "a.fits", tunit("flux", "COUNTS", flux=[400.0, 5000.0 / 1.5]), ("--gain", "1.5")),
    Input("unit", "FITS TUNIT PIXELS for y", "a.fits", tunit("y", "PIXELS")),
    Input("unit", "Parquet, flux in ELECTRONS/S", "a.parquet", parquet({"flux": "ELECTRONS/S"}, flux=PER_SECOND), ("--exptime", "400")),
    Input("unit", "Parquet, flux in e-/min with exptime in s", "a.parquet", parquet({"flux": "e-/min", "exptime": "s"}, flux=[v * 60 for v in PER_SECOND], exptime=[400.0] * 2)),
    Input("unit", "VOParquet (TOPCAT), flux in electron/s", "a.parquet", voparquet, ("--exptime", "400")),
    Input("unit", "ECSV, flux in 1000 electron", "a.ecsv", astropy(flux=[0.6, 5.0] * u.Unit("1000 electron"))),
    Input("unit", "ECSV, flux in electron/s, exptime in minutes", "a.ecsv", astropy(flux=PER_SECOND * u.electron / u.s, exptime=[400 / 60] * 2 * u.min)),
    Input("unit", "ECSV, flux in electron/s, exptime in hours", "a.ecsv", astropy(flux=PER_SECOND * u.electron / u.s, exptime=[400 / 3600] * 2 * u.h)),
    Input("unit", "ECSV, flux in Jy", "a.ecsv", astropy(flux=FLUX * u.Jy), out="'flux' is in Jy, .* in electrons"),
    Input("unit", "ECSV, flux in adu", "a.ecsv", astropy(flux=FLUX * u.adu), out="is in adu, .* give --gain"),
    Input("unit", "ECSV, flux in DN with --unit flux=electron", "a.ecsv", astropy(flux=FLUX * u.DN), ("--unit", "flux=electron")),
    Input("unit", "ECSV, flux in electron/arcsec2", "a.ecsv", astropy(flux=FLUX * u.electron / u.arcsec**2), out="is in electron / arcsec2"),
    Input("unit", "ECSV, flux in mag", "a.ecsv", astropy(flux=MAGS * u.mag), out="in mag, .* --column mag=flux"),
    Input("unit", "ECSV, magnitudes with --zero-point", "a.ecsv", astropy(flux=None, mag=MAGS * u.mag), ("--zero-point", "25")),
    Input("unit", "ECSV, magnitudes without", "a.ecsv", astropy(flux=None, mag=MAGS * u.mag), out="give --zero-point"),
    Input("unit", "ECSV, mag(electron / s)", "a.ecsv", astropy(flux=None, mag=-2.5 * np.log10(PER_SECOND) * u.mag(u.electron / u.s)), ("--exptime", "400")),
    Input("unit", "ECSV, mag(AB) without a zero point", "a.ecsv", astropy(flux=None, mag=MAGS * u.ABmag), out="give --zero-point"),
    Input("unit", "ECSV, y in arcsec", "a.ecsv", astropy(y=Y * u.arcsec), out="'y' is in arcsec, .* in pixels"),
    Input("unit", "ECSV, radius in arcsec", "a.ecsv", astropy(radius=[0.12, 0.12] * u.arcsec), out="'radius' is in arcsec"),
    Input("unit", "VOTable, flux in furlong", "a.vot", votable({}, {"flux": "furlong"}), out="furlong"),
    Input("unit", "CSV, unit behind the name: flux [e-/s]", "a.csv", csv(flux=None, **{"flux [e-/s]": PER_SECOND}), ("--exptime", "400")),
    Input("unit", "CSV, a line of units below the names", "a.csv", text(f"flux,y,chip,mjd\ne-/s,px,-,d\n1.5,1500,2,{MJD[0]}\n12.5,300,1,{MJD[0]}\n"), ("--exptime", "400")),
    Input("unit", "CSV, flux [1e3 e-]", "a.csv", csv(flux=None, **{"flux [1e3 e-]": [0.6, 5.0]})),
    Input("unit", "CSV, flux (ke-)", "a.csv", csv(flux=None, **{"flux (ke-)": [0.6, 5.0]})),
    Input("unit", "CSV, no unit, with --gain", "a.csv", csv(flux=[400.0, 5000.0 / 1.5]), ("--gain", "1.5")),
    Input("unit", "FITS TUNIT E-/S", "a.fits", tunit("flux", "E-/S", flux=PER_SECOND), ("--exptime", "400")),
    Input("unit", "FITS TUNIT COUNTS/SEC", "a.fits", tunit("flux", "COUNTS/SEC", flux=PER_SECOND), ("--exptime", "400", "--gain", "1")),
    Input("unit", "FITS TUNIT erg/s/cm2/A", "a.fits", tunit("flux", "erg/s/cm2/A"), out="is in erg .* in electrons"),
    Input("unit", "ECSV, flux in photon", "a.ecsv", astropy(flux=FLUX * u.ph), out="'flux' is in ph, .* in electrons"),
    Input("unit", "ECSV, flux in dex(electron)", "a.ecsv", astropy(flux=np.log10(FLUX) * u.dex(u.electron)), out="is in dex.electron., .* in electrons"),
    Input("unit", "ECSV, mag(ct / s) without a zero point", "a.ecsv", astropy(flux=None, mag=-2.5 * np.log10(PER_SECOND) * u.mag(u.ct / u.s)), ("--gain", "1", "--exptime", "400"), "give --zero-point"),
    Input("unit", "ECSV, exptime in ms", "a.ecsv", astropy(flux=PER_SECOND * u.electron / u.s, exptime=[4e5, 4e5] * u.ms)),
    Input("unit", "ECSV, an exposure time of 0 in one row", "a.ecsv", astropy(flux=PER_SECOND * u.electron / u.s, exptime=[0.0, 400.0] * u.s), out="first missing"),
    Input("unit", "ECSV, y in mm", "a.ecsv", astropy(y=Y * u.mm), out="'y' is in mm, .* in pixels"),
    Input("unit", "ECSV, magnitudes in mmag with --zero-point", "a.ecsv", astropy(flux=None, mag=[v * 1000 for v in MAGS] * u.mmag), ("--zero-point", "25")),
    Input("unit", "ECSV, magnitudes in mmag beside a flux", "a.ecsv", astropy(mag=[v * 1000 for v in MAGS] * u.mmag)),
    Input("unit", "ECSV, mag(AB) with a zero point", "a.ecsv", astropy(flux=None, mag=MAGS * u.ABmag), ("--zero-point", "25")),
    Input("unit", "ECSV, mag(1000 electron)", "a.ecsv", astropy(flux=None, mag=-2.5 * np.log10(np.array(FLUX) / 1000) * u.mag(u.Unit("1000 electron")))),
    Input("unit", "ECSV, flux in mmag", "a.ecsv", astropy(flux=[v * 1000 for v in MAGS] * u.mmag), out="'flux' is in mmag, .* in electrons"),
    Input("unit", "ECSV, a magnitude in dB", "a.ecsv", astropy(flux=None, mag=MAGS * u.dB), ("--zero-point", "25"), "'mag' is in dB, .* in mag"),
    Input("unit", "ECSV, a magnitude in dex(electron)", "a.ecsv", astropy(flux=None, mag=np.log10(FLUX) * u.dex(u.electron)), ("--zero-point", "25"), "'mag' is in dex.electron., .* in mag"),
    Input("unit", "ECSV, flux in electron/pix", "a.ecsv", astropy(flux=FLUX * u.electron / u.pix), out="'flux' is in electron / pix, .* in electrons"),
    Input("unit", "FITS TUNIT electrons per second", "a.fits", tunit("flux", "electrons per second", flux=PER_SECOND), ("--exptime", "400")),
    Input("unit", "FITS TUNIT DN/s", "a.fits", tunit("flux", "DN/s"), ("--exptime", "400"), "is in DN/s, .*give --gain"),
    Input("unit", "CSV, flux (nmgy)", "a.csv", text("flux (nmgy),y,chip,mjd\n600,1500,2,57601.3\n"), out="is in nmgy, .* in electrons"),
    Input("unit", "ECSV, STmag with a zero point", "a.ecsv", astropy(flux=None, mag=np.array(MAGS) * u.STmag), ("--zero-point", "25")),
    Input("unit", "ECSV, flux in percent", "a.ecsv", astropy(flux=FLUX * u.percent), out="'flux' is in percent, .* in electrons"),
    Input("unit", "CSV, flux [log e-]", "a.csv", csv(flux=None, **{"flux [log e-]": np.log10(FLUX)}), out="is in log e-, an unknown unit"),
    Input("unit", "CSV, flux [e-/CR-split]", "a.csv", csv(flux=None, **{"flux [e-/CR-split]": PER_SECOND}), out="is in e-/CR-split, an unknown unit"),
    Input("unit", "CSV, flux (e-/ms) with exptime", "a.csv", csv(flux=None, **{"flux (e-/ms)": [v / 1000 for v in PER_SECOND], "exptime": [400, 400]})),
    Input("unit", "FITS TUNIT 10+3electron", "a.fits", tunit("flux", "10+3electron", flux=[0.6, 5.0])),
    Input("unit", "ECSV, background in e-/arcsec2", "a.ecsv", astropy(background=[0.05, 0.05] * u.electron / u.arcsec**2), out="'background' is in electron / arcsec2"),
    Input("unit", "ECSV, y in deg", "a.ecsv", astropy(y=Y * u.deg), out="'y' is in deg, .* in pixels"),
    Input("unit", "ECSV, a negative exposure time in one row", "a.ecsv", astropy(flux=PER_SECOND * u.electron / u.s, exptime=[-400.0, 400.0] * u.s), out="first missing"),
    Input("unit", "CSV, count_rate beside exptime", "a.csv", csv(flux=None, count_rate=PER_SECOND, exptime=[400, 400])),
    Input("unit", "CSV, count_rate without an exposure time", "a.csv", csv(flux=None, count_rate=PER_SECOND), out="'count_rate' is in electrons per second, .* give --exptime"),
    Input("unit", "CSV, count_rate with --gain", "a.csv", csv(flux=None, count_rate=[v / 1.5 for v in PER_SECOND]), ("--gain", "1.5", "--exptime", "400")),
    Input("unit", "ECSV, count_rate in electron", "a.ecsv", astropy(flux=None, count_rate=FLUX * u.electron), out="is in electron, and by its name it is per second"),
    Input("unit", "text, units in a second # line", "a.txt", text("# flux y chip mjd\n# e-/s px - d\n1.5 1500 2 57601.3\n12.5 300 1 57601.3\n"), ("--exptime", "400")),
    Input("unit", "CSV, units in a # line", "a.csv", text("# units: e-/s, px, -, d\nflux,y,chip,mjd\n1.5,1500,2,57601.3\n12.5,300,1,57601.3\n"), ("--exptime", "400")),
    Input("unit", "CSV, # flux in e-/s, no exposure time", "a.csv", text("# flux in e-/s, y in pixels\nflux,y,chip,mjd\n1.5,1500,2,57601.3\n"), out="column 'flux' is in e-/s"),
    Input("unit", "CSV, # TUNIT1 = 'electrons per second'", "a.csv", text("# TUNIT1 = 'electrons per second'\nflux,y,chip,mjd\n1.5,1500,2,57601.3\n12.5,300,1,57601.3\n"), ("--exptime", "400")),
    Input("unit", "CSV, # flux: total (e-/s)", "a.csv", text("# flux: in 3 px (e-/s)\nflux,y,chip,mjd\n1.5,1500,2,57601.3\n12.5,300,1,57601.3\n"), ("--exptime", "400")),
    Input("unit", "pandas to Parquet, no units", "a.parquet", lambda p: pd.DataFrame(stars()).to_parquet(p)),
]  # fmt: skip
TIMES = [
    Input("time", "ECSV, astropy Time in MJD", "a.ecsv", astropy(mjd=Time(MJD, format="mjd"))),
    Input("time", "ECSV, astropy Time in JD, TDB", "a.ecsv", astropy(mjd=Time(MJD, format="mjd").tdb)),
    Input("time", "ECSV, astropy Time, decimal year", "a.ecsv", astropy(mjd=Time(Time(MJD, format="mjd").decimalyear, format="decimalyear"))),
    Input("time", "ECSV, JD in a plain column", "a.ecsv", astropy(mjd=None, jd=[v + 2400000.5 for v in MJD] * u.d)),
    Input("time", "FITS, Time column of astropy", "a.fits", astropy(mjd=Time(MJD, format="mjd"))),
    Input("time", "FITS, Time column as ISO text", "a.fits", astropy(mjd=[ISO, ISO])),
    Input("time", "Parquet of astropy, Time column", "a.parquet", astropy(mjd=Time(MJD, format="mjd"))),
    Input("time", "Parquet, timestamps in New York", "a.parquet", parquet(mjd=None, time=pa.array(pd.to_datetime([ISO, ISO], utc=True).tz_convert("America/New_York")))),
    Input("time", "Parquet, timestamps without a zone", "a.parquet", parquet(mjd=pa.array([datetime.fromisoformat(ISO)] * 2))),
    Input("time", "Parquet, dates", "a.parquet", parquet(mjd=None, date=pa.array([date(2016, 8, 1)] * 2)), out="right to a day"),
    Input("time", "Feather of pandas, timestamps", "a.feather", lambda p: feather.write_feather(pd.DataFrame(stars(mjd=pd.to_datetime([ISO, ISO]))), p)),
    Input("time", "CSV, ISO", "a.csv", csv(mjd=[ISO, ISO])),
    Input("time", "CSV, ISO with Z", "a.csv", csv(mjd=[ISO + "Z"] * 2)),
    Input("time", "CSV, ISO with +02:00", "a.csv", csv(mjd=["2016-08-01T09:12:00+02:00"] * 2)),
    Input("time", "CSV, ISO with a blank", "a.csv", csv(mjd=["2016-08-01 07:12:00"] * 2)),
    Input("time", "CSV, DATE-OBS without a time", "a.csv", csv(mjd=None, **{"DATE-OBS": ["2016-08-01"] * 2}), out="right to a day"),
    Input("time", "CSV, year and day of year", "a.csv", csv(mjd=["2016:214:07:12:00"] * 2)),
    Input("time", "CSV, YYYYMMDD", "a.csv", csv(mjd=["20160801"] * 2), out="right to a day"),
    Input("time", "CSV, JD", "a.csv", csv(mjd=[v + 2400000.5 for v in MJD])),
    Input("time", "CSV, decimal years", "a.csv", csv(mjd=None, decimalyear=Time(MJD, format="mjd").decimalyear)),
    Input("time", "CSV, MJD and ISO mixed", "a.csv", csv(mjd=[MJD[0], ISO])),
    Input("time", "CSV, 01/08/2016", "a.csv", csv(mjd=["01/08/2016"] * 2), out="row 1: '01/08/2016' is not a date"),
    Input("time", "CSV, date before the launch in one row", "a.csv", csv(mjd=["1995-01-01", ISO]), out="first missing"),
    Input("time", "CSV, date in the far future in one row", "a.csv", csv(mjd=[99999.5, MJD[0]]), out="first missing"),
    Input("time", "CSV, MJD in a column jd", "a.csv", csv(mjd=None, jd=MJD), ("--unit", "mjd=mjd")),
    Input("time", "CSV, MJD or JD less 2400000 in a column jd", "a.csv", csv(mjd=None, jd=MJD), out="holds 57601.3, an MJD or a JD less 2400000"),
    Input("time", "CSV, ISO in mjd [TDB]", "a.csv", csv(**{"mjd": None, "mjd [TDB]": TDB.isot})),
    Input("time", "CSV, ISO in date_obs (TT)", "a.csv", csv(**{"mjd": None, "date_obs (TT)": TDB.tt.isot})),
    Input("time", "CSV, MJD of TAI in a column of its name", "a.csv", csv(mjd=None, mjd_tai=TDB.tai.mjd), ("--column", "mjd=mjd_tai")),
    Input("time", "CSV, ISO with TDB behind it", "a.csv", csv(mjd=[f"{time} TDB" for time in TDB.isot]), out="TDB' is not a date"),
    Input("time", "FITS, TIMESYS TT", "a.fits", with_keywords(TIMESYS="TT", mjd=TDB.tt.mjd)),
    Input("time", "FITS, DATE-OBS of the primary header in TDB", "a.fits", with_keywords(mjd=None, TIMESYS="TDB", **{"DATE-OBS": TDB.isot[0]})),
    Input("time", "VOTable, TIMESYS TDB", "a.vot", with_timesys(TDB.mjd, "MJD-origin")),
    Input("time", "VOTable, TIMESYS with an origin of its own", "a.vot", with_timesys([601.3, 601.3], "2457000.5"), out="counts from JD 2457000.5 by its TIMESYS"),
    Input("time", "CSV, 20160801T071200", "a.csv", csv(mjd=["20160801T071200"] * 2)),
    Input("time", "CSV, 2016/08/01 07:12:00", "a.csv", csv(mjd=["2016/08/01 07:12:00"] * 2)),
    Input("time", "CSV, 8/1/2016 07:12", "a.csv", csv(mjd=["8/1/2016 07:12"] * 2), out="'8/1/2016 07:12' is not a date"),
    Input("time", "CSV, JD less 2450000", "a.csv", csv(mjd=None, jd=[7601.8] * 2), out="holds no possible date: row 1 has 7601.8"),
    Input("time", "CSV, year and month as 201608", "a.csv", csv(mjd=["201608"] * 2), out="holds no possible date"),
    Input("time", "ECSV, decimal years said to be days", "a.ecsv", astropy(mjd=[2016.58] * 2 * u.d), out="'mjd' is in d, and a date is in days"),
    Input("time", "ECSV, astropy Time in TAI", "a.ecsv", astropy(mjd=Time(MJD, format="mjd").tai)),
    Input("time", "FITS, Time in GPS seconds", "a.fits", astropy("fits", mjd=Time(Time(MJD, format="mjd").gps, format="gps"))),
    Input("time", "Parquet, timestamps in Tokyo", "a.parquet", parquet(mjd=pa.array(pd.to_datetime([ISO, ISO], utc=True).tz_convert("Asia/Tokyo")))),
    Input("time", "Parquet, times of day", "a.parquet", parquet(mjd=pa.array([1, 2], pa.time64("us"))), out="row 1: '00:00:00.000001' is not a date"),
    Input("time", "CSV, ISO weeks: 2016-W31-1T07:12", "a.csv", csv(mjd=["2016-W31-1T07:12"] * 2)),
    Input("time", "CSV, milliseconds of 1970", "a.csv", csv(mjd=[1470035520000] * 2), out="holds no possible date: row 1"),
    Input("time", "CSV, 2016-08-01.3", "a.csv", csv(mjd=["2016-08-01.3"] * 2), out="'2016-08-01.3' is not a date"),
    Input("time", "CSV, a zone and none", "a.csv", csv(mjd=["2016-08-01T07:12:00", "2016-08-01T03:12:00-0400"])),
    Input("time", "FITS, JD as text", "a.fits", astropy("fits", mjd=["2457601.8", "2457601.8"])),
    Input("time", "CSV, barycentric JD", "a.csv", csv(mjd=None, bjd=[2457601.8, 2457601.8])),
    Input("time", "CSV, J2016.58", "a.csv", csv(mjd=["J2016.5826"] * 2), out="right to a day"),
    Input("time", "ECSV, spans of astropy", "a.ecsv", astropy(mjd=Time(MJD, format="mjd") - Time(50000, format="mjd")), out="'mjd' holds spans of time"),
    Input("time", "CSV, seconds of 1970", "a.csv", csv(mjd=[1470035520.0] * 2), out="holds no possible date: row 1"),
    Input("time", "ECSV, times in seconds", "a.ecsv", astropy(mjd=MJD * u.s), out="'mjd' is in s, and a date is in days"),
    Input("time", "FITS, Time in seconds of Chandra", "a.fits", astropy("fits", mjd=Time(Time(MJD, format="mjd").cxcsec, format="cxcsec"))),
    Input("time", "ECSV, Time in seconds of 1970", "a.ecsv", astropy(mjd=Time(Time(MJD, format="mjd").unix, format="unix"))),
    Input("time", "ECSV, Time in UT1", "a.ecsv", astropy(mjd=Time(MJD, format="mjd", scale="ut1"))),
    Input("time", "Parquet of astropy, one Time masked", "a.parquet", astropy(mjd=Time(np.ma.masked_array(MJD, [True, False]), format="mjd")), out="first missing"),
    Input("time", "CSV, MJD less 40000", "a.csv", csv(mjd=[value - 40000 for value in MJD]), out="holds no possible date: row 1 has 17601.3"),
    Input("time", "CSV, BJD less 2457000 (TESS)", "a.csv", csv(mjd=None, bjd=[601.8] * 2), out="holds no possible date: row 1 has 601.8"),
    Input("time", "CSV, a spreadsheet's days of 1900", "a.csv", csv(mjd=None, date=[42583.3] * 2), out="holds no possible date: row 1 has 42583.3"),
    Input("time", "CSV, an infinite date in one row", "a.csv", csv(mjd=["inf", MJD[1]]), out="first missing"),
    Input("time", "CSV, no date in one row: NaT", "a.csv", csv(mjd=["NaT", MJD[1]]), out="first missing"),
    Input("time", "CSV, small letters: 2016-08-01t07:12:00z", "a.csv", csv(mjd=["2016-08-01t07:12:00z"] * 2)),
    Input("time", "CSV, two zones", "a.csv", csv(mjd=["2016-08-01T09:12:00+0200", "2016-08-01 03:12:00-04"])),
    Input("time", "CSV, DATE-OBS and TIME-OBS apart", "a.csv", csv(mjd=None, **{"DATE-OBS": ["2016-08-01"] * 2, "TIME-OBS": ["07:12:00"] * 2})),
    Input("time", "CSV, whole MJD and UT", "a.csv", csv(mjd=[57601] * 2, UT=["7:12", "07 12 00.0 UT"])),
    Input("time", "CSV, dates with a time beside TIME-OBS", "a.csv", csv(mjd=None, **{"DATE-OBS": [ISO] * 2, "TIME-OBS": ["03:00:00"] * 2})),
    Input("time", "CSV, days and UT in hours", "a.csv", csv(mjd=[57601] * 2, ut=[7.2] * 2), out="right to a day"),
    Input("time", "CSV, days and times in columns of one's own names", "a.csv", csv(mjd=None, day=["2016-08-01"] * 2, clock=["07:12Z"] * 2), ("--column", "mjd=day", "--column", "time=clock")),
    Input("time", "Parquet, dates and times of day", "a.parquet", parquet(mjd=None, date=pa.array([date(2016, 8, 1)] * 2), time=pa.array([time(7, 12)] * 2))),
    Input("time", "FITS, EXPSTART of the primary header", "a.fits", with_keywords(mjd=None, EXPSTART=MJD[0])),
    Input("time", "FITS, DATE-OBS and TIME-OBS of the primary header", "a.fits", with_keywords(mjd=None, **{"DATE-OBS": "2016-08-01", "TIME-OBS": "07:12:00"})),
    Input("time", "CSV, DATE-OBS, UT and CCDCHIP in # lines", "a.csv", text("# DATE-OBS = 2016-08-01\n# UT = 07:12:00\n# CCDCHIP = 2\nflux,y\n600,1500\n5000,1750\n"), out="right on chip 2"),
    Input("time", "CSV, DATE-OBS of another year than --mjd", "a.csv", text("# DATE-OBS = 2019-08-01\nflux,y,chip\n600,1500,2\n"), DATE, "DATE-OBS of the table's metadata is '2019-08-01', and --mjd 57601.3 was given"),
    Input("time", "Parquet, periods of pandas", "a.parquet", lambda p: pd.DataFrame(stars(mjd=pd.PeriodIndex(["2016-08-01"] * 2, freq="D"))).to_parquet(p), out="holds no possible date: row 1 has 17014"),
    Input("time", "Feather, intervals", "a.feather", lambda p: feather.write_feather(pa.table(stars(mjd=pa.array([(1, 2, 3)] * 2, pa.month_day_nano_interval()))), str(p)), out="row 1: .* is not a date"),
    Input("time", "CSV, day of the year: 2016-214T07:12", "a.csv", csv(mjd=["2016-214T07:12"] * 2)),
    Input("time", "CSV, HST's schedule: 2016.214:07:12:00", "a.csv", csv(mjd=["2016.214:07:12:00"] * 2)),
    Input("time", "CSV, YYYYDDD", "a.csv", csv(mjd=["2016214.3"] * 2)),
    Input("time", "CSV, day 366 of 2015", "a.csv", csv(mjd=["2015-366"] * 2), out="'2015-366' is not a date"),
    Input("time", "CSV, 01-Aug-2016 and Aug 1, 2016", "a.csv", csv(mjd=["01-Aug-2016", '"Aug 1, 2016"']), out="right to a day"),
    Input("time", "CSV, 30 Feb 2016", "a.csv", csv(mjd=["30 Feb 2016"] * 2), out="'30 Feb 2016' is not a date"),
    Input("time", "CSV, year, month and day in columns", "a.csv", csv(mjd=None, year=[2016] * 2, month=[8] * 2, day=[1.3] * 2)),
    Input("time", "CSV, YYYY, MM as Aug, DD and UT", "a.csv", csv(mjd=None, YYYY=[2016] * 2, MM=["Aug", "august"], DD=[1] * 2, UT=["07:12:00"] * 2)),
    Input("time", "FITS, year and day of the year in columns", "a.fits", astropy("fits", mjd=None, year=np.array([2016] * 2, np.int16), doy=[214.3] * 2)),
    Input("time", "CSV, month 13 in one row", "a.csv", csv(mjd=None, year=[2016] * 2, month=[13, 8], day=[1.3] * 2), out="first missing"),
    Input("time", "ECSV, the day masked in one row", "a.ecsv", astropy(mjd=None, year=[2016] * 2, month=[8] * 2, day=MaskedColumn([1.3] * 2, mask=[True, False])), out="first missing"),
    Input("time", "CSV, years of two digits", "a.csv", csv(mjd=None, year=[16] * 2, month=[8] * 2, day=[1] * 2), out="columns year, month, day hold no possible date: row 1 has 16"),
    Input("time", "CSV, day and month in each other's column", "a.csv", csv(mjd=None, yyyy=[2016] * 2, mm=[25] * 2, dd=[8] * 2), out="columns yyyy, mm, dd hold no possible date: row 1 has 2016.0, 25.0, 8.0"),
    Input("time", "CSV, year, month, day and time", "a.csv", csv(mjd=None, year=[2016] * 2, month=[8] * 2, day=[1] * 2, time=["07:12"] * 2)),
    Input("time", "CSV, mjd (UTC)", "a.csv", csv(mjd=None, **{"mjd (UTC)": MJD})),
    Input("time", "CSV, year and month alone", "a.csv", csv(mjd=None, year=[2016] * 2, month=[8] * 2), out="no date among the columns"),
    Input("time", "--mjd 2014.94", "a.csv", csv(mjd=None), ("--mjd", "2014.94"), "'2014.94' is not a date of WFC3"),
    Input("time", "CSV, day, month and year in two digits: 060816", "a.csv", csv(mjd=["060816"] * 2), out="'060816' is not a date"),
    Input("time", "--mjd of another year than a column", "a.csv", csv(), ("--mjd", "2010-08-01"), "column 'mjd' says 57601.3 in row 1, and --mjd 55409 was given"),
    Input("time", "--mjd of a week after a column", "a.csv", csv(mjd=[57594.3] * 2), ("--mjd", "57601.3")),
    Input("time", "--mjd of 1995", "a.csv", csv(mjd=None), ("--mjd", "1995-01-01"), "not a date of WFC3"),
]  # fmt: skip
FORMATS = [
    Input("format", "CSV", "a.csv", csv()),
    Input("format", "CSV with a byte-order mark", "a.csv", text("\ufeffflux,y,chip,mjd\n600,1500,2,57601.3\n5000,300,1,57601.3\n")),
    Input("format", "CSV in UTF-16", "a.csv", text("flux,y,chip,mjd\n600,1500,2,57601.3\n5000,300,1,57601.3\n", "utf-16")),
    Input("format", "CSV in Latin-1", "a.csv", text("flux,y,chip,mjd,note\n600,1500,2,57601.3,\u00e9toile\n5000,300,1,57601.3,\u00b5\n", "latin-1")),
    Input("format", "CSV of Windows", "a.csv", text("flux,y,chip,mjd\r\n600,1500,2,57601.3\r\n5000,300,1,57601.3\r\n")),
    Input("format", "CSV with blanks after commas", "a.csv", text("flux, y, chip, mjd\n600, 1500, 2, 57601.3\n5000, 300, 1, 57601.3\n")),
    Input("format", "CSV with # lines before the names", "a.csv", text("# stars\n# of a night\nflux,y,chip,mjd\n600,1500,2,57601.3\n# end\n5000,300,1,57601.3\n")),
    Input("format", "CSV with names in a # line", "a.csv", text("# stars\n#flux,y,chip,mjd\n600,1500,2,57601.3\n5000,300,1,57601.3\n")),
    Input("format", "CSV with semicolons", "a.csv", text("flux;y;chip;mjd\n600;1500;2;57601.3\n5000;300;1;57601.3\n")),
    Input("format", "CSV with decimal commas", "a.csv", text("flux;y;chip;mjd\n600,00;1500,0;2;57601,3\n5000;300;1;57601,3\n")),
    Input("format", "text with blanks and decimal commas, names in a # line", "a.txt", text("# flux y chip mjd\n6,0E2 1500,0 2 57601,3\n5,0D3 300,0 1 57601,3\n")),
    Input("format", "decimal commas without a line of names", "a.txt", text("600,0;1500,0;2,0;57601,3\n5000,0;300,0;1,0;57601,3\n"), ("--names", "flux,y,chip,mjd")),
    Input("format", "decimal commas in quotes between commas", "a.csv", text('flux,y,chip,mjd\n"600,0","1500,0",2,"57601,3"\n"5000,0","300,0",1,"57601,3"\n')),
    Input("format", "commas that may separate thousands", "a.csv", text("flux;y;chip;mjd\n1,600;1500;2;57601\n"), out="'flux' does not hold numbers: row 1 has '1,600'; decimals take a point"),
    Input("format", "decimal commas, and points that may separate thousands", "a.csv", text("flux;y;chip;mjd\n1.600;1500;2;57601,3\n"), out="decimals follow a comma in column 'mjd' \\(57601,3\\), and 1.600 of column 'flux' may be thousands"),
    Input("format", "decimal commas and points in one column", "a.csv", text("flux;y;chip;mjd\n600,5;1500;2;57601,3\n600.5;1500;2;57601,3\n"), out="'flux' does not hold numbers: row 1 has '600,5'"),
    Input("format", "decimal commas in one column, 1,600 in another", "a.csv", text("flux;y;chip;mjd\n1,600;1500;2;57601,3\n"), out="row 1 has '1,600'; decimals take a point, thousands no mark; in a text --decimal"),
    Input("format", "1,600 with --decimal .", "a.csv", text("flux;y;chip;mjd\n600;1,500;2;57601.3\n5,000;300;1;57601.3\n"), ("--decimal", ".")),
    Input("format", "1.600 with --decimal ,", "a.csv", text("flux;y;chip;mjd\n600;1.500;2;57601,3\n5.000;300;1;57601,3\n"), ("--decimal", ",")),
    Input("format", "decimal commas in magnitudes of three decimals", "a.csv", text("mag;y;chip;mjd\n18,055;1500;2;57601,30\n15,753;300;1;57601,30\n"), ("--zero-point", "25"), "right to a day"),
    Input("format", "both marks: 1.500,0", "a.csv", text("flux;y;chip;mjd\n600,0;1.500,0;2;57601,3\n5.000,0;300,0;1;57601,3\n")),
    Input("format", "both marks: 1,500.0", "a.csv", text('flux,y,chip,mjd\n600,"1,500.0",2,57601.3\n"5,000.0",300,1,"57,601.3"\n')),
    Input("format", "CSV, gzip", "a.csv.gz", lambda p: p.write_bytes(gzip.compress(b"flux,y,chip,mjd\n600,1500,2,57601.3\n5000,300,1,57601.3\n"))),
    Input("format", "CSV, bzip2, ending .csv", "a.csv", lambda p: p.write_bytes(bz2.compress(b"flux,y,chip,mjd\n600,1500,2,57601.3\n5000,300,1,57601.3\n"))),
    Input("format", "TSV", "a.tsv", text("flux\ty\tchip\tmjd\n600\t1500\t2\t57601.3\n5000\t300\t1\t57601.3\n")),
    Input("format", "text with blanks", "a.txt", text("  flux     y chip      mjd\n 600.0  1500    2  57601.3\n5000.0   300    1  57601.3\n")),
    Input("format", "text with blanks, names in a # line", "a.dat", text("# flux y chip mjd\n600 1500 2 57601.3\n5000 300 1 57601.3\n")),
    Input("format", "text without names", "a.dat", text("600 1500 2 57601.3\n5000 300 1 57601.3\n"), out="no line of names for its 4 columns; give them with --names"),
    Input("format", "text without names, --names", "a.dat", text("600 1500 2 57601.3\n5000 300 1 57601.3\n"), ("--names", "flux,y,chip,mjd")),
    Input("format", "ECSV in a .txt", "a.txt", astropy("ascii.ecsv", flux=PER_SECOND * u.electron / u.s), ("--exptime", "400")),
    Input("format", "FITS, gzip", "a.fits.gz", astropy("fits")),
    Input("format", "FITS with two tables", "a.fits", two_tables, out="holds 2 tables .1, 2 STARS.; choose one with --hdu"),
    Input("format", "FITS with two tables, --hdu STARS", "a.fits", two_tables, ("--hdu", "stars")),
    Input("format", "FITS with two tables, --hdu 2", "a.fits", two_tables, ("--hdu", "2")),
    Input("format", "FITS_LDAC of SExtractor", "a.fits", ldac),
    Input("format", "FITS of images only", "a.fits", lambda p: fits.PrimaryHDU(np.zeros((2, 2))).writeto(p), out="holds no table; it is a FITS file of images only"),
    Input("format", "VOTable, columns by UCD", "a.vot", votable({"n": "phot.count", "row": "pos.cartesian.y;instr.det", "t": "time.epoch"}, flux=None, y=None, mjd=None, n=FLUX, row=Y, t=MJD)),
    Input("format", "IRAF phot text (rows from 1)", "a.mag", text(IRAF), ("--gain", "1")),
    Input("format", "SExtractor text, several apertures", "a.cat", text(SEXTRACTOR), (*DATE, "--gain", "1"), "FLUX_APER.0., FLUX_APER.1. hold the flux in several apertures"),
    Input("format", "SExtractor text, an aperture chosen", "a.cat", text(SEXTRACTOR), (*DATE, "--gain", "1", "--column", "flux=FLUX_APER[0]")),
    Input("format", "SExtractor text, FLUX_APER in counts", "a.cat", text(SEXTRACTOR), (*DATE, "--column", "flux=FLUX_APER[0]"), "give --gain"),
    Input("format", "photutils, ECSV", "a.ecsv", astropy(flux=None, y=None, aperture_sum=FLUX * u.electron, y_center=Y * u.pix)),
    Input("format", "photutils, sums with and without the background", "a.csv", csv(flux=None, aperture_sum=[900.0, 5300.0], aper_sum_bkgsub=FLUX)),
    Input("format", "photutils, several apertures", "a.ecsv", astropy(flux=None, aperture_sum_0=FLUX, aperture_sum_1=FLUX), out="aperture_sum_0, aperture_sum_1 hold the flux in several apertures"),
    Input("format", "photutils, several apertures with their radii", "a.ecsv", photutils, ("--radius", "3,5")),
    Input("format", "photutils, several apertures, radii in its metadata", "a.ecsv", photutils_meta),
    Input("format", "photutils, other apertures than the set's", "a.ecsv", photutils, ("--radius", "4,5"), "apertures of 4, 5 px, and the coefficients test are for 3 px"),
    Input("format", "FITS of ACS", "a.fits", with_keywords(INSTRUME="ACS"), out="INSTRUME of the table's metadata is 'ACS'"),
    Input("format", "FITS of WFC3", "a.fits", with_keywords(INSTRUME="WFC3")),
    Input("format", "VOTable with texts", "a.vot", astropy("votable", chip=["UVIS2", "UVIS1"])),
    Input("format", "FITS of a subarray, SUBARRAY", "a.fits", with_keywords(SUBARRAY=True), out="SUBARRAY of the table's metadata is 'True'"),
    Input("format", "FITS of a subarray that begins at row 0", "a.fits", with_keywords(SUBARRAY=True, LTV2=0.0)),
    Input("format", "FITS of a subarray, APERTURE", "a.fits", with_keywords(APERTURE="UVIS2-C1K1C-SUB"), out="APERTURE of the table's metadata is 'UVIS2-C1K1C-SUB'"),
    Input("format", "CSV, a # line SUBARRAY = T", "a.csv", text("# SUBARRAY = T\n" + PLAIN.decode()), out="SUBARRAY of the table's metadata is 'T'"),
    Input("format", "CSV, a column LTV2", "a.csv", csv(LTV2=[0, -1538]), out="LTV2 is '-1538"),
    Input("format", "FITS of a subarray, LTV2", "a.fits", with_keywords(LTV2=-1538.0), out="LTV2 of the table's metadata is '-1538.0'"),
    Input("format", "FITS of binned pixels, BINAXIS2", "a.fits", with_keywords(BINAXIS2=2), out="BINAXIS2 of the table's metadata is '2'"),
    Input("format", "FITS, BUNIT of the image in electrons", "a.fits", with_keywords(BUNIT="ELECTRONS")),
    Input("format", "FITS, BUNIT of the image in electrons/s", "a.fits", with_keywords(BUNIT="ELECTRONS/S", flux=[1.5, 12.5]), ("--exptime", "400")),
    Input("format", "FITS, BUNIT in electrons/s, no exposure time", "a.fits", with_keywords(BUNIT="ELECTRONS/S"), out="column 'flux' is in ELECTRONS/S"),
    Input("format", "FITS, BUNIT in electrons/s, EXPTIME of the primary header", "a.fits", with_keywords(BUNIT="ELECTRONS/S", EXPTIME=400.0, flux=PER_SECOND)),
    Input("format", "FITS, BUNIT in electrons/s, EXPTIME and TEXPTIME differ", "a.fits", with_keywords(BUNIT="ELECTRONS/S", EXPTIME=400.0, TEXPTIME=800.0), out="give --exptime"),
    Input("format", "FITS, BUNIT in counts, no gain", "a.fits", with_keywords(BUNIT="COUNTS"), out="give --gain"),
    Input("format", "DOLPHOT, one image", "a.phot", dolphot(1), ("--format", "dolphot", "--chip", "2", *DATE), "right on chip 2"),
    Input("format", "DOLPHOT, two images", "a.phot", dolphot(2), ("--format", "dolphot", "--chip", "2", *DATE), "measured 2 images here; choose one"),
    Input("format", "hst1pass, by its ending", "a.xym", text("# hst1pass\n10.0 1501.0 -6.94537812\n10.0 2346.0 -9.24742501\n"), ("--format", "hst1pass", *DATE)),
    Input("format", "IPAC", "a.tbl", astropy("ascii.ipac")),
    Input("format", "machine-readable table of a journal", "a.txt", astropy("ascii.mrt")),
    Input("format", "fixed width", "a.txt", astropy("ascii.fixed_width")),
    Input("format", "fixed width, ruled", "a.txt", astropy("ascii.fixed_width_two_line")),
    Input("format", "IPAC with null", "a.tbl", text(IPAC_NULL), out="first missing"),
    Input("format", "machine-readable table with a blank", "a.txt", astropy("ascii.mrt", flux=MaskedColumn(FLUX, mask=[True, False])), out="first missing"),
    Input("format", "VOTable in BINARY2 with null", "a.vot", lambda p: from_table(Table(stars(flux=MaskedColumn(FLUX, mask=[True, False])))).to_xml(str(p), tabledata_format="binary2"), out="first missing"),
    Input("format", "table of psql's lines", "a.txt", text(" flux |  y\n------+------\n  600 | 1500\n"), ("--chip", "2", *DATE), "2 columns are named \\(flux, y\\), and line 2 holds 1 value"),
    Input("format", "IRAF psf text of allstar (rows from 1)", "a.als", text(ALLSTAR), ("--zero-point", "25", "--gain", "1", "--chip", "2", *DATE), "right on chip 2"),
    Input("format", "LaTeX", "a.tex", astropy("ascii.latex"), ("--format", "ascii.latex")),
    Input("format", "CSV, xz", "a.csv.xz", lambda p: p.write_bytes(lzma.compress(PLAIN))),
    Input("format", "CSV with lines that end in CR", "a.csv", lambda p: p.write_bytes(PLAIN.replace(b"\n", b"\r"))),
    Input("format", "CSV with bars", "a.txt", lambda p: p.write_bytes(PLAIN.replace(b",", b"|"))),
    Input("format", "CSV with --hdu", "a.csv", csv(), ("--hdu", "1"), "--hdu chooses a table of a FITS or VOTable"),
    Input("format", "FITS, ASCII table", "a.fits", lambda p: fits.TableHDU.from_columns(fits.ColDefs([fits.Column(n, "F12.3", array=np.array(v)) for n, v in stars().items()])).writeto(p)),
    Input("format", "JSON", "a.json", text('[{"flux": 600, "y": 1500}]'), out="is a JSON file, which is not read"),
    Input("format", "HDF5", "a.h5", lambda p: p.write_bytes(b"\x89HDF\r\n\x1a\n" + bytes(64)), out="is an HDF5 file, which is not read"),
    Input("format", "spreadsheet", "a.xlsx", lambda p: p.write_bytes(b"PK\x03\x04" + bytes(64)), out="a zip archive or a spreadsheet"),
    Input("format", "zip", "a.zip", lambda p: p.write_bytes(b"PK\x03\x04 and so on"), out="a zip archive or a spreadsheet"),
    Input("format", "CSV, zstd", "a.csv.zst", lambda p: p.write_bytes(b"\x28\xb5\x2f\xfd and so on"), out="compressed with zstd"),
    Input("format", "web page", "a.html", text("<!DOCTYPE html><table><tr><td>600</td></tr></table>"), out="is a web page"),
    Input("format", "reStructuredText", "a.rst", text(RST)),
    Input("format", "Arrow stream", "a.arrows", arrow_stream),
    Input("format", "CSV with quoted names and a byte-order mark", "a.csv", text('"flux","y","chip","mjd"\n"600","1500","2","57601.3"\n"5000","300","1","57601.3"\n', "utf-8-sig")),
    Input("format", "CSV with an index without a name", "a.csv", text(",flux,y,chip,mjd\n0,600,1500,2,57601.3\n1,5000,300,1,57601.3\n")),
    Input("format", "CSV with blank lines at its end", "a.csv", text(PLAIN.decode() + "\n\n\n")),
    Input("format", "CSV in UTF-16 without a mark", "a.csv", text(PLAIN.decode(), "utf-16-le")),
    Input("format", "CSV in UTF-32", "a.csv", text(PLAIN.decode(), "utf-32")),
    Input("format", "CSV of Excel with a line sep=;", "a.csv", text("sep=;\nflux;y;chip;mjd\n600;1500;2;57601.3\n5000;300;1;57601.3\n")),
    Input("format", "TSV, all in quotes", "a.tsv", text('"flux"\t"y"\t"chip"\t"mjd"\n"600"\t"1500"\t"2"\t"57601.3"\n"5000"\t"300"\t"1"\t"57601.3"\n')),
    Input("format", "CSV with # lines between the rows", "a.csv", text(PLAIN.decode().replace("\n5000", "\n# chip 1\n5000"))),
    Input("format", "CSV whose names come again", "a.csv", text(PLAIN.decode() * 2), out="'flux' does not hold numbers: row 3 has 'flux'"),
    Input("format", "table as astropy prints it", "a.txt", lambda p: p.write_text("\n".join(Table(stars()).pformat()) + "\n")),
    Input("format", "CSV, gzip in gzip", "a.csv.gz", lambda p: p.write_bytes(gzip.compress(gzip.compress(PLAIN))), out="compressed twice; unpack it once"),
    Input("format", "Parquet, gzip", "a.parquet.gz", lambda p: p.write_bytes(gzip.compress(b"PAR1" + bytes(40))), out="is parquet, compressed once more from outside; unpack it"),
    Input("format", "tar, gzip", "a.tar.gz", lambda p: p.write_bytes(gzip.compress(b"a.csv".ljust(257, b"\0") + b"ustar".ljust(255, b"\0"))), out="is a tar archive, which is not read"),
    Input("format", "ORC", "a.orc", lambda p: orc.write_table(pa.table(stars()), str(p)), out="is an ORC file, which is not read"),
    Input("format", "JSON lines", "a.jsonl", text('{ "flux": 600, "y": 1500}\n'), out="is a JSON file, which is not read"),
    Input("format", "JSON over several lines", "a.json", text('[\n  {"flux": 600}\n]\n'), out="is a JSON file, which is not read"),
    Input("format", "array of numpy", "a.npy", lambda p: np.save(p, np.zeros(3)), out="is an array of numpy, which is not read"),
    Input("format", "VOTable of two tables", "a.vot", two_votables, out="holds 2 tables .0, 1.; choose one with --hdu"),
    Input("format", "VOTable of two tables, --hdu 0", "a.vot", two_votables, ("--hdu", "0")),
    Input("format", "VOTable of a service's error", "a.vot", text('<?xml version="1.0"?><VOTABLE version="1.3" xmlns="http://www.ivoa.net/xml/VOTable/v1.3"><RESOURCE type="results"><INFO name="QUERY_STATUS" value="ERROR">bad query</INFO></RESOURCE></VOTABLE>'), out="the service that wrote it said: bad query"),
    Input("format", "VOTable that states more rows than it holds", "a.vot", cut_votable, out="states 9 rows and holds 2; it is cut or damaged"),
    Input("format", "cut Arrow stream", "a.arrows", cut_stream, out="cannot be read as feather: Expected to read"),
    Input("format", "cut UTF-16", "a.csv", lambda p: p.write_bytes(PLAIN.decode().encode("utf-16") + b"\0"), out="cannot be read: 'utf-16-le' codec"),
    Input("format", "CSV whose first line alone ends in CR", "a.csv", lambda p: p.write_bytes(PLAIN.replace(b"\n", b"\r", 1)), out="a line of the table ends in CR and others in LF"),
    Input("format", "CSV with a form feed and U+2028 in a value", "a.csv", text("flux,y,chip,mjd,note\n600,1500,2,57601.3,a\x0cb\n5000,300,1,57601.3,a\u2028b\n")),
    Input("format", "CSV with a value of 200,000 letters", "a.csv", text(f"flux,y,chip,mjd,note\n600,1500,2,57601.3,{'x' * 200_000}\n"), out="or holds a value of over 131,072 letters"),
    Input("format", "--format of no format of astropy", "a.csv", csv(), ("--format", "ascii.nothing"), "format 'ascii.nothing' is not known"),
    Input("format", "FITS with TSCAL and TZERO", "a.fits", scaled_fits),
    Input("format", "Feather, version 1", "a.feather", lambda p: p.write_bytes(b"FEA1" + bytes(40)), out="is a Feather file of version 1, which is not read"),
    Input("format", "binary rubbish", "a.csv", lambda p: p.write_bytes(bytes(range(256)) * 4), out="is not text, nor in any known format"),
    Input("format", "named pipe", "a.csv", os.mkfifo, out="is a named pipe; copy what it gives into a file"),
    Input("format", "empty file", "a.csv", text(""), out="holds no values"),
    Input("format", "cut Parquet", "a.parquet", lambda p: p.write_bytes(b"PAR1" + bytes(40)), out="cannot be read as parquet"),
    Input("format", "cut gzip", "a.csv.gz", lambda p: p.write_bytes(gzip.compress(b"flux,y,chip,mjd\n" * 99)[:30]), out="cannot be read"),
]  # fmt: skip
ODD = [
    Input("oddity", "a star of another camera", "a.csv", csv(instrument=["WFC3/IR", "WFC3/UVIS"]), out="first missing"),
    Input("oddity", "a star of another telescope", "a.csv", csv(telescope=["JWST", "Hubble"]), out="first missing"),
    Input("oddity", "flux_r03 and flux_r05, no radius", "a.csv", csv(flux=None, flux_r03=FLUX, flux_r05=[1.0, 2.0])),
    Input("oddity", "flux_r05 and flux_r10", "a.csv", csv(flux=None, flux_r05=FLUX, flux_r10=[1.0, 2.0]), out="apertures of 5, 10 px, and the coefficients test are for 3 px"),
    Input("oddity", "numbers with thin blanks", "a.csv", csv(flux=["600", "5\u202f000"]), out="row 2 has .*; decimals take a point, thousands no mark"),
    Input("oddity", "hours behind a date: UTC", "a.csv", csv(mjd=None, date=["2016-08-01 07:12:00 UTC", "2016-08-01 07:12 GMT"])),
    Input("oddity", "hours behind a date: EST", "a.csv", csv(mjd=None, date=["2016-08-01 07:12:00 EST"] * 2), out="is not a date"),
    Input("oddity", "nanoseconds of 1970 as whole numbers", "a.parquet", parquet(mjd=None, timestamp=[1470035520000000000] * 2), out="holds no possible date"),
    Input("oddity", "enumeration of polars", "a.feather", lambda p: feather.write_feather(pa.table(stars(chip=pa.array(["UVIS2", "UVIS1"], pa.string_view()).dictionary_encode())), str(p))),
    Input("oddity", "a struct of value and error", "a.parquet", parquet(flux=pa.array([{"value": 600.0}] * 2)), out="does not hold numbers"),
    Input("oddity", "a spreadsheet's #DIV/0!", "a.csv", csv(flux=["#DIV/0!", 5000.0]), out="first missing"),
    Input("oddity", "a database's \\N", "a.csv", csv(flux=["\\N", 5000.0]), out="first missing"),
    Input("oddity", "numbers of extensions, EXTVER", "a.csv", csv(chip=None, EXTVER=[1, 2]), out="no chip among .*; in a full frame extension SCI,1 is chip 2"),
    Input("oddity", "numbers of extensions taken for the chip", "a.csv", csv(chip=None, EXTVER=[1, 2]), ("--column", "chip=EXTVER"), "'EXTVER' numbers extensions; make a column of chips"),
    Input("oddity", "y of a mosaic of both chips", "a.csv", csv(y=[1500.0 + 2051.0, 300.0], chip=[1, 1]), out="first missing"),
    Input("oddity", "list of one element in Parquet", "a.parquet", parquet(flux=pa.array([[600.0], [5000.0]], pa.list_(pa.float64(), 1)))),
    Input("oddity", "views of bytes and texts in Parquet", "a.parquet", parquet(chip=pa.array([b"UVIS2", b"UVIS1"], pa.binary_view()), flux=pa.array(["600", "5000"], pa.string_view()))),
    Input("oddity", "flux in half precision", "a.parquet", parquet(flux=pa.array(np.array(FLUX, dtype=np.float16)))),
    Input("oddity", "chip as a dictionary of small numbers", "a.parquet", parquet(chip=pa.array([2, 1], pa.uint8()).dictionary_encode())),
    Input("oddity", "chip masked in one row", "a.fits", astropy("fits", chip=MaskedColumn([2, 1], mask=[True, False])), out="first missing"),
    Input("oddity", "chip as UVIS1", "a.csv", csv(chip=["UVIS2", "UVIS1"])),
    Input("oddity", "chip as text in FITS", "a.fits", astropy(chip=["UVIS2", "UVIS1"])),
    Input("oddity", "chip as pandas category", "a.parquet", lambda p: pd.DataFrame(stars(chip=pd.Categorical(["chip 2", "chip 1"]))).to_parquet(p)),
    Input("oddity", "chip as UVIS 2 and uvis-1", "a.csv", csv(chip=["UVIS 2", "uvis-1"])),
    Input("oddity", "chip as 2.0", "a.csv", csv(chip=["2.0", "1.0"])),
    Input("oddity", "chip as bytes in Parquet", "a.parquet", parquet(chip=pa.array([b"2", b"1"]))),
    Input("oddity", "chips numbered from 0", "a.csv", csv(chip=[1, 0]), out="column 'chip' holds 0 and 1"),
    Input("oddity", "chips by extensions 1 and 4", "a.csv", csv(chip=[1, 4]), out="holds 4 and 1, .* extension SCI,1 is chip 2"),
    Input("oddity", "list of lists in Parquet", "a.parquet", parquet(flux=[[[600.0]], [[5000.0]]]), out="'flux' holds lists, and not of numbers"),
    Input("oddity", "list of texts in Parquet", "a.parquet", parquet(mjd=[["2016-08-01"]] * 2), out="'mjd' holds lists, and not of numbers"),
    Input("oddity", "map in Parquet", "a.parquet", parquet(flux=pa.array([[("a", 600.0)]] * 2, pa.map_(pa.string(), pa.float64()))), out="'flux' holds lists"),
    Input("oddity", "chip 3 in one row", "a.csv", csv(chip=[3, 1]), out="first missing"),
    Input("oddity", "chip as an extension: SCI,1", "a.csv", text(f'flux,y,chip,mjd\n600,1500,"SCI,1",{MJD[0]}\n'), out="row 1: 'SCI,1' is not a chip"),
    Input("oddity", "flux of 0", "a.csv", csv(flux=[0.0, 5000.0]), out="first missing"),
    Input("oddity", "flux of -99", "a.csv", csv(flux=[-99.0, 5000.0]), out="first missing"),
    Input("oddity", "infinite flux", "a.csv", csv(flux=["inf", 5000.0]), out="first missing"),
    Input("oddity", "flux below a limit: <600", "a.csv", csv(flux=["<600", 5000.0]), out="'flux' does not hold numbers: row 1 has '<600'"),
    Input("oddity", "flux as true and false", "a.parquet", parquet(flux=[True, False]), out="'flux' does not hold numbers"),
    Input("oddity", "magnitude 99.999 for a star without one", "a.csv", csv(flux=None, mag=[99.999, MAGS[1]]), ("--zero-point", "25"), "first missing"),
    Input("oddity", "magnitude -99 for a star without one", "a.csv", csv(flux=None, mag=[-99.0, MAGS[1]]), ("--zero-point", "25"), "first missing"),
    Input("oddity", "y above the chip", "a.csv", csv(y=[2500.0, 300.0]), out="first missing"),
    Input("oddity", "numbers of one element a row", "a.fits", astropy("fits", flux=np.array([[600.0], [5000.0]]))),
    Input("oddity", "number without a star in FITS (TNULL)", "a.fits", astropy("fits", flux=MaskedColumn([600, 5000], mask=[True, False])), out="first missing"),
    Input("oddity", "thousands with a comma", "a.csv", text(f'flux,y,chip,mjd\n"1,600",1500,2,{MJD[0]}\n'), out="row 1 has '1,600'"),
    Input("oddity", "error in brackets: 600(10)", "a.csv", csv(flux=["600(10)", 5000.0]), out="row 1 has '600.10.'"),
    Input("oddity", "chip as B and A", "a.csv", csv(chip=["B", "A"]), out="holds A and B, which may name the chips, or amplifiers of chip 1"),
    Input("oddity", "chip as an amplifier", "a.csv", csv(chip=["C", "A"])),
    Input("oddity", "chip as ext 1", "a.csv", csv(chip=["ext 1", "ext 4"]), out="row 1: 'ext 1' is not a chip"),
    Input("oddity", "chip as a truth", "a.fits", astropy(chip=[True, False]), out="row 1: 'True' is not a chip"),
    Input("oddity", "chip as WFC", "a.csv", csv(chip=["WFC", "WFC"]), out="row 1: 'WFC' is not a chip"),
    Input("oddity", "blank cell", "a.csv", csv(flux=["", 5000.0]), out="first missing"),
    Input("oddity", "INDEF", "a.txt", text("flux y chip mjd\nINDEF 1500 2 57601.3\n5000 300 1 57601.3\n"), out="first missing"),
    Input("oddity", "masked in astropy's Parquet", "a.parquet", astropy(flux=MaskedColumn([600.0, 5000.0], mask=[True, False])), out="first missing"),
    Input("oddity", "masked in ECSV", "a.ecsv", astropy(flux=MaskedColumn([600.0, 5000.0], mask=[True, False])), out="first missing"),
    Input("oddity", "missing integers of pandas", "a.parquet", lambda p: pd.DataFrame(stars(flux=pd.array([None, 5000], dtype="Int64"))).to_parquet(p), out="first missing"),
    Input("oddity", "Fortran exponents", "a.txt", text("flux y chip mjd\n0.6D+03 1500 2 57601.3\n+5.0D+03 300 1 57601.3\n")),
    Input("oddity", "word in a number column", "a.csv", csv(flux=["bright", 5000.0]), out="'flux' does not hold numbers: row 1 has 'bright'"),
    Input("oddity", "1_600", "a.csv", csv(flux=["1_600", 5000.0]), out="row 1 has '1_600'"),
    Input("oddity", "value in quotes with a line that begins with #", "a.csv", text('flux,y,chip,mjd,note\n600,1500,2,57601.3,"two lines\n# of ""text"""\n# 5" seeing\n5000,300,1,57601.3,"c"\n')),
    Input("oddity", "counts beside a column of gains", "a.csv", csv(flux=None, counts=FLUX, gain=[1.5, 1.5]), out="'counts' has no unit, and beside a column of gains it may be in counts; give --gain"),
    Input("oddity", "hexadecimal numbers", "a.csv", csv(flux=["0x258", "0x1388"])),
    Input("oddity", "flux of a complex number", "a.fits", astropy("fits", flux=np.array(FLUX, dtype=complex)), out="'flux' does not hold numbers"),
    Input("oddity", "flux as text in FITS, one blank", "a.fits", astropy("fits", flux=["", "5000.0"]), out="first missing"),
    Input("oddity", "scaled numbers with TNULL", "a.fits", scaled_null, out="first missing"),
    Input("oddity", "right ascension and declination, no row", "a.csv", csv(y=None, ra=[5.6, 5.7], dec=[-72.0, -72.1]), out="no row \\(y\\) among the columns"),
    Input("oddity", "errors before the values", "a.csv", text(f"flux_err,flux,y_err,y,chip,mjd\n1,600,1,1500,2,{MJD[0]}\n1,5000,1,300,1,{MJD[0]}\n")),
    Input("oddity", "two columns of one name, CSV", "a.csv", text("flux,y,chip,mjd,flux\n600,1500,2,57601.3,1\n"), out="2 columns called 'flux'"),
    Input("oddity", "two columns of one name, FITS", "a.fits", twins_fits, out="several columns called 'flux'"),
    Input("oddity", "flux and FLUX", "a.csv", csv(FLUX=[1.0, 2.0]), out="columns flux, FLUX could all be the flux"),
    Input("oddity", "FLUX_APER of two apertures a row", "a.fits", astropy(flux=None, FLUX_APER=np.array([[600.0, 1.0], [5000.0, 2.0]])), out="'FLUX_APER' holds 2 values per row"),
    Input("oddity", "FLUX_APER[0] of two", "a.fits", astropy(flux=None, FLUX_APER=np.array([[600.0, 1.0], [5000.0, 2.0]])), ("--column", "flux=FLUX_APER[0]")),
    Input("oddity", "FITS TDIMn (2,2) of the flux", "a.fits", astropy(flux=np.full((2, 2, 2), 600.0)), out="'flux' holds 4 values per row"),
    Input("oddity", "FITS TDIMn (1,1) of every column", "a.fits", astropy(**{name: np.reshape(values, (2, 1, 1)) for name, values in (("flux", FLUX), ("y", Y), ("chip", CHIP), ("mjd", MJD))})),
    Input("oddity", "two chips a row", "a.fits", astropy(chip=[[2, 2], [1, 1]]), out="'chip' holds 2 values per row, but one is needed"),
    Input("oddity", "two dates a row", "a.fits", astropy(mjd=[MJD, MJD]), out="'mjd' holds 2 values per row, but one is needed"),
    Input("oddity", "FITS, another number of fluxes from row to row", "a.fits", ragged_fits, out="a different number of values from row to row"),
    Input("oddity", "list column in Parquet, second aperture", "a.parquet", parquet(flux=[[1.0, 600.0], [2.0, 5000.0]]), ("--column", "flux=flux[1]")),
    Input("oddity", "fluxes by radius, --radius 3", "a.csv", csv(flux=None, flux_3=FLUX, flux_5=[1.0, 2.0]), ("--radius", "3")),
    Input("oddity", "Y_IMAGE counts from 1", "a.csv", csv(y=None, Y_IMAGE=[1501.0, 301.0])),
    Input("oddity", "MAG_AUTO", "a.csv", csv(flux=None, MAG_AUTO=MAGS), ("--zero-point", "25")),
    Input("oddity", "readout distances", "a.csv", csv(y=None, chip=None, ytransfers=[1500.0, 1750.0])),
    Input("oddity", "a line with a value too many", "a.csv", text("flux,y,chip,mjd\n600,1500,2,57601.3\n5000,300,1,57601.3,9\n"), out="Expected 4 columns, got 5"),
    Input("oddity", "names for another number of values", "a.txt", text("flux y chip\n600 1500 2 57601.3\n"), out="3 columns are named \\(flux, y, chip\\), and line 2 holds 4"),
    Input("oddity", "--chip that a column contradicts", "a.csv", csv(), ("--chip", "2"), "column 'chip' says 1 in row 2, and --chip 2 was given"),
    Input("oddity", "--chip and --column chip=none", "a.csv", csv(y=[1500.0, 1750.0]), ("--chip", "2", "--column", "chip=none"), "right on chip 2"),
    Input("oddity", "--exptime that a column contradicts", "a.csv", csv(flux=None, count_rate=PER_SECOND, exptime=[400, 400]), ("--exptime", "40"), "column 'exptime' says 400 in row 1, and --exptime 40 was given"),
    Input("oddity", "--radius that a column contradicts", "a.csv", csv(radius=[3, 5]), ("--radius", "3"), "column 'radius' says 5 in row 2, and --radius 3 was given"),
    Input("oddity", "one column named for two roles", "a.csv", csv(), ("--column", "flux=y"), "column 'y' cannot be both the flux and the y"),
    Input("oddity", "decimals in a decimal column", "a.parquet", parquet(flux=pa.array(["600.00", "5000.00"]).cast(pa.decimal128(10, 2)))),
    Input("oddity", "--radius -3", "a.csv", csv(), ("--radius", "-3"), "--radius -3 is impossible"),
    Input("oddity", "--exptime 0", "a.csv", csv(), ("--exptime", "0"), "--exptime 0 is impossible"),
]  # fmt: skip
INPUTS = [*UNITS, *TIMES, *FORMATS, *ODD]


def page() -> str:
    """Return docs/inputs.md."""
    said = {"right": "corrected", "right to a day": "corrected; 0 h UTC is taken", "right on chip 2": "corrected",
            "first missing": "corrected; the row without is flagged and has no result"}  # fmt: skip
    lines = [
        "# What `cte-lake correct` makes of a table",
        "",
        "Two stars as programs and people write them. Each line is a test: what is corrected has the right loss, what",
        "is not is refused in one sentence (here its essential words), with exit code 2 and no output.",
        "Written by `python tests/correction/inputs.py`.",
        "",
    ]
    for kind, title in (("unit", "Units"), ("time", "Dates"), ("format", "Formats"), ("oddity", "Oddities")):
        lines += [f"## {title}", "", "| input | options | what comes out |", "|---|---|---|"]
        for case in INPUTS:
            if case.kind == kind:
                told = said.get(case.out) or "refused: " + re.sub(
                    r"\\(.)", r"\1", case.out.replace(".*", "...")
                )
                options = f"`{' '.join(case.options)}`" if case.options else ""
                lines.append(f"| {case.what} | {options} | {told} |".replace("|  |", "| |"))
        lines.append("")
    return "\n".join(lines[:-1]) + "\n"


if __name__ == "__main__":
    (Path(__file__).parents[2] / "docs" / "inputs.md").write_text(page(), encoding="utf-8")
