"""The one selection: from options, keywords and figures to exposures in Python and to SQL."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

from cte_lake.errors import UsageError
from cte_lake.names import WORDS, Names, one_of, suggestion
from cte_lake.radii import measured_radius

#: The rule of case: how the lake spells the text in these columns, whatever case is asked for.
_CASE = {
    "target": str.lower,
    "visit": lambda visit: visit.lower().zfill(2),
    "filter": str.upper,
    "chinject": str.upper,
    "generation": str.lower,
}
_NUMBERS = frozenset({"proposal", "flash"})
#: Calibration generations without a name: the newest of each target and file type, or every one.
NEWEST, ALL = "newest", "all"
#: Values that are listed where nothing was found.
_LISTED = 12


@dataclass(frozen=True)
class Between:
    """A range of numbers, both ends included; None is open."""

    low: float | None = None
    high: float | None = None

    def __post_init__(self) -> None:
        if self.low is not None and self.high is not None and self.low > self.high:
            raise UsageError(f"a range begins at its lower end, and {self.low:g} is above {self.high:g}")

    def where(self, at: str, name: str) -> tuple[str, dict[str, float]]:
        """Return a SQL condition on a column and its named parameters."""
        ends = {f"{name}_low": (">=", self.low), f"{name}_high": ("<=", self.high)}
        given = {key: end for key, (_, end) in ends.items() if end is not None}
        # NaN would pass as greater than every number.
        tests = [f"{at} {ends[key][0]} ${key}" for key in given]
        return " AND ".join([f"{at} IS NOT NULL", f"NOT isnan({at}::DOUBLE)", *tests]), given


def plain(value: Any) -> Any:
    """Return a number or array of numpy as Python's, which alone DuckDB takes; others as they are."""
    return value.tolist() if type(value).__module__ == "numpy" else value


def _no_year(column: str, value: Any) -> None:
    if isinstance(value, int | float) and value in range(1990, 2100):
        raise UsageError(
            f"{column} is an MJD, and {value:g} looks like a year; give an MJD, or a date as text: "
            + (f"'{value:g}-01-01'" if column == "until" else f"between('{value:g}-01-01')")
        )


def spelled(column: str, value: Any, names: Names | None = None) -> Any:
    """Return a value as the lake spells it in a column.

    Parameters
    ----------
    column : str
        Column of a view; values of other columns than those of `Selection` and `WORDS` and the radius are
        left alone.
    value : object
        As asked for: one value, not a list.
    names : Names, optional
        Names of the lake, which targets and filters are looked up in; by default only their case is set.

    Raises
    ------
    UnknownName
        If there is no such target or filter.
    UsageError
        If the column holds one of a few words (`cte_lake.names.WORDS`) and this is none, or if it is a radius
        that was not measured.
    """
    value = plain(value)
    if column == "mjd" or column.endswith("_mjd"):
        for end in (value.low, value.high) if isinstance(value, Between) else (value,):
            _no_year(column, end)
    if column in _NUMBERS:
        return int(value) if isinstance(value, str) and value.strip().isdigit() else value
    if value is None or isinstance(value, Between):
        return value
    if column in WORDS:
        return one_of(column, str(value), WORDS[column])
    if column == "aperture":
        return measured_radius(value)
    if column not in _CASE:
        return value
    if names is not None and column == "target":
        return names.target(str(value))
    if names is not None and column == "filter":
        return names.filter(str(value))
    return _CASE[column](str(value).strip())


def all_spelled(filters: Mapping[str, Any], names_of: Callable[[], Names]) -> dict[str, Any]:
    """Return filters, each a value or several, as the lake spells them; see `spelled`."""
    names = names_of() if {"target", "filter"} & filters.keys() else None
    return {
        column: [spelled(column, value, names) for value in wanted]
        if isinstance(wanted, Iterable) and not isinstance(wanted, str)
        else spelled(column, wanted, names)
        for column, wanted in filters.items()
    }


def where(wanted: Mapping[str, Any], table: str = "", prefix: str = "wanted") -> tuple[str, dict[str, Any]]:
    """Return a SQL condition with named parameters; ``true`` if nothing is wanted.

    Parameters
    ----------
    wanted : mapping
        Column to the value it must equal, to several of which it must be one, to a range (`Between`), or to
        None for NULL.
    table : str, optional
        Name of the table or subquery that has the columns.
    prefix : str, optional
        What the parameters' names begin with.
    """
    conditions = ["true"]
    parameters: dict[str, Any] = {}
    for column, value in wanted.items():
        at = f'{table}."{column}"' if table else f'"{column}"'
        name = f"{prefix}_{len(parameters)}"
        if value is None:
            conditions.append(f"{at} IS NULL")
            continue
        if isinstance(value, Between):
            condition, ends = value.where(at, name)
            conditions.append(condition)
            parameters |= ends
            continue
        if isinstance(value, Iterable) and not isinstance(value, str | bytes):
            values = list(value)
            if len(values) != 1:
                conditions.append(f"list_contains(${name}, {at})")
                parameters[name] = values
                continue
            # Unlike a list's test, equality reaches both sides of the star match: more files stay unread.
            value = values[0]
        conditions.append(f"{at} = ${name}")
        parameters[name] = value
    return " AND ".join(conditions), parameters


@dataclass(frozen=True)
class Selection:
    """Values that an exposure must have; an empty field selects all.

    The fields are columns of the views ``exposures``, ``pairs`` and all that is built on them; `until` is
    the last date. A generation is a name, 'newest' or 'all'; file types that have none of the
    name are not concerned. Text takes the lake's case when the selection is made; `resolved` looks names up.
    """

    proposal: tuple[int, ...] = ()
    visit: tuple[str, ...] = ()
    target: tuple[str, ...] = ()
    flash: tuple[int, ...] = ()
    filetype: tuple[str, ...] = ()
    filter: tuple[str, ...] = ()
    length: tuple[str, ...] = ()
    chinject: tuple[str, ...] = ()
    generation: tuple[str, ...] = ()
    until: float | None = None

    def __post_init__(self) -> None:
        _no_year("until", self.until)
        for name in (field.name for field in fields(self) if field.name != "until"):
            values = tuple(dict.fromkeys(spelled(name, value) for value in getattr(self, name)))
            object.__setattr__(self, name, values)

    def __bool__(self) -> bool:
        return bool(self.wanted()) or self.until is not None

    def of_losses(self) -> Selection:
        """Return the selection for losses: one generation and no charge injection unless others are named."""
        return replace(self, chinject=self.chinject or ("NONE",), generation=self.generation or (NEWEST,))

    def of_exposures(self) -> Selection:
        """Return the selection for exposures, which know no newest generation: names alone choose there."""
        named = tuple(name for name in self.generation if name not in {NEWEST, ALL})
        return replace(self, generation=named)

    def every_kind(self) -> Selection:
        """Return the selection without its choice of generation and charge injection."""
        return replace(self, chinject=(), generation=())

    def resolved(self, names: Names) -> Selection:
        """Return the selection with targets and filters as the lake names them.

        Raises
        ------
        UnknownName
            If there is no such target or filter; the message suggests the nearest.
        """
        looked_up: dict[str, Any] = {
            name: tuple(spelled(name, value, names) for value in getattr(self, name))
            for name in ("target", "filter")
        }
        return replace(self, **looked_up)

    def wanted(self) -> dict[str, tuple[Any, ...]]:
        """Return the columns that are selected by, each with its values."""
        chosen = {field.name: getattr(self, field.name) for field in fields(self) if field.name != "until"}
        if ALL in self.generation or NEWEST in self.generation:
            del chosen["generation"]
        if ALL.upper() in self.chinject:
            del chosen["chinject"]
        return {name: values for name, values in chosen.items() if values}

    def matches(self, exposure: Mapping[str, Any]) -> bool:
        """Whether an exposure with these column values is selected."""
        if NEWEST in self.generation and not exposure.get("newest", True):
            return False
        return (self.until is None or exposure["mjd"] <= self.until) and all(
            spelled(name, exposure[name]) in values
            or (name == "generation" and not _concerns(values, exposure["filetype"]))
            for name, values in self.wanted().items()
        )

    def where(self, table: str = "") -> tuple[str, dict[str, Any]]:
        """Return a SQL condition and its named parameters; ``true`` if all is selected."""
        wanted = self.wanted()
        generations = wanted.pop("generation", ())
        condition, parameters = where(wanted, table, "selected")
        dot = f"{table}." if table else ""
        if NEWEST in self.generation:
            condition += f" AND {dot}newest"
        if generations:
            free = [filetype for filetype in ("flt", "flc") if not _concerns(generations, filetype)]
            condition += (
                f" AND (list_contains($selected_generation, {dot}generation)"
                f" OR list_contains($selected_free, {dot}filetype))"
            )
            parameters |= {"selected_generation": list(generations), "selected_free": free}
        if self.until is None:
            return condition, parameters
        at = f'{table}."mjd"' if table else '"mjd"'
        return f"{condition} AND {at} <= $selected_until", parameters | {"selected_until": self.until}

    def nothing_among(self, rows: Collection[Mapping[str, Any]], what: str = "exposure") -> str:
        """Return the reason why none of some rows is selected, with what there is instead."""
        if not rows:
            return f"the lake has no {what}"
        for name, values in self.wanted().items():
            have = sorted({spelled(name, row[name]) for row in rows if row[name] is not None})
            if not set(values) & set(have):
                asked = " or ".join(str(value) for value in values)
                shown = ", ".join(str(value) for value in have[:_LISTED])
                more = ", ..." if len(have) > _LISTED else ""
                hint = suggestion(values[0], have) if isinstance(values[0], str) else ""
                return f"no {what} has {name} {asked}{hint or ';'} there is {name} {shown or 'none'}{more}"
        if NEWEST in self.generation:
            other = replace(self, generation=(ALL,))
            named = sorted({str(row["generation"]) for row in rows if other.matches(row)})
            if named:
                return (
                    f"no {what} of the newest calibration generation has all of {self}; "
                    f"--generation {' or '.join(named)} does"
                )
        return f"no {what} has all of {self}"

    def __str__(self) -> str:
        # What a selection of losses has anyhow goes without saying.
        words = [
            f"--{field.name} {value}"
            for field in fields(self)
            if field.name != "until"
            for value in getattr(self, field.name)
            if (field.name, value) not in {("chinject", "NONE"), ("generation", NEWEST)}
        ]
        return " ".join([*words, *([] if self.until is None else [f"--until {self.until:g}"])])


def _concerns(generations: Collection[str], filetype: str) -> bool:
    """Whether a file type has one of the named generations: FLTs have the one 'flt', FLCs all others."""
    return any((name == "flt") == (filetype == "flt") for name in generations)
