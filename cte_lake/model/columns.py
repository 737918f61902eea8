"""Which column of a user's table is what: named by options, else found by UCD, else by common names."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from cte_lake.errors import CatalogError
from cte_lake.model.table_values import EXTENSIONS, split_index
from cte_lake.model.units import split_name

#: Fluxes that are per second by their name.
RATES = ("count_rate", "countrate", "flux_rate", "electron_rate", "counts_per_s", "cps")
#: Role: common names, best first. A flux column of the lake (flux_r03) is found through the aperture radius.
NAMES: dict[str, tuple[str, ...]] = {
    "flux": (
        "flux", "flux_aper", "aper_sum_bkgsub", "aperture_sum_bkgsub", "aperture_sum",
        "electrons", "net_flux", "flux_e", "counts",
        "flux_auto", "flux_iso", "flux_fit", "flux_psf",
        *RATES,
    ),
    "mag": (
        "mag", "magnitude", "mag_aper", "m_aper", "mag_instr", "instr_mag", "magap", "mag_auto", "mag_iso",
        "mag_psf",
    ),
    "y": (
        "y", "ycenter", "y_center", "ycentroid", "y_centroid", "y_image", "ywin_image", "y_fit", "y_0",
        "ypos", "ypix", "y_px", "y_pix", "yc", "y_pixel",
    ),
    "chip": ("chip", "ccdchip", "ccd", "uvis", "detector_chip"),
    "mjd": (
        "mjd", "expstart", "mjd_obs", "mjd-obs", "mjdobs", "date_mjd", "epoch_mjd", "mjd_utc", "obs_mjd",
        "jd", "hjd", "bjd", "date-obs", "date_obs", "dateobs", "obs_date", "obsdate", "datetime", "obstime",
        "obs_time", "timestamp", "date", "decimalyear", "decimal_year", "time", "epoch",
    ),
    "time": (
        "time-obs", "time_obs", "timeobs", "utc-obs", "utc_obs", "utcobs", "ut-obs", "ut_obs", "ut_start",
        "utstart", "obs_time", "obstime", "utc", "ut", "time",
    ),
    "year": ("year", "yr", "yyyy", "obs_year"),
    "month": ("month", "mon", "mm", "obs_month"),
    "day": ("day", "dd", "day_of_month", "obs_day"),
    "doy": ("doy", "day_of_year", "dayofyear", "yday", "ddd"),
    "background": (
        "background", "bkg", "sky", "local_sky", "local_skys", "msky", "bkg_per_pixel", "local_bkg",
        "sky_level",
    ),
    "distance": ("ytransfers", "y_transfers", "transfers", "readout_distance"),
    "radius": ("radius", "aperture_radius", "aperture", "aper_radius", "rad", "r_aper", "rapert"),
    "filetype": ("filetype", "file_type", "imagename", "filename", "file_name", "image", "file", "frame"),
    "exptime": ("exptime", "exposure_time", "texptime", "itime", "exposure"),
    "generation": ("generation",),
    "instrument": ("instrument", "instrume", "camera", "inst", "telescop", "telescope", "observatory"),
    "detector": ("detector",),
    "filter": ("filter", "filter_name", "filtername", "filt", "band", "bandpass", "passband"),
    "length": ("length", "exposure_length"),
    "flash": ("flash", "flashlvl", "flash_level", "postflash"),
    "chinject": ("chinject",),
}  # fmt: skip
#: Columns that number the extensions of a frame, of which the first holds chip 2.
EXTENSION_NAMES = frozenset({"extver", "extension", "ext", "sci_ext", "sciext", "extnum", "ext_num", "hdu"})
#: Fluxes that are no aperture's: taken where there is no other.
TOTALS = frozenset({"flux_auto", "flux_iso", "flux_fit", "flux_psf", "mag_auto", "mag_iso", "mag_psf"})
#: Columns whose program counts rows from 1 (FITS, SExtractor); all others are taken to count from 0.
FROM_ONE = frozenset({"y_image", "ywin_image", "ypeak_image", "ypsf_image", "ymodel_image"})
#: What a column option says for a role that no column is to have.
NOTHING = "none"
#: Role: IVOA UCD1+ words, of which a column's UCD must contain all of one entry.
UCDS: dict[str, tuple[tuple[str, ...], ...]] = {
    "flux": (("phot.count",), ("phot.flux",), ("phot.fluence",)),
    "mag": (("phot.mag",),),
    "y": (("pos.cartesian.y", "instr.det"), ("pos.cartesian.y",)),
    "chip": (("meta.id", "instr.det"), ("instr.det",)),
    "mjd": (("time.start",), ("time.epoch", "obs.exposure"), ("time.epoch",)),
    "background": (("instr.background",), ("instr.skylevel",)),
    "radius": (("instr.aperture",), ("phys.angsize", "instr.det")),
    "filter": (("instr.bandpass",), ("instr.filter",)),
    "exptime": (("time.duration", "obs.exposure"), ("obs.exposure",)),
}
#: Words of what is derived from a quantity, or of another kind: errors, limits, ratios, offsets, sums.
_SPOILERS = (
    "arith.", "stat.error", "stat.stdev", "stat.rms", "stat.variance", "stat.max", "stat.min",
    "stat.interval", "instr.background", "instr.skylevel", "instr.offset", "pos.", "meta.record",
    "meta.number",
)  # fmt: skip


@dataclass(frozen=True)
class TableColumns:
    """Columns of a table by role; None where there is none.

    Attributes
    ----------
    flux, mag : str or None
        One of them is needed; magnitudes are turned into electrons by a zero point.
    y, chip : str or None
        Row and chip, or instead:
    distance : str or None
        Rows to the amplifiers.
    time : str or None
        Time of day, beside days in `mjd` or `day`.
    year, month, day, doy : str or None
        Instead of `mjd`: the year, with month and day or with the day of the year.
    mjd, background, radius, filetype, exptime, generation : str or None
        Each may be a constant instead.
    instrument, detector, filter, length, flash, chinject : str or None
        Of the frames that were measured, to be compared with the set's.
    ignored : frozenset of str
        Roles for which neither a column nor the table's metadata is to be looked at.
    beside : mapping of str to str
        Columns of roles for which a constant was given, and so is used.
    """

    flux: str | None = None
    mag: str | None = None
    y: str | None = None
    chip: str | None = None
    mjd: str | None = None
    time: str | None = None
    year: str | None = None
    month: str | None = None
    day: str | None = None
    doy: str | None = None
    background: str | None = None
    distance: str | None = None
    radius: str | None = None
    filetype: str | None = None
    exptime: str | None = None
    generation: str | None = None
    instrument: str | None = None
    detector: str | None = None
    filter: str | None = None
    length: str | None = None
    flash: str | None = None
    chinject: str | None = None
    ignored: frozenset[str] = frozenset()
    beside: Mapping[str, str] = field(default_factory=dict)

    def named(self) -> dict[str, str]:
        """Return the columns that were found, by role."""
        return {role: name for role in NAMES if (name := getattr(self, role))}


def _by_ucd(role: str, ucds: Mapping[str, str]) -> list[str]:
    for words in UCDS.get(role, ()):
        found = []
        for name, ucd in ucds.items():
            parts = ucd.lower().split(";")
            spoiled = any(part.startswith(_SPOILERS) and not part.startswith(words) for part in parts)
            if not spoiled and all(any(part.startswith(word) for part in parts) for word in words):
                found.append(name)
        if found:
            return found
    return []


def y_origin_of(name: str) -> int:
    """Return the number of the first row in a column of positions, as its program counts."""
    return 1 if split_name(name)[0].lower() in FROM_ONE else 0


def _one_of(role: str, names: Sequence[str]) -> str:
    if len(names) > 1:
        raise CatalogError(
            f"columns {', '.join(names)} could all be the {role}; name one with --column {role}=NAME"
        )
    return names[0]


def _common(role: str, names: Sequence[str]) -> str:
    """Return the column with the best of a role's common names; '' for none."""
    folded = {split_name(name)[0].lower(): name for name in names}
    return next((folded[common] for common in NAMES[role] if common in folded), "")


def _find(role: str, names: Sequence[str], ucds: Mapping[str, str], radius: float | None) -> str | None:
    folded: dict[str, list[str]] = {}
    for name in names:
        folded.setdefault(split_name(name)[0].lower(), []).append(name)
    for common in NAMES[role]:
        if common in folded and common not in TOTALS:
            return _one_of(role, folded[common])
    apertures = _apertures(role, folded)
    if apertures and radius is not None and float(radius) in apertures:
        return _one_of(role, apertures[float(radius)])
    found = _by_ucd(role, ucds)
    if found:
        return _one_of(role, found)
    several = [name for named in apertures.values() for name in named]
    if several and role in {"flux", "mag"}:
        raise CatalogError(
            f"columns {', '.join(several)} hold the {role} in several apertures; give their radii, as "
            f"--radius 3,5, or one and name its column with --column {role}=NAME"
        )
    for common in NAMES[role]:
        if common in folded:
            return _one_of(role, folded[common])
    return None


#: Fluxes per aperture whose number is the radius; photutils' aperture_sum_0 counts apertures instead.
_RADIUS = r"_?(?:r|rad|aper)?_?(\d+(?:\.\d+)?)(?:px|pix)?$"
_PER_RADIUS = {
    "flux": re.compile(rf"^(?:flux|flux_aper|aper_flux|aperture_flux|counts){_RADIUS}"),
    "mag": re.compile(rf"^(?:mag|m|mag_aper){_RADIUS}"),
}
_COUNTED = {
    "flux": re.compile(r"^(?:aperture_sum_(\d+)|(?:flux_aper|aperture_sum)\[\d+\])$"),
    "mag": re.compile(r"^mag_aper\[\d+\]$"),
}


#: Names that say that their number is a radius.
_SAID_RADIUS = re.compile(r"(?:_r_?|rad_?|aper_?)\d+(?:\.\d+)?(?:px|pix)?$|\d(?:px|pix)$")


def radius_of(role: str, name: str) -> float | None:
    """Return the radius, px, that a column of fluxes or magnitudes states in its name (``flux_r03``)."""
    plain = split_name(name)[0].lower()
    match = _PER_RADIUS[role].match(plain)
    return float(match[1]) if match and _SAID_RADIUS.search(plain) else None


def counted_of(role: str, name: str) -> bool:
    """Return whether a column is one of several that count their apertures (``aperture_sum_0``)."""
    return _COUNTED[role].match(split_name(name)[0].lower()) is not None


def _apertures(role: str, folded: Mapping[str, Sequence[str]]) -> dict[float | str, list[str]]:
    """Return the columns of a role that hold one aperture of several, by radius (px) where they state it."""
    found: dict[float | str, list[str]] = {}
    for name, own in folded.items():
        for pattern, counted in ((_PER_RADIUS.get(role), False), (_COUNTED.get(role), True)):
            match = pattern.match(name) if pattern else None
            if match:
                found.setdefault(name if counted else float(match[1]), []).extend(own)
    return found


def discover(
    names: Sequence[str],
    ucds: Mapping[str, str] | None = None,
    chosen: Mapping[str, str] | None = None,
    radius: float | None = None,
    constants: Sequence[str] = (),
    stated: Sequence[str] = (),
) -> TableColumns:
    """Find the columns that a correction needs.

    Parameters
    ----------
    names : sequence of str
        Columns of the table.
    ucds : mapping of str to str, optional
        UCDs of the columns that have one.
    chosen : mapping of str to str, optional
        Role to column, as the user named them; they win.
    radius : float, optional
        Aperture radius, to choose among flux columns per radius.
    constants : sequence of str, optional
        Roles that the user gave as a constant, for which no column is wanted.
    stated : sequence of str, optional
        Roles that the table's metadata states, for which no column is needed.

    Raises
    ------
    CatalogError
        If two columns have one name, a named one is not there, or flux, position or date are found nowhere.
    """
    no_twins(names)
    chosen = dict(chosen or {})
    for role, name in chosen.items():
        if role not in NAMES:
            raise CatalogError(
                f"--column {role}={name}: there is no role {role!r}; roles are {', '.join(NAMES)}"
            )
        if name.lower() != NOTHING and split_index(name, list(names))[0] not in names:
            raise CatalogError(f"the table has no column {name!r} (for {role}); it has {', '.join(names)}")
    found: dict[str, str | None] = {}
    unwanted = {"mag"} if "flux" in chosen else {"flux"} if "mag" in chosen else set()
    for role in NAMES:
        if role in chosen:
            found[role] = None if chosen[role].lower() == NOTHING else chosen[role]
        elif role not in constants and role not in unwanted:
            found[role] = _find(role, names, ucds or {}, radius)
    if found.get("distance") and "y" not in chosen:
        found["y"] = found["chip"] = None
    parts = _date_parts(found)
    if parts and "mjd" not in chosen and split_name(found.get("mjd") or "")[0].lower() in NAMES["time"]:
        # Beside a date in columns, `time` is that of the day.
        found["time"], found["mjd"] = found["mjd"], None
    parts = [] if found.get("mjd") or "mjd" in constants else parts
    found |= dict.fromkeys({"year", "month", "day", "doy"} - set(parts))
    if found.get("time") == found.get("mjd"):
        found["time"] = None
    ignored = frozenset(role for role, name in chosen.items() if name.lower() == NOTHING)
    # A background at readout is more than the sky that a table holds.
    told = [role for role in constants if role not in chosen and role != "background"]
    beside = {role: name for role in told if (name := _common(role, names))}
    result = TableColumns(**found, ignored=ignored, beside=beside)
    _check(result, names, [*constants, *(role for role in stated if role not in ignored)])
    return result


def _date_parts(found: Mapping[str, str | None]) -> list[str]:
    """Return the roles that make a date together; none where some are missing."""
    ways = (["year", "month", "day"], ["year", "doy"])
    return next((way for way in ways if all(found.get(role) for role in way)), [])


def no_twins(names: Sequence[str]) -> None:
    """Refuse a table two of whose columns have one name."""
    twins = [name for name, count in Counter(names).items() if count > 1]
    if twins:
        raise CatalogError(
            f"the table has {Counter(names)[twins[0]]} columns called {twins[0]!r}; rename all but one"
        )


def _check(columns: TableColumns, names: Sequence[str], constants: Sequence[str]) -> None:
    listed = ", ".join(names)
    roles: dict[str, str] = {}
    for role in ("flux", "mag", "y", "distance", "chip", "mjd", "background", "radius", "exptime"):
        name = getattr(columns, role)
        if name is not None and roles.setdefault(name, role) != role:
            raise CatalogError(
                f"column {name!r} cannot be both the {roles[name]} and the {role}; name another"
            )
    if columns.flux is None and columns.mag is None:
        raise CatalogError(
            f"no flux or magnitude among the columns {listed}; name it with --column flux=NAME"
        )
    if columns.distance is None and columns.y is None:
        raise CatalogError(f"no row (y) among the columns {listed}; name it with --column y=NAME")
    if columns.distance is None and columns.chip is None and "chip" not in constants:
        numbered = any(name.lower() in EXTENSION_NAMES for name in names)
        raise CatalogError(
            f"no chip among the columns {listed}; name it with --column chip=NAME or give --chip"
            f"{EXTENSIONS if numbered else ''}"
        )
    if columns.mjd is None and columns.year is None and "mjd" not in constants:
        raise CatalogError(
            f"no date among the columns {listed}; name it with --column mjd=NAME or give --mjd"
        )
