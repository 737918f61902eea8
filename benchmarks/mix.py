"""Compact, vacuum, ingest with changing settings and readers at once: every answer is a quiet lake's.

    python benchmarks/mix.py --minutes 10

Photometry of every image is written again and again with one of a few settings, as `ingest` writes it, while
`compact` and `vacuum` with a short grace run as commands do, and readers, processes of their own, ask. Each
answer (stars and summed flux of an image) must be one that some setting gives. Prints one JSON line.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import random
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from multiprocessing.queues import Queue
from multiprocessing.synchronize import Event
from pathlib import Path
from typing import Any, TypeAlias

from cte_lake import open_lake
from cte_lake.errors import Locked
from cte_lake.lake.create import create_lake
from cte_lake.lake.maintenance.compact import compact, plan_compact
from cte_lake.lake.maintenance.vacuum import plan_vacuum, vacuum
from cte_lake.lake.maintenance.verify import verify
from cte_lake.lake.read import current_exposures
from cte_lake.lake.stored import stored
from cte_lake.simulate.program import TARGETS, nominal_visit

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from benchmarks.simulated_photometry import (
    SimulatedPhotometry,
    draw_stars,
    fill_lake,
    simulate_pair_photometry,
)

STARS = 40
SETTINGS = 3
READERS = 4
#: Longer than any query takes, so that vacuum never deletes what a reader has listed.
GRACE_S = 30.0
#: What a job did, how often, and what was wrong.
Counts: TypeAlias = "Queue[tuple[str, int, list[str]]]"
#: How often each job has come round.
Rounds = Any
Tick = Callable[[], None]
Job = Callable[[Path, Event, Counts, Tick], None]
_QUERY = "SELECT imagename, count(*) AS n, sum(flux_r03) AS flux FROM phot GROUP BY ALL"


def images(setting: int) -> list[SimulatedPhotometry]:
    """Eight images, measured with one of the settings: other keys, and other numbers."""
    stars = draw_stars(TARGETS["ngc104"], STARS)
    plan = nominal_visit(TARGETS["ngc104"], 57601.0, flashes=(0, 12))
    plans = {exposure.rootname: exposure for exposure in plan.exposures}
    found = []
    for pair in plan.pairs:
        for image in simulate_pair_photometry(plans[pair.first], plans[pair.second], stars):
            key = f"{setting:02x}{image.record['phot_key'][2:]}"
            columns = {name: column[: STARS - setting] for name, column in image.columns.items()}
            columns["phot_key"] = [key] * len(columns["master_id"])
            columns["flux_r03"] = columns["flux_r03"] + 1000.0 * setting
            record = image.record | {"phot_key": key, "n_stars": len(columns["master_id"])}
            found.append(replace(image, record=record, columns=columns))
    return found


def allowed() -> dict[str, set[tuple[int, float]]]:
    """Stars and flux that each image may have."""
    answers: dict[str, set[tuple[int, float]]] = {}
    for setting in range(SETTINGS):
        for image in images(setting):
            total = round(float(sum(image.columns["flux_r03"])), 2)
            answers.setdefault(image.record["imagename"], set()).add((image.record["n_stars"], total))
    return answers


def measure(root: Path, stop: Event, counts: Counts, tick: Tick) -> None:
    """Write images again with another setting, a new revision each."""
    draw, done = random.Random(1), 0
    by_setting = [images(setting) for setting in range(SETTINGS)]
    while not stop.is_set():
        now = {
            row["imagename"]: row["revision"]
            for row in current_exposures(stored(root), "standard").to_pylist()
        }
        tick()
        for image in draw.choice(by_setting):
            if draw.random() < 0.5:
                revision = now[image.record["imagename"]] + 1
                fill_lake(stored(root), [replace(image, record=image.record | {"revision": revision})])
                done += 1
    counts.put(("measured", done, []))


def keep_house(root: Path, stop: Event, counts: Counts, tick: Tick) -> None:
    """Compact and vacuum in turns."""
    runs = 0
    while not stop.is_set():
        try:
            compact(stored(root), plan_compact(stored(root), 2, 10**9))
            vacuum(stored(root), plan_vacuum(stored(root), int(GRACE_S * 1e9), time.time_ns()))
        except Locked:
            continue
        tick()
        runs += 1
    counts.put(("compacted and vacuumed", runs, []))


def read(root: Path, stop: Event, counts: Counts, tick: Tick) -> None:
    """Ask, and hold every answer against what may be answered."""
    right, asked, wrong = allowed(), 0, []
    while not stop.is_set():
        with open_lake(root, threads=1) as lake:
            rows = lake.sql(_QUERY).rows()
        tick()
        asked += 1
        wrong += [
            f"{row['imagename']}: {row['n']} stars, {row['flux']}"
            for row in rows
            if (row["n"], round(row["flux"], 2)) not in right[row["imagename"]]
        ]
        if len(rows) != len(right):
            wrong.append(f"{len(rows)} images")
    counts.put(("answers", asked, wrong))


def _begin(job: Job, root: Path, stop: Event, counts: Counts, number: int, rounds: Rounds) -> None:
    def tick() -> None:
        rounds[number] += 1

    job(root, stop, counts, tick)


def _all_had_a_turn(rounds: Rounds) -> bool:
    # Of the two that keep house one may always find the other's lock.
    return bool(rounds[0] > 0 and max(rounds[1], rounds[2]) > 0 and min(rounds[3:]) > 0)


def mix(root: Path, seconds: float, readers: int = READERS) -> dict[str, object]:
    """Let all run at once for a time; return what was done and what was wrong."""
    create_lake(stored(root))
    fill_lake(stored(root), images(0), draw_stars(TARGETS["ngc104"], STARS))
    context = multiprocessing.get_context("spawn")
    stop, counts = context.Event(), context.Queue()
    jobs = [measure, keep_house, keep_house, *[read] * readers]
    rounds = context.Array("q", len(jobs), lock=False)
    processes = [
        context.Process(target=_begin, args=(job, root, stop, counts, number, rounds))
        for number, job in enumerate(jobs)
    ]
    for process in processes:
        process.start()
    # Imports take their time, on a busy machine a long one: the clock begins when all have had a turn.
    began, patience = None, time.monotonic() + 400
    while time.monotonic() < (patience if began is None else began + seconds):
        if began is None and _all_had_a_turn(rounds):
            began = time.monotonic()
        time.sleep(0.05)
    stop.set()
    told: dict[str, int] = {}
    wrong: list[str] = []
    for _ in processes:
        name, count, bad = counts.get(timeout=120)
        told[name] = told.get(name, 0) + count
        wrong += bad
    for process in processes:
        process.join(60)
    failed = sum(process.exitcode != 0 for process in processes)
    sound = verify(stored(root)).passed
    return {"seconds": seconds, **told, "wrong": wrong[:20], "failed": failed, "verified": sound}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=10.0)
    folder = Path(tempfile.mkdtemp(prefix="cte-lake-mix-"))
    try:
        told = mix(folder / "lake", 60 * parser.parse_args().minutes)
    finally:
        shutil.rmtree(folder)
    print(json.dumps(told))
    sys.exit(bool(told["wrong"] or told["failed"] or not told["verified"]))


if __name__ == "__main__":
    main()
