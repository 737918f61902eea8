"""Wall and CPU seconds and peak memory of correcting many rows: arrays, a Parquet file, and the DuckDB macro.

    python benchmarks/correct_speed.py [--rows 10000000] [--sql-rows 200000]

Every case runs in its own process, so that the peak memory is its own.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import sys
import tempfile
import time
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.children import peak_megabytes
from cte_lake.correction.correct_files import correct_file
from cte_lake.model.coefficients import CoefficientSet, Validity
from cte_lake.model.correct import correct
from cte_lake.model.injection import DEFAULT_LAW
from cte_lake.model.law_trial import fitted_set
from cte_lake.model.laws import LAWS
from cte_lake.model.slope_lake import SlopeLake
from cte_lake.model.terms import tensor_terms


def coefficients() -> CoefficientSet:
    terms = tensor_terms(2)
    values = np.array(DEFAULT_LAW).ravel()
    covariance = np.diag((0.05 * np.abs(values)) ** 2)
    validity = Validity((250.0, 32000.0), (55106.0, 57610.0), (0.0, 12.0), 3, "flt")
    return CoefficientSet("benchmark", terms, values, covariance, validity)


def stars(rows: int) -> dict[str, Any]:
    generator = np.random.default_rng(1)
    return {
        "flux": 10 ** generator.uniform(2.4, 4.5, rows),
        "y": generator.uniform(0.0, 2050.0, rows),
        "chip": generator.integers(1, 3, rows, dtype=np.int8),
        "mjd": generator.uniform(55106.0, 57610.0, rows),
        "background": generator.uniform(0.0, 12.0, rows),
    }


def write_table(path: Path, rows: int, part: int = 1_000_000) -> None:
    writer = None
    for start in range(0, rows, part):
        table = pa.table(stars(min(part, rows - start)))
        writer = writer or pq.ParquetWriter(path, table.schema)
        writer.write_table(table)
    if writer:
        writer.close()


def arrays_case(rows: int, folder: str) -> tuple[float, float]:
    """Arrays in parts of a million rows, as a caller with little memory would do."""
    data = stars(min(rows, 1_000_000))
    correct(coefficients(), **{name: values[:10] for name, values in data.items()})
    start = now()
    for _ in range(0, rows, data["flux"].size):
        correct(coefficients(), **data, radius=3, filetype="flt")
    return since(start)


def surface_case(rows: int, folder: str) -> tuple[float, float]:
    """As `arrays_case`, by the surface that a fit of simulated slopes gives."""
    lake = SlopeLake(LAWS["power"], last=57610.0, flash=(0.0, 6.0, 12.0))
    entry = fitted_set(lake.draw(0)[0])
    data = stars(min(rows, 1_000_000))
    correct(entry, **{name: values[:10] for name, values in data.items()})
    start = now()
    for _ in range(0, rows, data["flux"].size):
        correct(entry, **data, radius=3, filetype="flt")
    return since(start)


def parquet_case(rows: int, folder: str) -> tuple[float, float]:
    start = now()
    correct_file(Path(folder) / "stars.parquet", Path(folder) / "out.parquet", coefficients())
    return since(start)


def sql_case(rows: int, folder: str) -> tuple[float, float]:
    import duckdb

    from cte_lake.model.sqlmacro import MACRO, create_function, use_coefficients
    from cte_lake.resources import data_dir

    connection = duckdb.connect()
    connection.execute("SET threads = 2")
    create_function(connection)
    connection.execute((data_dir("sql") / f"{MACRO}.sql").read_text(encoding="utf-8"))
    use_coefficients(connection, coefficients())
    start = now()
    connection.execute(
        "SELECT sum((cte_corrected(flux, y, chip, mjd, background := background)).cte_dmag) "
        f"FROM (FROM read_parquet('{folder}/stars.parquet') LIMIT {rows})"
    ).fetchall()
    return since(start)


def in_process(case: str, rows: int, folder: str) -> dict[str, float]:
    context = multiprocessing.get_context("spawn")
    receive, send = context.Pipe(duplex=False)
    process = context.Process(target=run_case, args=(case, rows, folder, send))
    process.start()
    answer: dict[str, float] = receive.recv()
    process.join()
    return answer


def run_case(case: str, rows: int, folder: str, send: Connection) -> None:
    cases = {"arrays": arrays_case, "surface": surface_case, "parquet": parquet_case, "sql": sql_case}
    wall, cpu = cases[case](rows, folder)
    send.send({"wall": wall, "cpu": cpu, "peak_mb": peak_megabytes()})


def now() -> tuple[float, float]:
    """Return wall and CPU seconds, of all threads."""
    return time.perf_counter(), time.process_time()


def since(start: tuple[float, float]) -> tuple[float, float]:
    """Return what was spent since then."""
    wall, cpu = now()
    return wall - start[0], cpu - start[1]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=10_000_000)
    parser.add_argument("--sql-rows", type=int, default=200_000)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    results = {}
    with tempfile.TemporaryDirectory() as folder:
        write_table(Path(folder) / "stars.parquet", options.rows)
        for case, rows in (
            ("arrays", options.rows),
            ("surface", options.rows),
            ("parquet", options.rows),
            ("sql", options.sql_rows),
        ):
            results[case] = {"rows": rows, **in_process(case, rows, folder)}
    if options.json:
        print(json.dumps(results, indent=2))
        return
    print(f"{'case':<10}{'rows':>12}{'wall s':>10}{'CPU s':>10}{'rows/CPU s':>14}{'peak MB':>10}")
    for case, found in results.items():
        speed = found["rows"] / found["cpu"]
        print(
            f"{case:<10}{found['rows']:>12,}{found['wall']:>10.2f}{found['cpu']:>10.2f}{speed:>14,.0f}{found['peak_mb']:>10.0f}"
        )


if __name__ == "__main__":
    main()
