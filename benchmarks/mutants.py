"""Break lines of a copy of the project, one at a time: does a test fail?

    python benchmarks/mutants.py [NAME ...]

Prints a line a mutant, and exits 1 if one survives.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class Mutant:
    """One broken line: the file, what stands there, what is put there, and the tests that should notice."""

    name: str
    path: str
    old: str
    new: str
    tests: tuple[str, ...]


MUTANTS = (
    Mutant(
        "flash-qualify",
        "sql/cte_vs_flash.sql",
        "QUALIFY several_flashes(\n    c.flash, c.target, c.filter, c.length, c.filetype, c.chinject, "
        "c.generation, c.epoch, c.pairing, c.estimator\n)",
        "",
        ("tests/sql/test_flash.py",),
    ),
    Mutant(
        "middle-row",
        "cte_lake/plots/ratio.py",
        'reference(axes, DETECTOR.middle_row, "v")',
        'reference(axes, 2000, "v")',
        ("tests/plots/test_figures.py", "tests/plots/test_what_figures_say.py"),
    ),
    Mutant(
        "bin-of-both",
        "sql/in_flux_bin.sql",
        "least(flux_1, flux_2) > bin_lo",
        "flux_1 > bin_lo",
        ("tests/sql/test_golden.py", "tests/sql/test_estimators.py"),
    ),
    Mutant(
        "nearest-in-time",
        "sql/pairings.sql",
        "min(a.cost + c.cost)",
        "max(a.cost + c.cost)",
        ("tests/sql/test_pairing.py",),
    ),
    Mutant(
        "epoch-width",
        "sql/visits.sql",
        "o.first_mjd + s.epoch_width_days",
        "o.first_mjd + 2 * s.epoch_width_days",
        ("tests/sql/test_epochs.py",),
    ),
    Mutant(
        "clip-once",
        "sql/clip_step.sql",
        "'converged': false",
        "'converged': true",
        ("tests/sql/test_clip_fit.py",),
    ),
    Mutant(
        "dark-at-readout",
        "sql/background_at_readout.sql",
        "sky + flash + coalesce",
        "sky + coalesce",
        ("tests/sql/test_readout_background.py",),
    ),
    Mutant(
        "any-background",
        "cte_lake/model/points.py",
        '("readout_background", "background")',
        '("background", "readout_background")',
        ("tests/sql/test_readout_background.py",),
    ),
    Mutant(
        "any-file-of-a-key",
        "sql/measured_stars.sql",
        "    AND p.file = lake_folder() || e.phot_file",
        "",
        ("tests/lake/maintenance/test_lying_lakes.py",),
    ),
    Mutant(
        "newest-product",
        "cte_lake/lake/versions.py",
        "newest[version.rootname] < version",
        "newest[version.rootname] > version",
        ("tests/lake/test_versions.py",),
    ),
    Mutant(
        "visit-of-one-digit",
        "cte_lake/lake/selection.py",
        "visit.lower().zfill(2)",
        "visit.lower()",
        ("tests/lake/test_selection.py", "tests/test_api.py"),
    ),
    Mutant(
        "nan-in-a-range",
        "cte_lake/lake/selection.py",
        'f"{at} IS NOT NULL", f"NOT isnan({at}::DOUBLE)", *tests',
        'f"{at} IS NOT NULL", *tests',
        ("tests/lake/test_selection.py",),
    ),
    Mutant(
        "replaced-file",
        "cte_lake/lake/contents.py",
        "return self.bounds != self.found",
        "return False",
        ("tests/lake/maintenance/test_lying_lakes.py",),
    ),
    Mutant(
        "clipped-stars",
        "cte_lake/plots/ratio.py",
        "y[here & ~kept], ratio[here & ~kept]",
        "y[here & kept], ratio[here & kept]",
        ("tests/plots/test_figures.py", "tests/plots/test_what_figures_say.py"),
    ),
    Mutant(
        "gap-in-a-mean",
        "cte_lake/plots/background.py",
        "1 + np.flatnonzero(_gaps(x, stars))",
        "[]",
        ("tests/plots/test_figures.py", "tests/plots/test_what_figures_say.py"),
    ),
    Mutant(
        "generation-by-name",
        "sql/shown_generation.sql",
        "<> (asked IN",
        "= (asked IN",
        ("tests/sql/test_macros.py",),
    ),
    Mutant(
        "small-areas",
        "sql/usable_star.sql",
        "coalesce(area >= least_area, true)",
        "true",
        ("tests/sql/test_macros.py",),
    ),
    Mutant(
        "found-though-flagged",
        "sql/recovery.sql",
        "coalesce(t.usable AND t.shown, false)",
        "coalesce(t.shown, false)",
        ("tests/sql/test_recovery.py",),
    ),
    Mutant(
        "late-visit",
        "sql/overdue.sql",
        "x.days > 1.6 * x.cadence",
        "x.days > 2.6 * x.cadence",
        ("tests/sql/test_coverage.py",),
    ),
    Mutant(
        "kept-by-any-name",
        "cte_lake/lake/kept_files.py",
        'if listed.path.split(".")[-2] == checksum(content):',
        "if content:",
        ("tests/sql/test_kept.py",),
    ),
    Mutant(
        "old-lock-for-all",
        "cte_lake/lake/bucket.py",
        "path.put(mine, if_tag=head.tag)",
        "path.put(mine)",
        ("tests/lake/test_lease.py",),
    ),
    Mutant(
        "file-before-its-row",
        "cte_lake/lake/maintenance/vacuum.py",
        "max(since_ns, listed.mtime_ns) < self.cutoff_ns",
        "since_ns < self.cutoff_ns",
        ("tests/lake/maintenance/test_vacuum.py",),
    ),
    Mutant(
        "epoch-to-the-day",
        "cte_lake/plots/epochs.py",
        "np.round(year_of(dates), 2)",
        "year_of(dates)",
        ("tests/plots/test_figures.py", "tests/plots/test_what_figures_say.py"),
    ),
    Mutant(
        "wild-error-bar",
        "cte_lake/plots/axes.py",
        "max(0.6 * span, float(np.median(reach)) * 3)",
        "np.inf",
        ("tests/plots/test_style.py",),
    ),
    Mutant(
        "open-is-flt",
        "cte_lake/plots/epochs.py",
        '(self.filetype != "flc") == filled',
        '(self.filetype == "flc") == filled',
        ("tests/plots/test_figures.py", "tests/plots/test_what_figures_say.py"),
    ),
    Mutant(
        "percent",
        "sql/losses.sql",
        "(100 * c.cte_loss)",
        "(c.cte_loss)",
        ("tests/sql/test_losses.py",),
    ),
    Mutant(
        "loss-bins",
        "sql/losses.sql",
        "INNER JOIN loss_bins AS b",
        "INNER JOIN flux_bins AS b",
        ("tests/sql/test_losses.py",),
    ),
    Mutant(
        "kept-flux",
        "sql/flux_background.sql",
        "(1 / b.ratio)",
        "(b.ratio)",
        ("tests/sql/test_losses.py",),
    ),
    Mutant(
        "near-amplifier",
        "sql/flux_background.sql",
        "b.distance > 1750",
        "b.distance > 750",
        ("tests/sql/test_losses.py",),
    ),
    Mutant(
        "focus-median",
        "sql/focus.sql",
        "median(p.flux_r02 / p.flux_r10) AS middle",
        "avg(p.flux_r02 / p.flux_r10) AS middle",
        ("tests/sql/test_growth.py",),
    ),
    Mutant(
        "another-observation",
        "sql/unpaired.sql",
        "len(c.observed) <= 1",
        "len(c.observed) <= 2",
        ("tests/sql/test_pairing.py",),
    ),
    Mutant(
        "far-half",
        "cte_lake/plots/recovery.py",
        "(far == half)",
        "(far != half)",
        (
            "tests/plots/test_figures.py",
            "tests/plots/test_what_figures_say.py",
        ),
    ),
    Mutant(
        "no-coefficients",
        "cte_lake/plots/series.py",
        "not (here & np.isfinite(left)).any()",
        "(here & np.isfinite(left)).any()",
        (
            "tests/plots/test_figures.py",
            "tests/plots/test_what_figures_say.py",
        ),
    ),
    Mutant(
        "measured-again",
        "cte_lake/report/status.py",
        "images[name] != before[name]",
        "images[name] == before[name]",
        ("tests/report/test_parts.py",),
    ),
    Mutant(
        "next-pair",
        "cte_lake/report/pair_pages.py",
        '.append(_link("next", later))',
        '.append(_link("next", earlier))',
        ("tests/report/test_morning.py",),
    ),
    Mutant(
        "first-missing",
        "cte_lake/report/coverage.py",
        "*lacking[:most]",
        "*lacking[: most + 1]",
        ("tests/report/test_parts.py",),
    ),
    Mutant(
        "masked-pairs",
        "cte_lake/correction/cautions.py",
        "FILTER (NOT cr_masked)",
        "FILTER (cr_masked)",
        ("tests/correction/test_cautions.py",),
    ),
    Mutant(
        "set-to-use",
        "cte_lake/correction/renewal.py",
        "return not state.use,",
        "return state.use,",
        ("tests/correction/test_renewal.py",),
    ),
    Mutant(
        "look-at-it",
        "cte_lake/correction/renewal.py",
        "_LOOK = 3.0",
        "_LOOK = 300.0",
        ("tests/correction/test_renewal.py",),
    ),
    Mutant(
        "gone-is-withdrawn",
        "cte_lake/lake/maintenance/snapshots.py",
        "if exact and key not in kept and not row.withdrawn",
        "if exact and key not in kept and row.withdrawn",
        ("tests/lake/maintenance/test_snapshot.py",),
    ),
    Mutant(
        "dead-writer",
        "cte_lake/lake/scratch.py",
        'named["host"] == _host() and not alive',
        'named["host"] == _host() and alive',
        ("tests/lake/test_scratch.py",),
    ),
)


def copy_of(root: Path, to: Path) -> Path:
    """Copy what git knows, so that the checkout is not touched."""
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=root, check=True, capture_output=True, text=True, timeout=7200
    )
    for name in filter(None, listed.stdout.split("\0")):
        target = to / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(root / name, target)
    return to


def is_killed(mutant: Mutant, copy: Path) -> bool:
    """Break the line, run the tests, put the line back."""
    path = copy / mutant.path
    text = path.read_text(encoding="utf-8")
    if text.count(mutant.old) < 1:
        sys.exit(f"{mutant.name}: {mutant.path} no longer holds {mutant.old!r}")
    path.write_text(text.replace(mutant.old, mutant.new), encoding="utf-8")
    line = [sys.executable, "-m", "pytest", "-q", "-x", "-n", "0", "-p", "no:cacheprovider", *mutant.tests]
    try:
        done = subprocess.run(
            line,
            cwd=copy,
            env=os.environ | {"PYTHONPATH": str(copy)},
            check=False,
            capture_output=True,
            timeout=7200,
        )
    finally:
        path.write_text(text, encoding="utf-8")
    # 1 is a failed test; anything else is a run that proves nothing.
    if done.returncode not in {0, 1}:
        sys.exit(f"{mutant.name}: pytest ended with {done.returncode}\n{done.stdout.decode()[-2000:]}")
    return done.returncode == 1


def main() -> int:
    """Try the mutants that are named, all by default."""
    wanted = set(sys.argv[1:]) or {mutant.name for mutant in MUTANTS}
    survived = 0
    with tempfile.TemporaryDirectory() as folder:
        copy = copy_of(ROOT, Path(folder))
        for mutant in MUTANTS:
            if mutant.name in wanted:
                killed = is_killed(mutant, copy)
                survived += not killed
                print(f"{'killed  ' if killed else 'SURVIVED'} {mutant.name:<20} {mutant.path}", flush=True)
    return int(survived > 0)


if __name__ == "__main__":
    sys.exit(main())
