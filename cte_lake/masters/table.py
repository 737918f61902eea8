"""A master catalog in memory: its columns, what makes it valid, and its content hash."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from cte_lake.digests import growing_digest
from cte_lake.errors import CatalogError


@dataclass(frozen=True)
class MasterTable:
    """The stars of a target's field, in the order of their ids.

    Attributes
    ----------
    id : ndarray, (n,), int64
        Unique.
    x, y : ndarray, (n,)
        Position on the master image, pixels, as the file gives it: the 2017 files do not say whether they
        count from 0 or 1, and no measurement uses it. NaN throughout where the file has no such column.
    ra, dec : ndarray, (n,)
        ICRS, degrees.
    extra : mapping of str to ndarray, (n,)
        Further numeric columns (magnitudes, errors, ...) under their lower-case names; NaN = missing.
    """

    id: NDArray[np.int64]
    x: NDArray[np.float64]
    y: NDArray[np.float64]
    ra: NDArray[np.float64]
    dec: NDArray[np.float64]
    extra: Mapping[str, NDArray[np.float64]] = field(default_factory=dict)

    def __len__(self) -> int:
        return int(self.id.size)

    def columns(self) -> dict[str, NDArray[np.int64] | NDArray[np.float64]]:
        """Return all columns by name: id, x, y, ra, dec, then the further ones."""
        return {"id": self.id, "x": self.x, "y": self.y, "ra": self.ra, "dec": self.dec, **self.extra}


def content_hash(table: MasterTable) -> str:
    """Return the BLAKE2b hash, 32 hexadecimal digits, of the stars themselves.

    It does not depend on the file's format or the order of its rows, nor on columns without any value.
    """
    hashed = growing_digest(16)
    order = np.argsort(table.id, kind="stable")
    for name, values in sorted(table.columns().items()):
        if values.dtype.kind == "f" and np.isnan(values).all():
            continue
        # + 0.0 and the one NaN: equal numbers must have equal bytes.
        plain = values if values.dtype.kind == "i" else np.where(np.isnan(values), np.nan, values + 0.0)
        hashed.update(f"{name}:{values.size}:".encode())
        hashed.update(plain[order].astype(plain.dtype.newbyteorder("<"), copy=False).tobytes())
    return hashed.hexdigest()


def checked_table(
    columns: Mapping[str, NDArray[np.int64] | NDArray[np.float64]], where: Callable[[int], str]
) -> MasterTable:
    """Check columns and return them as a table sorted by id.

    Parameters
    ----------
    columns : mapping
        ``id`` (int64), ``ra``, ``dec``, perhaps ``x`` and ``y``, and further float columns; equal lengths.
    where : callable
        Row number from 0 to the words that name it, e.g. 'a.cat, line 12'.

    Raises
    ------
    CatalogError
        A duplicate id, a position that is not finite or out of range.
    """
    ids = np.asarray(columns["id"], dtype=np.int64)
    ra, dec = (np.asarray(columns[name], dtype=np.float64) for name in ("ra", "dec"))
    missing = np.full(ids.size, np.nan)
    x, y = (np.asarray(columns.get(name, missing), dtype=np.float64) for name in ("x", "y"))
    _refuse(~np.isfinite(ra), where, lambda row: f"RA is {ra[row]}, not a number of degrees")
    _refuse(~np.isfinite(dec), where, lambda row: f"Dec is {dec[row]}, not a number of degrees")
    _refuse(
        (ra < 0) | (ra >= 360), where, lambda row: f"RA {float(ra[row])!r} is outside 0 <= RA < 360 degrees"
    )
    _refuse(
        np.abs(dec) > 90, where, lambda row: f"Dec {float(dec[row])!r} is outside -90 <= Dec <= 90 degrees"
    )
    if "x" in columns:
        _refuse(~np.isfinite(x), where, lambda row: f"x is {x[row]}, not a number of pixels")
    if "y" in columns:
        _refuse(~np.isfinite(y), where, lambda row: f"y is {y[row]}, not a number of pixels")
    _refuse_duplicates(ids, where)
    order = np.argsort(ids, kind="stable")
    extra = {
        name: np.asarray(values, dtype=np.float64)[order]
        for name, values in columns.items()
        if name not in {"id", "x", "y", "ra", "dec"}
    }
    return MasterTable(ids[order], x[order], y[order], ra[order], dec[order], extra)


def _refuse(bad: NDArray[np.bool_], where: Callable[[int], str], say: Callable[[int], str]) -> None:
    rows = np.flatnonzero(bad)
    if rows.size:
        more = f" (and {rows.size - 1} more rows)" if rows.size > 1 else ""
        raise CatalogError(f"{where(int(rows[0]))}: {say(int(rows[0]))}{more}")


def _refuse_duplicates(ids: NDArray[np.int64], where: Callable[[int], str]) -> None:
    unique, first, counts = np.unique(ids, return_index=True, return_counts=True)
    if unique.size == ids.size:
        return
    repeated = np.ones(ids.size, dtype=bool)
    repeated[first] = False
    row = int(np.flatnonzero(repeated)[0])
    earlier = int(first[np.searchsorted(unique, ids[row])])
    raise CatalogError(
        f"{where(row)}: id {ids[row]} was given before, in {where(earlier)} "
        f"({int((counts > 1).sum())} ids are not unique)"
    )
