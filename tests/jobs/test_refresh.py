"""The unattended job, through the very files that cron and systemd run."""

import contextlib
import json
import logging
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from cte_lake.errors import ExitCode
from cte_lake.lake.stored import stored
from cte_lake.pipeline.night import HOUSEKEEPING, NIGHT, Night, NightStep, keep_night, last_night
from cte_lake.workflow.refresh import MAIL, RefreshArguments, night_of, refresh
from cte_lake.workflow.refresh.command import take
from tests.conftest import JOBS, new_lake

#: Seconds after which a job that does not end has failed, however busy the machine is.
PATIENCE = 500


def run(lake, *steps, **environment):
    line = [str(JOBS / "refresh"), "--lake", str(lake)]
    for step in steps:
        line += ["--step", step]
    return subprocess.run(
        line, capture_output=True, text=True, check=False, timeout=PATIENCE,
        env={**os.environ, "CTE_PYTHON": sys.executable, **environment},
    )  # fmt: skip


@pytest.fixture(scope="module")
def measured(small_visit, tmp_path_factory):
    """A lake after a good night, and what the job said; tests copy the lake."""
    root = tmp_path_factory.mktemp("measured") / "lake"
    new_lake(root, small_visit)
    return root, run(root, f"ingest {small_visit.frames[0].parent} --workers 0", "verify --quick")


def test_a_good_night_is_one_line_of_json(measured):
    lake, done = measured
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    (line,) = done.stdout.splitlines()
    summary = json.loads(line)
    assert summary["mail"] == ""
    assert summary["exit_code"] == 0
    assert list(summary["steps"].values()) == [0, 0]
    (path,) = (lake / "logs").glob("refresh-*.log")
    log = path.read_text()
    assert "4 measured" in log
    assert "exit code 0" in log
    assert (lake / "logs" / MAIL).read_text() == ""
    night = last_night(stored(lake), HOUSEKEEPING)
    assert [(step.name, step.outcome) for step in night.steps] == [("ingest", "done"), ("verify", "done")]
    assert (night.exit_code, night.started, night.ended >= night.started) == (0, summary["started"], True)
    assert night.new == {"measured": 4}


@pytest.mark.slow
def test_a_bad_frame_is_told_by_mail_and_the_other_steps_go_on(measured, small_visit, tmp_path):
    lake, frames = tmp_path / "lake", tmp_path / "frames"
    shutil.copytree(measured[0], lake)
    frames.mkdir()
    # What is measured is known again by its content, wherever it lies.
    shutil.copy2(small_visit.frames[0], frames)
    (frames / "ic7899zzq_flt.fits").write_text("no frame")
    done = run(lake, f"ingest {frames} --workers 0", "verify --quick")
    assert done.returncode == ExitCode.DONE_IN_PART
    assert json.loads(done.stdout)["steps"]["verify --quick"] == 0
    assert done.stderr == (lake / "logs" / MAIL).read_text()
    assert "1 new trouble needs a look" in done.stderr
    assert done.stderr.count("ic7899zzq_flt.fits") == 1
    assert f"{lake}/logs/refresh-" in done.stderr
    failed = last_night(stored(lake), HOUSEKEEPING).failed
    assert [(step.name, step.exit_code) for step in failed] == [("ingest", ExitCode.DONE_IN_PART)]
    assert "1 rejected" in failed[0].reason
    # The next night says nothing of what is known, and the one after says that it is mended.
    asked = RefreshArguments(stored(lake), (f"ingest {frames} --workers 0",))
    again = refresh(asked)
    assert (again.exit_code, again.letter.body) == (ExitCode.DONE_IN_PART, "")
    (frames / "ic7899zzq_flt.fits").unlink()
    mended = refresh(asked)
    assert mended.exit_code == 0
    assert "ic7899zzq_flt.fits" in mended.letter.body
    assert "Mended" in mended.letter.body


@pytest.mark.slow
def test_a_step_that_cannot_be_made_up_for_ends_the_job(lake):
    done = run(lake, "ingest /nowhere/at/all", "verify")
    assert done.returncode == ExitCode.WRONG_USE
    assert len(json.loads(done.stdout)["steps"]) == 1
    assert "there is no file or folder '/nowhere/at/all'" in done.stderr


def test_a_second_start_exits_75_at_once_and_touches_nothing(lake):
    with stored(lake).lease("refresh"):
        done = run(lake, "verify")
    assert done.returncode == ExitCode.LOCKED == 75
    assert done.stdout == ""
    assert re.search(rf"another refresh runs on .* \(process {os.getpid()} on ", done.stderr)
    assert not list((lake / "logs").glob("refresh-*.log"))


@pytest.mark.slow
def test_a_disk_without_room_is_said_once_and_the_record_is_kept(lake, frames):
    # Of 512 bytes: no file may grow over 20 kB.
    limited = ["/bin/sh", "-c", 'ulimit -f 40; exec "$0" "$@"', str(JOBS / "refresh")]
    done = subprocess.run(
        [*limited, "--lake", str(lake), "--step", f"ingest {frames} --workers 0"],
        capture_output=True, text=True, check=False, timeout=PATIENCE,
        env={**os.environ, "CTE_PYTHON": sys.executable},
    )  # fmt: skip
    assert done.returncode not in {0, ExitCode.DEFECT}, done.stderr
    assert json.loads(done.stdout)["mail"] == "trouble"
    assert "Traceback" not in done.stderr
    assert "Logging error" not in done.stderr
    (step,) = last_night(stored(lake), HOUSEKEEPING).steps
    assert (step.name, step.outcome) == ("ingest", "failed")
    assert "too large" in step.reason or "so large a file" in step.reason or "rejected" in step.reason, step
    assert run(lake, f"ingest {frames} --workers 0").returncode == 0


@pytest.mark.slow
def test_the_lock_of_a_killed_job_is_free(lake):
    script = (
        "import os, sys; from pathlib import Path; from cte_lake.lake.stored import stored\n"
        "with stored(Path(sys.argv[1])).lease('refresh'): os.kill(os.getpid(), 9)"
    )
    subprocess.run([sys.executable, "-c", script, str(lake)], check=False, timeout=PATIENCE)
    assert run(lake, "verify --quick").returncode == 0


@pytest.fixture
def long_step(tmp_path):
    """A step that lasts and costs nothing: it asks an archive that takes calls and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        url = f"http://127.0.0.1:{deaf.getsockname()[1]}"
        yield f"fetch --proposal 14378 --to {tmp_path}/data --set fetch.url={url}"


def under_way(lake, step):
    """A refresh, and the process of its step."""
    line = [sys.executable, "-m", "cte_lake", "refresh", "--lake", str(lake), "--step", step]
    job = subprocess.Popen(line, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    end = time.monotonic() + 200
    while not (found := steps_of(job.pid)):
        assert job.poll() is None, job.communicate(timeout=60)
        assert time.monotonic() < end, "no step was started"
        time.sleep(0.01)
    return job, found[0]


def steps_of(pid):
    """Processes that a refresh has started to fetch: other libraries start some of their own."""
    found = []
    for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
        with contextlib.suppress(OSError):
            if b"\0fetch\0" in Path(f"/proc/{child}/cmdline").read_bytes():
                found.append(int(child))
    return found


def runs(pid):
    """Whether a process is there and has not ended."""
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    return False


@pytest.mark.slow
def test_a_job_that_is_terminated_ends_its_step_and_waits_for_it(lake, long_step):
    job, step = under_way(lake, long_step)
    job.terminate()
    _, said = job.communicate(timeout=120)
    assert not runs(step)
    assert job.returncode == 143
    assert said.splitlines()[-1] == "cte-lake: terminated by another process"


def test_a_signal_in_the_moment_in_which_a_step_starts_ends_it(lake, long_step, monkeypatch):
    started = []

    class Struck(subprocess.Popen):
        def __init__(self, *line, **settings):
            super().__init__(*line, **settings)
            started.append(self)
            signal.raise_signal(signal.SIGTERM)

    def stop(number, _frame):
        raise KeyboardInterrupt(number)

    monkeypatch.setattr(subprocess, "Popen", Struck)
    former = signal.signal(signal.SIGTERM, stop)
    try:
        with pytest.raises(KeyboardInterrupt):
            take(stored(lake), long_step, logging.getLogger("test"))
    finally:
        signal.signal(signal.SIGTERM, former)
    assert [process.returncode in {143, -signal.SIGTERM} for process in started] == [True]


@pytest.mark.slow
def test_the_step_of_a_killed_job_keeps_the_next_job_waiting(lake, long_step):
    job, step = under_way(lake, long_step)
    job.kill()
    job.communicate(timeout=120)
    assert run(lake, "schema diff").returncode == ExitCode.LOCKED
    os.kill(step, signal.SIGKILL)
    end = time.monotonic() + 120
    while runs(step) and time.monotonic() < end:
        time.sleep(0.05)
    assert run(lake, "schema diff").returncode == 0


@pytest.mark.slow
def test_the_logs_of_the_last_jobs_are_kept(lake, monkeypatch):
    monkeypatch.setattr("cte_lake.workflow.refresh.job._LOGS_KEPT", 2)
    for second in range(3):
        (lake / "logs" / f"refresh-20260101T00000{second}Z.log").write_text("old")
    done = refresh(RefreshArguments(stored(lake), ("schema check",)))
    kept = sorted(path.name for path in (lake / "logs").glob("refresh-*.log"))
    assert kept == ["refresh-20260101T000002Z.log", done.log.name]


@pytest.mark.slow
def test_the_default_steps_take_a_lake_from_frames_to_a_published_report(lake, frames, tmp_path, monkeypatch):
    # Workers take longer to start than to measure four frames.
    monkeypatch.setenv("CTE_LAKE_WORKERS_COUNT", "0")
    # The archive is out of a test's reach, and these frames are aligned; the rest is as it runs every night.
    asked = night_of(stored(lake), frames, tmp_path / "www", fetch=False)
    asked = replace(asked, steps=(asked.steps[0].replace("align,crmask,", ""), *asked.steps[1:]))
    assert asked.steps[0].endswith("--steps ingest,measure,fit,plots")
    night = refresh(asked)
    assert {step.command.split()[0]: step.exit_code for step in night.steps} == {
        "run": 0, "audit": 0, "verify": 0, "report": 0,
    }, night.letter  # fmt: skip
    kept = last_night(stored(lake))
    assert kept.steps[0] == NightStep("fetch", "skipped", "switched off: --no-fetch or refresh.fetch = false")
    names = ("ingest", "measure", "fit", "plots", "audit", "verify", "report")
    assert [(step.name, step.outcome) for step in kept.steps[1:]] == [
        (name, "skipped" if name == "fit" else "done") for name in names
    ]
    assert (
        kept.step("fit").reason
        == "the lake has no set to keep up; `cte-lake fit` or refresh.sets makes the first"
    )
    assert kept.new == {"measured": 4, "fitted": 0}
    assert kept.missing_text
    assert {(move.filetype, move.loss_before) for move in kept.losses} == {("flt", None), ("flc", None)}
    assert night.letter.why == "news"
    assert "4 measured" in night.letter.body
    assert (tmp_path / "www" / "index.html").is_file()


@pytest.mark.slow
def test_a_night_that_was_killed_is_told_by_the_next_one(lake):
    killed = Night("2026-01-01T02:17:00+00:00", steps=(NightStep("crmask", "running"),))
    keep_night(stored(lake), killed, HOUSEKEEPING)
    done = refresh(RefreshArguments(stored(lake), ("verify --quick",)))
    assert "the job of 2026-01-01T02:17 did not end in the step crmask" in " ".join(done.letter.body.split())
    assert refresh(RefreshArguments(stored(lake), ("verify --quick",))).letter.body == ""


@pytest.mark.slow
def test_steps_that_had_nothing_to_do_are_left_out_until_something_changes(measured, small_visit, tmp_path):
    lake, frames = tmp_path / "lake", tmp_path / "frames"
    shutil.copytree(measured[0], lake)
    frames.mkdir()
    for frame in small_visit.frames:
        shutil.copy2(frame, frames)
    steps = (f"run {frames} --steps ingest --workers 0", "audit --share 1/30")
    asked = RefreshArguments(stored(lake), steps, job=NIGHT)

    def night():
        done = refresh(asked)
        assert done.exit_code == 0, done.night.steps
        assert [step.command for step in done.steps] == [*steps]
        return [step.reason.startswith("nothing changed since the last ") for step in done.night.steps]

    # The paths are new to the lake, then nothing is.
    assert night() == [False, False]
    assert night() == [False, True]
    assert night() == [True, True]
    (frames / small_visit.frames[0].name).touch()
    assert night() == [False, False]


def test_whether_the_archive_is_asked_is_the_caller_s_word_then_the_configuration_s(lake, frames):
    def asks(fetch=None):
        return "--steps fetch," in night_of(stored(lake), frames, fetch=fetch).steps[0]

    assert (asks(), asks(False)) == (True, False)
    with (lake / "cte_lake.toml").open("a") as file:
        file.write("\n[refresh]\nfetch = false\nfit = false\n")
    assert (asks(), asks(True)) == (False, True)
    assert ",fit," not in night_of(stored(lake), frames).steps[0]
    assert [name for name, _ in night_of(stored(lake), frames).skipped] == ["fetch", "fit"]


def test_a_job_without_frames_says_what_it_needs(lake):
    done = run(lake)
    assert done.returncode == ExitCode.WRONG_USE
    assert "--frames" in done.stderr


def placed(text, lake):
    """A job file with the paths of this machine in place of the example's."""
    installed = str(Path(sys.executable).with_name("cte-lake"))
    text = text.replace("/data/cte/lake", str(lake)).replace("/opt/cte-lake/bin/cte-lake", installed)
    return text.replace("User=cte\n", "")


@pytest.mark.slow
def test_each_line_of_the_cron_entry_runs(lake):
    lines = placed((JOBS / "cte-lake.cron").read_text(), lake).splitlines()
    settings = dict(line.split("=", 1) for line in lines if re.match(r"[A-Z_]+=", line))
    jobs = [line.split(None, 5)[5] for line in lines if re.match(r"\d", line)]
    assert len(jobs) == 2
    del settings["MAILTO"]
    nightly, monthly = jobs
    # The nightly job's default steps have their own test; here its own line is run with a short one.
    assert "--frames /data/cte/frames" in nightly
    nightly = nightly.replace(" refresh ", " refresh --step 'verify --quick' ", 1)
    for job in (nightly, monthly):
        done = subprocess.run(
            ["/bin/sh", "-c", job], env={"PATH": "/usr/bin:/bin", "HOME": "/", **settings},
            capture_output=True, text=True, check=False, timeout=PATIENCE,
        )  # fmt: skip
        assert (done.returncode, done.stderr) == (0, "")
    written = (lake / "logs" / "refresh.jsonl").read_text().splitlines()
    assert [json.loads(line)["exit_code"] for line in written] == [0, 0]


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd is not installed")
def test_systemd_accepts_its_units(lake, tmp_path):
    for path in [*JOBS.glob("*.service"), *JOBS.glob("*.timer")]:
        (tmp_path / path.name).write_text(placed(path.read_text(), lake))
    units = [str(path) for path in [*tmp_path.glob("*.service"), *tmp_path.glob("*.timer")]]
    line = ["systemd-analyze", "verify", *units]
    done = subprocess.run(line, capture_output=True, text=True, check=False, timeout=PATIENCE)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.slow
def test_the_service_s_command_runs_and_mails_what_is_to_be_told(lake, tmp_path):
    text = placed((JOBS / "cte-lake-refresh.service").read_text(), lake)
    command = re.search(r"^ExecStart=(.*)$", text, re.MULTILINE)[1]
    mail = tmp_path / "mail"
    mail.write_text(f'#!/bin/sh\n{{ echo "$@"; cat; }} > {tmp_path}/sent\n')
    mail.chmod(0o755)
    environment = {
        "CTE_LAKE_LAKE": str(lake), "MAILTO": "monitor@example.org", "PATH": f"{tmp_path}:/usr/bin:/bin",
    }  # fmt: skip
    for steps, code in ((" --step 'verify --quick'", 0), (" --step 'ingest /nowhere'", ExitCode.WRONG_USE)):
        assert not (tmp_path / "sent").exists()
        line = ["/bin/sh", "-c", command + steps]
        done = subprocess.run(line, env=environment, capture_output=True, check=False, timeout=PATIENCE)
        assert done.returncode == code, done.stderr
        assert json.loads(done.stdout)["exit_code"] == code
    sent = (tmp_path / "sent").read_text()
    assert sent.startswith("-s cte-lake refresh monitor@example.org\n")
    assert "there is no file or folder '/nowhere'" in sent
