"""Every command on a lake in a bucket, one after the other as in the life of a lake."""

import json
import socket
import subprocess
import sys
from pathlib import Path
from unittest.mock import ANY

import duckdb
import pytest
from typer.testing import CliRunner

from cte_lake.cli.main import app

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def address(new_bucket):
    return f"s3://{new_bucket()}/monitor/lake"


@pytest.fixture(scope="module")
def run(address):
    """Run a command of `cte-lake` on the lake in the bucket; returns what it printed."""
    runner = CliRunner(env={"CTE_LAKE_LAKE": address, "CTE_LAKE_WORKERS_COUNT": "0", "COLUMNS": "100"})

    def invoke(*arguments, code=0):
        done = runner.invoke(app, [str(argument) for argument in arguments], catch_exceptions=False)
        assert done.exit_code == code, done.output
        return done.stdout if done.stdout.strip() else done.stderr

    return invoke


@pytest.fixture(scope="module")
def filled(run, address, program):
    assert "made a lake" in run("init", address)
    run("master", "import", program.master, "--target", "ngc104")
    assert "8 measured" in run("ingest", program.frames[0].parent, "--no-progress")
    return address


def test_preparing_and_ingesting(run, filled, program):
    frames = program.frames[0].parent
    assert "measure.aperture = 3" in run("config", "show")
    assert "ngc104: " in run("master", "show")
    assert "4 aligned" in run("align", frames, "--no-progress")
    assert "0 aligned, 4 up to date" in run("align", frames, "--no-progress")
    assert "8 measured" in run("ingest", frames, "--no-progress")
    assert "8 up to date" in run("ingest", frames, "--no-progress")
    rows = json.loads(
        run("sql", "SELECT alignment_hash IS NOT NULL AS aligned FROM exposures", "--format", "json")
    )
    assert rows == [{"aligned": True}] * 8
    assert "no difference" in run("schema", "diff")


def test_results(run, filled, tmp_path):
    assert "(32 rows)" in run("measure")
    assert "ok" in run("audit")
    made = run("fit", "--target", "ngc104", "--length", "l", "--filetype", "flt", "--flash", 0,
               "--min-stars", 3, "--time", "linear", "--name", "first")  # fmt: skip
    assert made.strip().endswith(f"{filled}/coefficients/first.toml")
    assert "first" in run("coeffs", "list")
    assert "c01" in run("coeffs", "show", "first")
    query = "SELECT cte_corrected(1000, 1024, 2, 57000.0).corrected_flux > 1000 AS brighter"
    assert json.loads(run("sql", query, "--coefficients", "first", "--format", "json")) == [
        {"brighter": True}
    ]
    run("plot", "cte-time", "-o", tmp_path / "time.png")
    assert (tmp_path / "time.png").stat().st_size > 10_000
    compared = json.loads(run("compare", f"{filled}:standard", filled, "--format", "json"))
    assert {(row["dmag_scatter"], row["difference"]) for row in compared} == {(0.0, 0.0)}


def test_reports(run, filled, tmp_path):
    import boto3

    client, name = boto3.client("s3"), filled.split("/")[2]

    def get(key):
        return client.get_object(Bucket=name, Key=f"monitor/lake/reports/{key}")

    first = run("report").strip()
    assert first.startswith(f"{filled}/reports/")
    page = f"{first.split('/')[-2]}/quality.html"
    told = get(page)["Body"].read() + b"<!-- as it was -->"
    client.put_object(Bucket=name, Key=f"monitor/lake/reports/{page}", Body=told)
    again = run("report", "--publish", tmp_path / "public").strip()
    assert again == str(tmp_path / "public" / "index.html")
    # Nothing changed: all but the first screen is taken over.
    assert (tmp_path / "public" / "quality.html").read_bytes() == told
    leading = get("latest/index.html")["Body"].read().decode()
    latest = leading.partition("url=../")[2].partition("/index.html")[0]
    page = get(f"{latest}/index.html")
    assert page["ContentType"] == "text/html"
    assert page["Body"].read() == (tmp_path / "public" / "index.html").read_bytes()
    assert get("latest/report.json")["Body"].read() == get(f"{latest}/report.json")["Body"].read()
    frames = {path.name for path in (tmp_path / "public" / "frames").iterdir()}
    assert len(frames) == 8
    assert "nothing changed" in run("status")


def test_housekeeping(run, filled, tmp_path):
    # What DuckDB adds up in another order ends in another digit.
    rows = ("sql", "SELECT count(*) AS n, round(sum(flux_r03), 3) AS flux FROM phot", "--format", "csv")
    before = run(*rows)
    run("compact", "--min-files", 2, "--phot-below", 10)
    run("vacuum", "--grace", 0, "--yes")
    assert "0 harmful, 0 left over" in run("verify")
    run("snapshot", tmp_path / "saved")
    other = f"{filled}-restored"
    run("restore", tmp_path / "saved", "--lake", other, "--yes")
    for lake in (filled, other, tmp_path / "saved"):
        assert run(*rows, "--lake", lake) == before
    assert "8 measured" in run("rebuild", "--yes", "--no-progress")
    assert run(*rows) == before


def test_a_database_of_views_for_other_tools_names_the_store(run, filled, tmp_path):
    run("views", "--to", tmp_path / "views.duckdb")
    with duckdb.connect(str(tmp_path / "views.duckdb"), read_only=True) as connection:
        texts = " ".join(
            row[0] for row in connection.sql("SELECT sql FROM duckdb_views()").fetchall() if row[0]
        )
    assert f"{filled}/phot/" in texts
    assert "something-secret" not in texts


def test_the_refresh_job_keeps_its_log_in_the_store(filled):
    import boto3

    done = subprocess.run(
        [sys.executable, "-m", "cte_lake", "refresh", "--lake", filled, "--step", "verify --quick"],
        capture_output=True, text=True, check=False,
        timeout=400
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) | {"seconds": 0, "started": "", "missing": "", "troubles": 0} == {
        "job": "refresh", "host": socket.gethostname(), "lake": filled, "started": "", "seconds": 0,
        "exit_code": 0, "steps": {"verify --quick": 0}, "new": {}, "missing": "", "alarms": 0,
        "troubles": 0, "mail": ANY,
    }  # fmt: skip
    client, name = boto3.client("s3"), filled.split("/")[2]
    logs = client.list_objects_v2(Bucket=name, Prefix="monitor/lake/logs/refresh-")["Contents"]
    text = client.get_object(Bucket=name, Key=logs[0]["Key"])["Body"].read().decode()
    assert "cte-lake verify --quick" in text
    kept = client.get_object(Bucket=name, Key="monitor/lake/logs/housekeeping.json")["Body"].read()
    assert [(step["name"], step["outcome"]) for step in json.loads(kept)["steps"]] == [("verify", "done")]
    # The lock is gone with the job.
    assert "Contents" not in client.list_objects_v2(Bucket=name, Prefix="monitor/lake/logs/refresh.lock")


def test_no_command_made_a_folder_that_is_called_like_an_address():
    assert not Path("s3:").exists()
