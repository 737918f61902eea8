"""The content of the pages, from what was gathered: plain values that are also the report's JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from cte_lake.model.bins import non_overlapping
from cte_lake.plots.words import count_text, target_text
from cte_lake.report import charts, tables
from cte_lake.report.gather import Gathered, Row
from cte_lake.report.latest import latest_losses
from cte_lake.report.pairplot import ratio_panels
from cte_lake.report.tables import Column

Cells = dict[str, Any]


def cards(now: Cells, fresh: Cells) -> list[Cells]:
    """The figures at the top of the page."""
    new = len(fresh["new"]) + len(fresh["changed"])
    trouble = now["rejected"] + now["quarantined"]
    return [
        {"value": f"{now['images']:,}", "name": "images measured", "style": "", "link": ""},
        {"value": f"{now['pairs']:,}", "name": "pairs", "style": "", "link": "pairs.html"},
        {"value": f"{now['stars']:,}", "name": "star measurements", "style": "", "link": ""},
        {"value": f"{new:,}", "name": "new or measured again", "style": "", "link": "#news"},
        {
            "value": f"{trouble:,}",
            "name": "rejected or quarantined",
            "style": "warn" if trouble else "good",
            "link": "quality.html",
        },
    ]


def results(gathered: Gathered, curves: Mapping[str, Sequence[Row]]) -> Cells:
    """Latest losses and the interactive charts."""
    links = {row["pair_id"]: f"pairs/{tables.pair_slug(row)}.html" for row in gathered.pairs}
    chips = [row for row in gathered.compared if row["pairing"] == "chips"]
    bins = set(gathered.time_bins)
    timed = [row for row in chips if (row["bin_lo"], row["bin_hi"]) in bins]
    narrow = set(non_overlapping((row["bin_lo"], row["bin_hi"]) for row in chips))
    fluxes = [row for row in chips if (row["bin_lo"], row["bin_hi"]) in narrow]
    flashed = [row for row in timed if row["pair_id"] in gathered.flash_pairs]
    columns, rows = tables.latest_table(latest_losses(gathered.compared, gathered.time_bins))
    return {
        "latest_columns": columns,
        "latest": rows,
        "charts": {
            "time": charts.time_chart(timed, links, curves.get("time", ())) if timed else None,
            "flux": charts.flux_chart(fluxes, links, curves.get("flux", ())) if fluxes else None,
            "flash": charts.flash_chart(flashed, links) if flashed else None,
        },
    }


def quality(gathered: Gathered, show_paths: bool = False) -> Cells:
    """Rejects, exclusions, quarantines and the alignment."""
    columns, rejects = tables.reject_table(
        [row for row in gathered.rejects if row["stage"] != "screen"], show_paths
    )
    _, excluded = tables.reject_table(
        [row for row in gathered.rejects if row["stage"] == "screen"], show_paths
    )
    quarantine_columns, quarantined = tables.quarantine_table(
        [row for row in gathered.alignment if row["status"] == "quarantined"], show_paths
    )
    aligned = [row for row in gathered.alignment if row["status"] == "aligned"]
    alignment_columns, alignment = tables.alignment_table(aligned)
    return {
        "reject_columns": columns,
        "rejects": rejects,
        "excluded": excluded,
        "quarantine_columns": quarantine_columns,
        "quarantined": quarantined,
        "alignment_columns": alignment_columns,
        "alignment": alignment,
        "alignment_text": _alignment_text(aligned),
    }


def _alignment_text(rows: Sequence[Row]) -> str:
    if not rows:
        return ""
    worst, name = max((max(row["rms_x"] or 0, row["rms_y"] or 0), row["imagename"]) for row in rows)
    return f"{count_text(len(rows), 'exposure')} aligned; the largest residual is {worst:.3f} px ({name})."


def news_table(fresh: Cells, gathered: Gathered) -> Cells:
    """What is new, as a table."""
    known = {row["imagename"]: row for row in gathered.exposures}
    links = {
        row[key]: f"pairs/{tables.pair_slug(row)}.html"
        for row in gathered.pairs
        for key in ("image_1", "image_2")
    }
    rows = []
    for what, names in (("new", fresh["new"]), ("measured again", fresh["changed"]), ("gone", fresh["gone"])):
        for name in names:
            row = known.get(name)
            rows.append(
                {
                    "image": name,
                    "what": what,
                    "date": tables.date_text(row["mjd"]) if row else None,
                    "target": target_text(row["target"]) if row else None,
                    "visit": f"{row['proposal']}/{row['visit']}" if row else None,
                    "href": links.get(name),
                }
            )
    heads = tables.columns(
        Column("image", "Image", "name", "href"),
        Column("what", "What", "name"),
        Column("date", "Date", "name"),
        Column("target", "Target", "name"),
        Column("visit", "Visit", "name"),
    )
    return {"columns": heads, "rows": rows}


def pair_page(
    row: Row, gathered: Gathered, losses: Sequence[Row], frames: Sequence[Cells], options: str
) -> Cells:
    """Content of one pair's page."""
    bins = [loss for loss in losses if (loss["bin_lo"], loss["bin_hi"]) in set(_drawn_bins(losses))]
    stars = gathered.stars.get(row["pair_id"])
    columns, table = tables.bin_table(losses)
    rolled = row.get("chip") is not None
    names = [("Date (UTC)", tables.date_text(row["mjd"])), ("MJD", f"{row['mjd']:.4f}")]
    names += [
        ("Target", target_text(row["target"])),
        ("Proposal and visit", f"{row['proposal']}/{row['visit']}"),
    ]
    names += [("Mode", tables.mode_text(row)), ("Exposure time", f"{row['exptime']:g} s")]
    if rolled:
        names.append(("Chip", f"{row['chip']}, second visit {row['visit_2']} rolled by 180 degrees"))
    names += [("Images", f"{row['image_1']}, {row['image_2']}"), ("Pair", str(row["pair_id"]))]
    root = row["image_2"].split("_")[0]
    return {
        "slug": tables.pair_slug(row),
        "title": f"{target_text(row['target'])}, {tables.date_text(row['mjd'])}, {tables.mode_text(row)}",
        "facts": names,
        "image_1": row["image_2"] if rolled else row["image_1"],
        "image_2": row["image_1"] if rolled else row["image_2"],
        "row_of": f"chip {row['chip']} in the first visit, counted from the amplifiers"
        if rolled
        else "chip 2",
        "panels": ratio_panels(stars, bins) if stars is not None else [],
        "sampled": stars is not None and len(stars["y"]) < sum(loss["n_in_bin"] or 0 for loss in bins),
        "columns": columns,
        "bins": table,
        "frames": frames,
        "commands": "\n".join(
            f"cte-lake plot {what} {options} --pair {row['pair_id']} -o {root}_{file}.png"
            for what, file in (("ratio-y", "ratio"), ("field", "field"))
        ),
    }


def _drawn_bins(losses: Sequence[Row]) -> list[tuple[float, float]]:
    return non_overlapping((row["bin_lo"], row["bin_hi"]) for row in losses)
