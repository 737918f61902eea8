"""Workers elsewhere: a real scheduler, real worker processes, the batch systems' scripts."""

import json
import os
import re
import shutil
import subprocess
import sys
import threading
import time
from contextlib import ExitStack

import pytest

from cte_lake.lake.maintenance.verify import verify
from cte_lake.lake.stored import stored
from tests.cli.in_process import in_process
from tests.conftest import JOBS
from tests.lakes import content, current

pytest.importorskip("dask_jobqueue", reason="dask-jobqueue is not installed")


def cluster(*arguments, **environment):
    line = [sys.executable, str(JOBS / "cluster.py"), *arguments]
    return subprocess.run(
        line, capture_output=True, text=True, check=False, timeout=400, env={**os.environ, **environment}
    )


@pytest.mark.parametrize(
    ("system", "words"),
    [
        ("slurm", ["#SBATCH -p normal", "#SBATCH -t 04:00:00", "--cpus-per-task=1"]),
        ("htcondor", ["RequestCpus", "Executable = /bin/sh", "Queue"]),
    ],
)
def test_the_batch_systems_get_a_script_of_their_own(system, words, tmp_path):
    done = cluster(system, "--show-script", HOME=str(tmp_path))
    assert done.returncode == 0, done.stderr
    for word in [*words, "OMP_NUM_THREADS=1", "dask_worker tls://", "--nthreads 1", "--tls-key"]:
        assert word in done.stdout
    assert list(tmp_path.glob(".cte-lake-tls-*")) == []


def command(folder, name, text):
    path = folder / name
    path.write_text(f"#!/bin/bash\n{text}\n")
    path.chmod(0o755)


@pytest.mark.slow
def test_a_generated_job_script_brings_a_worker_that_measures(lake, frames, tmp_path):
    """The script that SLURM is given is run by a shell here, as its node would; the connection is TLS."""
    # The script is gone when `sbatch` has ended: it copies it first, as SLURM does.
    start = f'cp "$1" {tmp_path}/job && (bash {tmp_path}/job > {tmp_path}/job.log 2>&1 & echo $!)'
    command(tmp_path, "sbatch", f'echo "Submitted batch job $({start})"')
    command(tmp_path, "scancel", 'pkill -P "$1"; kill "$1"')
    done = cluster(
        "slurm", "--jobs", "1", "--", "ingest", str(frames), "--lake", str(lake), "--json",
        HOME=str(tmp_path), PATH=f"{tmp_path}:{os.environ['PATH']}",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout.splitlines()[-1])["measured"] == 4
    assert "tls://" in (tmp_path / "job.log").read_text()
    assert verify(stored(lake)).passed


def dask(name, *arguments):
    return subprocess.Popen(
        [sys.executable, "-m", "dask", name, *arguments],
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def stop(process):
    process.kill()
    process.wait(120)
    process.stderr.close()


def start_scheduler(stack):
    scheduler = dask("scheduler", "--host", "127.0.0.1", "--port", "0", "--no-dashboard")
    stack.callback(stop, scheduler)
    for line in scheduler.stderr:
        if found := re.search(r"Scheduler at:\s+(tcp://127\.0\.0\.1:\d+)", line):
            threading.Thread(target=scheduler.stderr.read, daemon=True).start()
            return found[1]
    raise AssertionError("the scheduler did not start")


def start_worker(stack, address, folder):
    worker = dask(
        "worker", address, "--nworkers", "1", "--nthreads", "1", "--no-nanny", "--no-dashboard",
        "--local-directory", str(folder), "--host", "127.0.0.1",
    )  # fmt: skip
    stack.callback(stop, worker)
    threading.Thread(target=worker.stderr.read, daemon=True).start()
    return worker


def more_frames(frames, n):
    """More exposures: the same pixels under other root names."""
    from astropy.io import fits

    for number in range(n):
        for frame in sorted(frames.glob("ic7801a?q_fl?.fits")):
            name = frame.name.replace("ic7801", f"ic78{number + 10:02d}")
            shutil.copy2(frame, frames / name)
            fits.setval(frames / name, "ROOTNAME", value=name[:9])


@pytest.mark.slow
def test_workers_may_be_killed_and_added_while_it_runs(lake, frames, tmp_path):
    more_frames(frames, 5)
    with ExitStack() as stack:
        address = start_scheduler(stack)
        first = start_worker(stack, address, tmp_path)
        line = [sys.executable, "-m", "cte_lake.cli.main", "ingest", str(frames), "--lake", str(lake)]
        ingest = subprocess.Popen(
            [*line, "--scheduler", address, "--json"],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        wait_for(lake, 2)
        first.kill()
        second = start_worker(stack, address, tmp_path)
        wait_for(lake, 8)
        start_worker(stack, address, tmp_path)
        second.kill()
        told, said = ingest.communicate(timeout=400)
    report = json.loads(told)
    assert ingest.returncode == 0, said
    assert report["rejected"] == []
    assert report["measured"] + report["renewed"] == len(current(lake)) == 24
    assert verify(stored(lake)).passed
    assert all(table.num_rows == row["n_stars"] for row, table in content(lake).values())


def wait_for(lake, n):
    end = time.monotonic() + 400
    while len(list((lake / "exposures").rglob("ic*.parquet"))) < n:
        assert time.monotonic() < end, "no exposure was measured"
        time.sleep(0.05)


@pytest.mark.slow
def test_a_scheduler_that_does_not_answer_is_named(lake, frames, monkeypatch):
    monkeypatch.setattr("cte_lake.pipeline.dask._CONNECT_TIMEOUT", 1)
    done = in_process("ingest", frames, "--lake", lake, "--scheduler", "tcp://127.0.0.1:9")
    assert done.returncode == 2
    assert "no Dask scheduler answers at tcp://127.0.0.1:9" in done.stderr
