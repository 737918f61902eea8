"""A small demo, and a terminal in its folder."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from cte_lake.demo import DemoScale, run_demo
from tests.docs.forked import Outcome, outcome_of

#: Four epochs and two flash levels, as the demo that the pages show; narrower frames.
SMALL = DemoScale(epochs=(55500.0, 56200.0, 56900.0, 57601.3), flashes=(0, 12), width=160, stars=400)
_QUOTED = re.compile(r"'[^']*'|\"[^\"]*\"|\s#.*")
_SHELL = set("|<>;&$`(){}*?~")


@dataclass
class Terminal:
    """Runs commands one after the other in a folder, as a person at a terminal of 80 columns does."""

    folder: Path
    environment: dict[str, str] = field(default_factory=dict)

    def run(self, command: str) -> Outcome:
        words = shlex.split(command, comments=True)
        if words[0] == "export":
            name, value = words[1].split("=", 1)
            self.environment[name] = value.replace("$PWD", str(self.folder))
            return Outcome(0, "", "")
        if words[0] == "cte-lake" and not _SHELL & set(_QUOTED.sub("", command)):
            return outcome_of(words[1:], self.folder, self._environment())
        output, talk = self.folder / ".stdout", self.folder / ".stderr"
        code = self._shell(command, output, talk)
        return Outcome(code, output.read_text(), talk.read_text())

    def _shell(self, command: str, output: Path, talk: Path) -> int:
        with output.open("w") as out, talk.open("w") as err:
            done = subprocess.run(
                ["bash", "-c", command], cwd=self.folder, env=self._environment(), stdout=out, stderr=err,
                stdin=subprocess.DEVNULL, timeout=300, check=False,
            )  # fmt: skip
        return done.returncode

    def _environment(self) -> dict[str, str]:
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        kept = {name: value for name, value in os.environ.items() if not name.startswith("CTE_LAKE_")}
        return {**kept, "PATH": path, "COLUMNS": "80", "NO_COLOR": "1", **self.environment}


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that holds `cte-lake-demo`, as a small `cte-lake demo` leaves it."""
    folder = tmp_path_factory.mktemp("docs")
    run_demo(folder / "cte-lake-demo", workers=0, scale=SMALL)
    shutil.copytree(folder / "cte-lake-demo" / "lake", folder / ".lake")
    return folder


@pytest.fixture
def terminal(demo: Path, request: pytest.FixtureRequest) -> Iterator[Terminal]:
    """A terminal in the demo's folder, which is put back after the page; its buckets, where it names some."""
    lake = demo / "cte-lake-demo" / "lake"
    page = request.node.callspec.params["page"].read_text(encoding="utf-8")
    if names := set(re.findall(r"^cte-lake .*s3://([a-z0-9-]+)/", page, re.MULTILINE)):
        request.getfixturevalue("object_store")
        import boto3

        for name in names:
            boto3.client("s3").create_bucket(Bucket=name)
    # Starting workers takes longer than measuring such frames.
    yield Terminal(demo, {"CTE_LAKE_LAKE": str(lake), "CTE_LAKE_WORKERS_COUNT": "0"})
    shutil.rmtree(lake)
    shutil.copytree(demo / ".lake", lake)
    for path in demo.iterdir():
        if path.name not in {"cte-lake-demo", ".lake"}:
            shutil.rmtree(path) if path.is_dir() else path.unlink()
