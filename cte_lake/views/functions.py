"""What queries call and read besides files: functions in Python, the camera, the lake's settings.

The Python functions live in connections of this package, in no exported database.
"""

from __future__ import annotations

import os
from collections.abc import Collection
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from cte_lake import clock
from cte_lake.clock import NOW_ENV
from cte_lake.detector import DETECTOR, ROLL_TOLERANCE
from cte_lake.errors import UsageError
from cte_lake.lake.dataset_files import quoted, without_bar
from cte_lake.starflags import mask_of

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


def bind_detector(connection: duckdb.DuckDBPyConnection) -> None:
    """Make the macros by which SQL knows the camera."""
    for head, body in DETECTOR.sql_macros().items():
        connection.execute(f"CREATE OR REPLACE MACRO {head} AS {body}")


def bind_today(connection: duckdb.DuckDBPyConnection) -> None:
    """Make the macro that says which day it is (MJD); a rehearsal's is fixed."""
    rehearsed = os.environ.get(NOW_ENV)
    now = "epoch(now())" if not rehearsed else repr(clock.now().timestamp())
    connection.execute(f"CREATE OR REPLACE MACRO today_mjd() AS {now} / 86400 + 40587")


def bind_settings(
    connection: duckdb.DuckDBPyConnection, config: Config, mode: str, generation: str | None = None
) -> None:
    """Set a connection up for the views: DuckDB's own settings, the tables and the macro that they read."""
    from cte_lake.photometry import modes

    # The same dates and times wherever a query runs.
    connection.execute("SET TimeZone = 'UTC'")
    without_bar(connection)
    # Packing a grouping's keys row by row takes a tenth of the CPU of `slopes`; unpacked, one serves a file.
    connection.execute("SET disabled_optimizers = 'compressed_materialization'")
    if mode not in modes.MODES:
        raise UsageError(f"photometry mode {mode!r} is not known; it is one of {', '.join(modes.MODES)}")
    bind_detector(connection)
    bind_target_name(connection, config)
    bind_today(connection)
    _bind_measure(connection, config, mode)
    _bind_tables(connection, config)
    measure = config.measure
    macros = {
        "only_generation": f"{'NULL' if generation is None else quoted(generation)}::VARCHAR",
        "default_aperture": int(measure.aperture),
        "no_centroid_flags": mask_of(["centring_failed", "centre_far"]),
        "shape_correction": quoted(measure.shape_correction),
        "default_estimator": quoted(measure.estimator),
    }
    for name, body in macros.items():
        connection.execute(f"CREATE OR REPLACE MACRO {name}() AS {body}")


def _bind_measure(connection: duckdb.DuckDBPyConnection, config: Config, mode: str) -> None:
    """Make the table of the settings by which the views measure."""
    measure = config.measure
    connection.execute(
        "CREATE OR REPLACE TABLE settings AS SELECT $mode AS mode, $aperture::INTEGER AS aperture,"
        " $estimator AS estimator, $clip_sigma::DOUBLE AS clip_sigma, $width::DOUBLE AS epoch_width_days,"
        " $short::DOUBLE AS length_limit, $flags::INTEGER AS drop_flags, $area::DOUBLE AS min_area,"
        " $postarg1::BOOLEAN AS pair_same_postarg1, $roll::DOUBLE AS roll_tolerance",
        {
            "mode": mode,
            "aperture": measure.aperture,
            "estimator": measure.estimator,
            "clip_sigma": measure.clip_sigma,
            "width": measure.epoch_width,
            "short": config.chips.short_limit,
            "flags": mask_of(measure.drop_flags),
            "area": measure.min_area,
            "postarg1": measure.pair_same_postarg1,
            "roll": ROLL_TOLERANCE,
        },
    )


def _bind_tables(connection: duckdb.DuckDBPyConnection, config: Config) -> None:
    """Make the tables of flux bins, targets and planned flash levels."""
    from cte_lake.model.bins import non_overlapping

    measure = config.measure
    # The figure's bins are measured too where they are none of the others.
    all_bins = sorted({*measure.flux_bins, *measure.time_bins})
    _table(connection, "flux_bins", "bin_lo DOUBLE, bin_hi DOUBLE", all_bins)
    _table(connection, "time_bins", "bin_lo DOUBLE, bin_hi DOUBLE", measure.time_bins)
    _table(connection, "loss_bins", "bin_lo DOUBLE, bin_hi DOUBLE", non_overlapping(measure.flux_bins))
    _table(connection, "recovery_bins", "bin_lo DOUBLE, bin_hi DOUBLE", measure.recovery_bins)
    targets = [(name, target.pairing) for name, target in config.targets.items()]
    _table(connection, "targets", "target VARCHAR, pairing VARCHAR", targets)
    planned = [
        (number, target, level)
        for number, proposal in config.proposals.items()
        for target, levels in proposal.flash.items()
        for level in levels
    ]
    columns = "proposal INTEGER, target VARCHAR, flash INTEGER"
    _table(connection, "program_flashes", columns, planned)


def _table(connection: duckdb.DuckDBPyConnection, name: str, columns: str, rows: list[Any]) -> None:
    connection.execute(f"CREATE OR REPLACE TABLE {name} ({columns})")
    if rows:
        places = ", ".join(f"({', '.join('?' * len(row))})" for row in rows)
        connection.execute(f"INSERT INTO {name} VALUES {places}", [value for row in rows for value in row])
