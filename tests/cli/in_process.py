"""`cte-lake` in the process of the tests: a tenth of what a process of its own costs."""

from __future__ import annotations

import io
import subprocess
import sys
from pathlib import Path

import pytest

from cte_lake.cli.main import main


def in_process(
    *arguments: object, stdin: str | None = None, cwd: Path | None = None
) -> subprocess.CompletedProcess[str]:
    """Run the command's entry point; returns exit code and texts as `subprocess.run` does."""
    line = ["cte-lake", *map(str, arguments)]
    streams = {
        name: io.TextIOWrapper(io.BytesIO((stdin or "").encode() if name == "stdin" else b""), "utf-8")
        for name in ("stdin", "stdout", "stderr")
    }
    code = 0
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", line)
        patch.setenv("COLUMNS", "80")
        if cwd is not None:
            patch.chdir(cwd)
        for name, stream in streams.items():
            patch.setattr(sys, name, stream)
        try:
            main()
        except SystemExit as stop:
            code = int(stop.code or 0)
    texts = []
    for name in ("stdout", "stderr"):
        streams[name].flush()
        texts.append(streams[name].buffer.getvalue().decode())
    return subprocess.CompletedProcess(line, code, *texts)
