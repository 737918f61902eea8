"""Run a command of cte-lake on workers that a batch system starts.

    python jobs/cluster.py slurm --jobs 8 -- run
    python jobs/cluster.py htcondor --jobs 20 -- ingest /data/14541
    python jobs/cluster.py slurm --show-script

Needs `pip install dask-jobqueue cryptography`, and a lake and frames that every node sees under the
same paths. Adapt the constants to your site; each worker measures one exposure at a time. All traffic
is encrypted by TLS with a key that is made for this run: only its own workers can join.
"""

from __future__ import annotations

import argparse
import gc
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from distributed.security import Security

#: Cores, memory and time of one job; a full frame takes 1.5 GB and well under a minute.
RESOURCES = {"cores": 1, "processes": 1, "memory": "4GB", "walltime": "04:00:00"}
SLURM = {"queue": "normal", "account": "wfc3"}
HTCONDOR = {"disk": "10GB"}
#: One thread a process in numerical libraries too.
PROLOGUE = ["export OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 NUMBA_NUM_THREADS=1"]


def make_keys(folder: Path) -> tuple[Security, dict[str, str]]:
    """Make a key and certificate for this run; return them and what tells a client of them."""
    made = Security.temporary()
    files = {
        "CA_FILE": made.tls_ca_file,
        "CLIENT__CERT": made.tls_client_cert,
        "CLIENT__KEY": made.tls_client_key,
    }
    environment = {}
    for name, text in files.items():
        path = folder / f"{name.lower()}.pem"
        path.touch(mode=0o600)
        path.write_text(text)
        environment[f"DASK_DISTRIBUTED__COMM__TLS__{name}"] = str(path)
    return made, environment


def make_cluster(system: str, scratch: str, keys: Security, shared: Path) -> Any:
    """Start a scheduler in this process; its workers are jobs of the batch system."""
    from dask_jobqueue import HTCondorCluster, SLURMCluster

    common = {
        "cores": RESOURCES["cores"],
        "processes": RESOURCES["processes"],
        "memory": RESOURCES["memory"],
        "local_directory": scratch,
        "job_script_prologue": PROLOGUE,
        "python": sys.executable,
        "protocol": "tls://",
        "security": keys,
        "shared_temp_directory": str(shared),
        # The dashboard shows what runs to whoever reaches the port: on demand only.
        "scheduler_options": {"dashboard_address": None},
    }
    if system == "slurm":
        return SLURMCluster(walltime=RESOURCES["walltime"], **SLURM, **common)
    return HTCondorCluster(**HTCONDOR, **common)


def main() -> int:
    """Start workers, run the command on them, stop them."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("system", choices=("slurm", "htcondor"))
    parser.add_argument("--jobs", type=int, default=4, help="jobs to start, one worker each")
    parser.add_argument("--scratch", default="/tmp", help="folder on the node for what a worker spills")
    parser.add_argument("--show-script", action="store_true", help="print the job's script and stop")
    parser.usage = "%(prog)s SYSTEM [options] -- COMMAND OF CTE-LAKE"
    # Split by hand: the command's options are not this script's.
    at = sys.argv.index("--") if "--" in sys.argv else len(sys.argv)
    given = parser.parse_args(sys.argv[1:at])
    given.command = sys.argv[at + 1 :]
    if not given.command and not given.show_script:
        parser.error("name a command of cte-lake after --, such as: -- run")
    # In the home folder, which every node sees; readable by its owner alone.
    with tempfile.TemporaryDirectory(prefix=".cte-lake-tls-", dir=Path.home()) as shared:
        code = run(given, Path(shared))
        # Dask removes its copies of the keys when the cluster is collected: before the folder goes.
        gc.collect()
        return code


def run(given: argparse.Namespace, shared: Path) -> int:
    """Run the command while the cluster is there; return its exit code."""
    keys, environment = make_keys(shared)
    with make_cluster(given.system, given.scratch, keys, shared) as cluster:
        if given.show_script:
            print(cluster.job_script())
            return 0
        cluster.scale(jobs=given.jobs)
        line = [sys.executable, "-m", "cte_lake.cli.main", *given.command]
        line += ["--scheduler", cluster.scheduler_address]
        return subprocess.run(line, check=False, env={**os.environ, **environment}).returncode


if __name__ == "__main__":
    sys.exit(main())
