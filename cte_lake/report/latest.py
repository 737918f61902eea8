"""The latest losses of each observing mode: the mean over the pairs of its last epoch."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

from cte_lake.report.gather import Row

_MODE = ("target", "filter", "length", "flash", "filetype", "pairing", "chip")
_SHARED = (*_MODE, "bin_lo", "bin_hi", "aperture", "estimator", "epoch")


def latest_losses(losses: Sequence[Row], bins: Iterable[tuple[float, float]]) -> list[dict[str, Any]]:
    """Average the losses of the last epoch in which each mode was measured, by inverse variance.

    Parameters
    ----------
    losses : sequence of mapping
        Rows of ``cte`` of one estimator.
    bins : iterable of (low, high)
        Flux bins, electrons.

    Returns
    -------
    list of dict
        One row a mode and flux bin: the shared columns, mjd (of the epoch), n_pairs, n (stars), cte_loss and
        cte_loss_err (fraction per 2048 rows).
    """
    wanted = set(bins)
    usable = [row for row in losses if (row["bin_lo"], row["bin_hi"]) in wanted and row["cte_loss_err"]]
    last: dict[tuple[Any, ...], int] = {}
    for row in usable:
        mode = tuple(row[key] for key in _MODE)
        last[mode] = max(last.get(mode, 0), row["epoch"])
    groups: dict[tuple[Any, ...], list[Row]] = defaultdict(list)
    for row in usable:
        if row["epoch"] == last[tuple(row[key] for key in _MODE)]:
            groups[tuple(row[key] for key in _SHARED)].append(row)
    return [dict(zip(_SHARED, key, strict=True)) | _mean(rows) for key, rows in groups.items()]


def _mean(rows: Sequence[Row]) -> dict[str, Any]:
    weights = [row["cte_loss_err"] ** -2 for row in rows]
    total = sum(weights)
    return {
        "mjd": rows[0]["epoch_mjd"],
        "n_pairs": len(rows),
        "n": sum(row["n"] for row in rows),
        "cte_loss": sum(w * row["cte_loss"] for w, row in zip(weights, rows, strict=True)) / total,
        "cte_loss_err": total**-0.5,
    }
