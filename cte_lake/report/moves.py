"""The newest losses of each observing mode, against the epoch before it and against the coefficients."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from cte_lake.lake.selection import Selection
from cte_lake.model.coefficients import CoefficientSet
from cte_lake.pipeline.night import LossMove
from cte_lake.report.curves import bin_loss, suits
from cte_lake.report.gather import Row

if TYPE_CHECKING:
    from cte_lake.api import Lake
    from cte_lake.config.models import Measure

_PAIRED_MODE = ("target", "filter", "length", "flash", "filetype", "pairing", "chip")
_SHARED = (*_PAIRED_MODE, "bin_lo", "bin_hi", "aperture", "estimator", "epoch")


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
        mode = tuple(row[key] for key in _PAIRED_MODE)
        last[mode] = max(last.get(mode, 0), row["epoch"])
    groups: dict[tuple[Any, ...], list[Row]] = defaultdict(list)
    for row in usable:
        if row["epoch"] == last[tuple(row[key] for key in _PAIRED_MODE)]:
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


_MODE = ("target", "filter", "length", "filetype", "flash")
_BIN = (*_MODE, "bin_lo", "bin_hi")
_EPOCH = (*_BIN, "epoch")


def moves_of(
    lake: Lake, measure: Measure, sets: Sequence[CoefficientSet] = (), last_night: Iterable[LossMove] = ()
) -> tuple[LossMove, ...]:
    """Return how a lake's losses moved, at the configured aperture, estimator and bins of the time figure."""
    bins = [(low, high) for low, high in measure.time_bins]
    chosen, values = Selection().of_losses().where()
    rows = lake.sql(
        f"SELECT * FROM cte(aperture := {int(measure.aperture)}) WHERE estimator = $estimator AND {chosen} "
        "AND pairing = 'chips' AND cte_loss IS NOT NULL ORDER BY pair_id, bin_lo, bin_hi",
        estimator=measure.estimator,
        **values,
    ).rows()
    return loss_moves(rows, bins, sets, last_night)


def loss_moves(
    losses: Sequence[Row],
    bins: Iterable[tuple[float, float]],
    sets: Sequence[CoefficientSet] = (),
    last_night: Iterable[LossMove] = (),
) -> tuple[LossMove, ...]:
    """Compare the newest epoch of each mode and flux bin with the epoch before it, and with a set.

    Parameters
    ----------
    losses : sequence of mapping
        Rows of ``cte`` that are compared with each other: of one estimator, generation and charge injection.
    bins : iterable of (low, high)
        Flux bins, electrons.
    sets : sequence of CoefficientSet
        Those that observers should use; the first that suits a mode predicts its loss.
    last_night : iterable of LossMove
        What the record of the night before had.
    """
    chips, wanted = [row for row in losses if row["pairing"] == "chips"], list(bins)
    newest = latest_losses(chips, wanted)
    last = {_key(row, _MODE): row["epoch"] for row in newest}
    earlier = latest_losses(
        [row for row in chips if row["epoch"] < last.get(_key(row, _MODE), row["epoch"])], wanted
    )
    before = {_key(row, _BIN): row for row in earlier}
    known = {tuple(getattr(move, name) for name in _BIN): move.loss for move in last_night}
    # Once for all: a large lake has tens of thousands of rows, and each move would look at all.
    pairs: dict[tuple[Any, ...], list[Row]] = {}
    for row in chips if sets else ():
        pairs.setdefault(_key(row, _EPOCH), []).append(row)
    return tuple(
        _move(
            row,
            pairs.get(_key(row, _EPOCH), ()),
            before.get(_key(row, _BIN)),
            sets,
            known.get(_key(row, _BIN)),
        )
        for row in sorted(newest, key=lambda row: _key(row, _BIN))
    )


def _key(row: Row, names: tuple[str, ...]) -> tuple[Any, ...]:
    return tuple(row[name] for name in names)


def _move(
    row: Row,
    pairs: Sequence[Row],
    before: Row | None,
    sets: Sequence[CoefficientSet],
    last_night: float | None,
) -> LossMove:
    model, model_err = _predicted(pairs, sets)
    return LossMove(
        **{name: row[name] for name in _BIN},
        mjd=row["mjd"],
        loss=row["cte_loss"],
        loss_err=row["cte_loss_err"],
        mjd_before=None if before is None else before["mjd"],
        loss_before=None if before is None else before["cte_loss"],
        loss_before_err=None if before is None else before["cte_loss_err"],
        model=model,
        model_err=model_err,
        loss_last_night=last_night,
    )


def _predicted(pairs: Sequence[Row], sets: Sequence[CoefficientSet]) -> tuple[float | None, float | None]:
    """What the first set that suits predicts for the pairs of a row, in the mean of the same weights."""
    pairs = [pair for pair in pairs if pair["cte_loss_err"]]
    one = next((each for each in sets if suits(each, pairs[0])), None) if pairs else None
    if one is None or any(pair["readout_background"] is None for pair in pairs):
        return None, None
    weights = [pair["cte_loss_err"] ** -2 for pair in pairs]
    sky = [pair["readout_background"] for pair in pairs]
    # The pairs share the set: their errors do not average out.
    found = bin_loss(one, pairs, [pair["mjd"] for pair in pairs], sky)
    mean, error = (sum(w * x for w, x in zip(weights, each, strict=True)) / sum(weights) for each in found)
    return float(mean), None if error != error else float(error)
