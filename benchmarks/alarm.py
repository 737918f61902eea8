"""The alarm on simulated histories: jumps by 10% of the newest epoch that it catches, and false alarms.

    python benchmarks/alarm.py [--histories 1000] [--law power] [--epochs 16] [--jump 0.1]

A history is the slopes of a lake up to its newest epoch (3 visits, six levels of post-flash, visits that
scatter by 2%); half of them jump.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import replace

import numpy as np

from cte_lake.model.alarm import departure
from cte_lake.model.laws import LAWS
from cte_lake.model.slope_lake import SlopeLake


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--histories", type=int, default=1000)
    parser.add_argument("--law", action="append", choices=[*LAWS])
    parser.add_argument("--epochs", type=int, default=24)
    parser.add_argument("--jump", type=float, default=0.1)
    options = parser.parse_args()
    laws = options.law or ["power", "saturating", "two-species", "solar-cycle", "shelf", "polynomial"]
    caught, false, errors = [], [], []
    start = time.process_time()
    for number in range(options.histories):
        rng = np.random.default_rng([7, number])
        last = 60560.0 - rng.uniform(0.0, 1500.0)
        lake = SlopeLake(LAWS[laws[number % len(laws)]], epochs=options.epochs, last=last)
        points, _ = lake.draw(number)
        jump = (number // len(laws)) % 2 == 1
        if jump:
            new = points.mjd > last - 20.0
            sign = 1.0 if rng.uniform() < 0.5 else -1.0
            points = replace(points, loss=points.loss * np.where(new, 1.0 + sign * options.jump, 1.0))
        found = departure(points)
        assert found is not None
        (caught if jump else false).append(found.alarming)
        errors.append(found.error)
    seconds = (time.process_time() - start) / options.histories
    print(
        f"{len(caught)} jumps by {options.jump:.0%}: {np.mean(caught):.1%} caught; {len(false)} without: "
        f"{np.mean(false):.1%} false; error of a departure {np.median(errors):.1%} (median), "
        f"{np.quantile(errors, 0.95):.1%} (95%); {seconds:.2f} CPU s each"
    )


if __name__ == "__main__":
    main()
