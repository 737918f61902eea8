"""Laws outside the family: are the errors of a set what its corrections are off by, now and years ahead?

Lakes of 168 pairs (2009 to 2024, six levels of post-flash, six flux bins) are drawn as slopes, with chips
5% to either side of their mean and visits that scatter by 2%; noise-free stars of the law are corrected by
the set that is fitted. The pulls are of unflagged stars, rms over dates, backgrounds, rows to 1,900 and
both chips. No two laws share a lake's noise.

A forecast has one future, which all its stars share: the pull of one lake is known to some factor of two,
and lakes of one law differ by their noise alone, not by what the law does next. `--group random` gives each
lake a law of its own, whose rate walks at random, more or less steadily: what a forecast is for.

    python benchmarks/laws.py [--seeds 10] [--group NAME] [--law NAME] [--years 0 1 3 5] [--json]
                              [--chips NAME] [--lake NAME [--background] [--no-sky]]
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from cte_lake.model.law_trial import FLUXES, run_trial
from cte_lake.model.laws import LAWS, Law
from cte_lake.model.slope_lake import SlopeLake


def _held_out() -> dict[str, Law]:
    """Laws that no choice in the model was made on: they are for the last look only."""

    def law(name: str, meaning: str, function: Callable[..., np.ndarray]) -> Law:
        return Law(name, meaning, function)

    def bent(t: np.ndarray, year: float, change: float) -> np.ndarray:
        return np.asarray(t + change * np.maximum(t - year + 2009.36, 0.0))

    found = [
        law(
            "braked",
            "t^0.8, from 2016 on at half the rate, flux^-0.55, exp(-b/20)",
            lambda t, f, b: (
                0.36 * (bent(t, 2016.0, -0.5) / 15) ** 0.8 * 10 ** (-0.55 * (f - 3)) * np.exp(-b / 20)
            ),
        ),
        law(
            "steep",
            "t^1.6, flux^-0.35, exp(-b/45)",
            lambda t, f, b: 0.33 * (t / 15) ** 1.6 * 10 ** (-0.35 * (f - 3)) * np.exp(-b / 45),
        ),
        law(
            "levelling",
            "1 - exp(-t/9), hyperbolic in the root of flux and in background",
            lambda t, f, b: 0.8 * (1 - np.exp(-t / 9)) / (1 + (10**f / 700) ** 0.5) / (1 + b / 8),
        ),
        law(
            "gain",
            "FLC: a loss of faint stars, a gain of bright ones that background lessens",
            lambda t, f, b: t / 15 * (0.2 * 10 ** (-0.7 * (f - 3)) * np.exp(-b / 25) - 0.02 / (1 + b / 50)),
        ),
        law(
            "two kinks",
            "rates that change in 2013 and 2018, flux^-0.5, (1 + b/6)^-0.7",
            lambda t, f, b: (
                0.34
                * bent(bent(t, 2013.0, 0.4), 2018.0, -0.3)
                / 15
                * 10 ** (-0.5 * (f - 3))
                * (1 + b / 6) ** -0.7
            ),
        ),
        law(
            "stretched",
            "linear in time, exp(-(flux/400)^0.4), exp(-(b/25)^0.7)",
            lambda t, f, b: 1.1 * t / 15 * np.exp(-((10**f / 400) ** 0.4)) * np.exp(-((b / 25) ** 0.7)),
        ),
        law(
            "step",
            "1 - exp(-t/6), lower by 15% from 2014 on, flux^-0.4, (1 + b/10)^-1",
            lambda t, f, b: (
                0.42
                * (1 - np.exp(-t / 6))
                * np.where(t >= 2014.0 - 2009.36, 0.85, 1.0)
                * 10 ** (-0.4 * (f - 3))
                / (1 + b / 10)
            ),
        ),
        law(
            "threshold",
            "ln(1 + t), flux^-0.5; background helps only beyond 8 e-/px, over 2 e-/px",
            lambda t, f, b: (
                0.13 * np.log1p(t) * 10 ** (-0.5 * (f - 3)) / (1 + np.logaddexp(0.0, (b - 8) / 2) * 2 / 15)
            ),
        ),
        law(
            "two exponentials",
            "t^0.9; exp(-flux/700) and exp(-flux/9000), which lose to background at different levels",
            lambda t, f, b: (
                (t / 15) ** 0.9
                * (
                    0.28 * np.exp(-(10**f) / 700) / (1 + b / 6)
                    + 0.14 * np.exp(-(10**f) / 9000) * np.exp(-b / 40)
                )
            ),
        ),
    ]
    return {one.name: one for one in found}


def _fresh() -> dict[str, Law]:
    """Laws invented when nothing in the model was to be changed any more."""

    def wave(t: np.ndarray) -> np.ndarray:
        return np.asarray(t + 0.08 * t * np.sin(2 * np.pi * t / 5))

    def anneals(t: np.ndarray) -> np.ndarray:
        return np.asarray(
            t * np.where(t >= 2013.5 - 2009.36, 0.94, 1.0) * np.where(t >= 2019.3 - 2009.36, 0.9, 1.0)
        )

    found = [
        Law(
            "fixed number",
            "a number of electrons whatever the flux, (1 + b/12)^-0.9",
            lambda t, f, b: 0.9 * t / 15 * 300 / (10**f + 300) * (1 + b / 12) ** -0.9,
        ),
        Law(
            "late start",
            "t^2 / (t^2 + 36), flux^-0.5 with a wave of 10%, exp(-b/35)",
            lambda t, f, b: (
                0.42
                * t**2
                / (t**2 + 36)
                * 10 ** (-0.5 * (f - 3))
                * (1 + 0.1 * np.sin(4 * f))
                * np.exp(-b / 35)
            ),
        ),
        Law(
            "five years' wave",
            "linear with a wave of five years, hyperbolic in the root of flux and in background",
            lambda t, f, b: 0.9 * wave(t) / 15 / (1 + (10**f / 500) ** 0.5) / (1 + b / 20),
        ),
        Law(
            "two anneals",
            "linear, falls by 6% in 2013 and 10% in 2019, flux^-0.48, exp(-b/28)",
            lambda t, f, b: 0.38 * anneals(t) / 15 * 10 ** (-0.48 * (f - 3)) * np.exp(-b / 28),
        ),
        Law(
            "crossing",
            "FLC: a gain of faint stars and a loss of bright ones",
            lambda t, f, b: t / 15 * (0.05 - 0.14 * np.exp(-(10**f) / 900)) * np.exp(-b / 40),
        ),
        Law(
            "minimum",
            "t^1.1, flux^-0.45, a loss that grows again beyond 60 e-/px",
            lambda t, f, b: (
                0.36 * (t / 15) ** 1.1 * 10 ** (-0.45 * (f - 3)) * (1 / (1 + b / 9) + 0.1 * (b / 116) ** 2)
            ),
        ),
    ]
    return {one.name: one for one in found}


def _random(seed: int) -> Law:
    """Return a law whose rate walks at random, with a steadiness and shapes of its own."""
    rng = np.random.default_rng([14, seed])
    years = np.linspace(0.0, 16.0, 161)
    steps = 10 ** rng.uniform(-1.7, -0.7) * rng.normal(size=years.size) * np.sqrt(years[1])
    rate = np.maximum(1.0 + np.cumsum(steps), 0.0)
    level = np.concatenate([[0.0], np.cumsum(0.5 * (rate[1:] + rate[:-1]) * np.diff(years))])
    index, sky = rng.uniform(0.35, 0.6), rng.uniform(15.0, 50.0)

    def loss(t: np.ndarray, f: np.ndarray, b: np.ndarray) -> np.ndarray:
        return np.asarray(
            0.38 * np.interp(t, years, level) / 15 * 10 ** (-index * (f - 3)) / (1 + b / sky) ** 0.9
        )

    return Law("random", "a rate that walks at random", loss)


def _hostile() -> dict[str, Law]:
    """Laws meant to break the fit: what it misses must be in its errors, or in docs/model_evidence.md."""

    def flux(f: np.ndarray) -> np.ndarray:
        return np.asarray(10 ** (-0.45 * (f - 3)))

    def law(name: str, course: Callable[..., np.ndarray], shape: Callable[..., np.ndarray]) -> Law:
        return Law(name, name, lambda t, f, b: course(t) * shape(f, b))

    def usual(f: np.ndarray, b: np.ndarray) -> np.ndarray:
        return flux(f) / (1 + b / 15)

    def linear(t: np.ndarray) -> np.ndarray:
        return np.asarray(0.4 * t / 15)

    found = [
        law("ln(1 + 3 t)", lambda t: 0.14 * np.log1p(3 * t), usual),
        law("saturates in b", linear, lambda f, b: flux(f) * (0.3 + 0.7 * np.exp(-b / 8))),
        law("ends in 2018", lambda t: np.where(t > 8.64, 0.0, linear(t)), usual),
        law("doubles in 2015", lambda t: 0.5 * linear(t) * np.where(t > 5.9, 2.0, 1.0), usual),
        law("wave of a year", lambda t: linear(t) * (1 + 0.06 * np.sin(2 * np.pi * t)), usual),
        law("turns back in 2022", lambda t: linear(t - 2 * np.maximum(t - 13.0, 0.0)), usual),
        law(
            "gain of bright", linear, lambda f, b: 0.75 * flux(f) ** 1.3 * np.exp(-b / 20) - 0.075 * (f > 3.6)
        ),
        law("step in flux", linear, lambda f, b: 0.75 * np.where(f < 3.2, 1.0, 0.35) / (1 + b / 15)),
        Law(
            "faint fall in 2016",
            "by 20%, under 1,000 e- alone",
            lambda t, f, b: 0.75 * linear(t) * np.where((t > 7) & (f < 3), 0.8, 1.0) * usual(f, b),
        ),
    ]
    return {one.name: one for one in found}


#: Half the chips' relative difference, of years since launch and log10 flux.
_CHIPS: dict[str, float | Callable[[np.ndarray, np.ndarray], np.ndarray]] = {
    "constant": 0.05,
    "by flux": lambda t, f: 0.01 + 0.08 / (1 + np.exp(-5 * (f - 3.2))) + 0 * t,
    "by flux, falling": lambda t, f: 0.05 - 0.04 * (f - 3.2) + 0 * t,
    "by date": lambda t, f: 0.05 + 0.07 * (t - 8) / 8 + 0 * f,
    "by date, late": lambda t, f: np.where(t > 10, 0.1, 0.02) + 0 * f,
}


#: How a lake is observed, where it is not as usual.
_LAKES: dict[str, dict[str, Any]] = {
    "usual": {},
    "one flash": {"flash": (12.0,)},
    "one flash, one sky": {"flash": (12.0,), "sky_scatter": 0.0},
    "no flash": {"flash": (0.0,)},
    "no flash, one sky": {"flash": (0.0,), "sky_scatter": 0.0},
    "one visit": {"visits_per_epoch": 1},
    "14 epochs": {"epochs": 14},
    "1,000 stars": {"stars": 1000},
    "steady visits": {"visit_scatter": 0.003},
    "unsteady visits": {"visit_scatter": 0.05},
    "outliers": {"outliers": 0.03},
}


def _later() -> dict[str, Law]:
    """Laws invented before the chips' difference and jumps of faint stars went into the model."""

    def year(value: float) -> float:
        return value - 2009.36

    def flux(f: np.ndarray, index: float) -> np.ndarray:
        return np.asarray(10 ** (-index * (f - 3)))

    def falls(t: np.ndarray) -> np.ndarray:
        one, two, three = (
            np.where(t >= year(y), part, 1.0) for y, part in ((2012.3, 0.93), (2016.8, 0.91), (2020.5, 0.92))
        )
        return np.asarray(t * one * two * three)

    def bends(t: np.ndarray) -> np.ndarray:
        return np.asarray(t + 0.6 * np.maximum(t - year(2012), 0) - 0.8 * np.maximum(t - year(2021), 0))

    def cycle(t: np.ndarray) -> np.ndarray:
        turn = 2 * np.pi / 11
        return np.asarray(t - 0.5 / turn * (np.sin(turn * (t - 3)) + np.sin(turn * 3)))

    laws: dict[str, Callable[..., np.ndarray]] = {
        "logistic": lambda t, f, b: (
            0.30 * (t / 15) ** 0.85 / (1 + np.exp((f - 3.3) / 0.4)) * (1 + b / 18) ** -0.8 + 0.006 * t / 15
        ),
        "bends": lambda t, f, b: 0.33 * bends(t) / 15 * flux(f, 0.52) * np.exp(-np.sqrt(b / 22)),
        "plateau": lambda t, f, b: (
            0.4
            * (t / 15) ** 1.35
            * flux(f, 0.48)
            * 10 ** (-0.05 * (f - 3) ** 2)
            * (0.15 + 0.85 * np.exp(-b / 14))
        ),
        "rise at an anneal": lambda t, f, b: (
            0.35 * (t / 15) ** 0.9 * np.where(t >= year(2018.4), 1.12, 1.0) * flux(f, 0.45) / (1 + b / 14)
        ),
        "three anneals": lambda t, f, b: 0.40 * falls(t) / 15 * flux(f, 0.46) * np.exp(-b / 32),
        "cycle": lambda t, f, b: 0.37 * cycle(t) / 15 / (1 + (10**f / 900) ** 0.6) * (1 + b / 9) ** -0.6,
        "gain in the middle": lambda t, f, b: (
            (t / 15) ** 1.2
            * (0.24 * flux(f, 0.7) * np.exp(-b / 22) - 0.035 * np.exp(-(((f - 3.5) / 0.6) ** 2)))
        ),
        "one saturates": lambda t, f, b: (
            0.2 * (1 - np.exp(-t / 5)) * flux(f, 0.3) / (1 + b / 50)
            + 0.15 * (t / 15) ** 1.8 * flux(f, 0.65) * np.exp(-b / 10)
        ),
    }
    return {name: Law(name, name, function) for name, function in laws.items()}


_GROUPS: dict[str, Callable[[], dict[str, Law]]] = {
    "known": lambda: dict(LAWS),
    "held-out": _held_out,
    "fresh": _fresh,
    "random": lambda: {"random": _random(0)},
    "hostile": _hostile,
    "later": _later,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=10)
    every = {name: law for group in _GROUPS.values() for name, law in group().items()}
    parser.add_argument("--law", action="append", choices=[*every])
    parser.add_argument("--group", choices=[*_GROUPS], default="known")
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    parser.add_argument("--chips", choices=[*_CHIPS], default="constant", help="how the chips lie apart")
    parser.add_argument("--years", type=int, nargs="*", default=[0, 1, 3, 5])
    parser.add_argument("--lake", choices=[*_LAKES], default="usual", help="how the lake is observed")
    parser.add_argument("--background", action="store_true", help="in the fit, with one flash too")
    parser.add_argument("--no-sky", action="store_true", help="correct without the stars' backgrounds")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    rows = []
    for name in options.law or _GROUPS[options.group]():
        for years in options.years:
            start = time.process_time()
            trials = []
            for number in range(options.first, options.first + options.seeds):
                seed = 1000 * [*every].index(name) + number
                law = _random(seed) if name == "random" else every[name]
                chips = 0.0 if name == "zero" else _CHIPS[options.chips]
                lake = SlopeLake(law, chips=chips, **_LAKES[options.lake])
                trials.append(run_trial(lake, seed, years, options.background or None, not options.no_sky))
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
                "jumps": [t.jumps for t in trials],
                "cpu_seconds_a_fit": round((time.process_time() - start) / options.seeds, 2),
            }
            rows.append(row)
            if not options.json:
                print(
                    f"{name:<15}{years:>2} y  pull {row['pull']}  of a lake {row['pull_of_a_lake']}  "
                    f"worst % {row['worst_percent']}  unflagged {row['unflagged']}  {row['forms']}  "
                    f"jumps {row['jumps']}",
                    flush=True,
                )
    if options.json:
        print(json.dumps({"fluxes": FLUXES, "rows": rows}, indent=2))


if __name__ == "__main__":
    main()
