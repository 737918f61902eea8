"""What is new since the last report: the images measured then against those measured now."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cte_lake.lake.store import Place
from cte_lake.report.publish import LATEST, MARK
from cte_lake.wording import count_text

#: Version of the report's JSON; a report of another one is as none.
FORMAT = 1


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
