"""A wheel built from the checkout, installed in a bare environment, works from any folder."""

import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest

from tests.e2e.conftest import environment

ROOT = Path(__file__).resolve().parents[2]


def run(*command, cwd):
    done = subprocess.run(
        [str(part) for part in command],
        cwd=cwd,
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
        timeout=500,
    )
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    folder = tmp_path_factory.mktemp("wheel")
    run(sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", folder, ROOT, cwd=folder)
    (path,) = folder.glob("*.whl")
    return path


@pytest.mark.slow
def test_it_carries_sql_schemas_and_types(wheel):
    names = set(zipfile.ZipFile(wheel).namelist())
    for folder in ("sql", "catalog_schemas", "coefficient_sets"):
        inside = {
            name.removeprefix("cte_lake/_data/")
            for name in names
            if name.startswith(f"cte_lake/_data/{folder}/")
        }
        stated = {
            str(path.relative_to(ROOT))
            for path in (ROOT / folder).rglob("*")
            if path.suffix in {".sql", ".toml"}
        }
        assert stated
        assert stated <= inside
    assert {"cte_lake/py.typed", "cte_lake/config/defaults.toml"} <= names


@pytest.mark.slow
def test_it_works_in_a_bare_environment(wheel, tmp_path, program):
    bare = tmp_path / "bare"
    venv.create(bare)
    pip = [
        sys.executable,
        "-m",
        "pip",
        "--python",
        bare / "bin" / "python",
        "install",
        "--quiet",
        "--no-compile",
        "--constraint",
        ROOT / "constraints.txt",
    ]
    run(*pip, f"{wheel}[measure]", cwd=tmp_path)
    cte_lake = bare / "bin" / "cte-lake"
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    lake = tmp_path / "lake"
    run(cte_lake, "init", lake, cwd=elsewhere)
    run(cte_lake, "master", "import", program.master, "--target", "ngc104", "--lake", lake, cwd=elsewhere)
    run(cte_lake, "ingest", program.frames[0].parent, "--lake", lake, "--workers", 1, cwd=elsewhere)
    counted = run(
        cte_lake, "sql", "--format", "csv", "--lake", lake, "SELECT count(*) AS n FROM pairs", cwd=elsewhere
    )
    assert counted.stdout.split() == ["n", "4"]
    place = "import cte_lake; print(cte_lake.__file__)"
    assert str(bare) in run(bare / "bin" / "python", "-c", place, cwd=elsewhere).stdout
