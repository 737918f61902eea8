"""Of which frames a table's stars were measured, compared with what a coefficient set was fitted to.

A table says it in columns and in its metadata. What differs is flagged, row by row, and counted in a
sentence; a table of another camera is refused, since nothing of it can be corrected.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cte_lake.bitflags import Flag
from cte_lake.detector import DETECTOR, exposure_length
from cte_lake.errors import CatalogError
from cte_lake.model import flags as bits
from cte_lake.model.coefficients import CoefficientSet
from cte_lake.model.columns import TableColumns, radius_of
from cte_lake.model.correct import constant_flags
from cte_lake.model.generations import KEY, fitted_generations, is_other, other_generation
from cte_lake.model.missing import MISSING
from cte_lake.model.table_constants import TableConstants
from cte_lake.model.table_meta import aperture_radii, stated
from cte_lake.model.table_values import coded_texts, raw_column
from cte_lake.model.tables import column_names
from cte_lake.model.times import to_dates

Bits = NDArray[np.int32] | int
#: A filter of HST: F502N, FQ387N, F850LP, FR388N.
_FILTER = re.compile(r"(?<![A-Z0-9])F[QR]?\d{3,4}(?:LP|[A-Z]+)(?![A-Z0-9])")
#: A file of HST by the end of its name.
_FILE = re.compile(r"_(flt|flc|drz|drc|raw|ima|crj|crc)(?=$|[\W_])")
#: File type by what calwf3 did about CTE.
_BY_PCTECORR = {"complete": "flc", "omit": "flt"}
_LENGTHS = {"s": "s", "short": "s", "l": "l", "long": "l"}
_SAID_LENGTH = {"s": "short exposures", "l": "long exposures"}
#: Words that name neither a camera nor a filter.
_EMPTY_WORDS = MISSING | {"hst", "hubble", "hubble space telescope", "clear", "unknown"}
#: Relative difference of two exposure times that are the same.
SAME_TIME = 0.05
#: Days between two dates of the same visits; the loss grows by some 0.2% of itself meanwhile.
SAME_DATE = 10.0


def fitted(coefficients: CoefficientSet, kind: str) -> tuple[str, ...]:
    """Return what a set records that it was fitted to, in capitals; empty where it does not say."""
    text = str(coefficients.selection.get(kind) or "").upper()
    return tuple(word.strip() for word in text.split(",") if word.strip())


def other_camera(word: str, coefficients: CoefficientSet) -> str:
    """Return the camera that a text names if it is not the set's, else ''; a number names none."""
    tokens = re.findall(r"[A-Z]+[0-9]*", word.upper())
    own, part = DETECTOR.name.split("/")
    if not tokens or word.strip().lower() in _EMPTY_WORDS:
        return ""
    of_own = own in tokens or any(token.startswith(part) for token in tokens)
    return word.strip() if not of_own or "IR" in tokens else ""


def other_filter(word: str, coefficients: CoefficientSet) -> str:
    """Return the filter that a text names if it is none of the set's, else ''."""
    known = fitted(coefficients, "filter")
    if not known or word.strip().lower() in _EMPTY_WORDS or word.upper().startswith("CLEAR"):
        return ""
    named = _FILTER.findall(word.upper()) or [word.strip().upper()]
    return "" if set(named) & set(known) else ", ".join(named)


def other_length(word: str, coefficients: CoefficientSet) -> str:
    """Return what exposures a text names, short or long, if the set is for the others, else ''."""
    length = _LENGTHS.get(word.strip().lower(), "")
    known = {_LENGTHS.get(one.lower(), "") for one in fitted(coefficients, "length")}
    return _SAID_LENGTH[length] if length and known and length not in known else ""


def other_flash(word: str, coefficients: CoefficientSet) -> str:
    """Return the flash level that a text names if the set is for others and knows no background, else ''."""
    known = fitted(coefficients, "flash")
    if not known or coefficients.has_background or word.strip().lower() in MISSING:
        return ""
    level = _number(word)
    said = f"{level:g}" if np.isfinite(level) else word.strip()
    return "" if said in known else f"flash {said}"


def other_injection(word: str, coefficients: CoefficientSet) -> str:
    """Return the charge injection that a text names if it is not the set's, else ''."""
    plain = word.strip().upper()
    known = fitted(coefficients, "chinject") or ("NONE",)
    return "" if not plain or plain in known else f"charge injection {plain}"


#: Role: flag, and what judges its texts.
_CHECKS: dict[str, tuple[Flag, Callable[[str, CoefficientSet], str]]] = {
    "instrument": (bits.OTHER_CAMERA, other_camera),
    "detector": (bits.OTHER_CAMERA, other_camera),
    "filter": (bits.OTHER_FILTER, other_filter),
    "length": (bits.OTHER_LENGTH, other_length),
    "flash": (bits.OTHER_FLASH, other_flash),
    "chinject": (bits.OTHER_INJECTION, other_injection),
}
#: Keyword: whether a value of it says that rows are not those of a whole chip.
_PARTS: dict[str, Callable[[str], bool]] = {
    "ltv2": lambda word: _number(word) != 0.0 and np.isfinite(_number(word)),
    "binaxis2": lambda word: _number(word) != 1.0 and np.isfinite(_number(word)),
    "binning": lambda word: bool(set(re.findall(r"\d+", word)) - {"0", "1"}),
    "subarray": lambda word: word.strip().lower() in {"t", "true", "1", "yes"},
    "aperture": lambda word: word.strip().upper().endswith("-SUB"),
}
_RADIUS_BITS = bits.WRONG_RADIUS.value | bits.RADIUS_UNKNOWN.value
_TYPE_BITS = bits.WRONG_FILETYPE.value | bits.FILETYPE_UNKNOWN.value


class Origin:
    """Compares the parts of a table with a set.

    Parameters
    ----------
    columns : TableColumns
        Which column is what.
    constants : TableConstants
        What holds for all rows.
    readings : dict of str to str
        What each role was read as, in words; added to.
    """

    def __init__(self, columns: TableColumns, constants: TableConstants, readings: dict[str, str]) -> None:
        self._columns, self._constants, self._readings = columns, constants, readings
        self._generations: set[str] = set()
        self._others: dict[str, Counter[str]] = {}
        self._meta: dict[str, dict[str, str]] = {}

    def bits(
        self, table: Any, coefficients: CoefficientSet, numbers: Callable[[Any, str, str, str], Any]
    ) -> Bits:
        """Return the flags of the next part of the table, one number for all rows or one a row.

        Parameters
        ----------
        table : table
            A part of the table.
        coefficients : CoefficientSet
            The set.
        numbers : callable
            Reads a role's column in its unit: table, role, column, assumed unit.

        Raises
        ------
        CatalogError
            If the table's metadata names another camera, or contradicts an option.
        """
        self._meta = {
            role: words for role, words in stated(table).items() if role not in self._columns.ignored
        }
        self._refuse(table, coefficients)
        result: Any = self._radius(table, coefficients, numbers) | self._filetype(table, coefficients)
        result = result | self._generation(table, coefficients)
        for role in _CHECKS:
            result = result | self._checked(role, table, coefficients)
        result = result | self._exposure(table, coefficients, numbers)
        self._say(coefficients)
        return result  # type: ignore[no-any-return]

    def _refuse_parts(self, table: Any) -> None:
        """Refuse rows of a part of a chip or of binned pixels, by metadata or columns of their names."""
        own = [(keyword, [word]) for keyword, word in self._meta.get("y", {}).items()]
        named = [name for name in column_names(table) if name.lower() in _PARTS.keys() - {"aperture"}]
        own += [(name, coded_texts(raw_column(table, name))[0]) for name in named]
        # LTV2 says more than SUBARRAY: it is 0 for a subarray that begins at the first row.
        shifts = any(keyword.lower() == "ltv2" for keyword, _ in own)
        for keyword, words in own:
            part = [word for word in words if _PARTS[keyword.lower()](word)]
            if part and not (shifts and keyword.lower() in {"subarray", "aperture"}):
                where = "" if keyword in named else " of the table's metadata"
                raise CatalogError(
                    f"{keyword}{where} is {part[0]!r}, so that column {self._columns.y!r} does not count "
                    "the rows of the whole chip; make it do so (a subarray's y less LTV2), and remove "
                    f"{'the column' if keyword in named else 'the keyword'}"
                )

    def _refuse(self, table: Any, coefficients: CoefficientSet) -> None:
        for role in ("instrument", "detector"):
            for keyword, word in self._meta.get(role, {}).items():
                if other_camera(word, coefficients):
                    raise CatalogError(
                        f"{keyword} of the table's metadata is {word!r}, and the coefficients "
                        f"{coefficients.name} are for {DETECTOR.name}, so that nothing can be corrected; "
                        f"if the keyword is wrong, give --column {role}=none"
                    )
        if self._columns.y is not None:
            self._refuse_parts(table)
        given = self._constants
        for role, own, same in (
            ("chip", given.chip, _same_chip),
            ("filetype", given.filetype, _same_type),
            ("exptime", given.exptime, _same_time),
            ("mjd", given.mjd, _same_date),
        ):
            for keyword, word in self._meta.get(role, {}).items():
                if own is not None and getattr(self._columns, role) is None and not same(word, own):
                    raise CatalogError(
                        f"{keyword} of the table's metadata is {word!r}, and --{role} {own} was given; "
                        f"correct one of them, or give --column {role}=none to pass over the table's"
                    )

    def _radius(self, table: Any, coefficients: CoefficientSet, numbers: Any) -> Bits:
        name = self._columns.radius
        if name is None:
            radius, named = self._constants.radius, str(self._columns.flux or self._columns.mag)
            by_name = radius_of("flux" if self._columns.flux else "mag", named)
            if by_name is not None and radius in (None, by_name):
                radius = by_name
                self._readings["radius"] = f"{radius:g} px, by the name of column {named!r}"
            elif radius is not None:
                self._readings["radius"] = f"{radius:g} px, given"
            elif len(alone := aperture_radii(table)) == 1:
                radius = alone[0]
                self._readings["radius"] = f"{radius:g} px, by the table's metadata"
            return constant_flags(coefficients, radius, "flt") & _RADIUS_BITS
        values, places = np.unique(numbers(table, "radius", name, "px"), return_inverse=True)
        own = [None if np.isnan(value) else float(value) for value in values]
        return _at([constant_flags(coefficients, radius, "") & _RADIUS_BITS for radius in own], places)

    def _filetype(self, table: Any, coefficients: CoefficientSet) -> Bits:
        given, name = self._constants.filetype, self._columns.filetype
        for keyword, word in self._meta.get("filetype", {}).items():
            if given is None and filetype_of(word):
                given = filetype_of(word)
                self._readings["filetype"] = f"{given}, by {keyword} of the table's metadata"
        if name is None:
            if self._constants.filetype is not None:
                self._readings["filetype"] = f"{given}, given"
            return constant_flags(coefficients, None, given) & _TYPE_BITS
        words, places = coded_texts(raw_column(table, name))
        self._readings["filetype"] = f"column {name!r}" + (f", else {given}" if given else "")
        exact = name.lower() in ("filetype", "file_type")
        types = [filetype_of(word) or (word.strip().lower() if exact else "") or given for word in words]
        return _at([constant_flags(coefficients, None, one) & _TYPE_BITS for one in types], places)

    def _generation(self, table: Any, coefficients: CoefficientSet) -> Bits:
        """The bit of another calibration generation; the reading says where it could not be compared."""
        name, given = self._columns.generation, self._constants.generation
        how = "given"
        for keyword, word in self._meta.get(KEY, {}).items():
            given, how = (word, f"by {keyword} of the table's metadata") if given is None else (given, how)
        known = fitted_generations(coefficients)
        if name is None and given is None:
            if any(one != coefficients.validity.filetype for one in known):
                self._readings[KEY] = f"not known, so not checked against {', '.join(known)} of the set"
            return 0
        bit = bits.OTHER_GENERATION.value
        result: Bits
        if name is None:
            self._readings[KEY] = f"{given}, {how}"
            self._generations.add(str(given))
            result = bit if is_other(coefficients, str(given)) else 0
        else:
            words, places = coded_texts(raw_column(table, name))
            self._readings[KEY] = f"column {name!r}" + (f", else {given}" if given else "")
            own = [word or given or "" for word in words]
            self._generations.update(own)
            result = _at([bit if is_other(coefficients, word) else 0 for word in own], places)
        if not known:
            self._readings[KEY] += ", not checked: the set records none"
        warning = other_generation(coefficients, self._generations)
        if warning:
            self._readings[KEY] += f"; {warning}"
        return result

    def _checked(self, role: str, table: Any, coefficients: CoefficientSet) -> Bits:
        flag, judge = _CHECKS[role]
        name = getattr(self._columns, role)
        if name is not None:
            words, places = coded_texts(raw_column(table, name))
            self._readings[role] = f"column {name!r}"
            return self._judged(role, [judge(word, coefficients) for word in words], places, flag)
        stated_words = dict(self._meta.get(role, {}))
        flux = str(self._columns.flux or self._columns.mag or "")
        if role == "filter" and not stated_words and _FILTER.search(flux.upper()):
            stated_words = {flux: " ".join(_FILTER.findall(flux.upper()))}
        for keyword, word in stated_words.items():
            where = (
                "in the name of the column" if keyword == flux else f"by {keyword} of the table's metadata"
            )
            self._readings[role] = f"{word}, {where}"
        if any(judge(word, coefficients) for word in stated_words.values()):
            self._readings[role] += ", and the set is for another"
            return flag.value
        return 0

    def _exposure(self, table: Any, coefficients: CoefficientSet, numbers: Any) -> Bits:
        """The bit of short exposures for a set of long ones, and the other way round, by exposure times."""
        if not fitted(coefficients, "length"):
            return 0
        flag, name = bits.OTHER_LENGTH, self._columns.exptime
        if name is None:
            words = {"--exptime": self._constants.exptime} if self._constants.exptime else {}
            words = words or {key: _number(word) for key, word in self._meta.get("exptime", {}).items()}
            for keyword, seconds in words.items():
                other = other_length(_length(seconds), coefficients)
                self._readings["exptime"] = f"{seconds:g} s, by {keyword}" + (
                    f": {other}, and the set is for others" if other else ""
                )
                if other:
                    return flag.value
            return 0
        try:
            values = numbers(table, "exptime", name, "seconds")
        except CatalogError:
            # Nothing but this comparison needs it; where fluxes are per second it has been read before.
            self._readings["exptime"] = f"column {name!r} holds no times, not checked"
            return 0
        times, places = np.unique(values, return_inverse=True)
        judged = [other_length(_length(float(one)), coefficients) for one in times]
        return self._judged("exptime", judged, places, flag)

    def _judged(self, role: str, judged: list[str], places: NDArray[Any], flag: Flag) -> Bits:
        """Return a bit a row, and count the rows of each other kind in the role's reading."""
        counts = self._others.setdefault(role, Counter())
        rows = np.bincount(places, minlength=len(judged))
        for other, count in zip(judged, rows.tolist(), strict=True):
            if other and count:
                counts[other] += count
        if counts:
            said = ", ".join(f"{count:,} of {other}" for other, count in counts.most_common(5))
            self._readings[role] = f"{self._readings[role]}; rows that are not the set's: {said}"
        return _at([flag.value if other else 0 for other in judged], places)

    def _say(self, coefficients: CoefficientSet) -> None:
        """Say what the set is for where the table does not say its own."""
        parts = []
        for role in ("filter", "length", "flash"):
            words = fitted(coefficients, role)
            silent = role not in self._readings and not (role == "length" and "exptime" in self._readings)
            if words and silent and not (role == "flash" and coefficients.has_background):
                said = [_SAID_LENGTH.get(word.lower(), word) if role == "length" else word for word in words]
                parts.append(f"{'' if role == 'length' else role + ' '}{' and '.join(said)}")
        if parts:
            self._readings["set"] = f"for {', '.join(parts)}; the table does not say its own"


def _at(values: list[int], places: NDArray[Any]) -> Bits:
    return (
        np.asarray(np.array(values or [0], dtype=np.int32)[places]) if len(places) else np.zeros(0, np.int32)
    )


def filetype_of(word: str | None) -> str:
    """Return flt, flc or another type of a text that is one, a file's name of one, or PCTECORR; else ''."""
    text = (word or "").strip().lower()
    text = _BY_PCTECORR.get(text, text)
    if text in {"flt", "flc", "drz", "drc"}:
        return text
    found = _FILE.search(text)
    return found[1] if found else ""


def _same_chip(word: str, given: Any) -> bool:
    return re.findall(r"\d", word)[-1:] in ([], [str(given)])


def _same_type(word: str, given: Any) -> bool:
    return filetype_of(word) in ("", str(given).lower())


def _number(word: str) -> float:
    try:
        return float(word)
    except ValueError:
        return float("nan")


def _same_time(word: str, given: Any) -> bool:
    own = _number(word)
    return not np.isfinite(own) or abs(own - given) <= SAME_TIME * max(own, given)


def _same_date(word: str, given: Any) -> bool:
    try:
        own = float(to_dates(np.array([word])).mjd[0])
    except CatalogError:
        return True
    return not np.isfinite(own) or abs(own - given) <= SAME_DATE


def _length(seconds: float) -> str:
    return exposure_length(seconds) if np.isfinite(seconds) and seconds > 0 else ""
