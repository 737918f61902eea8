"""Set up cte-lake in a private environment beside this file and run its demo or its tests.

    python3 jobs/bootstrap.py demo      install, then run `cte-lake demo`
    python3 jobs/bootstrap.py test      install with test tools, then lint, type-check, build the
                                        documentation and run the quick tests
    python3 jobs/bootstrap.py slow      the slow tests: full frames, campaigns, browsers, a real kernel
    python3 jobs/bootstrap.py install   install only, and say where the command is

Needs Python 3.11 or later with its venv module and access to a package index. Every
further argument goes to `cte-lake demo` or to pytest. The environment is made once, in
.venv of the checkout (or where BOOTSTRAP_VENV says), and made anew when the project's
dependencies change.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import tempfile
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
ENVIRONMENT = Path(os.environ.get("BOOTSTRAP_VENV", ROOT / ".venv"))
BIN = ENVIRONMENT / ("Scripts" if os.name == "nt" else "bin")
OLDEST = (3, 11)
#: A test file stays on one worker: its fixtures (lakes of simulated frames) cost more than its tests.
PARALLEL = ("--dist", "loadfile", "--max-worker-restart", "2")
#: Seconds for one set of tests: a run whose worker crashed may wait for it without end.
LONGEST = 2700


def main(arguments: list[str]) -> int:
    """Set up and run what was asked for; returns the exit code."""
    if sys.version_info < OLDEST:
        print("cte-lake needs Python 3.11 or later; run this file with such a python3", file=sys.stderr)
        return 2
    if not arguments or arguments[0] not in {"demo", "test", "slow", "install"}:
        print(__doc__, file=sys.stderr)
        return 2
    task, rest = arguments[0], arguments[1:]
    # Else each process compiles anew what it imports.
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    install(extras="dev" if task in {"test", "slow"} else "pandas,prepare")
    if task == "demo":
        return run(BIN / "cte-lake", "demo", *rest)
    if task == "test":
        return check(rest)
    if task == "slow":
        # Slow tests wait for processes, leases and servers: a third worker uses the cores meanwhile.
        return pytest("-n", "3", "-m", "slow", *rest)
    print(f"installed: {BIN / 'cte-lake'}")
    return 0


def install(extras: str) -> None:
    """Install the checkout, editable, with the versions of constraints.txt."""
    stamp = ENVIRONMENT / f".installed-{extras}"
    wanted = hashlib.sha256((ROOT / "pyproject.toml").read_bytes() + (ROOT / "constraints.txt").read_bytes())
    if stamp.is_file() and stamp.read_text() == wanted.hexdigest():
        return
    print(f"setting up {ENVIRONMENT} (some minutes the first time) ...", file=sys.stderr, flush=True)
    if not (BIN / "python").exists():
        venv.create(ENVIRONMENT, with_pip=True)
    pip = [BIN / "python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-compile"]
    run(*pip, "--constraint", ROOT / "constraints.txt", "--editable", f"{ROOT}[{extras}]", must=True)
    # On all cores, and without the packages' tests: pip takes a minute of one core for everything. What is
    # compiled only when it is imported warns there of old spellings.
    compileall = [BIN / "python", "-W", "ignore", "-m", "compileall", "-qq", "-j", "0"]
    run(*compileall, "-x", "site-packages/.*/tests?/", ENVIRONMENT / "lib")
    stamp.write_text(wanted.hexdigest())


def check(pytest_arguments: list[str]) -> int:
    """Run linters, type checker, documentation and quick tests, all in any case."""
    with (
        tempfile.TemporaryFile("w+") as said,
        subprocess.Popen([BIN / "mypy"], cwd=ROOT, stdout=said) as types,
    ):
        # The type checker takes a minute of one core; it speaks last.
        codes = [
            run(BIN / "ruff", "check", "."),
            run(BIN / "ruff", "format", "--check", "."),
            run(BIN / "codespell"),
            run(BIN / "mkdocs", "build", "--strict", "--quiet"),
            pytest("-n", "2", "-m", "not slow", *pytest_arguments),
            types.wait(),
        ]
        said.seek(0)
        print(said.read(), end="", flush=True)
    return next((code for code in codes if code), 0)


def pytest(*arguments: str) -> int:
    """Run tests; a run that does not end is ended, and has failed."""
    command = [str(BIN / "python"), "-m", "pytest", *PARALLEL, *arguments]
    with subprocess.Popen(command, cwd=ROOT) as process:
        try:
            return process.wait(LONGEST)
        except subprocess.TimeoutExpired:
            process.kill()
    print(f"the tests did not end within {LONGEST} s; what failed is named above", file=sys.stderr)
    return 1


def run(*command: object, must: bool = False) -> int:
    """Run a command in the checkout; with `must`, its failure ends the program."""
    code = subprocess.run([str(part) for part in command], cwd=ROOT, check=False).returncode
    if must and code:
        sys.exit(code)
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
