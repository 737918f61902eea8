"""What tests look at in a lake, with pyarrow alone: no code of the package reads it for them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq


def files(root: Path) -> set[str]:
    """Relative paths of all Parquet files."""
    return {str(path.relative_to(root)) for path in root.rglob("*.parquet")}


def current(root: Path, mode: str = "standard") -> dict[str, dict[str, Any]]:
    """The current exposure rows by image name, withdrawn ones left out."""
    newest: dict[str, dict[str, Any]] = {}
    for path in (root / "exposures").rglob("*.parquet"):
        hive = dict(part.split("=") for part in path.parts if "=" in part)
        for row in pq.read_table(path, partitioning=None).to_pylist():
            row |= hive
            old = newest.get(row["imagename"])
            rank = (row["revision"], row["phot_key"])
            if row["mode"] == mode and (old is None or rank > (old["revision"], old["phot_key"])):
                newest[row["imagename"]] = row
    return {name: row for name, row in newest.items() if not row["withdrawn"]}


def photometry(root: Path, row: dict[str, Any]) -> pa.Table:
    """The rows of the photometry file that an exposure row names."""
    name = f"{row['rootname']}_{row['filetype']}.{row['phot_key']}.parquet"
    (path,) = (root / "phot").rglob(name)
    return pq.read_table(path, partitioning=None)


def content(root: Path) -> dict[str, tuple[dict[str, Any], pa.Table]]:
    """Every current exposure with its photometry: what must be equal in two lakes that are equal."""
    return {name: (row, photometry(root, row)) for name, row in current(root).items()}


def rejects(root: Path) -> list[dict[str, Any]]:
    """All reject rows."""
    return [row for p in (root / "rejects").glob("*.parquet") for row in pq.read_table(p).to_pylist()]
