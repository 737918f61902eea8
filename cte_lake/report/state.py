"""The monitor in a few numbers: the same on the page and in the terminal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from cte_lake.lake.stored import StoredLake
from cte_lake.pipeline import ingest_tally as tally
from cte_lake.report import tables
from cte_lake.report.gather import Row

Cells = dict[str, Any]


def last_tally(lake: StoredLake) -> Cells | None:
    """Return what became of each file of the last ingest: at, files, sums, text; None before the first."""
    found = tally.last(lake)
    if found is None:
        return None
    return {"at": found.at, "files": found.files, "sums": dict(found.sums), "text": found.text}


def state(
    exposures: Sequence[Row],
    pairs: Sequence[Row],
    epochs: Sequence[Row],
    rejects: Sequence[Row],
    alignment: Sequence[Row],
) -> Cells:
    """Return counts and the latest epoch of rows of the views.

    Returns
    -------
    dict
        images, pairs, unmasked (pairs measured without cosmic-ray masks), targets, stars (measurements),
        rejected (files), excluded (by rule), quarantined (exposures), aligned and latest (target, mjd, date,
        text; None without an epoch).
    """
    latest = max(epochs, key=lambda row: row["mjd"], default=None)
    # A file may be refused by more than one step: by align, and by ingest for that.
    failures = {row["path"] for row in rejects if row["stage"] != "screen"}
    excluded = {row["path"] for row in rejects if row["stage"] == "screen"}
    return {
        "images": len(exposures),
        "pairs": len(pairs),
        "unmasked": sum(not row["cr_masked"] for row in pairs),
        "targets": sorted({row["target"] for row in exposures}),
        "stars": int(sum(row["n_measured"] or 0 for row in exposures)),
        "rejected": len(failures),
        "excluded": len(excluded),
        "quarantined": sum(row["status"] == "quarantined" for row in alignment),
        "aligned": sum(row["status"] == "aligned" for row in alignment),
        "latest": None
        if latest is None
        else {
            "target": latest["target"],
            "mjd": latest["mjd"],
            "date": tables.date_text(latest["mjd"]),
            "text": tables.epoch_text(latest),
        },
    }
