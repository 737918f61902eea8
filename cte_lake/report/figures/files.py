"""The files of a figure: the numbers in it, beside it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cte_lake.errors import UsageError
from cte_lake.lake.place import place_of
from cte_lake.lake.write import replacing, write_bytes
from cte_lake.plots.style import FORMATS, caption_of

if TYPE_CHECKING:
    import pyarrow as pa
    from matplotlib.figure import Figure

DATA_FORMATS = ("csv", "ecsv", "json", "parquet")


def check_figure_path(path: Path) -> None:
    """Refuse a figure's file before anything is computed.

    Raises
    ------
    UsageError
        If its suffix is none that can be written, or its folder is missing.
    """
    _check(path, FORMATS, "a figure")


def check_data_path(path: Path) -> None:
    """Refuse a file for the numbers before anything is computed.

    Raises
    ------
    UsageError
        If its suffix is none that can be written, or its folder is missing.
    """
    _check(path, DATA_FORMATS, "the numbers")


def _check(path: Path, formats: tuple[str, ...], what: str) -> None:
    if path.suffix.lower().lstrip(".") not in formats:
        raise UsageError(f"{path}: {what} can be written as {', '.join('.' + name for name in formats)}")
    if not path.absolute().parent.is_dir():
        raise UsageError(f"{path} cannot be written: its folder does not exist")


def write_caption(figure: Figure, path: Path) -> Path:
    """Write title and caption of a figure for print beside it, as ``<stem>.caption.txt``; return the file."""
    target = path.with_suffix(".caption.txt")
    write_bytes(place_of(target), f"{caption_of(figure)}\n".encode())
    return target


def write_data(tables: Mapping[str, pa.Table], path: Path) -> list[Path]:
    """Write the numbers of a figure; tables after the first go beside it as ``<stem>_<name>``."""
    written = []
    for number, (name, table) in enumerate(tables.items()):
        target = path if number == 0 else path.with_name(f"{path.stem}_{name}{path.suffix}")
        with replacing(target) as work:
            _write(table, work, path.suffix.lower())
        written.append(target)
    return written


def _write(table: pa.Table, path: Path, suffix: str) -> None:
    if suffix == ".csv":
        import pyarrow.csv

        pyarrow.csv.write_csv(table, path)
    elif suffix == ".parquet":
        import pyarrow.parquet

        pyarrow.parquet.write_table(table, path)
    elif suffix == ".json":
        import json

        rows: list[dict[str, Any]] = table.to_pylist()
        path.write_text(json.dumps(rows, indent=1), encoding="utf-8")
    else:
        from cte_lake.views.astropy_table import to_astropy

        to_astropy(table).write(path, format="ascii.ecsv", overwrite=True)
