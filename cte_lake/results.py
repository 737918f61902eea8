"""Rows of a query with units: shown, iterated, indexed, and taken as Arrow, pandas, polars or astropy."""

from __future__ import annotations

import html
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, overload

import pyarrow as pa

from cte_lake.errors import UsageError

if TYPE_CHECKING:
    import pandas as pd
    from astropy.table import QTable
    from numpy.typing import NDArray

#: Rows that a notebook shows; the first and the last of them.
_SHOWN_FIRST, _SHOWN_LAST = 15, 5
#: How units are written for people.
_PRETTY = {"electron": "e-", "pix": "px", "1 / pix": "1/px", "electron2": "e-²"}
#: Units by column: the same name means the same thing in every table of the model's commands.
_UNITS = {
    "background": "electron",
    "bin_hi": "electron",
    "bin_lo": "electron",
    "dmag": "mag",
    "dmag_err": "mag",
    "exptime": "s",
    "flash": "electron",
    "flux": "electron",
    "flux_max": "electron",
    "flux_min": "electron",
    "mjd": "d",
    "mjd_max": "d",
    "mjd_min": "d",
    "pivot": "pix",
    "pivot_err": "pix",
    "post_flash": "electron",
    "radius": "pix",
}


class Result:
    """Rows of a query, with the units and descriptions of their columns.

    ``result["flux"]`` is a column (an astropy quantity where it has a unit), ``result[0]`` a row,
    ``result[:10]``, ``result[mask]`` and ``result["mjd", "cte_loss"]`` smaller results; a loop goes over
    rows, and ``"flux" in result`` says whether there is such a column. Whatever reads Arrow's C stream takes
    it as it is: ``polars.DataFrame(result)``, ``pyarrow.table(result)``.

    Parameters
    ----------
    table : pyarrow.Table
        Units and descriptions are in the fields' metadata.
    """

    def __init__(self, table: pa.Table) -> None:
        self._table = table

    @classmethod
    def from_corrected(cls, table: pa.Table) -> Result:
        """Return a result of an Arrow table that was made of one (`cte_lake.model.correct_table`)."""
        return cls(table)

    @property
    def columns(self) -> list[str]:
        """Names of the columns."""
        return list(self._table.column_names)

    @property
    def units(self) -> dict[str, str]:
        """Units by column, as astropy writes them, of the columns that have one."""
        return {name: unit for name, (unit, _) in column_notes(self._table).items() if unit}

    @property
    def descriptions(self) -> dict[str, str]:
        """What the columns hold, by name."""
        return {
            name: description for name, (_, description) in column_notes(self._table).items() if description
        }

    def arrow(self) -> pa.Table:
        """Return an Arrow table; ``field.metadata`` has b'unit' and b'description'."""
        return self._table

    def pandas(self) -> pd.DataFrame:
        """Return a pandas data frame; ``attrs['units']`` maps columns to units."""
        from cte_lake.views.plain_types import storable

        try:
            frame: pd.DataFrame = storable(self._shown()).to_pandas()
        except pa.ArrowException as error:
            raise UsageError(f"pandas has no type for a column: {error}; cast it in the query") from None
        frame.attrs["units"] = self.units
        return frame

    def polars(self) -> Any:
        """Return a polars data frame.

        Raises
        ------
        UsageError
            If polars is not installed.
        """
        try:
            import polars
        except ImportError:
            raise UsageError("polars is not installed; pip install polars") from None
        from cte_lake.views.plain_types import storable

        return polars.DataFrame(storable(self._table))

    def astropy(self) -> QTable:
        """Return an astropy table with units and descriptions; NULL is masked."""
        from cte_lake.views.astropy_table import to_astropy

        return to_astropy(self._shown())

    def rows(self) -> list[dict[str, Any]]:
        """Return the rows as dictionaries."""
        return list(self._shown().to_pylist())

    def _shown(self) -> pa.Table:
        """Return the table for Python, which has no infinite dates and none before the year 1: as texts."""
        from cte_lake.views.plain_types import in_range

        return in_range(self._table)

    def __len__(self) -> int:
        return int(self._table.num_rows)

    def __contains__(self, key: object) -> bool:
        return key in self.columns if isinstance(key, str) else any(row == key for row in self)

    def __iter__(self) -> Iterator[dict[str, Any]]:
        for batch in self._shown().to_batches(max_chunksize=1000):
            yield from batch.to_pylist()

    @overload
    def __getitem__(self, key: int) -> dict[str, Any]: ...

    @overload
    def __getitem__(self, key: slice | list[Any] | tuple[str, ...] | NDArray[Any]) -> Result: ...

    @overload
    def __getitem__(self, key: str) -> Any: ...

    def __getitem__(self, key: Any) -> Any:
        """Return a column by name, a row by number, or a smaller result by names, a slice, rows or a mask.

        Raises
        ------
        UsageError
            If there is no such column, or `key` is none of these.
        IndexError
            If there is no such row.
        """
        import numpy as np

        if isinstance(key, str):
            return self._only([key]).astropy()[key]
        if isinstance(key, list | tuple) and all(isinstance(name, str) for name in key):
            return self._only(list(key))
        if not isinstance(key, slice):
            key = np.ma.filled(key, False)
            # A single truth is no mask.
            if key.ndim > 1 or key.dtype.kind not in ("iub" if key.ndim else "iu"):
                raise UsageError("a result is indexed by columns, rows, a slice or a mask of its rows")
        chosen = np.arange(len(self))[key]
        if np.ndim(chosen) == 0:
            return Result(self._table.slice(int(chosen), 1)).rows()[0]
        return Result(self._table.take(pa.array(chosen)))

    def _only(self, names: list[str]) -> Result:
        for name in names:
            if name not in self._table.column_names:
                raise UsageError(f"the result has no column {name!r}; it has {', '.join(self.columns)}")
        return Result(self._table.select(names))

    def _ipython_key_completions_(self) -> list[str]:
        return self.columns

    def __arrow_c_schema__(self) -> object:
        return self._table.schema.__arrow_c_schema__()

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        return self._table.__arrow_c_stream__(requested_schema)

    def __repr__(self) -> str:
        return f"<Result: {self._table.num_rows} rows of {', '.join(self._table.column_names)}>"

    def _repr_html_(self) -> str:
        """Return the first and last rows as HTML: units below the names, descriptions as hints."""
        notes = column_notes(self._table)
        head = "".join(
            f'<th style="text-align:{side}" title="{html.escape(description, quote=True)}">'
            f"{html.escape(name)}</th>"
            for name, (_, description) in notes.items()
            for side in ["left" if pa.types.is_string(self._table.field(name).type) else "right"]
        )
        units = "".join(
            f'<td style="opacity:0.7"><i>{html.escape(_PRETTY.get(unit, unit))}</i></td>'
            for unit, _ in notes.values()
        )
        whole = len(self) <= _SHOWN_FIRST + _SHOWN_LAST
        first = self[:] if whole else self[:_SHOWN_FIRST]
        body = "".join(_html_row(row) for row in first)
        if not whole:
            body += f'<tr><td colspan="{len(notes)}" style="text-align:left">&hellip;</td></tr>'
            body += "".join(_html_row(row) for row in self[-_SHOWN_LAST:])
        count = f"{len(self):,} row{'' if len(self) == 1 else 's'} &times; {len(notes)} columns"
        return (
            f'<div style="overflow-x:auto"><table><thead><tr>{head}</tr><tr>{units}</tr></thead>'
            f"<tbody>{body}</tbody></table>"
            f'<p style="opacity:0.7">{count}</p></div>'
        )


def _html_row(row: dict[str, Any]) -> str:
    cells = (
        f'<td style="text-align:{"left" if isinstance(value, str) else "right"}">{_html_value(value)}</td>'
        for value in row.values()
    )
    return f"<tr>{''.join(cells)}</tr>"


def _html_value(value: Any) -> str:
    if value is None:
        return '<span style="opacity:0.7">&ndash;</span>'
    if isinstance(value, float):
        # Dates have five digits before the point; a comma between them may be of decimals.
        return f"{value:.3f}".rstrip("0").rstrip(".") if 1e4 <= abs(value) < 1e9 else f"{value:.6g}"
    # A header's text may hold markup.
    return html.escape(str(value))


def table_of(rows: Sequence[Mapping[str, Any]]) -> pa.Table:
    """Return rows of the model as a table whose columns have their units."""
    table = pa.Table.from_pylist(rows)
    fields = [
        field.with_metadata({"unit": _UNITS[field.name]}) if field.name in _UNITS else field
        for field in table.schema
    ]
    return table.cast(pa.schema(fields))


def column_notes(table: pa.Table) -> dict[str, tuple[str, str]]:
    """Return unit and description of each column of an Arrow table; empty where there is none."""
    notes = {}
    for field in table.schema:
        metadata = field.metadata or {}
        notes[field.name] = (metadata.get(b"unit", b"").decode(), metadata.get(b"description", b"").decode())
    return notes
