"""The numbers that a correction needs, taken from a user's table: converted, checked, and said in words."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cte_lake.arrays import FloatArray
from cte_lake.detector import DETECTOR
from cte_lake.errors import CatalogError
from cte_lake.model.coefficients import CoefficientSet
from cte_lake.model.column_facts import column_facts
from cte_lake.model.columns import EXTENSION_NAMES, RATES, TableColumns, y_origin_of
from cte_lake.model.origin import SAME_DATE, SAME_TIME, Origin
from cte_lake.model.table_constants import TableConstants
from cte_lake.model.table_meta import stated, stated_values, timesys_of
from cte_lake.model.table_values import EXTENSIONS, as_chips, as_numbers, raw_column, single, split_index
from cte_lake.model.tables import column_names
from cte_lake.model.times import Dates, dates_of_parts, said_range, to_dates, with_times
from cte_lake.model.units import Conversion, conversion, split_name

#: Roles whose columns are in BUNIT of the image where they have no unit of their own.
_IN_IMAGE_UNITS = frozenset({"flux", "background"})
#: Of fewer stars than these the rows may all lie beside the amplifiers.
_FEW_ROWS = 20


@dataclass
class Inputs:
    """Numbers of a part of a table, one a row or one for all.

    Attributes
    ----------
    flux : ndarray
        Electrons of the exposure within the set's aperture.
    y, chip, mjd, background : ndarray or float
        As `cte_lake.model.correct.correct` takes them.
    impossible : ndarray of bool or bool
        Rows whose date is none.
    image : ndarray of int32 or int
        Bits of what was measured: aperture radius, file type, filter and so on.
    measured : ndarray
        The flux or magnitude column as it stands.
    as_magnitude : bool
        Whether it is a magnitude.
    plain : bool
        Whether `flux` is the flux column itself.
    magnitude : ndarray or None
        The magnitude column beside a flux column.
    """

    flux: FloatArray
    y: FloatArray
    chip: FloatArray | float
    mjd: FloatArray | float
    background: FloatArray | float
    impossible: NDArray[np.bool_] | bool
    image: NDArray[np.int32] | int
    measured: FloatArray
    as_magnitude: bool
    plain: bool
    magnitude: FloatArray | None


class RoleReader:
    """Reads the roles' columns of a table, part by part.

    Parameters
    ----------
    columns : TableColumns
        Which column is what.
    constants : TableConstants
        What holds for all rows.

    Attributes
    ----------
    readings : dict of str to str
        What each role was read as, in words.
    assumed_unit : str
        The unit of the flux column where the table states none.
    """

    def __init__(self, columns: TableColumns, constants: TableConstants) -> None:
        self.columns = columns
        self.constants = constants
        self.readings: dict[str, str] = {}
        self.assumed_unit = "electron"
        self._row = 0
        self._origin = Origin(columns, constants, self.readings)
        self._units: dict[str, str] = {}
        self._image_unit, self._by_image = "", set[str]()
        self._scaled = ""

    def read(self, table: Any, coefficients: CoefficientSet) -> Inputs:
        """Return the numbers of the next part of the table.

        Raises
        ------
        CatalogError
            If a column cannot be read as what it is taken for; column, row and unit are named.
        """
        columns = self.columns
        self._units = column_facts(table)[1]
        self._image_unit = next(iter(stated(table).get("flux", {}).values()), "")
        self._agree(table)
        flux, measured, as_magnitude, plain = self._electrons(table)
        y: Any
        chip: Any
        if columns.distance is not None:
            far = self._numbers(table, "distance", columns.distance)
            y, chip = self._require_pixels(far, columns.distance), 2.0
        else:
            y, chip = self._rows(table), self._chips(table)
        mjd, impossible = self._dates(table)
        background = self._background(table, coefficients)
        image = self._origin.bits(table, coefficients, self._numbers)
        both = columns.flux is not None and columns.mag is not None
        mag = self._magnitudes(table) if both else None
        self._row += len(flux)
        return Inputs(flux, y, chip, mjd, background, impossible, image, measured, as_magnitude, plain, mag)

    def _agree(self, table: Any) -> None:
        """Refuse a constant that the table's column of the same role contradicts."""
        for role, name in self.columns.beside.items():
            given, option = getattr(self.constants, role), f"--{role}"
            try:
                own, far = self._own(table, role, name, given)
            except CatalogError:
                # A column that cannot be read as what its name says contradicts nothing.
                continue
            other = np.flatnonzero(np.abs(own - given) > far)
            if other.size:
                row = int(other[0])
                raise CatalogError(
                    f"column {name!r} says {own[row]:g} in row {self._row + row + 1}, and {option} {given:g} "
                    f"was given; leave {option} out, or give --column {role}=none to pass over the column"
                )

    def _own(self, table: Any, role: str, name: str, given: float) -> tuple[FloatArray, float]:
        """Return what a column says of a role, and by how much it may differ from the constant `given`."""
        if role == "chip":
            return as_chips(raw_column(table, name), name), 0.0
        if role == "mjd":
            return self._dates_of(table, name).mjd, SAME_DATE
        values, how = self._converted(table, role, name)
        return values * how.factor, SAME_TIME * given if role == "exptime" else 0.0

    def _unit(self, role: str, name: str, own: str = "") -> str:
        if role in self.constants.units:
            return self.constants.units[role]
        self._by_image.discard(role)
        base = split_index(name, list(self._units) or [name])[0]
        unit = own or self._units.get(name) or self._units.get(base) or split_name(base)[1]
        if unit or role not in _IN_IMAGE_UNITS:
            return unit
        if self._image_unit:
            self._by_image.add(role)
        return self._image_unit

    def _converted(self, table: Any, role: str, name: str) -> tuple[FloatArray, Conversion]:
        raw = raw_column(table, name, len(self.constants.apertures))
        how = conversion(role, name, self._unit(role, name, raw.unit), self.constants.gain)
        return as_numbers(raw, role, name, self._row), how

    def _said(self, role: str, name: str, how: Conversion, assumed: str) -> None:
        unit = f"in {how.unit}" if how.unit else f"no unit, taken as {assumed}"
        factor = "" if how.factor == 1.0 else f", times {how.factor:g}"
        by = ", by BUNIT of the table's metadata" if role in self._by_image else ""
        self.readings[role] = f"column {name!r}, {unit}{by}{factor}"

    def _numbers(self, table: Any, role: str, name: str, assumed: str = "px") -> FloatArray:
        values, how = self._converted(table, role, name)
        self._said(role, name, how, assumed)
        return values if how.factor == 1.0 else values * how.factor

    def _seconds(self, table: Any, name: str, unit: str) -> FloatArray | float:
        if self.constants.exptime is not None:
            self.readings["exptime"] = f"{self.constants.exptime:g} s, given"
            return self.constants.exptime
        known = {} if "exptime" in self.columns.ignored else stated_values(table)
        if self.columns.exptime is None and "exptime" in known:
            seconds = self._constant(table, "exptime", None, "g")
            self.readings["exptime"] = self.readings["exptime"].replace(",", " s,", 1)
            return seconds
        if self.columns.exptime is None:
            raise CatalogError(
                f"column {name!r} is in {unit}, and the loss depends on the electrons of "
                "the exposure; give --exptime SECONDS or --column exptime=NAME"
            )
        return self._numbers(table, "exptime", self.columns.exptime, "seconds")

    def _electrons(self, table: Any) -> tuple[FloatArray, FloatArray, bool, bool]:
        role = "flux" if self.columns.flux is not None else "mag"
        name = str(self.columns.flux or self.columns.mag)
        measured, how = self._converted(table, role, name)
        enclosed, gain = self.constants.enclosed, self.constants.gain
        assumed = "electrons" if role == "flux" else "magnitudes"
        if role == "flux" and split_name(name)[0].lower() in RATES:
            how = self._rate(name, how)
            assumed = "electrons per second" if how.per_second else assumed
        if role == "flux" and gain is None and not how.unit and "gain" in map(str.lower, column_names(table)):
            raise CatalogError(
                f"column {name!r} has no unit, and beside a column of gains it may be in counts; give --gain "
                f"ELECTRONS_PER_COUNT, or --unit {role}=electron"
            )
        if role == "flux" and gain is not None and not how.unit:
            how, assumed = replace(how, factor=gain), assumed.replace("electrons", "counts")
        self.assumed_unit = _ASSUMED.get(assumed, "")
        scaled = how.per_second or (role == "flux" and how.factor != 1.0)
        self._scaled = (how.unit or self.assumed_unit) if scaled else ""
        self._said(role, name, how, assumed)
        self.readings[role] += self._options_used(role, how)
        if role == "mag" and not how.magnitude:
            # Such as mmag; the brightness follows from the magnitude.
            measured, how = measured * how.factor, replace(how, factor=1.0)
        if how.magnitude or role == "mag":
            measured = self._without_sentinels(measured, role)
        factor: Any = how.factor * enclosed
        if enclosed != 1.0:
            self.readings[role] += f"; of it {enclosed:g} in the aperture of the set"
        if how.per_second:
            factor = factor * self._seconds(table, name, how.unit or assumed)
        if how.magnitude:
            return 10.0 ** (-0.4 * measured) * factor, measured, True, False
        if role == "mag":
            if self.constants.zero_point is None:
                raise CatalogError(
                    f"column {name!r} holds magnitudes, and the loss depends on the electrons of the "
                    "exposure; give --zero-point, the magnitude of one electron in it (of one electron per "
                    "second: plus 2.5 log10 of the exposure time)"
                )
            self.readings[role] += f"; one electron of the exposure is {self.constants.zero_point:g} mag"
            return 10.0 ** (-0.4 * (measured - self.constants.zero_point)) * factor, measured, True, False
        plain = isinstance(factor, float) and factor == 1.0
        return (measured if plain else measured * factor), measured, False, plain

    def _rate(self, name: str, how: Conversion) -> Conversion:
        """Return how a flux is converted that is per second by its column's name."""
        if "flux" in self.constants.units:
            return how
        if how.unit and not how.per_second:
            raise CatalogError(
                f"column {name!r} is in {how.unit}, and by its name it is per second; say which it is with "
                f"--unit flux={how.unit} or --unit flux={how.unit}/s"
            )
        return replace(how, per_second=True)

    def _options_used(self, role: str, how: Conversion) -> str:
        """Say whether a gain and an exposure time that were given enter."""
        gain, exptime = self.constants.gain, self.constants.exptime
        of_gain = "" if gain is None else " (the gain)" if how.factor == gain else "; --gain is not used"
        unused = exptime is not None and not how.per_second
        return of_gain + ("; --exptime is not used" if unused else "")

    def _magnitudes(self, table: Any) -> FloatArray:
        name = str(self.columns.mag)
        values, how = self._converted(table, "mag", name)
        self._said("mag", name, how, "magnitudes")
        return self._without_sentinels(values if how.magnitude else values * how.factor, "mag")

    def _without_sentinels(self, magnitudes: FloatArray, role: str) -> FloatArray:
        """Return magnitudes with NaN for 99, 99.999, -99 and their like, which are no measurements."""
        none = np.abs(magnitudes) >= _NO_MAGNITUDE
        if not none.any():
            return magnitudes
        self.readings[role] += f"; {_NO_MAGNITUDE:g} mag or more is not a measurement"
        return np.where(none, np.nan, magnitudes)

    @property
    def y_origin(self) -> float:
        """Number of a chip's first row in the column of rows."""
        stated = self.constants.y_origin
        return float(y_origin_of(str(self.columns.y)) if stated is None else stated)

    def _rows(self, table: Any) -> FloatArray:
        origin = self.y_origin
        values = self._numbers(table, "y", str(self.columns.y))
        self.readings["y"] += f", counted from {origin:g}"
        return self._require_pixels(values - origin if origin else values, str(self.columns.y))

    def _require_pixels(self, rows: FloatArray, name: str) -> FloatArray:
        """Return rows or distances as they are; refuse fractions of a chip."""
        if len(rows) >= _FEW_ROWS:
            lowest, highest = np.fmin.reduce(rows), np.fmax.reduce(rows)
            if lowest >= -0.5 and highest <= 1.5 and lowest < highest:
                raise CatalogError(
                    f"column {name!r} lies between {lowest:g} and {highest:g} in {len(rows)} rows on end, as "
                    f"fractions of a chip do; give the rows of the chip, 0 to {DETECTOR.rows - 1}"
                )
        return rows

    def _constant(self, table: Any, role: str, given: float | None, digits: str) -> float:
        """Return what holds for all rows: an option, else what the table's metadata states."""
        said = "given"
        if given is None:
            given, keywords = stated_values(table)[role]
            said = f"by {keywords} of the table's metadata"
        self.readings[role] = f"{given:{digits}}, {said}"
        return float(given)

    def _chips(self, table: Any) -> FloatArray | float:
        name = self.columns.chip
        if name is None:
            return self._constant(table, "chip", self.constants.chip, "g")
        raw = raw_column(table, name)
        if split_name(name)[0].lower() in EXTENSION_NAMES:
            raise CatalogError(f"column {name!r} numbers extensions; make a column of chips{EXTENSIONS}")
        conversion("chip", name, self._unit("chip", name, raw.unit))
        self.readings["chip"] = f"column {name!r}"
        return as_chips(raw, name, self._row)

    def _dates(self, table: Any) -> tuple[FloatArray | float, NDArray[np.bool_] | bool]:
        columns, name = self.columns, self.columns.mjd
        parts = [one for one in (columns.year, columns.month, columns.day, columns.doy) if one]
        if name is None and not parts:
            return self._constant(table, "mjd", self.constants.mjd, ".5f"), False
        if name is None:
            dates = dates_of_parts({one: single(raw_column(table, one), one) for one in parts}, self._row)
        else:
            dates = self._dates_of(table, name)
        if (clock := columns.time) is not None:
            dates = with_times(dates, single(raw_column(table, clock), clock), clock)
        said = f"column {name!r}, {dates.reading}" if name else f"columns {', '.join(parts)}, {dates.reading}"
        before = self.readings.get("mjd", "")
        if dates.reading not in before:
            self.readings["mjd"] = f"{before} and {dates.reading}" if before else said
        if dates.impossible.any() and "date_impossible" not in self.readings:
            row = self._row + int(np.argmax(dates.impossible)) + 1
            self.readings["date_impossible"] = f"first in row {row}; dates are from {said_range()}"
        return dates.mjd, dates.impossible if dates.impossible.any() else False

    def _dates_of(self, table: Any, name: str) -> Dates:
        raw = raw_column(table, name)
        unit, timesys = self._unit("mjd", name, raw.unit), timesys_of(stated(table))
        return to_dates(single(raw, name).values, unit, name, self._row, timesys)

    def _background(self, table: Any, coefficients: CoefficientSet) -> FloatArray | float:
        name, constant = self.columns.background, self.constants.background
        if name is None:
            if constant is not None:
                self.readings["background"] = f"{constant:g} e-/px, given"
            return np.nan if constant is None else float(constant)
        values, how = self._converted(table, "background", name)
        if not how.unit and coefficients.has_background and self._scaled:
            raise CatalogError(
                f"column {name!r} has no unit, and beside fluxes in {self._scaled} may not be in electrons "
                "per pixel; say what it is in, such as --unit background=electron"
            )
        self._said("background", name, how, "electrons per pixel")
        factor: Any = how.factor
        if how.per_second:
            factor = factor * self._seconds(table, name, how.unit)
        return values if isinstance(factor, float) and factor == 1.0 else values * factor


#: What a flux without a unit is taken as: its unit.
_ASSUMED = {
    "electrons": "electron",
    "electrons per second": "electron / s",
    "counts": "ct",
    "counts per second": "ct / s",
}
#: SExtractor, DAOPHOT and DOLPHOT write 99, 99.999 or -99 for a star without a measurement.
_NO_MAGNITUDE = 90.0
