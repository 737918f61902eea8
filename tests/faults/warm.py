"""The command line in processes that are forked from one whose libraries are loaded: many runs, little time.

Each run is a process of its own, in a session of its own, with its own output, as if a user had typed it; it
does without the seconds that imports take. Run as a script, this is the process that the others come from.
"""

from __future__ import annotations

import contextlib
import ctypes
import importlib
import json
import os
import pkgutil
import resource
import runpy
import select
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

#: Of <linux/sched.h> and <sys/mount.h>.
_NEW_USER, _NEW_MOUNTS, _BIND, _REMOUNT, _READ_ONLY = 0x10000000, 0x20000, 4096, 32, 1
#: What fills a disk.
BALLAST = "ballast"
#: Libraries that commands import when they are called.
_LIBRARIES = (
    "astropy.io.fits", "astropy.wcs", "astropy.table", "astropy.io.votable", "duckdb", "drizzlepac.ablot",
    "drizzlepac.adrizzle", "drizzlepac.astrodrizzle", "drizzlepac.wcs_functions", "tweakwcs",
    "stwcs.wcsutil.headerlet", "stsci.imagestats", "astroscrappy", "photutils.detection", "scipy.optimize",
    "scipy.spatial", "scipy.ndimage", "matplotlib.figure", "matplotlib.backends.backend_agg",
    "matplotlib.backends.backend_svg", "pyarrow.dataset", "pyarrow.parquet", "pyarrow.compute", "pyarrow.csv",
    "jinja2", "PIL.Image", "requests", "astroquery.mast",
)  # fmt: skip


@dataclass(frozen=True)
class Scarce:
    """What a command has too little of.

    Attributes
    ----------
    what : str
        ``memory`` (a limit of address space), ``descriptors``, ``writable`` (a place that is read-only) or
        ``disk`` (a place on a disk that is full).
    place : str
        Folder that is read-only, or on the full disk.
    amount : int
        Bytes beyond those of the libraries; open files; bytes that are free.
    ground : str
        What the full disk holds at first.
    kept : str
        Folder that what the full disk holds in the end is copied to: the disk is gone with its process.
    """

    what: str
    place: str = ""
    amount: int = 0
    ground: str = ""
    kept: str = ""


@dataclass
class Run:
    """A command that was started: its process, and where it writes what it says."""

    ground: Warm
    pid: int
    out: Path
    code: int | None = None

    def poll(self) -> int | None:
        """Return how it ended, None while it runs; minus the signal's number if one killed it."""
        if self.code is None:
            self.code = self.ground.ask({"poll": self.pid})
        return self.code

    def wait(self, seconds: float = 300.0) -> int:
        """Wait for its end."""
        if (code := self.ended(seconds)) is None:
            self.send(signal.SIGKILL)
            raise TimeoutError(f"still running after {seconds} s: {self.said}")
        return code

    def ended(self, seconds: float) -> int | None:
        """Wait so long for its end, without work; return how it ended, None if it still runs."""
        end = time.monotonic() + seconds
        if self.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                handle = os.pidfd_open(self.pid)
                try:
                    select.select([handle], [], [], seconds)
                finally:
                    os.close(handle)
        # The handle tells of an end before whoever started it has taken notice.
        while self.poll() is None and time.monotonic() < end:
            time.sleep(0.003)
        return self.poll()

    def send(self, number: signal.Signals, alone: bool = False) -> None:
        """Send a signal to the command, and to all that it has started unless it is `alone`."""
        with contextlib.suppress(ProcessLookupError):
            (os.kill if alone else os.killpg)(self.pid, number)

    def stopped(self, number: signal.Signals, after: float, alone: bool = False) -> None:
        """Send a signal after so many seconds, if it still runs."""
        if self.ended(after) is None:
            self.send(number, alone)

    def killed(self, after: float, begun: Callable[[], bool] = lambda: True) -> bool:
        """Kill it so many seconds after it has `begun`; return whether it was still running."""
        with contextlib.suppress(TimeoutError):
            latest = time.monotonic() + 300
            while not begun() and self.poll() is None and time.monotonic() < latest:
                time.sleep(0.001)
            self.ended(after)
        self.send(signal.SIGKILL)
        # What it had started may die after it, and would pass for a living owner of what it has left.
        return self.wait() == -signal.SIGKILL and self.left() == []

    def left(self, seconds: float = 120.0) -> list[str]:
        """Wait for the end of all that it had started; return what is still there."""
        end = time.monotonic() + seconds
        while (found := _of_session(self.pid)) and time.monotonic() < end:
            time.sleep(0.05)
        return found

    @property
    def said(self) -> str:
        """What it wrote on standard output and standard error."""
        return self.out.read_text(errors="replace")


def _of_session(session: int) -> list[str]:
    """Processes of a session."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            state = stat.read_text().rpartition(")")[2].split()
        except OSError:
            # It has ended meanwhile.
            continue
        if int(state[3]) == session and state[0] != "Z":
            found.append(stat.parent.name)
    return found


class Warm:
    """Starts commands; one process at a time may ask it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._count = 0
        self._process = subprocess.Popen(
            [sys.executable, __file__], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            cwd=Path(__file__).parents[2], env={**os.environ, "PYTHONPATH": ".", "OMP_NUM_THREADS": "1"},
        )  # fmt: skip
        assert self.ask({}) == 0

    def ask(self, request: dict[str, object]) -> int | None:
        """Send a request and return the answer."""
        stdin, stdout = self._process.stdin, self._process.stdout
        assert stdin is not None
        assert stdout is not None
        stdin.write(json.dumps(request) + "\n")
        stdin.flush()
        answer: int | None = json.loads(stdout.readline())
        return answer

    def start(self, *words: object, temporary: Path | None = None, scarce: Scarce | None = None) -> Run:
        """Start a command with its own folder for temporary files, perhaps where something is scarce."""
        self._count += 1
        out = self._folder / f"{self._count}.txt"
        environment = {"LC_ALL": "C", "TMPDIR": str(temporary or self._folder)}
        line = ["cte-lake", *map(str, words)]
        request = {
            "line": line,
            "out": str(out),
            "environment": environment,
            "scarce": scarce and asdict(scarce),
        }
        pid = self.ask(request)
        assert pid is not None
        return Run(self, pid, out)

    def run(self, *words: object, codes: tuple[int, ...] = (0,), temporary: Path | None = None) -> str:
        """Run a command to its end, which must be one of `codes`; return what it said."""
        run = self.start(*words, temporary=temporary)
        code = run.wait()
        assert code in codes, f"exit code {code} of {words}: {run.said}"
        return run.said

    def close(self) -> None:
        """End the process."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait(400)
        self._process.stdout.close()


@contextlib.contextmanager
def warm(folder: Path) -> Iterator[Warm]:
    """Yield what starts commands."""
    ground = Warm(folder)
    try:
        yield ground
    finally:
        ground.close()


def _load() -> None:
    import cte_lake

    os.environ["MPLBACKEND"] = "agg"
    for module in pkgutil.walk_packages(cte_lake.__path__, "cte_lake."):
        if module.name != "cte_lake.__main__":
            importlib.import_module(module.name)
    for name in _LIBRARIES:
        with contextlib.suppress(ImportError):
            importlib.import_module(name)
    runpy.run_path(str(Path(__file__).parents[1] / "commands_made.py"))


def _lack(scarce: Scarce) -> None:
    """Let this process have too little of something."""
    if scarce.what == "memory":
        pages = int(Path("/proc/self/statm").read_text().split()[0])
        limit = pages * resource.getpagesize() + scarce.amount
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    elif scarce.what == "descriptors":
        resource.setrlimit(resource.RLIMIT_NOFILE, (scarce.amount, scarce.amount))
    else:
        _mount_at(scarce)


def _mount_at(scarce: Scarce) -> None:
    user, group, place = os.getuid(), os.getgid(), scarce.place.encode()
    _called("unshare", _NEW_USER | _NEW_MOUNTS)
    Path("/proc/self/setgroups").write_text("deny")
    Path("/proc/self/uid_map").write_text(f"0 {user} 1")
    Path("/proc/self/gid_map").write_text(f"0 {group} 1")
    if scarce.what == "writable":
        _called("mount", place, place, None, _BIND, None)
        _called("mount", None, place, None, _BIND | _REMOUNT | _READ_ONLY, None)
        return
    size = 4 * sum(path.lstat().st_size + 16_384 for path in Path(scarce.ground).rglob("*")) + 2**24
    _called("mount", b"tmpfs", place, b"tmpfs", 0, f"size={size}".encode())
    shutil.copytree(scarce.ground, scarce.place, symlinks=True, dirs_exist_ok=True)
    free = shutil.disk_usage(scarce.place).free - scarce.amount
    with Path(scarce.place, BALLAST).open("wb") as ballast:
        os.posix_fallocate(ballast.fileno(), 0, max(free, 1))


def _called(name: str, *arguments: object) -> None:
    """Call a function of the C library that Python 3.11 lacks."""
    libc = ctypes.CDLL(None, use_errno=True)
    if getattr(libc, name)(*arguments) != 0:
        raise OSError(ctypes.get_errno(), name)


def _child(request: dict[str, object], ready: int) -> None:
    """Become the command; `ready` is told once signals and output are its own."""
    import tempfile

    # Until the command listens, a signal ends it as it ends any program; nohup is of the tests alone.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)
    os.setsid()
    out = os.open(str(request["out"]), os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    for number, to in ((os.open(os.devnull, os.O_RDONLY), 0), (out, 1), (out, 2)):
        os.dup2(number, to)
    os.close(ready)
    environment, line = request["environment"], request["line"]
    assert isinstance(environment, dict)
    assert isinstance(line, list)
    os.environ |= environment
    tempfile.tempdir = None
    sys.stdin, sys.stdout, sys.stderr = (os.fdopen(n, mode) for n, mode in ((0, "r"), (1, "w"), (2, "w")))
    sys.argv = line
    scarce = Scarce(**request["scarce"]) if request["scarce"] else None  # type: ignore[arg-type]
    if scarce is not None:
        _lack(scarce)
    from cte_lake.cli.main import main

    try:
        main()
    except SystemExit as end:
        sys.stdout.flush()
        sys.stderr.flush()
        if scarce is not None and scarce.kept:
            Path(scarce.place, BALLAST).unlink()
            shutil.copytree(scarce.place, scarce.kept, symlinks=True)
        os._exit(end.code if isinstance(end.code, int) else 1)


def _answer(request: dict[str, object]) -> int | None:
    if "poll" in request:
        pid, status = os.waitpid(int(str(request["poll"])), os.WNOHANG)
        return os.waitstatus_to_exitcode(status) if pid else None
    if "line" in request:
        waiting, ready = os.pipe()
        pid = os.fork()
        if pid == 0:
            os.close(waiting)
            _child(request, ready)
        os.close(ready)
        # Nobody knows the process before it can be sent a signal.
        os.read(waiting, 1)
        os.close(waiting)
        return pid
    return 0


if __name__ == "__main__":
    _load()
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    for _line in sys.stdin:
        _said = _answer(json.loads(_line))
        answers.write(json.dumps(_said) + "\n")
        answers.flush()
