"""Each chip's loss from the nominal program: is it the injected one, and what does it cost?

    python benchmarks/chips.py monitors [--seeds 32]    bias and pulls: two laws, rolls fixed and varied
    python benchmarks/chips.py pairs [--seeds 8]        against pairs and against a 180-degree set
    python benchmarks/chips.py scale [--exposures 252]  time and memory, 20,000 stars an exposure

`monitors` and `pairs` simulate star lists (`chip_trial`): 20 epochs, 2 exposures on each
chip, one in twenty without its partner, 3,000 stars, chips 5% to either side of the law. The bias is that
of the amplitude of a chip's loss over all epochs. `scale` keeps its lake in the current folder until it ends.
"""

from __future__ import annotations

import argparse
import resource
import shutil
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from chip_trial import Observed, Trial, observe, true_loss

from cte_lake.config import load_settings
from cte_lake.correction.memory_lake import MemoryLake
from cte_lake.model.chips.losses import ChipLosses
from cte_lake.model.chips.solve import Method, here, solve
from cte_lake.model.laws import LAWS as FORMS

BINS = (
    (250.0, 500.0),
    (500.0, 1000.0),
    (1000.0, 2000.0),
    (2000.0, 4000.0),
    (4000.0, 8000.0),
    (8000.0, 32000.0),
)
LAWS = ("power", "saturating")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("what", choices=("monitors", "pairs", "scale"))
    parser.add_argument("--seeds", type=int)
    parser.add_argument("--zero-per-bin", action="store_true")
    parser.add_argument("--exposures", type=int, default=252)
    parser.add_argument("--workers", type=int, default=0)
    options = parser.parse_args()
    if options.what == "monitors":
        monitors(options.seeds or 32, Method(zero_per_bin=options.zero_per_bin))
    elif options.what == "pairs":
        pairs(options.seeds or 8)
    else:
        scale(options.exposures, options.workers)


def solved(observed: Observed, method: Method | None = None) -> ChipLosses:
    """Solve for the losses of a simulated monitor."""
    groups, exposures = [observed.rows], observed.exposures
    return ChipLosses(
        exposures, solve([observed.rows.mean_log(exposures.zero)], exposures, here(groups, exposures), method)
    )


def monitors(seeds: int, method: Method) -> None:
    """Print bias and pulls of each law and kind of rolls."""
    for law in LAWS:
        for rolls in ("fixed", "varied"):
            trial = replace(Trial(), law=law, rolls=rolls)
            start = time.process_time()
            amplitudes, pulls = [], []
            for seed in range(seeds):
                observed = observe(trial, np.random.default_rng([seed, 18]), BINS)
                losses = solved(observed, method)
                true = true_loss(trial, observed.exposures, losses.solution.terms.pivot / np.log(10))
                error = np.sqrt(np.diag(losses.solution.covariance)).reshape(len(BINS), -1).T
                chip = np.array([one.chip for one in observed.exposures.settings])
                amplitudes.append(
                    [_amplitude(losses.solution.terms.loss - true, true, error, chip == c) for c in (1, 2)]
                )
                pulls.append((losses.solution.terms.loss - true) / error)
            cpu = (time.process_time() - start) / seeds
            _tell(
                f"{law:<11}{rolls:<7}", np.array(amplitudes), pulls, f"{seeds} monitors, {cpu:.2f} CPU s each"
            )


def _tell(case: str, amplitudes: Any, pulls: list[Any], cost: str) -> None:
    mean, known = 100 * amplitudes.mean(axis=0), 100 * amplitudes.std(axis=0) / len(amplitudes) ** 0.5
    for c in (0, 1):
        bins = ", ".join(f"{v:+.2f}" for v in mean[c, :-1])
        print(
            f"{case} chip {c + 1}: bias {mean[c, -1]:+.2f} +- {known[c, -1]:.2f}%; "
            f"of the bins {bins} (+- {known[c, :-1].mean():.2f})"
        )
    of_bins = [np.sqrt(np.mean(np.concatenate([p[:, k] for p in pulls]) ** 2)) for k in range(len(BINS))]
    rms = np.sqrt(np.mean(np.concatenate([p.ravel() for p in pulls]) ** 2))
    told = ", ".join(f"{v:.2f}" for v in of_bins)
    print(f"{'':<18} pulls: rms {rms:.2f}; of the bins {told}; {cost}", flush=True)


def _amplitude(off: Any, true: Any, error: Any, chosen: Any) -> list[float]:
    """Relative error of a chip's loss, of each bin and of all: how much of the truth fits what is off."""
    weight = error[chosen] ** -2.0
    up, down = weight * off[chosen] * true[chosen], weight * true[chosen] ** 2
    return [*(up.sum(axis=0) / down.sum(axis=0)), up.sum() / down.sum()]


def pairs(seeds: int) -> None:
    """Compare with the pairs of the same exposures, and with those of a 180-degree set."""
    settings = load_settings(environment={})
    names = ("mean of both chips", "mean of both chips, at one flux", "chip 1", "chip 2")
    found: dict[str, list[tuple[float, float, float]]] = {name: [] for name in names}
    with MemoryLake(settings.config, views=("cte",), threads=1) as lake:
        for seed in range(seeds):
            trial = replace(Trial(), law=LAWS[seed % 2])
            rng = np.random.default_rng([seed, 180])
            nominal = observe(trial, rng, BINS)
            date = trial.dates[12]
            turned = observe(replace(trial, rolls="turned", dates=(date,), repeats=4, alone=0.0), rng, BINS)
            losses = solved(nominal)
            lake.fill(
                *(
                    pa.concat_tables(each)
                    for each in zip(tables(nominal, "ngc104"), tables(turned, "ngc6583"), strict=True)
                )
            )
            rows = lake.sql(
                "SELECT target, chip, mjd, mean_log_flux, mean_log_flux_sq, cte_loss, cte_loss_err FROM cte "
                "WHERE estimator = 'log_ratio' AND cte_loss IS NOT NULL "
                "AND (bin_lo, bin_hi) NOT IN ((500, 2000), (2000, 8000))"
            ).rows()
            for row in losses.of_both_chips():
                same = [r for r in rows if r["target"] == "ngc104" and abs(r["mjd"] - row["mjd"]) < 1]
                _compare(found[names[0]], row, row["loss"], row["loss_err"], same)
                _compare(
                    found[names[1]], row, row["loss"], row["loss_err"], [_at_one_flux(r, trial) for r in same]
                )
            for row in losses.rows():
                if abs(row["mjd"] - date) < 1:
                    same = [r for r in rows if r["target"] == "ngc6583" and r["chip"] == row["chip"]]
                    _compare(found[f"chip {row['chip']}"], row, row["loss"], row["loss_err"], same)
    for name, values in found.items():
        ours, theirs, error = np.array(values).T
        weight = error**-2.0
        ratio = np.sum(weight * ours * theirs) / np.sum(weight * theirs**2)
        known = np.sum(weight * theirs**2) ** -0.5
        against = "pairs" if name.startswith("mean") else "180-degree pairs"
        rms = np.sqrt(np.mean((ours - theirs) ** 2 / error**2))
        print(
            f"{name:<32} over {against}: {ratio:.4f} +- {known:.4f}, "
            f"rms {rms:.2f} of the errors, {len(values)} losses"
        )


def _at_one_flux(row: Any, trial: Trial) -> Any:
    """Take from a pair's loss what the law's curvature within the flux bin adds to it."""
    step = 0.05
    fluxes = row["mean_log_flux"] + np.array([-step, 0.0, step])
    below, here, above = FORMS[trial.law].loss(np.full(3, row["mjd"]), fluxes, np.full(3, trial.sky))
    spread = row["mean_log_flux_sq"] - row["mean_log_flux"] ** 2
    return row | {
        "cte_loss": row["cte_loss"] / (1.0 + (below + above - 2.0 * here) / step**2 / here * spread / 2.0)
    }


def _compare(
    found: list[tuple[float, float, float]], row: Any, loss: float, error: float, others: Any
) -> None:
    """Note a loss with that of the pairs at the same flux, between two flux bins of theirs."""
    fluxes = sorted({round(r["mean_log_flux"], 1) for r in others})
    means = []
    for flux in fluxes:
        near = [r for r in others if round(r["mean_log_flux"], 1) == flux]
        weight = np.array([r["cte_loss_err"] for r in near]) ** -2.0
        of = {
            n: float(np.sum(weight * [r[n] for r in near]) / weight.sum())
            for n in ("mean_log_flux", "cte_loss")
        }
        means.append((of["mean_log_flux"], of["cte_loss"], weight.sum() ** -0.5))
    if len(means) < 2:
        return
    f, value, known = np.array(means).T
    at = row["mean_log_flux"]
    if f[0] <= at <= f[-1]:
        # Losses are about a power of the flux: straight between bins in their logarithms.
        theirs = float(np.exp(np.interp(at, f, np.log(np.maximum(value, 1e-4)))))
        found.append((loss, theirs, float(np.hypot(error, np.interp(at, f, known)))))


def tables(observed: Observed, target: str) -> tuple[pa.Table, pa.Table]:
    """Return a simulated monitor as rows of the datasets ``exposures`` and ``phot``."""
    from cte_lake.correction.closure import exposure_row, photometry_table

    exposures, parts = [], []
    for k, (name, place) in enumerate(
        zip(observed.exposures.names, observed.exposures.setting_of, strict=True)
    ):
        one = observed.exposures.settings[place]
        seen = np.flatnonzero(np.isfinite(observed.rows.flux[:, k]))
        half = target == "ngc6583" and observed.exposures.turn[k] < 0
        rootname = f"i{'t' if target == 'ngc104' else 'r'}{name[-3:]}{one.epoch:02d}aq"[:9]
        row = exposure_row(rootname, one.chip, observed.exposures.mjd[k], seen.size) | {
            "target": target, "pa_v3": 180.0 * half, "phot_key": f"{k:08x}", "visit": f"{one.epoch:02d}"[-2:]
        }  # fmt: skip
        if target == "ngc6583":
            row |= {"visit": f"{10 + half}", "proposal": 12692}
        exposures.append(row)
        table = photometry_table(
            row,
            observed.exposures.background[k],
            observed.y[seen, k],
            observed.rows.flux[seen, k].astype(float),
        )
        keys = {
            n: pa.repeat(pa.scalar(row[n]), seen.size) for n in ("target", "proposal", "flash", "filetype")
        }
        for n, values in keys.items():
            table = table.set_column(table.column_names.index(n), n, values)
        parts.append(table.set_column(table.column_names.index("master_id"), "master_id", pa.array(seen + 1)))
    return pa.Table.from_pylist(exposures), pa.concat_tables(parts)


def scale(exposures: int, workers: int) -> None:
    """Solve a lake of so many exposures of 20,000 stars in a process of its own, and print what it took."""
    import multiprocessing

    root = Path("chips-scale-lake")
    start = time.process_time()
    grow(root, exposures)
    print(f"lake written in {time.process_time() - start:.0f} CPU s", flush=True)
    try:
        process = multiprocessing.get_context("spawn").Process(target=_solve_lake, args=(str(root), workers))
        process.start()
        process.join()
    finally:
        shutil.rmtree(root)


def _solve_lake(root: str, workers: int) -> None:
    from cte_lake import open_lake
    from cte_lake.pipeline.dask import WorkerSettings

    start, cpu = time.monotonic(), time.process_time()
    with open_lake(root, threads=2, memory_limit="600MB") as lake:
        losses = lake.solve_chips(target="ngc104", workers=WorkerSettings(workers, None, "2GB", 1))
    used = resource.getrusage(resource.RUSAGE_SELF)
    assert losses.left_out is not None
    print(
        f"{losses.left_out.rows:,} measurements, {len(losses.exposures)} exposures, "
        f"{len(losses.loss)} losses, {losses.solution.passes} passes: {time.monotonic() - start:.0f} s, "
        f"{time.process_time() - cpu:.0f} CPU s, at most {used.ru_maxrss / 1024:.0f} MB"
    )


def grow(root: Path, exposures: int) -> None:
    """Write a lake of 20,000 stars in exposures of six levels of post-flash on both chips."""
    from cte_lake.lake.create import create_lake
    from cte_lake.lake.stored import stored
    from cte_lake.simulate.program import TARGETS, nominal_visit, proposal_at

    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
    from benchmarks.simulated_photometry import draw_stars, fill_lake, simulate_photometry

    create_lake(stored(root))
    stars = draw_stars(TARGETS["ngc104"], 20_000)
    visits = 21
    repeats = max(1, round(exposures / visits / 12))
    for number in range(visits):
        mjd = 55110.0 + 250.0 * number
        visit = nominal_visit(
            TARGETS["ngc104"], mjd, visit=f"{number:02d}", proposal=proposal_at(mjd)[0],
            flashes=(0, 6, 12, 33, 55, 91), repeats=repeats,
        )  # fmt: skip
        fill_lake(
            stored(root),
            (
                simulate_photometry(plan, stars, chip=1 if plan.postarg2 else 2, radii=(3,))
                for plan in visit.exposures
            ),
        )


if __name__ == "__main__":
    main()
