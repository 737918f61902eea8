"""What the pages on operation show is what there is."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "docs" / name for name in ("operations.md", "housekeeping.md", "schemas.md", "faults.md")]
COMMANDS = sorted(
    {match for page in PAGES for match in re.findall(r"`?(cte-lake [a-z][^`\n]*)", page.read_text()) if match}
)


def test_the_reference_is_up_to_date():
    line = [sys.executable, str(ROOT / "docs" / "generate.py"), "--check"]
    done = subprocess.run(line, capture_output=True, text=True, check=False, timeout=400)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture(scope="module")
def options():
    """Options of each command, from the reference that is held against --help."""
    text = (ROOT / "docs" / "reference.md").read_text().split("## Datasets")[0]
    parts = re.split(r"^### cte-lake (.*)$", text, flags=re.MULTILINE)[1:]
    return {
        name: set(re.findall(r"--?[a-z][a-z-]*", body))
        for name, body in zip(parts[::2], parts[1::2], strict=True)
    }


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_in_the_pages_is_one(command, options):
    words = shlex.split(command.split("|")[0].rstrip(".,;:)"), comments=True)[1:]
    if words[0] not in {name.split()[0] for name in options}:
        # Prose such as 'cte-lake reads'.
        assert "--" not in command, command
        return
    name = " ".join(words[:2]) if " ".join(words[:2]) in options else words[0]
    for word in words:
        if word.startswith("--") and name in options:
            assert word in options[name], command


def test_every_job_file_in_the_pages_is_there():
    for page in PAGES:
        for path in re.findall(r"`?((?:jobs|benchmarks|tests)/[\w./-]+\w)", page.read_text()):
            assert (ROOT / path).exists(), path
