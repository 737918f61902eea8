"""Python functions that queries call: they live in connections of this package, in no exported database."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

import pyarrow as pa

if TYPE_CHECKING:
    import duckdb

    from cte_lake.config import Config

#: Objects of ``sql/`` that call a Python function.
IN_PROCESS = frozenset({"cte_corrected"})


def bind_target_name(connection: duckdb.DuckDBPyConnection, config: Config) -> None:
    """Register `target_name`."""
    targets = {name: target.names for name, target in config.targets.items()}

    def resolved(spelled: pa.Array) -> pa.Array:
        """Return the lake's names of targets, however they are spelled; NULL stays NULL."""
        from cte_lake.names import target_name

        asked = (text for text in spelled.unique().to_pylist() if text is not None)
        known = {text: target_name(text, targets) for text in asked}
        return pa.array([known.get(text) for text in spelled.to_pylist()], pa.string())

    connection.create_function(
        "target_name", resolved, ["VARCHAR"], "VARCHAR", type="arrow", null_handling="special"
    )  # type: ignore[call-overload]


def bind_called(connection: duckdb.DuckDBPyConnection, objects: Collection[str]) -> None:
    """Register the functions that the given objects of ``sql/`` call."""
    if "cte_corrected" in objects:
        from cte_lake.model.sqlmacro import create_function

        create_function(connection)
