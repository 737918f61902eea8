"""Added columns in a worker: finds their functions, measures and writes their values."""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Iterable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from cte_lake.errors import ConfigError, Rejected
from cte_lake.lake.added_columns import AddedColumn, write_values
from cte_lake.lake.commit import partition_of
from cte_lake.lake.stored import StoredLake
from cte_lake.photometry.quantities import Quantity, measure_added, read_only

if TYPE_CHECKING:
    from cte_lake.photometry import PixelData

#: What a function gets to know of an exposure.
_FACTS = ("imagename", "target", "proposal", "chip", "filetype", "filter", "exptime", "mjd", "flash")


def check_functions(lake: StoredLake, columns: Iterable[AddedColumn]) -> None:
    """Make sure that the functions of columns can be used, before anything is measured.

    Raises
    ------
    ConfigError
        If one cannot; says what to do.
    """
    for column in columns:
        function_of(str(lake), column)


@lru_cache
def function_of(lake: str, column: AddedColumn) -> Quantity:
    """Return the function of a column; a file's path is taken from the lake's folder.

    Raises
    ------
    ConfigError
        If there is none.
    """
    place, _, name = column.function.rpartition(":")
    key = f"photometry.added.{column.name}"
    try:
        if place.endswith(".py"):
            module: Any = _of_file(Path(lake, place))
        else:
            module = importlib.import_module(place)
    except Exception as error:  # a user's module may fail by any
        reason = f"{key}: {place} cannot be imported ({type(error).__name__}: {error})"
        raise ConfigError(f"{reason}; install it, put its folder into PYTHONPATH, or name a file") from error
    found = getattr(module, name, None)
    if not callable(found):
        raise ConfigError(f"{key}: {place} has no function {name!r}")
    function: Quantity = found
    return function


def _of_file(path: Path) -> Any:
    spec = importlib.util.spec_from_file_location(f"cte_lake_added_{path.stem}", path)
    if spec is None or spec.loader is None:
        raise ImportError(f"{path} is not a Python file")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def write_added(
    lake: StoredLake,
    columns: Iterable[AddedColumn],
    pixels: PixelData,
    photometry: pa.Table,
    row: Mapping[str, Any],
) -> tuple[str, ...]:
    """Measure columns for the stars of an exposure and write them; return why one could not be."""
    failed: list[str] = []
    for column in columns:
        # Of each function its own arrays: what one does to them another must not see.
        stars = {
            each.name: photometry.column(each.name).to_numpy()
            for each in photometry.schema
            if not pa.types.is_string(each.type)
        }
        facts = {name: row[name] for name in _FACTS}
        try:
            function = function_of(str(lake), column)
            with np.errstate(all="ignore"):
                values = measure_added(column.name, function, read_only(pixels), stars, facts)
        except Rejected as refusal:
            failed.append(refusal.detail)
            continue
        write_values(lake, partition_of(row), photometry, column, values)
    return tuple(failed)
