"""Measure: the losses of the selected pairs, as the view ``cte`` computes them."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from cte_lake.api import open_lake
from cte_lake.config import Settings
from cte_lake.correction.cautions import cautions
from cte_lake.errors import NothingToDo
from cte_lake.lake.selection import Selection
from cte_lake.lake.stored import StoredLake
from cte_lake.model.loss_unit import PERCENT, LossUnit
from cte_lake.model.tables import numbers

if TYPE_CHECKING:
    from cte_lake.pipeline.dask import WorkerSettings

#: How the losses are sorted.
_ORDER = ("target", "filetype", "filter", "length", "flash", "mjd", "image_1", "bin_lo", "bin_hi")


def measure_losses(
    lake: StoredLake,
    settings: Settings,
    selection: Selection | None = None,
    mode: str | None = None,
    notify: Callable[[str], None] | None = None,
    workers: WorkerSettings | None = None,
) -> pa.Table:
    """Measure the losses of the selected pairs.

    Parameters
    ----------
    lake : StoredLake
        The lake.
    settings : Settings
        ``measure.aperture`` (px), ``measure.estimator``, flux bins and clip are used.
    selection : Selection, optional
        Which pairs; by default all of the newest calibration generation, without charge injection.
    mode : str, optional
        Photometry mode; by default that of the configuration.
    notify : callable, optional
        Called with what the selection leaves out.
    workers : WorkerSettings, optional
        Who measures the pairs whose slopes the lake does not keep yet; by default this process.

    Returns
    -------
    pyarrow.Table
        A row a pair and flux bin with the columns of the view ``cte``; losses are fractions per 2048 rows,
        NULL where a bin has too few stars.

    Raises
    ------
    NothingToDo
        If the lake has no such pair.
    """
    wanted = (selection or Selection()).of_losses()
    measure = settings.config.measure
    # Its files are listed once, when it is opened.
    with open_lake(lake, mode, settings=settings) as opened, opened.steady():
        opened.keep_slopes(measure.aperture, [measure.estimator], wanted, workers)
        parts: list[pa.Table] = []
        opened.each_part(
            parts.extend, "cte", wanted, ordered=_ORDER,
            estimator=measure.estimator, aperture=measure.aperture,
        )  # fmt: skip
        losses = pa.concat_tables(parts)
        if losses.num_rows == 0:
            chosen = mode or settings.config.photometry.mode
            pairs = [*opened.pairs().rows(), *opened.pairs_180().rows()]
            what = opened.select(wanted).nothing_among(pairs, "pair")
            others = [
                row["mode"] for row in opened.sql("SELECT DISTINCT mode FROM exposures_all_modes").rows()
            ]
            hint = (
                f"; there are exposures of mode {', '.join(others)}"
                if others and chosen not in others
                else ""
            )
            raise NothingToDo(f"{what} in photometry mode {chosen}{hint}")
        if notify is not None:
            for line in cautions(opened, opened.select(wanted)):
                notify(line)
    return losses


def printable(losses: pa.Table, unit: LossUnit = PERCENT) -> pa.Table:
    """Return losses as people read them: in a unit of theirs, root names, one column for the flux bin."""
    # To import it takes a twentieth of the time of `measure` into a file.
    import pyarrow.compute as pc

    shown = unit.of(numbers(losses, "cte_loss"), numbers(losses, "cte_loss_err"))
    loss, error = (pa.array(np.round(values, unit.digits), from_pandas=True) for values in shown)
    bins = (losses.column(edge).to_pylist() for edge in ("bin_lo", "bin_hi"))
    columns: list[tuple[str, str, Any]] = [
        ("image_1", "", pc.utf8_slice_codeunits(losses.column("image_1"), 0, 9)),
        ("image_2", "", pc.utf8_slice_codeunits(losses.column("image_2"), 0, 9)),
        ("file", "", losses.column("filetype")),
        ("flash", "e-", losses.column("flash")),
        ("bin", "e-", pa.array([f"{low:g}-{high:g}" for low, high in zip(*bins, strict=True)])),
        ("stars", "", losses.column("n")),
        ("loss", unit.symbol, loss),
        ("error", unit.symbol, error),
    ]
    fields = [pa.field(name, values.type, metadata={"unit": unit}) for name, unit, values in columns]
    return pa.Table.from_arrays([values for _, _, values in columns], schema=pa.schema(fields))
