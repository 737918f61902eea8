"""Which flux columns of a table are corrected by which coefficient set: each by that of its radius."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pyarrow as pa

from cte_lake.errors import CatalogError, UsageError
from cte_lake.model.coefficients import CoefficientSet
from cte_lake.model.column_facts import column_facts
from cte_lake.model.columns import NAMES, counted_of, discover, no_twins, radius_of
from cte_lake.model.table_constants import TableConstants
from cte_lake.model.table_meta import aperture_radii, stated_values
from cte_lake.model.table_roles import RoleReader
from cte_lake.model.table_values import split_index
from cte_lake.model.tables import column_names, values_of


@dataclass(frozen=True)
class Aperture:
    """One flux or magnitude column, and what corrects it.

    Attributes
    ----------
    coefficients : CoefficientSet
        Of the column's radius.
    reader : RoleReader
        Reads the column and those that go with it.
    suffix : str
        Behind the names of its results; empty where there is one aperture.
    """

    coefficients: CoefficientSet
    reader: RoleReader
    suffix: str = ""


def plan_apertures(
    table: Any,
    sets: CoefficientSet | Sequence[CoefficientSet],
    constants: TableConstants,
    chosen: Mapping[str, str] | None = None,
    results: Iterable[str] = (),
) -> list[Aperture]:
    """Find the columns of a table, and the set for each column of fluxes.

    Parameters
    ----------
    table : pyarrow.Table, astropy.table.Table, pandas.DataFrame or mapping
        Its first part or all of it; it may be empty.
    sets : CoefficientSet or sequence of CoefficientSet
        Several are of different radii.
    constants : TableConstants
        What holds for all rows.
    chosen : mapping of str to str, optional
        Role to column.
    results : iterable of str, optional
        Columns of an earlier correction, which are none of the table's own.

    Raises
    ------
    CatalogError
        If a needed column is not found, or no set is for its radius.
    UsageError
        If two sets are for one radius.
    """
    listed = [sets] if isinstance(sets, CoefficientSet) else list(sets)
    chosen = dict(chosen or {})
    ucds, _ = column_facts(table)
    names = [name for name in column_names(table) if name not in set(results) - set(chosen.values())]
    no_twins(names)
    by_radius = _by_radius(listed)

    def aperture(
        entry: CoefficientSet, constants: TableConstants, own: Mapping[str, str], suffix: str
    ) -> Aperture:
        columns = discover(names, ucds, own, constants.radius, constants.given(), [*stated_values(table)])
        return Aperture(entry, RoleReader(columns, constants), suffix)

    role, found = ("flux", {}) if constants.radius is not None else _columns(table, names, constants, chosen)
    if not found:
        if len(listed) > 1 or constants.apertures:
            raise UsageError(
                f"{_radii(constants.apertures or by_radius)} were given, and the table has no fluxes of "
                "several apertures; give one radius and one set, or name one column a radius, as flux_r03"
            )
        return [aperture(listed[0], constants, chosen, "")]
    unclear = len(listed) == 1 and len(found) > 1 and role not in chosen and not constants.apertures
    if unclear and _has_plain_column(role, found, names):
        return [aperture(listed[0], constants, chosen, "")]
    lacking = [radius for radius in by_radius if radius not in found]
    if lacking:
        raise CatalogError(
            f"columns {', '.join(found.values())} hold the {role} in apertures of {_radii(found)}, and the "
            f"coefficients {by_radius[lacking[0]].name} are for {_radii(lacking[:1])}; give a set of one of "
            "these radii by -c, or several, each by its own -c"
        )
    return [
        aperture(
            entry,
            replace(constants, radius=radius),
            {**chosen, role: found[radius]},
            f"_r{radius:02g}" if len(listed) > 1 else "",
        )
        for radius, entry in by_radius.items()
    ]


def _has_plain_column(role: str, found: Mapping[float, str], names: list[str]) -> bool:
    """Return whether a table has a column of the role besides those of apertures: flux beside flux_r03."""
    bases = {split_index(name, names)[0] for name in found.values()}
    return any(name.lower() in NAMES[role] and name not in bases for name in names)


def others_left(table: Any, apertures: Sequence[Aperture], constants: TableConstants) -> str:
    """Return a sentence on the columns of other apertures that are left as they are; '' for none."""
    role, found = _columns(table, column_names(table), constants, {})
    used = {getattr(each.reader.columns, role) for each in apertures}
    left = [name for name in found.values() if name not in used]
    if constants.radius is not None or not used & set(found.values()) or not left:
        return ""
    return f"{', '.join(left)}: of other radii than the coefficients', left as they are"


def _by_radius(sets: Sequence[CoefficientSet]) -> dict[float, CoefficientSet]:
    if not sets:
        raise UsageError("no coefficient set was given")
    found: dict[float, CoefficientSet] = {}
    for entry in sets:
        radius = float(entry.validity.radius)
        if radius in found:
            raise UsageError(
                f"coefficients {found[radius].name} and {entry.name} are both for {_radii([radius])}; give "
                "one set a radius"
            )
        found[radius] = entry
    return dict(sorted(found.items()))


def _radii(radii: Iterable[float]) -> str:
    return f"{', '.join(f'{radius:g}' for radius in sorted(radii))} px"


def _columns(
    table: Any, names: list[str], constants: TableConstants, chosen: Mapping[str, str]
) -> tuple[str, dict[float, str]]:
    """Return the role, and its columns or elements of a column by the radius of their aperture, px."""
    for role in ("flux", "mag"):
        if chosen.get(role, "").lower() == "none":
            continue
        if role in chosen:
            own = split_index(chosen[role], names)
            vector = own[0] if own[1] is None and own[0] in names else None
            found = {} if vector is None else _elements(table, vector, constants)
        elif "mag" in chosen and role == "flux":
            continue
        else:
            named = {radius: name for name in names if (radius := radius_of(role, name)) is not None}
            vectors = [name for name in names if name.lower() in NAMES[role] and _width(table, name) != 1]
            found = named or _counted(table, role, names, constants)
            if not found and vectors:
                found = _elements(table, vectors[0], constants)
        if found or role in chosen:
            return role, found
    return "flux", {}


def _counted(table: Any, role: str, names: list[str], constants: TableConstants) -> dict[float, str]:
    """Return photutils' aperture_sum_0 and SExtractor's FLUX_APER[0] by the radii that are stated apart."""
    counted = [name for name in names if counted_of(role, name)]
    return _paired(counted, constants.apertures or tuple(aperture_radii(table)), ", ".join(counted))


def _elements(table: Any, name: str, constants: TableConstants) -> dict[float, str]:
    radii, width = constants.apertures or tuple(aperture_radii(table)), _width(table, name)
    if width == 1:
        return {}
    count = len(radii) if width is None else width
    return _paired([f"{name}[{place}]" for place in range(count)], radii, f"column {name!r}")


def _paired(columns: list[str], radii: Sequence[float], what: str) -> dict[float, str]:
    if not columns or not radii:
        return {}
    if len(columns) != len(radii):
        raise CatalogError(
            f"{what} hold the flux in {len(columns)} apertures, and {len(radii)} radii are given"
        )
    return dict(zip(radii, columns, strict=True))


def _width(table: Any, name: str) -> int | None:
    """Return how many values a row of a column holds; None where the rows decide."""
    values = values_of(table, name)
    if isinstance(values, pa.Array | pa.ChunkedArray):
        if pa.types.is_fixed_size_list(values.type):
            return int(values.type.list_size)
        return None if pa.types.is_list(values.type) or pa.types.is_large_list(values.type) else 1
    shape: tuple[int, ...] = getattr(values, "shape", ())
    return int(np.prod(shape[1:], dtype=int))
