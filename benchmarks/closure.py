"""Closure before and after: bias and pull of each estimator, and of physics the correction does not assume.

python benchmarks/closure.py [--realisations 300] [--json]
"""

from __future__ import annotations

import argparse
import json
import time

import numpy as np

from cte_lake.model.closure import ClosureOptions, before_and_after, run_closure
from cte_lake.model.closure_report import summarise
from cte_lake.model.injection import DEFAULT_LAW, Injection


def scaled(factor: float) -> Injection:
    return Injection(law=tuple(tuple(factor * value for value in row) for row in DEFAULT_LAW))


def cases() -> dict[str, tuple[Injection, ClosureOptions]]:
    new = ClosureOptions()
    found = {name: (Injection(), options) for name, options in before_and_after().items()}
    found["last one, background 12 e-/px"] = (Injection(background=12.0), new)
    found["last one, Tukey instead of Huber"] = (Injection(), ClosureOptions(robust="tukey"))
    found["last one, twice the loss"] = (scaled(2.0), new)
    found["last one, loss at the flux before readout, exp(-S t)"] = (Injection(form="initial"), new)
    found["last one, loss at the flux before readout, 1 - S t"] = (Injection(form="linear"), new)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--realisations", type=int, default=300)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    results = {}
    for name, (setup, how) in cases().items():
        start = time.perf_counter()
        report = summarise(run_closure(options.realisations, setup, how))
        means = [row["pull_mean"] for row in report.coefficients]
        widths = [row["pull_width"] for row in report.coefficients]
        results[name] = {
            "faint_slope_bias_percent": 100 * report.slopes[0]["bias"] / report.slopes[0]["injected"],
            "largest_pull_mean": max(means, key=abs),
            "pull_widths": [min(widths), max(widths)],
            "faint_flux_bias_percent": max(
                (100 * row["corrected_bias"] for row in report.fluxes if row["bin_lo"] == 250.0), key=abs
            ),
            "largest_flux_bias_percent": max((100 * row["corrected_bias"] for row in report.fluxes), key=abs),
            "uncorrected_percent": float(np.min([100 * row["measured_bias"] for row in report.fluxes])),
            "seconds": time.perf_counter() - start,
        }
        if not options.json:
            line, low, high = results[name], min(widths), max(widths)
            print(
                f"{name}\n  slope 250-500 {line['faint_slope_bias_percent']:+.2f}%  "
                f"pull mean up to {line['largest_pull_mean']:+.2f}, width {low:.2f}-{high:.2f}  "
                f"corrected flux 250-500 {line['faint_flux_bias_percent']:+.2f}%, "
                f"worst {line['largest_flux_bias_percent']:+.2f}% "
                f"(uncorrected {line['uncorrected_percent']:+.1f}%)  {line['seconds']:.0f} s",
                flush=True,
            )
    if options.json:
        print(json.dumps(results, indent=2))


if __name__ == "__main__":
    main()
