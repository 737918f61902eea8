"""The state of the monitor without reading photometry: what ``cte-lake status`` shows."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cte_lake.lake.maintenance.nightly import last_verification
from cte_lake.lake.store import Place
from cte_lake.lake.stored import StoredLake
from cte_lake.lake.versions import current_of_all
from cte_lake.pipeline import ingest_tally as tally
from cte_lake.pipeline.night import last_night
from cte_lake.report import tables
from cte_lake.report.coverage import coverage_gaps
from cte_lake.report.gather import Row
from cte_lake.report.publish import LATEST, MARK
from cte_lake.wording import count_text, target_text

if TYPE_CHECKING:
    from cte_lake.api import Lake

Cells = dict[str, Any]


#: Version of the report's JSON; a report of another one is as none.
FORMAT = 1


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


def lake_status(lake: Lake, mode: str) -> Cells:
    """Return the state of a lake.

    Returns
    -------
    dict
        lake, mode, state (counts and latest epoch), files (of the last ingest: at, files, sums, text; None
        before the first), targets, rejects (failures, newest first), coverage (what is missing; see
        `coverage_gaps`), night (the last or running night: what `cte_lake.pipeline.night.Night` holds, and
        text, the night in one sentence; None before the first), verified (what the last verification found;
        None without one) and report (the last one's time, what is new since, its losses; None without one).
    """
    with lake.steady():
        asked = {"exposures": "measured", "pairs": "paired", "epochs": "epochs", "rejects": "rejects"}
        rows: dict[str, Sequence[Row]] = {name: lake.own(query).rows() for name, query in asked.items()}
        # Their names say how they went: no row is read.
        found = current_of_all(lake.stored / "alignment").values()
        rows["alignment"] = [{"status": each.status} for each in found]
        coverage = coverage_gaps(lake)
    last, night = last_report(lake.stored / "reports"), last_night(lake.stored)
    return {
        "lake": str(lake.stored),
        "mode": mode,
        "state": state(**rows),
        "files": last_tally(lake.stored),
        "targets": _targets(rows["exposures"], rows["pairs"], rows["epochs"]),
        "rejects": tables.reject_table(
            [row for row in rows["rejects"] if row["stage"] != "screen"], show_paths=True
        )[1],
        "coverage": coverage,
        "night": None if night is None else asdict(night) | {"text": night.text},
        "verified": last_verification(lake.stored),
        "report": None if last is None else _report(last, rows["exposures"], lake),
    }


def _targets(exposures: Sequence[Row], pairs: Sequence[Row], epochs: Sequence[Row]) -> list[Cells]:
    images, paired, dated = (Counter(row["target"] for row in rows) for rows in (exposures, pairs, epochs))
    result = []
    for target in sorted(images):
        dates = [row["mjd"] for row in exposures if row["target"] == target]
        result.append(
            {
                "target": target,
                "name": target_text(target),
                "images": images[target],
                "pairs": paired[target],
                "epochs": dated[target],
                "first": tables.date_text(min(dates)),
                "last": tables.date_text(max(dates)),
            }
        )
    return result


def _report(last: Mapping[str, Any], exposures: Sequence[Row], lake: Lake) -> Cells:
    fresh = news({row["imagename"]: row["phot_key"] for row in exposures}, last)
    bins = [column for column in last["latest_columns"] if column["key"].startswith("bin")]
    width = 15
    losses = []
    if last["latest"]:
        losses.append(
            f"{'Target filter length flash type':<33}"
            + "".join(f"{column['title']:>{width}}" for column in bins)
        )
        for row in last["latest"]:
            name = f"{row['target']} {row['short']}"
            cells = "".join(f"{row[column['key']] or '-':>{width}}" for column in bins)
            losses.append(f"{name[:32]:<33}{cells}")
    return {
        "made": last["made_text"],
        "path": str(lake.stored / "reports" / LATEST / "index.html"),
        "news": fresh["text"],
        "new": fresh["new"],
        "changed": fresh["changed"],
        "gone": fresh["gone"],
        "losses": losses,
    }


def last_report(reports: Path | Place) -> Mapping[str, Any] | None:
    """Return the data of the newest report in a lake's ``reports`` folder, None without a readable one."""
    path = reports / LATEST / MARK
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) and found.get("format") == FORMAT else None


def news(images: Mapping[str, str], last: Mapping[str, Any] | None) -> dict[str, Any]:
    """Compare measured images with those of the last report.

    Images are ``phot_key`` by image name.

    Returns
    -------
    dict
        since (time of the last report or None), new, changed and gone (lists of image names), text.
    """
    before: Mapping[str, str] = last["images"] if last else {}
    new = sorted(images.keys() - before.keys())
    gone = sorted(before.keys() - images.keys())
    changed = sorted(name for name in images.keys() & before.keys() if images[name] != before[name])
    parts = [f"{len(part):,} {what}" for part, what in ((changed, "measured again"), (gone, "gone")) if part]
    text = ", ".join([count_text(len(new), "new image"), *parts])
    if last and not (new or gone or changed):
        text = "nothing changed"
    return {
        "since": last["made"] if last else None,
        "new": new,
        "changed": changed,
        "gone": gone,
        "text": text,
    }
