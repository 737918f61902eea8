"""Tables of one's own beside the views: their names, and the units of their columns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from cte_lake.errors import UsageError
from cte_lake.views.bind import means_something
from cte_lake.views.columns import ViewColumn
from cte_lake.views.source import named_in

if TYPE_CHECKING:
    import duckdb


@dataclass
class OwnTables:
    """The tables that a lake's connection was given.

    Attributes
    ----------
    units : dict
        Units of a table's columns, by its name and then theirs, all in lower case; '' for none.
    """

    units: dict[str, dict[str, str]] = field(default_factory=dict)

    def register(self, connection: duckdb.DuckDBPyConnection, name: str, table: Any) -> None:
        """Let a connection read a table under a name; see `cte_lake.api.Lake.register`."""
        from cte_lake.model.column_facts import column_facts
        from cte_lake.model.tables import column_names

        if not name.isidentifier() or not name.isascii():
            raise UsageError(f"{name!r} is not a valid name for a table; use letters, digits and underscores")
        if means_something(connection, name.lower()):
            raise UsageError(f"{name!r} is a name that the lake uses itself; choose another for the table")
        if not column_names(table):
            raise UsageError(f"the table for {name!r} has no columns")
        connection.register(name, table)
        units = column_facts(table)[1]
        self.units[name.lower()] = {each.lower(): units.get(each, "") for each in column_names(table)}

    def known(self, columns: Mapping[str, ViewColumn], query: str) -> Mapping[str, ViewColumn]:
        """Return what is known of columns, with those of the own tables that a query may read.

        A name that a view has too keeps its unit only where both have the same.
        """
        words = named_in(query)
        own = [units for name, units in self.units.items() if words is None or name in words]
        found = dict(columns)
        for name, unit in (entry for units in own for entry in units.items()):
            before = found.get(name)
            same = before is None or before.unit == unit
            found[name] = ViewColumn(name, unit if same else "", "")
        return found
