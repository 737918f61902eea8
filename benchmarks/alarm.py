"""The alarm on simulated histories: jumps by 10% of the newest epoch that it catches, and false alarms.

    python benchmarks/alarm.py [--histories 1000] [--first 0] [--law power] [--epochs 16] [--jump 0.1]

A history is the slopes of a lake up to its newest epoch (3 visits, six levels of post-flash, visits that
scatter by 2%); each is judged as it is, and with a newest epoch that jumps. `possible` is what would be
caught if the law were known, and only slopes and visits of the newest epoch had errors.
"""

from __future__ import annotations

import argparse
import sys
import time
from dataclasses import replace

import numpy as np
from scipy.stats import norm

from cte_lake.model.alarm import LIMIT, against, apart
from cte_lake.model.family import fit_family
from cte_lake.model.laws import LAWS
from cte_lake.model.slope_lake import SlopeLake


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--histories", type=int, default=1000)
    parser.add_argument("--first", type=int, default=0, help="number of the first history")
    parser.add_argument("--law", action="append", choices=[*LAWS])
    parser.add_argument("--epochs", type=int, default=28)
    parser.add_argument("--jump", type=float, default=0.1)
    options = parser.parse_args()
    laws = options.law or ["power", "saturating", "two-species", "solar-cycle", "shelf", "polynomial"]
    caught, false, errors, possible = [], [], [], []
    start = time.process_time()
    for number in range(options.first, options.first + options.histories):
        rng = np.random.default_rng([7, number])
        last = 60560.0 - rng.uniform(0.0, 1500.0)
        lake = SlopeLake(LAWS[laws[number % len(laws)]], epochs=options.epochs, last=last)
        past, new = apart(lake.draw(number)[0])
        family = fit_family(past)
        fit = family.chosen
        jump = options.jump if rng.uniform() < 0.5 else -options.jump
        as_it_is, jumped = (against(family, replace(new, loss=new.loss * (1.0 + by))) for by in (0.0, jump))
        assert as_it_is is not None
        assert jumped is not None
        false.append(as_it_is.alarming)
        caught.append(jumped.alarming)
        errors.append(jumped.error)
        visits = np.unique(new.visit).size
        predicted = fit.joint(new)[0]
        slopes = float(np.sum((predicted / (fit.noise * new.loss_err)) ** 2))
        best = np.sqrt(fit.mixed.visit_variance / visits + 1.0 / slopes)
        possible.append(norm.sf(LIMIT - options.jump / best))
        if len(caught) % 100 == 0:
            print(f"{len(caught)}: {np.mean(caught):.1%} caught, {np.mean(false):.1%} false", file=sys.stderr)
    seconds = (time.process_time() - start) / options.histories
    print(
        f"{len(caught)} jumps by {options.jump:.0%}: {np.mean(caught):.1%} caught, "
        f"{np.mean(possible):.1%} possible; {np.mean(false):.1%} false; "
        f"error of a departure {np.median(errors):.1%} (median), "
        f"{np.quantile(errors, 0.95):.1%} (95%); {seconds:.2f} CPU s each"
    )


if __name__ == "__main__":
    main()
