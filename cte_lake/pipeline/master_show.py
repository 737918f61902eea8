"""What master catalogs a lake has, and a figure of one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from cte_lake.config import load_settings
from cte_lake.errors import NothingToDo
from cte_lake.lake.read import current_master, master_targets
from cte_lake.lake.stored import StoredLake
from cte_lake.names import Names
from cte_lake.pipeline.master_import import lake_catalog


def describe_masters(lake: StoredLake, targets: Sequence[str] | None = None) -> list[dict[str, Any]]:
    """Describe the current master catalog of each target, or of those named.

    Returns
    -------
    list of dict
        target, n_stars, revision, master_hash, the ranges of RA, Dec (degrees) and of the ids, and 'parts':
        how many stars are from which origin and filter.

    Raises
    ------
    UnknownName
        If a target is neither configured nor in the lake.
    """
    described = []
    present = sorted(master_targets(lake))
    configured = load_settings(lake).config.names().targets
    known = Names(dict.fromkeys(present, ()) | dict(configured))
    wanted = {known.target(text) for text in targets or ()}
    for name in present:
        master = current_master(lake, name) if not wanted or name in wanted else None
        if master is None:
            continue
        stars, filters, origins = lake_catalog(master)
        parts = Counter(zip(filters, origins, strict=True))
        described.append(
            {
                "target": name,
                "n_stars": len(stars),
                "revision": master.revision,
                "master_hash": master.master_hash,
                "ra_min": float(stars.ra.min()),
                "ra_max": float(stars.ra.max()),
                "dec_min": float(stars.dec.min()),
                "dec_max": float(stars.dec.max()),
                "id_min": int(stars.id.min()),
                "id_max": int(stars.id.max()),
                "parts": [
                    {"filter": filter_, "origin": origin, "n_stars": n}
                    for (filter_, origin), n in parts.most_common()
                ],
            }
        )
    return described


def draw_master(lake: StoredLake, target: str, path: Path) -> None:
    """Draw a target's master catalog on the sky into a file.

    Raises
    ------
    NothingToDo
        If the target has none.
    """
    from cte_lake.plots.master import master_plot
    from cte_lake.plots.style import save

    master = current_master(lake, target)
    if master is None:
        raise NothingToDo(f"target {target} has no master catalog")
    stars, filters, _ = lake_catalog(master)
    figure = master_plot(
        stars.ra, stars.dec, stars.extra.get("flux"), filters, f"{target}: {len(stars)} stars"
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    save(figure, path)
