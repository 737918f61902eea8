"""Run inside a private mount namespace: ingests on a disk that has less and less room left.

Arguments: mount point, frames, catalog, number of levels. Prints one JSON line a level.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

from lakes import content

from cte_lake.config import load_settings
from cte_lake.errors import CteLakeError
from cte_lake.lake.create import create_lake
from cte_lake.lake.maintenance.verify import verify
from cte_lake.lake.stored import stored
from cte_lake.pipeline.dask import WorkerSettings
from cte_lake.pipeline.ingest import IngestArguments, ingest
from cte_lake.pipeline.master_import import import_master

SIZE = 6_000_000
PAGE = 4096


def fresh(root: Path, catalog: Path) -> Path:
    shutil.rmtree(root, ignore_errors=True)
    create_lake(stored(root))
    import_master(stored(root), catalog, "ngc104", load_settings(root, environment={}).config)
    return root


def arguments(lake: Path, frames: Path) -> IngestArguments:
    settings = load_settings(lake, environment={})
    return IngestArguments(stored(lake), (str(frames),), settings, workers=WorkerSettings(count=0))


def stars(lake: Path) -> dict[str, list[float]]:
    return {name: table.column("flux_r03").to_pylist() for name, (_, table) in content(lake).items()}


def main(mount: Path, frames: Path, catalog: Path, levels: int) -> None:
    subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={SIZE}", "tmpfs", str(mount)], check=True, timeout=60
    )
    lake = fresh(mount / "lake", catalog)
    before = shutil.disk_usage(mount).free
    ingest(arguments(lake, frames))
    needed, expected = before - shutil.disk_usage(mount).free, stars(lake)
    for level in range(levels):
        lake = fresh(mount / "lake", catalog)
        room = (needed * level // levels) // PAGE * PAGE
        ballast = mount / "ballast"
        ballast.write_bytes(b"x" * (shutil.disk_usage(mount).free - room))
        saw = ""
        try:
            report = ingest(arguments(lake, frames))
            saw = report.rejected[0]["detail"] if report.rejected else "done"
        except CteLakeError as error:
            saw = str(error)
        kept = stars(lake)
        whole = all(kept[name] == expected[name] for name in kept) and verify(stored(lake)).passed
        ballast.unlink()
        ingest(arguments(lake, frames))
        lost = sum(len(v) for v in expected.values()) - sum(len(v) for v in stars(lake).values())
        left = len(list(lake.rglob("*.tmp")))
        same = stars(lake) == expected
        line = {"room": room, "saw": saw, "whole": whole, "lost": lost, "same": same, "tmp": left}
        print(json.dumps(line), flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), Path(sys.argv[3]), int(sys.argv[4]))
