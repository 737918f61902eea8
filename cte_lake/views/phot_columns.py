"""The columns that a lake's configuration adds to the view ``phot``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from cte_lake.config import Config
from cte_lake.lake.added_columns import AddedColumn, added_columns
from cte_lake.lake.dataset_files import quoted
from cte_lake.lake.named_files import COMPACTED_KEY
from cte_lake.views.columns import ViewColumn, known_columns, view_columns

#: The view that shows them.
VIEW = "phot"
_FROM = "\nFROM measured_stars AS p"
_KEYS = ("target", "proposal", "flash", "filetype", "imagename", "master_id")


def columns_in(view: str, config: Config) -> tuple[ViewColumn, ...]:
    """Return the columns of a view in a lake of this configuration."""
    own = added_columns(config) if view == VIEW else ()
    return (*view_columns(view), *map(view_column, own))


def known_in(added: Mapping[str, tuple[ViewColumn, ...]]) -> Mapping[str, ViewColumn]:
    """Return the columns of all views by name, added ones too; a name with two meanings is left out."""
    known = known_columns()
    own = {column.name: column for columns in added.values() for column in columns}
    both = known.keys() & own.keys()
    return {name: column for name, column in {**known, **own}.items() if name not in both} if own else known


def view_column(column: AddedColumn) -> ViewColumn:
    """Return what an added column holds, as of any other column of a view."""
    return ViewColumn(column.name, column.unit, column.description, column.ucd)


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
