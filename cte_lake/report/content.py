"""The content of the pages, from what was gathered: plain values that are also the report's JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa

from cte_lake.model.bins import non_overlapping
from cte_lake.model.coefficients import CoefficientSet
from cte_lake.report import charts, morning, tables
from cte_lake.report.curves import with_model
from cte_lake.report.gather import Gathered, Row
from cte_lake.report.moves import latest_losses, loss_moves
from cte_lake.report.pairplot import ratio_panels
from cte_lake.report.tables import Column
from cte_lake.wording import OVER, OVER_ROLLED, target_text

Cells = dict[str, Any]


def results(gathered: Gathered, curves: Mapping[str, Sequence[Row]], sets: Sequence[CoefficientSet]) -> Cells:
    """Latest losses, beside those before and the model's, and the interactive charts."""
    links = {row["pair_id"]: f"pairs/{tables.pair_slug(row)}.html" for row in gathered.pairs}
    chips = [row for row in gathered.compared if row["pairing"] == "chips"]
    bins = set(gathered.time_bins)
    timed = [row for row in chips if (row["bin_lo"], row["bin_hi"]) in bins]
    narrow = set(non_overlapping((row["bin_lo"], row["bin_hi"]) for row in chips))
    fluxes = [row for row in chips if (row["bin_lo"], row["bin_hi"]) in narrow]
    flashed = [row for row in timed if row["pair_id"] in gathered.flash_pairs]
    columns, rows = tables.latest_table(latest_losses(gathered.compared, gathered.time_bins))
    off = _residuals(chips, sets)
    return {
        "latest_columns": columns,
        "latest": rows,
        "newest": morning.newest_table(loss_moves(gathered.compared, gathered.time_bins, sets)),
        "charts": {
            "time": charts.time_chart(timed, links, curves.get("time", ()), off) if timed else None,
            "flux": charts.flux_chart(fluxes, links, curves.get("flux", ()), off) if fluxes else None,
            "flash": charts.flash_chart(flashed, links) if flashed else None,
        },
    }


def _residuals(rows: Sequence[Row], sets: Sequence[CoefficientSet]) -> charts.Residuals:
    """Measured less predicted loss by pair and flux bin, where a set was fitted to such rows."""
    measured = [row for row in rows if row["cte_loss"] is not None and row["mean_flux"] is not None]
    modelled = with_model(sets, pa.Table.from_pylist(measured)).to_pylist() if measured else []
    return {
        (row["pair_id"], row["bin_lo"], row["bin_hi"]): row["cte_loss"] - row["model_loss"]
        for row in modelled
        if row.get("model_loss") is not None
    }


def news_table(fresh: Cells, exposures: Sequence[Row], pairs: Sequence[Row]) -> Cells:
    """What is new, as a table, with what is known of it."""
    known = {row["imagename"]: row for row in exposures}
    links = {
        row[key]: f"pairs/{tables.pair_slug(row)}.html" for row in pairs for key in ("image_1", "image_2")
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
    row: Row,
    gathered: Gathered,
    frames: Sequence[Cells],
    links: Sequence[Cells],
    options: str,
) -> Cells:
    """Content of one pair's page."""
    losses = gathered.losses_of.get(row["pair_id"], [])
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
        "links": links,
        "facts": names,
        "image_1": row["image_2"] if rolled else row["image_1"],
        "image_2": row["image_1"] if rolled else row["image_2"],
        "row_of": f"chip {row['chip']} in the first visit, counted from the amplifiers"
        if rolled
        else "chip 2",
        "over": f"{OVER_ROLLED if rolled else OVER} (1)",
        "along": "Rows to the amplifiers (px)" if rolled else "Row y on chip 2 (px)",
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
