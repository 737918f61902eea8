"""Housekeeping as a user meets it: plans, questions, exit codes."""

import json
import subprocess
import sys

import pytest
from typer.testing import CliRunner

from cte_lake.cli.housekeeping import seconds_of
from cte_lake.cli.main import app
from cte_lake.errors import AuditFailed, NothingToDo, UsageError
from tests.lake.conftest import age, answers


def call(*arguments):
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def files(root):
    return sorted(path for path in root.rglob("*.parquet") if ".cache" not in path.parts)


@pytest.mark.parametrize(
    "command",
    [("compact", "--min-files", 2), ("vacuum",), ("verify", "--quarantine"), ("snapshot", "SAVED")],
)
def test_a_dry_run_does_nothing(lake, lakes, tmp_path, command):
    lakes.fill(lake, revision=2)
    age(lake)
    before = files(lake)
    arguments = [str(tmp_path / "saved") if word == "SAVED" else word for word in command]
    done = call(*arguments, "--lake", lake, "--dry-run")
    assert done.exit_code == 0, done.output
    assert files(lake) == before
    assert not (tmp_path / "saved").exists()


def test_vacuum_names_each_file_and_deletes_on_agreement_alone(lake, lakes):
    lakes.fill(lake, revision=2)
    age(lake)
    planned = call("vacuum", "--lake", lake, "--dry-run")
    assert len(planned.stdout.splitlines()) == 16
    assert "superseded exposure rows" in planned.stdout
    before = files(lake)
    alone = call("vacuum", "--lake", lake)
    assert isinstance(alone.exception, UsageError)
    assert "--yes" in str(alone.exception)
    assert files(lake) == before
    done = call("vacuum", "--lake", lake, "--yes", "--json")
    assert json.loads(done.stdout)["files"] == 16
    assert len(files(lake)) == len(before) - 16


def test_compact_then_vacuum_then_verify(lake):
    before = answers(lake)
    done = call("compact", "--lake", lake, "--min-files", 2, "--phot-below", 8, "--json")
    assert json.loads(done.stdout) == {"partitions": 8, "files": 8}
    age(lake, 8)
    assert call("vacuum", "--lake", lake, "--yes").exit_code == 0
    verified = call("verify", "--lake", lake, "--json")
    assert json.loads(verified.stdout)["passed"]
    assert answers(lake) == before


def test_verify_fails_with_the_file_s_name(lake):
    gone = next((lake / "phot").rglob("ic7801aaq_flt*"))
    gone.unlink()
    done = call("verify", "--lake", lake)
    assert isinstance(done.exception, AuditFailed)
    assert gone.name in done.stdout


@pytest.mark.slow
def test_snapshot_and_restore(lake, lakes, tmp_path):
    saved = tmp_path / "saved"
    before = answers(lake)
    assert call("snapshot", saved, "--lake", lake).exit_code == 0
    lakes.fill(lake, revision=2)
    planned = call("restore", saved, "--lake", lake, "--dry-run")
    assert len(planned.stdout.splitlines()) == 8
    done = call("restore", saved, "--lake", lake, "--target", "ngc104", "--yes", "--json")
    assert json.loads(done.stdout) == {"restored": 8, "same": 0, "withdrawn": 0}
    assert answers(lake) == before
    assert call("restore", saved, "--lake", tmp_path / "new").exit_code == 0
    assert answers(tmp_path / "new") == before
    assert isinstance(call("restore", saved, "--lake", lake, "--target", "m31").exception, NothingToDo)


def test_durations():
    assert [seconds_of(text) for text in ("0", "30m", "12h", "7d", "1.5d")] == [
        0,
        1800,
        43200,
        604800,
        129600,
    ]
    for text in ("7", "week", "-1d", ""):
        with pytest.raises(UsageError, match="not a duration"):
            seconds_of(text)


@pytest.mark.slow
def test_rebuild_measures_again_what_is_named(small_visit, tmp_path):
    root = tmp_path / "lake"
    assert call("init", root).exit_code == 0
    assert call("master", "import", small_visit.master, "--target", "ngc104", "--lake", root).exit_code == 0
    frames = [str(frame) for frame in small_visit.frames]
    assert call("ingest", *frames, "--lake", root, "--workers", 0).exit_code == 0
    before = answers(root)
    (tmp_path / "list").write_text("# again\nic7801aaq\n")
    planned = call("rebuild", "--list", tmp_path / "list", "--lake", root, "--dry-run")
    assert len(planned.stdout.splitlines()) == 2
    assert isinstance(call("rebuild", "ic7801aaq", "--lake", root).exception, UsageError)
    done = call("rebuild", "--list", tmp_path / "list", "--lake", root, "--yes", "--workers", 0, "--json")
    assert json.loads(done.stdout)["measured"] == 2
    assert answers(root) == before
    unknown = call("rebuild", "ic9999zzq", "--lake", root, "--yes")
    assert isinstance(unknown.exception, NothingToDo)


def test_a_lake_of_a_later_version_is_refused_in_one_line(lake):
    path = lake / "cte_lake.toml"
    path.write_text(path.read_text().replace("lake_version = 1", "lake_version = 9"))
    line = [sys.executable, "-m", "cte_lake.cli.main", "schema", "diff", "--lake", str(lake)]
    done = subprocess.run(line, capture_output=True, text=True, check=False, timeout=400)
    assert done.returncode == 2
    assert done.stderr.startswith("cte-lake: ")
    assert "upgrade cte-lake" in done.stderr
