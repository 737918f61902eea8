"""What a user says of a whole table where it has no column."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from numbers import Real

from cte_lake.errors import UsageError
from cte_lake.model.columns import NAMES
from cte_lake.model.times import possible_range, said_range


@dataclass(frozen=True)
class TableConstants:
    """What holds for the whole table where it has no column; None: not given.

    Attributes
    ----------
    mjd, chip, background, radius, filetype
        As the arguments of `cte_lake.model.correct.correct`.
    apertures : tuple of float
        Radii of the columns, or of the elements of one column, that hold the flux in several apertures, px.
    zero_point : float or None
        Magnitude of one electron in the exposure, for tables of magnitudes.
    exptime : float or None
        Seconds, by which fluxes per second are multiplied.
    parts : bool
        Whether each part of the error gets a column of its own.
    y_origin : float or None
        Number of the first row: 0, 1 for positions of FITS, IRAF, DAOPHOT or SExtractor, 0.5 for DOLPHOT's;
        None: 1 for columns that are named as SExtractor's, else 0.
    gain : float or None
        Electrons per count, for fluxes in counts, DN or adu.
    enclosed : float
        Fraction of the table's fluxes that falls into the set's aperture: 1 for aperture fluxes of its
        radius, less for total fluxes of a PSF fit.
    generation : str or None
        Calibration generation of the frames that were measured, or the beginning of its name.
    units : mapping of str to str
        Role to unit, where the table's own is wrong or missing.

    Raises
    ------
    UsageError
        If a number is impossible.
    """

    mjd: float | None = None
    chip: int | None = None
    background: float | None = None
    radius: float | None = None
    filetype: str | None = None
    zero_point: float | None = None
    exptime: float | None = None
    y_origin: float | None = None
    parts: bool = False
    gain: float | None = None
    enclosed: float = 1.0
    generation: str | None = None
    units: Mapping[str, str] = field(default_factory=dict)
    apertures: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        for name in ("mjd", "background", "radius", "zero_point", "exptime", "y_origin", "gain", "enclosed"):
            if not isinstance(value := getattr(self, name), Real | None):
                raise UsageError(f"{name} {value!r} is not a plain number")
        for role in self.units:
            if role not in NAMES:
                raise UsageError(
                    f"--unit {role}=...: there is no role {role!r}; roles are {', '.join(NAMES)}"
                )
        if self.chip not in (None, 1, 2):
            raise UsageError(f"chip {self.chip!r} is not 1 (UVIS1) or 2 (UVIS2)")
        stated = [(name, getattr(self, name)) for name in ("radius", "exptime", "gain")]
        for name, value in (*stated, *(("radius", radius) for radius in self.apertures)):
            if value is not None and not (math.isfinite(value) and value > 0):
                raise UsageError(f"--{name} {value:g} is impossible; it must be above zero")
        if len(set(self.apertures)) < len(self.apertures):
            raise UsageError("--radius names one radius twice")
        if self.background is not None and not (math.isfinite(self.background) and self.background > -1):
            raise UsageError(f"--background {self.background:g} is not a number of electrons per pixel")
        if self.zero_point is not None and not math.isfinite(self.zero_point):
            raise UsageError(f"--zero-point {self.zero_point:g} is not a magnitude")
        if not 0 < self.enclosed <= 1:
            raise UsageError(f"--enclosed {self.enclosed:g} is not a fraction; it is above 0 and at most 1")
        low, high = possible_range()
        if self.mjd is not None and not low <= self.mjd < high:
            raise UsageError(
                f"--mjd {self.mjd:g} is not a possible date; give an MJD or a date such as 2016-08-01, "
                f"from {said_range()}"
            )

    def given(self) -> list[str]:
        """Roles that are constant; a file type and a generation stand in where a column has none."""
        roles = ("mjd", "chip", "background", "radius", "exptime")
        return [role for role in roles if getattr(self, role) is not None]
