"""Which column of a user's table is what: named by options, else found by UCD, else by common names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from cte_lake.errors import CatalogError

#: Role: common names, best first. A flux column of the lake (flux_r03) is found through the aperture radius.
NAMES: dict[str, tuple[str, ...]] = {
    "flux": ("flux", "flux_aper", "aperture_sum", "aper_sum_bkgsub", "counts", "electrons", "net_flux"),
    "mag": ("mag", "magnitude", "mag_aper", "m_aper", "mag_instr", "magap"),
    "y": ("y", "ycenter", "y_center", "ycentroid", "y_centroid", "y_image", "ypos", "ypix", "y_px", "yc"),
    "chip": ("chip", "ccdchip", "ccd", "uvis"),
    "mjd": ("mjd", "expstart", "mjd_obs", "mjd-obs", "mjdobs", "date_mjd", "epoch_mjd"),
    "background": ("background", "bkg", "sky", "local_sky", "local_skys", "msky", "bkg_per_pixel"),
    "distance": ("ytransfers", "y_transfers", "transfers", "readout_distance"),
    "radius": ("radius", "aperture_radius", "aperture", "aper_radius", "rad"),
    "filetype": ("filetype", "file_type"),
    "exptime": ("exptime", "exposure_time", "texptime"),
}
#: Role: IVOA UCD1+ words, of which a column's UCD must contain all of one entry.
UCDS: dict[str, tuple[tuple[str, ...], ...]] = {
    "flux": (("phot.count",), ("phot.flux",), ("phot.fluence",)),
    "mag": (("phot.mag",),),
    "y": (("pos.cartesian.y", "instr.det"), ("pos.cartesian.y",)),
    "chip": (("meta.id", "instr.det"), ("instr.det",)),
    "mjd": (("time.start",), ("time.epoch",)),
    "background": (("instr.background",), ("instr.skylevel",)),
    "radius": (("instr.aperture",), ("phys.angsize", "instr.det")),
    "exptime": (("time.duration", "obs.exposure"), ("obs.exposure",)),
}
_SPOILERS = ("stat.error", "stat.stdev", "instr.background", "instr.skylevel")


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
    mjd, background, radius, filetype, exptime : str or None
        Each may be a constant instead.
    """

    flux: str | None = None
    mag: str | None = None
    y: str | None = None
    chip: str | None = None
    mjd: str | None = None
    background: str | None = None
    distance: str | None = None
    radius: str | None = None
    filetype: str | None = None
    exptime: str | None = None

    def told(self) -> str:
        """Return the choice in words, for the user to check."""
        chosen = ((role, getattr(self, role)) for role in NAMES)
        return ", ".join(f"{role}={name}" for role, name in chosen if name)


def _by_ucd(role: str, ucds: Mapping[str, str]) -> list[str]:
    for words in UCDS.get(role, ()):
        found = []
        for name, ucd in ucds.items():
            parts = ucd.lower().split(";")
            spoiled = any(word in parts and word not in words for word in _SPOILERS)
            if not spoiled and all(any(part.startswith(word) for part in parts) for word in words):
                found.append(name)
        if found:
            return found
    return []


def _find(role: str, names: Sequence[str], ucds: Mapping[str, str], radius: float | None) -> str | None:
    folded = {name.lower(): name for name in reversed(names)}
    for common in NAMES[role]:
        if common in folded:
            return folded[common]
    if role == "flux" and radius is not None:
        for pattern in (f"flux_r{int(radius):02d}", f"flux_{int(radius)}"):
            if pattern in folded:
                return folded[pattern]
    found = _by_ucd(role, ucds)
    if len(found) > 1:
        raise CatalogError(
            f"columns {', '.join(found)} could all be the {role} by their UCDs; "
            f"name one with --column {role}=NAME"
        )
    return found[0] if found else None


def discover(
    names: Sequence[str],
    ucds: Mapping[str, str] | None = None,
    chosen: Mapping[str, str] | None = None,
    radius: float | None = None,
    constants: Sequence[str] = (),
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

    Raises
    ------
    CatalogError
        If a named column is not there, or flux, position or date are found nowhere.
    """
    chosen = dict(chosen or {})
    for role, name in chosen.items():
        if role not in NAMES:
            raise CatalogError(
                f"--column {role}={name}: there is no role {role!r}; roles are {', '.join(NAMES)}"
            )
        if name not in names:
            raise CatalogError(f"the table has no column {name!r} (for {role}); it has {', '.join(names)}")
    found: dict[str, str | None] = {}
    for role in NAMES:
        if role in chosen:
            found[role] = chosen[role]
        elif role not in constants:
            found[role] = _find(role, names, ucds or {}, radius)
    if "flux" in chosen and "mag" not in chosen:
        found["mag"] = None
    if "mag" in chosen and "flux" not in chosen:
        found["flux"] = None
    if found.get("distance") and "y" not in chosen:
        found["y"] = found["chip"] = None
    result = TableColumns(**found)
    _check(result, names, constants)
    return result


def _check(columns: TableColumns, names: Sequence[str], constants: Sequence[str]) -> None:
    listed = ", ".join(names)
    if columns.flux is None and columns.mag is None:
        raise CatalogError(
            f"no flux or magnitude among the columns {listed}; name it with --column flux=NAME"
        )
    if columns.distance is None and columns.y is None:
        raise CatalogError(f"no row (y) among the columns {listed}; name it with --column y=NAME")
    if columns.distance is None and columns.chip is None and "chip" not in constants:
        raise CatalogError(
            f"no chip among the columns {listed}; name it with --column chip=NAME or give --chip"
        )
    if columns.mjd is None and "mjd" not in constants:
        raise CatalogError(
            f"no date among the columns {listed}; name it with --column mjd=NAME or give --mjd"
        )
