"""Laws outside the family: are the errors of a set what its corrections are off by, now and years ahead?

Lakes of 168 pairs (2009 to 2024, six levels of post-flash, six flux bins) are drawn as slopes, with chips
5% to either side of their mean and visits that scatter by 2%; noise-free stars of the law are corrected by
the set that is fitted. The pulls are of unflagged stars, rms over dates, backgrounds, rows to 1,900 and
both chips.

    python benchmarks/laws.py [--seeds 10] [--law NAME] [--years 0 1 3 5] [--json]
"""

from __future__ import annotations

import argparse
import json
import time

import numpy as np

from cte_lake.model.law_trial import FLUXES, run_trial
from cte_lake.model.laws import LAWS
from cte_lake.model.slope_lake import SlopeLake


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--law", action="append", choices=[*LAWS])
    parser.add_argument("--years", type=int, nargs="*", default=[0, 1, 3, 5])
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    rows = []
    for name in options.law or LAWS:
        lake = SlopeLake(LAWS[name], chips=0.0 if name == "zero" else 0.05)
        for years in options.years:
            start = time.process_time()
            trials = [run_trial(lake, seed, years) for seed in range(options.seeds)]
            row = {
                "law": name,
                "years": years,
                "pull": np.sqrt(np.mean([t.pull**2 for t in trials], axis=0)).round(2).tolist(),
                "pull_of_a_lake": [
                    round(float(v), 2)
                    for v in np.quantile([np.sqrt(np.mean(t.pull**2)) for t in trials], (0.1, 0.5, 0.9))
                ],
                "worst_percent": (100.0 * np.max([t.worst for t in trials], axis=0)).round(2).tolist(),
                "unflagged": round(float(np.mean([t.unflagged for t in trials])), 2),
                "forms": sorted({t.form for t in trials}),
                "cpu_seconds_a_fit": round((time.process_time() - start) / options.seeds, 2),
            }
            rows.append(row)
            if not options.json:
                print(
                    f"{name:<15}{years:>2} y  pull {row['pull']}  of a lake {row['pull_of_a_lake']}  "
                    f"worst % {row['worst_percent']}  unflagged {row['unflagged']}  {row['forms']}",
                    flush=True,
                )
    if options.json:
        print(json.dumps({"fluxes": FLUXES, "rows": rows}, indent=2))


if __name__ == "__main__":
    main()
