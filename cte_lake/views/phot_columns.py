"""The columns that a lake's configuration adds to the views ``phot`` and ``exposures``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from cte_lake.config import Config
from cte_lake.lake.added_columns import (
    HEADER_VALUES,
    AddedColumn,
    HeaderColumn,
    added_columns,
    header_columns,
)
from cte_lake.lake.dataset_files import quoted
from cte_lake.lake.evolve import SQL_TYPES
from cte_lake.lake.named_files import COMPACTED_KEY
from cte_lake.views.columns import ViewColumn, known_columns, view_columns

#: The views that show them.
VIEW, EXPOSURES = "phot", "exposures"
_FROM = "\nFROM measured_stars AS p"
_FROM_EXPOSURES = "\nFROM exposures_all_modes AS e"
_KEYS = ("target", "proposal", "flash", "filetype", "imagename", "master_id")


def columns_in(view: str, config: Config) -> tuple[ViewColumn, ...]:
    """Return the columns of a view in a lake of this configuration."""
    return (*view_columns(view), *own_columns(config).get(view, ()))


def own_columns(config: Config) -> dict[str, tuple[ViewColumn, ...]]:
    """Return the columns that a configuration adds, by the view that shows them."""
    found = {VIEW: added_columns(config), EXPOSURES: header_columns(config)}
    return {
        view: tuple(ViewColumn(each.name, each.unit, each.description, each.ucd) for each in columns)
        for view, columns in found.items()
        if columns
    }


def known_in(added: Mapping[str, tuple[ViewColumn, ...]]) -> Mapping[str, ViewColumn]:
    """Return the columns of all views by name, added ones too; a name with two meanings is left out."""
    known = known_columns()
    own = {column.name: column for columns in added.values() for column in columns}
    both = known.keys() & own.keys()
    return {name: column for name, column in {**known, **own}.items() if name not in both} if own else known


def with_own(view: str, text: str, config: Config) -> str:
    """Return the statement of a view with the columns that a configuration adds to it."""
    if view == VIEW and (columns := added_columns(config)):
        return with_added(text, columns)
    if view == EXPOSURES and (headers := header_columns(config)):
        shown = "".join(f",\n    {_of_header(column)}" for column in headers)
        return text.replace(_FROM_EXPOSURES, shown + _FROM_EXPOSURES, 1)
    return text


def _of_header(column: HeaderColumn) -> str:
    said = f"json_extract_string(e.{HEADER_VALUES}, {quoted('/' + column.definition)})"
    return f'TRY_CAST({said} AS {SQL_TYPES[column.type]}) AS "{column.name}"'


def with_added(text: str, columns: Sequence[AddedColumn]) -> str:
    """Return the statement of the view ``phot`` with added columns.

    Values are grouped by all that they are joined by: so DuckDB leaves the join out of a query that asks for
    none of them, and a copy of one of their files does not make two rows of a star.
    """
    head, select = text.split(f"VIEW {VIEW} AS\n", 1)
    # What `compact` has moved has its key behind zeros. A join by an expression would never be left out.
    moved = f"starts_with(p.phot_key, '{COMPACTED_KEY}')"
    key = f"CASE WHEN {moved} THEN substr(p.phot_key, {len(COMPACTED_KEY) + 1}) ELSE p.phot_key END"
    rows = select.replace(_FROM, f",\n    {key} AS own_key{_FROM}", 1).rstrip().removesuffix(";")
    shown = ", ".join(f'a."{column.name}"::DOUBLE AS "{column.name}"' for column in columns)
    values = ", ".join(
        f"max(value) FILTER (name = {quoted(column.name)} AND definition = {quoted(column.definition)})"
        f' AS "{column.name}"'
        for column in columns
    )
    keys, same = ", ".join(_KEYS), " AND ".join(f"a.{key} = q.{key}" for key in _KEYS)
    return f"""{head}VIEW {VIEW} AS
SELECT q.* EXCLUDE (own_key), {shown}
FROM (
{rows}
) AS q
LEFT JOIN (
    SELECT {keys}, phot_key, {values}
    FROM stored_phot_added GROUP BY {keys}, phot_key
) AS a ON {same} AND a.phot_key = q.own_key;"""
