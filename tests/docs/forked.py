"""`cte-lake` in a fork of a process that has imported everything: a tenth of the time of a new one."""

from __future__ import annotations

import os
import runpy
import sys
import traceback
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

import pytest

#: What commands import; none of it starts a thread.
PRELOADED = [
    *("cte_lake.api", "cte_lake.cli.main", "cte_lake.views.astropy_table", "cte_lake.pipeline.ingest"),
    *("cte_lake.lake.bucket", "cte_lake.lake.confined", "cte_lake.pipeline.ingest.ingest_task"),
    *("cte_lake.pipeline.align.align_task", "cte_lake.correction.correct_files", "cte_lake.workflow.run"),
    *("cte_lake.correction.fit_lake", "cte_lake.report.build", "numba"),
    *("astropy.io.fits", "astropy.table", "matplotlib.pyplot", "pandas", "pyarrow.parquet", "scipy.stats"),
    "commands_made",
]
LIMIT = 300.0


@dataclass
class Outcome:
    """What a command printed and how it ended."""

    code: int
    output: str
    talk: str


def outcome_of(arguments: list[str], folder: Path, environment: dict[str, str]) -> Outcome:
    """Run `cte-lake` with these arguments in a folder, where two files keep what it prints."""
    printed = [folder / ".stdout", folder / ".stderr"]
    code = run_forked(arguments, folder, environment, printed)
    return Outcome(code, *(path.read_text() for path in printed))


def run_forked(arguments: list[str], folder: Path, environment: dict[str, str], printed: list[Path]) -> int:
    """Run `cte-lake` with these arguments; what it prints goes to two files, output and talk.

    Returns the exit code.
    """
    context = get_context("forkserver")
    context.set_forkserver_preload(PRELOADED)
    job = (arguments, folder, environment, printed)
    # By its path: a fork would look for the name `tests` among the installed packages.
    process = context.Process(target=runpy.run_path, args=(__file__, {"JOB": job}, "forked"))
    with pytest.MonkeyPatch.context() as patch:
        # Where the process that forks, started with the first of them, finds `commands_made`.
        patch.setenv("PYTHONPATH", str(Path(__file__).parents[1]))
        process.start()
    process.join(LIMIT)
    if process.exitcode is None:
        process.kill()
        process.join(60)
        raise TimeoutError(f"cte-lake {' '.join(arguments)} took more than {LIMIT:.0f} s")
    return process.exitcode


def _be_cte_lake(
    arguments: list[str], folder: Path, environment: dict[str, str], printed: list[Path]
) -> None:
    from cte_lake.cli.main import main

    for descriptor, path in enumerate(printed, start=1):
        os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), descriptor)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    sys.argv = ["cte-lake", *arguments]
    code = 0
    try:
        main()
    except SystemExit as ended:
        code = int(ended.code or 0)
    except BaseException:
        traceback.print_exc()
        code = 1
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


if __name__ == "forked":
    _be_cte_lake(*globals()["JOB"])
