"""Frames of the pairs' pages: drawn once, taken over from the last report afterwards."""

from __future__ import annotations

import shutil
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from cte_lake.errors import Rejected
from cte_lake.report.gather import Row
from cte_lake.report.thumbnails import picture

Cells = dict[str, Any]
FOLDER = "frames"


def draw_frames(
    exposures: Sequence[Row], folder: Path, last: Mapping[str, Any] | None, last_folder: Path, seconds: float
) -> dict[str, Cells]:
    """Write a picture of every exposure into `folder`, newest first, while the time lasts.

    Parameters
    ----------
    exposures : sequence of mapping
        Rows of ``exposures``.
    folder : Path
        Where pictures go.
    last, last_folder : mapping or None, Path
        The last report's data and its folder of pictures; a picture of the same file is taken from there.
    seconds : float
        Time after which no further frame is read.

    Returns
    -------
    dict
        By image name: file, checksum, width, height, step; or why there is no picture.
    """
    folder.mkdir()
    known: Mapping[str, Any] = (last or {}).get("frames", {})
    end = time.monotonic() + seconds
    found: dict[str, Cells] = {}
    for row in sorted(exposures, key=lambda row: (-row["mjd"], row["imagename"])):
        name = row["imagename"]
        old = known.get(name, {})
        if old.get("checksum") == row["checksum"] and (last_folder / str(old.get("file"))).is_file():
            shutil.copyfile(last_folder / old["file"], folder / old["file"])
            found[name] = old
        elif time.monotonic() > end:
            found[name] = {"missing": "Not drawn yet, for want of time; the next report goes on with it."}
        else:
            found[name] = _draw(row, folder)
    return found


def _draw(row: Row, folder: Path) -> Cells:
    try:
        drawn = picture(Path(row["path"]), row["chip"])
    except Rejected as error:
        return {"missing": f"No picture: {error}."}
    file = f"{str(row['imagename']).removesuffix('.fits')}.jpg"
    (folder / file).write_bytes(drawn.jpeg)
    height, width = drawn.pixels.shape
    return {"file": file, "checksum": row["checksum"], "width": width, "height": height, "step": drawn.step}


def frame_cells(row: Row, drawn: Cells, stars: Mapping[str, Any] | None) -> Cells:
    """Content of one frame on a pair's page; circles are drawn by the page over the picture."""
    cells: Cells = {
        "imagename": row["imagename"],
        "chip": row["chip"],
        "readout": "towards the top" if row["chip"] == 1 else "towards the bottom",
        "file": drawn.get("file"),
        "note": drawn.get("missing", ""),
        "width": drawn.get("width"),
        "height": drawn.get("height"),
        "stars": [],
        "alt": f"Chip {row['chip']} of {row['imagename']} with its brightest matched stars",
    }
    if cells["file"] is None:
        return cells
    step, height = drawn["step"], drawn["height"]
    if stars is not None:
        cells["stars"] = [
            (round((x + 0.5) / step, 1), round(height - (y + 0.5) / step, 1))
            for x, y in zip(stars["x"], stars["y"], strict=True)
        ]
    cells["radius"] = round(max(drawn["width"], height) / 110, 1)
    cells["stroke"] = round(max(drawn["width"], height) / 420, 2)
    cells["note"] = f"The {len(cells['stars'])} brightest of {row['n_stars']:,} matched stars are circled."
    return cells
