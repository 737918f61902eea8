"""A small installation reads, corrects and reports; what it lacks is named with the extra that brings it."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import numpy as np
import pytest
from astropy.table import Table

from cte_lake.cli.faults import surroundings
from cte_lake.config import load_settings
from cte_lake.correction.coefficient_files import find_coefficients
from cte_lake.lake.stored import stored
from cte_lake.model.correct_table import correct_table
from cte_lake.pipeline.master_import import import_master

ROOT = Path(__file__).resolve().parents[2]
#: What only extras bring, and what comes with it.
EXTRAS = [
    "asdf",
    "asdf_astropy",
    "cryptography",
    "cffi",
    "astroquery",
    "astroscrappy",
    "dask",
    "distributed",
    "drizzlepac",
    "fsspec",
    "gwcs",
    "llvmlite",
    "numba",
    "pandas",
    "photutils",
    "polars",
    "s3fs",
    "scipy",
    "sklearn",
    "skimage",
    "stsci",
    "stwcs",
    "tornado",
    "tweakwcs",
]
PRELUDE = f"""
from importlib.machinery import PathFinder
found = PathFinder.find_spec
gone = frozenset({EXTRAS!r})
PathFinder.find_spec = lambda name, path=None, target=None: (
    None if name.split(".")[0] in gone else found(name, path, target)
)
from cte_lake.cli.main import main
main()
"""


def small(*arguments):
    command = [sys.executable, "-c", PRELUDE, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT, timeout=400)


@pytest.mark.slow
def test_a_small_installation_corrects_and_names_what_it_lacks(tmp_path, small_visit):
    table = tmp_path / "t.csv"
    table.write_text("flux,y,chip,mjd\n600,1500,2,57601.3\n9e4,3,1,58000\n-2,1,1,57000\n")
    done = small("correct", table, "-c", "simulated_demo_flt_r3", "-o", tmp_path / "o.ecsv")
    assert done.returncode == 0, done.stderr
    # Loops that are not compiled give the same numbers.
    wanted = correct_table(Table.read(table), find_coefficients("simulated_demo_flt_r3", None))
    found = Table.read(tmp_path / "o.ecsv")
    for name in ("cte_loss", "cte_dmag_err", "corrected_flux", "cte_flag"):
        values = np.ma.filled(np.ma.asarray(found[name]).astype(float), np.nan)
        np.testing.assert_allclose(values, wanted[name], rtol=1e-12)
    done = small("init", tmp_path / "lake")
    assert done.returncode == 0, done.stderr
    done = small("sql", "--lake", tmp_path / "lake", "SELECT count(*) AS n FROM cte", "--format", "csv")
    assert done.stdout == "n\n0\n", done.stderr
    lake = stored(tmp_path / "lake")
    import_master(lake, small_visit.master, small_visit.target, load_settings(lake).config)
    for command in ("align", "ingest"):
        done = small(command, small_visit.frames[0], "--lake", tmp_path / "lake")
        assert (done.returncode, "Traceback" in done.stderr) == (2, False), done.stderr
        assert "pip install 'cte-lake[measure]'" in done.stderr


def test_only_measuring_and_preparing_need_what_extras_bring():
    apart = {"demo", "masters", "photometry", "pipeline", "simulate"}
    package = ROOT / "cte_lake"
    needed = {
        f"{path.relative_to(package)}: {name}"
        for path in package.rglob("*.py")
        if path.relative_to(package).parts[0] not in apart
        for name in re.findall(r"^(?:from|import) (\w+)", path.read_text(encoding="utf-8"), re.MULTILINE)
        if name in EXTRAS and name not in {"fsspec", "s3fs"}
    }
    assert needed == set()


def test_every_package_of_measuring_and_preparing_is_told_by_its_extra():
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    for extra in ("measure", "prepare", "archive"):
        for requirement in extras[extra]:
            name = re.split(r"[\[>]", requirement)[0]
            if name != "cte-lake":
                told = surroundings(ModuleNotFoundError(f"No module named {name!r}", name=name))
                assert f"cte-lake[{extra}]" in str(told)
