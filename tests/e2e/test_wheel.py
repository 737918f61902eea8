"""A wheel built from the checkout, installed in a bare environment, works from any folder."""

import subprocess
import sys
import venv
import zipfile
from importlib.metadata import Distribution, distribution
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

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


def required(of: Distribution, extras: frozenset[str] = frozenset()) -> dict[str, Distribution]:
    """Return what a distribution requires, and what that requires, of what is installed here."""
    found: dict[str, Distribution] = {}
    asked, done = [(of, extras)], set()
    while asked:
        one, chosen = asked.pop()
        for each in map(Requirement, one.requires or ()):
            wanted = each.marker is None or any(each.marker.evaluate({"extra": x}) for x in {"", *chosen})
            key = (canonicalize_name(each.name), frozenset(each.extras))
            if wanted and key not in done:
                done.add(key)
                found[key[0]] = distribution(each.name)
                assert found[key[0]].version in each.specifier, each
                asked.append((found[key[0]], key[1]))
    return found


def link(these: dict[str, Distribution], site: Path) -> None:
    """Put installed distributions into another environment, as links: pip takes a minute for the same."""
    for each in these.values():
        for name in {path.parts[0] for path in each.files or ()} - {"..", "__pycache__"}:
            if not (site / name).exists():
                (site / name).symlink_to(each.locate_file(name))


@pytest.mark.slow
def test_it_works_in_a_bare_environment(wheel, tmp_path, program):
    """With what the wheel says that measuring needs, and nothing else."""
    bare = tmp_path / "bare"
    venv.create(bare)
    pip = [sys.executable, "-m", "pip", "--python", bare / "bin" / "python"]
    run(*pip, "install", "--quiet", "--no-compile", "--no-deps", wheel, cwd=tmp_path)
    (installed,) = bare.glob("lib/python*/site-packages/cte_lake-*.dist-info")
    link(required(Distribution.at(installed), frozenset({"measure"})), installed.parent)
    run(*pip, "check", cwd=tmp_path)
    assert not (installed.parent / "pandas").exists()
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
