"""``cte-lake simulate`` as it is called."""

import json

import pytest
from typer.testing import CliRunner

from cte_lake.cli import simulate
from cte_lake.errors import UsageError


def run(*arguments):
    return CliRunner().invoke(simulate.app, ["simulate", *map(str, arguments)], catch_exceptions=False)


def test_a_call_writes_frames_catalog_and_truth_and_tells_what_is_next(tmp_path):
    result = run(tmp_path, "--width", 128, "--stars", 40, "--flash", 12, "--catalog", "ecsv", "--json")
    assert result.exit_code == 0
    (made,) = json.loads(result.stdout)
    assert len(made["frames"]) == 4
    assert made["master"].endswith("ngc104_master.ecsv")
    (pair,) = json.loads((tmp_path / "ngc104" / "truth.json").read_text())
    assert pair["flash"] == 12
    assert "cte-lake run" in result.stderr


@pytest.mark.slow
def test_the_same_seed_writes_the_same_bytes(tmp_path):
    for name in ("one", "two"):
        run(tmp_path / name, "--width", 128, "--stars", 20, "--target", "ngc6583", "--seed", 4)
    one, two = (sorted((tmp_path / name).rglob("*.*")) for name in ("one", "two"))
    assert [path.name for path in one] == [path.name for path in two]
    assert [path.read_bytes() for path in one] == [path.read_bytes() for path in two]


@pytest.mark.parametrize(
    "arguments",
    [
        ("--width", "77"),
        ("--target", "m31"),
        ("--compression", "zip"),
        ("--catalog", "doc"),
        ("--filter", "F1"),
    ],
)
def test_what_cannot_be_made_is_refused_before_anything_is_written(tmp_path, arguments):
    with pytest.raises(UsageError):
        run(tmp_path / "new", *arguments)
    assert not (tmp_path / "new").exists()
