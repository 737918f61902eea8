"""Closure before and after: bias and pull of each estimator, and of physics the correction does not assume.

Every realisation is a lake in memory of 20 pairs, measured by the views of sql/ and fitted as `cte-lake fit`
does.

    python benchmarks/closure.py [--realisations 300] [--case WORDS] [--json]
"""

from __future__ import annotations

import argparse
import json
import time
from typing import Any

import numpy as np

from cte_lake.correction.closure import run_closure
from cte_lake.model.closure import ClosureOptions, summarise
from cte_lake.model.injection import DEFAULT_LAW, Injection

HEAD = (
    "| case | slope 250-500 e- | largest pull mean | pull width | uncorrected flux | corrected 250-500 e- |"
    " worst bin | CPU s/realisation |\n|---|---|---|---|---|---|---|---|"
)


def scaled(factor: float) -> Injection:
    first, second, third = ((factor * a, factor * b, factor * c) for a, b, c in DEFAULT_LAW)
    return Injection(law=(first, second, third))


def cases() -> dict[str, tuple[Injection, ClosureOptions]]:
    new = ClosureOptions()
    found = {
        name: (Injection(), options)
        for name, options in (
            ("2017: both fluxes in the bin, ratio, log of the mean flux", ClosureOptions("both_in_bin")),
            ("mean flux in the bin, ratio, log of the mean flux", ClosureOptions("mean_flux")),
            ("mean flux in the bin, log ratio, mean log flux", ClosureOptions("log_ratio")),
        )
    }
    found["last one, background 12 e-/px"] = (Injection(background=12.0), new)
    found["last one, Tukey instead of Huber"] = (Injection(), ClosureOptions(robust="tukey"))
    found["last one, twice the loss"] = (scaled(2.0), new)
    found["last one, loss at the flux before readout, exp(-S t)"] = (Injection(form="initial"), new)
    found["last one, loss at the flux before readout, 1 - S t"] = (Injection(form="linear"), new)
    return found


def figures(realisations: int, setup: Injection, how: ClosureOptions) -> dict[str, Any]:
    start = time.process_time()
    report = summarise(run_closure(realisations, setup, how))
    means = [row["pull_mean"] for row in report.coefficients]
    widths = [row["pull_width"] for row in report.coefficients]
    faint = [100 * row["corrected_bias"] for row in report.fluxes if row["bin_lo"] == 250.0]
    return {
        "faint_slope_bias_percent": 100 * report.slopes[0]["bias"] / report.slopes[0]["injected"],
        "largest_pull_mean": max(means, key=abs),
        "pull_widths": [min(widths), max(widths)],
        "uncorrected_percent": float(np.min([100 * row["measured_bias"] for row in report.fluxes])),
        "faint_flux_bias_percent": max(faint, key=abs),
        "largest_flux_bias_percent": max((100 * row["corrected_bias"] for row in report.fluxes), key=abs),
        "cpu_seconds": (time.process_time() - start) / realisations,
        "coefficients": report.coefficients,
        "failures": report.failures,
    }


def line(name: str, found: dict[str, Any]) -> str:
    low, high = found["pull_widths"]
    return (
        f"| {name} | {found['faint_slope_bias_percent']:+.2f}% | {found['largest_pull_mean']:+.2f} "
        f"| {low:.2f}-{high:.2f} | {found['uncorrected_percent']:+.1f}% "
        f"| {found['faint_flux_bias_percent']:+.2f}% | {found['largest_flux_bias_percent']:+.2f}% "
        f"| {found['cpu_seconds']:.2f} |"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--realisations", type=int, default=300)
    parser.add_argument("--case", default="", help="only cases whose name holds these words")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    results = {}
    if not options.json:
        print(HEAD)
    for name, (setup, how) in cases().items():
        if options.case not in name:
            continue
        results[name] = figures(options.realisations, setup, how)
        if not options.json:
            print(line(name, results[name]), flush=True)
    if options.json:
        print(json.dumps(results, indent=2))


if __name__ == "__main__":
    main()
