"""The report's tables: rows of the lake in, texts in columns out."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import PurePath
from typing import Any

from cte_lake.clock import date_of
from cte_lake.model.loss_unit import MAGNITUDES, PERCENT
from cte_lake.wording import ELECTRONS, bin_text, flash_text, target_text, year_of

Row = Mapping[str, Any]
Cells = dict[str, Any]


@dataclass(frozen=True)
class Column:
    """A column of a table.

    Attributes
    ----------
    key, title : str
        Key of its cells, heading.
    style : str
        Class of its cells: 'num', 'name' or 'path'.
    link : str
        Key of the cell with the address that the text leads to.
    share : int
        Sixths of the width that it takes on a phone, where a row of many columns becomes a small grid; 0: as
        its style needs.
    """

    key: str
    title: str
    style: str = ""
    link: str = ""
    share: int = 0

    def as_dict(self) -> Cells:
        """The column for the template."""
        share = self.share or {"num": 2, "name": 3}.get(self.style, 6)
        return asdict(self) | {"number": self.style == "num", "share": share}


def columns(*stated: Column) -> list[Cells]:
    """Columns for the template."""
    return [column.as_dict() for column in stated]


def date_text(mjd: float | None) -> str | None:
    """Calendar date (UTC) of an MJD."""
    return None if mjd is None else f"{date_of(float(mjd)):%Y-%m-%d}"


def both_units(key: str, row: Row) -> Cells:
    """The cells of a loss: percent per 2048 rows, and below it magnitudes per 2051 rows."""
    loss, error = row["cte_loss"], row["cte_loss_err"]
    return {key: PERCENT.text(loss, error), f"{key}_mag": MAGNITUDES.text(loss, error)}


def number_text(value: float | None, digits: int) -> str | None:
    """A number with a given count of decimals."""
    # Adding 0 takes the sign off what rounds to nothing.
    return None if value is None else f"{round(value, digits) + 0.0:.{digits}f}"


def pair_slug(row: Row) -> str:
    """Name of a pair's page, of its images' names, which are safe in a path."""
    first, second = (str(row[key]).removesuffix(".fits") for key in ("image_1", "image_2"))
    return f"{first}-{second}"


def mode_text(row: Row) -> str:
    """Filter and length, flash level and file type of a pair in a few words."""
    length = {"s": "short", "l": "long"}.get(row["length"], row["length"])
    return f"{row['filter']}, {length}, {flash_text(row['flash'])}, {str(row['filetype']).upper()}"


def short_mode(row: Row) -> str:
    """The same for a narrow terminal, ``F502N l 12 FLC``."""
    return f"{row['filter']} {row['length']} {row['flash']} {str(row['filetype']).upper()}"


def _unbroken(text: str) -> str:
    """A heading that stays on one line."""
    return text.replace(" ", "\u00a0")


def latest_table(rows: Sequence[Row]) -> tuple[list[Cells], list[Cells]]:
    """The latest losses: a row a target and observing mode, a column a flux bin."""
    bins = sorted({(row["bin_lo"], row["bin_hi"]) for row in rows})
    keys = {bin_: f"bin{number}" for number, bin_ in enumerate(bins)}
    cells: dict[tuple[Any, ...], Cells] = {}
    for row in rows:
        chip = row.get("chip")
        key = (row["target"], row["filter"], row["length"], row["flash"], row["filetype"] != "flt", chip or 0)
        line = cells.setdefault(
            key,
            {
                "target": target_text(row["target"]) + (f", chip {chip}" if chip else ""),
                "mode": mode_text(row),
                "short": short_mode(row),
                "epoch": date_text(row["mjd"]),
                "pairs": row["n_pairs"],
            }
            | dict.fromkeys(keys.values()),
        )
        line |= both_units(keys[row["bin_lo"], row["bin_hi"]], row)
    heads = columns(
        Column("target", "Target", "name", share=2),
        Column("mode", "Observing mode", "words", share=4),
        Column("epoch", "Epoch", "name"),
        Column("pairs", "Pairs", "num", share=3),
        *(Column(keys[bin_], _unbroken(bin_text(*bin_)), "num") for bin_ in bins),
    )
    return heads, [cells[key] for key in sorted(cells)]


def pair_table(
    rows: Sequence[Row], losses: Mapping[Any, Sequence[Row]], bins: Iterable[tuple[float, float]]
) -> tuple[list[Cells], list[Cells]]:
    """All pairs, newest first, with their losses in some flux bins."""
    shown = list(bins)
    keys = {bin_: f"bin{number}" for number, bin_ in enumerate(shown)}
    lines = []
    for row in sorted(rows, key=lambda row: (-row["mjd"], row["image_1"])):
        chip = f", chip {row['chip']}" if row.get("chip") else ""
        line: Cells = {
            "date": date_text(row["mjd"]),
            "target": target_text(row["target"]) + chip,
            "visit": f"{row['proposal']}/{row['visit']}",
            "mode": mode_text(row),
            "exptime": f"{row['exptime']:g}",
            "images": f"{row['image_1']} {row['image_2']}",
            "href": f"pairs/{pair_slug(row)}.html",
        } | dict.fromkeys(keys.values())
        for loss in losses.get(row["pair_id"], ()):
            bin_ = (loss["bin_lo"], loss["bin_hi"])
            if bin_ in keys:
                line |= both_units(keys[bin_], loss)
        lines.append(line)
    heads = columns(
        Column("date", "Date", "name", "href", 2),
        Column("target", "Target", "name", share=2),
        Column("visit", "Visit", "name", share=2),
        Column("mode", "Observing mode", "words", share=4),
        Column("exptime", "Time (s)", "num"),
        *(Column(keys[bin_], _unbroken(bin_text(*bin_)), "num") for bin_ in shown),
        Column("images", "Images", "words"),
    )
    return heads, lines


def bin_table(rows: Sequence[Row]) -> tuple[list[Cells], list[Cells]]:
    """The slopes of one pair."""
    lines = [
        {
            "bin": bin_text(row["bin_lo"], row["bin_hi"]),
            "in_bin": row["n_in_bin"],
            "n": row["n"],
            "flux": number_text(row["mean_flux"], 0),
            "slope": None if row["slope"] is None else f"{row['slope']:.3e}",
            "slope_err": None if row["slope_err"] is None else f"{row['slope_err']:.1e}",
            "loss": PERCENT.text(row["cte_loss"], row["cte_loss_err"]),
            "mag": MAGNITUDES.text(row["cte_loss"], row["cte_loss_err"]),
            "background": number_text(row["background"], 2),
        }
        for row in rows
    ]
    heads = columns(
        Column("bin", "Flux bin", "name", share=2),
        Column("in_bin", "Stars in bin", "num"),
        Column("n", "Used", "num"),
        Column("flux", f"Mean flux ({ELECTRONS})", "num"),
        Column("slope", "Slope (1/px)", "num"),
        Column("slope_err", "Error (1/px)", "num"),
        Column("loss", "Loss (%)", "num"),
        Column("mag", "Loss (mag)", "num"),
        Column("background", f"Sky ({ELECTRONS}/px)", "num"),
    )
    return heads, lines


#: A path from the root, of which a published page shows the last name.
_ABSOLUTE_PATH = re.compile(r"(?:^|(?<=[\s('\"`]))/(?:[^\s/'\"`<>]+/)+(?=[^\s/'\"`])")


def names_alone(text: str) -> str:
    """Return a text with the name of a file or folder in place of each absolute path."""
    return _ABSOLUTE_PATH.sub("", text)


def reject_table(rows: Sequence[Row], show_paths: bool = False) -> tuple[list[Cells], list[Cells]]:
    """Files that were not measured, newest first; where they lie only if that is asked for."""
    if not show_paths:
        rows = [
            dict(row) | {"path": PurePath(row["path"]).name, "detail": names_alone(str(row["detail"] or ""))}
            for row in rows
        ]
    lines = [
        {
            "file": row["imagename"] or row["path"],
            "stage": row["stage"],
            "reason": row["reason"],
            "detail": row["detail"],
            "at": f"{row['at']:%Y-%m-%d %H:%M}" if row["at"] else None,
            "path": row["path"],
        }
        for row in sorted(rows, key=lambda row: (str(row["at"]), row["path"]), reverse=True)
    ]
    heads = columns(
        Column("file", "File", "path"),
        Column("stage", "Step", "name"),
        Column("reason", "Reason", "name"),
        Column("detail", "Detail"),
        Column("at", "When (UTC)", "name"),
        *([Column("path", "Path", "path")] if show_paths else []),
    )
    return heads, lines


def quarantine_table(rows: Sequence[Row], show_paths: bool = False) -> tuple[list[Cells], list[Cells]]:
    """Exposures whose fitted WCS was refused."""
    lines = [
        {
            "image": row["imagename"],
            "visit": f"{row['proposal']}/{row['visit']}",
            "reason": row["reason"],
            "detail": row["detail"] if show_paths else names_alone(str(row["detail"] or "")),
        }
        for row in rows
    ]
    heads = columns(
        Column("image", "Image", "name"),
        Column("visit", "Visit", "name"),
        Column("reason", "Reason", "name"),
        Column("detail", "Detail"),
    )
    return heads, lines


def epoch_text(row: Row) -> str:
    """The latest epoch in words."""
    return f"{target_text(row['target'])}, {date_text(row['mjd'])} ({float(year_of(row['mjd'])):.2f})"
