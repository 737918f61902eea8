"""The page of quality: what was refused; of the rest alignment, sky and masks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from cte_lake.report import charts, tables
from cte_lake.report.gather import Gathered, Row
from cte_lake.report.tables import Column, number_text
from cte_lake.wording import ELECTRONS, count_text, target_text

Cells = dict[str, Any]


def quality(gathered: Gathered, show_paths: bool = False) -> Cells:
    """Rejects, exclusions, quarantines; alignment, sky and masks of every exposure."""
    columns, rejects = tables.reject_table(
        [row for row in gathered.rejects if row["stage"] != "screen"], show_paths
    )
    _, excluded = tables.reject_table(
        [row for row in gathered.rejects if row["stage"] == "screen"], show_paths
    )
    quarantine_columns, quarantined = tables.quarantine_table(
        [row for row in gathered.alignment if row["status"] == "quarantined"], show_paths
    )
    aligned = {row["rootname"]: row for row in gathered.alignment if row["status"] == "aligned"}
    masks = {row["rootname"]: row for row in gathered.crmasks}
    exposures = _exposures(gathered.exposures)
    heads, lines = _table(exposures, aligned, masks)
    return {
        "reject_columns": columns,
        "rejects": rejects,
        "excluded": excluded,
        "quarantine_columns": quarantine_columns,
        "quarantined": quarantined,
        "exposure_columns": heads,
        "exposures": lines,
        "alignment_text": _alignment_text(list(aligned.values())),
        "mask_text": _mask_text(exposures, masks),
        "quality_charts": _charts(exposures, aligned),
    }


def _exposures(images: Sequence[Row]) -> list[Row]:
    """One row an exposure, newest first: that of its FLC where there is one."""
    found: dict[str, Row] = {}
    for row in sorted(images, key=lambda row: row["filetype"] != "flc"):
        found.setdefault(row["rootname"], row)
    return sorted(found.values(), key=lambda row: (-row["mjd"], row["rootname"]))


def _alignment_text(rows: Sequence[Row]) -> str:
    if not rows:
        return ""
    worst, name = max((_rms(row), row["imagename"]) for row in rows)
    return f"{count_text(len(rows), 'exposure')} aligned; the largest residual is {worst:.3f} px ({name})."


def _rms(row: Row) -> float:
    return max(row["rms_x"] or 0.0, row["rms_y"] or 0.0)


def _mask_text(exposures: Sequence[Row], masks: Mapping[str, Row]) -> str:
    shares = [share for row in exposures if (share := _masked(row, masks)) is not None]
    if not shares:
        return "No cosmic rays were masked."
    return (
        f"Cosmic rays are masked in {count_text(len(shares), 'exposure')}: {100 * np.median(shares):.2f} % "
        f"of the measured chip's pixels (median; at most {100 * max(shares):.2f} %)."
    )


def _masked(row: Row, masks: Mapping[str, Row]) -> float | None:
    share: float | None = masks.get(row["rootname"], {}).get(f"fraction_chip{row['chip']}")
    return share


def _table(
    exposures: Sequence[Row], aligned: Mapping[str, Row], masks: Mapping[str, Row]
) -> tuple[list[Cells], list[Cells]]:
    lines = []
    for row in exposures:
        fit, masked = aligned.get(row["rootname"], {}), _masked(row, masks)
        found = row.get("found_fraction")
        lines.append(
            {
                "exposure": row["rootname"],
                "date": tables.date_text(row["mjd"]),
                "target": target_text(row["target"]),
                "chip": row["chip"],
                "matched": fit.get("n_matched"),
                "rms": _both(fit, "rms", 3),
                "shift": _both(fit, "shift", 2),
                "found": None if found is None else f"{100 * found:.0f}",
                "sky": number_text(row["sky"], 2),
                "masked": None if masked is None else f"{100 * masked:.2f}",
            }
        )
    heads = tables.columns(
        Column("exposure", "Exposure", "name", share=2),
        Column("date", "Date", "name", share=2),
        Column("target", "Target", "name", share=2),
        Column("chip", "Chip", "num"),
        Column("matched", "Stars matched", "num"),
        Column("found", "Found (%)", "num"),
        Column("rms", "RMS x, y (px)", "num", share=3),
        Column("shift", "Shift x, y (px)", "num", share=3),
        Column("sky", f"Sky ({ELECTRONS}/px)", "num", share=3),
        Column("masked", "Masked (%)", "num", share=3),
    )
    return heads, lines


def _both(fit: Row, what: str, digits: int) -> str | None:
    values = [number_text(fit.get(f"{what}_{axis}"), digits) for axis in "xy"]
    return None if values == [None, None] else ", ".join(value or "-" for value in values)


def _charts(exposures: Sequence[Row], aligned: Mapping[str, Row]) -> Cells:
    skies = [(row, row["sky"]) for row in exposures if row["sky"] is not None]
    placed = [(row, _rms(aligned[row["rootname"]])) for row in exposures if row["rootname"] in aligned]
    return {
        "sky": charts.exposure_chart("Sky against time", f"Sky ({ELECTRONS}/px)", skies),
        "alignment": charts.exposure_chart("Alignment against time", "Largest residual RMS (px)", placed),
    }
